"""The arithmetic rules of EN 16931-1 (semantic model of the electronic invoice), each as one test of a document.

Amounts are exact decimals in the main unit. Rule names are those of the standard's business rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from counterfoil.core.basis.money import EXACT, to_major, to_minor
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.invoicing.document import Document

TaxKey = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class AllowanceCharge:
    """A document-level allowance (BG-20) or charge (BG-21) with its VAT category and rate."""

    is_charge: bool
    amount: Decimal
    category: str = "S"
    percent: Decimal = ZERO


def is_line_total(lines: Iterable[Decimal], line_total: Decimal) -> bool:
    """BR-CO-10: the sum of line net amounts (BT-106) is the sum of the lines' net amounts (BT-131)."""
    return _sum(lines) == line_total


def is_allowance_total(rows: Iterable[AllowanceCharge], stated: Decimal | None) -> bool:
    """BR-CO-11: the sum of allowances (BT-107) is the sum of the document-level allowances (BT-92)."""
    return _sum(r.amount for r in rows if not r.is_charge) == (stated or ZERO)


def is_charge_total(rows: Iterable[AllowanceCharge], stated: Decimal | None) -> bool:
    """BR-CO-12: the sum of charges (BT-108) is the sum of the document-level charges (BT-99)."""
    return _sum(r.amount for r in rows if r.is_charge) == (stated or ZERO)


def is_total_without_vat(
    line_total: Decimal, allowances: Decimal | None, charges: Decimal | None, total_without_vat: Decimal
) -> bool:
    """BR-CO-13: total without VAT (BT-109) = lines (BT-106) - allowances (BT-107) + charges (BT-108)."""
    return _sum((line_total, -(allowances or ZERO), charges or ZERO)) == total_without_vat


def is_total_tax(category_taxes: Iterable[Decimal], total_tax: Decimal) -> bool:
    """BR-CO-14: total VAT (BT-110) is the sum of the VAT category tax amounts (BT-117)."""
    return _sum(category_taxes) == total_tax


def is_total_with_vat(
    currency: str, tax_totals: Sequence[tuple[str, Decimal]], total_without_vat: Decimal, total_with_vat: Decimal
) -> bool:
    """BR-CO-15: total with VAT (BT-112) = total without VAT (BT-109) + total VAT in the document's currency (BT-110).

    `tax_totals`: (currency, amount). VAT in an accounting currency (BT-111) is information only; more than one total
    in the document's currency is not valid, and none counts as zero.
    """
    own = [amount for code, amount in tax_totals if code == currency]
    return len(own) <= 1 and _sum((total_without_vat, *own)) == total_with_vat


def is_payable(total_with_vat: Decimal, prepaid: Decimal | None, rounding: Decimal | None, payable: Decimal) -> bool:
    """BR-CO-16: amount due (BT-115) = total with VAT (BT-112) - prepaid (BT-113) + rounding (BT-114)."""
    return _sum((total_with_vat, -(prepaid or ZERO), rounding or ZERO)) == payable


def is_category_tax(taxable: Decimal, percent: Decimal, tax: Decimal, currency: str = "EUR") -> bool:
    """BR-CO-17: VAT category tax (BT-117) = taxable amount (BT-116) x rate (BT-119) / 100, rounded half away from zero
    to two decimals, or to those of `currency` where it has others."""
    with localcontext(EXACT):
        return to_major(to_minor(taxable * percent / 100, currency), currency) == tax


def is_category_base(
    lines: Iterable[tuple[str, Decimal, Decimal]],
    rows: Iterable[AllowanceCharge],
    categories: Iterable[tuple[str, Decimal, Decimal]],
    category: str = "S",
) -> bool:
    """BR-S-08: for every rate of the standard category, the taxable amount (BT-116) = lines - allowances + charges of
    that category and rate. `lines` and `categories` are (category, percent, amount); a rate in use needs its row.
    """
    stated: dict[Decimal, list[Decimal]] = {}
    for cat, percent, taxable in categories:
        if cat == category:
            stated.setdefault(percent, []).append(taxable)
    owed: dict[Decimal, Decimal] = {}
    signed = [(c, p, a) for c, p, a in lines]
    signed += [(r.category, r.percent, r.amount if r.is_charge else -r.amount) for r in rows]
    for cat, percent, amount in signed:
        if cat == category:
            owed[percent] = _sum((owed.get(percent, ZERO), amount))
    return all(len(rows_of) == 1 for rows_of in stated.values()) and all(
        stated.get(percent, [ZERO])[0] == owed.get(percent, ZERO) for percent in {*stated, *owed}
    )


def problems(document: Document) -> list[Problem]:
    """Where an issued document breaks the arithmetic of EN 16931; empty for every document we draw up.

    Credits stand as prepaid amount (BT-113). The note that exhausts an invoice takes the tax that is left of it, so its
    tax may be off by the roundings of the notes before it; BR-CO-17 is not asked of credit notes.
    """

    def major(minor: int) -> Decimal:
        return to_major(minor, document.currency)

    net = document.sub_total_minor - document.total_discount_minor
    gross = document.total_minor + document.credits_minor
    rows = [
        AllowanceCharge(False, major(line.discount_minor), line.tax_category, line.tax_percent)
        for line in document.lines
    ]
    rates = {(t.category, t.percent): major(t.base_minor) for t in document.taxes}
    lines = [(line.tax_category, line.tax_percent, major(line.amount_minor)) for line in document.lines]
    broken = {
        "BR-CO-10": not is_line_total((a for _, _, a in lines), major(document.sub_total_minor)),
        "BR-CO-11": not is_allowance_total(rows, major(document.total_discount_minor)),
        "BR-CO-13": not is_total_without_vat(
            major(document.sub_total_minor), major(document.total_discount_minor), None, major(net)
        ),
        "BR-CO-14": not is_total_tax((major(t.tax_minor) for t in document.taxes), major(document.total_tax_minor)),
        "BR-CO-15": not is_total_with_vat(
            document.currency, [(document.currency, major(document.total_tax_minor))], major(net), major(gross)
        ),
        "BR-CO-16": not is_payable(major(gross), major(document.credits_minor), None, major(document.total_minor)),
        "BR-CO-17": document.kind != "CREDIT"
        and not all(
            is_category_tax(major(t.base_minor), t.percent, major(t.tax_minor), document.currency)
            for t in document.taxes
        ),
        "BR-S-08": not all(
            is_category_base(lines, rows, [(c, p, b) for (c, p), b in rates.items()], category)
            for category in {c for c, _ in rates}
        ),
    }
    return [Problem(rule, "does not hold for this document") for rule, is_broken in broken.items() if is_broken]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts, ZERO)
