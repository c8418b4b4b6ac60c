"""The state of a customer: who it is, and what runs for it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from counterfoil.api.dialect import Call, Route
from counterfoil.api.paid.customers import AddressOut, address_shown
from counterfoil.api.wire import Output, instant, number
from counterfoil.core.basis.ids import display_id
from counterfoil.flows.find_sales import OrderRow
from counterfoil.flows.keep_accounts import Account, find_account
from counterfoil.flows.keep_credits import credits_of

MOST = 1000
"""Orders that a state names, the newest ones."""


class StateCustomer(Output):
    """Who it is."""

    id: str
    name: str
    external_id: str | None
    billing_address: AddressOut | None


class StateOrder(Output):
    """An order. `effectiveUntil`: when it stops to apply."""

    id: str
    external_id: str | None
    name: str
    state: str
    currency: str
    start_date: str | None
    end_date: str | None
    effective_until: str | None


class Seats(Output):
    """Seats: none are kept."""

    total: int = 0
    assigned: int = 0
    unassigned: int = 0
    data: tuple[()] = ()


class CreditBalance(Output):
    """Credits of one currency that may be spent."""

    credits_currency_id: str
    currency_name: str
    currency_key: str
    balance: Decimal


class Credits(Output):
    """Credits by currency."""

    balances: list[CreditBalance]


class CustomerState(Output):
    """What is known of a customer now."""

    customer: StateCustomer
    default_currency: str
    orders: list[StateOrder]
    seats: Seats
    checkout_links: tuple[()]
    credits: Credits
    timestamp: str | None


def get_state(call: Call) -> CustomerState:
    """The state of a customer."""
    account: Account = find_account(call.tx, call.param("id"))
    customer = account.customer
    orders, _total = call.tx.order_page(0, MOST, {"customer": customer.ref})
    return CustomerState(
        customer=StateCustomer(
            id=display_id("cus", customer.ref), name=customer.name, external_id=customer.external_id,
            billing_address=address_shown(customer),
        ),
        default_currency=customer.currency, orders=[_shown(o, customer.currency, call.tx.now) for o in orders],
        seats=Seats(), checkout_links=(), credits=Credits(balances=[
            CreditBalance(credits_currency_id=display_id("ccur", h.currency.ref), currency_name=h.currency.name,
                          currency_key=h.currency.key, balance=number(h.available))
            for h in credits_of(call.tx, customer.ref)
        ]), timestamp=instant(call.tx.now),
    )


def _shown(o: OrderRow, currency: str, now: datetime) -> StateOrder:
    over = o.state == "active" and o.ends_at is not None and o.ends_at <= now
    return StateOrder(
        id=display_id("ord", o.ref), external_id=o.external_id, name=o.name, state="ended" if over else o.state,
        currency=o.profile.get("currency") or currency, start_date=instant(o.starts_at), end_date=instant(o.ends_at),
        effective_until=instant(o.ends_at),
    )


ROUTES = tuple(
    Route("GET", path, get_state, CustomerState, tag="Customers", summary="The state of a customer")
    for path in ("/api/v2/customers/external/{id}/state", "/api/v2/customers/{id}/state")
)
