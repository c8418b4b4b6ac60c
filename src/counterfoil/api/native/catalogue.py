"""`/v1/usage-products`, `/v1/products` and `/v1/pricings`: what is counted, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.catalogue_wire import (
    FilterIn,
    NewPricing,
    NewProduct,
    NewUsageProduct,
    Preview,
    Previewed,
    PreviewLineOut,
    PriceModelOut,
    PriceModels,
    Pricing,
    PricingDraft,
    PricingVersions,
    Product,
    TemplateOut,
    TemplateQuery,
    Templates,
    Try,
    UsageProduct,
    part_out,
    pricing_out,
    usage_product_out,
)
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page_of_all
from counterfoil.api.native.wire import (
    amount,
    exact,
)
from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.pricing.codec import item_to_json, measured_from_json, reader
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models import MODELS
from counterfoil.core.pricing.schema import model_schema
from counterfoil.core.pricing.sheet import Pricing as CorePricing
from counterfoil.core.pricing.templates import TEMPLATES, usable
from counterfoil.core.usage.meter import Filter, Meter, MeterPart
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing
from counterfoil.flows.ports import PricingRow
from counterfoil.flows.preview_pricing import PreviewLine, preview_pricing


def _filter(f: FilterIn) -> Filter:
    return Filter(f.property, tuple(f.values))


def post_usage_product(call: Call) -> UsageProduct:
    """Make a usage product."""
    b: NewUsageProduct = call.body
    meter = Meter(
        ref=Ref(""), name=b.name, aggregation=b.aggregation, unit=b.unit,
        source_ref=None if b.source_ref is None else Ref(b.source_ref), field=b.field,
        include=tuple(_filter(f) for f in b.include),
        exclude_any_of=tuple(tuple(_filter(f) for f in each) for each in b.exclude_any_of),
        group_by=tuple(b.group_by), carry_over=b.carry_over, prorated=b.prorated, amount_property=b.amount_property,
        decimals=b.decimals, windows_back=b.windows_back, signed_by=b.signed_by, rounding=b.rounding, bucket=b.bucket,
        parts=tuple(MeterPart(p.weight, Meter(Ref(p.usage_product_ref), "part")) for p in b.parts),
    )
    return usage_product_out(create_usage_product(call.tx, meter))


def list_usage_products(call: Call) -> Page[UsageProduct]:
    """Usage products by name."""
    return page_of_all(list(call.tx.meters().values()), call.query, lambda m: (m.name, m.ref), usage_product_out)


def get_usage_product(call: Call) -> UsageProduct:
    """One usage product."""
    ref = call.ref("usage_product_ref")
    meter = call.tx.meters([ref]).get(ref)
    if meter is None:
        raise NotFound("usage_product.not_found", f"there is no usage product {ref}")
    return usage_product_out(meter)


def post_product(call: Call) -> Product:
    """Make a product."""
    ref = create_product(call.tx, call.body.name)
    return Product(product_ref=ref, name=call.body.name.strip(), created_at=call.tx.now)


def list_products(call: Call) -> Page[Product]:
    """Products by name."""
    rows: list[dict[str, Any]] = call.tx.products()
    return page_of_all(rows, call.query, lambda r: (r["name"], r["product_ref"]), lambda r: Product(**r))


def get_product(call: Call) -> Product:
    """One product."""
    ref = call.ref("product_ref")
    for row in call.tx.products():
        if row["product_ref"] == ref:
            return Product(**row)
    raise NotFound("product.not_found", f"there is no product {ref}")


def list_pricings(call: Call) -> Page[Pricing]:
    """The latest version of each pricing."""
    rows: list[PricingRow] = call.tx.pricing_list()
    return page_of_all(
        rows, call.query, lambda r: (r.pricing.product_name, r.pricing.name, r.pricing.ref), pricing_out
    )


def post_pricing(call: Call) -> Pricing:
    """Draft a pricing."""
    b: NewPricing = call.body
    draft = CorePricing(Ref(""), Ref(b.product_ref), b.name, "", 1, b.currency, _items(b.items))
    return pricing_out(PricingRow(draft_pricing(call.tx, draft), None))


def put_draft(call: Call) -> Pricing:
    """Draft the next version of a pricing."""
    b: PricingDraft = call.body
    latest = _versions(call)[-1].pricing
    draft = CorePricing(
        latest.ref, latest.product_ref, latest.name, "", 1, b.currency or latest.currency, _items(b.items)
    )
    return pricing_out(PricingRow(draft_pricing(call.tx, draft), None))


def publish(call: Call) -> Pricing:
    """Publish a pricing's draft."""
    publish_pricing(call.tx, call.ref("pricing_ref"))
    return pricing_out(_versions(call)[-1])


def get_pricing(call: Call) -> Pricing:
    """The latest version of a pricing."""
    return pricing_out(_versions(call)[-1])


def get_versions(call: Call) -> PricingVersions:
    """Every version of a pricing."""
    return PricingVersions(data=[pricing_out(v) for v in _versions(call)])


def get_version(call: Call) -> Pricing:
    """One version of a pricing."""
    version = call.number("version")
    for row in _versions(call):
        if row.pricing.version == version:
            return pricing_out(row)
    raise NotFound("version.not_found", f"there is no version {version} of this pricing")


def preview(call: Call) -> Previewed:
    """Price quantities."""
    b: Preview = call.body
    used: dict[Ref, Measured] = {}
    problems: list[Problem] = []
    for i, one in enumerate(b.quantities):
        if one.line_item_ref in used:
            problems.append(Problem(f"quantities[{i}].line_item_ref", "is named twice"))
        used[Ref(one.line_item_ref)] = _measured(one, f"quantities[{i}]", problems)
    refuse_if(problems)
    pricing, lines = preview_pricing(call.tx, call.ref("pricing_ref"), used, version=b.version)
    return Previewed(
        pricing_ref=pricing.ref, version=pricing.version, currency=pricing.currency,
        lines=[_line(line, pricing.currency) for line in lines],
        sub_total=amount(sum(line.amount_minor for line in lines), pricing.currency),
    )


def _line(line: PreviewLine, currency: str) -> PreviewLineOut:
    return PreviewLineOut(
        line_item_ref=line.item.ref, item=line.item.item, kind=line.item.kind, unit=line.item.unit,
        quantity=exact(line.rated.quantity) or "0", amount=amount(line.amount_minor, currency),
        exact_amount=exact(line.rated.amount) or "0",
        parts=[part_out(p) for p in line.rated.parts],
    )


def _measured(one: Try, path: str, problems: list[Problem]) -> Measured:
    if one.measured is not None:
        if one.quantity is not None:
            problems.append(Problem(f"{path}.quantity", "is part of `measured`; give one of the two"))
        try:
            return measured_from_json(one.measured)
        except Invalid as refusal:
            problems.extend(p.under(f"{path}.measured") for p in refusal.problems)
            return Measured()
    if one.quantity is None:
        problems.append(Problem(f"{path}.quantity", "is required"))
        return Measured()
    return Measured(quantity=one.quantity, values=(one.quantity,), count=1)


def list_models(_call: Call) -> PriceModels:
    """The price models of the registry."""
    schemas = model_schema("#/components/schemas/")
    return PriceModels(
        data=[
            PriceModelOut(kind=m.kind, about=m.__doc__ or "", needs=sorted(m.needs), json_schema=schemas[m.__name__])
            for m in MODELS
        ]
    )


def list_templates(call: Call) -> Templates:
    """Pricings to begin with."""
    refs = [Ref(r.strip()) for r in call.query.usage_product_ref.split(",") if r.strip()]
    refuse_if(Problem("usage_product_ref", f"{r!r} is not a reference") for r in refs if not is_ref(r))
    data = []
    for t in TEMPLATES:
        items = [item_to_json(i) for i in usable(t, refs)]
        data.append(TemplateOut(name=t.name, title=t.title, about=t.about, items=[_without_ref(i) for i in items]))
    return Templates(data=data)


def _without_ref(item: dict[str, Any]) -> dict[str, Any]:
    """A line item that is to be made: its reference is given when it is."""
    return {k: v for k, v in item.items() if k != "ref"}


def _versions(call: Call) -> list[PricingRow]:
    ref = call.ref("pricing_ref")
    rows: list[PricingRow] = call.tx.pricing_versions(ref)
    if not rows:
        raise NotFound("pricing.not_found", f"there is no pricing {ref}")
    return rows


def _items(values: list[Any]) -> tuple[LineItem, ...]:
    """Line items; one without `ref` gets its reference when it is stored."""
    problems: list[Problem] = []
    items = []
    for i, value in enumerate(values):
        given = {"ref": "", **value} if isinstance(value, Mapping) else value
        if isinstance(given, dict):
            for name in ("ref", "usage_product_ref"):
                ref = given.get(name)
                if isinstance(ref, str) and ref and not is_ref(ref):
                    problems.append(Problem(f"items[{i}].{name}", "must be a reference (a UUID in lower case)"))
        items.append(reader(LineItem)(given, f"items[{i}]", 0, problems))
    refuse_if(problems, "pricing.invalid")
    return tuple(items)


_PRICING = {
    "product_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11",
    "name": "Standard",
    "currency": "EUR",
    "items": [
        {"item": "Platform fee", "kind": "recurring", "model": {"kind": "flat", "amount": "99"}},
        {
            "item": "API calls", "kind": "usage", "usage_product_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c22",
            "unit": "call",
            "model": {"kind": "graduated", "tiers": [{"up_to": "1000", "unit_price": "0.01"}, {"unit_price": "0.008"}]},
        },
    ],
}

ROUTES = (
    Route("GET", "/v1/usage-products", "Usage products", "Usage products, by name", list_usage_products,
          Page[UsageProduct], query=Paging),
    Route("POST", "/v1/usage-products", "Usage products", "Make a usage product", post_usage_product, UsageProduct,
          body=NewUsageProduct, roles=FINANCE, status=201, errors=(409,),
          example={"name": "API calls", "aggregation": "sum", "unit": "call"}),
    Route("GET", "/v1/usage-products/{usage_product_ref}", "Usage products", "One usage product", get_usage_product,
          UsageProduct, errors=(404,)),
    Route("GET", "/v1/products", "Products", "Products, by name", list_products, Page[Product], query=Paging),
    Route("POST", "/v1/products", "Products", "Make a product", post_product, Product, body=NewProduct, roles=FINANCE,
          status=201, errors=(409,), example={"name": "Cloud API"}),
    Route("GET", "/v1/products/{product_ref}", "Products", "One product", get_product, Product, errors=(404,)),
    Route("GET", "/v1/price-models", "Pricings", "Every price model, with its terms", list_models, PriceModels),
    Route("GET", "/v1/pricing-templates", "Pricings", "Templates for the common pricings", list_templates, Templates,
          query=TemplateQuery, about="Take one, change its figures, and draft it with `POST /v1/pricings`."),
    Route("GET", "/v1/pricings", "Pricings", "The latest version of every pricing", list_pricings, Page[Pricing],
          query=Paging),
    Route("POST", "/v1/pricings", "Pricings", "Draft a pricing", post_pricing, Pricing, body=NewPricing, roles=FINANCE,
          status=201, errors=(404, 409), example=_PRICING,
          about="Gaps, overlaps and a bounded last tier are refused, naming the field."),
    Route("GET", "/v1/pricings/{pricing_ref}", "Pricings", "The latest version of a pricing", get_pricing, Pricing,
          errors=(404,)),
    Route("PUT", "/v1/pricings/{pricing_ref}/draft", "Pricings", "Draft the next version", put_draft, Pricing,
          body=PricingDraft, roles=FINANCE, errors=(404, 409), example={"items": _PRICING["items"]}),
    Route("POST", "/v1/pricings/{pricing_ref}/publish", "Pricings", "Publish the draft", publish, Pricing,
          roles=FINANCE, errors=(404, 409), about="From then on it never changes, and contracts can take it."),
    Route("GET", "/v1/pricings/{pricing_ref}/versions", "Pricings", "Every version, oldest first", get_versions,
          PricingVersions, errors=(404,)),
    Route("GET", "/v1/pricings/{pricing_ref}/versions/{version}", "Pricings", "One version", get_version, Pricing,
          errors=(404,)),
    Route("POST", "/v1/pricings/{pricing_ref}/preview", "Pricings", "What quantities would cost, explained", preview,
          Previewed, body=Preview, errors=(404,),
          example={"quantities": [{"line_item_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c33", "quantity": "1500"}]},
          about="Nothing is stored. Without `version` the latest one is priced, draft or published."),
)
