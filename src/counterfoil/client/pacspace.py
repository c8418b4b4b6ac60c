"""The API for balances and their receipts: `from counterfoil.client import PacSpace`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from counterfoil.client import transport as http
from counterfoil.client.errors import UnexpectedAnswer
from counterfoil.client.pacspace_types import (
    Balance,
    Batch,
    Checkpoint,
    Comparison,
    Delta,
    Receipt,
    ScopedReceipt,
    Verification,
)
from counterfoil.client.shapes import LEFT_OUT, Instant, Left, asked, outgoing, read, sent
from counterfoil.client.transport import Transport, path_of

API = "/api/v1"
Number = Decimal | int


class PacSpace:
    """Balances by deltas: `pac = PacSpace("pk_test_….…")`.

    `api_key` (default: the environment's COUNTERFOIL_KEY); `base_url` the server (default: COUNTERFOIL_URL, else
    http://localhost:8080). `timeout`: seconds for each try; `max_retries`: how often a request is sent again.
    """

    def __init__(
        self, api_key: str | None = None, *, base_url: str | None = None, timeout: float = http.TIMEOUT,
        max_retries: int = http.RETRIES,
    ) -> None:
        headers = {"X-Api-Key": http.key_or_environment(api_key)}
        self._http = Transport(http.root_of(base_url, API), headers, timeout=timeout, max_retries=max_retries)
        self.balance = Balances(self._http)

    def verify(self, proof_root: str, *, source: str | None = None) -> Verification:
        """What a root stands for; `source="chain"` answers from the published log. `NotFound` for a root that nobody knows."""
        return read(Verification, _data(self._http, "GET", path_of("verify", proof_root), query=asked(source=source)))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> PacSpace:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Balances:
    """Deltas, what they add up to, and sealed windows of them."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport
        self.receipts = Receipts(transport)

    def emit(
        self, customer_id: str, delta: Number, reason: str, *, reference_id: str | Left = LEFT_OUT,
        metadata: Mapping[str, Any] | Left = LEFT_OUT, adjusts: Mapping[str, str] | Left = LEFT_OUT,
        idempotency_key: str | None = None,
    ) -> Delta:
        """Record a change of a balance: positive raises it, negative lowers it. `adjusts`: `{"reference_id": …}` of the delta
        that this one corrects."""
        if isinstance(delta, float):
            raise TypeError("delta must be exact: an int or a Decimal, not a float")
        body = sent(customer_id=customer_id, delta=delta, reason=reason, reference_id=reference_id, metadata=metadata,
                    adjusts=adjusts)
        return read(Delta, self._write("delta", body=body, key=idempotency_key))

    def emit_batch(self, deltas: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None) -> Batch:
        """Record up to 100 deltas: `[{"customer_id", "delta", "reason", "reference_id"?, "metadata"?}]`."""
        body = {"deltas": [outgoing(d) for d in deltas]}
        return read(Batch, self._write("delta", "batch", body=body, key=idempotency_key))

    def status(self, record_id: str) -> Delta:
        """What became of a delta."""
        return read(Delta, _data(self._http, "GET", path_of("balance", "delta", record_id)))

    def derive(
        self, customer_id: str, *, starting_balance: Number | None = None, period: str | None = None,
        start_date: Instant | None = None, end_date: Instant | None = None, granularity: str | None = None,
        limit: int | None = None, offset: int | None = None,
    ) -> Balance:
        """Compute a balance from its verified deltas. The window is the current month (UTC) unless `period` ("2026-04") or
        both dates are given; its end does not belong to it."""
        query = asked(starting_balance=starting_balance, period=period, start_date=start_date, end_date=end_date,
                      granularity=granularity, limit=limit, offset=offset)
        return read(Balance, _data(self._http, "GET", path_of("balance", "derive", customer_id), query=query))

    def compare(
        self, customer_id: str, *, your_balance: Number, their_balance: Number, starting_balance: Number = 0,
        period: str | Left = LEFT_OUT, start_date: Instant | Left = LEFT_OUT, end_date: Instant | Left = LEFT_OUT,
        granularity: str | Left = LEFT_OUT,
    ) -> Comparison:
        """Hold two views of a balance beside the one that the deltas give."""
        body = sent(customer_id=customer_id, your_balance=your_balance, their_balance=their_balance,
                    starting_balance=starting_balance, period=period, start_date=start_date, end_date=end_date,
                    granularity=granularity)
        return read(Comparison, self._write("compare", body=body))

    def checkpoint(
        self, customer_id: str, *, period: str | Left = LEFT_OUT, start_date: Instant | Left = LEFT_OUT,
        end_date: Instant | Left = LEFT_OUT, idempotency_key: str | None = None,
    ) -> Checkpoint:
        """Seal a window for good (the current month unless told). The same window again gives the same checkpoint."""
        body = sent(customer_id=customer_id, period=period, start_date=start_date, end_date=end_date)
        return read(Checkpoint, self._write("checkpoint", body=body, key=idempotency_key))

    def receipt(self, customer_id: str, *, period: str) -> ScopedReceipt:
        """The receipt of a month."""
        query = asked(period=period)
        return read(ScopedReceipt, _data(self._http, "GET", path_of("balance", "receipt", customer_id), query=query))

    def _write(self, *parts: str, body: Any, key: str | None = None) -> Any:
        return _data(self._http, "POST", path_of("balance", *parts), body=body, idempotency_key=key)


class Receipts:
    """Receipt documents: statements of sealed windows, to hand to customers."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def list(self, customer_id: str, *, limit: int | None = None) -> list[Receipt]:
        """A customer's receipts, newest first."""
        path = path_of("balance", "customers", customer_id, "receipts")
        found = _data(self._http, "GET", path, query=asked(limit=limit))
        if not isinstance(found, list):
            raise UnexpectedAnswer("the answer is not a list of receipts")
        return [read(Receipt, item) for item in found]

    def get(
        self, receipt_id: str, *, customer_display_name: bool | None = None, locale: str | None = None,
        timezone: str | None = None, unit: str | None = None,
    ) -> Receipt:
        """A receipt. The customer's name is in it only when `customer_display_name` asks for it."""
        query = asked(customer_display_name=customer_display_name, locale=locale, timezone=timezone, unit=unit)
        return read(Receipt, _data(self._http, "GET", path_of("balance", "receipts", receipt_id), query=query))

    def pdf(self, receipt_id: str) -> bytes:
        """The receipt as PDF."""
        return self._http.fetch("GET", f"{path_of('receipt', receipt_id)}.pdf", headers={"Accept": "application/pdf"})

    def email_body(self, receipt: Receipt) -> str:
        """Plain text for a mail that delivers a receipt, around its permalink."""
        issuer = (receipt.issuer or {}).get("name")
        unit = f" {receipt.unit}" if receipt.unit else ""
        name = receipt.customer.display_name if receipt.customer else None
        window = receipt.period or _window(receipt)
        lines = [f"Hello {name}," if name else "Hello,", ""]
        lines.append(f"your receipt{f' from {issuer}' if issuer else ''}{f' for {window}' if window else ''} is here:")
        lines += ["", receipt.links.permalink, ""]
        if receipt.starting_balance is not None:
            lines.append(f"Starting balance: {receipt.starting_balance:f}{unit}")
        if receipt.final_balance is not None:
            lines.append(f"Final balance: {receipt.final_balance:f}{unit}")
        if receipt.delta_count is not None:
            lines.append(f"Changes: {receipt.delta_count}")
        if receipt.links.verify:
            lines += ["", f"Its numbers can be verified by anyone: {receipt.links.verify}"]
        return "\n".join(lines) + "\n"


def _window(receipt: Receipt) -> str:
    if receipt.start_date is None or receipt.end_date is None:
        return ""
    return f"{receipt.start_date:%Y-%m-%d} to {receipt.end_date:%Y-%m-%d}"


def _data(transport: Transport, method: str, path: str, **more: Any) -> Any:
    """What stands in the envelope."""
    answer = transport.call(method, path, **more)
    if not (isinstance(answer, dict) and answer.get("success") is True and "data" in answer):
        raise UnexpectedAnswer(f"{method} {path}: the answer has no data")
    return answer["data"]
