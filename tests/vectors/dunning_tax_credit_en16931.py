"""Vectors of the arithmetic rules of EN 16931."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from counterfoil.core.invoicing import en16931
from tests.vectors.dunning_tax_credit_reading import Case


def _optional(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _rate(row: Case) -> Decimal:
    return Decimal(str(row.get("rate") or 0))


def _rows(case: Case) -> list[en16931.AllowanceCharge]:
    return [
        en16931.AllowanceCharge(r["charge"], Decimal(r["amount"]), r.get("category", "S"), _rate(r))
        for r in case.get("allowance_charges") or ()
    ]


def _total_with_vat(case: Case) -> bool:
    return en16931.is_total_with_vat(
        case["currency"],
        [(t["currency"], Decimal(t["amount"])) for t in case["tax_totals"]],
        Decimal(case["total_without_vat"]),
        Decimal(case["total_with_vat"]),
    )


def _category_base(case: Case) -> bool:
    return en16931.is_category_base(
        [(x["category"], _rate(x), Decimal(x["amount"])) for x in case["lines"]],
        _rows(case),
        [(x["category"], _rate(x), Decimal(x["taxable"])) for x in case["categories"]],
        case["rule"].split("-")[1],
    )


RULES: dict[str, Callable[[Case], bool]] = {
    "BR-CO-10": lambda c: en16931.is_line_total(map(Decimal, c["lines"]), Decimal(c["line_total"])),
    "BR-CO-11": lambda c: en16931.is_allowance_total(_rows(c), _optional(c["stated_total"])),
    "BR-CO-12": lambda c: en16931.is_charge_total(_rows(c), _optional(c["stated_total"])),
    "BR-CO-13": lambda c: en16931.is_total_without_vat(
        Decimal(c["line_total"]),
        _optional(c.get("allowances")),
        _optional(c.get("charges")),
        Decimal(c["total_without_vat"]),
    ),
    "BR-CO-14": lambda c: en16931.is_total_tax(map(Decimal, c["category_taxes"]), Decimal(c["total_tax"])),
    "BR-CO-15": _total_with_vat,
    "BR-CO-16": lambda c: en16931.is_payable(
        Decimal(c["total_with_vat"]), _optional(c.get("prepaid")), _optional(c.get("rounding")), Decimal(c["payable"])
    ),
    "BR-CO-17": lambda c: en16931.is_category_tax(
        Decimal(c["taxable"]), Decimal(c["rate"]), Decimal(c["tax"]), c.get("currency") or "EUR"
    ),
    "BR-S-08": _category_base,
}


def en16931_check(case: Case) -> Case:
    return {"valid": RULES[case["rule"]](case)}
