"""Products, and the attributes that say how they are priced."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import AnyObject, Page, Paging, given, page, read_object
from counterfoil.api.paid.pricing_wire import Benefit, Pricing, pricing_kept, pricing_problems, said
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.flows.find_sales import ProductRow, find_product
from counterfoil.flows.keep_products import change_product, make_product, put_attributes

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Long = Annotated[str, msgspec.Meta(max_length=10_000)]
Key = Annotated[str, msgspec.Meta(max_length=255)]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET
_PROFILE = {"description": "description", "product_code": "productCode", "metadata": "metadata"}


class ProductIn(Input):
    """A new product."""

    name: Name
    description: Long | None = None
    active: bool = False
    product_code: Key | None = None
    external_id: Key | None = None
    metadata: AnyObject = UNSET


class AttributeIn(Input):
    """An attribute: a new one, or what takes the place of the one with this id."""

    name: Name
    pricing: Pricing
    product_attribute_id: Key | None = None
    active: bool = True
    credit_benefits: list[Benefit] | None = None
    tax_code: Key | None = None


class ProductChange(Input):
    """What is to change of a product; what is left out stays, and so do attributes that are not named."""

    name: Name | Unset = UNSET
    description: Long | Unset | None = UNSET
    active: bool | Unset = UNSET
    product_code: Key | Unset | None = UNSET
    external_id: Key | Unset | None = UNSET
    metadata: AnyObject = UNSET
    archived_at: Annotated[datetime, msgspec.Meta(tz=True)] | Unset | None = UNSET
    product_attributes: list[AttributeIn] | Unset = UNSET


class ProductFilter(Paging):
    """Which products: by part of the name; archived ones only where `archived=true`."""

    name: str | None = None
    active: bool | None = None
    archived: bool | None = None


class Product(Output):
    """A product."""

    id: str
    name: str
    description: str | None
    created_at: str | None
    updated_at: str | None
    active: bool
    product_code: str | None
    external_id: str | None
    archived_at: str | None
    metadata: dict[str, Any] | None


class PricingOut(Output):
    """A pricing as it is kept."""

    pricing_type: str
    charge_type: str
    pricing_model: str | None
    event_name: str | None
    signal_type: str | None
    billing_frequency: str | None
    billing_frequency_custom_months: int | None
    billing_type: str | None
    credits_currency_id: str | None
    credit_cost: Decimal | None
    unit_value: Decimal | None
    percentage_value: Decimal | None
    cost_plus_multiplier: Decimal | None
    price_points: list[dict[str, Any]]


class AttributeOut(Output):
    """An attribute."""

    product_attribute_id: str
    name: str
    active: bool
    pricing: PricingOut | None
    credit_benefits: list[dict[str, Any]]


class ProductDetail(Product):
    """A product with its attributes."""

    product_attributes: list[AttributeOut]


def post_product(call: Call) -> Product:
    """Make a product."""
    b: ProductIn = call.body
    about = {"description": b.description, "productCode": b.product_code, "metadata": read_object(b.metadata, "metadata")}
    profile = {name: value for name, value in about.items() if value is not None}
    return Product(**_head(
        make_product(call.tx, b.name, external_id=b.external_id or None, active=b.active, profile=profile)
    ))


def put_product(call: Call) -> ProductDetail:
    """Change what is sent of a product."""
    about = given(call.body)
    return detail(change_product(call.tx, call.param("id"), lambda before: _changed(call, before, about)))


def _changed(call: Call, before: ProductRow, about: dict[str, Any]) -> ProductRow:
    profile = dict(before.profile)
    fields: dict[str, Any] = {}
    for name, value in about.items():
        if name == "product_attributes":
            profile["attributes"] = put_attributes(call.tx, profile.get("attributes", ()), _attributes(value))
        elif name == "metadata":
            profile["metadata"] = read_object(value, "metadata")
        elif name in _PROFILE:
            profile[_PROFILE[name]] = value
        elif name == "external_id":
            fields[name] = value or None
        else:
            fields[name] = value
    kept = {name: value for name, value in profile.items() if value is not None}
    return replace(before, **fields, profile=kept)


def get_product(call: Call) -> ProductDetail:
    """One product."""
    return detail(find_product(call.tx, call.param("id")))


def list_products(call: Call) -> Page[Product]:
    """Products, newest first."""
    q: ProductFilter = call.query
    rows, total = call.tx.product_page(q.offset, q.size, name=q.name, active=q.active, archived=q.archived)
    return page(q, rows, total, lambda row: Product(**_head(row)))


def detail(row: ProductRow) -> ProductDetail:
    """A product with its attributes, as it is shown."""
    return ProductDetail(
        **_head(row), product_attributes=[_attribute_shown(a) for a in row.profile.get("attributes", ())]
    )


def _head(row: ProductRow) -> dict[str, Any]:
    about = row.profile
    return {
        "id": display_id("prod", row.ref), "name": row.name, "description": about.get("description"),
        "created_at": instant(row.created_at), "updated_at": instant(row.updated_at), "active": row.active,
        "product_code": about.get("productCode"), "external_id": row.external_id,
        "archived_at": instant(row.archived_at), "metadata": about.get("metadata"),
    }


def _attribute_shown(kept: dict[str, Any]) -> AttributeOut:
    return AttributeOut(
        product_attribute_id=display_id("attr", kept["ref"]), name=kept["name"], active=kept["active"],
        pricing=_pricing_shown(kept["pricing"]), credit_benefits=[
            {**b, "id": display_id("ben", kept["ref"]) + f"_{i}"} for i, b in enumerate(kept.get("creditBenefits", ()))],
    )


def _pricing_shown(kept: dict[str, Any]) -> PricingOut:
    fields = {f.name: kept.get(f.encode_name) for f in msgspec.structs.fields(PricingOut)}
    return PricingOut(**{**fields, "price_points": kept.get("pricePoints", [])})


def _attributes(given: list[AttributeIn]) -> list[dict[str, Any]]:
    """Attributes as they are kept."""
    problems: list[Problem] = []
    found: list[dict[str, Any]] = []
    for i, a in enumerate(given):
        where = f"productAttributes[{i}]"
        ref: Ref | None = None
        if a.product_attribute_id:
            ref = read_id(a.product_attribute_id)
            if ref is None:
                problems.append(Problem(f"{where}.productAttributeId", "the product has no such attribute"))
        problems += [p.under(f"{where}.pricing") for p in pricing_problems(a.pricing)]
        found.append({
            "ref": ref, "name": a.name, "active": a.active, "pricing": pricing_kept(a.pricing),
            "creditBenefits": said(a.credit_benefits or []), "taxCode": a.tax_code,
        })
    refuse_if(problems)
    if len({a["ref"] for a in found if a["ref"]}) < sum(1 for a in found if a["ref"]):
        raise Invalid.field("productAttributes", "name one attribute twice")
    return found


def _twins(method: Any, do: Any, summary: str, **more: Any) -> tuple[Route, Route]:
    """An operation by id, and the same by external id, which is matched first."""
    paths = ("/api/v2/products/external/{id}", "/api/v2/products/{id}")
    first, second = (Route(method, path, do, ProductDetail, tag="Products", summary=summary, **more) for path in paths)
    return first, second


ROUTES = (
    Route("GET", "/api/v2/products", list_products, Page[Product], query=ProductFilter, tag="Products",
          summary="Products, newest first"),
    Route("POST", "/api/v2/products", post_product, Product, body=ProductIn, roles=FINANCE, status=201, tag="Products",
          summary="Make a product"),
    *_twins("GET", get_product, "One product with its attributes"),
    *_twins("PUT", put_product, "Change what is sent", body=ProductChange, roles=FINANCE),
)
