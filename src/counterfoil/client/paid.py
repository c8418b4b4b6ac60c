"""The API for value receipts, and for what feeds them: `from counterfoil.client import Paid`."""

from __future__ import annotations

from typing import Any, TypeVar

from counterfoil.client import transport as http
from counterfoil.client.paid_feed import Customers, Orders, Products, Signals, ValueMetrics
from counterfoil.client.paid_types import (
    Done,
    Listed,
    SyncedValueReceipt,
    ValueReceipt,
    ValueReceiptSummary,
    listed,
)
from counterfoil.client.shapes import LEFT_OUT, Instant, Left, asked, read, sent
from counterfoil.client.transport import Transport, path_of

API = "/api/v2"
T = TypeVar("T")


class Paid:
    """Value receipts: `client = Paid(token="pk_test_….…")`.

    `token` is an API key (default: the environment's COUNTERFOIL_KEY); `base_url` the server (default: COUNTERFOIL_URL, else
    http://localhost:8080). `timeout`: seconds for each try; `max_retries`: how often a request is sent again after 408, 429,
    5xx or no answer. Calls raise `counterfoil.client.ApiError` (`NotFound`, `Conflict`, ...) or `NoAnswer`.
    """

    def __init__(
        self, token: str | None = None, *, base_url: str | None = None, timeout: float = http.TIMEOUT,
        max_retries: int = http.RETRIES,
    ) -> None:
        headers = {"Authorization": f"Bearer {http.key_or_environment(token)}"}
        self._http = Transport(http.root_of(base_url, API), headers, timeout=timeout, max_retries=max_retries)
        self.value_receipts = ValueReceipts(self._http)
        self.customers = Customers(self._http)
        self.products = Products(self._http)
        self.orders = Orders(self._http)
        self.signals = Signals(self._http)
        self.value_metrics = ValueMetrics(self._http)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Paid:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class ValueReceipts:
    """What a customer got, in money, over a period."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def sync(
        self, *, start_date: Instant, end_date: Instant, customer_id: str | Left = LEFT_OUT,
        external_customer_id: str | Left = LEFT_OUT, product: dict[str, Any] | Left = LEFT_OUT,
        order_id: str | Left = LEFT_OUT, idempotency_key: str | None = None,
    ) -> SyncedValueReceipt:
        """Find or make the receipt of a customer and a period, and bring it up to date, unless it is sealed.

        Give `customer_id` or `external_customer_id`; at most one of `product` (`{"product_id", "currency"?}`) and `order_id`.
        Both ends of the period belong to it.
        """
        body = sent(start_date=start_date, end_date=end_date, customer_id=customer_id, product=product, order_id=order_id,
                    external_customer_id=external_customer_id)
        return self._write(SyncedValueReceipt, "sync", body=body, key=idempotency_key)

    def create(
        self, *, start_date: Instant, end_date: Instant, customer_id: str | Left = LEFT_OUT,
        external_customer_id: str | Left = LEFT_OUT, product: dict[str, Any] | Left = LEFT_OUT,
        order_id: str | Left = LEFT_OUT, idempotency_key: str | None = None,
    ) -> SyncedValueReceipt:
        """Make a new receipt of a period that is over."""
        body = sent(start_date=start_date, end_date=end_date, customer_id=customer_id, product=product, order_id=order_id,
                    external_customer_id=external_customer_id)
        return self._write(SyncedValueReceipt, body=body, key=idempotency_key)

    def list(
        self, *, limit: int | None = None, offset: int | None = None, customer_id: str | None = None,
        external_customer_id: str | None = None, order_id: str | None = None, product_id: str | None = None,
        archived: str | bool | None = None,
    ) -> Listed[ValueReceiptSummary]:
        """Receipts, newest first. `archived="true"` shows archived ones as well."""
        query = asked(limit=limit, offset=offset, customer_id=customer_id, external_customer_id=external_customer_id,
                      order_id=order_id, product_id=product_id, archived=archived)
        return listed(ValueReceiptSummary, self._http.call("GET", "/value-receipts", query=query))

    def get(self, id: str) -> ValueReceipt:
        """A receipt and the state of its link."""
        return read(ValueReceipt, self._http.call("GET", path_of("value-receipts", id)))

    def refresh(self, id: str) -> SyncedValueReceipt:
        """Compute a draft again from the signals there are now; `Conflict` for a sealed one."""
        return self._write(SyncedValueReceipt, id, "refresh")

    def seal(self, id: str) -> Done:
        """Make it unchangeable: from now on it is `posted`, and its numbers can be verified offline."""
        return self._write(Done, id, "seal")

    def publish(self, id: str, *, publish_expires_at: Instant | Left | None = LEFT_OUT) -> ValueReceipt:
        """Open it to anyone with the link, until `publish_expires_at` where that is given."""
        return self._write(ValueReceipt, id, "publish", body=sent(publish_expires_at=publish_expires_at))

    def unpublish(self, id: str) -> ValueReceipt:
        """Only holders of a signed token can open it from now on."""
        return self._write(ValueReceipt, id, "unpublish")

    def archive(self, id: str) -> Done:
        """Take it out of lists."""
        return self._write(Done, id, "archive")

    def unarchive(self, id: str) -> Done:
        """Put it back."""
        return self._write(Done, id, "unarchive")

    def _write(self, kind: type[T], *parts: str, body: Any = None, key: str | None = None) -> T:
        answer = self._http.call("POST", path_of("value-receipts", *parts), body=body, idempotency_key=key)
        return read(kind, answer)
