"""What the flows need of the store: an open transaction of one tenant, and the rows it answers with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from counterfoil.core.balance.delta import Delta
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Upstream
from counterfoil.core.contracts.charges import BilledPart, ChargeKey
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.layout import Layout
from counterfoil.core.invoicing.upon_usage import PeriodKey, UsageChild
from counterfoil.core.ledger.entry import Entry
from counterfoil.core.payments.allocation import Asked
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.receipts.payment import KeptReceipt
from counterfoil.core.usage.ask import Ask, Measurement
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.balance_rows import BalanceSetting, Claim, Claimed, DeltaRow, Head
from counterfoil.flows.gateway_rows import GatewaysTx
from counterfoil.flows.payment_rows import PaymentsTx
from counterfoil.flows.waiting_rows import WaitingTx


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant: one company in one mode."""

    tenant: int
    ref: Ref
    name: str
    mode: str
    clock_at: datetime | None
    log_origin: str
    log_public: str


@dataclass(frozen=True, slots=True)
class PricingRow:
    """A version of a pricing, and whether it is published."""

    pricing: Pricing
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a contract, as it was made."""

    version: int
    effective_on: date
    include_current: bool
    created_at: datetime
    actor: str
    why: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as lists show it: its head, totals, and what happened to it since."""

    ref: Ref
    kind: str
    number: str
    entity_ref: Ref
    customer_ref: Ref
    customer_name: str
    contract_ref: Ref | None
    corrects: Ref | None
    currency: str
    issued_on: date
    due_on: date
    total_minor: int
    sent_at: datetime | None
    paid_at: datetime | None
    cancelled_at: datetime | None
    credited_minor: int
    paid_minor: int = 0
    written_off_minor: int = 0

    @property
    def open_minor(self) -> int:
        """What is left to pay; nothing of a credit note."""
        return 0 if self.kind == "CREDIT" else self.asked.open_minor

    @property
    def asked(self) -> Asked:
        """What it asks for and what became of it."""
        return Asked(self.total_minor, self.credited_minor, self.paid_minor, self.written_off_minor)


@dataclass(frozen=True, slots=True)
class NewPromise:
    """What a flow promises: `ref` is what it is about, `due_at` (the tenant's time) the earliest time to keep it."""

    promise_ref: Ref
    ref: Ref
    due_at: datetime
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise in the hands of a job. `tries` counts this one; `until` (wall clock) is how long nobody else has it."""

    promise_ref: Ref
    kind: str
    ref: Ref
    payload: Mapping[str, Any]
    tries: int
    until: datetime


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """Whether a tenant's documents go out by mail. `test_mailbox`: where the mails of a test tenant go instead of
    to its customers; without one they are kept in its outbox."""

    sends: bool = False
    test_mailbox: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that comes with a mail."""

    name: str
    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be handed over. `message_id` is the same whenever the same promise is kept again."""

    message_id: str
    sender: str
    sender_name: str
    reply_to: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    at: datetime
    files: tuple[File, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What a mail server said of one address. `permanent`: it will say so again (SMTP's 5xx)."""

    words: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """A mail that the server took responsibility for: for whom, and for whom not."""

    accepted: tuple[str, ...]
    refused: Mapping[str, Refused] = field(default_factory=dict)


MailState = Literal["waiting", "retrying", "parked", "sent"]
"""waiting (for its day, or for the worker) → sent; retrying after a failure that may pass, parked after one that may not."""


@dataclass(frozen=True, slots=True)
class Handing:
    """One time that a mail was handed over, with the server's words for each address that it refused. `n`: which try."""

    n: int
    via: str
    subject: str
    message_id: str
    accepted: tuple[str, ...]
    refused: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class MailRow:
    """A promised mail and what became of it. `to`: addresses given by hand, or those that are left; none for the
    customer's own. `reason`: why it did not go out."""

    promise_ref: Ref
    document_ref: Ref
    document_number: str
    state: MailState
    made_at: datetime
    due_at: datetime
    next_try_at: datetime | None
    tries: int
    reason: str
    kept_at: datetime | None
    to: Sequence[str]
    handings: tuple[Handing, ...]


class Undelivered(Upstream):
    """The server did not take a mail for anybody. `permanent`: it never will take this one. `everything`: nor any other
    now, since it cannot be reached or does not know us. `refused`: its words by address, where it had some."""

    def __init__(
        self, code: str, message: str, *, permanent: bool = False, everything: bool = False,
        refused: Mapping[str, Refused] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.permanent = permanent
        self.everything = everything
        self.refused = dict(refused or {})


class Post(Protocol):
    """A mail server."""

    def session(self) -> AbstractContextManager[Callable[[Mail], Handed]]:
        """Mails go one after another over one connection, opened with the first; Undelivered when one fails."""
        ...


class Records(Protocol):
    """A sealed record as it is stored."""

    @property
    def body(self) -> bytes: ...
    @property
    def salt(self) -> bytes: ...


class Tx(PaymentsTx, GatewaysTx, WaitingTx, Protocol):
    """An open transaction of one tenant. `now` is the tenant's time, `actor` who acts."""

    tenant: int
    now: datetime
    actor: str

    def new_ref(self) -> Ref: ...
    def new_salt(self) -> bytes: ...

    # the tenant
    def this_tenant(self) -> TenantRow: ...
    def set_clock(self, at: datetime) -> None: ...
    def catalogue_changed(self) -> None: ...
    def lock(self, what: str, *, shared: bool = False) -> None: ...
    def audit(
        self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None, why: str = ""
    ) -> None: ...
    def audit_all(self, verb: str, noun: str, changes: Sequence[tuple[str, Any]], *, why: str = "") -> None: ...
    def park(self, work: str, ref: str, reason: str) -> None: ...
    def unpark(self, work: str, ref: str) -> bool: ...

    # who bills whom
    def put_entity(self, e: Entity) -> None: ...
    def entities(self, refs: Sequence[str] | None = None) -> dict[Ref, Entity]: ...
    def put_customers(self, customers: Sequence[Customer]) -> None: ...
    def customers(self, refs: Sequence[str], *, living: bool = False) -> dict[Ref, Customer]: ...
    def customers_called(self, names: Sequence[str]) -> dict[str, Ref]: ...

    # what is counted, and what it costs
    def add_usage_product(self, meter: Meter) -> None: ...
    def meters(self, refs: Sequence[str] | None = None) -> dict[Ref, Meter]: ...
    def add_product(self, ref: Ref, name: str) -> None: ...
    def product_name(self, ref: str) -> str | None: ...
    def product_named(self, name: str) -> Ref | None: ...
    def add_pricing_version(self, pricing: Pricing) -> None: ...
    def publish_pricing(self, ref: str, version: int) -> bool: ...
    def pricing_versions(self, ref: str) -> list[PricingRow]: ...
    def pricings(self, wanted: Sequence[tuple[str, int]]) -> dict[tuple[Ref, int], Pricing]: ...

    # what was agreed
    def next_contract_number(self) -> int: ...
    def add_contracts(self, contracts: Sequence[Contract], *, next_issue_at: Sequence[datetime | None]) -> None: ...
    def save_contract(self, c: Contract, *, next_issue_at: datetime | None) -> None: ...
    def add_contract_version(self, c: Contract, effective_on: date, *, include_current: bool, why: str) -> None: ...
    def contract(self, ref: str, *, lock: bool = False) -> Contract | None: ...
    def contracts(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, Contract]: ...
    def save_contracts(self, rows: Sequence[tuple[Contract, datetime | None]]) -> None: ...
    def put_coverage(self, contracts: Sequence[Ref], rows: Sequence[Coverage]) -> None: ...
    def first_due(self, until: datetime) -> datetime | None: ...
    def due_contracts(self, at: datetime, limit: int) -> list[Contract]: ...
    def next_issue_of(self, ref: str) -> datetime | None: ...
    def set_next_issue(self, rows: Sequence[tuple[Ref, datetime | None, int]]) -> None: ...
    def documents_so_far(self, refs: Sequence[Ref]) -> dict[Ref, int]: ...
    def billed_parts(self, contracts: Sequence[Ref], *, since: date | None = None) -> list[BilledPart]: ...
    def billed_parts_of(self, keys: Sequence[ChargeKey]) -> list[BilledPart]: ...
    def add_billed(self, rows: Sequence[tuple[BilledPart, Window | None]]) -> None: ...
    def set_billed_document(self, keys: Sequence[ChargeKey], document: Ref) -> None: ...

    # what was used
    def measure(self, asks: Sequence[Ask]) -> list[Measurement]: ...
    def late_periods(
        self, limit: int, mark: tuple[int, int] | None = None, after: ChargeKey | None = None
    ) -> list[ChargeKey]: ...
    def sweep_mark(self) -> tuple[int, int]: ...
    def set_swept(self, xact: int) -> None: ...
    def events_of(self, customer: Ref, stream: Ref, window: Window) -> Iterator[Event]: ...

    # where it lands, and what of it was billed as it came
    def contracts_taking(self, pairs: Collection[tuple[Ref, Ref]]) -> list[tuple[Ref, Ref, Ref]]: ...
    def billed_on(self, keys: Collection[ChargeKey]) -> list[tuple[ChargeKey, Ref | None, str]]: ...
    def attempt(self) -> AbstractContextManager[Any]: ...
    def children(self, periods: Collection[PeriodKey]) -> list[UsageChild]: ...
    def children_of(self, contract: Ref) -> list[UsageChild]: ...
    def add_child(self, row: UsageChild, events: Collection[Ref]) -> None: ...
    def set_through(self, row: UsageChild) -> None: ...
    def charge(self, product: Ref, document: Ref, events: Collection[Ref]) -> None: ...
    def unbilled_usage(
        self, product: Ref, customer: Ref, streams: Collection[Ref], window: Window
    ) -> list[Event]: ...
    def adopt_corrections(self, documents: Collection[Ref], window: Window) -> None: ...
    def charged_usage(self, documents: Collection[Ref]) -> list[tuple[Ref, Event, bool]]: ...
    def release(self, product: Ref, events: Collection[Ref]) -> None: ...
    def billed_upon_usage(self, product: Ref) -> list[tuple[Ref, Ref, int, int | None]]: ...
    def landed_on(self, events: Sequence[Ref]) -> dict[Ref, tuple[Ref, str, Ref]]: ...
    def set_parents(self, periods: Collection[tuple[PeriodKey, Ref]]) -> None: ...
    def numbers_of(self, documents: Collection[Ref]) -> dict[Ref, str]: ...
    def written_upon_usage(self, mark: tuple[int, int]) -> list[tuple[Ref, Ref, datetime]]: ...
    def has_upon_usage(self) -> bool: ...

    # what was billed
    def take_numbers(self, entity: Ref, kind: str, count: int) -> int: ...
    def add_documents(self, documents: Sequence[tuple[Document, int]]) -> None: ...
    def mark(self, ref: str, mark: str, at: datetime) -> bool: ...
    def lock_document(self, ref: str) -> bool: ...
    def document_row(self, ref: str) -> DocumentRow | None: ...
    def document_rows(self, refs: Sequence[str]) -> dict[Ref, DocumentRow]: ...
    def mark_all(self, mark: str, at: Mapping[Ref, datetime]) -> None: ...
    def unmark(self, refs: Sequence[str], mark: str) -> None: ...
    def document_by_number(self, number: str) -> Ref | None: ...
    def notes_of(self, refs: Sequence[str]) -> list[Ref]: ...
    def add_entries(self, entries: Sequence[Entry]) -> None: ...
    def entries_of(self, document_refs: Sequence[str]) -> list[Entry]: ...
    def entries_of_payment(self, payment_ref: str) -> list[Entry]: ...
    def has_entry(self, ref: str) -> bool: ...
    def add_records(self, records: Sequence[tuple[Ref, str, bytes, bytes]]) -> None: ...
    def record(self, ref: Ref) -> Records | None: ...
    def records(self, refs: Sequence[Ref]) -> Mapping[Ref, Records]: ...

    # what was paid
    def add_payment_receipt(
        self, kept: KeptReceipt, document_ref: Ref | None = None, payment_ref: Ref | None = None
    ) -> bool: ...
    def change_payment_receipt(self, kept: KeptReceipt) -> None: ...
    def payment_receipt(self, ref: str, *, lock: bool = False) -> KeptReceipt | None: ...
    def has_receipt_number(self, number: str) -> bool: ...
    def free_receipt_serial(self, first: int) -> int: ...

    # who is told
    def subscriptions(self, types: Sequence[str]) -> Sequence[Any]: ...
    def add_webhook_events(self, events: Sequence[tuple[Ref, str, Mapping[str, Any]]]) -> None: ...

    # what a customer's record says
    def claim_numbers(self, claims: Sequence[Claim]) -> list[Claimed]: ...
    def add_deltas(self, rows: Sequence[tuple[Delta, bytes]]) -> None: ...
    def balance_heads(self, customers: Sequence[Ref], *, lock: bool = False) -> dict[Ref, Head]: ...
    def delta_row(self, ref: Ref) -> DeltaRow | None: ...
    def deltas_referred_to(self, pairs: Sequence[tuple[Ref, str]]) -> dict[tuple[Ref, str], list[DeltaRow]]: ...
    def balance_setting(self) -> BalanceSetting: ...
    def set_balance_unit(self, customer: Ref, unit: str) -> None: ...
    def add_handles(self, handles: Sequence[tuple[str, str, Ref]]) -> None: ...

    # what was promised, and how documents look
    def promise(self, kind: str, promises: Sequence[NewPromise]) -> int: ...
    def claim_promises(self, kind: str, limit: int, *, wall: datetime, until: datetime) -> list[Promise]: ...
    def keep_promise(self, ref: Ref) -> bool: ...
    def postpone_promise(self, promise: Promise, error: str, not_before: datetime | None) -> bool: ...
    def change_promise(self, ref: Ref, payload: Mapping[str, Any]) -> None: ...
    def put_back(self, promises: Sequence[Promise], not_before: datetime | None) -> None: ...
    def mail_policy(self) -> MailPolicy: ...
    def put_mail_policy(self, policy: MailPolicy) -> None: ...
    def mail_page(
        self, kind: str, before: tuple[datetime, str] | None, limit: int, *, document_ref: str | None = None,
        promise_ref: str | None = None, state: MailState | None = None,
    ) -> Sequence[MailRow]: ...
    def add_mail(self, promise: Promise, mail: Mail, handed: Handed, via: str) -> None: ...
    def put_layout(self, layout: Layout) -> None: ...
    def drop_layout(self, ref: str) -> bool: ...
    def layouts(self) -> list[Layout]: ...
    def layout(self, ref: str) -> Layout | None: ...
    def layout_named(self, name: str) -> Layout | None: ...
    def default_layout(self) -> Layout | None: ...
    def has_layout_users(self, name: str) -> bool: ...


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Tx]: ...
