"""Restate what was billed: rate periods again, and put the difference on a credit note and a debit note.

Late usage, corrected usage, an amendment and a cancellation all come here. The old document and its proof stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.contracts.calendar import period_containing
from counterfoil.core.contracts.charges import FEES, BilledPart, ChargeKey, charges_of
from counterfoil.core.contracts.landing import late_group
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.correction import LineChange, correction_notes
from counterfoil.core.invoicing.document import Document, Line
from counterfoil.core.invoicing.draw_up import Cap, LineDraft
from counterfoil.core.invoicing.rating import caps_of, shape_of
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows import issue_documents as issuing
from counterfoil.flows.fall_due import pricings_of
from counterfoil.flows.ports import Tx
from counterfoil.flows.seal_documents import seal_documents

LineKey = tuple[Ref | None, str]


def restate(tx: Tx, parts: Sequence[BilledPart], reason: str) -> list[Document]:
    """Rate these billed parts again and issue what differs, as at most one credit and one debit note per document.

    A part that had nothing to bill then is billed now, by an invoice of its own. What did not change makes nothing.
    """
    contracts = tx.contracts(list({p.contract_ref for p in parts}))
    pricings = pricings_of(tx, contracts.values())
    due = {p.key: issuing_charge(contracts[p.contract_ref], p, pricings) for p in parts}
    wanted = [d for d in due.values() if d is not None]
    rated = dict(zip((d.charge.key for d in wanted), issuing.rate_all(tx, wanted), strict=True))
    by_document: dict[Ref, list[BilledPart]] = {}
    silent: list[BilledPart] = []
    for part in parts:
        if part.document_ref is None:
            silent.append(part)
        else:
            by_document.setdefault(part.document_ref, []).append(part)
    for ref in sorted(by_document):  # in one order by everybody, so that two never wait for each other in a circle
        tx.lock_document(ref)
    held: dict[Ref | None, list[BilledPart]] = {}
    for part in tx.billed_parts(list(contracts)):
        held.setdefault(part.document_ref, []).append(part)
    drawn: list[Document] = []
    for ref, mine in sorted(by_document.items(), key=lambda x: (min(p.issued_on for p in x[1]), x[0])):
        drawn.extend(_notes(tx, ref, contracts[mine[0].contract_ref], held[ref], mine, due, rated, reason))
    first = _first_documents(tx, silent, contracts, due, rated)
    issued = seal_documents(tx, [*drawn, *(document for document, _part in first)])
    for document, part in first:
        tx.set_billed_document([part.key], document.ref)
    return issued


def issuing_charge(contract: Contract, part: BilledPart, pricings: issuing.Pricings) -> issuing.DueCharge | None:
    """The charge that a billed part is now; None when an amendment took its period away."""
    segment = _segment(contract.segments, part)
    billing = None if segment is None else period_containing(segment, part.starts)
    if segment is None or billing is None:
        return None
    pricing = pricings[(segment.terms.pricing_ref, segment.terms.pricing_version)]
    shape = shape_of(segment.terms, pricing)
    skip = issuing.billed_once_before(contract, segment, pricings) if segment.version > 1 else frozenset()
    for charge in charges_of(segment, billing, shape):
        if charge.part == part.part:
            return issuing.DueCharge(contract, charge, pricing, skip)
    return None


def _segment(segments: Iterable[Segment], part: BilledPart) -> Segment | None:
    for s in segments:
        if s.terms.product_ref == part.product_ref and s.version == part.version and s.since <= part.starts:
            return s if s.until is None or part.starts < s.until else None
    return None


def _notes(
    tx: Tx,
    ref: Ref,
    contract: Contract,
    held: Sequence[BilledPart],
    parts: Sequence[BilledPart],
    due: Mapping[ChargeKey, issuing.DueCharge | None],
    rated: Mapping[ChargeKey, tuple[LineDraft, ...]],
    reason: str,
) -> list[Document]:
    """The notes of one document. `held`: all the parts that it bills, `parts`: those to be restated."""
    note_refs = tx.notes_of([ref])
    bodies = tx.records([ref, *note_refs])
    original = record_document(bodies[ref].body)
    notes = [record_document(bodies[n].body) for n in note_refs]
    lines = _lines_by_part(original, held)
    changes = [_change(x, None, reason) for x in _once_gone(original, held, contract)]
    caps: list[Cap] = []
    for part in parts:
        now = due[part.key]
        drafts = {_key(d): d for d in rated.get(part.key, ()) if d.kind != "one_time"}
        mine = lines.get(part.key, [])
        changes.extend(_change(x, drafts.pop(_key(x), None), reason) for x in mine)
        homeless = [d.item for d in drafts.values() if d.amount]
        if homeless:
            told = f"{original.number} has no line for {', '.join(homeless)} of {part.starts}: let the change begin later"
            raise Conflict("document.no_line", told)
        if now is not None and now.charge.closes:
            caps.extend(caps_of(now.charge, tuple(x.n for x in mine)))
    serial = len(note_refs)
    found = correction_notes(
        original,
        notes,
        changes,
        credit_ref=derived_ref("note", "CREDIT", ref, serial),
        debit_ref=derived_ref("note", "DEBIT", ref, serial),
        issued_on=_today(tx, original),
        caps=caps,
        note=reason,
    )
    return list(found)


def _lines_by_part(original: Document, held: Sequence[BilledPart]) -> dict[ChargeKey, list[Line]]:
    """Which lines of a document each of its parts billed, one-time lines aside: fees the first part of their period,
    usage and a minimum the last one that is on this document."""
    found: dict[ChargeKey, list[Line]] = {}
    for line in original.lines:
        if line.period is None or line.kind == "one_time":
            continue
        near = [
            b
            for b in held
            if b.product_ref == line.product_ref
            and b.starts <= line.period.start < b.ends
            and (b.part == FEES or line.kind != "recurring")
        ]
        owner = max(near, key=lambda b: (b.starts, b.version, b.part))
        found.setdefault(owner.key, []).append(line)
    return found


def _once_gone(original: Document, held: Sequence[BilledPart], contract: Contract) -> list[Line]:
    """The one-time lines of a document whose version is no longer in force on any day: what took its place bills them
    anew. They belong to the first of the periods that the document bills of their product."""
    gone = []
    for line in original.lines:
        if line.kind == "one_time":
            version = min(b.version for b in held if b.product_ref == line.product_ref and b.part == FEES)
            if not any((s.terms.product_ref, s.version) == (line.product_ref, version) for s in contract.segments):
                gone.append(line)
    return gone


def _change(line: Line, draft: LineDraft | None, reason: str) -> LineChange:
    if draft is None:
        return LineChange(line.n, ZERO, ZERO, reason)
    return LineChange(line.n, draft.amount, draft.quantity, reason, draft.parts, draft.inputs, draft.usage)


def _first_documents(
    tx: Tx,
    parts: Sequence[BilledPart],
    contracts: Mapping[Ref, Contract],
    due: Mapping[ChargeKey, issuing.DueCharge | None],
    rated: Mapping[ChargeKey, tuple[LineDraft, ...]],
) -> list[tuple[Document, BilledPart]]:
    """Invoices for parts that had nothing to bill when they fell due, and have now."""
    drawn = []
    for part in parts:
        now = due[part.key]
        drafts = rated.get(part.key, ())
        if now is None or not any(x.amount for x in drafts):
            continue
        contract = contracts[part.contract_ref]
        terms = now.charge.segment.terms
        number = tx.documents_so_far([contract.ref])[contract.ref] + 1
        document = issuing.collect(
            contract,
            late_group(part.product_ref, part.starts, part.part),
            [(now, drafts)],
            tx.entities([terms.entity_ref])[terms.entity_ref],
            tx.customers([contract.customer_ref])[contract.customer_ref],
            number,
        )
        today = local_date(tx.now, terms.time_zone)
        document = replace(document, issued_on=today, due_on=today + (document.due_on - document.issued_on))
        drawn.append((document, part))
        tx.set_next_issue([(contract.ref, tx.next_issue_of(contract.ref), 1)])
    return drawn


def _key(x: Line | LineDraft) -> LineKey:
    """What a line is, within its part."""
    return (x.line_item_ref, x.kind)


def _today(tx: Tx, original: Document) -> date:
    return max(local_date(tx.now, original.time_zone), original.issued_on)
