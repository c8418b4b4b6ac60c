"""Signals: what somebody's product did for a customer, each a usage event under the name of what happened.

A signal of a customer who is not known yet waits, and becomes a usage event when somebody of that name appears.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

import msgspec

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.quantity import MAX_SCALE, ONE, decimal_text, out_of_bounds
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.usage.meter import Meter
from counterfoil.core.value.attribution import EXTERNAL_PRODUCT, PRODUCT
from counterfoil.flows.ports import Tx
from counterfoil.flows.record_usage import MAX_NAME, MAX_PROPERTIES, MAX_TEXT, NewEvents
from counterfoil.flows.spend_credits import Spending, spend_credits

CHUNK = 5000
"""Waiting signals that are taken in at once."""
CUSTOMER_UNIT = "$customer_unit"
"""The property that tells which unit (branch, team) of its customer an event is of."""
COSTS = "costData"
"""What `data` says of costs under this name is kept as a cost: it is no property, since evidence that customers see must
not tell what serving them cost."""
_OURS = frozenset((PRODUCT, EXTERNAL_PRODUCT, CUSTOMER_UNIT))
_PLACES = Decimal(1).scaleb(-MAX_SCALE)
_reading = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal as it is kept. `ref` is that of its usage event; `customer_ref` is None while it waits. `data`: the JSON
    text of what was sent. `external_customer_id`, `external_product_id`: what the sender called them, known or not."""

    ref: Ref
    name: str
    customer_ref: Ref | None
    external_customer_id: str | None
    product_ref: Ref | None
    external_product_id: str | None
    customer_unit: str | None
    at: datetime
    data: str
    key: str
    created_at: datetime


def adopt_signals(tx: Tx, names: Mapping[str, Ref]) -> int:
    """Make usage events of the signals that waited for customers of these names; how many there were.

    One read where none waits. Call it in the transaction in which the names come to stand for the customers, with the lock
    `customers` held, so that no signal slips in between.
    """
    done = 0
    while names and (rows := tx.waiting_signals(list(names), CHUNK)):
        customers = [names[r.external_customer_id or ""] for r in rows]
        tx.add_usage(usage_of(tx, rows, customers), careful=True)
        tx.attribute_signals([r.ref for r in rows], customers)
        spend_credits(tx, [
            Spending(r.ref, r.name, c, r.product_ref, r.at, r.data) for r, c in zip(rows, customers, strict=True)
        ])
        done += len(rows)
    if names:
        tx.attribute_costs(names)
    return done


def usage_of(tx: Tx, rows: Sequence[SignalRow], customers: Sequence[Ref]) -> NewEvents:
    """The usage events that signals of these customers are. Usage products of names that are new are made."""
    streams = ensure_streams(tx, [r.name for r in rows])
    datas = [read_data(r.data) for r in rows]
    return NewEvents(
        [r.ref for r in rows],
        list(customers),
        [streams[r.name] for r in rows],
        [r.at for r in rows],
        [quantity_of(data) for data in datas],
        [properties_of(r, data) for r, data in zip(rows, datas, strict=True)],
        [r.key for r in rows],
    )


def ensure_streams(tx: Tx, names: Iterable[str]) -> dict[str, Ref]:
    """The usage products of these names; those that are new are made: their quantities are summed up."""
    wanted = list(dict.fromkeys(names))
    found = tx.usage_products_named(wanted)
    if len(found) == len(wanted):
        return found
    tx.lock("usage products of signals")
    found = tx.usage_products_named(wanted)
    made = [Meter(tx.new_ref(), name, "sum", "event") for name in wanted if name not in found]
    if made:
        tx.add_usage_products(made)
        tx.catalogue_changed()
        tx.audit_all("create", "usage_product", [(m.ref, {"name": m.name, "aggregation": "sum"}) for m in made])
    return found | {m.name: m.ref for m in made}


def read_data(text: str) -> dict[str, Any]:
    """The data of a signal, with exact numbers."""
    return _reading.decode(text)


def quantity_of(data: Mapping[str, Any]) -> Decimal:
    """How much of it happened: `data.quantity` where that is a number that a quantity can be (to 12 places), else 1."""
    given = data.get("quantity")
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        return ONE
    try:
        value = Decimal(given)
        if out_of_bounds(value) is not None:
            value = value.quantize(_PLACES, context=_EXACT)
    except InvalidOperation:
        return ONE
    return ONE if out_of_bounds(value) is not None else value


def properties_of(row: SignalRow, data: Mapping[str, Any]) -> dict[str, str]:
    """The texts that an event keeps of a signal: the scalars of its data under dotted names, and which product it is of."""
    found = dict(flattened(data))
    if row.product_ref is not None:
        found[PRODUCT] = row.product_ref
    if row.external_product_id is not None:
        found[EXTERNAL_PRODUCT] = row.external_product_id
    if row.customer_unit is not None:
        found[CUSTOMER_UNIT] = row.customer_unit
    return found


def flattened(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(dotted name, text) of every scalar in `data`; nulls and lists are left out, and what it says of costs."""
    for name, value in data.items():
        if name != COSTS:
            yield from _scalars(name, value)


def data_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Why an event could not keep these data: too many, too long, or under a name that is said twice or is ours."""
    seen: set[str] = set()
    for name, text in flattened(data):
        if not 1 <= len(name) <= MAX_NAME:
            yield Problem("data", f"must have names of 1 to {MAX_NAME} characters")
        elif name in seen:
            yield Problem(f"data.{name[:80]}", "is said twice")
        elif name in _OURS:
            yield Problem(f"data.{name}", "is a name that only we give")
        if len(text) > MAX_TEXT:
            yield Problem(f"data.{name[:80]}", f"must not have more than {MAX_TEXT} characters")
        seen.add(name)
    if len(seen) > MAX_PROPERTIES:
        yield Problem("data", f"must not have more than {MAX_PROPERTIES} values")


def _scalars(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, int | Decimal):
        yield name, decimal_text(Decimal(value))
    elif isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _scalars(f"{name}.{inner}", item)
