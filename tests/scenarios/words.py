"""The words of a story: how a line is cut up, and what prices, terms and amounts are called in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.terms import Cycle
from counterfoil.core.invoicing.document import DocumentKind
from counterfoil.core.invoicing.numbering import SERIES, number_text
from counterfoil.core.pricing.model import LineItem, PriceModel
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.tiers import Tier
from counterfoil.flows.agree_contract import ProductOrder

ONE_DAY = timedelta(days=1)
KIND_OF = {word: kind for kind, word in SERIES.items()}
PAYMENT = {"before": "BEFORE_USE", "during": "DURING_USE", "after": "AFTER_USE"}
UNITS = {
    "day": "DAILY",
    "week": "WEEKLY",
    "month": "MONTHLY",
    "quarter": "QUARTERLY",
    "year": "YEARLY",
    "once": "ONE_TIME",
}


def groups(line: str) -> list[list[str]]:
    """The words of a line, in groups between semicolons. Quotes hold words together; `#` begins a comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) == {";"}:
            found.append([])
        else:
            found[-1].append(word)
    return found


def options(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Plain words, and those of the form name=value."""
    plain = [w for w in words if "=" not in w]
    return plain, dict(w.split("=", 1) for w in words if "=" in w)


def instant(text: str) -> datetime:
    """`2025-01-12T08:30` in UTC (or with an offset); a date alone is noon."""
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), time(12), UTC)
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def morning(text: str) -> datetime:
    """What a clock shows: an instant, or the end of a date's first minute at the latest place on earth that bills."""
    return datetime.combine(date.fromisoformat(text), time(12), UTC) if len(text) == 10 else instant(text)


def full_number(short: str) -> str:
    """`DE-INV-7` as it is printed."""
    prefix, word, serial = short.split("-")
    kind: DocumentKind = KIND_OF[word]
    return number_text(prefix, kind, int(serial))


def item_of(words: Sequence[str], meters: Mapping[str, Ref], known: Mapping[str, Ref]) -> LineItem:
    """`Calls usage=calls graduated 1000@0.01 *@0.008`: name, kind, model, options."""
    name, kind, *rest = words
    plain, opts = options(rest)
    meter = None
    if kind.startswith("usage="):
        kind, _, meter_name = kind.partition("=")
        meter = meters[meter_name]
    kinds: Any = {"recurring": "recurring", "once": "one_time", "usage": "usage"}
    item = LineItem(known.get(name, Ref("")), name, kinds[kind], model_of(plain), usage_product_ref=meter)
    changes: dict[str, Any] = {"prorate": opts.pop("prorate", "day")}
    names = {"qty": "quantity", "min": "minimum_fee", "max": "maximum_fee", "included": "included_units"}
    changes |= {names[key]: Decimal(value) for key, value in opts.items()}
    return replace(item, **changes)


def model_of(words: Sequence[str]) -> PriceModel:
    """`100`, `each 0.5`, `graduated 1000@0.01 *@0.008+5`, `volume ...`, `package 1000@5`."""
    kind, *rest = words
    if kind == "graduated":
        return Graduated(tuple(tier_of(w) for w in rest))
    if kind == "volume":
        return Volume(tuple(tier_of(w) for w in rest))
    if kind == "each":
        return PerUnit(Decimal(rest[0]))
    if kind == "package":
        size, _, price = rest[0].partition("@")
        return Package(Decimal(size), Decimal(price))
    return Flat(Decimal(kind))


def tier_of(word: str) -> Tier:
    """`1000@0.01+5`: up to 1000 at 0.01 each, and 5 when the tier is reached; `*` is open."""
    up_to, _, price = word.partition("@")
    each, _, fee = price.partition("+")
    return Tier(None if up_to == "*" else Decimal(up_to), Decimal(each), Decimal(fee or 0))


def cycle_of(text: str) -> Cycle:
    """`month`, `3month`, `quarter`, `year`, `once`."""
    found = re.fullmatch(r"(\d*)([a-z]+)", text)
    assert found and found[2] in UNITS, f"{text!r} is no cycle"
    unit: Any = UNITS[found[2]]
    return Cycle(unit, int(found[1] or 1))


def order_of(
    words: Sequence[str], pricings: Mapping[str, Ref], entities: Mapping[str, Ref], places: Mapping[str, Ref]
) -> ProductOrder:
    """`std from=2025-01-10 to=2025-12-31 pay=after min=120 discount=10%`: a product of a contract."""
    (name,), opts = options(words)
    last = opts.pop("to", None)
    changes: dict[str, Any] = {"end": None if last is None else date.fromisoformat(last) + ONE_DAY}
    for key, value in opts.items():
        if key == "discount":
            percent = value.endswith("%")
            changes["discount_percent" if percent else "discount_fixed"] = Decimal(value.rstrip("%"))
        elif key == "off":
            changes["discount_fixed"] = Decimal(value)
        elif key in ("min", "max"):
            changes[f"{key}imum_fee"] = Decimal(value)
        elif key == "as":
            changes["product_ref"] = places[value]
        else:
            field, read = FIELDS[key]
            changes[field] = entities[value] if key == "entity" else read(value)
    return ProductOrder(pricings[name], **{"start": changes.pop("start"), **changes})


FIELDS: dict[str, tuple[str, Any]] = {
    "from": ("start", date.fromisoformat),
    "pay": ("payment_time", PAYMENT.__getitem__),
    "cycle": ("cycle", cycle_of),
    "issue-day": ("issue_day", date.fromisoformat),
    "tax": ("tax_percent", Decimal),
    "net": ("net_days", int),
    "zone": ("time_zone", str),
    "entity": ("entity_ref", str),
    "version": ("pricing_version", int),
    "billed": ("due_upon_usage", "as-it-comes".__eq__),
}
