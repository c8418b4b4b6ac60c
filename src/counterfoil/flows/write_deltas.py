"""Write deltas: each gets the next number of its customer's record, without a gap, whoever writes at the same time."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from counterfoil.core.balance.delta import Delta, delta_leaf
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.quantity import ZERO, decimal_text
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.announce import News, announce
from counterfoil.flows.balance_rows import Claim, Claimed, DeltaRow, Head
from counterfoil.flows.ports import Tx

MAX_DELTA = Decimal(10) ** 9
"""The largest change, either way."""
VERIFIED = "delta.verified"
MAX_REASON = 500
MAX_REFERENCE = 255
MAX_METADATA = 16_384
"""Characters of JSON."""


@dataclass(frozen=True, slots=True)
class NewDelta:
    """A change that somebody reports. `metadata`: JSON as one text, "" for none; `adjusts`: the delta that it corrects."""

    customer_ref: Ref
    amount: Decimal
    reason: str
    reference_id: str | None = None
    metadata: str = ""
    adjusts: Ref | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a report: its delta; `repeated` when it was recorded before under the same reference; or why it was
    not recorded, which a batch says item by item."""

    row: DeltaRow | None = None
    repeated: bool = False
    error: str = ""


def delta_problems(new: NewDelta, most: Decimal = MAX_DELTA) -> Iterable[Problem]:
    """What is wrong with a reported change; `most`: how large it may be, either way."""
    if new.amount == 0:
        yield Problem("delta", "must not be 0")
    if abs(new.amount) > most:
        yield Problem("delta", f"must be within {most:,} of 0")
    if not (new.reason.strip() and len(new.reason) <= MAX_REASON):
        yield Problem("reason", f"must have 1 to {MAX_REASON} characters")
    if new.reference_id is not None and not 1 <= len(new.reference_id) <= MAX_REFERENCE:
        yield Problem("referenceId", f"must have 1 to {MAX_REFERENCE} characters")
    if len(new.metadata) > MAX_METADATA:
        yield Problem("metadata", f"must not have more than {MAX_METADATA} characters of JSON")


def write_deltas(tx: Tx, new: Sequence[NewDelta], *, most: Decimal = MAX_DELTA) -> list[DeltaRow]:
    """Record these changes, all or none, in the order given; Invalid names what is wrong with which.

    From the commit on they are verified: numbered without a gap, and each proves itself by its leaf.
    """
    if not new:
        return []
    where = [""] if len(new) == 1 else [f"[{n}]" for n in range(len(new))]
    refuse_if(p.under(w) for w, x in zip(where, new, strict=True) for p in delta_problems(x, most))
    claimed = claim(tx, new)
    left = Counter(x.customer_ref for x in new)
    rows = []
    for x in new:
        head = claimed[x.customer_ref]
        delta = Delta(
            ref=tx.new_ref(), customer_ref=x.customer_ref, sequence=head.last_sequence - left[x.customer_ref] + 1,
            amount=x.amount, reason=x.reason, recorded_at=tx.now, counts_at=head.counts_from,
            reference_id=x.reference_id, metadata=x.metadata, adjusts=x.adjusts,
        )
        left[x.customer_ref] -= 1
        rows.append(DeltaRow(delta, delta_leaf(delta)))
    tx.add_deltas([(row.delta, row.leaf) for row in rows])
    _announce(tx, rows)
    return rows


def write_batch(tx: Tx, reports: Sequence[NewDelta | str]) -> list[Written]:
    """Record what can be recorded of many reports; a text among them is why one cannot be read.

    A report whose customer has a delta under its reference already, over the same amount, is that delta again; over
    another amount it is refused, since one of the two would be lost.
    """
    faults = {
        n: x if isinstance(x, str) else "; ".join(f"{p.field}: {p.message}" for p in delta_problems(x))
        for n, x in enumerate(reports)
    }
    sound = {n: x for n, x in enumerate(reports) if not faults[n] and isinstance(x, NewDelta)}
    known = _known(tx, sound.values())
    answers: dict[int, Written] = {n: Written(error=fault) for n, fault in faults.items() if fault}
    first: dict[tuple[Ref, str], int] = {}
    again: dict[int, int] = {}
    for n, x in list(sound.items()):
        key = (x.customer_ref, x.reference_id or "")
        before = known.get(key, []) if x.reference_id else []
        same = next((row for row in before if row.delta.amount == x.amount), None)
        if same is not None:
            answers[n] = Written(same, repeated=True)
        elif before or (x.reference_id and key in first and sound[first[key]].amount != x.amount):
            answers[n] = Written(error=f"referenceId: {x.reference_id!r} stands for another amount of this customer")
        elif x.reference_id and key in first:
            again[n] = first[key]
        else:
            first[key] = n
            continue
    fresh = [n for n in sound if n not in answers and n not in again]
    for n, row in zip(fresh, write_deltas(tx, [sound[n] for n in fresh]), strict=True):
        answers[n] = Written(row)
    for n, earlier in again.items():
        answers[n] = Written(answers[earlier].row, repeated=True)
    return [answers[n] for n in range(len(reports))]


def _known(tx: Tx, new: Iterable[NewDelta]) -> Mapping[tuple[Ref, str], list[DeltaRow]]:
    """What was recorded before under the references of these, read once nobody else can add to it."""
    pairs = sorted({(x.customer_ref, x.reference_id) for x in new if x.reference_id})
    if not pairs:
        return {}
    hold(tx, sorted({customer for customer, _ in pairs}))
    return tx.deltas_referred_to(pairs)


def claim(tx: Tx, new: Sequence[NewDelta]) -> dict[Ref, Claimed]:
    """Numbers for these, in one statement; records are made for customers that had none."""
    counts = Counter(x.customer_ref for x in new)
    totals: dict[Ref, Decimal] = dict.fromkeys(counts, ZERO)
    for x in new:
        totals[x.customer_ref] += x.amount
    return _claimed(tx, [Claim(ref, counts[ref], totals[ref], *_names(tx)) for ref in sorted(counts)])


def hold(tx: Tx, customers: Sequence[Ref]) -> dict[Ref, Claimed]:
    """Hold the records of these customers until the transaction ends; those that had none get one."""
    return _claimed(tx, [Claim(ref, 0, ZERO, *_names(tx)) for ref in customers])


def _claimed(tx: Tx, claims: Sequence[Claim]) -> dict[Ref, Claimed]:
    found = {c.customer_ref: c for c in tx.claim_numbers(claims)}
    made = [c for c in found.values() if c.new]
    if made:
        tx.add_handles([(c.handle, "customer", c.customer_ref) for c in made])
    return found


def _names(tx: Tx) -> tuple[str, str]:
    """A handle and an access code that nobody can guess: 128 and 40 bits of chance."""
    chance = tx.new_salt()
    handle = base64.urlsafe_b64encode(chance[:16]).decode().rstrip("=")
    code = base64.b32encode(chance[16:21]).decode()
    return handle, f"{code[:4]}-{code[4:]}"


def customer_id(customer: Customer) -> str:
    """What those who write deltas call a customer."""
    return customer.external_id or display_id("cus", customer.ref)


def find_adjusted(tx: Tx, customer: Ref, *, record: Ref | None, reference_id: str | None) -> Ref:
    """The committed delta that a correction points to, by its record or by its reference (the latest of several); NotFound
    `balance.adjusted_not_found`."""
    row = None if record is None else tx.delta_row(record)
    if record is None and reference_id is not None:
        row = next(reversed(tx.deltas_referred_to([(customer, reference_id)]).get((customer, reference_id), [])), None)
    if row is None or row.delta.customer_ref != customer:
        raise NotFound("balance.adjusted_not_found", "adjusts: this customer has no such delta")
    return row.delta.ref


def open_record(tx: Tx, customer: Customer, unit: str | None = None) -> Head:
    """Give a customer a record before its first delta. Conflict for one that has one already."""
    held = hold(tx, [customer.ref])[customer.ref]
    if not held.new:
        raise Conflict("balance.customer_exists", f"there is a record of customer {customer_id(customer)!r} already")
    if unit is not None:
        tx.set_balance_unit(customer.ref, unit)
    tx.audit("open", "balance", customer.ref, after={"unit": unit})
    return tx.balance_heads([customer.ref])[customer.ref]


def _announce(tx: Tx, rows: Sequence[DeltaRow]) -> None:
    """Tell of deltas, under the names that their customers are called by; these are read only if anybody listens."""
    if not tx.subscriptions([VERIFIED]):
        return
    customers = tx.customers(sorted({row.delta.customer_ref for row in rows}))
    announce(tx, [News(VERIFIED, _told(row, customers[row.delta.customer_ref])) for row in rows])


def _told(row: DeltaRow, customer: Customer) -> dict[str, object]:
    d = row.delta
    return {
        "delta_ref": d.ref, "customer_ref": d.customer_ref, "customer_id": customer_id(customer),
        "amount": decimal_text(d.amount), "sequence": d.sequence, "reason": d.reason, "reference_id": d.reference_id,
        "leaf": row.leaf.hex(), "recorded_at": d.recorded_at,
    }
