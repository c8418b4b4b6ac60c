"""Costs: what serving customers cost, sent in bulk; all of them are taken or none."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from counterfoil.api.dialect import REPORTERS, Call, Route
from counterfoil.api.paid.pages import AnyObject, object_text
from counterfoil.api.paid.signals import MAX_BYTES, Name, OfCustomer, OfProduct, read_time
from counterfoil.api.wire import Input, Output
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.flows.record_costs import NewCost, record_costs

MAX_COSTS = 1000

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Override(Input):
    """A price that goes before that of the usage."""

    amount: Decimal
    currency: str


class Tokens(Input):
    """What a model took and gave."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    reasoning_output_tokens: Count | None = None


class CostIn(Input):
    """A cost: of type `cost` with its amount in the currency's main unit, or of type `usage` with what a model of a vendor
    took and gave. Usage without a `costOverride` is kept without a price: prices of vendors are not looked up."""

    customer: OfCustomer
    type: Literal["cost", "usage"] = "cost"
    product: OfProduct | None = None
    timestamp: str | None = None
    metadata: AnyObject = msgspec.UNSET
    amount: Decimal | None = None
    currency: str | None = None
    vendor: Name | None = None
    model: Name | None = None
    usage: Tokens | None = None
    cost_override: Override | None = None
    idempotency_key: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class CostsIn(Input):
    """Up to 1,000 costs."""

    costs: list[CostIn]


class CostsTaken(Output):
    """How many were taken, and how many were known by their `idempotencyKey`."""

    ingested: int
    duplicates: int


def post_costs(call: Call) -> CostsTaken:
    """Take costs in, all or none."""
    body: CostsIn = call.body
    if len(body.costs) > MAX_COSTS:
        raise Invalid.field("costs", f"must not be more than {MAX_COSTS} at once")
    problems: list[Problem] = []
    read = [_read(c, f"costs[{i}]", problems) for i, c in enumerate(body.costs)]
    refuse_if(problems[:100])
    taken = record_costs(call.tx, read)
    return CostsTaken(ingested=taken, duplicates=len(read) - taken)


def _read(c: CostIn, where: str, problems: list[Problem]) -> NewCost:
    mine: list[Problem] = []
    of = c.product or OfProduct()
    if (c.customer.customer_id is None) == (c.customer.external_customer_id is None):
        mine.append(Problem("customer", "must have one of customerId and externalCustomerId"))
    if c.product is not None and (of.product_id is None) == (of.external_product_id is None):
        mine.append(Problem("product", "must have one of productId and externalProductId"))
    amount, currency, prefix = c.amount, c.currency, ""
    if c.type == "usage":
        amount, currency, prefix = None, None, "costOverride."
        mine += [Problem(n, "is required") for n in ("vendor", "model", "usage") if getattr(c, n) is None]
        if c.cost_override is not None:
            amount, currency = c.cost_override.amount, c.cost_override.currency
    else:
        mine += [Problem(n, "is required") for n in ("amount", "currency") if getattr(c, n) is None]
    if currency is not None and currency not in CURRENCIES:
        mine.append(Problem(f"{prefix}currency", "must be an ISO 4217 currency code such as EUR"))
    metadata = None
    try:
        metadata = object_text(c.metadata, "metadata")
    except Invalid as refused:
        mine += refused.problems
    at = read_time(c.timestamp, "timestamp", mine)
    problems += [p.under(where) for p in mine]
    usage = None
    if c.usage is not None:
        usage = {f.encode_name: n for f in msgspec.structs.fields(c.usage) if (n := getattr(c.usage, f.name)) is not None}
    return NewCost(
        c.customer.customer_id, c.customer.external_customer_id, of.product_id, of.external_product_id, at, amount, currency,
        c.vendor, c.model, usage, metadata, c.idempotency_key or None,
    )


ROUTES = (
    Route("POST", "/api/v2/costs/bulk", post_costs, CostsTaken, body=CostsIn, roles=REPORTERS, max_body=MAX_BYTES,
          tag="Costs", summary="Take up to 1,000 costs in, all or none"),
)
