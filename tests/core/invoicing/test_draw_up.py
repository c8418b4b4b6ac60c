"""Dangers of drawing up a document: cents that appear or vanish, tax on the wrong base, a cap that does not hold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.money import to_minor
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.invoicing import en16931
from counterfoil.core.invoicing.document import Discount, Document
from counterfoil.core.invoicing.draw_up import Cap, LineDraft, ad_hoc_draft, discount_terms
from counterfoil.core.pricing.totals import totals
from tests.strategies import currencies, discounts, drafts, exact_amounts, invoice_of, invoices


def line(amount: str, percent: str = "0", category: str = "S") -> LineDraft:
    return LineDraft(
        "item", "product", "recurring", Decimal(amount), tax_percent=Decimal(percent), tax_category=category
    )


TENTH, NINE = Discount("tenth", percent=Decimal(10)), Discount("nine", fixed=Decimal(9))


@pytest.mark.parametrize(
    ("says", "currency", "lines", "off", "sums"),
    [
        ("each line is rounded, then added", "USD", [("10.333", "0"), ("10.333", "0")], [], (2066, 0, 0, 2066)),
        ("half a cent goes away from zero", "USD", [("10.275", "0")], [], (1028, 0, 0, 1028)),
        ("yen have no cents", "JPY", [("1000.5", "10")], [], (1001, 0, 100, 1101)),
        ("dinars have thousandths", "KWD", [("1.0005", "5")], [], (1001, 0, 50, 1051)),
        ("tax is rounded once per rate", "EUR", [("68.33", "20"), ("68.33", "20")], [], (13666, 0, 2733, 16399)),
        ("tax is on the discounted base", "EUR", [("35", "8.25")], [TENTH], (3500, 350, 260, 3410)),
        (
            "percentages come before fixed amounts, however listed",
            "EUR",
            [("100", "0")],
            [Discount("f", fixed=Decimal(10)), Discount("p", percent=Decimal(50))],
            (10000, 6000, 0, 4000),
        ),
        ("a discount takes no more than there is", "EUR", [("5", "19")], [NINE], (500, 500, 0, 0)),
    ],
    ids=lambda x: x if isinstance(x, str) and " " in x else "",
)  # fmt: skip
def test_totals_are_those_a_finance_team_works_out(
    says: str, currency: str, lines: list[tuple[str, str]], off: list[Discount], sums: tuple[int, int, int, int]
) -> None:
    document = invoice_of(currency, [line(*x) for x in lines], off)
    assert sums == (
        document.sub_total_minor,
        document.total_discount_minor,
        document.total_tax_minor,
        document.total_minor,
    )


@settings(max_examples=150)
@given(invoices())
def test_no_cent_appears_or_vanishes_on_a_document(document: Document) -> None:
    lines = document.lines
    assert document.sub_total_minor == sum(x.amount_minor for x in lines)
    assert document.total_discount_minor == sum(x.discount_minor for x in lines)
    assert document.total_tax_minor == sum(t.tax_minor for t in document.taxes)
    assert sum(t.base_minor for t in document.taxes) == document.sub_total_minor - document.total_discount_minor
    assert document.total_minor == (
        document.sub_total_minor - document.total_discount_minor + document.total_tax_minor - document.credits_minor
    )
    assert all(0 <= x.discount_minor <= x.amount_minor for x in lines)
    assert document.total_minor >= 0


@settings(max_examples=100)
@given(invoices())
def test_an_auditor_computes_the_totals_again_from_what_the_document_says(document: Document) -> None:
    again = totals(
        [(x.tax_category, x.tax_percent, x.amount_minor) for x in document.lines],
        discount_terms(document.discounts, document.currency),
        document.credits_minor,
    )
    assert again.line_discounts_minor == tuple(x.discount_minor for x in document.lines)
    assert again.total_minor == document.total_minor
    assert en16931.problems(document) == []


@settings(max_examples=100)
@given(currencies, st.lists(drafts(), min_size=1, max_size=5), st.data())
def test_the_same_lines_always_give_the_same_document(
    currency: str, lines: list[LineDraft], data: st.DataObject
) -> None:
    off = data.draw(st.lists(discounts(len(lines)), max_size=3))
    assert invoice_of(currency, lines, off) == invoice_of(currency, list(lines), tuple(off))


@settings(max_examples=100)
@given(currencies, st.lists(drafts(), min_size=1, max_size=5), exact_amounts, st.data())
def test_nobody_pays_more_than_the_spend_cap_after_discounts(
    currency: str, lines: list[LineDraft], maximum: Decimal, data: st.DataObject
) -> None:
    off = data.draw(st.lists(discounts(len(lines)), max_size=2))
    free, capped = invoice_of(currency, lines, off), invoice_of(currency, lines, off, caps=[Cap(maximum)])
    net = free.sub_total_minor - free.total_discount_minor
    assert capped.sub_total_minor - capped.total_discount_minor == min(net, to_minor(maximum, currency))


def test_a_cap_on_one_product_leaves_the_others_alone() -> None:
    document = invoice_of("EUR", [line("80"), line("40"), line("100")], caps=[Cap(Decimal(90), lines=(1, 2))])
    assert [x.discount_minor for x in document.lines] == [2000, 1000, 0]


def test_prepaid_credits_come_off_after_tax() -> None:
    document = invoice_of("EUR", [line("100", "19")], credits_minor=1900)
    assert (document.total_tax_minor, document.credits_minor, document.total_minor) == (1900, 1900, 10000)


def test_an_ad_hoc_line_is_rounded_once_at_the_end() -> None:
    draft = ad_hoc_draft("calls", Decimal(815), Decimal("0.07"), tax_percent=Decimal(17))
    assert invoice_of("EUR", [draft]).sub_total_minor == 5705
    assert draft.inputs == {"quantity": "815", "unit_price": "0.07"}


@pytest.mark.parametrize(
    ("lines", "off", "credits", "code", "field"),
    [
        ([], [], 0, "invoice.empty", "lines"),
        ([line("1"), line("-0.01")], [], 0, "invoice.bad_line", "lines[1].amount"),
        ([line("NaN")], [], 0, "invoice.bad_line", "lines[0].amount"),
        ([line("Infinity")], [], 0, "invoice.bad_line", "lines[0].amount"),
        ([line("1e15")], [], 0, "invoice.bad_line", "lines[0].amount"),
        ([line("1")], [Discount("d", percent=Decimal(101))], 0, "invoice.bad_discount", "discounts[0].percent"),
        ([line("1")], [Discount("d", fixed=Decimal(-1))], 0, "invoice.bad_discount", "discounts[0].fixed"),
        ([line("1")], [Discount("d")], 0, "invoice.bad_discount", "discounts[0]"),
        ([line("1")], [Discount("d", percent=Decimal(1), lines=(2,))], 0, "invoice.bad_discount", "discounts[0].lines"),
        ([line("1")], [], 101, "invoice.out_of_range", "credits_minor"),
        ([line("1")], [], -1, "invoice.out_of_range", "credits_minor"),
    ],
)
def test_absurd_input_is_refused_by_the_name_of_its_field(
    lines: list[LineDraft], off: list[Discount], credits: int, code: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        invoice_of("EUR", lines, off, credits_minor=credits)
    assert (refused.value.code, refused.value.problems[0].field) == (code, field)
