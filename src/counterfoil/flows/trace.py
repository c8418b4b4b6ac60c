"""Trace a line of a document: down to the events it counted, and up to the journal entries it made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.document import Document, Line
from counterfoil.core.ledger.entry import Entry
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter_codec import meter_from_json
from counterfoil.flows.credit_document import document_of, notes_of
from counterfoil.flows.ports import Tx
from counterfoil.flows.wallet_rows import MoveRow


@dataclass(frozen=True, slots=True)
class Trace:
    """A line with all that leads to it and follows from it. `events` are the first of `event_count`; `draws`: what prepaid
    balances paid of the document, or got back by it."""

    document: Document
    line: Line
    contract: Contract | None
    segment: Segment | None
    events: tuple[Event, ...]
    event_count: int
    entries: tuple[Entry, ...]
    notes: tuple[Document, ...]
    draws: tuple[MoveRow, ...]


def trace_line(tx: Tx, document: str, line: int, *, events: int = 20) -> Trace:
    """The trace of line `line` (from 1) of a document, which is named by reference or number."""
    ref = tx.document_by_number(document) or Ref(document)
    found = document_of(tx, ref)
    if not 1 <= line <= len(found.lines):
        raise NotFound("line.not_found", f"{found.number} has lines 1 to {len(found.lines)}")
    this = found.lines[line - 1]
    contract = None if found.contract_ref is None else tx.contract(found.contract_ref)
    counted = _events(tx, found, this, events)
    return Trace(
        found,
        this,
        contract,
        _segment(contract, this),
        tuple(counted),
        this.usage.count if this.usage else 0,
        tuple(_of_line(tx.entries_of([ref]), line)),
        tuple(notes_of(tx, ref)),
        tuple(tx.moves_on([ref])),
    )


def _events(tx: Tx, document: Document, line: Line, limit: int) -> Iterable[Event]:
    if line.usage is None:
        return ()
    window, streams = line.usage.window, meter_from_json(line.usage.meter).streams
    return islice(chain.from_iterable(tx.events_of(document.buyer.ref, s, window) for s in streams), limit)


def _segment(contract: Contract | None, line: Line) -> Segment | None:
    if contract is None:
        return None
    for s in contract.segments:
        if s.terms.product_ref == line.product_ref and (
            line.period is None or (s.since <= line.period.start and (s.until is None or line.period.start < s.until))
        ):
            return s
    return None


def _of_line(entries: Iterable[Entry], line: int) -> Iterable[Entry]:
    """Entries that book this line, or the document as a whole (a payment)."""
    for entry in entries:
        if any(p.line == line for p in entry.postings) or all(p.line is None for p in entry.postings):
            yield entry
