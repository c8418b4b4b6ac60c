"""Where events land: the document of each, known before it exists, for many events at once.

What contracts say is read once for each customer and stream, and kept until the tenant's catalogue changes; only events of
periods whose document may be issued already are looked up, all of a batch by one query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window, midnight
from counterfoil.core.basis.refusals import Refusal, Upstream
from counterfoil.core.contracts.charges import ChargeKey
from counterfoil.core.contracts.landing import Agreed, Landing, Running, Shared, landings, named
from counterfoil.core.contracts.terms import Contract, ProductTerms
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.rating import items_of
from counterfoil.core.invoicing.upon_usage import PeriodKey
from counterfoil.flows.bill_upon_usage import Touched, bill_upon_usage
from counterfoil.flows.fall_due import pricings_of, shapes_of
from counterfoil.flows.ports import Tx
from counterfoil.flows.record_usage import Landing as Reported
from counterfoil.flows.usage_catalogue import Catalogue, CatalogueTx, read_catalogue

MAX_KNOWN = 200_000
"""Pairs of customer and stream that are remembered for a tenant."""
CANNOT_BE_BILLED = (Refusal, AssertionError, ArithmeticError, LookupError, TypeError, ValueError)
"""Rating fails in one of these ways; the events are stored all the same, and the next run bills or parks them."""


class LandTx(Tx, CatalogueTx, Protocol):
    """What landing needs of the store."""


@dataclass(frozen=True, slots=True)
class Landed:
    """The document of an event. `issued`: it is there already, so that a debit or credit note on it follows.

    `parent_ref`: the document of the period, where usage is billed as it comes; then `document_ref` is the one that closes
    the period, unless the event has been billed on one of its own. Numbers are empty for what is not issued.
    """

    landing: Landing
    document_ref: Ref
    issued: bool
    number: str = ""
    parent_ref: Ref | None = None
    parent_number: str = ""

    @property
    def terms(self) -> ProductTerms:
        """The terms that the event is billed by."""
        return self.landing.terms

    @property
    def period(self) -> PeriodKey:
        """The billing period: product, first day, version."""
        charge = self.landing.counted_by.charge
        return (self.terms.product_ref, charge.billing.period.start, charge.segment.version)

    @property
    def as_it_comes(self) -> bool:
        """Whether it is billed as it comes: the period is still open."""
        return self.terms.due_upon_usage and not self.issued


@dataclass(slots=True)
class _Known:
    """The contracts of a customer that take a stream, and landings by the spans in which they hold."""

    contracts: list[Agreed]
    spans: list[tuple[Window, tuple[Landing, ...]]] = field(default_factory=list)
    """Replaced as a whole, never changed, since several threads read it."""


@dataclass(slots=True)
class _Tenant:
    version: int
    known: dict[tuple[Ref, Ref], _Known] = field(default_factory=dict)


class Landings:
    """Tells where events land. It may be asked by several threads at once."""

    def __init__(self) -> None:
        self._tenants: dict[int, _Tenant] = {}
        self._catalogues: dict[int, Catalogue] = {}
        self._told: dict[int, set[Ref]] = {}

    def catalogue(self, tx: LandTx) -> Catalogue:
        """What decides whether an event is taken, as it is now."""
        found = self._catalogues[tx.tenant] = read_catalogue(tx, self._catalogues.get(tx.tenant))
        return found

    def of(
        self, tx: LandTx, events: Sequence[Reported], catalogue: Catalogue | None = None
    ) -> list[tuple[Landed, ...]]:
        """For each (customer, stream, instant) the documents that count it, by contract and product: one, usually.

        `catalogue`: as it was read in this transaction, so that its version need not be asked for again.
        """
        version = tx.catalogue_mark()[0] if catalogue is None else catalogue.version
        known = self._known(tx, version, {(e[0], e[1]) for e in events})
        landed = [self._landings(known[e[0], e[1]], e[1], e[2]) for e in events]
        billed = _billed(tx, {id(x): x for each in landed for x in each}.values())
        told: dict[int, Landed] = {}
        for each in landed:
            for x in each:
                if id(x) not in told:
                    told[id(x)] = _told(x, billed)
        return [tuple([told[id(x)] for x in each]) for each in landed]

    def refs(self, tx: LandTx, events: Sequence[Reported]) -> list[Ref | None]:
        """The (first) document of each event that was just stored; what is billed as it comes is billed now."""
        landed = self.of(tx, events)
        if not any(x.as_it_comes for each in landed for x in each):
            return [each[0].document_ref if each else None for each in landed]
        made = {d.ref for d in bill_landed(tx, zip(events, landed, strict=True))}
        children = tx.children({x.period for each in landed for x in each if x.as_it_comes})
        own = {c.period: c.document_ref for c in children if c.document_ref in made}
        return [(own.get(each[0].period) or each[0].document_ref) if each else None for each in landed]

    def not_told(self, tenant: int, documents: Iterable[Ref]) -> set[Ref]:
        """Those of the documents to come that nobody was told of yet, as far as is remembered; now they are told."""
        told = self._told.setdefault(tenant, set())
        fresh = set(documents) - told
        if len(told) > MAX_KNOWN:
            told.clear()
        told |= fresh
        return fresh

    def _known(self, tx: LandTx, version: int, pairs: set[tuple[Ref, Ref]]) -> dict[tuple[Ref, Ref], _Known]:
        held = self._tenants.get(tx.tenant)
        if held is None or held.version != version or len(held.known) > MAX_KNOWN:
            held = self._tenants[tx.tenant] = _Tenant(version)
        missing = [pair for pair in pairs if pair not in held.known]
        if missing:
            held.known.update(_read(tx, missing))
        return held.known

    def _landings(self, known: _Known, stream: Ref, at: datetime) -> tuple[Landing, ...]:
        for span, found in known.spans:
            if at in span:
                return found
        found = tuple(x for contract in known.contracts for x in landings(contract, stream, at))
        known.spans = [(_span(known.contracts, found, stream, at), found), *known.spans]
        return found


def bill_landed(tx: LandTx, landed: Iterable[tuple[Reported, tuple[Landed, ...]]]) -> list[Document]:
    """Bill at once what is billed as it comes. Where that fails, the events stay, and the next run bills or parks them."""
    touched: dict[Touched, None] = {}
    for event, each in landed:
        for x in each:
            if x.as_it_comes:
                touched[(x.landing.counted_by.contract_ref, x.terms.product_ref, event[2])] = None
    try:
        with tx.attempt():
            return bill_upon_usage(tx, list(touched), corrected=False)
    except CANNOT_BE_BILLED as error:
        if isinstance(error, Upstream):
            raise
        return []


def _read(tx: LandTx, pairs: Sequence[tuple[Ref, Ref]]) -> dict[tuple[Ref, Ref], _Known]:
    taking: dict[tuple[Ref, Ref], list[Ref]] = {pair: [] for pair in pairs}
    for customer, stream, contract in tx.contracts_taking(pairs):
        taking[customer, stream].append(contract)
    contracts = tx.contracts(list({c for each in taking.values() for c in each}))
    agreed = _agreed(tx, list(contracts.values()))
    return {
        pair: _Known(sorted((agreed[c] for c in each), key=lambda a: a.number)) for pair, each in taking.items()
    }


def _agreed(tx: LandTx, contracts: Sequence[Contract]) -> dict[Ref, Agreed]:
    pricings = pricings_of(tx, contracts)
    wanted = {i.usage_product_ref for p in pricings.values() for i in p.items if i.usage_product_ref}
    streams = {ref: meter.streams for ref, meter in (tx.meters(list(wanted)) if wanted else {}).items()}
    found = {}
    for contract in contracts:
        running = []
        for segment, shape in shapes_of(contract, pricings):
            items = items_of(segment.terms, pricings[(segment.terms.pricing_ref, segment.terms.pricing_version)])
            read = frozenset(s for i in items if i.usage_product_ref for s in streams[i.usage_product_ref])
            running.append(Running(segment, shape, read))
        found[contract.ref] = Agreed(
            contract.ref, contract.number, contract.customer_ref, contract.collective, tuple(running)
        )
    return found


def _span(contracts: Sequence[Agreed], found: Sequence[Landing], stream: Ref, at: datetime) -> Window:
    """A span around `at` in which the same landings hold."""
    windows = []
    for x in found:
        charge = x.counted_by.charge
        assert charge.usage is not None
        windows.append(charge.usage.window(x.terms.time_zone))
    for each in (r for c in contracts for r in c.running if stream in r.streams):
        zone = each.segment.terms.time_zone
        since = midnight(max(each.segment.since, each.segment.terms.start), zone)
        until = None if each.segment.until is None else midnight(each.segment.until, zone)
        if at < since:
            windows.append(Window(at, since))
        elif until is not None and at >= until:
            windows.append(Window(until, at.replace(year=9999)))
    start, end = max(w.start for w in windows), min(w.end for w in windows)
    return Window(start, end)


def _billed(tx: LandTx, found: Iterable[Landing]) -> dict[ChargeKey, tuple[Ref | None, str]]:
    """What was billed of charges that have fallen due by now: nobody bills earlier."""
    keys: dict[ChargeKey, None] = {}
    for x in found:
        for shared in (x.counted_by, x.parent):
            if shared is not None and midnight(shared.charge.issue_on, x.terms.time_zone) <= tx.now:
                keys.update(dict.fromkeys(shared.keys))
    return {key: (document, number) for key, document, number in tx.billed_on(list(keys))} if keys else {}


def _told(x: Landing, billed: dict[ChargeKey, tuple[Ref | None, str]]) -> Landed:
    ref, issued, number = _document(x.counted_by, billed)
    if x.parent is None:
        return Landed(x, ref, issued, number)
    parent_ref, _issued, parent_number = _document(x.parent, billed)
    return Landed(x, ref, issued, number, parent_ref, parent_number)


def _document(shared: Shared, billed: dict[ChargeKey, tuple[Ref | None, str]]) -> tuple[Ref, bool, str]:
    mine = {key: billed[key][0] for key in shared.keys if key in billed}
    ref, issued = named(shared, mine)
    return ref, issued, billed[shared.charge.key][1] if issued else ""
