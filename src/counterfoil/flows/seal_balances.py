"""Seal windows of customers' deltas: a checkpoint under one proof root, and its balance receipt in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from counterfoil.core.balance.scope import month_name, refuse_future
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.receipts.balance import BALANCE_RECEIPT, BalanceReceipt, ReasonLine, balance_record
from counterfoil.core.tlog.tree import root_of
from counterfoil.flows.announce import News, announce
from counterfoil.flows.balance_rows import CheckpointRow, Head, Sealing
from counterfoil.flows.ports import Tx
from counterfoil.flows.write_deltas import customer_id

CHUNK = 500
"""Customers sealed by one set of statements."""


class SealTx(Tx, Protocol):
    """What sealing needs of the store."""

    def checkpoints_over(self, customers: Sequence[Ref], window: Window) -> dict[Ref, CheckpointRow]: ...
    def to_seal(self, customers: Sequence[Ref], window: Window) -> list[Sealing]: ...
    def leaves_within(self, customers: Sequence[Ref], window: Window) -> dict[Ref, list[bytes]]: ...
    def reasons_within(self, customers: Sequence[Ref], window: Window) -> dict[Ref, list[ReasonLine]]: ...
    def add_checkpoints(self, rows: Sequence[CheckpointRow]) -> None: ...
    def active_within(self, window: Window) -> list[Ref]: ...


def seal_balances(tx: SealTx, window: Window, customer: Ref | None = None) -> list[CheckpointRow]:
    """Seal a window of one customer, or of every customer with deltas in it; all or none.

    A window that is sealed stays as it is: asked for again, the same checkpoint is given, and what comes later counts from
    its end on. Invalid for a window that begins in the future, ends beyond the current month, or holds nothing.
    """
    refuse_future(window, tx.now)
    customers = [customer] if customer is not None else tx.active_within(window)
    sealed: list[CheckpointRow] = []
    for first in range(0, len(customers), CHUNK):
        sealed += _seal(tx, window, customers[first : first + CHUNK])
    if not sealed:
        whom = "of this customer " if customer is not None else ""
        raise Invalid(
            "balance.empty_scope",
            f"nothing was recorded {whom}between {window.start:%Y-%m-%d %H:%M} and {window.end:%Y-%m-%d %H:%M} UTC",
        )
    return sealed


def _seal(tx: SealTx, window: Window, customers: Sequence[Ref]) -> list[CheckpointRow]:
    heads = tx.balance_heads(customers, lock=True)  # nobody writes or seals these until we are done
    there = tx.checkpoints_over(customers, window)
    left = [ref for ref in customers if ref not in there and ref in heads]
    found = tx.to_seal(left, window) if left else []
    if not found:
        return [there[ref] for ref in customers if ref in there]
    refs = [s.customer_ref for s in found]
    leaves, reasons = tx.leaves_within(refs, window), tx.reasons_within(refs, window)
    known = tx.customers(refs)
    entities = tx.entities(list({c.entity_ref for c in known.values()}))
    unit = tx.balance_setting().unit
    rows, records = [], []
    for s in found:
        head = heads[s.customer_ref]
        row = _checkpoint(tx, s, head, window, leaves[s.customer_ref])
        receipt = _receipt(row, known[s.customer_ref], entities, reasons[s.customer_ref], head.unit or unit)
        rows.append(row)
        records.append((row.ref, BALANCE_RECEIPT, balance_record(receipt), tx.new_salt()))
    tx.add_checkpoints(rows)
    tx.add_records(records)
    tx.add_handles([(display_id("chk", row.ref), "balance_receipt", row.ref) for row in rows])
    tx.audit_all("seal", "balance", [(r.ref, {"customer_ref": r.customer_ref, "root": r.root.hex()}) for r in rows])
    announce(tx, [
        News(kind, _told(row, known[row.customer_ref])) for row in rows for kind in ("checkpoint.verified", "receipt.generated")
    ])
    there |= {row.customer_ref: row for row in rows}
    return [there[ref] for ref in customers if ref in there]


def _checkpoint(tx: SealTx, s: Sealing, head: Head, window: Window, leaves: Sequence[bytes]) -> CheckpointRow:
    assert len(leaves) == s.last_sequence - s.first_sequence + 1, "numbers have no gap, and windows take whole stretches"
    starting = head.balance - s.since
    return CheckpointRow(
        ref=tx.new_ref(), customer_ref=s.customer_ref, window=window, period=month_name(window),
        starting_balance=starting, ending_balance=starting + s.total, first_sequence=s.first_sequence,
        last_sequence=s.last_sequence, root=root_of(leaves), created_at=tx.now,
    )


def _receipt(
    row: CheckpointRow, customer: Customer, entities: Mapping[Ref, Entity], lines: Sequence[ReasonLine], unit: str
) -> BalanceReceipt:
    return BalanceReceipt(
        ref=row.ref, issuer_name=entities[customer.entity_ref].name, customer_ref=customer.ref,
        customer_id=customer_id(customer), customer_name=customer.name, starts_at=row.window.start,
        ends_at=row.window.end, period=row.period, unit=unit, starting_balance=row.starting_balance,
        ending_balance=row.ending_balance, first_sequence=row.first_sequence, last_sequence=row.last_sequence,
        root=row.root.hex(), lines=tuple(lines), sealed_at=row.created_at,
    )


def _told(row: CheckpointRow, customer: Customer) -> dict[str, object]:
    return {
        "receipt_ref": row.ref, "type": BALANCE_RECEIPT, "customer_ref": row.customer_ref, "customer_id": customer_id(customer),
        "handle": display_id("chk", row.ref), "period": row.period, "starts_at": row.window.start,
        "ends_at": row.window.end, "delta_count": row.delta_count, "root": row.root.hex(),
        "starting_balance": decimal_text(row.starting_balance), "ending_balance": decimal_text(row.ending_balance),
    }
