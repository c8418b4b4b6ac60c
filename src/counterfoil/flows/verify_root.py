"""Verify a proof root: against the deltas that are stored, and against the log that is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.balance.delta import delta_leaf
from counterfoil.core.balance.window import Summary, summary_of, window_root
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.receipts.balance import record_balance
from counterfoil.core.tlog.tree import root_of, verify_inclusion
from counterfoil.flows.balance_rows import CheckpointRow, DeltaRow
from counterfoil.flows.prove import ProofTx
from counterfoil.flows.prove_inclusion import inclusion
from counterfoil.flows.read_balances import ReadTx, checkpoint_of, delta_of

MOST_READ = 5_000
"""Deltas of a window that are encoded and hashed anew; of a larger one the stored leaf hashes are."""


class VerifyTx(ReadTx, ProofTx, Protocol):
    """What verifying needs of the store."""

    def record(self, ref: Ref) -> Any: ...
    def this_tenant(self) -> Any: ...
    def latest_checkpoint(self) -> Any: ...
    def leaf_index(self, ref: Ref) -> int | None: ...
    def cosigners(self, index: int) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Published:
    """Where a sealed record stands in the published log: under a signed head over `size` records. `witnesses`: who
    cosigned a head over it."""

    index: int
    size: int
    holds: bool
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a proof root stands for, and whether it holds. `checkpoint` None: it is the root of one delta alone.

    `published` None: it is in no record that the log has taken in. `deltas`: what may be shown of them.
    """

    root: bytes
    stored: bool
    recorded_at: datetime
    summary: Summary
    starting_balance: Decimal
    ending_balance: Decimal
    checkpoint: CheckpointRow | None
    delta: DeltaRow | None
    published: Published | None
    deltas: tuple[DeltaRow, ...] = ()


def verify_root(tx: VerifyTx, noun: str, ref: Ref, *, log: bool) -> Verified:
    """Verify the root of a checkpoint, or of a delta alone. `log`: also against the published log.

    Deltas are shown where the tenant lets those who hold a proof root see them, up to 5,000.
    """
    return _checkpoint(tx, checkpoint_of(tx, ref), log=log) if noun == "checkpoint" else _delta(tx, delta_of(tx, ref))


def _checkpoint(tx: VerifyTx, row: CheckpointRow, *, log: bool) -> Verified:
    sealed = tx.record(row.ref)
    assert sealed is not None, "a checkpoint and its record are written together"
    receipt = record_balance(sealed.body)
    ends = (row.customer_ref, row.first_sequence, row.last_sequence)
    deltas: Sequence[DeltaRow] = ()
    if row.delta_count <= MOST_READ:
        deltas = tx.deltas_between(*ends)
        summary = summary_of([d.delta for d in deltas])
        root = window_root([d.delta for d in deltas])
    else:
        summary = tx.summary_between(*ends)
        root = root_of(tx.leaves_between(*ends))
    holds = (
        root == row.root == bytes.fromhex(receipt.root)
        and summary.count == row.delta_count == receipt.delta_count
        and row.starting_balance + summary.total == row.ending_balance == receipt.ending_balance
    )
    shown = tuple(deltas) if tx.balance_setting().show_records else ()
    return Verified(
        row.root, holds, row.created_at, summary, row.starting_balance, row.ending_balance, row, None,
        _published(tx, row.ref) if log else None, shown,
    )


def _delta(tx: VerifyTx, row: DeltaRow) -> Verified:
    d = row.delta
    before = tx.summary_between(d.customer_ref, 1, d.sequence - 1).total if d.sequence > 1 else ZERO
    shown = (row,) if tx.balance_setting().show_records else ()
    return Verified(
        row.leaf, delta_leaf(d) == row.leaf, d.recorded_at, summary_of([d]), before, before + d.amount, None, row, None, shown
    )


def _published(tx: VerifyTx, ref: Ref) -> Published | None:
    head, index = tx.latest_checkpoint(), tx.leaf_index(ref)
    if head is None or index is None or index >= head.size:
        return None
    found = inclusion(tx, ref)
    holds = verify_inclusion(found.leaf, found.index, found.size, found.proof, tx.latest_checkpoint().root)
    return Published(found.index, found.size, holds, tuple(tx.cosigners(found.index)))
