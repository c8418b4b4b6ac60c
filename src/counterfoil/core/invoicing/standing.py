"""What is left of an invoice after its credit and debit notes, line by line and tax by tax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.invoicing.document import Document

TaxKey = tuple[str, Decimal]
"""Category and percent of a tax."""


@dataclass(frozen=True, slots=True)
class LineLeft:
    """A line as it stands, in minor units: `amount_minor` and `discount_minor` after all notes, and `rated_minor`, the
    amount that the last rating of the line gave (a credit granted for another reason does not change it)."""

    n: int
    amount_minor: int
    discount_minor: int
    rated_minor: int
    tax: TaxKey

    @property
    def net_minor(self) -> int:
        """What is left after discounts, before tax."""
        return self.amount_minor - self.discount_minor


@dataclass(frozen=True, slots=True)
class Standing:
    """An invoice with its notes taken together. `taxes_minor`: tax left per category and rate. `asked_minor`: total of
    the invoice and its debit notes. `given_minor`: gross amount of its credit notes, of which `returned_minor` gave
    prepaid credits back."""

    lines: tuple[LineLeft, ...]
    taxes_minor: Mapping[TaxKey, int]
    asked_minor: int
    given_minor: int
    returned_minor: int

    def base_minor(self, tax: TaxKey) -> int:
        """What is left of the base of one tax."""
        return sum(line.net_minor for line in self.lines if line.tax == tax)

    def given_back_minor(self, gross_minor: int) -> int:
        """How much of a further credit note over `gross_minor` gives prepaid credits back: a credit note first takes
        off what the documents ask for, and only then returns what credits had paid of them."""
        return max(0, self.given_minor + gross_minor - self.asked_minor - self.returned_minor)


def standing(original: Document, notes: Sequence[Document]) -> Standing:
    """What is left of an issued invoice after `notes`, all its issued credit and debit notes, in any order.

    Refusals: Conflict `document.not_issued` for a projection, Conflict `document.is_a_note` for a note (notes correct
    invoices, never each other).
    """
    if not original.number:
        raise Conflict("document.not_issued", "only an issued document can be credited or corrected")
    if original.kind != "INVOICE":
        raise Conflict("document.is_a_note", "credit or correct the invoice that this note belongs to")
    amounts = [line.amount_minor for line in original.lines]
    discounts = [line.discount_minor for line in original.lines]
    rated = list(amounts)
    taxes = {(t.category, t.percent): t.tax_minor for t in original.taxes}
    asked, given, returned = original.total_minor, 0, 0
    for note in notes:
        assert note.corrects == original.ref, "a note of another document"
        sign = 1 if note.kind == "DEBIT" else -1
        for line in note.lines:
            assert line.correction is not None, "every line of a note says what it changes"
            i = line.correction.line - 1
            amounts[i] += sign * line.amount_minor
            discounts[i] += sign * line.discount_minor
            if line.kind == "correction":
                rated[i] = line.correction.after_minor
        for t in note.taxes:
            taxes[t.category, t.percent] += sign * t.tax_minor
        if note.kind == "DEBIT":
            asked += note.total_minor
        else:
            given += note.total_minor + note.credits_minor
            returned += note.credits_minor
    return Standing(
        tuple(
            LineLeft(line.n, amounts[i], discounts[i], rated[i], (line.tax_category, line.tax_percent))
            for i, line in enumerate(original.lines)
        ),
        taxes,
        asked,
        given,
        returned,
    )
