"""What a dishonest operator might seal and sign: one change to an honest invoice each, and the check that finds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.receipts.invoice import invoice_record
from tests.core.receipts import build

GONE: Any = ...
"""As a new value: the field is taken out."""


def _cent_more(minor: int) -> int:
    return minor + 1


def _first_again(lines: list[Any]) -> list[Any]:
    return [*lines, lines[0]]


def _backwards(lines: list[Any]) -> list[Any]:
    return lines[::-1]


LIES: list[tuple[str, str, Any, str]] = [
    ("a usage line is dearer than its tiers", "lines.0.amount_minor", 1, "amount of line 1"),
    ("a tier's price is raised", "lines.0.terms.model.tiers.0.unit_price", "99", "amount of line 1"),
    ("the first tier is made smaller", "lines.0.terms.model.tiers.0.up_to", "5", "amount of line 1"),
    ("the quantity is not what was measured", "lines.1.inputs.measured.quantity", "9", "quantity of line 2"),
    ("the line shows another quantity than it bills", "lines.1.quantity", "9", "amount of line 2"),
    ("the count of events is wrong", "lines.0.usage.count", 3, "usage of line 1"),
    ("the meter counts something else", "lines.1.usage.meter.field", "hours", "quantity of line 2"),
    ("the meter leaves no aircraft out", "lines.2.usage.meter.include.0.values", ["N1"], "quantity of line 3"),
    ("the meter reads another stream", "lines.0.usage.meter.source_ref", derived_ref("x"), "quantity of line 1"),
    ("the window leaves events out", "lines.0.usage.window.end", "2013-01-10T05:00:00Z", "quantity of line 1"),
    ("a package is smaller", "lines.2.terms.model.package_size", "1", "amount of line 3"),
    ("a minimum fee is raised", "lines.2.terms.minimum_fee", "400", "amount of line 3"),
    ("a maximum fee is forgotten", "lines.3.terms.maximum_fee", GONE, "amount of line 4"),
    ("the share of the period is more", "lines.4.inputs.share", [18, 31], "amount of line 5"),
    ("the share has no denominator", "lines.4.inputs.share", [17, 0], "amount of line 5"),
    ("a fixed quantity is more", "lines.5.inputs.quantity", "4", "amount of line 6"),
    ("a one-time fee is charged twice", "lines.6.amount_minor", 50_000, "amount of line 7"),
    ("the minimum forgets what was billed", "lines.7.inputs.billed_minor", 0, "amount of line 8"),
    ("the minimum is raised", "lines.7.inputs.minimum", "60000", "amount of line 8"),
    ("the minimum counts lines that are not there", "lines.7.inputs.lines", [1, 99], "amount of line 8"),
    ("an ad-hoc line rounds up", "lines.8.amount_minor", 1504, "amount of line 9"),
    ("an ad-hoc price is dearer", "lines.8.inputs.unit_price", "10.03", "amount of line 9"),
    ("the parts tell another story", "lines.0.parts.0.amount", "1", "amount of line 1"),
    ("a discount is forgotten on a line", "lines.4.discount_minor", 0, "discounts"),
    ("a discount is smaller than agreed", "discounts.1.percent", "7", "discounts"),
    ("a discount is negative", "discounts.1.percent", "-7", "discounts"),
    ("a discount is of two kinds", "discounts.1.fixed", "1", "discounts"),
    ("a discount is on a line that is not there", "discounts.0.lines", [99], "discounts"),
    ("a tax is rounded up", "taxes.0.tax_minor", _cent_more, "taxes"),
    ("a tax rate is missing", "taxes.0", GONE, "taxes"),
    ("a line's tax rate is not the one taxed", "lines.8.tax_percent", "20", "taxes"),
    ("the total is one cent more", "total_minor", _cent_more, "totals"),
    ("credits are left out", "credits_minor", 0, "totals"),
    ("the subtotal is another", "sub_total_minor", 0, "totals"),
    ("an amount is a text", "credits_minor", "500", "totals"),
    ("lines are out of order", "lines", _backwards, "lines"),
    ("a line is billed twice", "lines", _first_again, "lines"),
    ("the terms are gone", "lines.0.terms", None, "quantity of line 1"),
    ("the inputs are gone", "lines.0.inputs", GONE, "quantity of line 1"),
    ("the lines are no lines", "lines", {"n": 1}, "lines"),
    ("the currency has other digits", "currency", "JPY", "amount of line 1"),
    ("the totals are gone", "total_minor", GONE, "totals"),
]


def told(path: str, value: Any, events: int = 20) -> bytes:
    """The bundle of the lie: sealed, logged and signed as if it were true."""
    happened = build.flights(events)
    drawn = build.invoice(happened)
    record = json.loads(invoice_record(drawn))
    *way, last = path.split(".")
    place: Any = record
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    key: Any = int(last) if isinstance(place, list) else last
    if value is GONE:
        del place[key]
    else:
        place[key] = value(place[key]) if isinstance(value, Callable) else value
    return build.bundled(canonical(record), build.sealed_usage(drawn, happened))
