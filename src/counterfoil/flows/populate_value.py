"""Work out what a value receipt says: read its events once, under the model that is active, and write down what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.period import Window, local_date
from counterfoil.core.basis.quantity import MAX_QUANTITY, decimal_text, read_decimal
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.contracts.parties import Customer
from counterfoil.core.receipts.value import BilledDocument, MetricLine, Scope, ValueReceipt
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.seal import event_bytes_in_order
from counterfoil.core.value.content import events_of, model_for
from counterfoil.core.value.model import Model, model_json
from counterfoil.core.value.tally import Products, Tally
from counterfoil.flows.sealed_items import LAST_INSTANT
from counterfoil.flows.value_rows import Numbers, ReceiptKey, ReceiptRow, ValueTx

CHUNK = 2000
MAX_REASONS = 20


def numbers_of(tx: ValueTx, key: ReceiptKey, currency: str) -> Numbers:
    """What a receipt says as of now. Memory does not grow with the number of events.

    Invalid `value_receipt.currency` where the model's money is in another currency than the receipt.
    """
    customer = tx.customers([key.customer_ref])[key.customer_ref]
    row = tx.value_model()
    content = None if row is None else row.content
    model = model_for(content, names_of(tx, customer), currency, tx.streams_named(events_of(content)))
    if model.currency not in (None, currency):
        raise Invalid.field(
            "currency", f"the receipt is in {currency} and the value model in {model.currency}; values are not converted",
            "value_receipt.currency",
        )
    scope = scope_of(tx, key)
    tally = Tally(model, None if scope is None else Products(frozenset(scope.product_refs), frozenset(scope.external_ids)))
    _count(tx, tally, key, model)
    total = tally.total()
    lines = tally.lines()
    if max([abs(total), *(abs(x) for line in lines for x in (line.quantity, line.value))]) >= MAX_QUANTITY:
        raise Invalid.field("total", "comes to 10^20 or more in size", "value_receipt.too_large")
    return Numbers(
        {
            "model": model_json(model),
            "scope": _scope_json(scope),
            "metrics": [
                {"slug": x.slug, "name": x.name, "unit": x.unit, "occurrences": x.occurrences, "unvalued": x.unvalued,
                 "quantity": decimal_text(x.quantity), "value": decimal_text(x.value)}
                for x in lines
            ],
            "reasons": [
                {"slug": x.slug, "reason": reason, "count": count}
                for x in lines for reason, count in list(x.reasons.items())[:MAX_REASONS]
            ],
            "billed": _billed(tx, customer, key, currency, scope),
        },
        total, None if row is None else row.version, tally.count, tally.root(), tx.now,
    )


def names_of(tx: ValueTx, customer: Customer) -> set[str]:
    """Everything that a customer is called."""
    return {customer.ref, display_id("cus", customer.ref), *tx.aliases_of(customer.ref)} | (
        {customer.external_id} if customer.external_id else set())


def scope_of(tx: ValueTx, key: ReceiptKey) -> Scope | None:
    """What a receipt is narrowed to: its product, or the products of its order's lines."""
    if key.product_ref is not None:
        product = tx.product_rows([key.product_ref])[key.product_ref]
        return Scope("product", product.ref, product.name, (product.ref,), _texts([product.external_id]))
    if key.order_ref is None:
        return None
    order = tx.order_rows([key.order_ref]).get(key.order_ref)
    if order is None:
        raise Conflict("order.deleted", f"the order {display_id('ord', key.order_ref)} was deleted")
    products = tx.product_rows(sorted({line["product_ref"] for line in order.lines}))
    return Scope("order", order.ref, order.name, tuple(sorted(products)), _texts([p.external_id for p in products.values()]))


def receipt_of(tx: ValueTx, row: ReceiptRow) -> ValueReceipt:
    """The receipt as it is sealed, or, of a draft, as it would be now with the numbers that it has."""
    customer = tx.customers([row.key.customer_ref])[row.key.customer_ref]
    said = row.numbers.content
    scope = said["scope"]
    return ValueReceipt(
        ref=row.ref,
        issuer_name=tx.entities([customer.entity_ref])[customer.entity_ref].name,
        customer_ref=customer.ref,
        customer_id=customer.external_id,
        customer_name=customer.name,
        starts_at=row.key.starts_at,
        ends_at=row.key.ends_at,
        currency=row.currency,
        scope=None if scope is None else Scope(
            scope["kind"], Ref(scope["ref"]), scope["name"], tuple(Ref(r) for r in scope["product_refs"]),
            tuple(scope["external_ids"]),
        ),
        model_version=row.numbers.model_version,
        model=said["model"],
        events_root=row.numbers.signals_root.hex(),
        events_count=row.numbers.signals_count,
        metrics=tuple(
            MetricLine(x["slug"], x["name"], x["unit"], x["occurrences"], read_decimal(x["quantity"]),
                       read_decimal(x["value"]), x["unvalued"])
            for x in said["metrics"]
        ),
        total=row.numbers.total,
        billed=tuple(BilledDocument(Ref(x["ref"]), x["number"], x["net_minor"]) for x in said["billed"]),
        generated_at=row.numbers.generated_at,
        sealed_at=row.sealed_at or tx.now,
    )


def _count(tx: ValueTx, tally: Tally, key: ReceiptKey, model: Model) -> None:
    if not model.streams:
        return
    window = Window(key.starts_at, key.ends_at + LAST_INSTANT)
    for chunk in _chunks(tx.value_events(key.customer_ref, sorted(model.streams), window), tally.takes):
        for event, data in zip(chunk, event_bytes_in_order(chunk), strict=True):
            tally.count_taken(event, data)


def _chunks(events: Iterator[Event], counts: Callable[[Event], bool]) -> Iterator[list[Event]]:
    taken = filter(counts, events)
    while chunk := list(islice(taken, CHUNK)):
        yield chunk


def _billed(tx: ValueTx, customer: Customer, key: ReceiptKey, currency: str, scope: Scope | None) -> list[Json]:
    zone = tx.entities([customer.entity_ref])[customer.entity_ref].time_zone
    products = None if scope is None else list(scope.product_refs)
    first, last = local_date(key.starts_at, zone), local_date(key.ends_at, zone)
    return [
        {"ref": ref, "number": number, "net_minor": net}
        for ref, number, net in tx.billed_between(customer.ref, currency, first, last, products)
    ]


def _texts(names: list[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))


def _scope_json(scope: Scope | None) -> Json:
    if scope is None:
        return None
    return {"kind": scope.kind, "ref": scope.ref, "name": scope.name, "product_refs": list(scope.product_refs),
            "external_ids": list(scope.external_ids)}
