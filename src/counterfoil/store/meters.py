"""The SQL that measures: one statement for one meter and many customers and windows.

What can be said in SQL exactly is said here; a meter that needs more is read event by event and measured by the core,
which is the definition. Names and texts of users are parameters, never part of a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.quantity import MAX_QUANTITY, MAX_SCALE, ZERO
from counterfoil.core.tlog.tree import HASH_SIZE, root_of
from counterfoil.core.usage.aggregations import reducer_of
from counterfoil.core.usage.aggregations.reducer import quotient
from counterfoil.core.usage.ask import Measurement
from counterfoil.core.usage.measure import rounded
from counterfoil.core.usage.meter import Filter, Meter
from counterfoil.core.usage.reading import TAKES, group_text

_DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
"""What the core reads as a decimal; PostgreSQL would take `0x1F`, `NaN` and blanks around a number too."""

_AGGREGATES = {
    "sum": "sum(v)",
    "max": "max(v)",
    "min": "min(v)",
    "average": "sum(v)",
    "latest": "(array_agg(v ORDER BY at DESC, event_ref DESC))[1]",
    "unique_count": "count(DISTINCT member)::numeric",
}


def said_in_sql(meter: Meter, needs: frozenset[str]) -> bool:
    """Whether SQL measures it; otherwise the core does."""
    kind = meter.aggregation
    if kind not in _AGGREGATES and kind != "count":
        return False
    if meter.parts or meter.prorated or "windows" in needs:
        return False
    if meter.carry_over and not reducer_of(kind).history_counts:
        return False
    return not (kind == "unique_count" and meter.signed_by is not None)


@dataclass(frozen=True, slots=True)
class Statement:
    """A query, and its parameters after the arrays of customers, window starts and window ends."""

    query: str
    params: tuple[Any, ...]


def statement(meter: Meter, tenant: int, needs: frozenset[str], *, leaves: bool) -> Statement:
    """Measure `meter` over arrays (customers, starts, ends): a row per ask, and per group of it, that has events.

    Columns: place of the ask, whether the row is of all groups together, the group's values, events, aggregate, whether
    every number read is one that the core reads too, sum of the events' own prices, values and leaf hashes in order.
    """
    w = _Writer(meter, needs, leaves=leaves)
    inner = ", ".join(w.inner_columns())
    filters = " AND ".join(w.filters(tenant))
    whole, *others, leaf = w.aggregates()
    listed = ", ".join(f"{c} AS c{i}" for i, c in enumerate((whole, *others, leaf)))
    shown = ", ".join(f"m.c{i}" for i in range(len(others) + 1))
    # The fence keeps what an event is read as from being computed once for every aggregate over it.
    fence = "OFFSET 0" if w.computed else ""
    grouped = f"GROUP BY GROUPING SETS ((), ({', '.join(w.groups)}))" if w.groups else ""
    query = (
        f"SELECT a.n, {shown}, CASE WHEN m.c0 THEN m.c{len(others) + 1} END "
        "FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY "
        "AS a(customer_ref, starts, ends, n) "
        f"CROSS JOIN LATERAL (SELECT {listed} FROM (SELECT {inner} FROM usage_event e WHERE {filters} {fence}) AS r "
        f"{grouped}) AS m WHERE m.c2 > 0"
    )
    return Statement(query, tuple(w.params))


class _Writer:
    """Pieces of one meter's SQL, and the parameters they hold in order."""

    def __init__(self, meter: Meter, needs: frozenset[str], *, leaves: bool) -> None:
        self.meter = meter
        self.needs = needs
        self.leaves = leaves
        self.params: list[Any] = []
        self.reads = reducer_of(meter.aggregation).reads
        self.groups = [f"g{i}" for i in range(len(meter.group_by))] if "groups" in needs else []
        self.field = meter.field if self.reads == "value" else None
        self.amount = meter.amount_property if "event_amount" in needs else None
        self.computed = bool(self.groups or self.field or self.amount or meter.signed_by)

    def inner_columns(self) -> list[str]:
        """What is read of one event."""
        columns = ["e.at", "e.event_ref"]
        value = self._number(self.field) if self.field is not None else "e.quantity"
        columns.append(f"{value}{self._times_sign()} AS v")
        if self.meter.signed_by is not None:
            columns.append(f"1::numeric{self._times_sign()} AS sign")
        if self.reads == "member" and self.meter.field is not None:
            columns.append(f"{self._property(self.meter.field)} AS member")
        if self.amount is not None:
            columns.append(f"{self._number(self.amount)}{self._times_sign()} AS amount")
        for group, name in zip(self.groups, self.meter.group_by, strict=False):
            columns.append(f"{self._property(name)} AS {group}")
        if self.leaves:
            columns.append("event_leaf(e) AS leaf")
        return columns

    def filters(self, tenant: int) -> list[str]:
        """Which events count."""
        meter = self.meter
        self.params += [tenant, meter.stream_ref]
        wanted = ["e.tenant = %s", "e.usage_product_ref = %s::uuid", "e.customer_ref = a.customer_ref", "e.at < a.ends"]
        if not meter.carry_over:
            wanted.append("e.at >= a.starts")
        wanted.append("e.stands")
        if meter.field is not None:
            wanted.append(f"{self._property(meter.field)} IS NOT NULL")
        wanted += [self._holds(f) for f in meter.include]
        wanted += [f"NOT ({' AND '.join([self._holds(f) for f in each])})" for each in meter.exclude_any_of]
        return wanted

    def aggregates(self) -> list[str]:
        """The columns of the answer, but for the place of the ask."""
        if self.meter.aggregation != "count":
            quantity = _AGGREGATES[self.meter.aggregation]
        else:
            quantity = "count(*)::numeric" if self.meter.signed_by is None else "sum(sign)"
        return [
            f"grouping({self.groups[0]}) = 1" if self.groups else "true",
            f"ARRAY[{', '.join(self.groups)}]" if self.groups else "NULL::text[]",
            "count(*)",
            quantity,
            " AND ".join([_sound("v")] * (self.field is not None) + [_sound("amount")] * (self.amount is not None))
            or "true",
            "sum(amount)" if self.amount is not None else "0::numeric",
            "array_agg(v ORDER BY at, event_ref)" if "values" in self.needs else "NULL::numeric[]",
            "string_agg(leaf, ''::bytea ORDER BY at, event_ref)" if self.leaves else "NULL::bytea",
        ]

    def _property(self, name: str) -> str:
        self.params.append(name)
        return "(e.properties->>%s::text)"

    def _number(self, name: str) -> str:
        self.params += [name, _DECIMAL, name]
        return "CASE WHEN (e.properties->>%s::text) ~ %s::text THEN (e.properties->>%s::text)::numeric END"

    def _times_sign(self) -> str:
        if self.meter.signed_by is None:
            return ""
        self.params += [self.meter.signed_by, list(TAKES)]
        return " * CASE WHEN (e.properties->>%s::text) = ANY(%s::text[]) THEN -1 ELSE 1 END"

    def _holds(self, f: Filter) -> str:
        self.params += [f.property, list(f.values)]
        return "coalesce((e.properties->>%s::text) = ANY(%s::text[]), false)"


def _sound(column: str) -> str:
    """Whether the core reads all these numbers too. A trailing zero too many is a false alarm, costing time only."""
    return (
        f"(count({column}) = count(*) AND scale(sum({column})) <= {MAX_SCALE} "
        f"AND max({column}) < {MAX_QUANTITY:f} AND min({column}) > -{MAX_QUANTITY:f})"
    )


@dataclass(slots=True)
class Answer:
    """What SQL says to one ask, row by row."""

    meter: Meter
    sound: bool = True
    whole: Measured = NOTHING
    leaves: bytes = b""
    groups: list[tuple[str, Measured]] | None = None

    def add(self, row: Any) -> None:
        """Take in one row of the statement."""
        _, whole, group, count, aggregate, sound, amount, values, leaves = row
        if not sound:
            self.sound = False
            return
        measured = Measured(
            quantity=_quantity(self.meter, aggregate, count),
            count=count,
            event_amount=amount or ZERO,
            values=tuple(values) if values else (),
        )
        if whole:
            self.whole = measured
            self.leaves = leaves or b""
        else:
            self.groups = self.groups or []
            self.groups.append((group_text(group), measured))

    def measurement(self) -> Measurement:
        """Everything said, as the core says it."""
        measured = self.whole
        if self.groups:
            measured = Measured(
                quantity=measured.quantity,
                count=measured.count,
                event_amount=measured.event_amount,
                values=measured.values,
                groups=tuple(sorted(self.groups, key=lambda g: g[0])),
            )
        hashes = [self.leaves[i : i + HASH_SIZE] for i in range(0, len(self.leaves), HASH_SIZE)]
        return Measurement(measured, root_of(hashes).hex(), len(hashes))


def _quantity(meter: Meter, aggregate: Decimal, count: int) -> Decimal:
    if meter.aggregation == "average":
        aggregate = quotient(aggregate, count)
    return rounded(meter, aggregate)
