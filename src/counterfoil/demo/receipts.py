"""Receipts of the year: airlines pay what falls due, and what each was billed and paid is sealed as its balance receipt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window, local_date
from counterfoil.core.basis.refusals import Invalid
from counterfoil.demo.scope import TIME_ZONE, Scope, begins, first_of
from counterfoil.flows.balance_rows import BalanceSetting
from counterfoil.flows.credit_document import mark_paid
from counterfoil.flows.seal_balances import seal_balances
from counterfoil.flows.sharing import change_sharing
from counterfoil.flows.write_own_deltas import set_balances

OWES = "YV"
"""Mesa Airlines pays nothing."""


def keep_balances(tx: Any) -> None:
    """Let balances follow what is billed and paid, in dollars, from now on."""
    set_balances(tx, BalanceSetting(unit="USD", invoices=True, payments=True))


def let_frame(tx: Any, origin: str) -> None:
    """Let pages of this origin frame the receipts, as the gallery does."""
    sharing = tx.sharing()
    if origin not in sharing.embed_origins:
        change_sharing(tx, replace(sharing, embed_origins=(*sharing.embed_origins, origin)))


def pay_due(tx: Any) -> int:
    """Every airline but one pays what has fallen due by today; how many documents that settles. Each payment has its
    receipt."""
    today = local_date(tx.now, TIME_ZONE)
    known = tx.customers_called([OWES])
    due = [
        row for row in _documents(tx)
        if row.kind != "CREDIT" and row.paid_at is None and row.cancelled_at is None and row.due_on <= today
        and row.customer_ref not in known.values()
    ]  # fmt: skip
    for row in due:
        mark_paid(tx, row.ref)
    return len(due)


def seal_year(tx: Any, scope: Scope) -> tuple[list[Ref], int]:
    """Seal every airline's balance over the year: its receipts, largest turnover first, and how many were sealed now. None
    where nothing was billed since balances are kept."""
    window = Window(begins(first_of(1)), begins(scope.usage_ends_on))
    before = {row.ref for row in _sealed(tx, window)}
    try:
        rows = seal_balances(tx, window)
    except Invalid:
        return [], 0
    rows.sort(key=lambda row: (-row.delta_count, row.ref))
    return [row.ref for row in rows], len({row.ref for row in rows} - before)


def payment_receipts(tx: Any, first: int) -> tuple[list[Ref], int]:
    """The references of the first receipts of payments, and how many there are."""
    kept, count = tx.payment_receipt_page(first, 0)
    return [k.receipt.ref for k in kept], count


def _sealed(tx: Any, window: Window) -> list[Any]:
    return list(tx.checkpoints_over(tx.active_within(window), window).values())


def _documents(tx: Any) -> list[Any]:
    found: list[Any] = []
    after: tuple[date, str] | None = None
    while True:
        page = tx.document_page(after, 1000)
        found += page
        if len(page) < 1000:
            return found
        after = (page[-1].issued_on, page[-1].ref)
