"""Reconcile by hand: match a line, take a match back, set a line aside, and tell a provider's payout from a payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.payments import posting
from counterfoil.core.payments.allocation import Part, together
from counterfoil.core.payments.matching import Suggestion
from counterfoil.flows.bank_rows import BankTx, LineRow, LineState, MatchRow, StatementRow
from counterfoil.flows.find_payments import find_payment, held_parts, open_document
from counterfoil.flows.match_entries import Plan, post
from counterfoil.flows.reconcile_payouts import match_payout, unmatch_payout
from counterfoil.flows.refund_payment import refund
from counterfoil.flows.settle_payment import take_back


def find_statements(tx: BankTx, before: tuple[datetime, str] | None, limit: int) -> list[StatementRow]:
    """Statements, the latest import first."""
    return tx.bank_statements(before, limit)


def find_statement(tx: BankTx, ref: str) -> StatementRow:
    """One statement; NotFound `bank_statement.not_found`."""
    found = tx.bank_statement(ref) if is_ref(ref) else None
    if found is None:
        raise NotFound("bank_statement.not_found", f"there is no bank statement {ref[:100]}")
    return found


def find_lines(
    tx: BankTx, after: tuple[date, str] | None, limit: int, *, state: str | None = None, statement_ref: str | None = None,
    incoming: bool | None = None,
) -> list[LineRow]:
    """Lines by booking date, oldest first."""
    return tx.bank_line_page(after, limit, state=state, statement_ref=statement_ref, incoming=incoming)


def find_line(tx: BankTx, ref: str, *, lock: bool = False) -> LineRow:
    """One line; NotFound `bank_line.not_found`. `lock`: nobody else decides about it until the transaction ends."""
    found = tx.bank_lines([ref], lock=lock) if is_ref(ref) else {}
    if not found:
        raise NotFound("bank_line.not_found", f"there is no bank line {ref[:100]}")
    return found[Ref(ref)]


def decisions(tx: BankTx, lines: Sequence[str]) -> dict[Ref, list[MatchRow]]:
    """What was decided about lines, oldest first."""
    return tx.matches_of(lines)


def match_line(
    tx: BankTx, line_ref: str, parts: Sequence[Part], *, customer_ref: str | None = None, fee_minor: int = 0, why: str = ""
) -> LineRow:
    """Say what a line pays: so much of which documents. What it leaves stays unapplied on the customer; `fee_minor` was kept
    on the way, and is more than arrived.

    Conflict `bank_line.decided` when somebody was first; `document.not_open` for more than a document asks for. Invalid for
    documents of another entity or currency, and for parts that come to more than arrived.
    """
    line = _waiting(tx, line_ref, incoming=True)
    parts = together(parts)
    if fee_minor < 0:
        raise Invalid.field("fee", "must not be below zero")
    rest = line.amount_minor + fee_minor - sum(minor for _ref, minor in parts)
    documents = [open_document(tx, ref) for ref, _minor in parts]
    for n, (document, (_ref, minor)) in enumerate(zip(documents, parts, strict=True)):
        if document.entity_ref != line.entity_ref:
            raise Invalid.field(f"to[{n}].document_ref", f"{document.number} is in the books of another entity")
        if document.currency != line.currency:
            raise Invalid.field(f"to[{n}].document_ref", f"{document.number} asks for {document.currency}, not {line.currency}")
        if minor <= 0:
            raise Invalid.field(f"to[{n}].amount", "must be more than 0")
    tx.lock_accounts([d.customer_ref for d in documents])
    now = tx.document_rows([d.ref for d in documents]) if documents else {}
    for ref, minor in parts:
        if minor > now[ref].open_minor:
            raise Conflict("document.not_open", f"{_money(now[ref].open_minor, line)} of {now[ref].number} are open")
    if rest < 0:
        raise Invalid.field("to", f"comes to {_money(-rest, line)} more than arrived with its fee")
    if rest or not parts:
        owners = {d.customer_ref for d in documents}
        customer_ref = customer_ref or (owners.pop() if len(owners) == 1 else None)
        if customer_ref is None:
            raise Invalid.field("customer_ref", f"is required: {_money(rest, line)} are left, and must be somebody's")
        if not is_ref(customer_ref) or not tx.customers([customer_ref]):
            raise NotFound("customer.not_found", f"there is no customer {customer_ref[:100]}")
    what = Suggestion(
        parts, Ref(customer_ref) if customer_ref else None, Decimal(1), "by_hand", (why,) if why else (), fee_minor, rest
    )
    (matched,) = post(tx, [Plan(line, what)])
    tx.audit("match", "bank_line", line.ref, after={"to": dict(parts), "rest_minor": rest, "fee_minor": fee_minor}, why=why)
    return matched


def accept_suggestion(tx: BankTx, line_ref: str, number: int, *, why: str = "") -> LineRow:
    """Do as one of a line's suggestions says, counted from 0; Conflict `bank_line.no_suggestion` when there is none."""
    line = _waiting(tx, line_ref, incoming=True)
    if not 0 <= number < len(line.suggestions) or not (line.suggestions[number].parts or line.suggestions[number].customer_ref):
        raise Conflict("bank_line.no_suggestion", f"the line has no suggestion {number} that can be done")
    s = line.suggestions[number]
    return match_line(tx, line_ref, s.parts, customer_ref=s.customer_ref, fee_minor=s.fee_minor, why=why or "; ".join(s.why))


def undo_match(tx: BankTx, line_ref: str, why: str = "") -> LineRow:
    """Take the decision about a line back: its payments settle nothing any more, leave the books, and the line waits again.

    Conflict `bank_line.open` when nothing was decided; `refund.too_much` when money of it was given back meanwhile.
    """
    line = find_line(tx, line_ref, lock=True)
    last = tx.matches_of([line.ref]).get(line.ref, [])
    if line.state == "open":
        raise Conflict("bank_line.open", "nothing was decided about the line: there is nothing to take back")
    if line.state == "ignored":
        if not line.amount_minor:
            raise Conflict("bank_line.nothing", "the line moves no money")
        return _decided(tx, line, MatchRow(tx.new_ref(), line.ref, "taken_up", "by_hand", Decimal(1), _words(why)), "open")
    match = next(m for m in reversed(last) if m.what == "matched")
    if match.rule == "returned":
        raise Conflict("bank_line.returned", "the money that the line gave back is booked as a refund, and refunds stay")
    refunds: list[Ref] = []
    customers = set()
    for ref in match.payments:
        row = tx.payment_rows([ref])[ref]
        customers.add(row.customer_ref)
        for document, minor in held_parts(tx.allocations_of([ref])):
            take_back(tx, ref, document, minor, why or "match undone")
        given = refund(tx, ref, row.amount_minor, provider_ref=f"undone {line.ref} {line.rounds}", reason=why or "match undone",
                       out_of="bank", at=row.received_at)
        refunds.append(given.ref)
        _fee_back(tx, line, ref)
    for payout, _state, arrived_with in tx.payouts_called(*line.payout.split(" ", 1)) if line.payout else ():
        if arrived_with == line.ref:
            unmatch_payout(tx, payout)
    if line.payout and match.rule == "payout_booked":
        _payout_back(tx, line)
    if line.party_account and len(match.payments) == 1 and not line.told.parts:
        tx.learn_payers([(line.party_account, c, -1) for c in customers])
    undone = MatchRow(tx.new_ref(), line.ref, "undone", match.rule, Decimal(1), _words(why), match.payments, tuple(refunds),
                      match.payout)
    return _decided(tx, line, undone, "open")


def return_payment(tx: BankTx, line_ref: str, payment_ref: str, why: str = "") -> LineRow:
    """Say that a line, which took money out, gave a payment back or part of it: a returned debit, a refund by transfer. Debit
    the receivable, credit the bank; documents that the payment settled are open again, the last first.

    Conflict `bank_line.incoming` for money that came in, `refund.too_much` for more than the payment was. Invalid for a payment
    of another entity or currency.
    """
    line = _waiting(tx, line_ref)
    if line.amount_minor >= 0:
        raise Conflict("bank_line.incoming", "the line brought money in: it gives nothing back")
    payment = find_payment(tx, payment_ref, lock=True)
    if (payment.entity_ref, payment.currency) != (line.entity_ref, line.currency):
        raise Invalid.field("payment_ref", "is a payment of another entity, or in another currency")
    at = datetime.combine(line.booked_on, time(12), ZoneInfo(tx.entities([line.entity_ref])[line.entity_ref].time_zone))
    given = refund(tx, payment.ref, -line.amount_minor, provider_ref=f"bank {line.ref}", reason=why or "returned by the bank",
                   given=True, out_of="bank", at=at)
    row = MatchRow(tx.new_ref(), line.ref, "matched", "returned", Decimal(1), _words(why), (payment.ref,), (given.ref,))
    return _decided(tx, line, row, "matched")


def ignore_line(tx: BankTx, line_ref: str, reason: str) -> LineRow:
    """Set a line aside that is no customer's payment, with the reason; Conflict `bank_line.decided`."""
    if not reason.strip():
        raise Invalid.field("reason", "is required: say why nothing is done with it")
    line = _waiting(tx, line_ref)
    row = MatchRow(tx.new_ref(), line.ref, "ignored", "by_hand", Decimal(1), (reason.strip(),))
    return _decided(tx, line, row, "ignored")


def reconcile_payout(
    tx: BankTx, line_ref: str, *, provider: str, provider_ref: str, fee_minor: int = 0, why: str = ""
) -> LineRow:
    """Say that a line is the payout of a provider (or what it took, below zero): debit the bank, credit clearing. A payout
    that the provider told of before is booked already, and must come to what arrived.

    `fee_minor`: what it kept of the payout itself. Conflict `payout.other_line` when another line is that payout,
    `payout.other_amount` when the books have another amount for it.
    """
    for name, text, most in (("provider", provider, 40), ("provider_ref", provider_ref, 200)):
        if not text.strip() or len(text) > most:
            raise Invalid.field(name, f"must have 1 to {most} characters")
    if " " in provider:
        raise Invalid.field("provider", "must be one word, such as stripe")
    line = _waiting(tx, line_ref)
    payout = f"{provider} {provider_ref}"
    tx.lock(f"payout {payout}")
    other = tx.line_of_payout(payout)
    if other is not None:
        raise Conflict("payout.other_line", f"the payout {provider_ref} is another line already")
    booked = tx.booked_in("bank", posting.entry_ref("payout", payout))
    undone = tx.times_undone(payout)
    rule = "payout"
    if booked is None or undone:
        key = f"{payout} ({undone + 1})" if undone else payout
        _book_payout(tx, line, key, line.amount_minor, fee_minor, f"payout {provider_ref} of {provider}")
        rule = "payout_booked"
    elif booked != line.amount_minor:
        raise Conflict("payout.other_amount", f"the provider told of {_money(booked, line)} for this payout")
    for ref, state, _line in tx.payouts_called(provider, provider_ref):
        if state == "paid":
            match_payout(tx, ref, line.ref)
    row = MatchRow(tx.new_ref(), line.ref, "matched", rule, Decimal(1), (f"payout {provider_ref} of {provider}", *_words(why)),
                   payout=payout)
    return _decided(tx, line, row, "matched", payout)


def _waiting(tx: BankTx, ref: str, *, incoming: bool = False) -> LineRow:
    line = find_line(tx, ref, lock=True)
    if line.state != "open":
        raise Conflict("bank_line.decided", f"the line is {line.state} already: take that back first")
    if incoming and line.amount_minor <= 0:
        raise Conflict("bank_line.outgoing", "the line took money out: it pays no document")
    return line


def _decided(tx: BankTx, line: LineRow, row: MatchRow, state: LineState, payout: str = "") -> LineRow:
    rounds = line.rounds + (row.what == "matched")
    tx.set_line_states([(line.ref, state, rounds, payout)])
    tx.add_matches([row])
    tx.audit(row.what, "bank_line", line.ref, before={"state": line.state}, after={"state": state, "payout": payout},
             why="; ".join(row.why))
    return find_line(tx, line.ref)


def _fee_back(tx: BankTx, line: LineRow, payment: Ref) -> None:
    """Take the fee of a payment out of the books again."""
    kept = tx.booked_in("bank", posting.entry_ref("payment_fee", payment))
    if kept:
        tx.add_entries([posting.fee(_at(tx, line, "fee taken back"), f"{payment} undone", kept, "bank")])


def _book_payout(tx: BankTx, line: LineRow, key: str, amount_minor: int, fee_minor: int, memo: str) -> None:
    at = _at(tx, line, memo)
    tx.add_entries([
        posting.paid_out(at, key, amount_minor), *([posting.fee(at, f"payout {key}", fee_minor)] if fee_minor else [])
    ])


def _payout_back(tx: BankTx, line: LineRow) -> None:
    undone = tx.times_undone(line.payout)
    key = f"{line.payout} ({undone + 1})" if undone else line.payout
    at = _at(tx, line, "payout undone")
    entries = [posting.paid_out(at, f"{key} undone", -line.amount_minor)]
    fee = tx.booked_in("clearing", posting.entry_ref("payment_fee", f"payout {key}"))
    if fee:
        entries.append(posting.fee(at, f"payout {key} undone", fee))
    tx.add_entries(entries)


def _at(tx: BankTx, line: LineRow, memo: str) -> posting.Booked:
    entity = tx.entities([line.entity_ref])[line.entity_ref]
    at = datetime.combine(line.booked_on, time(12), ZoneInfo(entity.time_zone))
    return posting.Booked(line.entity_ref, line.currency, local_date(at, entity.time_zone), memo[:500])


def _words(why: str) -> tuple[str, ...]:
    return (why.strip(),) if why.strip() else ()


def _money(minor: int, line: LineRow) -> str:
    return f"{to_major(minor, line.currency):f} {line.currency}"
