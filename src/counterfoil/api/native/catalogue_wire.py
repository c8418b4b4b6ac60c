"""Usage products, products and pricings on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from counterfoil.api.native.wire import (
    Amount,
    CurrencyText,
    Exact,
    Input,
    Instant,
    Name,
    Output,
    RefText,
    ShortText,
    exact,
)
from counterfoil.core.pricing.codec import item_to_json
from counterfoil.core.pricing.model import Part
from counterfoil.core.usage.meter import Aggregation, Bucket, Meter, MetricRounding
from counterfoil.core.usage.meter_codec import meter_to_json
from counterfoil.flows.ports import PricingRow

NewItems = Annotated[list[Any], Meta(min_length=1, max_length=200)]
"""Line items as they come in; the core reads them. One without `ref` gets its own."""


class FilterIn(Input):
    """Events whose property is one of these values."""

    property: Name
    values: Annotated[list[ShortText], Meta(min_length=1, max_length=1000)]


class SubActivityIn(Input):
    """A usage product that another one is built of."""

    usage_product_ref: RefText
    weight: Annotated[Decimal, Meta(description="How often each of its units counts")] = Decimal(1)


class SubActivityOut(Output):
    """A usage product that another one is built of."""

    usage_product_ref: RefText
    weight: Exact


class NewUsageProduct(Input):
    """A usage product: what is counted (its stream of events), and how (its meter).

    `field`: the property to aggregate instead of the event's quantity. `source_ref`: the usage product whose events are
    counted, its own by default. `parts`: other usage products that this one is built of (sub-activities): its quantity is
    the sum of theirs, each times its weight, and it has no events of its own.
    """

    name: Name
    aggregation: Aggregation = "sum"
    unit: ShortText = "unit"
    source_ref: RefText | None = None
    field: Name | None = None
    include: Annotated[list[FilterIn], Meta(max_length=50)] = msgspec.field(default_factory=list)
    exclude_any_of: Annotated[list[list[FilterIn]], Meta(max_length=50)] = msgspec.field(default_factory=list)
    group_by: Annotated[list[Name], Meta(max_length=10)] = msgspec.field(default_factory=list)
    carry_over: bool = False
    prorated: bool = False
    amount_property: Name | None = None
    decimals: Annotated[int, Meta(ge=-12, le=12)] | None = None
    windows_back: Annotated[int, Meta(ge=1, le=120)] = 1
    signed_by: Name | None = None
    rounding: MetricRounding = "half_up"
    bucket: Bucket = "day"
    parts: Annotated[list[SubActivityIn], Meta(max_length=50)] = msgspec.field(default_factory=list)


class FilterOut(Output):
    """Events whose property is one of these values."""

    property: str
    values: list[str]


class UsageProduct(Output):
    """A usage product with its meter."""

    usage_product_ref: RefText
    name: str
    aggregation: Aggregation
    unit: str
    source_ref: RefText | None
    field: str | None
    include: list[FilterOut]
    exclude_any_of: list[list[FilterOut]]
    group_by: list[str]
    carry_over: bool
    prorated: bool
    amount_property: str | None
    decimals: int | None
    windows_back: int
    signed_by: str | None
    rounding: MetricRounding
    bucket: Bucket
    parts: list[SubActivityOut]


class NewProduct(Input):
    """A product: what pricings are for."""

    name: Name


class Product(Output):
    """A product."""

    product_ref: RefText
    name: str
    created_at: Instant


class NewPricing(Input):
    """The first version of a pricing, as a draft: its name, currency and line items."""

    product_ref: RefText
    name: Name
    currency: CurrencyText
    items: NewItems


class PricingDraft(Input):
    """The draft of a pricing's next version: it replaces a draft there is; published versions stay as they are.

    Keep the `ref` of line items that stay, so that amendments can tell which is which.
    """

    items: NewItems
    currency: CurrencyText | None = None


class Pricing(Output):
    """A version of a pricing. A published one never changes."""

    pricing_ref: RefText
    product_ref: RefText
    product_name: str
    name: str
    version: int
    currency: str
    published_at: Instant | None
    items: list[Any]


class PricingVersions(Output):
    """Every version of a pricing, oldest first."""

    data: list[Pricing]


class PriceModelOut(Output):
    """A price model: its name in `kind`, what it does, which finer measurements it reads, and its terms."""

    kind: str
    about: str
    needs: list[str]
    json_schema: Annotated[Any, Meta(description="JSON Schema of its terms")]


class PriceModels(Output):
    """Every price model there is."""

    data: list[PriceModelOut]


class TemplateQuery(Input):
    """`usage_product_ref`: fills the template's usage items, in order; may be repeated as a comma list."""

    usage_product_ref: str = ""


class TemplateOut(Output):
    """A pricing to begin with: its `items` go into `POST /v1/pricings` as they are, or changed."""

    name: str
    title: str
    about: str
    items: Annotated[list[Any], Meta(description="Line items; usage items without `usage_product_ref` want one")]


class Templates(Output):
    """Templates for the common pricings."""

    data: list[TemplateOut]


class Try(Input):
    """How much of a line item to price: a quantity, or a whole measurement for models that read more."""

    line_item_ref: RefText
    quantity: Decimal | None = None
    measured: Annotated[Any, Meta(description="quantity, count, values, windows, groups, … as the model needs")] = None


class Preview(Input):
    """Which quantities to price. Recurring and one-time items that are not named bill their own quantity."""

    quantities: Annotated[list[Try], Meta(max_length=200)] = msgspec.field(default_factory=list)
    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class PartOut(Output):
    """One term of an amount: `covers` units at `unit_price`, and why. Parts add up to the exact amount."""

    covers: Exact
    unit_price: Exact | None
    amount: Exact
    why: str
    note: str


class PreviewLineOut(Output):
    """A line as it would be billed: rounded once, and the parts that explain it."""

    line_item_ref: RefText
    item: str
    kind: str
    quantity: Exact
    unit: str
    amount: Amount
    exact_amount: Exact
    parts: list[PartOut]


class Previewed(Output):
    """What these quantities would cost before discounts and tax."""

    pricing_ref: RefText
    version: int
    currency: str
    lines: list[PreviewLineOut]
    sub_total: Amount


def part_out(part: Part) -> PartOut:
    """A part as the wire shows it."""
    return PartOut(
        covers=exact(part.covers) or "0", unit_price=exact(part.unit_price), amount=exact(part.amount) or "0",
        why=part.why, note=part.note,
    )


def usage_product_out(meter: Meter) -> UsageProduct:
    """A meter as the wire shows it."""
    values = {k: v for k, v in meter_to_json(meter).items() if k != "ref"}
    parts = [SubActivityOut(usage_product_ref=p.meter.ref, weight=exact(p.weight) or "0") for p in meter.parts]
    return UsageProduct(**{**values, "usage_product_ref": meter.ref, "parts": parts})


def pricing_out(row: PricingRow) -> Pricing:
    """A pricing as the wire shows it."""
    p = row.pricing
    return Pricing(
        pricing_ref=p.ref, product_ref=p.product_ref, product_name=p.product_name, name=p.name, version=p.version,
        currency=p.currency, published_at=row.published_at, items=[item_to_json(i) for i in p.items],
    )
