"""What prepaid balances pay of documents, what comes back to them, and what that does to the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import split_minor
from counterfoil.core.invoicing.document import Document
from counterfoil.core.ledger.accounts import CONTRACT_LIABILITY, CREDIT_BREAKAGE, CREDIT_GRANTED, customer_credit
from counterfoil.core.ledger.entry import Entry, Posting
from counterfoil.core.payments.grants import Moved
from counterfoil.core.payments.posting import Booked
from counterfoil.core.payments.wallet import Fee, Lot, LotKind, Wallet, consume, draw_down

GRACE = timedelta(days=30)
"""How long what comes back to a lot that expired meanwhile may still be used."""


def fees_of(document: Document) -> tuple[Fee, ...]:
    """What a document asks for by kind of line, with tax, in the order in which kinds first stand on it. The total is split
    by the lines' shares of it (largest remainder), so that the fees add up to it."""
    weights = [(line.amount_minor - line.discount_minor) * (100 + line.tax_percent) for line in document.lines]
    sums: dict[str, int] = {}
    for line, minor in zip(document.lines, split_minor(document.total_minor, weights), strict=True):
        sums[line.kind] = sums.get(line.kind, 0) + minor
    return tuple(Fee(kind, minor) for kind, minor in sums.items())


def draws(document: Document, wallets: Sequence[Wallet], lots: Mapping[str, Sequence[Lot]]) -> tuple[tuple[str, int], ...]:
    """(lot, minor units) that wallets pay of a document before anything else does; `lots` by wallet, what is left of each.

    Wallets by priority, then age, each as far as its balance goes and for the kinds of lines that it may pay; inside a
    wallet lots by priority, earliest expiry, granted before purchased, oldest. Credit notes take nothing.
    """
    if document.kind == "CREDIT" or document.total_minor <= 0:
        return ()
    drawn = draw_down(wallets, fees_of(document), document.currency)
    return tuple(
        (lot, int(minor)) for wallet, paid in drawn.items() for lot, minor in consume(lots[wallet], Decimal(paid)).items()
    )


def drawn_on(document: Document, credits_minor: int) -> Document:
    """The document before it is sealed, with what prepaid balances pay of it taken off its total."""
    if not 0 <= credits_minor <= document.total_minor:
        raise ValueError("prepaid balances pay no more than a document asks for")
    left = document.total_minor - credits_minor
    return replace(document, credits_minor=document.credits_minor + credits_minor, total_minor=left)


def expiry_after_return(expires_at: datetime | None, at: datetime) -> datetime | None:
    """When a lot ends that something comes back to at `at`: as before, but not before `GRACE` where it had ended."""
    return expires_at if expires_at is None or expires_at > at else at + GRACE


Pending = tuple[str, Decimal]
"""A use that waits for credits: which, and how many."""


def attributed(moved: Sequence[Moved], waiting: Sequence[Pending]) -> tuple[list[tuple[Moved, str, Decimal]], list[Pending]]:
    """Which use took what of which grant: spends go to the uses that wait, oldest first. What still waits comes second."""
    queue = list(waiting)
    taken: list[tuple[Moved, str, Decimal]] = []
    for move in moved:
        left = -move.amount if move.kind == "spend" else Decimal(0)
        while left > 0 and queue:
            name, amount = queue.pop(0)
            part = min(left, amount)
            taken.append((move, name, part))
            left -= part
            if amount > part:
                queue.insert(0, (name, amount - part))
        assert not left, "grants gave more than was used"
    return taken, queue


def granted(at: Booked, lot: Ref, customer: Ref, amount_minor: int) -> Entry:
    """Credit was given away: debit credit granted, credit the customer's credit."""
    return _entry(at, "credit_grant", lot, CREDIT_GRANTED, customer_credit(customer), amount_minor)


def purchased(at: Booked, lot: Ref, customer: Ref, amount_minor: int) -> Entry:
    """What an invoice billed in advance became the customer's credit: debit the contract liability, credit the credit."""
    return _entry(at, "credit_purchase", lot, CONTRACT_LIABILITY, customer_credit(customer), amount_minor)


def revoked(at: Booked, move: Ref, customer: Ref, amount_minor: int, kind: LotKind) -> Entry:
    """Credit was taken back: a purchase that was credited goes back to the contract liability that the credit note takes
    off, a grant to what was granted."""
    account = CONTRACT_LIABILITY if kind == "purchased" else CREDIT_GRANTED
    return _entry(at, "credit_revoke", move, customer_credit(customer), account, amount_minor)


def expired(at: Booked, move: Ref, customer: Ref, amount_minor: int, kind: LotKind) -> Entry:
    """Credit ended unused: purchased credit is breakage (IFRS 15 B46), granted credit was no cost after all."""
    account = CREDIT_BREAKAGE if kind == "purchased" else CREDIT_GRANTED
    return _entry(at, "credit_expiry", move, customer_credit(customer), account, amount_minor)


def _entry(at: Booked, kind: str, ref: Ref, debit: str, credit: str, amount_minor: int) -> Entry:
    if amount_minor <= 0:
        raise ValueError("credit is booked over amounts above zero")
    return Entry(
        ref=derived_ref("entry", kind, ref), entity_ref=at.entity_ref, currency=at.currency, booked_on=at.on, kind=kind,
        document_ref=at.document_ref, memo=at.memo,
        postings=(Posting(debit, amount_minor), Posting(credit, -amount_minor)),
    )
