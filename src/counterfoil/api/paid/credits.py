"""Credits: the currencies that they are counted in, grants to customers, balances, transactions, and what waits for credits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import Page, Paging, page, page_of, since, until
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.quantity import ZERO, decimal_text
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.find_party import find_customer, find_customers
from counterfoil.flows.keep_credits import (
    Held,
    change_currency,
    create_currency,
    credits_of,
    find_currency,
    grant_credits,
)
from counterfoil.flows.wallet_rows import CreditCurrency, CreditGrant, CreditMove, CreditUse

_NAMES = ("creditCurrencyKey", "amount", "startsAt", "expiresAt")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class CurrencyIn(Input):
    """A unit in which credits are counted; its key is unique and stays."""

    name: str
    key: str
    description: str | None = None


class CurrencyChange(Input):
    """What is to change; archived currencies are granted no more."""

    description: str | msgspec.UnsetType | None = msgspec.UNSET
    status: Literal["active", "archived"] | None = None


class CurrencyFilter(Input):
    """Which currencies."""

    status: Literal["active", "archived"] | None = None


class Currency(Output):
    """A unit in which credits are counted."""

    id: str
    name: str
    key: str
    status: Literal["active", "archived"]
    description: str | None
    archived_at: str | None
    created_at: str | None
    updated_at: str | None


class Currencies(Output):
    """Every currency, oldest first."""

    data: list[Currency]


class Unit(Output):
    """Which currency."""

    key: str
    name: str


class Owner(Output):
    """Whose it is."""

    id: str
    external_id: str | None


class OfProduct(Output):
    """The product that priced a spend."""

    id: str
    external_id: str | None
    name: str


class Transaction(Output):
    """What changed a customer's credits: a grant above zero, a spend or an `expiry` below. `amount` is exact."""

    id: str
    customer: Owner
    credit_currency: Unit
    type: str
    amount: str
    origin_code: str
    event_name: str | None
    signal_id: str | None
    order_id: None
    product: OfProduct | None
    created_at: str | None


class TransactionFilter(Paging):
    """Which transactions; dates include their day. Nothing is linked to orders or waits for payment here: filters by them
    find nothing."""

    customer_id: str | None = None
    external_customer_id: str | None = None
    credits_currency_id: str | None = None
    credit_currency_key: str | None = None
    type: Literal["grant", "spend", "pendingGrant", "expiry"] | None = None
    order_id: str | None = None
    created_at_from: str | None = None
    created_at_to: str | None = None


class Grant(Output):
    """Credits that came together, as they stand now. There is no rollover."""

    available: Decimal
    used: Decimal
    total: Decimal
    rollover_amount: None
    period_start: str | None
    period_end: str | None
    rollover_end_date: None
    expires_at: str | None
    is_in_rollover_window: bool


class Balance(Output):
    """What a customer has in one currency: grants that have not ended."""

    credits_currency_id: str
    currency_name: str
    currency_key: str
    available: Decimal
    used: Decimal
    total: Decimal
    period_start: str | None
    period_end: str | None
    rollover_end_date: None
    recipient: Literal["organization"]
    grants: list[Grant]


class Balances(Output):
    """What a customer has."""

    data: list[Balance]


class GrantIn(Input):
    """Credits for a customer, with at most six decimals. `startsAt` is not in the future."""

    credit_currency_key: str
    amount: Decimal
    starts_at: Instant | None = None
    expires_at: Instant | None = None


class Granted(Output):
    """The credits; `amount` without what is behind the point."""

    amount: int
    amount_decimal: str
    starts_at: str | None
    expires_at: str | None
    status: Literal["active"]


class GrantAnswer(Output):
    """What was granted, to whom."""

    created: bool
    customer: Owner
    credit_currency: Unit
    grant: Granted
    created_at: str | None


class Waiting(Output):
    """What a signal used beyond what there was; the next grant settles it. `credits` without what is behind the point."""

    credits: int
    credits_decimal: str
    credit_currency: Unit
    order_id: None
    event_name: str | None
    occurred_at: str | None
    recorded_at: str | None


def list_currencies(call: Call) -> Currencies:
    """Every credit currency."""
    q: CurrencyFilter = call.query
    shown = [currency_shown(c) for c in call.tx.credit_currencies()]
    return Currencies(data=[c for c in shown if q.status in (None, c.status)])


def post_currency(call: Call) -> Currency:
    """Make a credit currency."""
    b: CurrencyIn = call.body
    return currency_shown(create_currency(call.tx, b.name, b.key, b.description))


def put_currency(call: Call) -> Currency:
    """Describe or archive a credit currency."""
    b: CurrencyChange = call.body
    found = find_currency(call.tx, read_id(call.param("id")))
    description = found.description if isinstance(b.description, msgspec.UnsetType) else b.description
    archived = None if b.status is None else b.status == "archived"
    return currency_shown(change_currency(call.tx, found.ref, description, archived))


def list_transactions(call: Call) -> Page[Transaction]:
    """What changed credits, the latest first."""
    q: TransactionFilter = call.query
    customers = [find_customers(call.tx, [n]).get(n) for n in (q.customer_id, q.external_customer_id) if n is not None]
    units = {c.ref: c for c in call.tx.credit_currencies()}
    wanted = [read_id(q.credits_currency_id)] if q.credits_currency_id is not None else []
    if q.credit_currency_key is not None:
        wanted.append(next((c.ref for c in units.values() if c.key == q.credit_currency_key), None))
    nothing = None in customers or None in wanted or len(set(customers)) > 1 or len(set(wanted)) > 1
    if nothing or q.order_id is not None or q.type == "pendingGrant":
        return page(q, list[CreditMove](), 0, lambda m: _transaction(m, {}, {}, {}))
    rows, total = call.tx.credit_moves(
        q.offset, q.size, customer_ref=customers[0] if customers else None, currency_ref=wanted[0] if wanted else None,
        kind=q.type, since=since(q.created_at_from, "createdAtFrom"), until=until(q.created_at_to, "createdAtTo"),
    )
    owners = call.tx.customers(list({m.pool[0] for m in rows}))
    products = call.tx.product_rows(sorted({m.product_ref for m in rows if m.product_ref}))
    return page(q, rows, total, lambda m: _transaction(m, owners, units, products))


def get_balances(call: Call) -> Balances:
    """What a customer has."""
    customer = find_customer(call.tx, call.param("id"))
    return Balances(data=[_balance(h, call.tx.now) for h in credits_of(call.tx, customer.ref)])


def post_grant(call: Call) -> GrantAnswer:
    """Grant credits at once; what waits for credits takes from them."""
    b: GrantIn = call.body
    customer = find_customer(call.tx, call.param("id"))
    unit, made = grant_credits(
        call.tx, customer.ref, b.credit_currency_key, b.amount, starts_at=b.starts_at, expires_at=b.expires_at, names=_NAMES
    )
    return GrantAnswer(
        created=True, customer=_owner(customer), credit_currency=Unit(key=unit.key, name=unit.name),
        grant=Granted(
            amount=int(made.amount), amount_decimal=decimal_text(made.amount), starts_at=instant(made.starts_at),
            expires_at=instant(made.expires_at), status="active",
        ),
        created_at=instant(made.created_at),
    )


def list_waiting(call: Call) -> Page[Waiting]:
    """What waits for credits, oldest first."""
    customer = find_customer(call.tx, call.param("id"))
    held = credits_of(call.tx, customer.ref)
    units = {h.currency.ref: h.currency for h in held}
    rows = sorted((u for h in held for u in h.waiting), key=lambda u: (u.recorded_at, u.event_ref))
    return page_of(call.query, rows, lambda u: _waiting(u, units))


def currency_shown(c: CreditCurrency) -> Currency:
    """A credit currency as it is shown."""
    return Currency(
        id=display_id("ccur", c.ref), name=c.name, key=c.key, status="active" if c.archived_at is None else "archived",
        description=c.description, archived_at=instant(c.archived_at), created_at=instant(c.created_at),
        updated_at=instant(c.updated_at),
    )


def running(held: Held, now: datetime) -> Sequence[CreditGrant]:
    """The grants that have not ended."""
    return [g for g in held.grants if g.expires_at is None or g.expires_at > now]


def _balance(held: Held, now: datetime) -> Balance:
    grants = running(held, now)
    available, total = sum((g.balance for g in grants), ZERO), sum((g.amount for g in grants), ZERO)
    ends = [g.expires_at for g in grants]
    return Balance(
        credits_currency_id=display_id("ccur", held.currency.ref), currency_name=held.currency.name,
        currency_key=held.currency.key, available=number(available), used=number(total - available), total=number(total),
        period_start=instant(min((g.starts_at for g in grants), default=None)),
        period_end=None if None in ends else instant(max((e for e in ends if e is not None), default=None)),
        rollover_end_date=None, recipient="organization", grants=[_grant(g) for g in grants],
    )


def _grant(g: CreditGrant) -> Grant:
    return Grant(
        available=number(g.balance), used=number(g.amount - g.balance), total=number(g.amount), rollover_amount=None,
        period_start=instant(g.starts_at), period_end=instant(g.expires_at), rollover_end_date=None,
        expires_at=instant(g.expires_at), is_in_rollover_window=False,
    )


def _transaction(m: CreditMove, owners: Any, units: Any, products: Any) -> Transaction:
    unit, product = units[m.pool[1]], products.get(m.product_ref)
    return Transaction(
        id=display_id("ctx", m.ref), customer=_owner(owners[m.pool[0]]),
        credit_currency=Unit(key=unit.key, name=unit.name), type=m.kind, amount=decimal_text(m.amount),
        origin_code=m.grant_kind, event_name=m.event_name,
        signal_id=None if m.event_ref is None else display_id("sig", m.event_ref), order_id=None,
        product=None if product is None else OfProduct(
            id=display_id("prod", product.ref), external_id=product.external_id, name=product.name),
        created_at=instant(m.at),
    )


def _waiting(u: CreditUse, units: dict[Ref, CreditCurrency]) -> Waiting:
    unit = units[u.pool[1]]
    return Waiting(
        credits=int(u.credits), credits_decimal=decimal_text(u.credits), credit_currency=Unit(key=unit.key, name=unit.name),
        order_id=None, event_name=u.event_name, occurred_at=instant(u.occurred_at), recorded_at=instant(u.recorded_at),
    )


def _owner(c: Customer) -> Owner:
    return Owner(id=display_id("cus", c.ref), external_id=c.external_id)


def _twins(method: Any, rest: str, do: Any, answer: Any, summary: str, **more: Any) -> tuple[Route, Route]:
    """An operation by external id, which is matched first, and by id."""
    paths = (f"/api/v2/customers/external/{{id}}/credits/{rest}", f"/api/v2/customers/{{id}}/credits/{rest}")
    first, second = (Route(method, path, do, answer, tag="Credits", summary=summary, **more) for path in paths)
    return first, second


_CURRENCIES = "/api/v2/credits/currencies"

ROUTES = (
    Route("GET", _CURRENCIES, list_currencies, Currencies, query=CurrencyFilter, tag="Credits", summary="Credit currencies"),
    Route("POST", _CURRENCIES, post_currency, Currency, body=CurrencyIn, roles=FINANCE, status=201, tag="Credits",
          summary="Make a credit currency"),
    Route("PUT", f"{_CURRENCIES}/{{id}}", put_currency, Currency, body=CurrencyChange, roles=FINANCE, tag="Credits",
          summary="Describe or archive a credit currency"),
    Route("GET", "/api/v2/credits/transactions", list_transactions, Page[Transaction], query=TransactionFilter, tag="Credits",
          summary="What changed credits, the latest first"),
    *_twins("GET", "balances", get_balances, Balances, "What a customer has in credits"),
    *_twins("POST", "grants", post_grant, GrantAnswer, "Grant credits at once", body=GrantIn, roles=FINANCE, status=201),
    *_twins("GET", "pending-consumption", list_waiting, Page[Waiting], "What waits for credits, oldest first", query=Paging),
)
