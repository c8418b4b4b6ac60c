"""Dangers of notes: more given back than was billed, cents that stay behind, a correction that undoes a goodwill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, Refusal
from counterfoil.core.invoicing.correction import LineChange, correction_notes
from counterfoil.core.invoicing.credit import credit_note, numbered
from counterfoil.core.invoicing.document import Discount, Document
from counterfoil.core.invoicing.draw_up import Cap, LineDraft
from counterfoil.core.invoicing.posting import posting
from counterfoil.core.invoicing.standing import standing
from counterfoil.core.ledger.balances import balances
from tests.strategies import invoice_of, invoices, major, splits

TODAY = date(2026, 5, 1)


def line(amount: str, percent: str = "20") -> LineDraft:
    return LineDraft("item", "product", "usage", Decimal(amount), tax_percent=Decimal(percent))


def credited(invoice: Document, prior: Sequence[Document], amounts: dict[int, int] | None = None) -> Document:
    n = len(prior) + 1
    return credit_note(
        invoice, prior, ref=derived_ref("note", n), number=f"US-CN-{n:06d}", issued_on=TODAY, amounts_minor=amounts
    )


def corrected(
    invoice: Document, prior: Sequence[Document], after: dict[int, Decimal], caps: Sequence[Cap] = ()
) -> list[Document]:
    changes = [LineChange(n, amount, Decimal(1), "late events") for n, amount in after.items()]
    notes = correction_notes(
        invoice, prior, changes, credit_ref=Ref("c"), debit_ref=Ref("d"), issued_on=TODAY, caps=caps
    )
    return [numbered(n, f"N-{len(prior) + i}") for i, n in enumerate(notes)]


def figures(document: Document) -> tuple[int, ...]:
    return (
        document.sub_total_minor,
        document.total_discount_minor,
        document.total_tax_minor,
        document.credits_minor,
        document.total_minor,
    )


def together(documents: Sequence[Document]) -> tuple[int, ...]:
    """Net, discount, tax, credits and total of documents, credit notes with the other sign."""
    signed = [[(-1 if d.kind == "CREDIT" else 1) * x for x in figures(d)] for d in documents]
    return tuple(sum(column) for column in zip(*signed, strict=True))


def taxes_left(documents: Sequence[Document]) -> set[int]:
    left: dict[object, int] = {}
    for d in documents:
        for t in d.taxes:
            key = (t.category, t.percent)
            left[key] = left.get(key, 0) + (-1 if d.kind == "CREDIT" else 1) * t.tax_minor
    return set(left.values())


@settings(max_examples=100)
@given(invoices())
def test_a_full_credit_note_leaves_nothing_behind(invoice: Document) -> None:
    assume(invoice.sub_total_minor)
    note = credited(invoice, [])
    assert together([invoice, note]) == (0, 0, 0, 0, 0)
    assert taxes_left([invoice, note]) <= {0}


@settings(max_examples=150)
@given(invoices(max_lines=4), st.data())
def test_credit_notes_in_any_split_leave_nothing_behind_and_never_give_too_much(
    invoice: Document, data: st.DataObject
) -> None:
    parts = {x.n: data.draw(splits(x.amount_minor)) for x in invoice.lines}
    steps = max(len(p) for p in parts.values())
    notes: list[Document] = []
    for k in range(steps):
        wanted = {n: p[k] for n, p in parts.items() if k < len(p) and p[k]}
        if wanted:
            notes.append(credited(invoice, notes, wanted))
            assert min(figures(notes[-1])) >= 0
            assert all(0 <= x.discount_minor <= x.amount_minor for x in notes[-1].lines)
            assert min(together([invoice, *notes])) >= 0
    if invoice.sub_total_minor:
        assert together([invoice, *notes]) == (0, 0, 0, 0, 0)
        assert taxes_left([invoice, *notes]) <= {0}
        with pytest.raises(Conflict) as refused:
            credited(invoice, notes)
        assert refused.value.code == "document.nothing_left_to_credit"


@settings(max_examples=150)
@given(invoices(max_lines=4), st.data())
def test_corrections_up_and_down_and_a_final_credit_leave_nothing_in_the_books(
    invoice: Document, data: st.DataObject
) -> None:
    notes: list[Document] = []
    for _ in range(data.draw(st.integers(1, 3))):
        chosen = data.draw(st.sets(st.integers(1, len(invoice.lines)), min_size=1))
        after = {n: major(data.draw(st.integers(0, 10**6)), invoice.currency) for n in sorted(chosen)}
        caps = (
            [Cap(data.draw(st.sampled_from([Decimal(0), Decimal(50), Decimal(10**5)])))]
            if data.draw(st.booleans())
            else []
        )
        made = corrected(invoice, notes, after, caps)
        assert [d.kind for d in made] in ([], ["CREDIT"], ["DEBIT"], ["CREDIT", "DEBIT"])
        assert all(min(figures(d)) >= 0 for d in made)
        notes.extend(made)
        left = standing(invoice, notes)
        for x in left.lines:
            assert x.amount_minor >= x.discount_minor >= 0
            if x.n in after:
                assert x.rated_minor == x.amount_minor == int(after[x.n].scaleb(places(invoice)))
    if any(x.amount_minor for x in standing(invoice, notes).lines):
        notes.append(credited(invoice, notes))
        assert together([invoice, *notes])[:3] == (0, 0, 0)
        assert sum(together([invoice, *notes])[3:]) == 0
    booked = balances(posting(d) for d in [invoice, *notes])
    assert all(amount == 0 for of in booked.values() for amount in of.values())


def places(invoice: Document) -> int:
    return -int(major(1, invoice.currency).as_tuple().exponent)


def test_the_last_credit_note_takes_the_cent_that_rounding_left() -> None:
    invoice = invoice_of("EUR", [line("68.33"), line("68.33")])
    first = credited(invoice, [], {1: 6833})
    assert [first.total_tax_minor, credited(invoice, [first], {2: 6833}).total_tax_minor] == [1367, 1366]


def test_a_partial_credit_takes_its_part_of_the_discount() -> None:
    invoice = invoice_of("EUR", [line("399.00")], [Discount("coupon", fixed=Decimal(250), lines=(1,))])
    note = credited(invoice, [], {1: 26260})
    assert (note.total_discount_minor, note.total_tax_minor, note.total_minor) == (16454, 1961, 11767)


def test_what_prepaid_credits_paid_comes_back_as_credit_and_only_last() -> None:
    invoice = invoice_of("EUR", [line("100.00", "0")], credits_minor=3000)
    first = credited(invoice, [], {1: 6000})
    second = credited(invoice, [first], {1: 4000})
    assert [(n.total_minor, n.credits_minor) for n in (first, second)] == [(6000, 0), (1000, 3000)]


def test_more_usage_makes_a_debit_note_with_the_percentage_but_not_the_fixed_discount() -> None:
    off = [Discount("p", percent=Decimal(10)), Discount("f", fixed=Decimal(5))]
    invoice = invoice_of("EUR", [line("100.00")], off)
    (note,) = corrected(invoice, [], {1: Decimal("150.00")})
    assert (note.kind, figures(note)) == ("DEBIT", (5000, 500, 900, 0, 5400))
    assert note.due_on > note.issued_on
    change = note.lines[0].correction
    assert change is not None
    assert (change.document_ref, change.line, change.before_minor, change.after_minor, change.reason) == (
        invoice.ref,
        1,
        10000,
        15000,
        "late events",
    )


def test_less_usage_makes_a_credit_note_and_both_at_once_make_two() -> None:
    invoice = invoice_of("EUR", [line("100.00"), line("10.00")])
    credit, debit = corrected(invoice, [], {1: Decimal("90.00"), 2: Decimal("12.00")})
    assert (credit.kind, credit.total_minor, debit.kind, debit.total_minor) == ("CREDIT", 1200, "DEBIT", 240)


def test_a_correction_that_changes_nothing_makes_no_document() -> None:
    invoice = invoice_of("EUR", [line("100.00")])
    assert corrected(invoice, [], {1: Decimal("100.004")}) == []


def test_a_second_correction_starts_from_the_first() -> None:
    invoice = invoice_of("EUR", [line("100.00", "0")])
    first = corrected(invoice, [], {1: Decimal(130)})
    (second,) = corrected(invoice, first, {1: Decimal(120)})
    assert (second.kind, second.total_minor) == ("CREDIT", 1000)


def test_a_goodwill_is_not_taken_back_by_a_later_correction() -> None:
    invoice = invoice_of("EUR", [line("100.00", "0")])
    goodwill = credited(invoice, [], {1: 2000})
    (note,) = corrected(invoice, [goodwill], {1: Decimal(110)})
    assert (note.kind, note.total_minor) == ("DEBIT", 1000)


def test_usage_that_vanishes_after_a_goodwill_is_not_given_back_twice() -> None:
    invoice = invoice_of("EUR", [line("100.00", "0")])
    goodwill = credited(invoice, [], {1: 7000})
    (note,) = corrected(invoice, [goodwill], {1: Decimal(0)})
    change = note.lines[0].correction
    assert change is not None
    assert (note.total_minor, change.before_minor - change.after_minor) == (3000, 3000)


def test_usage_beyond_the_spend_cap_is_not_debited_and_what_stays_beyond_it_not_credited() -> None:
    cap = Cap(Decimal(100))
    invoice = invoice_of("EUR", [line("150.00", "0")], caps=[cap])
    (debit,) = corrected(invoice, [], {1: Decimal(180)}, [cap])
    assert (debit.total_minor, debit.total_discount_minor) == (0, 3000)
    (credit,) = corrected(invoice, [debit], {1: Decimal(90)}, [cap])
    assert (credit.sub_total_minor, credit.total_minor) == (9000, 1000)


@pytest.mark.parametrize(
    ("says", "amounts", "code", "field"),
    [
        ("more than the line", {1: 5001}, "document.line_exceeds_remaining", "lines[1].amount_minor"),
        ("a line that is not there", {3: 1}, "document.bad_credit", "lines[3].amount_minor"),
        ("a negative amount", {1: -1}, "document.bad_credit", "lines[1].amount_minor"),
        ("nothing", {}, "document.bad_credit", "lines"),
        ("zero", {1: 0}, "document.bad_credit", "lines"),
    ],
    ids=lambda x: x if isinstance(x, str) and " " in x else "",
)
def test_a_credit_that_cannot_be_is_refused(says: str, amounts: dict[int, int], code: str, field: str) -> None:
    invoice = invoice_of("EUR", [line("50.00"), line("50.00")])
    with pytest.raises(Invalid) as refused:
        credited(invoice, [], amounts)
    assert (refused.value.code, refused.value.problems[0].field) == (code, field)


def test_what_an_earlier_note_credited_is_not_credited_again() -> None:
    invoice = invoice_of("EUR", [line("50.00"), line("50.00")])
    first = credited(invoice, [], {1: 4000})
    with pytest.raises(Invalid) as refused:
        credited(invoice, [first], {1: 1001})
    assert refused.value.code == "document.line_exceeds_remaining"


def test_projections_and_notes_are_not_credited() -> None:
    projection = invoice_of("EUR", [line("50.00")], number="")
    note = credited(invoice_of("EUR", [line("50.00")]), [])
    for document, code in ((projection, "document.not_issued"), (note, "document.is_a_note")):
        with pytest.raises(Refusal) as refused:
            credited(document, [])
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([LineChange(2, Decimal(1), Decimal(1), "")], "changes[0].n"),
        ([LineChange(1, Decimal(1), Decimal(1), ""), LineChange(1, Decimal(2), Decimal(1), "")], "changes[1].n"),
        ([LineChange(1, Decimal(-1), Decimal(1), "")], "changes[0].after"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(changes: list[LineChange], field: str) -> None:
    invoice = invoice_of("EUR", [line("50.00")])
    with pytest.raises(Invalid) as refused:
        correction_notes(invoice, [], changes, credit_ref=Ref("c"), debit_ref=Ref("d"), issued_on=TODAY)
    assert (refused.value.code, refused.value.problems[0].field) == ("document.bad_correction", field)
