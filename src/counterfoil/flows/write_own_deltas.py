"""Write deltas by ourselves: of documents, of payments, and of usage by day, as far as the tenant wants them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.quantity import MAX_QUANTITY
from counterfoil.core.basis.refusals import Problem, refuse_if
from counterfoil.core.invoicing.document import Document
from counterfoil.flows.balance_rows import BalanceSetting, UsageDay
from counterfoil.flows.ports import Tx
from counterfoil.flows.write_deltas import MAX_REASON, NewDelta, write_deltas

CHUNK = 1000
"""Days of usage written in one transaction."""
MAX_UNIT = 40
_LOCK = "balance usage"
_REASONS = {"INVOICE": "invoice", "DEBIT": "debit_note", "CREDIT": "credit_note"}


class UsageTx(Tx, Protocol):
    """What writing usage by day needs of the store."""

    def usage_written(self) -> tuple[date | None, int]: ...
    def set_usage_written(self, until: date, mark: int) -> None: ...
    def usage_days(
        self, until: date | None, mark: int, today: date, after: tuple[Ref, Ref, str] | None, limit: int
    ) -> list[UsageDay]: ...
    def add_usage_days(self, rows: Sequence[tuple[UsageDay, Decimal]]) -> None: ...
    def snapshot_xmin(self) -> int: ...
    def put_balance_setting(self, s: BalanceSetting, *, today: date) -> None: ...


class OpenUsageTx(Protocol):
    """Opens a transaction of a tenant."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]: ...


def set_balances(tx: UsageTx, setting: BalanceSetting) -> BalanceSetting:
    """Say what a tenant's balances count, who sees them, and what writes deltas by itself.

    Invalid for a usage product that is not there, or that has no events of its own. Usage is written from today (UTC) on.
    """
    problems = []
    if not (setting.unit.strip() and len(setting.unit) <= MAX_UNIT):
        problems.append(Problem("unit", f"must have 1 to {MAX_UNIT} characters"))
    meters = tx.meters(setting.usage) if setting.usage else {}
    for n, ref in enumerate(setting.usage):
        if ref not in meters:
            problems.append(Problem(f"usage[{n}]", f"there is no usage product {ref}"))
        elif meters[ref].streams != (ref,):
            problems.append(Problem(f"usage[{n}]", "has no events of its own: name the usage product that it reads"))
    if len(set(setting.usage)) < len(setting.usage):
        problems.append(Problem("usage", "names a usage product twice"))
    refuse_if(problems)
    before = tx.balance_setting()
    tx.put_balance_setting(setting, today=tx.now.date())
    tx.audit("change", "balance_setting", tx.this_tenant().ref, before=before, after=setting)
    return tx.balance_setting()


def write_documents(tx: Tx, documents: Sequence[Document]) -> None:
    """Where the tenant wants it: what a customer owes rises by its invoices and debit notes, and falls by its credit notes."""
    if not tx.balance_setting().invoices:
        return
    write_deltas(tx, [
        NewDelta(d.buyer.ref, to_major(-d.total_minor if d.kind == "CREDIT" else d.total_minor, d.currency),
                 _REASONS[d.kind], d.number, f'{{"currency":"{d.currency}"}}')
        for d in documents if d.total_minor
    ], most=MAX_QUANTITY)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that moved: `minor` below zero lowers what the customer owes. `reference`: a document's or payment's number."""

    customer_ref: Ref
    currency: str
    minor: int
    reason: str
    reference: str


def write_money(tx: Tx, moved: Sequence[Moved]) -> None:
    """Where the tenant wants it: what a customer owes falls by what it paid and what is written off, and rises by what is
    given back or charged back."""
    if moved and tx.balance_setting().payments:
        write_deltas(tx, [
            NewDelta(m.customer_ref, to_major(m.minor, m.currency), m.reason, m.reference, f'{{"currency":"{m.currency}"}}')
            for m in moved
        ], most=MAX_QUANTITY)  # fmt: skip


def write_usage(db: OpenUsageTx, tenant: int, actor: str = "system") -> int:
    """Write the usage of days (UTC) that are over: one delta for each customer, usage product and day; how many.

    What comes in late for a day that was written is one more delta, over the difference. Each transaction writes a chunk;
    killed at any moment, it is simply run again, and nothing is written twice.
    """
    with db.tx(tenant, actor) as tx:
        until, mark = tx.usage_written()
        now, today = tx.snapshot_xmin(), tx.now.date()
    after: tuple[Ref, Ref, str] | None = None
    written = 0
    while True:
        with db.tx(tenant, actor) as tx:
            tx.lock(_LOCK)
            days = tx.usage_days(until, mark, today, after, CHUNK)
            _write_days(tx, days)
            if len(days) < CHUNK:
                tx.set_usage_written(today, now)
        written += len(days)
        if len(days) < CHUNK:
            return written
        after = (days[-1].customer_ref, days[-1].usage_product_ref, days[-1].day)


def _write_days(tx: Any, days: Sequence[UsageDay]) -> None:
    if not days:
        return
    names = {ref: m.name for ref, m in tx.meters(sorted({d.usage_product_ref for d in days})).items()}
    write_deltas(tx, [
        NewDelta(
            d.customer_ref, d.written - d.quantity, names[d.usage_product_ref][:MAX_REASON],
            f"usage:{d.usage_product_ref}:{d.day}" + (f"#{d.times + 1}" if d.times else ""),
            f'{{"day":"{d.day}","events":{d.events}}}',
        )
        for d in days
    ], most=MAX_QUANTITY)  # fmt: skip
    tx.add_usage_days([(d, d.quantity) for d in days])
