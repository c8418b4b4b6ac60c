"""Match lines of bank accounts to what is open: the certain ones post by themselves, the rest waits with suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Entity
from counterfoil.core.payments.matching import Suggestion, suggest
from counterfoil.core.payments.open_book import Book, Incoming, OpenItem
from counterfoil.flows.bank_rows import PROVIDER, BankTx, LineRow, Matched, MatchRow
from counterfoil.flows.settle_payment import NewPayment, settle_payments

CHUNK = 500
"""Lines of one transaction."""
RULE = "rule"
"""Who decides, where nobody does."""

OpenTx = Callable[[], AbstractContextManager[BankTx]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a line is to become: its payments, as one suggestion says."""

    line: LineRow
    what: Suggestion


def match_waiting(
    open_tx: OpenTx, *, statements: Sequence[str] = (), progress: Callable[[Matched], None] | None = None
) -> Matched:
    """Look at every line that waits (or those of `statements` alone), in transactions of their own: certain ones are posted,
    others get their suggestions anew."""
    done = Matched()
    with open_tx() as tx:
        book_of = _books(tx)
    for statement in statements or (None,):
        after = None
        while True:
            with open_tx() as tx:
                lines = tx.bank_line_page(after, CHUNK, state="open", statement_ref=statement, incoming=True)
                if not lines:
                    break
                after = lines[-1].booked_on, lines[-1].ref
                _match_chunk(tx, lines, book_of, done)
            if progress is not None:
                progress(done)
    return done


def suggestions_for(line: LineRow, book: Book) -> list[Suggestion]:
    """What a line may pay, the likeliest first. One that sums up several payments is looked at payment by payment."""
    parts = line.told.parts
    if len(parts) < 2 or any(p.amount_minor is None or p.amount_minor <= 0 for p in parts) or (
        sum(p.amount_minor or 0 for p in parts) != line.amount_minor
    ):
        return suggest(_incoming(line), book)
    return _of_parts(line, book)


def post(tx: BankTx, plans: Sequence[Plan]) -> list[LineRow]:
    """Turn lines, which are locked and open, into payments, and write down why; the lines afterwards."""
    entities = tx.entities(sorted({p.line.entity_ref for p in plans}))
    owner = {d.ref: d.customer_ref for d in tx.document_rows(sorted({r for p in plans for r, _minor in p.what.parts})).values()}
    new: list[NewPayment] = []
    spans: list[tuple[int, int]] = []
    for plan in plans:
        made = _payments(plan, owner, entities[plan.line.entity_ref])
        spans.append((len(new), len(new) + len(made)))
        new += made
    rows = settle_payments(tx, new)
    tx.set_line_states([(p.line.ref, "matched", p.line.rounds + 1, "") for p in plans])
    tx.add_matches([
        MatchRow(tx.new_ref(), p.line.ref, "matched", p.what.rule, p.what.confidence, p.what.why,
                 tuple(r.ref for r in rows[start:end]), actor=RULE if p.what.certain else tx.actor)
        for p, (start, end) in zip(plans, spans, strict=True)
    ])
    learnt = []
    for p, (start, end) in zip(plans, spans, strict=True):
        if p.line.party_account and end - start == 1 and not p.line.told.parts:
            learnt.append((p.line.party_account, new[start].customer_ref, 1))
    tx.learn_payers(learnt)
    return [replace(p.line, state="matched", rounds=p.line.rounds + 1) for p in plans]


def book_of(tx: BankTx, entity_ref: str) -> Book:
    """Everything open of one entity, indexed."""
    return _books(tx)(Ref(entity_ref))


def _books(tx: BankTx) -> Callable[[Ref], Book]:
    """By entity, everything open: read once, since lines only make it less."""
    books: dict[Ref, Book] = {}
    payers = tx.payers()
    customers: dict[Ref, set[Ref]] = {}
    for d in tx.open_documents():
        book = books.setdefault(d.entity_ref, Book(payers=payers))
        book.add(OpenItem(d.ref, d.number, d.customer_ref, d.currency, d.open_minor, d.due_on.toordinal()))
        customers.setdefault(d.entity_ref, set()).add(d.customer_ref)
    for entity, refs in customers.items():
        for ref, name, legal_name in tx.names_of_payers(sorted(refs)):
            books[entity].name(ref, name, *([legal_name] if legal_name else []))
    return lambda entity: books.setdefault(entity, Book(payers=payers))


def _match_chunk(tx: BankTx, lines: Sequence[LineRow], book_for: Callable[[Ref], Book], done: Matched) -> None:
    certain: list[Plan] = []
    others: dict[Ref, Sequence[Suggestion]] = {}
    for line in lines:
        book = book_for(line.entity_ref)
        found = suggestions_for(line, book)
        done.lines += 1
        if found and found[0].certain:
            certain.append(Plan(line, found[0]))
            book.take(found[0].parts)
        else:
            others[line.ref] = found
    held = tx.bank_lines([p.line.ref for p in certain], lock=True) if certain else {}
    still = {
        d.ref: d.open_minor for d in tx.document_rows(sorted({r for p in certain for r, _minor in p.what.parts})).values()
    } if certain else {}
    good: list[Plan] = []
    for plan in certain:
        if held[plan.line.ref].state != "open":
            continue
        if all(still.get(ref, 0) >= minor for ref, minor in plan.what.parts):
            for ref, minor in plan.what.parts:
                still[ref] -= minor
            good.append(plan)
        else:
            others[plan.line.ref] = [replace(plan.what, certain=False)]
    if good:
        post(tx, good)
    tx.set_suggestions(others)
    done.posted += len(good)
    done.suggested += sum(1 for found in others.values() if found)
    done.silent += sum(1 for found in others.values() if not found)


def _incoming(line: LineRow) -> Incoming:
    return Incoming(line.amount_minor, line.currency, line.texts, line.told.references, line.party_name, line.party_account,
                    line.charges_minor)


def _of_parts(line: LineRow, book: Book) -> list[Suggestion]:
    """One suggestion over all payments of a line: certain when each of them is."""
    best: list[Suggestion] = []
    for p in line.told.parts:
        texts = tuple(t for t in (p.end_to_end, p.text) if t)
        found = suggest(Incoming(p.amount_minor or 0, line.currency, texts, p.references, p.party_name, p.party_account), book, 1)
        if not found or not found[0].parts:
            return []
        best.append(found[0])
        book.take(found[0].parts)
    for s in best:
        book.take((ref, -minor) for ref, minor in s.parts)
    customers = {s.customer_ref for s in best}
    rest = sum(s.rest_minor for s in best)
    if rest and len(customers) != 1:
        return []
    return [Suggestion(
        parts=tuple(_added(part for s in best for part in s.parts)), confidence=min(s.confidence for s in best), rule="parts",
        customer_ref=customers.pop() if len(customers) == 1 else None,
        why=(f"sums up {len(best)} payments", *(f"{n}: {'; '.join(s.why)}" for n, s in enumerate(best, 1))),
        fee_minor=sum(s.fee_minor for s in best), rest_minor=rest, certain=all(s.certain for s in best),
    )]


def _added(parts: Iterable[tuple[Ref, int]]) -> list[tuple[Ref, int]]:
    sums: dict[Ref, int] = {}
    for ref, minor in parts:
        sums[ref] = sums.get(ref, 0) + minor
    return list(sums.items())


def _payments(plan: Plan, owner: dict[Ref, Ref], entity: Entity) -> list[NewPayment]:
    """The payments of a line: one for each customer whose documents it pays. What the bank kept is a fee of the first."""
    line, what = plan.line, plan.what
    to: dict[Ref, list[tuple[Ref, int]]] = {}
    for ref, minor in what.parts:
        to.setdefault(owner[ref], []).append((ref, minor))
    if what.rest_minor:
        assert what.customer_ref is not None, "what stays unapplied is somebody's"
        to.setdefault(what.customer_ref, [])
    at = datetime.combine(line.booked_on, time(12), ZoneInfo(entity.time_zone))
    new = []
    for n, (customer, parts) in enumerate(to.items()):
        rest = what.rest_minor if customer == what.customer_ref else 0
        new.append(NewPayment(
            customer_ref=customer, entity_ref=line.entity_ref, currency=line.currency,
            amount_minor=sum(minor for _ref, minor in parts) + rest, method="bank_transfer", received_at=at, provider=PROVIDER,
            provider_ref=f"{line.ref} {line.rounds + 1}" + (f" {n + 1}" if n else ""), reference=_reference(line),
            memo=line.party_name[:200], fee_minor=what.fee_minor if n == 0 else 0, to=tuple(parts), into="bank",
            source_ref=line.ref,
        ))
    assert sum(x.amount_minor for x in new) - what.fee_minor == line.amount_minor, "a line is paid out to the cent"
    return new


def _reference(line: LineRow) -> str:
    return (line.told.end_to_end or line.text)[:200]

