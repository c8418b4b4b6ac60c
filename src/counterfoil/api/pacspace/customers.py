"""`/api/v1/balance/customers…` and `/dashboard/customers`: whose records there are."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.pacspace.deltas import sound_id
from counterfoil.api.pacspace.wire import CheckpointOut, checkpoint_out, hex_of
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.balance.scope import Asked, month_of, window_of
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.balance_rows import DeltaRow
from counterfoil.flows.find_party import find_customers, home_entity
from counterfoil.flows.keep_parties import create_customers
from counterfoil.flows.read_balances import customer_of
from counterfoil.flows.write_deltas import customer_id, open_record

Page = Annotated[int, Meta(ge=1, le=10**6)]
Limit = Annotated[int, Meta(ge=1, le=100)]
Label = Annotated[str, Meta(min_length=1, max_length=40)]


class CustomersQuery(Input):
    """Which page; `search` is a part of the id."""

    page: Page = 1
    limit: Limit = 25
    search: Annotated[str, Meta(max_length=200)] | None = None


class CustomerQuery(Input):
    """Which page of its deltas, and of which month."""

    delta_page: Page = 1
    delta_limit: Limit = 20
    period: str | None = None


class Pagination(Output):
    """Which page this is."""

    total: int
    page: int
    limit: int
    total_pages: int


class ListedOut(Output):
    """A customer with a record. `ledgerIdentifier` is an older name of `customerReference`."""

    customer_id: str
    customer_reference: str
    ledger_identifier: str
    display_name: str
    total_deltas: int
    computed_balance: Decimal
    first_delta_at: str | None
    last_delta_at: str | None


class CustomersOut(Output):
    """Customers with a record, by id."""

    customers: list[ListedOut]
    pagination: Pagination


class SummaryOut(Output):
    """All records together; `activeCustomers`: something was recorded of them this month."""

    total_customers: int
    active_customers: int
    total_deltas: int
    first_delta_at: str | None
    last_delta_at: str | None


class ActivityOut(Output):
    """A delta, as a customer's page lists it."""

    delta: Decimal
    reason: str
    reference_id: str | None
    status: str
    time: str | None
    record_id: str
    sequence_number: str
    verification_reference: str


class RecentOut(Output):
    """Deltas, the newest first."""

    items: list[ActivityOut]
    pagination: Pagination


class MonthOut(Output):
    """A month: how many deltas, what they come to as recorded and as verified, and the balance at its end."""

    period: str
    records: int
    recorded_amount: Decimal
    verified_amount: Decimal
    cumulative_balance: Decimal


class CustomerOut(Output):
    """A customer's record. `accessHint`: the code that opens the customer's own page, `customerLinkUrl`."""

    customer_id: str
    customer_reference: str
    display_name: str
    unit_label: str
    total_deltas: int
    computed_balance: Decimal
    latest_checkpoint: CheckpointOut | None
    recent_activity: RecentOut
    months: list[MonthOut]
    customer_link_url: str | None
    access_hint: str | None


class NewCustomerIn(Input):
    """A customer before its first delta. `sharingStateHint` and `eventCadence` are kept with it."""

    display_name: Annotated[str, Meta(min_length=1, max_length=200)]
    customer_id: str | None = None
    sharing_state_hint: Annotated[str, Meta(max_length=100)] | None = None
    event_cadence: Annotated[str, Meta(max_length=100)] | None = None
    unit_label: Label | None = None


class MadeOut(Output):
    """A customer that was made. `accessHint`: the code that opens the customer's own page."""

    customer_id: str
    customer_reference: str
    display_name: str
    sharing_state_hint: str | None
    event_cadence: str | None
    unit_label: str
    customer_link_url: str
    access_hint: str
    created_at: str | None


def list_customers(call: Call) -> CustomersOut:
    """Customers with a record."""
    q: CustomersQuery = call.query
    rows, total = call.tx.balance_customers(q.search, q.limit, (q.page - 1) * q.limit)
    return CustomersOut(
        customers=[
            ListedOut(
                customer_id=r.id, customer_reference=display_id("cus", r.customer_ref),
                ledger_identifier=display_id("cus", r.customer_ref), display_name=r.name, total_deltas=r.last_sequence,
                computed_balance=number(r.balance), first_delta_at=instant(r.first_at), last_delta_at=instant(r.last_at),
            )
            for r in rows
        ],
        pagination=_page(total, q.page, q.limit),
    )


def _page(total: int, page: int, limit: int) -> Pagination:
    return Pagination(total=total, page=page, limit=limit, total_pages=-(-total // limit))


def get_summary(call: Call) -> SummaryOut:
    """All records together."""
    t = call.tx.balance_totals(month_of(call.tx.now))
    return SummaryOut(
        total_customers=t.customers, active_customers=t.active, total_deltas=t.deltas, first_delta_at=instant(t.first_at),
        last_delta_at=instant(t.last_at),
    )


def get_customer(call: Call) -> CustomerOut:
    """A customer's record."""
    q: CustomerQuery = call.query
    tx = call.tx
    customer = customer_of(tx, call.param("customer_id"))
    name = customer_id(customer)
    head = tx.balance_heads([customer.ref]).get(customer.ref)
    window = None if q.period is None else window_of(Asked(period=q.period), tx.now)
    rows = tx.delta_page(customer.ref, window, q.delta_limit, (q.delta_page - 1) * q.delta_limit, newest_first=True)
    count = 0 if head is None else head.last_sequence
    if window is not None:
        count = tx.summary_within(customer.ref, window).count
    last = tx.last_checkpoints([customer.ref]).get(customer.ref)
    return CustomerOut(
        customer_id=name, customer_reference=display_id("cus", customer.ref), display_name=customer.name,
        unit_label=(head and head.unit) or tx.balance_setting().unit,
        total_deltas=0 if head is None else head.last_sequence,
        computed_balance=number(Decimal(0) if head is None else head.balance),
        latest_checkpoint=None if last is None else checkpoint_out(last, name),
        recent_activity=RecentOut(items=[_activity(r) for r in rows], pagination=_page(count, q.delta_page, q.delta_limit)),
        months=_months(tx, customer.ref),
        customer_link_url=None if head is None else f"{call.house.settings.public_url}/c/{head.handle}",
        access_hint=None if head is None else head.access_code,
    )


def _activity(row: DeltaRow) -> ActivityOut:
    d = row.delta
    return ActivityOut(
        delta=number(d.amount), reason=d.reason, reference_id=d.reference_id, status="VERIFIED", time=instant(d.recorded_at),
        record_id=display_id("rec", d.ref), sequence_number=str(d.sequence), verification_reference=hex_of(row.leaf),
    )


def _months(tx: Any, customer: Ref) -> list[MonthOut]:
    months = []
    balance = Decimal(0)
    for start, count, up, down in tx.months_of_deltas(customer):
        balance += up + down
        months.append(MonthOut(period=f"{start:%Y-%m}", records=count, recorded_amount=number(up + down),
                               verified_amount=number(up + down), cumulative_balance=number(balance)))
    return months


def post_customer(call: Call) -> MadeOut:
    """Make a customer, or give a customer that is known a record."""
    body: NewCustomerIn = call.body
    tx = call.tx
    customer = _known(call, body) or _made(call, body)
    head = open_record(tx, customer, body.unit_label)
    return MadeOut(
        customer_id=customer_id(customer), customer_reference=display_id("cus", customer.ref), display_name=customer.name,
        sharing_state_hint=body.sharing_state_hint, event_cadence=body.event_cadence,
        unit_label=head.unit or tx.balance_setting().unit,
        customer_link_url=f"{call.house.settings.public_url}/c/{head.handle}", access_hint=head.access_code,
        created_at=instant(tx.now),
    )


def _known(call: Call, body: NewCustomerIn) -> Customer | None:
    if body.customer_id is None:
        return None
    name = sound_id(body.customer_id)
    ref = find_customers(call.tx, [name]).get(name)
    return None if ref is None else call.tx.customers([ref])[ref]


def _made(call: Call, body: NewCustomerIn) -> Customer:
    home = home_entity(call.tx)
    hints = {"sharing_state_hint": body.sharing_state_hint, "event_cadence": body.event_cadence}
    kept = {name: hint for name, hint in hints.items() if hint is not None}
    (customer,) = create_customers(call.tx, [
        Customer(Ref(""), body.display_name, home.ref, home.currency, external_id=body.customer_id,
                 settings={"pacspace": kept} if kept else {})
    ])
    return customer


_CUSTOMERS = "Customers"
_B = "/api/v1/balance/customers"

ROUTES: tuple[Route, ...] = (
    Route("GET", _B, list_customers, CustomersOut, query=CustomersQuery, tag=_CUSTOMERS, summary="Customers with a record"),
    Route("GET", f"{_B}/summary", get_summary, SummaryOut, tag=_CUSTOMERS, summary="All records together"),
    Route("GET", f"{_B}/{{customer_id}}", get_customer, CustomerOut, query=CustomerQuery, tag=_CUSTOMERS,
          summary="A customer's record"),
    Route("POST", "/dashboard/customers", post_customer, MadeOut, body=NewCustomerIn, roles=FINANCE, by="person", status=201,
          tag=_CUSTOMERS, summary="Make a customer before its first delta"),
)
