"""Record usage: check each report, store those that are well as events, answer row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation, Rounded, localcontext
from types import MappingProxyType
from typing import Annotated, Literal, Protocol

import msgspec

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.quantity import MAX_QUANTITY, MAX_SCALE, ONE, out_of_bounds
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.usage.event import NO_PROPERTIES, Event, event_ref_of
from counterfoil.core.usage.rules import event_problems
from counterfoil.flows.usage_catalogue import Catalogue, Stream, Taker

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
"""How far a report may run ahead of our clock."""
MAX_PROPERTIES = 50
MAX_NAME = 200
MAX_TEXT = 1024
"""Characters of a property's text."""
MAX_KEY = 255

_SUMMING = Context(prec=60, traps=[Rounded, InvalidOperation])


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class Report(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One report as it arrives. `customer` and `usage_product` are references or names, `key` the idempotency key.

    The limits are enforced where a report is decoded, and again by `check_usage` where it was made by hand.
    """

    customer: str
    usage_product: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    quantity: Decimal = ONE
    key: Annotated[str, msgspec.Meta(max_length=MAX_KEY)] = ""
    properties: Annotated[Mapping[_Name, _Text], msgspec.Meta(max_length=MAX_PROPERTIES)] = NO_PROPERTIES


Status = Literal["accepted", "duplicate", "refused"]


class Answer(msgspec.Struct, gc=False, omit_defaults=True):
    """What became of one report. `document_ref`: the document that the event lands on, where that is known.

    `code` of a refusal: `usage.invalid`, or `usage.outside_contract` where nothing else is wrong.
    """

    status: Status
    event_ref: Ref | None = None
    document_ref: Ref | None = None
    code: str = ""
    problems: tuple[Problem, ...] = ()


Refused = tuple[str, tuple[Problem, ...]]
"""Why a report is refused: code and problems."""


@dataclass(slots=True)
class NewEvents:
    """Columns of events that are to be stored, all of one length."""

    refs: list[Ref]
    customers: list[Ref]
    streams: list[Ref]
    ats: list[datetime]
    quantities: list[Decimal]
    properties: list[Mapping[str, str]]
    keys: list[str]


Landing = tuple[Ref, Ref, datetime]
"""Customer, stream and instant of an event."""
LandsOn = Callable[[Sequence[Landing]], Sequence[Ref | None]]
"""Names the documents that events land on."""


class UsageTx(Protocol):
    """What recording usage needs of the store."""

    @property
    def now(self) -> datetime:
        """The tenant's time."""
        ...

    def new_ref(self) -> Ref:
        """A fresh reference."""
        ...

    def add_usage(self, new: NewEvents) -> set[Ref]:
        """Store events whose reference is new; the references that were there already."""
        ...


Named = tuple[Ref, Ref] | Taker
"""Customer and stream of a report that is well."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Reports after the checks: places of those that are well, what each of them names, what is wrong with others."""

    reports: Sequence[Report]
    catalogue: Catalogue
    well: Sequence[int]
    named: Sequence[Named]
    refused: Mapping[int, Refused]


_NONE_REFUSED: Mapping[int, Refused] = MappingProxyType({})


def record_usage(
    tx: UsageTx, reports: Sequence[Report], catalogue: Catalogue, lands_on: LandsOn | None = None
) -> list[Answer]:
    """Store each report that is well, and answer every one: accepted, duplicate, or refused with its problems."""
    return store_usage(tx, [check_usage(reports, catalogue, tx.now)], lands_on)[0]


def check_usage(
    reports: Sequence[Report], catalogue: Catalogue, now: datetime, *, texts_checked: bool = False
) -> Checked:
    """Check reports against the catalogue at the tenant's time; nothing is stored.

    `texts_checked`: the decoder already held keys and properties to their limits.
    """
    quick = _all_well(reports, catalogue, now, texts_checked=texts_checked)
    if quick is not None:
        return quick
    well: list[int] = []
    named: list[Named] = []
    refused = {}
    for i, report in enumerate(reports):
        wrong = _refusal(report, catalogue, now)
        if wrong is not None:
            refused[i] = wrong
            continue
        customer = catalogue.customers[report.customer]
        assert customer is not None, "a customer that several answer to is a problem"
        well.append(i)
        named.append((customer, catalogue.streams[report.usage_product].ref))
    return Checked(reports, catalogue, well, named, refused)


def store_usage(tx: UsageTx, checked: Sequence[Checked], lands_on: LandsOn | None = None) -> list[list[Answer]]:
    """Store what is well of several checked lists by one statement; the answers to each list."""
    new = NewEvents([], [], [], [], [], [], [])
    for c in checked:
        _add(tx, c, new)
    there = tx.add_usage(new) if new.refs else set()
    landed: Sequence[Ref | None] = ()
    if lands_on is not None:
        landed = lands_on(list(zip(new.customers, new.streams, new.ats, strict=True)))
    seen: set[Ref] | None = set() if there or len(set(new.refs)) < len(new.refs) else None
    answers = []
    start = 0
    for c in checked:
        end = start + len(c.well)
        answers.append(_answers(c, new.refs[start:end], landed[start:end], there, seen))
        start = end
    return answers


def _add(tx: UsageTx, c: Checked, new: NewEvents) -> None:
    tenant_ref = c.catalogue.tenant_ref
    rows = c.reports if len(c.well) == len(c.reports) else [c.reports[i] for i in c.well]
    for r in rows:
        # A report without a key is named by a fresh reference, which becomes its key.
        key = r.key or tx.new_ref()
        new.keys.append(key)
        new.refs.append(event_ref_of(tenant_ref, key))
    new.customers += [n[0] for n in c.named]
    new.streams += [n[1] for n in c.named]
    new.ats += [r.at for r in rows]
    new.quantities += [r.quantity for r in rows]
    new.properties += [r.properties for r in rows]


def _answers(
    c: Checked, refs: list[Ref], landed: Sequence[Ref | None], there: set[Ref], seen: set[Ref] | None
) -> list[Answer]:
    """Answers in the order of the reports. `seen`: references answered before; None when every event is new."""
    statuses: list[Status]
    if seen is None:
        statuses = ["accepted"] * len(refs)
    else:
        statuses = []
        for ref in refs:
            statuses.append("duplicate" if ref in there or ref in seen else "accepted")
            seen.add(ref)
    documents = landed or [None] * len(refs)
    well = [Answer(*each) for each in zip(statuses, refs, documents, strict=True)]
    if not c.refused:
        return well
    answered = dict(zip(c.well, well, strict=True))
    return [answered.get(i) or Answer("refused", None, None, *c.refused[i]) for i in range(len(c.reports))]


def _all_well(reports: Sequence[Report], catalogue: Catalogue, now: datetime, *, texts_checked: bool) -> Checked | None:
    """The usual case, found out by looking at all reports together; None when each must be looked at."""
    if not reports:
        return Checked(reports, catalogue, (), [], _NONE_REFUSED)
    ats = [r.at for r in reports]
    if not texts_checked and not all(map(_is_well_formed, reports)):
        return None
    first, last = min(ats), max(ats)
    if first < EARLIEST or last > now + AHEAD or not _quantities_are_fine([r.quantity for r in reports]):
        return None
    takers = _takers(reports, catalogue)
    if takers is None:
        return None
    # Equal spans are one object: there are few, however many reports.
    spans = {id(t[2]): t[2] for t in takers}
    if not all(start <= first and last < end for start, end in spans.values()):
        return None
    return Checked(reports, catalogue, range(len(reports)), takers, _NONE_REFUSED)


def _takers(reports: Sequence[Report], catalogue: Catalogue) -> list[Taker] | None:
    """Whom each report is about; None where one must be looked at by itself."""
    products = [r.usage_product for r in reports]
    one = products[0]
    for product in (one,) if products.count(one) == len(products) else set(products):
        stream = catalogue.streams.get(product)
        if stream is None or stream.exacting:
            return None
    known = catalogue.takers.get(one, {})
    if products.count(one) == len(products):
        found = [known.get(r.customer) for r in reports]
    else:
        found = [None]
    if None in found:
        found = [catalogue.taker(r.customer, r.usage_product) for r in reports]
    takers = [f for f in found if f is not None]
    return takers if len(takers) == len(reports) else None


def _quantities_are_fine(quantities: list[Decimal]) -> bool:
    """Whether the sum of their sizes, made exactly, shows that each is within bounds."""
    try:
        with localcontext(_SUMMING):
            total = sum(map(abs, quantities))
            _, _, exponent = Decimal(total).as_tuple()
            return isinstance(exponent, int) and exponent >= -MAX_SCALE and total < MAX_QUANTITY
    except ArithmeticError:
        return False


def _is_well_formed(r: Report) -> bool:
    return r.at.tzinfo is not None and next(_text_problems(r), None) is None


def _refusal(r: Report, catalogue: Catalogue, now: datetime) -> Refused | None:
    """What is wrong with one report, each problem with its field; None when it is well."""
    problems: list[Problem] = []
    customer = _customer(r, catalogue, problems)
    stream = catalogue.streams.get(r.usage_product)
    if stream is None:
        problems.append(
            Problem(
                "usage_product", f"there is no usage product {r.usage_product!r}" if r.usage_product else "is required"
            )
        )
    problems += _time_problems(r.at, now)
    fault = out_of_bounds(r.quantity)
    if fault:
        problems.append(Problem("quantity", fault))
    problems += _text_problems(r)
    if stream is not None:
        problems += _meter_problems(r, stream)
    if problems:
        return "usage.invalid", tuple(problems)
    assert customer is not None and stream is not None
    if not catalogue.takes(customer, stream.ref, r.at, r.at):
        return "usage.outside_contract", (
            Problem("at", f"no contract of the customer takes {stream.name!r} at that time"),
        )
    return None


def _customer(r: Report, catalogue: Catalogue, problems: list[Problem]) -> Ref | None:
    customer = catalogue.customers.get(r.customer)
    if customer is not None:
        return customer
    if r.customer in catalogue.customers:
        problems.append(Problem("customer", f"several customers answer to {r.customer!r}; name one by its reference"))
    else:
        problems.append(Problem("customer", f"there is no customer {r.customer!r}" if r.customer else "is required"))
    return None


def _time_problems(at: datetime, now: datetime) -> Iterator[Problem]:
    if at.tzinfo is None:
        yield Problem("at", "has no UTC offset; end it with Z or an offset such as +02:00")
    elif at < EARLIEST:
        yield Problem("at", "must not be before the year 2000")
    elif at > now + AHEAD:
        yield Problem("at", "must not be more than 5 minutes in the future")


def _text_problems(r: Report) -> Iterator[Problem]:
    if len(r.key) > MAX_KEY:
        yield Problem("key", f"must not have more than {MAX_KEY} characters")
    if not r.key.isprintable():
        yield Problem("key", "must not have control characters")
    if len(r.properties) > MAX_PROPERTIES:
        yield Problem("properties", f"must not be more than {MAX_PROPERTIES}")
    for name, text in r.properties.items():
        if not 1 <= len(name) <= MAX_NAME:
            yield Problem("properties", f"must have names of 1 to {MAX_NAME} characters")
        if len(text) > MAX_TEXT:
            yield Problem(f"properties.{name}", f"must not have more than {MAX_TEXT} characters")
        if not (name.isprintable() and text.isprintable()) and _is_broken(name + text):
            yield Problem("properties", "must be valid Unicode without NUL")


def _is_broken(text: str) -> bool:
    return any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


def _meter_problems(r: Report, stream: Stream) -> list[Problem]:
    """What the stream's meters miss; the quantity's bounds are looked at for all events."""
    if not stream.exacting:
        return []
    event = Event(Ref(""), Ref(""), stream.ref, r.at, r.quantity, r.properties)
    found = dict.fromkeys(p for meter in stream.meters for p in event_problems(meter, event))
    return [p for p in found if p.field != "quantity"]
