"""Credits in units of your own: `/v1/credit-currencies`, and what customers have of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.wallets import Days, Money, Priority, Sold, bounded, sold
from counterfoil.api.native.wire import CurrencyText, Exact, Input, Instant, Output, RefText, exact
from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.wallet import LotKind
from counterfoil.flows.keep_credits import (
    change_currency,
    create_currency,
    credits_of,
    find_currency,
    grant_credits,
)
from counterfoil.flows.keep_wallets import purchase_credits
from counterfoil.flows.wallet_rows import CreditCurrency


class NewUnit(Input):
    """A unit in which credits are counted. `key` stays for ever."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    key: Annotated[str, Meta(min_length=1, max_length=100)]
    description: Annotated[str, Meta(max_length=2000)] | None = None


class UnitChange(Input):
    """Archived units are granted and sold no more; what was granted is still spent."""

    description: Annotated[str, Meta(max_length=2000)] | UnsetType | None = UNSET
    archived: bool | None = None


class UnitOut(Output):
    """A unit in which credits are counted."""

    currency_ref: RefText
    name: str
    key: str
    description: str | None
    archived_at: Instant | None
    created_at: Instant


class Units(Output):
    """Every unit."""

    data: list[UnitOut]


class NewCredits(Input):
    """Credits that are given to a customer."""

    key: str
    amount: Decimal
    priority: Priority = 0
    starts_at: Instant | None = None
    expires_at: Instant | None = None


class CreditsSold(Input):
    """Credits that are sold at `unit_price` each: an invoice is issued, and its payment grants them."""

    key: str
    credits: Decimal
    unit_price: Money
    currency: CurrencyText | None = None
    priority: Priority = 0
    expires_at: Instant | None = None
    net_days: Days | None = None


class CreditsLot(Output):
    """Credits that came together."""

    grant_ref: RefText
    kind: LotKind
    priority: int
    amount: Exact
    left: Exact
    starts_at: Instant
    expires_at: Instant | None
    document_ref: RefText | None


class CreditsHeld(Output):
    """What a customer has in one unit. `overage`: what was used beyond it; the next grant settles it first."""

    key: str
    name: str
    available: Exact
    overage: Exact
    grants: list[CreditsLot]


class CreditsOut(Output):
    """A customer's credits by unit."""

    data: list[CreditsHeld]


def post_unit(call: Call) -> UnitOut:
    """Make a unit of credits."""
    b: NewUnit = call.body
    return _unit(create_currency(call.tx, b.name, b.key, b.description))


def list_units(call: Call) -> Units:
    """Every unit of credits."""
    return Units(data=[_unit(c) for c in call.tx.credit_currencies()])


def patch_unit(call: Call) -> UnitOut:
    """Change a unit of credits."""
    b: UnitChange = call.body
    c = find_currency(call.tx, call.ref("currency_ref"))
    description = c.description if isinstance(b.description, UnsetType) else b.description
    return _unit(change_currency(call.tx, c.ref, description, b.archived))


def post_credits(call: Call) -> CreditsOut:
    """Give a customer credits."""
    b: NewCredits = call.body
    customer = Ref(call.ref("customer_ref"))
    grant_credits(call.tx, customer, b.key, b.amount, starts_at=b.starts_at, expires_at=b.expires_at, priority=b.priority)
    return _credits(call, customer)


def get_credits(call: Call) -> CreditsOut:
    """A customer's credits."""
    return _credits(call, Ref(call.ref("customer_ref")))


def post_credits_purchase(call: Call) -> Sold:
    """Sell a customer credits."""
    b: CreditsSold = call.body
    return sold(purchase_credits(
        call.tx, Ref(call.ref("customer_ref")), b.key, bounded(b.credits, "credits"), bounded(b.unit_price, "unit_price"),
        currency=b.currency, priority=b.priority, expires_at=b.expires_at, net_days=b.net_days,
    ))  # fmt: skip


def _unit(c: CreditCurrency) -> UnitOut:
    return UnitOut(
        currency_ref=c.ref, name=c.name, key=c.key, description=c.description, archived_at=c.archived_at,
        created_at=c.created_at,
    )


def _credits(call: Call, customer: Ref) -> CreditsOut:
    return CreditsOut(data=[
        CreditsHeld(
            key=p.currency.key, name=p.currency.name, available=exact(p.available) or "0", overage=exact(p.overage) or "0",
            grants=[
                CreditsLot(grant_ref=g.ref, kind=g.kind, priority=g.priority, amount=exact(g.amount) or "0",
                           left=exact(g.balance) or "0", starts_at=g.starts_at, expires_at=g.expires_at,
                           document_ref=g.document_ref)
                for g in p.grants
            ],
        )
        for p in credits_of(call.tx, customer)
    ])  # fmt: skip


_CREDITS = "/v1/customers/{customer_ref}/credits"

ROUTES = (
    Route("POST", "/v1/credit-currencies", "Prepaid", "Make a unit of credits", post_unit, UnitOut, body=NewUnit,
          roles=FINANCE, status=201, example={"name": "AI credits", "key": "ai"}),
    Route("GET", "/v1/credit-currencies", "Prepaid", "Units of credits", list_units, Units),
    Route("PATCH", "/v1/credit-currencies/{currency_ref}", "Prepaid", "Change a unit of credits", patch_unit, UnitOut,
          body=UnitChange, roles=FINANCE, errors=(404,), example={"archived": True}),
    Route("GET", _CREDITS, "Prepaid", "A customer's credits", get_credits, CreditsOut, errors=(404,)),
    Route("POST", f"{_CREDITS}/grants", "Prepaid", "Give a customer credits", post_credits, CreditsOut, body=NewCredits,
          roles=FINANCE, status=201, errors=(404, 409), example={"key": "ai", "amount": "1000"}),
    Route("POST", f"{_CREDITS}/purchases", "Prepaid", "Sell a customer credits", post_credits_purchase, Sold,
          body=CreditsSold, roles=FINANCE, status=201, errors=(404,),
          example={"key": "ai", "credits": "1000", "unit_price": "0.05"}),
)
