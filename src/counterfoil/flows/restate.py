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
from counterfoil.core.contracts.calendar import period_containing
from counterfoil.core.contracts.charges import BilledPart, ChargeKey, charges_of
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

LineKey = tuple[Ref | None, Ref | None, str, date | None]


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
    drawn: list[Document] = []
    for ref, mine in sorted(by_document.items(), key=lambda x: (min(p.issued_on for p in x[1]), x[0])):
        drawn.extend(_notes(tx, ref, contracts[mine[0].contract_ref], mine, due, rated, reason))
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
    parts: Sequence[BilledPart],
    due: Mapping[ChargeKey, issuing.DueCharge | None],
    rated: Mapping[ChargeKey, tuple[LineDraft, ...]],
    reason: str,
) -> list[Document]:
    note_refs = tx.notes_of([ref])
    bodies = tx.records([ref, *note_refs])
    original = record_document(bodies[ref].body)
    notes = [record_document(bodies[n].body) for n in note_refs]
    lines = {_key(x): x for x in original.lines}
    changes = [_change(x, None, reason) for x in _once_gone(tx, original, contract)]
    caps: list[Cap] = []
    for part in parts:
        now = due[part.key]
        drafts = {_key(d): d for d in rated.get(part.key, ())}
        mine = [x for key, x in lines.items() if _belongs(x, part, now)]
        assert set(drafts) <= set(lines), "a line of a billed period is on its document"
        for line in mine:
            changes.append(_change(line, drafts.get(_key(line)), reason))
        if now is not None:
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


def _once_gone(tx: Tx, original: Document, contract: Contract) -> list[Line]:
    """The one-time lines of a document whose version is no longer in force on any day: what took its place bills them
    anew. They belong to the first of the periods that the document bills of their product."""
    once = [x for x in original.lines if x.kind == "one_time"]
    billed = tx.billed_parts([contract.ref]) if once else []
    gone = []
    for line in once:
        mine = [b for b in billed if (b.document_ref, b.product_ref) == (original.ref, line.product_ref)]
        version = min(b.version for b in mine if b.part == 0)
        if not any((s.terms.product_ref, s.version) == (line.product_ref, version) for s in contract.segments):
            gone.append(line)
    return gone


def _belongs(line: Line, part: BilledPart, now: issuing.DueCharge | None) -> bool:
    """Whether a line of the document was billed by this part."""
    if line.product_ref != part.product_ref:
        return False
    if line.period is None or line.kind == "one_time" or not part.starts <= line.period.start < part.ends:
        return False
    if line.kind == "recurring":
        return part.part == 0
    if now is None:
        return True
    if line.kind == "minimum":
        return now.charge.closes
    return now.charge.usage is not None and line.period.start == now.charge.usage.start


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
            f"late|{part.product_ref}|{part.starts}|{part.part}",
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
    return (x.product_ref, x.line_item_ref, x.kind, None if x.period is None else x.period.start)


def _today(tx: Tx, original: Document) -> date:
    return max(local_date(tx.now, original.time_zone), original.issued_on)
