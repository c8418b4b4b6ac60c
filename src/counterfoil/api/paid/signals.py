"""Signals: what happened, for which customer, with which data; they feed value receipts, and usage pricing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from counterfoil.api.dialect import REPORTERS, Call, Route
from counterfoil.api.paid.pages import AnyObject, Page, Paging, object_text, page, since, until
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import display_id, read_id
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.flows.adopt_signals import SignalRow, data_problems, read_data
from counterfoil.flows.find_party import find_customers
from counterfoil.flows.find_sales import ProductRow, find_products
from counterfoil.flows.record_signals import NewSignal, record_signals
from counterfoil.flows.record_usage import MAX_KEY

MAX_SIGNALS = 1000
MAX_BYTES = 4 << 20

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class OfCustomer(Input):
    """Whose it is: by our id or by the sender's own."""

    customer_id: Name | None = None
    external_customer_id: Name | None = None


class OfProduct(Input):
    """Which product did it: by our id or by the sender's own."""

    product_id: Name | None = None
    external_product_id: Name | None = None


class OfUnit(Input):
    """Which unit of the customer it was for."""

    external_customer_unit_id: Name | None = None


class SignalIn(Input):
    """What happened. `timestamp`: when, with an offset; now where it is left out. `data`: an object of any shape."""

    event_name: Name
    customer: OfCustomer
    attribution: OfProduct | None = None
    customer_unit: OfUnit | None = None
    timestamp: str | None = None
    data: AnyObject = msgspec.UNSET
    idempotency_key: Annotated[str, msgspec.Meta(max_length=MAX_KEY)] | None = None


class SignalsIn(Input):
    """Up to 1,000 signals."""

    signals: list[SignalIn]


class SignalsTaken(Output):
    """How many were taken, were known by their key, and were refused one by one: for their time, or for an id of ours
    that nobody has."""

    ingested: int
    duplicates: int
    failed: int


class Signal(Output):
    """A signal as it came. Ids of ours are null where the sender's own name is nobody's yet."""

    id: str
    name: str
    customer_id: str | None
    external_customer_id: str | None
    product_id: str | None
    external_product_id: str | None
    trace_id: str | None
    data: msgspec.Raw
    created_at: str | None


class SignalFilter(Paging):
    """Which signals. `signalName` is the whole name; dates are those of their coming, and include their day."""

    signal_name: str | None = None
    customer_id: str | None = None
    external_customer_id: str | None = None
    product_id: str | None = None
    external_product_id: str | None = None
    created_at_from: str | None = None
    created_at_to: str | None = None


def post_signals(call: Call) -> SignalsTaken:
    """Take signals in; one that is malformed refuses them all."""
    body: SignalsIn = call.body
    if len(body.signals) > MAX_SIGNALS:
        raise Invalid.field("signals", f"must not be more than {MAX_SIGNALS} at once")
    problems: list[Problem] = []
    read = [_read(s, f"signals[{i}]", problems) for i, s in enumerate(body.signals)]
    refuse_if(problems[:100])
    done = record_signals(call.tx, read)
    return SignalsTaken(ingested=done.ingested, duplicates=done.duplicates, failed=done.failed)


def list_signals(call: Call) -> Page[Signal]:
    """Signals, newest first."""
    q: SignalFilter = call.query
    customer = _customer(call, q.customer_id)
    external = _customer(call, q.external_customer_id)
    product = _product(call, q.product_id)
    nobody = (q.customer_id is not None and customer is None) or (q.product_id is not None and product is None) or (
        customer is not None and external is not None and customer != external)
    if nobody:
        return page(q, [], 0, lambda row: _shown(row, {}))
    rows, total = call.tx.signal_page(
        q.offset, q.size, name=q.signal_name, customer=customer or external,
        external_customer=q.external_customer_id if external is None else None,
        product=product, external_product=q.external_product_id,
        since=since(q.created_at_from, "createdAtFrom"), until=until(q.created_at_to, "createdAtTo"),
    )
    products = _products_of(call, rows)
    return page(q, rows, total, lambda row: _shown(row, products))


def get_signal(call: Call) -> Signal:
    """One signal."""
    text = call.param("id")
    ref = read_id(text)
    row: SignalRow | None = None if ref is None else call.tx.signal_row(ref)
    if row is None:
        raise NotFound("signal.not_found", f"there is no signal {text[:200]!r}")
    return _shown(row, _products_of(call, [row]))


def _read(s: SignalIn, where: str, problems: list[Problem]) -> NewSignal:
    mine: list[Problem] = []
    if (s.customer.customer_id is None) == (s.customer.external_customer_id is None):
        mine.append(Problem("customer", "must have one of customerId and externalCustomerId"))
    of = s.attribution or OfProduct()
    if s.attribution is not None and (of.product_id is None) == (of.external_product_id is None):
        mine.append(Problem("attribution", "must have one of productId and externalProductId"))
    if s.idempotency_key is not None and not s.idempotency_key.isprintable():
        mine.append(Problem("idempotencyKey", "must not have control characters"))
    data = "{}"
    try:
        data = object_text(s.data, "data") or "{}"
        mine += data_problems(read_data(data))
    except Invalid as refused:
        mine += refused.problems
    at = read_time(s.timestamp, "timestamp", mine)
    problems += [p.under(where) for p in mine]
    unit = s.customer_unit.external_customer_unit_id if s.customer_unit else None
    return NewSignal(
        s.event_name, s.customer.customer_id, s.customer.external_customer_id, of.product_id, of.external_product_id, unit,
        at, data, s.idempotency_key or None,
    )


def read_time(text: str | None, field: str, problems: list[Problem]) -> datetime | None:
    """An instant, whenever it is; what is none goes to the problems."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError:
        problems.append(Problem(field, "must be an instant with its UTC offset, such as 2026-03-01T00:00:00Z"))
        return None


def _customer(call: Call, name: str | None) -> str | None:
    return None if name is None else find_customers(call.tx, [name]).get(name)


def _product(call: Call, name: str | None) -> tuple[str, str | None] | None:
    row = None if name is None else find_products(call.tx, [name]).get(name)
    return None if row is None else (row.ref, row.external_id)


def _products_of(call: Call, rows: list[SignalRow]) -> dict[str, ProductRow]:
    """Products by the external ids of signals that came before them."""
    return find_products(call.tx, [r.external_product_id for r in rows if r.external_product_id and r.product_ref is None])


def _shown(row: SignalRow, products: dict[str, ProductRow]) -> Signal:
    later = products.get(row.external_product_id or "")
    product = row.product_ref or (later.ref if later else None)
    return Signal(
        id=display_id("sig", row.ref), name=row.name,
        customer_id=display_id("cus", row.customer_ref) if row.customer_ref else None,
        external_customer_id=row.external_customer_id, product_id=display_id("prod", product) if product else None,
        external_product_id=row.external_product_id, trace_id=None, data=msgspec.Raw(row.data.encode()),
        created_at=instant(row.created_at),
    )


ROUTES = (
    Route("POST", "/api/v2/signals/bulk", post_signals, SignalsTaken, body=SignalsIn, roles=REPORTERS, max_body=MAX_BYTES,
          tag="Signals", summary="Take up to 1,000 signals in"),
    Route("GET", "/api/v2/signals", list_signals, Page[Signal], query=SignalFilter, tag="Signals",
          summary="Signals, newest first"),
    Route("GET", "/api/v2/signals/{id}", get_signal, Signal, tag="Signals", summary="One signal"),
)
