"""`/v1/balances` and `/v1/balance-settings`: customers' records of signed changes, and what writes them by itself."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from counterfoil.api.dialect import ADMIN
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.wire import Input, Output, RefText
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import NotFound
from counterfoil.flows.balance_rows import BalanceSetting, DeltaRow
from counterfoil.flows.read_balances import shared_record
from counterfoil.flows.write_own_deltas import MAX_UNIT, set_balances

Unit = Annotated[str, Meta(min_length=1, max_length=MAX_UNIT, description="What balances count, such as credits")]
Amount = Annotated[str, Meta(description="An exact decimal", examples=["-12.75"])]


class BalanceSettings(Input):
    """What is left out is as by default: credits, nothing shown, nothing written by itself."""

    unit: Unit = "credits"
    show_records: Annotated[bool, Meta(description="Who holds a proof root sees its deltas")] = False
    invoices: Annotated[bool, Meta(description="Documents raise what a customer owes; credit notes lower it")] = False
    payments: Annotated[bool, Meta(description="Payments lower it")] = False
    usage: Annotated[
        list[RefText], Meta(max_length=50, description="Usage products whose usage is one delta a customer and day (UTC)")
    ] = field(default_factory=list)


class BalanceSettingsOut(Output):
    """What a tenant's balances count, who sees them, and what writes deltas by itself."""

    unit: str
    show_records: bool
    invoices: bool
    payments: bool
    usage: list[RefText]


class Balance(Output):
    """Where a customer's record stands."""

    customer_ref: RefText
    customer_id: str
    unit: str
    balance: Amount
    last_sequence: int
    first_at: str | None
    last_at: str | None
    access_code: str
    link: str
    checkpoints: list[RefText]


class BalanceDelta(Output):
    """One change. `receipt_id`: its leaf hash, which proves it alone. `counts_at`: the instant by which windows take it."""

    delta_ref: RefText
    sequence: int
    amount: Amount
    reason: str
    reference_id: str | None
    recorded_at: str
    counts_at: str
    receipt_id: str


def _setting_out(s: BalanceSetting) -> BalanceSettingsOut:
    return BalanceSettingsOut(
        unit=s.unit, show_records=s.show_records, invoices=s.invoices, payments=s.payments, usage=list(s.usage)
    )


def get_settings(call: Call) -> BalanceSettingsOut:
    """The settings."""
    return _setting_out(call.tx.balance_setting())


def put_settings(call: Call) -> BalanceSettingsOut:
    """Replace them."""
    b = call.body
    wanted = BalanceSetting(b.unit, b.show_records, b.invoices, b.payments, tuple(map(Ref, b.usage)))
    return _setting_out(set_balances(call.tx, wanted))


def get_balance(call: Call) -> Balance:
    """A customer's record."""
    found = shared_record(call.tx, Ref(call.ref("customer_ref")))
    head = found.head
    return Balance(
        customer_ref=head.customer_ref, customer_id=found.customer_id, unit=found.unit, balance=decimal_text(head.balance),
        last_sequence=head.last_sequence, first_at=None if head.first_at is None else instant_text(head.first_at),
        last_at=None if head.last_at is None else instant_text(head.last_at), access_code=head.access_code,
        link=f"{call.house.settings.public_url}/c/{head.handle}", checkpoints=[c.ref for c in found.receipts],
    )


def list_deltas(call: Call) -> Page[BalanceDelta]:
    """Its deltas."""
    customer = Ref(call.ref("customer_ref"))
    if customer not in call.tx.balance_heads([customer]):
        raise NotFound("balance.not_found", f"there is no record of customer {customer}")
    (last,) = position(call.query.after, int) or (0,)
    rows = call.tx.deltas_between(customer, last + 1, last + call.query.limit + 1)
    return page(rows, call.query.limit, lambda row: (row.delta.sequence,), _delta)


def _delta(row: DeltaRow) -> BalanceDelta:
    d = row.delta
    return BalanceDelta(
        delta_ref=d.ref, sequence=d.sequence, amount=decimal_text(d.amount), reason=d.reason, reference_id=d.reference_id,
        recorded_at=instant_text(d.recorded_at), counts_at=instant_text(d.counts_at), receipt_id=f"0x{row.leaf.hex()}",
    )


_SETTINGS, _BALANCE = "/v1/balance-settings", "/v1/balances/{customer_ref}"

ROUTES = (
    Route("GET", _SETTINGS, "Balances", "What balances count, and what writes them", get_settings, BalanceSettingsOut),
    Route("PUT", _SETTINGS, "Balances", "Change that", put_settings, BalanceSettingsOut, body=BalanceSettings, roles=ADMIN,
          example={"unit": "EUR", "invoices": True, "payments": True},
          about="Replaces all of it. Usage is written from today (UTC) on, a day after the other once it is over; what "
          "comes in late for a day is one more delta."),
    Route("GET", _BALANCE, "Balances", "Where a customer's record stands", get_balance, Balance, errors=(404,)),
    Route("GET", f"{_BALANCE}/deltas", "Balances", "Its deltas, by number", list_deltas, Page[BalanceDelta], query=Paging,
          errors=(404,)),
)
