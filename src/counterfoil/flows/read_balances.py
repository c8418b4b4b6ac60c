"""Read balances: what a window of a customer's record comes to, whether sides agree, and what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol

from counterfoil.core.balance.scope import EARLIEST, LATEST, Asked, month_of, window_of
from counterfoil.core.balance.window import Comparison, Step, Summary, agreed_until
from counterfoil.core.basis.ids import Ref, read_id
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import ZERO, decimal_text
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.announce import News, announce
from counterfoil.flows.balance_rows import CheckpointRow, CustomerRow, DeltaRow, Head, Totals
from counterfoil.flows.find_party import find_customer
from counterfoil.flows.seal_balances import SealTx
from counterfoil.flows.write_deltas import customer_id

Part = Literal["day", "week", "month"]
MAX_BALANCE = Decimal(10) ** 15
"""The largest opening balance and balance of a side, either way."""
ALWAYS = Window(datetime(EARLIEST, 1, 1, tzinfo=UTC), datetime(LATEST, 1, 1, tzinfo=UTC))
MAX_HISTORY = 100_000
"""Deltas that a receipt over everything covers."""
RECENT = 100
"""Deltas and receipts that a shared record shows."""


class ReadTx(SealTx, Protocol):
    """What reading needs of the store."""

    def delta_page(
        self, customer: Ref, window: Window | None, limit: int, offset: int = 0, *, newest_first: bool = False
    ) -> list[DeltaRow]: ...
    def deltas_between(self, customer: Ref, first: int, last: int) -> list[DeltaRow]: ...
    def leaves_between(self, customer: Ref, first: int, last: int) -> list[bytes]: ...
    def summary_between(self, customer: Ref, first: int, last: int) -> Summary: ...
    def summary_within(self, customer: Ref, window: Window, *, after: int = 0) -> Summary: ...
    def deltas_by_part(
        self, customer: Ref, window: Window, part: str, *, after: int = 0
    ) -> list[tuple[datetime, int, Decimal]]: ...
    def months_of_deltas(self, customer: Ref) -> list[tuple[datetime, int, Decimal, Decimal]]: ...
    def balance_checkpoint(self, ref: Ref) -> CheckpointRow | None: ...
    def checkpoint_under(self, customer: Ref, root: bytes) -> CheckpointRow | None: ...
    def balance_checkpoints(
        self, customer: Ref | None, window: Window | None, limit: int, offset: int = 0
    ) -> tuple[list[CheckpointRow], int]: ...
    def last_checkpoints(self, customers: Sequence[Ref]) -> dict[Ref, CheckpointRow]: ...
    def balance_customers(self, search: str | None, limit: int, offset: int) -> tuple[list[CustomerRow], int]: ...
    def balance_totals(self, month: Window) -> Totals: ...


@dataclass(frozen=True, slots=True)
class View:
    """A stretch of a customer's record: a window by when deltas were recorded, or everything after a checkpoint."""

    customer: Customer
    window: Window
    opening: Decimal
    checkpoint: CheckpointRow | None = None

    @property
    def after(self) -> int:
        """Only deltas with higher numbers belong to it."""
        return 0 if self.checkpoint is None else self.checkpoint.last_sequence


@dataclass(frozen=True, slots=True)
class Derived:
    """What a view comes to. `balance` covers all of it, `deltas` are a page."""

    view: View
    summary: Summary
    deltas: tuple[DeltaRow, ...]
    last: DeltaRow | None
    steps: tuple[Step, ...] | None

    @property
    def balance(self) -> Decimal:
        """The opening balance and everything in the view."""
        return self.view.opening + self.summary.total


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides beside the record; where granularity was asked for, until when each agreed with it."""

    view: View
    count: int
    result: Comparison
    steps: tuple[Step, ...] | None
    yours_until: datetime | None
    theirs_until: datetime | None


@dataclass(frozen=True, slots=True)
class SharedRecord:
    """What a customer sees on its permanent page. `deltas` and `receipts`: the newest, newest first; `months`: (beginning,
    how many deltas, what raises, what lowers)."""

    customer: Customer
    customer_id: str
    issuer_name: str
    unit: str
    head: Head
    months: tuple[tuple[datetime, int, Decimal, Decimal], ...]
    deltas: tuple[DeltaRow, ...]
    receipts: tuple[CheckpointRow, ...]


def customer_of(tx: ReadTx, name: str) -> Customer:
    """The customer that `name` stands for; NotFound `balance.customer_not_found`."""
    try:
        return find_customer(tx, name)
    except NotFound as error:
        raise NotFound("balance.customer_not_found", error.message) from None


def view_of(
    tx: ReadTx, name: str, asked: Asked, *, opening: Decimal = ZERO, checkpoint: str | None = None,
    checkpoint_type: str | None = None,
) -> View:
    """The stretch that is asked for: a window, or everything since a sealed window, whose ending balance then is part of the
    opening. Invalid for both together."""
    if abs(opening) > MAX_BALANCE:
        raise Invalid.field("startingBalance", "must be within 10^15 of 0")
    customer = customer_of(tx, name)
    if checkpoint is None:
        return View(customer, window_of(asked, tx.now), opening)
    if not asked.nothing:
        raise Invalid(
            "balance.invalid_scope_combination",
            "startingCheckpoint cannot be combined with period, timePreset, startDate, or endDate",
        )
    row = _checkpoint_called(tx, customer.ref, checkpoint, checkpoint_type)
    return View(customer, ALWAYS, opening + row.ending_balance, row)


def _checkpoint_called(tx: ReadTx, customer: Ref, text: str, kind: str | None) -> CheckpointRow:
    if kind not in (None, "proofRoot", "itemsRoot", "merkleRoot", "recordId", "anchorId"):
        raise Invalid.field("startingCheckpointType", "must be proofRoot or recordId")
    root, ref = read_root(text), read_id(text)
    row = None
    if root is not None:
        row = tx.checkpoint_under(customer, root)
    elif ref is not None:
        row = tx.balance_checkpoint(ref)
    if row is None or row.customer_ref != customer:
        raise NotFound("balance.checkpoint_not_found", f"this customer has no checkpoint {text[:80]!r}")
    return row


def read_root(text: str) -> bytes | None:
    """A proof root as it is spelled on the wire (`0x` and 64 hex digits, the `0x` may be left out); None for anything else."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if len(digits) != 64 or not all(c in "0123456789abcdefABCDEF" for c in digits):
        return None
    return bytes.fromhex(digits)


def derive(tx: ReadTx, view: View, *, limit: int = 100, offset: int = 0, part: Part | None = None) -> Derived:
    """What a view comes to, with a page of its deltas in the order of their numbers."""
    ref = view.customer.ref
    summary = tx.summary_within(ref, view.window, after=view.after)
    if view.after:
        deltas = tx.deltas_between(ref, view.after + 1 + offset, view.after + offset + limit)
        newest = tx.delta_page(ref, None, 1, newest_first=True)
        last = newest[0] if newest and newest[0].delta.sequence > view.after else None
    else:
        deltas = tx.delta_page(ref, view.window, limit, offset)
        last = next(iter(tx.delta_page(ref, view.window, 1, newest_first=True)), None)
    return Derived(view, summary, tuple(deltas), last, steps_of(tx, view, part))


def steps_of(tx: ReadTx, view: View, part: Part | None) -> tuple[Step, ...] | None:
    """The parts of a view in which anything was recorded, with the balance at the end of each."""
    if part is None:
        return None
    balance = view.opening
    steps = []
    for starts_at, count, total in tx.deltas_by_part(view.customer.ref, view.window, part, after=view.after):
        balance += total
        steps.append(Step(starts_at, _end(starts_at, part), count, total, balance))
    return tuple(steps)


def _end(starts_at: datetime, part: Part) -> datetime:
    return month_of(starts_at).end if part == "month" else starts_at + timedelta(days=7 if part == "week" else 1)


def compare(tx: ReadTx, view: View, yours: Decimal, theirs: Decimal, part: Part | None = None) -> Compared:
    """Two sides beside the record, as exact decimals."""
    for field, value in (("yourBalance", yours), ("theirBalance", theirs)):
        if abs(value) > MAX_BALANCE:
            raise Invalid.field(field, "must be within 10^15 of 0")
    summary = tx.summary_within(view.customer.ref, view.window, after=view.after)
    result = Comparison(view.opening + summary.total, yours, theirs)
    steps = steps_of(tx, view, part)
    announce(tx, [News("customer.compare_run", {
        "customer_ref": view.customer.ref, "customer_id": customer_id(view.customer),
        "neutral_balance": decimal_text(result.neutral), "matches_yours": not result.your_difference,
        "matches_theirs": not result.their_difference, "delta_count": summary.count,
    })])
    return Compared(
        view, summary.count, result, steps,
        None if steps is None else agreed_until(yours, view.opening, steps),
        None if steps is None else agreed_until(theirs, view.opening, steps),
    )


def checkpoint_of(tx: ReadTx, ref: Ref | None) -> CheckpointRow:
    """A sealed window; NotFound `receipt.not_found`."""
    row = None if ref is None else tx.balance_checkpoint(ref)
    if row is None:
        raise NotFound("receipt.not_found", "there is no such receipt")
    return row


def delta_of(tx: ReadTx, ref: Ref | None) -> DeltaRow:
    """A delta; NotFound `record.not_found`."""
    row = None if ref is None else tx.delta_row(ref)
    if row is None:
        raise NotFound("record.not_found", "there is no such record")
    return row


def shared_record(tx: ReadTx, customer_ref: Ref) -> SharedRecord:
    """What a customer sees of its own record; NotFound for a customer without one."""
    head, customer = tx.balance_heads([customer_ref]).get(customer_ref), tx.customers([customer_ref]).get(customer_ref)
    if head is None or customer is None:
        raise NotFound("balance.customer_not_found", "there is no record of this customer")
    receipts, _ = tx.balance_checkpoints(customer_ref, None, RECENT)
    return SharedRecord(
        customer=customer, customer_id=customer_id(customer),
        issuer_name=tx.entities([customer.entity_ref])[customer.entity_ref].name,
        unit=head.unit or tx.balance_setting().unit, head=head, months=tuple(tx.months_of_deltas(customer_ref)),
        deltas=tuple(tx.delta_page(customer_ref, None, RECENT, newest_first=True)), receipts=tuple(receipts),
    )
