"""Settle payments: money that came in is booked, and settles documents. The one way in which anything is paid.

Money received is posted over the whole payment (debit clearing or the bank, credit the customer's receivable). What of it
settles which document is kept beside the books, in rows that are only added: `allocate` adds, `take_back` adds with the other
sign. Everything that moves money of a customer holds that customer's account first, so that nobody allocates the same money,
or settles the same document, twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from counterfoil.core.basis.ids import Ref, derived_ref, is_ref
from counterfoil.core.basis.money import CURRENCIES, MAX_MINOR
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.ledger.entry import Entry
from counterfoil.core.payments import posting
from counterfoil.core.payments.allocation import OpenDocument, Part, oldest_first, together
from counterfoil.core.payments.payment import PaymentState, after, payment_number
from counterfoil.flows.apply_money import Move, move_money, seal_receipts, tell
from counterfoil.flows.deliver import promise_confirmations
from counterfoil.flows.find_payments import find_payment, find_posted, held_parts, open_document
from counterfoil.flows.payment_rows import Intent, NewPayment, OpenRow, PaymentRow, RefundRow
from counterfoil.flows.ports import DocumentRow, Tx
from counterfoil.flows.write_own_deltas import Moved, write_money

__all__ = ["NewPayment", "PaymentRow", "RefundRow", "allocate", "book_fee", "book_payout", "draft_payments", "move_payment",
           "settle_payments", "take_back"]  # fmt: skip

WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST = {"provider": 40, "provider_ref": 255, "reference": 500, "memo": 2000, "metadata": 16_000}
"""Characters."""


def settle_payments(tx: Tx, new: Sequence[NewPayment]) -> list[PaymentRow]:
    """Post these payments, all or none: booked, allocated, each with its receipt; as they are afterwards, in the order given.

    A payment that a provider named before is not settled again: it is answered as it is (and posted, if it was still on its
    way). What a document named in `to` no longer asks for stays unapplied: the money is here, whatever became of the document.
    Invalid names every field that is wrong: among them a document of another customer, entity or currency.
    """
    return _settled(tx, new, "posted")


def draft_payments(tx: Tx, new: Sequence[NewPayment], state: PaymentState = "draft") -> list[PaymentRow]:
    """Keep payments whose money is not here yet, in a state before `posted`; nothing is booked. `move_payment` goes on."""
    assert state in ("draft", "processing", "requires_action"), state
    return _settled(tx, new, state)


def move_payment(
    tx: Tx, payment_ref: str, state: PaymentState, *, at: datetime | None = None, provider: str = "", provider_ref: str = "",
    code: str = "", message: str = "", fee_minor: int | None = None,
) -> PaymentRow:
    """Take a payment to another state and write down the attempt, with what the provider said. Posting books and allocates it
    as it was meant to be. The state that it has already changes nothing; Conflict `payment.transition_not_allowed` for one
    that does not follow."""
    row = find_payment(tx, payment_ref, lock=True)
    if after(row.state, state) == row.state:
        return row
    intent = row.intent if fee_minor is None else replace(row.intent, fee_minor=fee_minor)
    received_at = (at or tx.now) if state == "posted" else None
    tx.change_payment(
        row.ref, state, received_at=received_at, provider=provider, provider_ref=provider_ref, intent=intent
    )
    if row.state != "draft":
        tx.add_payment_attempt(row.ref, state, provider_ref, code, message)
    tx.audit("move", "payment", row.ref, before={"state": row.state}, after={"state": state, "code": code}, why=message)
    row = tx.payment_rows([row.ref])[row.ref]
    if state == "posted":
        _post(tx, [row], _plan(tx, [row]))
        return tx.payment_rows([row.ref])[row.ref]
    tell(tx, f"payment.{state}", [row], code=code, message=message)
    return row


def allocate(tx: Tx, payment_ref: str, parts: Sequence[Part] | None = None, why: str = "") -> PaymentRow:
    """Settle documents with money of a payment that is free; without `parts` the customer's oldest open documents.

    Invalid for a document of another customer, entity or currency, and for an amount that is not above zero; Conflict
    `payment.not_free` for more than is free, `document.not_open` for more than a document asks for.
    """
    row = find_posted(tx, payment_ref)
    free = row.money.free_minor
    if parts is None:
        parts = oldest_first(free, [_open(d) for d in _open_for(tx, [row]).get(_books(row), ())])
    parts = together(parts)
    documents = {ref: open_document(tx, ref) for ref, _minor in parts}
    refuse_if(_part_problems(row, parts, documents), "allocation.bad")
    if sum(minor for _ref, minor in parts) > free:
        raise Conflict("payment.not_free", f"{free} minor units of {payment_number(row.number)} are free to be allocated")
    for ref, minor in parts:
        if minor > documents[ref].open_minor:
            raise Conflict("document.not_open", f"{documents[ref].open_minor} minor units of {documents[ref].number} are open")
    move_money(tx, [Move(row.ref, ref, minor) for ref, minor in parts], why=why)
    if parts:
        seal_receipts(tx, [row.ref])
        tx.audit("allocate", "payment", row.ref, after={"to": dict(parts)}, why=why)
    return find_payment(tx, row.ref)


def take_back(tx: Tx, payment_ref: str, document_ref: str, amount_minor: int | None = None, why: str = "") -> PaymentRow:
    """Take back what a payment settled of a document, or part of it: the document is open again, the money free.

    Conflict `allocation.too_much` for more than the payment settles of it.
    """
    row = find_posted(tx, payment_ref)
    move_money(tx, _taken(tx, row, [(Ref(document_ref), amount_minor)]), why=why)
    seal_receipts(tx, [row.ref])
    tx.audit("take_back", "payment", row.ref, after={"document_ref": document_ref, "amount_minor": amount_minor}, why=why)
    return find_payment(tx, row.ref)


def taken_by_name(tx: Tx, row: PaymentRow, parts: Sequence[Part]) -> list[Move]:
    """What takes these parts of a payment off the documents that they name; Conflict `allocation.too_much`."""
    return _taken(tx, row, together(parts))


def book_fee(tx: Tx, payment_ref: str, fee_minor: int, *, key: str = "", at: datetime | None = None) -> bool:
    """Book what a provider kept of a payment (below zero: gave back); False when it was booked before under that key."""
    row = find_posted(tx, payment_ref)
    ref = f"{row.ref} {key}" if key else row.ref
    if not fee_minor or tx.has_entry(posting.entry_ref("payment_fee", ref)):
        return False
    entity = tx.entities([row.entity_ref])[row.entity_ref]
    tx.add_entries([posting.fee(booked(row, entity, at or tx.now, "fee of"), ref, fee_minor)])
    return True


def book_payout(
    tx: Tx, entity_ref: Ref, currency: str, amount_minor: int, at: datetime, *, provider: str, provider_ref: str,
    fee_minor: int = 0, memo: str = "",
) -> bool:
    """Book what a provider paid out to the bank (below zero: took from it), and what it kept of it as a fee of its own; False
    when it was booked before."""
    ref = f"{provider} {provider_ref}"
    tx.lock(f"payout {ref}")
    if tx.has_entry(posting.entry_ref("payout", ref)):
        return False
    entity = tx.entities([entity_ref])[entity_ref]
    of = posting.Booked(entity_ref, currency, local_date(at, entity.time_zone), memo or f"payout {provider_ref} of {provider}")
    tx.add_entries([
        *([posting.paid_out(of, ref, amount_minor)] if amount_minor else []),
        *([posting.fee(of, ref, fee_minor)] if fee_minor else []),
    ])
    return True


def booked(row: PaymentRow, entity: Entity, at: datetime, verb: str, document: Ref | None = None) -> posting.Booked:
    """Where and when something about a payment is booked."""
    memo = f"{verb} {payment_number(row.number)}" + (f" {row.reference}" if row.reference else "")
    return posting.Booked(row.entity_ref, row.currency, local_date(at, entity.time_zone), memo[:500], row.ref, document)


# settling ---------------------------------------------------------------------------------------------------------------

Books = tuple[Ref, Ref, str]
"""Customer, entity, currency: money never settles across these."""


def _settled(tx: Tx, new: Sequence[NewPayment], state: PaymentState) -> list[PaymentRow]:
    if not new:
        return []
    refuse_if((p.under(_where(new, n)) for n, x in enumerate(new) for p in payment_problems(x)), "payment.bad")
    tx.lock_accounts([x.customer_ref for x in new])
    # two who tell of one payment meet at its customer's account; were it told for two customers, the second insert fails
    known = tx.payments_named(sorted({(x.provider, x.provider_ref) for x in new if x.provider}))
    _check_parties(tx, new)
    _check_parts(tx, new)
    first = 0
    made: list[PaymentRow] = []
    refs: list[Ref] = []
    for x in new:
        name = (x.provider, x.provider_ref)
        if x.provider and name in known:
            refs.append(known[name])
            continue
        ref = derived_ref("payment", tx.this_tenant().ref, *name) if x.provider else tx.new_ref()
        if x.provider:
            known[name] = ref
        refs.append(ref)
        made.append(_row(tx, ref, x, state))
    if made:
        first = tx.next_payment_numbers(len(made))
        made = [replace(row, number=first + n) for n, row in enumerate(made)]
        tx.add_payments(made)
        tx.audit_all("create", "payment", [(row.ref, row) for row in made])
    if state == "posted":
        fresh = {row.ref for row in made}
        for row in tx.payment_rows(list(dict.fromkeys(r for r in refs if r not in fresh))).values():
            if row.state != "posted":
                move_payment(tx, row.ref, "posted", at=_received_at(new, refs, row.ref))
        _post(tx, made, _plan(tx, made))
    rows = tx.payment_rows(list(dict.fromkeys(refs)))
    return [rows[ref] for ref in refs]


def _received_at(new: Sequence[NewPayment], refs: Sequence[Ref], ref: Ref) -> datetime:
    return new[refs.index(ref)].received_at


def _row(tx: Tx, ref: Ref, x: NewPayment, state: PaymentState) -> PaymentRow:
    return PaymentRow(
        ref=ref, number=0, entity_ref=x.entity_ref, customer_ref=x.customer_ref, customer_name="", currency=x.currency,
        amount_minor=x.amount_minor, method=x.method, state=state, received_at=x.received_at, provider=x.provider,
        provider_ref=x.provider_ref, reference=x.reference, memo=x.memo, metadata=x.metadata, source_ref=x.source_ref,
        created_at=tx.now, updated_at=tx.now, intent=Intent(together(x.to), x.auto, x.into, x.fee_minor),
    )


def _plan(tx: Tx, rows: Sequence[PaymentRow]) -> dict[Ref, tuple[Part, ...]]:
    """What each payment settles: the documents it names as far as they are open, then, where it may, the oldest."""
    wanted = {ref for row in rows for ref, _minor in row.intent.to}
    left = {d.ref: d.open_minor for d in tx.document_rows(sorted(wanted)).values()} if wanted else {}
    ours = _open_for(tx, [row for row in rows if row.intent.auto])
    for documents in ours.values():
        left |= {d.ref: d.open_minor for d in documents}
    plan: dict[Ref, tuple[Part, ...]] = {}
    for row in rows:
        money, parts = row.amount_minor, list[Part]()
        for ref, minor in row.intent.to:
            part = min(minor, left.get(ref, 0), money)
            if part > 0:
                parts.append((ref, part))
                left[ref] -= part
                money -= part
        if row.intent.auto:
            open_now = [replace(_open(d), open_minor=left[d.ref]) for d in ours.get(_books(row), ())]
            for ref, part in oldest_first(money, open_now):
                parts.append((ref, part))
                left[ref] -= part
        plan[row.ref] = together(parts)
    return plan


def _post(tx: Tx, rows: Sequence[PaymentRow], plan: Mapping[Ref, tuple[Part, ...]]) -> None:
    """Book payments, settle what they are to settle, issue their receipts, and tell of it."""
    if not rows:
        return
    entities = tx.entities(list({row.entity_ref for row in rows}))
    named = tx.document_rows([ref for parts in plan.values() for ref, _minor in parts]) if any(plan.values()) else {}
    entries: list[Entry] = []
    for row in rows:
        documents = [named[ref] for ref, _minor in plan[row.ref]]
        only = documents[0].ref if len(documents) == 1 else None
        of = booked(row, entities[row.entity_ref], row.received_at, "payment", only)
        if documents:
            of = replace(of, memo=("payment of " + ", ".join(d.number for d in documents))[:500])
        entries.append(posting.received(of, row.ref, row.customer_ref, row.amount_minor, row.intent.into))
        if row.intent.fee_minor:
            of = booked(row, entities[row.entity_ref], row.received_at, "fee of")
            entries.append(posting.fee(of, row.ref, row.intent.fee_minor, row.intent.into))
    tx.add_entries(entries)
    move_money(tx, [Move(row.ref, ref, minor, row.received_at) for row in rows for ref, minor in plan[row.ref]])
    seal_receipts(tx, [row.ref for row in rows], entities)
    promise_confirmations(tx, [(row, plan[row.ref][0][0]) for row in rows if plan[row.ref]])
    write_money(tx, [
        Moved(row.customer_ref, row.currency, -row.amount_minor, "payment", _reference(row, plan[row.ref], named)) for row in rows
    ])
    settled = {ref: [document for document, _minor in parts] for ref, parts in plan.items()}
    tell(tx, "payment.posted", list(tx.payment_rows([row.ref for row in rows]).values()), settled)


def _reference(row: PaymentRow, parts: Sequence[Part], named: Mapping[Ref, DocumentRow]) -> str:
    """What a balance delta calls a payment: the one document that it pays, or its own number."""
    return named[parts[0][0]].number if len(parts) == 1 else payment_number(row.number)


def _open_for(tx: Tx, rows: Sequence[PaymentRow]) -> dict[Books, list[OpenRow]]:
    found: dict[Books, list[OpenRow]] = {}
    if rows:
        for d in tx.open_documents(sorted({row.customer_ref for row in rows})):
            found.setdefault((d.customer_ref, d.entity_ref, d.currency), []).append(d)
    return found


def _books(row: PaymentRow) -> Books:
    return row.customer_ref, row.entity_ref, row.currency


def _open(d: OpenRow) -> OpenDocument:
    return OpenDocument(d.ref, d.number, d.due_on, d.open_minor)


def _taken(tx: Tx, row: PaymentRow, parts: Sequence[tuple[Ref, int | None]]) -> list[Move]:
    held = dict(held_parts(tx.allocations_of([row.ref])))
    moves = []
    for ref, minor in parts:
        most = held.get(ref, 0)
        minor = most if minor is None else minor
        if minor <= 0 or minor > most:
            raise Conflict(
                "allocation.too_much", f"{payment_number(row.number)} settles {most} minor units of the document {ref}"
            )
        moves.append(Move(row.ref, ref, -minor))
    return moves


# what may be wrong ------------------------------------------------------------------------------------------------------


def payment_problems(x: NewPayment) -> Iterator[Problem]:
    """What is wrong with a payment by itself."""
    if x.currency not in CURRENCIES:
        yield Problem("currency", f"{x.currency[:40]!r} is not an ISO 4217 currency code such as EUR")
    if not 0 < x.amount_minor < MAX_MINOR:
        yield Problem("amount", "must be more than 0, and not beyond what money is counted to")
    if not WORD.fullmatch(x.method):
        yield Problem("method", f"must be a word such as card or bank_transfer, not {x.method[:40]!r}")
    if bool(x.provider) != bool(x.provider_ref):
        yield Problem("provider_ref", "must be given with provider, and only with it")
    for name, most in LONGEST.items():
        if len(getattr(x, name)) > most:
            yield Problem(name, f"must not have more than {most} characters")
    for n, (ref, minor) in enumerate(x.to):
        if not is_ref(ref):
            yield Problem(f"to[{n}].document_ref", f"{ref[:100]!r} is no reference")
        if minor <= 0:
            yield Problem(f"to[{n}].amount", "must be more than 0")
    if sum(minor for _ref, minor in x.to) > x.amount_minor > 0:
        yield Problem("to", "comes to more than the payment")


def _check_parties(tx: Tx, new: Sequence[NewPayment]) -> None:
    entities = tx.entities(sorted({x.entity_ref for x in new}))
    customers: Mapping[Ref, Customer] = tx.customers(sorted({x.customer_ref for x in new}))
    for x in new:
        if x.entity_ref not in entities:
            raise NotFound("entity.not_found", f"there is no entity {x.entity_ref}")
        if x.customer_ref not in customers:
            raise NotFound("customer.not_found", f"there is no customer {x.customer_ref}")


def _check_parts(tx: Tx, new: Sequence[NewPayment]) -> None:
    wanted = {ref for x in new for ref, _minor in x.to}
    if not wanted:
        return
    documents = tx.document_rows(sorted(wanted))
    refuse_if(
        (p.under(_where(new, n)) for n, x in enumerate(new) for p in _part_problems(x, x.to, documents)), "payment.bad"
    )


def _part_problems(
    x: NewPayment | PaymentRow, parts: Sequence[Part], documents: Mapping[Ref, DocumentRow]
) -> Iterator[Problem]:
    for n, (ref, minor) in enumerate(parts):
        d = documents.get(ref)
        if d is None:
            yield Problem(f"to[{n}].document_ref", f"there is no document {ref}")
        elif d.kind == "CREDIT":
            yield Problem(f"to[{n}].document_ref", f"{d.number} is a credit note: nothing is paid on it")
        elif d.customer_ref != x.customer_ref:
            yield Problem(f"to[{n}].document_ref", f"{d.number} is of another customer")
        elif d.entity_ref != x.entity_ref:
            yield Problem(f"to[{n}].document_ref", f"{d.number} is in the books of another entity")
        elif d.currency != x.currency:
            yield Problem(f"to[{n}].document_ref", f"{d.number} is in {d.currency}, and the payment in {x.currency}")
        if minor <= 0:
            yield Problem(f"to[{n}].amount", "must be more than 0")


def _where(new: Sequence[NewPayment], n: int) -> str:
    return "" if len(new) == 1 else f"[{n}]"
