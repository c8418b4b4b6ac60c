"""Find invoices by what callers know of them: a reference from before their issue on, or the running period of a contract.

A document that is not issued yet is projected again each time it is asked for; its reference stays the same until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date, midnight
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.contracts.amend import by_product, segment_at
from counterfoil.core.contracts.calendar import BillingPeriod, first_not_before, period_containing
from counterfoil.core.contracts.charges import Charge, charges_of
from counterfoil.core.contracts.landing import Agreed, Running, Shared, named, shared_document
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.document import Document
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows import issue_documents as issuing
from counterfoil.flows.credit_document import document_of
from counterfoil.flows.fall_due import next_issue_at, pricings_of, shapes_of
from counterfoil.flows.ports import Tx

Which = Literal["current", "next"]
Pricings = Mapping[tuple[Ref, int], Pricing]
LOOK_AHEAD = 4
"""Issue dates of a contract that are looked through for a reference: the running period has two, and so has the next."""
CHUNK = 500


class FindTx(Tx, Protocol):
    """What finding needs beyond issuing."""

    def remember_upcoming(self, rows: Sequence[tuple[str, str, date]]) -> None:
        """(document, contract, issue date) of projected documents that somebody is told of."""
        ...

    def remembered_upcoming(self, ref: str) -> tuple[Ref, date] | None:
        """The contract and issue date of a projected document."""
        ...

    def contracts_to_come(self, after: str | None, limit: int) -> list[tuple[Ref, datetime]]:
        """(contract, when its next document is due) of those that will get documents, by reference."""
        ...

    def numbered_documents(
        self, customer_refs: Sequence[str], contract_refs: Sequence[str], *, limit: int, offset: int
    ) -> tuple[list[Ref], int]:
        """References of documents by issue date, and how many there are."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A contract with what decides its documents."""

    contract: Contract
    pricings: Pricings
    agreed: Agreed


def period_invoices(tx: FindTx, contract_ref: str, which: Which) -> list[Document]:
    """The documents of a contract's running billing period, or of the one after it: issued ones as they are, the others as
    they would be today. A document that bills the fees of one period and the usage of the one before belongs to the later."""
    contract = tx.contract(contract_ref)
    if contract is None:
        raise NotFound("contract.not_found", f"there is no contract {contract_ref}")
    known = _known(contract, pricings_of(tx, [contract]))
    found: dict[Ref, tuple[bool, date, str]] = {}
    for segment, billing in _periods(contract, tx.now, which):
        shape = next(r.shape for r in known.agreed.running if r.segment == segment)
        for charge in charges_of(segment, billing, shape):
            shared = shared_document(known.agreed, charge)
            ref = _named(tx, shared) if _leads(charge, shared) else None
            if ref is not None:
                found[ref[0]] = (ref[1], charge.issue_on, segment.terms.time_zone)
    documents = []
    for ref_of, (issued, on, zone) in sorted(found.items(), key=lambda x: (x[1][1], x[0])):
        documents.extend([document_of(tx, ref_of)] if issued else _projected(tx, known, on, zone, ref_of))
    _remember(tx, documents)
    return documents


def invoice_of(tx: FindTx, ref: str) -> Document:
    """A document by its reference: as it was issued, or as it would be today. NotFound without one."""
    record = tx.record(Ref(ref))
    if record is not None:
        return record_document(record.body)
    place = tx.remembered_upcoming(ref)
    if place is not None:
        found = _at_place(tx, Ref(ref), *place)
    else:
        found = _searched(tx, Ref(ref)) if ref[14] == "8" else []  # the version of references that are derived
    if not found:
        raise NotFound("invoice.not_found", f"there is no invoice {ref}")
    return found[0]


def is_issued(document: Document) -> bool:
    """Whether it is more than a projection."""
    return bool(document.number)


def invoices_page(
    tx: FindTx, customer_refs: Sequence[str], contract_refs: Sequence[str], *, limit: int, offset: int
) -> tuple[list[Document], int]:
    """(issued documents of every kind by issue date, of how many), of these customers and contracts."""
    refs, total = tx.numbered_documents(customer_refs, contract_refs, limit=limit, offset=offset)
    records = tx.records(refs)
    return [record_document(records[r].body) for r in refs], total


def _known(contract: Contract, pricings: Pricings) -> Known:
    running = tuple(Running(s, shape, frozenset()) for s, shape in shapes_of(contract, pricings))
    agreed = Agreed(contract.ref, contract.number, contract.customer_ref, contract.collective, running)
    return Known(contract, pricings, agreed)


def _periods(contract: Contract, now: datetime, which: Which) -> Iterator[tuple[Segment, BillingPeriod]]:
    """Each product's running period, or the one after it. A period that was cut by an amendment is all of its pieces."""
    for product_ref, history in by_product(contract.segments).items():
        today = local_date(now, history[0].terms.time_zone)
        segment = segment_at(history, product_ref, today)
        running = None if segment is None else period_containing(segment, today)
        if which == "next":
            day = today if running is None else running.grid.end
            segment, running = _first_from(history, day)
        if segment is not None and running is not None:
            yield from _pieces(history, segment, running)


def _first_from(history: Sequence[Segment], day: date) -> tuple[Segment | None, BillingPeriod | None]:
    for segment in history:
        if segment.until is None or segment.until > day:
            found = period_containing(segment, day) or first_not_before(segment, day)
            if found is not None:
                return segment, found
    return None, None


def _pieces(
    history: Iterable[Segment], segment: Segment, running: BillingPeriod
) -> Iterator[tuple[Segment, BillingPeriod]]:
    for other in history:
        piece = running if other == segment else period_containing(other, max(other.since, running.grid.start))
        if piece is not None and piece.grid == running.grid:
            yield other, piece


def _leads(charge: Charge, shared: Shared) -> bool:
    """Whether nothing of a later period is on the same document."""
    return charge.billing.period.start >= max((c.billing.period.start for c in shared.together), default=date.min)


def _named(tx: FindTx, shared: Shared) -> tuple[Ref, bool] | None:
    """The document's reference and whether it is issued; None where there was nothing to bill."""
    billed = {b.key: b.document_ref for b in tx.billed_parts_of(shared.keys)}
    if billed.get(shared.charge.key, Ref("")) is None:
        return None
    return named(shared, billed)


def _projected(tx: FindTx, known: Known, on: date, zone: str, ref: Ref) -> list[Document]:
    """The document that falls due on a date under a reference, with the number in the contract that it would get."""
    due = issuing.not_billed(tx, issuing.due_charges(known.contract, known.pricings, midnight(on, zone)), today=True)
    documents, _parts = issuing.draw_up_all(tx, [known.contract], due, keep_empty=True)
    before = _documents_before(tx, known, midnight(on, zone))
    return [replace(d, number_in_contract=(d.number_in_contract or 1) + before) for d in documents if d.ref == ref]


def _documents_before(tx: FindTx, known: Known, until: datetime) -> int:
    """How many documents the contract gets before this instant, as far as is known today."""
    count = 0
    at = tx.next_issue_of(known.contract.ref)
    while at is not None and at < until:
        due = issuing.due_charges(known.contract, known.pricings, at)
        count += len({shared_document(known.agreed, d.charge).group for d in due})
        at = next_issue_at(known.contract, known.pricings, local_date(at, _zone(known.contract)))
    return count


def _zone(contract: Contract) -> str:
    return contract.segments[0].terms.time_zone


def _at_place(tx: FindTx, ref: Ref, contract_ref: Ref, on: date) -> list[Document]:
    contract = tx.contract(contract_ref)
    if contract is None or not contract.segments:
        return []
    known = _known(contract, pricings_of(tx, [contract]))
    zones = dict.fromkeys(s.terms.time_zone for s in contract.segments)
    for zone in zones:
        found = _projected(tx, known, on, zone, ref)
        if found:
            return found
    return []


def _searched(tx: FindTx, ref: Ref) -> list[Document]:
    """Look for a reference among the documents that contracts will get next; only those that nobody was told of by us are
    looked for, such as one that was computed beside us."""
    after: Ref | None = None
    while rows := dict(tx.contracts_to_come(after, CHUNK)):
        after = list(rows)[-1]
        contracts = tx.contracts(list(rows))
        pricings = pricings_of(tx, contracts.values())
        for contract in contracts.values():
            on = _date_of(_known(contract, pricings), rows[contract.ref], ref)
            if on is not None:
                tx.remember_upcoming([(ref, contract.ref, on)])
                return _at_place(tx, ref, contract.ref, on)
    return []


def _date_of(known: Known, first: datetime, ref: Ref) -> date | None:
    """The issue date of the contract's document with this reference, where it is among the next ones."""
    at: datetime | None = first
    for _ in range(LOOK_AHEAD):
        if at is None:
            return None
        for due in issuing.due_charges(known.contract, known.pricings, at):
            shared = shared_document(known.agreed, due.charge)
            if named(shared, {})[0] == ref:
                return due.charge.issue_on
        at = next_issue_at(known.contract, known.pricings, local_date(at, _zone(known.contract)))
    return None


def _remember(tx: FindTx, documents: Iterable[Document]) -> None:
    tx.remember_upcoming(
        [(d.ref, d.contract_ref, d.issued_on) for d in documents if d.contract_ref is not None and not is_issued(d)]
    )
