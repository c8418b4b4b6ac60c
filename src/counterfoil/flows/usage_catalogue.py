"""What the door must know to take usage: customers, streams with their meters, and when contracts take events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.usage.aggregations import reducer_of
from counterfoil.core.usage.meter import Meter

Span = tuple[datetime, datetime]
"""Instants from the first to, but not including, the second."""


Taker = tuple[Ref, Ref, Span]
"""Customer, stream, and a span in which its contracts take the stream's events."""


class CatalogueTx(Protocol):
    """What reading the catalogue needs of the store."""

    def this_tenant(self) -> Any:
        """The tenant, of which the `ref` is asked."""
        ...

    def catalogue_mark(self) -> tuple[int, datetime | None]:
        """The catalogue's version, and where the tenant's clock stands (None: the wall clock)."""
        ...

    def reporters(self) -> Sequence[tuple[Ref, str, str | None]]:
        """(reference, name, external id) of every customer."""
        ...

    def meters(self, refs: Sequence[str] | None = None) -> dict[Ref, Meter]:
        """Every meter by reference."""
        ...

    def coverage_rows(self) -> Iterable[tuple[Ref, Ref, datetime, datetime]]:
        """(customer, stream, from, until) of every contract."""
        ...


@dataclass(frozen=True, slots=True)
class Stream:
    """A usage product as events name it, with the meters that read its events.

    `exacting`: some meter asks for more than a quantity, so that each event must be looked at.
    """

    ref: Ref
    name: str
    meters: tuple[Meter, ...]
    exacting: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that decides whether an event is taken, as it was at one version of the tenant's catalogue.

    `customers`: by reference, external id and name; None where several customers answer to the text. `streams`: usage
    products by reference and name. `coverage`: by (customer, stream), disjoint spans in order.
    """

    version: int
    clock_at: datetime | None
    tenant_ref: Ref
    customers: Mapping[str, Ref | None]
    streams: Mapping[str, Stream]
    coverage: Mapping[tuple[Ref, Ref], tuple[Span, ...]]

    takers: dict[str, dict[str, Taker]] = field(default_factory=dict, compare=False, repr=False)
    """By usage product and customer as reports name them: who was looked up before. Only ever added to."""
    spans: dict[Span, Span] = field(default_factory=dict, compare=False, repr=False)

    def taker(self, customer: str, usage_product: str) -> Taker | None:
        """Who is meant, and the last span in which its contracts take the stream's events; None where there is none."""
        known = self.takers.setdefault(usage_product, {})
        if customer not in known:
            ref, stream = self.customers.get(customer), self.streams.get(usage_product)
            spans = () if ref is None or stream is None else self.coverage.get((ref, stream.ref), ())
            if ref is None or stream is None or not spans:
                return None
            # One object for equal spans, so that many reports are compared with few.
            known[customer] = (ref, stream.ref, self.spans.setdefault(spans[-1], spans[-1]))
        return known[customer]

    def takes(self, customer: Ref, stream: Ref, since: datetime, until: datetime) -> bool:
        """Whether every instant from `since` to `until`, both included, lies in a contract."""
        spans = self.coverage.get((customer, stream), ())
        return any(start <= since and until < end for start, end in spans)


def read_catalogue(tx: CatalogueTx, known: Catalogue | None = None) -> Catalogue:
    """The catalogue as it is now; `known` where nothing has changed since."""
    version, clock_at = tx.catalogue_mark()
    if known is not None and known.version == version:
        return known if known.clock_at == clock_at else replace(known, clock_at=clock_at)
    return Catalogue(
        version,
        clock_at,
        Ref(tx.this_tenant().ref),
        _customers(tx.reporters()),
        _streams(tx.meters()),
        _coverage(tx.coverage_rows()),
    )


def _customers(reporters: Iterable[tuple[Ref, str, str | None]]) -> dict[str, Ref | None]:
    found: dict[str, Ref | None] = {}
    refs = []
    for ref, name, external_id in reporters:
        refs.append(ref)
        for text in {name, external_id or name}:
            found[text] = None if found.get(text, ref) != ref else ref
    return found | {ref: ref for ref in refs}


def _streams(meters: Mapping[Ref, Meter]) -> dict[str, Stream]:
    readers: dict[Ref, list[Meter]] = {}
    for meter in meters.values():
        for stream in meter.streams:
            readers.setdefault(stream, []).append(meter)
    streams = [
        Stream(ref, m.name, tuple(readers.get(ref, ())), any(_is_exacting(r) for r in readers.get(ref, ())))
        for ref, m in meters.items()
    ]
    return {s.name: s for s in streams} | {s.ref: s for s in streams}


def _is_exacting(meter: Meter) -> bool:
    reads_value = meter.field is not None and reducer_of(meter.aggregation).reads == "value"
    return reads_value or meter.amount_property is not None or meter.signed_by is not None


def _coverage(rows: Iterable[tuple[Ref, Ref, datetime, datetime]]) -> dict[tuple[Ref, Ref], tuple[Span, ...]]:
    spans: dict[tuple[Ref, Ref], list[Span]] = {}
    for customer, stream, start, end in rows:
        if start < end:
            spans.setdefault((customer, stream), []).append((start, end))
    return {key: _joined(each) for key, each in spans.items()}


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """Spans that touch or overlap as one."""
    if len(spans) == 1:
        return (spans[0],)
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
