"""Hypothesis words of the domain: money, dates, lines, discounts, documents, credits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import exponent, to_major
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.invoicing.document import Discount, Document, Party
from counterfoil.core.invoicing.draw_up import Cap, LineDraft, draw_up
from counterfoil.core.ledger.accounts import BANK, CLEARING, CONTRACT_LIABILITY, REVENUE
from counterfoil.core.ledger.entry import Entry, Posting
from counterfoil.core.pricing.model import Part

SELLER = Party(derived_ref("entity", "northwind"), "Northwind")
BUYER = Party(derived_ref("customer", "acme"), "Acme")

currencies = st.sampled_from(("EUR", "USD", "JPY", "KWD", "CLF"))
"""Two, two, none, three and four decimal places."""
minors = st.integers(0, 10**9)
dates = st.dates(date(2000, 1, 1), date(2090, 12, 31))
exact_amounts = st.one_of(
    st.decimals(0, 10**7, places=8, allow_nan=False, allow_infinity=False),
    st.decimals(0, 1, places=4, allow_nan=False, allow_infinity=False),
    st.sampled_from([Decimal(x) for x in ("0", "0.005", "0.015", "10.275", "0.5", "1000.5")]),
)
"""Exact prices in the main unit: long fractions, tiny ones, and those that end on half a minor unit."""
percents = st.one_of(
    st.sampled_from([Decimal(x) for x in ("0", "7", "19", "20", "5.5", "33.333", "100")]),
    st.decimals(0, 100, places=3, allow_nan=False, allow_infinity=False),
)
taxes = st.sampled_from([("S", Decimal(19)), ("S", Decimal(7)), ("Z", Decimal(0)), ("S", Decimal("8.875"))])


@st.composite
def drafts(draw: st.DrawFn, amounts: st.SearchStrategy[Decimal] = exact_amounts) -> LineDraft:
    """A rated line with one part."""
    amount = draw(amounts)
    category, percent = draw(taxes)
    return LineDraft(
        item=draw(st.sampled_from(("API calls", "Seats", "Landing fee"))),
        product_name="Platform",
        kind=draw(st.sampled_from(("usage", "recurring", "one_time"))),
        amount=amount,
        tax_category=category,
        tax_percent=percent,
        parts=(Part(ONE, amount, amount, "unit_price"),),
    )


@st.composite
def discounts(draw: st.DrawFn, lines: int) -> Discount:
    """A percentage or a fixed amount, over all lines or some of them."""
    scope = draw(st.none() | st.sets(st.integers(1, lines), min_size=1).map(lambda s: tuple(sorted(s))))
    if draw(st.booleans()):
        return Discount("Loyalty", percent=draw(percents), lines=scope)
    fixed = draw(st.decimals(0, 2000, places=2, allow_nan=False, allow_infinity=False))
    return Discount("Goodwill", fixed=fixed, lines=scope)


def invoice_of(
    currency: str,
    lines: Sequence[LineDraft],
    off: Sequence[Discount] = (),
    *,
    caps: Sequence[Cap] = (),
    credits_minor: int = 0,
    number: str = "US-INV-000001",
    issued_on: date = date(2026, 3, 1),
    net_days: int = 30,
) -> Document:
    """An issued invoice over these lines."""
    return draw_up(
        ref=derived_ref("invoice", number),
        kind="INVOICE",
        number=number,
        currency=currency,
        issued_on=issued_on,
        net_days=net_days,
        seller=SELLER,
        buyer=BUYER,
        drafts=lines,
        discounts=tuple(off),
        caps=caps,
        credits_minor=credits_minor,
    )


@st.composite
def invoices(draw: st.DrawFn, max_lines: int = 6) -> Document:
    """An issued invoice with discounts, a cap and prepaid credits now and then."""
    currency, lines = draw(currencies), draw(st.lists(drafts(), min_size=1, max_size=max_lines))
    off = draw(st.lists(discounts(len(lines)), max_size=3))
    caps = [Cap(draw(exact_amounts))] if draw(st.integers(0, 3)) == 0 else []
    invoice = invoice_of(currency, lines, off, caps=caps)
    if draw(st.booleans()):
        return invoice
    return invoice_of(currency, lines, off, caps=caps, credits_minor=draw(st.integers(0, invoice.total_minor)))


@st.composite
def splits(draw: st.DrawFn, whole: int, max_parts: int = 4) -> tuple[int, ...]:
    """Parts from zero on that add up to `whole`."""
    cuts = sorted(draw(st.lists(st.integers(0, whole), max_size=max_parts - 1)))
    return tuple(b - a for a, b in zip([0, *cuts], [*cuts, whole], strict=True))


accounts = st.sampled_from((BANK, CLEARING, CONTRACT_LIABILITY, REVENUE, f"receivable:{BUYER.ref}", "tax_payable:S:19"))
refs = st.integers(0, 2**40).map(lambda n: derived_ref("any", n))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """A balanced entry of one of two entities in one of two currencies."""
    amounts = draw(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=5))
    postings = [Posting(draw(accounts), a) for a in (*amounts, -sum(amounts))]
    return Entry(
        ref=draw(refs),
        entity_ref=Ref(draw(st.sampled_from(("entity-1", "entity-2")))),
        currency=draw(st.sampled_from(("EUR", "JPY"))),
        booked_on=draw(dates),
        kind="invoice",
        document_ref=None,
        memo="",
        postings=tuple(postings),
    )


def major(minor: int, currency: str) -> Decimal:
    """Minor units as an exact amount, for lines that need no rounding."""
    assert exponent(currency) >= 0
    return to_major(minor, currency)
