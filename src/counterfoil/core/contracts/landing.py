"""On which document something lands: how a contract's charges are put together to documents, and what they are called.

Issuing asks this room which charges share a document and which reference that document has; so does whoever tells the
sender of an event where it will be billed. There is no second answer, so the promise and the document cannot differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import local_date, midnight
from counterfoil.core.contracts.calendar import BillingPeriod, period_containing
from counterfoil.core.contracts.charges import Charge, ChargeKey, Shape, charges_of, charges_on
from counterfoil.core.contracts.terms import ProductTerms, Segment

_ONE_DAY = timedelta(days=1)


def document_group(terms: ProductTerms, *, collective: bool) -> str:
    """What charges of one contract and date have in common that share a document: entity, net terms and time zone, and
    the product unless the contract's documents are collective."""
    group = f"{terms.entity_ref}|{terms.net_days}|{terms.time_zone}"
    return group if collective else f"{group}|{terms.product_ref}"


def late_group(product_ref: Ref, starts: date, part: int) -> str:
    """The group of a part that had nothing to bill when it fell due, and is billed by itself when usage appears."""
    return f"late|{product_ref}|{starts}|{part}"


def document_ref(contract_ref: Ref, group: str, issue_on: date, version: int) -> Ref:
    """The reference that a contract's document of a date has, from its projection on. `version`: the latest of those
    that agreed its charges."""
    return derived_ref("document", contract_ref, group, issue_on, version)


def day_of(at: datetime, time_zone: str) -> date:
    """The billed day that an instant belongs to: the one from whose midnight to the next it lies.

    It is the civil date, but for the rare clock change that repeats the minutes around midnight: days are cut at their
    first midnight, as windows are.
    """
    day = local_date(at, time_zone)
    if at < midnight(day, time_zone):
        return day - _ONE_DAY
    return day + _ONE_DAY if at >= midnight(day + _ONE_DAY, time_zone) else day


@dataclass(frozen=True, slots=True)
class Running:
    """A segment with the kinds of items that it bills, and the streams whose events they count."""

    segment: Segment
    shape: Shape
    streams: frozenset[Ref]


@dataclass(frozen=True, slots=True)
class Agreed:
    """A contract, as far as it decides which documents it gets."""

    ref: Ref
    number: int
    customer_ref: Ref
    collective: bool
    running: tuple[Running, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """The document of a charge: `together` are the charges that fall due with it and share the document, it included."""

    contract_ref: Ref
    group: str
    charge: Charge
    together: tuple[Charge, ...]

    @property
    def keys(self) -> tuple[ChargeKey, ...]:
        """Of all charges that share the document."""
        return tuple(c.key for c in self.together)


@dataclass(frozen=True, slots=True)
class Landing:
    """Where events of one stream and billing period land. `counted_by`: the charge that counts them.

    `parent`: the period's document, where usage is billed as it comes (`due_upon_usage`): the one with its fees, or
    without fees the one that closes it.
    """

    contract_number: int
    billing: BillingPeriod
    counted_by: Shared
    parent: Shared | None = None

    @property
    def terms(self) -> ProductTerms:
        """The terms that the events are billed by."""
        return self.counted_by.charge.segment.terms


Billed = Mapping[ChargeKey, Ref | None]
"""What was billed of some charges: the document, None where there was nothing to put on one."""


def named(shared: Shared, billed: Billed) -> tuple[Ref, bool]:
    """The reference of the document, and whether it is issued.

    `billed` is what was billed of `shared.keys`. A part that had nothing to bill gets a document of its own.
    """
    charge = shared.charge
    if charge.key in billed:
        issued = billed[charge.key]
        if issued is not None:
            return issued, True
        group = late_group(charge.segment.terms.product_ref, charge.billing.period.start, charge.part)
        return document_ref(shared.contract_ref, group, charge.issue_on, charge.segment.version), False
    version = max(c.segment.version for c in shared.together if c.key not in billed)
    return document_ref(shared.contract_ref, shared.group, charge.issue_on, version), False


def landings(contract: Agreed, stream: Ref, at: datetime) -> Iterator[Landing]:
    """Where an event of `stream` at that instant lands, once for each product of the contract that counts it."""
    for each in contract.running:
        if stream not in each.streams:
            continue
        billing = period_containing(each.segment, day_of(at, each.segment.terms.time_zone))
        if billing is not None:
            found = _landing(contract, each, billing, day_of(at, each.segment.terms.time_zone))
            if found is not None:
                yield found


def _landing(contract: Agreed, each: Running, billing: BillingPeriod, day: date) -> Landing | None:
    charges = charges_of(each.segment, billing, each.shape)
    for charge in charges:
        if charge.usage is not None and day in charge.usage:
            parent = None
            if each.segment.terms.due_upon_usage:
                parent = shared_document(contract, parent_charge(charges))
            return Landing(contract.number, billing, shared_document(contract, charge), parent)
    return None


def parent_charge(charges: Sequence[Charge]) -> Charge:
    """The charge of a period whose document is the parent of usage that is billed as it comes: the one with its fees, or
    without fees the one that closes it."""
    return next((c for c in charges if c.fees), charges[-1])


def shared_document(contract: Agreed, charge: Charge) -> Shared:
    """The document of one charge of a contract."""
    group = document_group(charge.segment.terms, collective=contract.collective)
    return Shared(contract.ref, group, charge, tuple(_due_with(contract, group, charge.issue_on)))


def _due_with(contract: Agreed, group: str, day: date) -> Iterator[Charge]:
    for other in contract.running:
        if document_group(other.segment.terms, collective=contract.collective) == group:
            yield from charges_on(other.segment, other.shape, day)


def latest_version(charges: Collection[Charge]) -> int:
    """The latest of the versions that agreed these charges, which is part of their document's reference."""
    return max(c.segment.version for c in charges)
