"""Our own API, and verification: `from counterfoil.client import Counterfoil, verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any, TypeVar

from counterfoil.client import transport as http
from counterfoil.client.errors import UnexpectedAnswer
from counterfoil.client.shapes import Instant, outgoing, read
from counterfoil.client.transport import Transport, path_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What became of one usage event. `status`: accepted, duplicate or refused; `problems` say why it was refused."""

    status: str
    event_ref: str | None = None
    document_ref: str | None = None
    code: str | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A customer."""

    customer_ref: str
    name: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSummary:
    """A document as lists show it. Amounts are exact, in `currency`."""

    document_ref: str
    kind: str
    number: str
    state: str
    customer_ref: str
    currency: str
    issued_on: str
    due_on: str
    total: Decimal
    credited: Decimal
    sent_at: datetime | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An invoice, credit note or debit note. `hosted_url`: its page, for the customer."""

    document_ref: str
    kind: str
    number: str
    state: str
    currency: str
    issued_on: str
    due_on: str
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    lines: list[dict[str, Any]]
    hosted_url: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedReceipt:
    """A sealed receipt of any kind. `id`: as the published APIs call it; `amount`, in `unit`: what was paid, what was delivered,
    or the balance at the end. `page` (of `get`): its page, which opens without a key; `record`: what was sealed."""

    kind: str
    receipt_ref: str
    id: str
    customer_ref: str
    customer_name: str
    amount: Decimal
    unit: str
    sealed_at: datetime
    number: str | None = None
    page: str | None = None
    record: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a verifier looked at."""

    name: str
    ok: bool
    says: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a bundle proves, and what it does not. True where every check holds."""

    ok: bool
    checks: tuple[Check, ...]
    not_proved: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.ok


def verify(bundle: bytes, *, trusted_keys: Sequence[str] = (), kept_checkpoints: Sequence[bytes] = ()) -> Verified:
    """Check a proof bundle here, without any server: `trusted_keys` are those of the seller's log that you have from
    elsewhere, `kept_checkpoints` older heads of the log that you kept. A hostile file gets a verdict like any other."""
    verifier = import_module("counterfoil.core.receipts.verify")
    found = verifier.verify_bundle(bundle, trusted_keys=tuple(trusted_keys), kept_checkpoints=tuple(kept_checkpoints))
    return Verified(found.ok, tuple(Check(c.name, c.ok, c.says) for c in found.checks), tuple(found.not_proved))


class Counterfoil:
    """Usage, documents and the log: `client = Counterfoil("pk_test_….…")`.

    `api_key` (default: the environment's COUNTERFOIL_KEY); `base_url` the server (default: COUNTERFOIL_URL, else
    http://localhost:8080).
    """

    def __init__(
        self, api_key: str | None = None, *, base_url: str | None = None, timeout: float = http.TIMEOUT,
        max_retries: int = http.RETRIES,
    ) -> None:
        headers = {"Authorization": f"Bearer {http.key_or_environment(api_key)}"}
        self._http = Transport(http.root_of(base_url), headers, timeout=timeout, max_retries=max_retries)
        self.usage = Usage(self._http)
        self.customers = Parties(self._http)
        self.documents = Documents(self._http)
        self.receipts = Receipts(self._http)
        self.log = Log(self._http)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Counterfoil:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Usage:
    """Who used what, when, and how much."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def report(
        self, *, customer: str, usage_product: str, at: Instant, quantity: Decimal | int | str = 1, key: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Reported:
        """Report one event; `key` makes it safe to repeat for ever. `BadRequest` where it is refused."""
        event = _event(customer=customer, usage_product=usage_product, at=at, quantity=quantity, key=key,
                       properties=properties)
        return read(Reported, self._http.call("POST", "/v1/usage/events", body=event))

    def report_all(self, events: Sequence[Mapping[str, Any]]) -> list[Reported]:
        """Report up to 10,000 events; each is answered in its place, and a bad one never takes good ones with it."""
        answer = self._http.call("POST", "/v1/usage/events", body={"events": [_event(**e) for e in events]})
        return [read(Reported, r) for r in _listed(answer, "results")]


class Parties:
    """Who buys."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def create(self, *, name: str, **more: Any) -> Party:
        """Add a customer: `external_id`, `email`, `address`, ..."""
        return read(Party, self._http.call("POST", "/v1/customers", body={"name": name, **more}))

    def list(self) -> Iterator[Party]:
        """Every customer."""
        return _pages(self._http, Party, "/v1/customers", {})


class Documents:
    """Invoices, credit notes and debit notes."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def list(
        self, *, customer_ref: str | None = None, kind: str | None = None, state: str | None = None,
        issued_from: date | str | None = None, issued_to: date | str | None = None,
    ) -> Iterator[DocumentSummary]:
        """Documents, newest first, page after page as they are read; both days belong to it."""
        query = {"customer_ref": customer_ref, "kind": kind, "state": state,
                 "issued_from": _day(issued_from), "issued_to": _day(issued_to)}
        return _pages(self._http, DocumentSummary, "/v1/documents", query)

    def get(self, document_ref: str) -> Document:
        """A document with its lines."""
        return read(Document, self._http.call("GET", path_of("v1", "documents", document_ref)))

    def pdf(self, document_ref: str) -> bytes:
        """Its PDF."""
        return self._file(document_ref, "pdf", "application/pdf")

    def usage_csv(self, document_ref: str) -> bytes:
        """The usage that it bills, event by event."""
        return self._file(document_ref, "usage.csv", "text/csv")

    def bundle(self, document_ref: str) -> bytes:
        """Its proof, for `verify`."""
        return self._file(document_ref, "bundle", "application/json")

    def mark_paid(self, document_ref: str) -> Document:
        """Book that it was paid."""
        return read(Document, self._http.call("POST", path_of("v1", "documents", document_ref, "mark-paid")))

    def _file(self, document_ref: str, name: str, media: str) -> bytes:
        return self._http.fetch("GET", path_of("v1", "documents", document_ref, name), headers={"Accept": media})


class Receipts:
    """Sealed receipts of every kind: of balances, payments and delivered value."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def list(self, *, kind: str | None = None, customer_ref: str | None = None) -> Iterator[SealedReceipt]:
        """Receipts, newest first, page after page as they are read. `kind`: balance, payment or value."""
        return _pages(self._http, SealedReceipt, "/v1/receipts", {"kind": kind, "customer_ref": customer_ref})

    def get(self, receipt_ref: str) -> SealedReceipt:
        """A receipt with its record and its page."""
        return read(SealedReceipt, self._http.call("GET", path_of("v1", "receipts", receipt_ref)))

    def pdf(self, receipt_ref: str) -> bytes:
        """Its PDF."""
        return self._http.fetch("GET", path_of("v1", "receipts", receipt_ref, "pdf"), headers={"Accept": "application/pdf"})

    def bundle(self, receipt_ref: str) -> bytes:
        """Its proof, for `verify`."""
        return self._http.fetch("GET", path_of("v1", "receipts", receipt_ref, "bundle"))


class Log:
    """The log in which every record has its place."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def checkpoint(self) -> bytes:
        """The newest signed head. Keep it: a later bundle must continue it."""
        return self._http.fetch("GET", "/v1/log/checkpoint", headers={"Accept": "*/*"})

    def verifier_key(self) -> str:
        """The key that signs the log, for `verify`."""
        answer = self._http.call("GET", "/v1/log/verifier-key")
        if not (isinstance(answer, dict) and isinstance(answer.get("verifier_key"), str)):
            raise UnexpectedAnswer("the answer has no key")
        return str(answer["verifier_key"])


def _event(*, at: Instant, quantity: Decimal | int | str = 1, **more: Any) -> dict[str, Any]:
    if isinstance(quantity, float):
        raise TypeError("quantity must be exact: an int, a Decimal or a text, not a float")
    return {**{k: v for k, v in more.items() if v is not None}, "at": outgoing(at), "quantity": quantity}


def _day(day: date | str | None) -> str | None:
    return day.isoformat() if isinstance(day, date) else day


def _pages(transport: Transport, kind: type[T], path: str, query: Mapping[str, str | None]) -> Iterator[T]:
    after: str | None = None
    while True:
        answer = transport.call("GET", path, query={**query, "after": after})
        for item in _listed(answer, "data"):
            yield read(kind, item)
        after = answer.get("next")
        if after is None:
            return


def _listed(answer: Any, name: str) -> list[Any]:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise UnexpectedAnswer(f"the answer has no {name}")
    return found
