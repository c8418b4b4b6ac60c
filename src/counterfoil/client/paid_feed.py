"""What feeds value receipts: customers, products, orders, signals and value metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterfoil.client.paid_types import (
    Customer,
    CustomerAlias,
    Ingested,
    Listed,
    Order,
    OrderLine,
    Product,
    Signal,
    ValueMetric,
    WrittenMetric,
    listed,
    nothing,
)
from counterfoil.client.shapes import LEFT_OUT, Instant, Left, asked, outgoing, read, sent
from counterfoil.client.transport import Transport, path_of

Text = str | Left | None
Object = Mapping[str, Any] | Left | None


class Customers:
    """Who buys."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def create(
        self, *, name: str, external_id: Text = LEFT_OUT, legal_name: Text = LEFT_OUT, email: Text = LEFT_OUT,
        phone: Text = LEFT_OUT, website: Text = LEFT_OUT, vat_number: Text = LEFT_OUT, billing_address: Object = LEFT_OUT,
        default_currency: Text = LEFT_OUT, creation_state: Text = LEFT_OUT, metadata: Object = LEFT_OUT,
        idempotency_key: str | None = None,
    ) -> Customer:
        """Add a customer."""
        body = sent(name=name, external_id=external_id, legal_name=legal_name, email=email, phone=phone, website=website,
                    vat_number=vat_number, billing_address=billing_address, default_currency=default_currency,
                    creation_state=creation_state, metadata=metadata)
        return read(Customer, self._http.call("POST", "/customers", body=body, idempotency_key=idempotency_key))

    def list(self, *, limit: int | None = None, offset: int | None = None, name: str | None = None,
             external_id: str | None = None) -> Listed[Customer]:
        """Customers; `name` is a part of it."""
        query = asked(limit=limit, offset=offset, name=name, external_id=external_id)
        return listed(Customer, self._http.call("GET", "/customers", query=query))

    def get(self, id: str) -> Customer:
        """A customer by its id."""
        return read(Customer, self._http.call("GET", path_of("customers", id)))

    def get_by_external_id(self, external_id: str) -> Customer:
        """A customer by your own id."""
        return read(Customer, self._http.call("GET", path_of("customers", "external", external_id)))

    def update(self, id: str, **changes: Any) -> Customer:
        """Change what is given: `name`, `email`, `billing_address`, `metadata`, ..."""
        return read(Customer, self._http.call("PUT", path_of("customers", id), body=sent(**changes)))

    def delete(self, id: str) -> None:
        """Take a customer away that nothing refers to."""
        nothing(self._http.call("DELETE", path_of("customers", id)))

    def add_alias(self, id: str, *, alias: str, name: Text = LEFT_OUT, description: Text = LEFT_OUT) -> CustomerAlias:
        """Another external id for a customer."""
        body = sent(alias=alias, name=name, description=description)
        return read(CustomerAlias, self._http.call("POST", path_of("customers", id, "aliases"), body=body))

    def list_aliases(self, id: str) -> Listed[CustomerAlias]:
        """The other external ids of a customer."""
        return listed(CustomerAlias, self._http.call("GET", path_of("customers", id, "aliases")))


class Products:
    """What is sold."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def create(
        self, *, name: str, external_id: Text = LEFT_OUT, description: Text = LEFT_OUT, product_code: Text = LEFT_OUT,
        active: bool | Left = LEFT_OUT, metadata: Object = LEFT_OUT, idempotency_key: str | None = None,
    ) -> Product:
        """Add a product."""
        body = sent(name=name, external_id=external_id, description=description, product_code=product_code, active=active,
                    metadata=metadata)
        return read(Product, self._http.call("POST", "/products", body=body, idempotency_key=idempotency_key))

    def list(self, *, limit: int | None = None, offset: int | None = None, name: str | None = None) -> Listed[Product]:
        """Products; `name` is a part of it."""
        query = asked(limit=limit, offset=offset, name=name)
        return listed(Product, self._http.call("GET", "/products", query=query))

    def get(self, id: str) -> Product:
        """A product by its id."""
        return read(Product, self._http.call("GET", path_of("products", id)))

    def get_by_external_id(self, external_id: str) -> Product:
        """A product by your own id."""
        return read(Product, self._http.call("GET", path_of("products", "external", external_id)))

    def update(self, id: str, **changes: Any) -> Product:
        """Change what is given."""
        return read(Product, self._http.call("PUT", path_of("products", id), body=sent(**changes)))


class Orders:
    """What was ordered."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def create(
        self, *, customer_id: str, name: Text = LEFT_OUT, external_id: Text = LEFT_OUT, start_date: Instant | Left = LEFT_OUT,
        end_date: Instant | Left = LEFT_OUT, currency: Text = LEFT_OUT, lines: Sequence[Mapping[str, Any]] | Left = LEFT_OUT,
        creation_state: Text = LEFT_OUT, metadata: Object = LEFT_OUT, idempotency_key: str | None = None,
    ) -> Order:
        """Order products for a customer. `lines`: `[{"product_id", "name"?, ...}]`."""
        body = sent(customer_id=customer_id, name=name, external_id=external_id, start_date=start_date, end_date=end_date,
                    currency=currency, lines=lines, creation_state=creation_state, metadata=metadata)
        return read(Order, self._http.call("POST", "/orders", body=body, idempotency_key=idempotency_key))

    def list(self, *, limit: int | None = None, offset: int | None = None, customer_id: str | None = None,
             external_customer_id: str | None = None) -> Listed[Order]:
        """Orders."""
        query = asked(limit=limit, offset=offset, customer_id=customer_id, external_customer_id=external_customer_id)
        return listed(Order, self._http.call("GET", "/orders", query=query))

    def get(self, id: str) -> Order:
        """An order by its id."""
        return read(Order, self._http.call("GET", path_of("orders", id)))

    def update(self, id: str, **changes: Any) -> Order:
        """Change what is given."""
        return read(Order, self._http.call("PUT", path_of("orders", id), body=sent(**changes)))

    def activate(self, id: str) -> Order:
        """Let a drafted order count."""
        return read(Order, self._http.call("POST", path_of("orders", id, "activate")))

    def delete(self, id: str) -> None:
        """Take a drafted order away."""
        nothing(self._http.call("DELETE", path_of("orders", id)))

    def lines(self, id: str) -> Listed[OrderLine]:
        """The lines of an order."""
        return listed(OrderLine, self._http.call("GET", path_of("orders", id, "lines")))


class Signals:
    """What happens for customers."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def send(self, signals: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None) -> Ingested:
        """Report up to 1,000 signals: `[{"event_name", "customer": {"external_customer_id"}, "attribution"?, "timestamp"?,
        "data"?, "idempotency_key"?}]`. A signal whose key was there before changes nothing."""
        body = {"signals": [outgoing(s) for s in signals]}
        return read(Ingested, self._http.call("POST", "/signals/bulk", body=body, idempotency_key=idempotency_key))

    def list(self, *, limit: int | None = None, offset: int | None = None, signal_name: str | None = None,
             customer_id: str | None = None, external_customer_id: str | None = None) -> Listed[Signal]:
        """Signals, newest first."""
        query = asked(limit=limit, offset=offset, signal_name=signal_name, customer_id=customer_id,
                      external_customer_id=external_customer_id)
        return listed(Signal, self._http.call("GET", "/signals", query=query))

    def get(self, id: str) -> Signal:
        """A signal by its id."""
        return read(Signal, self._http.call("GET", path_of("signals", id)))


class ValueMetrics:
    """What one occurrence of a signal is worth."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def create(
        self, *, name: str, unit: Mapping[str, Any], formula: Mapping[str, Any], signal: Mapping[str, Any],
        slug: Text = LEFT_OUT, monetary_conversion: Object = LEFT_OUT, category: Text = LEFT_OUT,
        description: Text = LEFT_OUT, idempotency_key: str | None = None,
    ) -> WrittenMetric:
        """Say what a signal is worth: `unit={"type": "duration", "duration_unit": "minutes"}`, `formula={"expression":
        "minutes", "variables": [{"id": "minutes", "label": "Minutes"}]}`, `signal={"event_name", "defaults": {"minutes":
        5}}`, `monetary_conversion={"value_per_unit": 0.75}`. Publishes a version of the value model."""
        body = sent(name=name, slug=slug, unit=unit, formula=formula, signal=signal, category=category,
                    monetary_conversion=monetary_conversion, description=description)
        return read(WrittenMetric, self._http.call("POST", "/value-metrics", body=body, idempotency_key=idempotency_key))

    def list(self, *, limit: int | None = None, offset: int | None = None) -> Listed[ValueMetric]:
        """Every metric that is not archived."""
        return listed(ValueMetric, self._http.call("GET", "/value-metrics", query=asked(limit=limit, offset=offset)))

    def get(self, slug: str) -> ValueMetric:
        """A metric with its formula."""
        return read(ValueMetric, self._http.call("GET", path_of("value-metrics", slug)))

    def update(self, slug: str, **changes: Any) -> WrittenMetric:
        """Change what is given; the expression and the signal stay."""
        variables = changes.pop("variables", None)
        body = sent(**changes)
        if variables is not None:
            body["variables"] = {id: outgoing(v) for id, v in variables.items()}
        return read(WrittenMetric, self._http.call("PATCH", path_of("value-metrics", slug), body=body))

    def archive(self, slug: str) -> None:
        """Let it no longer count; sealed receipts keep it."""
        nothing(self._http.call("DELETE", path_of("value-metrics", slug)))
