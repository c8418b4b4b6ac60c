"""Bill usage as it comes: each batch of reports makes a document of its own under the document of its period.

Decision 6 has the rules. What is billed here is taken into account when the period closes (`issue_documents`), so that its
documents together bill what one at its end would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import Period, Window, local_date
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.contracts.calendar import BillingPeriod, period_containing
from counterfoil.core.contracts.charges import Charge, charges_of
from counterfoil.core.contracts.landing import Agreed, Running, Shared, day_of, named, parent_charge, shared_document
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.correction import correction_notes
from counterfoil.core.invoicing.document import Document, UsageProof
from counterfoil.core.invoicing.draw_up import LineDraft, draw_up
from counterfoil.core.invoicing.parties import buyer, seller
from counterfoil.core.invoicing.rating import Used, discounts_of, needs_of
from counterfoil.core.invoicing.upon_usage import (
    NONE,
    Child,
    PeriodKey,
    Through,
    UsageChild,
    child_charge,
    child_drafts,
    comes_to_something,
    corrections,
    counted_again,
    following,
    gives_back,
    through,
    usage_items,
)
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.receipts.invoice import record_document
from counterfoil.core.usage.ask import Ask, answer, events_read
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.meter_codec import meter_to_json
from counterfoil.flows.fall_due import pricings_of, shapes_of
from counterfoil.flows.ports import Tx
from counterfoil.flows.seal_documents import seal_documents

Touched = tuple[Ref, Ref, datetime]
"""Contract, product and instant of usage that was written."""
Pricings = Mapping[tuple[Ref, int], Pricing]

CORRECTED = "usage corrected after it was billed"
TAKEN_BACK = "usage reported as taken back"


@dataclass(frozen=True, slots=True)
class UsagePeriod:
    """A billing period of a contract product whose usage is billed as it comes. `billing` is None where no version of the
    contract has it any more."""

    contract: Contract
    key: PeriodKey
    segment: Segment | None
    billing: BillingPeriod | None

    @property
    def window(self) -> Window | None:
        """The instants whose usage it bills."""
        if self.segment is None or self.billing is None:
            return None
        return self.billing.period.window(self.segment.terms.time_zone)


def bill_upon_usage(tx: Tx, touched: Collection[Touched], *, corrected: bool = True) -> list[Document]:
    """Bill what no document bills yet of the periods that were written to; the documents, in the order of issue.

    `corrected` also settles what was edited or deleted after it was billed, by notes on the documents that it is on.
    Contracts are held until the transaction ends, so that an event is billed once however many try. A period that was
    closed is left to restating, which makes a debit note on the document that closed it.
    """
    contracts = _held(tx, {t[0] for t in touched})
    periods: dict[PeriodKey, UsagePeriod] = {}
    for contract_ref, product, at in touched:
        found = _period_at(contracts[contract_ref], product, at)
        if found is not None:
            periods[found.key] = found
    return _settle(tx, list(periods.values()), CORRECTED, corrected=corrected)


def settle_contract(tx: Tx, before: Contract, after: Contract, reason: str) -> list[Document]:
    """Bring what was billed as it came in line with a new version: usage of days that another version has now is given
    back, and billed anew where that version bills as it comes too."""
    if not any(s.terms.due_upon_usage for s in (*before.segments, *after.segments)):
        return []
    periods = {c.period: _period_of(after, c.period) for c in tx.children_of(after.ref)}
    documents = _settle(tx, list(periods.values()), reason, corrected=True)
    return documents + bill_upon_usage(tx, _not_billed(tx, after), corrected=False)


def _not_billed(tx: Tx, contract: Contract) -> list[Touched]:
    """All usage of a contract that is to be billed as it comes, and is on none of its documents."""
    pricings = pricings_of(tx, [contract])
    found: dict[Touched, None] = {}
    for segment in contract.segments:
        terms = segment.terms
        if not terms.due_upon_usage:
            continue
        items = usage_items(terms, pricings[(terms.pricing_ref, terms.pricing_version)])
        meters = tx.meters([i.usage_product_ref for i in items if i.usage_product_ref])
        until = segment.until or local_date(tx.now, terms.time_zone) + timedelta(days=2)
        if until <= segment.since:
            continue
        window = Period(segment.since, until).window(terms.time_zone)
        streams = {s for m in meters.values() for s in m.streams}
        for event in tx.unbilled_usage(terms.product_ref, contract.customer_ref, streams, window):
            found[(contract.ref, terms.product_ref, event.at)] = None
    return list(found)


def closing_used(
    tx: Tx, contract: Contract, charge: Charge, pricing: Pricing, meters: Mapping[Ref, Meter],
    children: Sequence[UsageChild],
) -> dict[Ref, Used]:
    """What the charge that closes a period counts, by line item: usage that none of the period's documents billed."""
    period = UsagePeriod(contract, children[0].period, charge.segment, charge.billing)
    used, _events = _fresh(tx, period, pricing, meters)
    before = children[-1].through
    return {ref: following(u, before.get(ref), closes=True) for ref, u in used.items()}


def _held(tx: Tx, refs: Collection[Ref]) -> dict[Ref, Contract]:
    held = {}
    for ref in sorted(refs):  # in one order by everybody, so that two never wait for each other in a circle
        contract = tx.contract(ref, lock=True)
        assert contract is not None, "usage is covered by contracts that exist"
        held[ref] = contract
    return held


def _period_at(contract: Contract, product: Ref, at: datetime) -> UsagePeriod | None:
    for segment in contract.segments:
        if segment.terms.product_ref == product and segment.terms.due_upon_usage:
            billing = period_containing(segment, day_of(at, segment.terms.time_zone))
            if billing is not None:
                return UsagePeriod(contract, (product, billing.period.start, segment.version), segment, billing)
    return None


def _period_of(contract: Contract, key: PeriodKey) -> UsagePeriod:
    """A period that was billed, as the contract has it now."""
    product, starts, version = key
    for segment in contract.segments:
        if (segment.terms.product_ref, segment.version) == (product, version):
            billing = period_containing(segment, starts)
            if billing is not None and billing.period.start == starts:
                return UsagePeriod(contract, key, segment, billing)
    return UsagePeriod(contract, key, None, None)


def _settle(tx: Tx, periods: Sequence[UsagePeriod], reason: str, *, corrected: bool) -> list[Document]:
    if not periods:
        return []
    pricings = pricings_of(tx, {p.contract.ref: p.contract for p in periods}.values())
    wanted = {i.usage_product_ref for p in pricings.values() for i in p.items if i.usage_product_ref}
    meters = tx.meters(list(wanted))
    children: dict[PeriodKey, list[UsageChild]] = {}
    for child in tx.children([p.key for p in periods]):
        children.setdefault(child.period, []).append(child)
    made: list[Document] = []
    for period in sorted(periods, key=lambda p: (p.key[1], p.key)):
        mine = children.get(period.key, [])
        if corrected and mine:
            made.extend(_correct(tx, period, mine, pricings, meters, reason))
        if period.segment is not None:
            made.extend(_bill(tx, period, mine, pricings, meters))
    return made


def _correct(
    tx: Tx, period: UsagePeriod, children: list[UsageChild], pricings: Pricings, meters: Mapping[Ref, Meter], reason: str
) -> list[Document]:
    """Notes for events of the period's documents that were edited or deleted, or lie outside of it now."""
    refs = [c.document_ref for c in children]
    window = period.window
    if window is not None:
        tx.adopt_corrections(refs, window)
    charged = tx.charged_usage(refs)
    gone = [(doc, e) for doc, e, stands in charged if not stands or window is None or e.at not in window]
    if not gone:
        return []
    before = children[-1].through
    after: dict[Ref, Through] = dict.fromkeys(before, NONE)
    if period.segment is not None and period.billing is not None and window is not None:
        terms = period.segment.terms
        lost = {e.ref for _doc, e in gone}
        kept = [e for _doc, e, _stands in charged if e.ref not in lost]
        charge = child_charge(period.segment, period.billing)
        for item in usage_items(terms, pricings[(terms.pricing_ref, terms.pricing_version)]):
            assert item.usage_product_ref is not None
            meter = meters[item.usage_product_ref]
            ask = Ask(period.contract.customer_ref, meter, window, time_zone=terms.time_zone)
            counted = answer(ask, [e for e in kept if e.usage_product_ref in meter.streams])
            after[item.ref] = counted_again(charge, item, counted.measured.quantity)
    made = _note(tx, children, before, after, {doc for doc, _e in gone}, reason)
    tx.release(period.key[0], [e.ref for _doc, e in gone])
    return made


def _note(
    tx: Tx, children: list[UsageChild], before: Mapping[Ref, Through], after: Mapping[Ref, Through],
    touched: Collection[Ref], reason: str,
) -> list[Document]:
    """Notes over the difference; `children` then says what was billed after it."""
    refs = [c.document_ref for c in children]
    for ref in sorted(refs):
        tx.lock_document(ref)
    known = []
    for ref in refs:
        note_refs = tx.notes_of([ref])
        bodies = tx.records([ref, *note_refs])
        notes = tuple(record_document(bodies[n].body) for n in note_refs)
        known.append(Child(record_document(bodies[ref].body), notes, ref in touched))
    changes = corrections(known, before, after, known[0].document.currency, reason)
    drawn: list[Document] = []
    for child in known:
        if child.document.ref in changes:
            serial = len(child.notes)
            drawn.extend(correction_notes(
                child.document, child.notes, changes[child.document.ref],
                credit_ref=derived_ref("note", "CREDIT", child.document.ref, serial),
                debit_ref=derived_ref("note", "DEBIT", child.document.ref, serial),
                issued_on=max(local_date(tx.now, child.document.time_zone), child.document.issued_on), note=reason,
            ))
    children[-1] = replace(children[-1], through=after)
    tx.set_through(children[-1])
    return seal_documents(tx, drawn)


def _bill(
    tx: Tx, period: UsagePeriod, children: list[UsageChild], pricings: Pricings, meters: Mapping[Ref, Meter]
) -> list[Document]:
    """The next document of the period's usage, where what is not billed yet comes to something."""
    assert period.segment is not None and period.billing is not None
    terms = period.segment.terms
    pricing = pricings[(terms.pricing_ref, terms.pricing_version)]
    used, events = _fresh(tx, period, pricing, meters)
    if not events:
        return []
    before = children[-1].through if children else {}
    if any(before.get(ref, NONE).quantity + u.measured.quantity < ZERO for ref, u in used.items()):
        return []  # more was taken back than was used: it waits for more usage
    drafts = child_drafts(child_charge(period.segment, period.billing), pricing, used, before)
    shape = next(shape for s, shape in shapes_of(period.contract, pricings) if s == period.segment)
    charges = charges_of(period.segment, period.billing, shape)
    closed = any(c.closes for c in charges) and bool(tx.billed_on([c.key for c in charges if c.usage is not None]))
    if children and gives_back(drafts, terms.currency):
        made = _note(tx, children, before, through(before, drafts, used), (), TAKEN_BACK)
        tx.charge(period.key[0], children[-1].document_ref, events)
        return made
    if closed or not comes_to_something(drafts, terms.currency):
        return []
    parent = _parent(tx, period, charges, pricings)
    document = _draw(tx, period, len(children) + 1, drafts)
    (issued,) = seal_documents(tx, [document])
    tx.add_child(
        UsageChild(*period.key, len(children) + 1, period.contract.ref, issued.ref, parent,
                   through(before, drafts, used)),
        events,
    )
    tx.set_next_issue([(period.contract.ref, tx.next_issue_of(period.contract.ref), 1)])
    return [issued]


def _fresh(
    tx: Tx, period: UsagePeriod, pricing: Pricing, meters: Mapping[Ref, Meter]
) -> tuple[dict[Ref, Used], list[Ref]]:
    """What no document of the period billed yet, by line item, and the events behind it."""
    assert period.segment is not None
    window, terms = period.window, period.segment.terms
    assert window is not None
    items = [(i, meters[i.usage_product_ref]) for i in usage_items(terms, pricing) if i.usage_product_ref is not None]
    streams = {s for _item, meter in items for s in meter.streams}
    fresh = tx.unbilled_usage(terms.product_ref, period.contract.customer_ref, streams, window)
    used: dict[Ref, Used] = {}
    counted: dict[Ref, None] = {}
    for item, meter in items:
        ask = Ask(period.contract.customer_ref, meter, window, needs_of(item), None, terms.time_zone)
        mine = [e for e in fresh if e.usage_product_ref in meter.streams]
        found = answer(ask, mine)
        proof = UsageProof(found.root, found.count, window, meter_to_json(meter))
        used[item.ref] = Used(found.measured, proof)
        counted.update(dict.fromkeys(e.ref for e in events_read(ask, mine)))
    return used, list(counted)


def _parent(tx: Tx, period: UsagePeriod, charges: Sequence[Charge], pricings: Pricings) -> Ref:
    """The document of the period itself: of its fees, or without fees the one that closes it."""
    contract = period.contract
    running = tuple(Running(s, shape, frozenset()) for s, shape in shapes_of(contract, pricings))
    agreed = Agreed(contract.ref, contract.number, contract.customer_ref, contract.collective, running)
    shared: Shared = shared_document(agreed, parent_charge(charges))
    return named(shared, {key: document for key, document, _number in tx.billed_on(shared.keys)})[0]


def _draw(tx: Tx, period: UsagePeriod, n: int, drafts: Sequence[LineDraft]) -> Document:
    assert period.segment is not None and period.billing is not None
    contract, terms = period.contract, period.segment.terms
    customer = tx.customers([contract.customer_ref])[contract.customer_ref]
    numbers = tuple(range(1, len(drafts) + 1))
    return draw_up(
        ref=derived_ref("upon usage", contract.ref, *period.key, n),
        kind="INVOICE",
        number="",
        currency=terms.currency,
        issued_on=local_date(tx.now, terms.time_zone),
        net_days=0,
        seller=seller(tx.entities([terms.entity_ref])[terms.entity_ref], terms.payment.billing_account_id),
        buyer=buyer(customer),
        drafts=drafts,
        discounts=tuple(d for d in discounts_of(terms, numbers) if d.percent is not None),
        contract_ref=contract.ref,
        contract_number=contract.number,
        contract_version=contract.version,
        number_in_contract=tx.documents_so_far([contract.ref])[contract.ref] + 1,
        period=period.billing.period,
        is_partial_period=period.billing.is_partial,
        po_number=contract.po_number,
        note=terms.note,
        time_zone=terms.time_zone,
        language=customer.language,
    )
