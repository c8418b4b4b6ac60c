"""A sealed document computed again from its own record and events: usage roots, quantities, amounts, totals.

It reads the record as JSON and nothing of invoicing, so that an auditor can read all that it trusts. Each function here
tells what it found in plain words; `verify.py` turns whatever is raised into a failed check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import get_args

from counterfoil.core.basis.canonical import Json, canonical
from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.money import EXACT, exponent, to_major, to_minor
from counterfoil.core.basis.period import Window, read_instant
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.pricing.codec import item_from_json, measured_from_json
from counterfoil.core.pricing.model import Position, Rated
from counterfoil.core.pricing.rate import rate
from counterfoil.core.pricing.totals import DiscountTerm, discount_lines, taxes, true_up_minor
from counterfoil.core.tlog.tree import leaf_hashes, root_of
from counterfoil.core.usage.event import Event, event_from_json
from counterfoil.core.usage.measure import measure
from counterfoil.core.usage.meter_codec import meter_from_json

DOCUMENT_TYPES = ("invoice/v1", "credit-note/v1", "debit-note/v1")

Events = Mapping[str, Sequence[Json]]
"""The sealed events of each usage root."""

_MAX_TEXT = 120


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: `name` is stable (`inclusion`, `amount of line 3`), `says` is for a reader."""

    name: str
    ok: bool
    says: str


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What came of computing a document again: the checks, and what could only be taken as stated."""

    checks: tuple[Check, ...]
    stated: tuple[str, ...]


def recompute(record: Json, usage: Events) -> Recomputed:
    """Every amount of the document, from its lines' terms and inputs and the events that they commit to."""
    stated: list[str] = []
    checks = [guarded("lines", lambda: _numbered(record)), guarded("usage", lambda: _no_strangers(record, usage))]
    if not all(c.ok for c in checks):
        return Recomputed(tuple(checks), ())
    for line in record["lines"]:
        checks.extend(_line_checks(record, line, usage, stated))
    checks.append(guarded("discounts", lambda: _discounts(record)))
    checks.append(guarded("taxes", lambda: _taxes(record, stated)))
    checks.append(guarded("totals", lambda: _totals(record)))
    return Recomputed(tuple(checks), tuple(stated))


class Wrong(Exception):
    """A check that did not hold, in words."""


def guarded(name: str, check: Callable[[], str]) -> Check:
    """The check, failed when it raises. A hostile bundle may make anything raise, so everything is caught here."""
    try:
        return Check(name, True, check())
    except Wrong as wrong:
        return Check(name, False, str(wrong))
    except Exception as error:
        return Check(name, False, f"cannot be read: {str(error)[:200] or type(error).__name__}")


def require(holds: bool, otherwise: str) -> None:
    """Wrong with these words unless it holds."""
    if not holds:
        raise Wrong(otherwise)


def _numbered(record: Json) -> str:
    lines = record["lines"]
    numbers = [line["n"] for line in lines]
    require(numbers == list(range(1, len(lines) + 1)), "lines are not numbered 1, 2, 3, …")
    for line in lines:
        _integer(line["amount_minor"])
        _integer(line["discount_minor"])
    return f"{len(lines)} lines in order"


def _no_strangers(record: Json, usage: Events) -> str:
    """Every usage root has its events, and there are no others: a stranger would be a byte that nothing binds."""
    roots = {line["usage"]["root"] for line in record["lines"] if line["usage"] is not None}
    require(roots == usage.keys(), "the events in the bundle are not those that its lines commit to")
    return f"{sum(map(len, usage.values())):,} events for {len(roots)} usage roots"


def _line_checks(record: Json, line: Json, usage: Events, stated: list[str]) -> Iterator[Check]:
    n = line["n"]
    if line["usage"] is not None:
        events = usage[line["usage"]["root"]]
        sealed = guarded(f"usage of line {n}", lambda: _sealed(line["usage"], events))
        yield sealed
        if sealed.ok:
            yield guarded(f"quantity of line {n}", lambda: _measured_again(record, line, events))
    yield guarded(f"amount of line {n}", lambda: _amount(record, line, stated))


def _sealed(proof: Json, events: Sequence[Json]) -> str:
    root = root_of(leaf_hashes(map(canonical, events))).hex()
    require(root == proof["root"], f"the events give the root {root[:16]}…, the line says {proof['root'][:16]}…")
    require(len(events) == proof["count"], f"there are {len(events):,} events, the line says {proof['count']:,}")
    return f"{len(events):,} events have the root {root[:16]}…"


def _measured_again(record: Json, line: Json, sealed: Sequence[Json]) -> str:
    """The sealed quantities are those that the meter reads from the events. What earlier splits of the period and
    other meters contributed is no part of this reading."""
    proof, inputs = line["usage"], line["inputs"]
    meter = meter_from_json(proof["meter"])
    window = Window(read_instant(proof["window"]["start"]), read_instant(proof["window"]["end"]))
    events = [event_from_json(e) for e in sealed]
    _once_each(events)
    require(all(e.usage_product_ref in meter.streams for e in events), "some events are of another usage product")
    require(window.start <= window.end, "the window ends before it starts")
    stated = measured_from_json(inputs["measured"])
    level = inputs.get("level")
    again = measure(
        meter,
        window,
        events,
        needs=_needs(line),
        level=None if level is None else _decimal(level),
        group_levels={key: _decimal(value) for key, value in inputs.get("group_levels", {}).items()},
        time_zone=inputs.get("time_zone", record["time_zone"]),
        period_days=inputs.get("period_days"),
    )
    require(
        again == _own(stated),
        f"the events measure {decimal_text(again.quantity)}, the line says {decimal_text(stated.quantity)}",
    )
    return f"{meter.aggregation} of {len(events):,} events is {decimal_text(again.quantity)} {meter.unit}"


def _own(stated: Measured) -> Measured:
    groups = tuple((key, _own(group)) for key, group in stated.groups)
    return replace(
        stated,
        groups=groups,
        prior_quantity=Decimal(0),
        quantities=NOTHING.quantities,
        prior_quantities=NOTHING.quantities,
    )


def _needs(line: Json) -> frozenset[str]:
    return item_from_json(line["terms"]).model.needs


def _once_each(events: Sequence[Event]) -> None:
    require(len({e.ref for e in events}) == len(events), "an event is there twice")
    keys = [e.key for e in events if e.key]
    require(len(set(keys)) == len(keys), "two events have the same idempotency key")


def _amount(record: Json, line: Json, stated: list[str]) -> str:
    currency, kind = record["currency"], line["kind"]
    if line["correction"] is not None or kind == "correction":
        return _corrected(record, line, stated)
    if line["inputs"] is None:
        stated.append(f"Line {line['n']} has no inputs: its amount is taken as stated.")
        return f"{money(line['amount_minor'], currency)}, as stated"
    if kind == "minimum":
        amount, how = _true_up(record, line, stated)
    elif kind == "ad_hoc":
        amount, how = _ad_hoc(line, currency)
    else:
        rated = _rated(line)
        measured = line["inputs"].get("measured", {})
        if measured.keys() & {"prior_quantity", "prior_quantities", "quantities"}:
            stated.append(f"Line {line['n']} reads quantities of other lines or documents: they are taken as stated.")
        require(rated.quantity == _decimal(line["quantity"]), f"the billed quantity is {decimal_text(rated.quantity)}")
        amount, how = (
            to_minor(rated.amount, currency),
            f"its terms for {decimal_text(rated.quantity)} {line['unit']}".rstrip(),
        )
    said = line["amount_minor"]
    require(amount == said, f"{how} give {money(amount, currency)}, the line says {money(said, currency)}")
    _explained(line, currency)
    return f"{how} give {money(amount, currency)}"


def _rated(line: Json) -> Rated:
    """The terms applied to what was measured, or to the quantity of a fixed item."""
    item, inputs = item_from_json(line["terms"]), line["inputs"]
    if "measured" in inputs:
        used = measured_from_json(inputs["measured"])
    else:
        used = Measured(quantity=_decimal(inputs["quantity"]))
    return rate(
        item,
        used,
        share=_share(inputs),
        previously_billed=_decimal(inputs.get("previously_billed", "0")),
        position=_position(inputs),
    )


def _position(inputs: Json) -> Position:
    position: Position = inputs.get("position", "single")
    require(position in get_args(Position), "a split is single, first, mid or last")
    return position


def _true_up(record: Json, line: Json, stated: list[str]) -> tuple[int, str]:
    """A minimum fee less what counts towards it: the lines that it names, otherwise the product's other lines."""
    inputs = line["inputs"]
    billed = _integer(inputs["billed_minor"])
    others = {x["n"]: x for x in record["lines"] if x["n"] != line["n"]}
    if "lines" in inputs:
        together = sum(_integer(others[n]["amount_minor"]) for n in sorted(set(inputs["lines"])))
        require(together == billed, f"lines {inputs['lines']} add up to {together}, not to {billed}")
    else:
        of_product = (x["amount_minor"] for x in others.values() if x["product_ref"] == line["product_ref"])
        if sum(of_product) != billed:
            stated.append(f"Line {line['n']} is a minimum fee: what counts towards it is taken as stated.")
    amount = _missing(record, inputs)
    return amount, f"the minimum of {inputs['minimum']} and {money(billed, record['currency'])} billed"


def _missing(record: Json, inputs: Json) -> int:
    billed = _integer(inputs["billed_minor"])
    return true_up_minor(_decimal(inputs["minimum"]), billed, record["currency"], _share(inputs))


def _ad_hoc(line: Json, currency: str) -> tuple[int, str]:
    inputs = line["inputs"]
    quantity, price = _decimal(inputs["quantity"]), _decimal(inputs["unit_price"])
    require(quantity == _decimal(line["quantity"]), f"the quantity is {quantity}")
    with localcontext(EXACT):
        amount = to_minor(quantity * price, currency)
    return amount, f"{inputs['quantity']} × {inputs['unit_price']}"


def _corrected(record: Json, line: Json, stated: list[str]) -> str:
    """The difference of before and after, and the after computed again where the line says from what."""
    currency, inputs, correction = record["currency"], line["inputs"], line["correction"]
    told = [x for x in (correction, inputs) if x is not None]
    before, after = _integer(told[0]["before_minor"]), _integer(told[0]["after_minor"])
    for again in told:
        require(
            (again["before_minor"], again["after_minor"]) == (before, after), "before and after are told in two ways"
        )
    amount = before - after if record["type"] == "credit-note/v1" else after - before
    require(amount == line["amount_minor"], f"the difference is {money(amount, currency)}")
    if inputs is not None and line["terms"] is not None:
        computed = to_minor(_rated(line).amount, currency)
    elif inputs is not None and "minimum" in inputs:
        computed = _missing(record, inputs)
    else:
        computed = None
        stated.append(f"Line {line['n']} changes an amount without measuring again: before and after are as stated.")
    if computed is not None:
        require(computed == after, f"its terms give {money(computed, currency)}, not {money(after, currency)}")
        stated.append(f"Line {line['n']} corrects an earlier document: what it billed before is taken as stated.")
    return f"{money(before, currency)} before, {money(after, currency)} after, difference {money(amount, currency)}"


def _explained(line: Json, currency: str) -> None:
    """The parts that explain the line add up to it."""
    require(type(line["parts"]) is list, "parts are no list")
    if line["parts"]:
        with localcontext(EXACT):
            together = sum((_decimal(p["amount"]) for p in line["parts"]), Decimal(0))
        require(
            to_minor(together, currency) == line["amount_minor"], f"its parts add up to {together}, not to its amount"
        )


def _discounts(record: Json) -> str:
    currency = record["currency"]
    terms = []
    for discount in record["discounts"]:
        percent, fixed, lines = discount["percent"], discount["fixed"], discount["lines"]
        require((percent is None) != (fixed is None), "a discount is either a percentage or a fixed amount")
        value = _decimal(fixed if percent is None else percent)
        require(value >= 0 and (percent is None or value <= 100), "a discount is out of range")
        positions = None if lines is None else tuple(_integer(n) - 1 for n in lines)
        require(positions is None or all(0 <= p < len(record["lines"]) for p in positions), "a discount is on no line")
        if percent is None:
            terms.append(DiscountTerm(fixed_minor=to_minor(value, currency), lines=positions))
        else:
            terms.append(DiscountTerm(percent=value, lines=positions))
    again = discount_lines([line["amount_minor"] for line in record["lines"]], terms)
    said = tuple(line["discount_minor"] for line in record["lines"])
    require(again == said, f"the discounts of the lines are {again}, the document says {said}")
    return f"{len(terms)} discounts take {money(sum(again), currency)}"


def _taxes(record: Json, stated: list[str]) -> str:
    """The tax of each category and rate. The last credit note of an invoice takes what is left of the invoice's tax, so
    a credit note's tax may differ from that of its own base; then it is told."""
    again = taxes(
        (line["tax_category"], _decimal(line["tax_percent"]), line["amount_minor"] - line["discount_minor"])
        for line in record["lines"]
    )
    said = [
        (t["category"], _decimal(t["percent"]), _integer(t["base_minor"]), _integer(t["tax_minor"]))
        for t in record["taxes"]
    ]
    require([t[:3] for t in again] == [t[:3] for t in said], "the taxes by rate are not those of the lines")
    for computed, told in zip(again, said, strict=True):
        if computed != told:
            require(record["type"] == "credit-note/v1", "the taxes by rate are not those of the lines")
            stated.append(
                f"Tax at {decimal_text(told[1])} % is {money(told[3], record['currency'])} where its base gives "
                f"{money(computed[3], record['currency'])}: a last credit note takes what is left of the invoice's "
                "tax."
            )
    return f"{money(sum(t[3] for t in said), record['currency'])} over {len(said)} rates"


def _totals(record: Json) -> str:
    currency = record["currency"]
    sub_total = sum(line["amount_minor"] for line in record["lines"])
    discount = sum(line["discount_minor"] for line in record["lines"])
    tax = sum(t["tax_minor"] for t in record["taxes"])
    credits_used = _integer(record["credits_minor"])
    for name, again in (
        ("sub_total_minor", sub_total),
        ("total_discount_minor", discount),
        ("total_tax_minor", tax),
        ("total_minor", sub_total - discount + tax - credits_used),
    ):
        require(_integer(record[name]) == again, f"{name} is {again}, the document says {record[name]}")
    return f"total {money(record['total_minor'], currency)}"


def _integer(value: Json) -> int:
    require(type(value) is int, "an amount is not an integer")
    return int(value)


def _decimal(text: Json) -> Decimal:
    require(type(text) is str and len(text) <= _MAX_TEXT, "a decimal is a text of at most 120 characters")
    # Without exponents first: the digits of 1e999999999 would fill the memory.
    require(all(c in "0123456789.-" for c in text), f"not a plain decimal: {text!r}")
    value = Decimal(text)
    require(decimal_text(value) == text, f"not the one spelling of a decimal: {text!r}")
    return value


def _share(inputs: Json) -> Fraction:
    numerator, denominator = inputs.get("share", (1, 1))
    return Fraction(_integer(numerator), _integer(denominator))


def money(minor: int, currency: str) -> str:
    """`1,234.50 USD`."""
    return f"{to_major(minor, currency):,.{exponent(currency)}f} {currency}"
