"""Report usage and be told where it lands: events one by one or many, edited and taken back, each with its document.

An event is known by the reference of its first report, whatever corrections there were: every one of its records leads to
the one that stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem
from counterfoil.core.usage.event import Event
from counterfoil.flows.bill_upon_usage import Touched, bill_upon_usage
from counterfoil.flows.correct_usage import CorrectionTx, StoredEvent, delete_usage, edit_usage
from counterfoil.flows.land_usage import Landed, Landings, LandTx, bill_landed
from counterfoil.flows.record_usage import Checked, Refused, Report, UsageTx, check_usage, store_usage
from counterfoil.flows.usage_catalogue import Catalogue

OTHER_DOCUMENT = "usage.other_document"
"""Code of a report whose document is not what its sender expects."""


class ReportTx(LandTx, CorrectionTx, UsageTx, Protocol):
    """What reporting needs of the store."""

    now: datetime
    """The tenant's time."""

    def event_history(self, ref: Ref) -> Sequence[StoredEvent]:
        """Every record of the report that `ref` is one of, first to last; NotFound without one."""
        ...

    def remember_upcoming(self, rows: Sequence[tuple[str, str, date]]) -> None:
        """(document, contract, issue date) of documents to come that somebody is told of."""
        ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What the document of an event must be like; None is not asked."""

    currency: str | None = None
    entity_ref: str | None = None


NOTHING = Expected()


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it stands and where it landed. `ref` is that of its first report. `numbers` of the documents that are
    issued; the parent is that of usage billed as it comes."""

    ref: Ref
    event: Event
    customer_name: str
    usage_product_name: str
    document_ref: Ref | None
    numbers: str = ""
    parent_ref: Ref | None = None
    parent_numbers: str = ""


def report_usage(
    tx: ReportTx, landings: Landings, reads: Sequence[Report | Refused], expected: Sequence[Expected]
) -> list[Told | Refused]:
    """Store what is well, bill what is billed as it comes, and answer each in its order; a bad one takes no other with it.

    A report that was made before (by its key) is told as it was stored.
    """
    catalogue = landings.catalogue(tx)
    places = [i for i, read in enumerate(reads) if isinstance(read, Report)]
    reports = [r for r in reads if isinstance(r, Report)]
    answers: list[Told | Refused] = [r for r in reads if not isinstance(r, Report)]
    checked = check_usage(reports, catalogue, tx.now)
    refused = dict(checked.refused)
    landed = landings.of(tx, [(n[0], n[1], reports[i].at) for i, n in zip(checked.well, checked.named, strict=True)], catalogue)
    well = []
    for i, named, each in zip(checked.well, checked.named, landed, strict=True):
        problems = _unexpected(each, expected[places[i]])
        if problems:
            refused[i] = (OTHER_DOCUMENT, tuple(problems))
        else:
            well.append((i, named, each))
    (stored,) = store_usage(
        tx, [Checked(reports, catalogue, [i for i, _n, _l in well], [n for _i, n, _l in well], refused)]
    )
    fresh = [
        ((n[0], n[1], reports[i].at), each) for i, n, each in well if stored[i].status == "accepted"
    ]
    if any(x.as_it_comes for _event, each in fresh for x in each):
        bill_landed(tx, fresh)
    events: dict[int, tuple[Ref, Event]] = {}
    for i, (customer, stream, *_span), _each in well:
        ref, r = stored[i].event_ref, reports[i]
        assert ref is not None
        events[i] = (ref, Event(ref, customer, stream, r.at, r.quantity, r.properties, r.key))
        if stored[i].status == "duplicate":
            events[i] = _standing(tx, ref)
    known = None if "duplicate" in {a.status for a in stored} else [each for _i, _named, each in well]
    told = dict(zip(events, tell(tx, landings, list(events.values()), catalogue, known), strict=True))
    by_place = {place: told.get(i) or refused[i] for i, place in enumerate(places)}
    others = iter(answers)
    return [by_place[i] if i in by_place else next(others) for i in range(len(reads))]


def update_usage(
    tx: ReportTx, landings: Landings, ref: str, *, at: datetime | None = None, quantity: Decimal | None = None,
    properties: Mapping[str, str] | None = None, customer: str | None = None, usage_product: str | None = None,
    why: str = "updated by its sender",
) -> Told:
    """Correct what an event says; what is None stays. Refused as a new report would be; NotFound, or Conflict when it was
    deleted. Where it was billed already, a credit or debit note follows."""
    if at is None and quantity is None and properties is None and customer is None and usage_product is None:
        raise Invalid.field("", "say what to change: timestamp, quantity or additional_report_data")
    first, before = _standing(tx, ref)
    catalogue = landings.catalogue(tx)
    new = edit_usage(
        tx, before.ref, catalogue, why=why, at=at, quantity=quantity, properties=properties, customer=customer,
        usage_product=usage_product,
    )
    _settle(tx, landings, [before, new])
    return tell(tx, landings, [(first, new)])[0]


def remove_usage(tx: ReportTx, landings: Landings, ref: str, *, why: str = "deleted by its sender") -> Told:
    """Take an event away: it stays readable, and counts no more. What it was, and where it had landed. NotFound, or
    Conflict when it was deleted before."""
    first, before = _standing(tx, ref)
    told = tell(tx, landings, [(first, before)])[0]
    delete_usage(tx, before.ref, why=why)
    _settle(tx, landings, [before])
    return told


def tell(
    tx: ReportTx, landings: Landings, events: Sequence[tuple[Ref, Event]], catalogue: Catalogue | None = None,
    landed: Sequence[tuple[Landed, ...]] | None = None,
) -> list[Told]:
    """Where events are: on the document that billed them as they came, or on the one that counts their period.

    `catalogue`, `landed`: where they were read in this transaction.
    """
    if not events:
        return []
    catalogue = catalogue or landings.catalogue(tx)
    streams = catalogue.streams
    if landed is None:
        landed = landings.of(tx, [(e.customer_ref, e.usage_product_ref, e.at) for _first, e in events], catalogue)
    names = {ref: c.name for ref, c in tx.customers(list({e.customer_ref for _first, e in events})).items()}
    as_it_came = any(x.terms.due_upon_usage for each in landed for x in each)
    own = tx.landed_on([e.ref for _first, e in events]) if as_it_came else {}
    numbers = tx.numbers_of({parent for _doc, _number, parent in own.values()}) if own else {}
    found = []
    for (first, event), each in zip(events, landed, strict=True):
        told = Told(first, event, names[event.customer_ref], streams[event.usage_product_ref].name, None)
        if event.ref in own:
            document, number, parent = own[event.ref]
            told = replace(
                told, document_ref=document, numbers=number, parent_ref=parent, parent_numbers=numbers.get(parent, "")
            )
        elif each:
            told = replace(
                told, document_ref=each[0].document_ref, numbers=", ".join(dict.fromkeys(x.number for x in each if x.number)),
                parent_ref=each[0].parent_ref, parent_numbers=each[0].parent_number,
            )
        found.append(told)
    _remember(tx, landings, landed)
    return found


def _remember(tx: ReportTx, landings: Landings, landed: Sequence[tuple[Landed, ...]]) -> None:
    """Documents to come can be asked for by the references that are told here."""
    rows = {}
    for x in (x for each in landed for x in each):
        shared = x.landing.counted_by
        if not x.issued:
            rows[x.document_ref] = (x.document_ref, shared.contract_ref, shared.charge.issue_on)
        parent = x.landing.parent
        if parent is not None and x.parent_ref is not None and not x.parent_number:
            rows[x.parent_ref] = (x.parent_ref, parent.contract_ref, parent.charge.issue_on)
    fresh = landings.not_told(tx.tenant, rows)
    if fresh:
        tx.remember_upcoming([rows[ref] for ref in fresh])


def _standing(tx: ReportTx, ref: str) -> tuple[Ref, Event]:
    """The reference of an event's first report, and its record that stands (or its deletion)."""
    if not is_ref(ref):
        raise NotFound("usage.not_found", f"there is no usage event {ref[:100]!r}")
    history = tx.event_history(Ref(ref))
    return history[0].event.ref, history[-1].event


def _settle(tx: ReportTx, landings: Landings, events: Sequence[Event]) -> None:
    """Notes on what was billed as it came, and the document of what it became."""
    touched: dict[Touched, None] = {}
    for e in events:
        for x in landings.of(tx, [(e.customer_ref, e.usage_product_ref, e.at)])[0]:
            if x.terms.due_upon_usage:
                touched[(x.landing.counted_by.contract_ref, x.terms.product_ref, e.at)] = None
    if touched:
        bill_upon_usage(tx, list(touched))


def _unexpected(landed: Sequence[Landed], expected: Expected) -> list[Problem]:
    """Why none of the documents is what is expected of the event's."""
    if expected == NOTHING or not landed:
        return []
    terms = landed[0].terms
    wrong = []
    if expected.currency is not None and expected.currency.upper() not in {x.terms.currency for x in landed}:
        wrong.append(Problem("validations.currency", f"the related document is in {terms.currency}"))
    if expected.entity_ref is not None and expected.entity_ref.lower() not in {x.terms.entity_ref for x in landed}:
        wrong.append(Problem("validations.entity_ref", f"the related document is issued by entity {terms.entity_ref}"))
    return wrong
