"""Plans: a product's attributes with prices of their own, and the path on which customers move up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import Page, Paging, given, page
from counterfoil.api.paid.pricing_wire import Benefit, Pricing, pricing_kept, pricing_problems, said
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.plan import Plan as CorePlan
from counterfoil.flows.find_party import home_entity
from counterfoil.flows.find_sales import ProductRow, find_product
from counterfoil.flows.keep_plans import add_plan, find_plan, held_plan, save_plan
from counterfoil.flows.plan_rows import PlanRow

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Key = Annotated[str, msgspec.Meta(max_length=255)]
Currencies = Annotated[list[Annotated[str, msgspec.Meta(max_length=3)]], msgspec.Meta(max_length=200)]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET
MAX_OF_PRODUCT = 1000
"""Plans of one product that are looked at."""


class PlanAttributeIn(Input):
    """What an attribute of the product costs in this plan."""

    product_attribute_id: Name
    pricing: Pricing
    credit_benefits: list[Benefit] | None = None


class PlanIn(Input):
    """A new plan of a product. Attributes that it does not name cost what the product says."""

    product_id: Name
    attributes: Annotated[list[PlanAttributeIn], msgspec.Meta(max_length=200)]
    name: Name | None = None
    external_id: Key | None = None
    supported_currencies: Currencies | None = None
    is_default: bool = False


class PlanChange(Input):
    """What is to change of a plan; what is left out stays. Whoever has subscribed keeps what was agreed."""

    name: Name | Unset | None = UNSET
    external_id: Key | Unset | None = UNSET
    supported_currencies: Currencies | Unset = UNSET
    is_default: bool | Unset = UNSET
    status: Literal["active", "archived"] | Unset = UNSET
    attributes: Annotated[list[PlanAttributeIn], msgspec.Meta(max_length=200)] | Unset = UNSET


class PathGroup(Input):
    """Plans of one frequency, from the smallest to the largest."""

    plan_ids: Annotated[list[Name], msgspec.Meta(max_length=1000)]
    frequency: Key | None = None


class UpgradePath(Input):
    """In which order customers move up."""

    product_id: Name
    groups: Annotated[list[PathGroup], msgspec.Meta(max_length=100)]


class PlanFilter(Paging):
    """Which plans; archived ones only where `includeArchived=true`."""

    product_id: str | None = None
    external_product_id: str | None = None
    include_archived: bool = False


class PlanPricing(Output):
    """What an attribute costs; amounts in cents."""

    pricing_type: str | None
    charge_type: str
    pricing_model: str
    event_name: str | None
    billing_frequency: str | None
    billing_frequency_custom_months: int | None
    billing_type: str | None
    credits_currency_id: str | None
    credit_cost: Decimal | None
    price_points: list[dict[str, Any]]


class PlanAttribute(Output):
    """An attribute of a plan."""

    product_attribute_id: str
    name: str
    active: bool
    pricing: PlanPricing | None
    credit_benefits: list[dict[str, Any]]


class Plan(Output):
    """A plan of a product."""

    id: str
    product_id: str
    name: str | None
    external_id: str | None
    supported_currencies: list[str]
    is_default: bool
    status: str
    upgrade_path_order: int | None
    archived_at: str | None
    created_at: str | None
    updated_at: str | None
    attributes: list[PlanAttribute]


class UpgradePathAnswer(Output):
    """The plans of the product, in their order."""

    data: list[Plan]


def post_plan(call: Call) -> Plan:
    """Make a plan."""
    b: PlanIn = call.body
    product = find_product(call.tx, b.product_id)
    kept = _attributes(product, b.attributes)
    currencies = _currencies(call, b.supported_currencies, kept)
    ref, home = call.tx.new_ref(), home_entity(call.tx)
    plan = CorePlan(
        ref, b.name or product.name, home.ref, currencies[0], (), pay_by=("invoice", "online"), max_quantity=1
    )
    profile = {"attributes": kept, "currencies": currencies, "isDefault": b.is_default, "name": b.name}
    row = PlanRow(ref, plan, b.external_id or None, True, call.tx.now, call.tx.now, None, product.ref, profile)
    made = _stored(lambda: add_plan(call.tx, row))
    return _shown(_only_default(call, made))


def put_plan(call: Call) -> Plan:
    """Change what is sent of a plan."""
    before = held_plan(call.tx, _ours(call, call.param("id")).ref)
    changes = given(call.body)
    profile, plan = dict(before.profile), before.plan
    if "attributes" in changes:
        assert before.product_ref is not None
        profile["attributes"] = _attributes(find_product(call.tx, before.product_ref), changes["attributes"])
    if "supported_currencies" in changes:
        profile["currencies"] = _currencies(call, changes["supported_currencies"], profile["attributes"])
        plan = replace(plan, currency=profile["currencies"][0])
    if "name" in changes:
        profile["name"] = changes["name"]
        plan = replace(plan, name=changes["name"] or plan.name)
    profile["isDefault"] = changes.get("is_default", profile["isDefault"])
    after = replace(
        before, plan=plan, profile=profile, external_id=changes.get("external_id", before.external_id) or None,
        is_active=changes.get("status", "active" if before.is_active else "archived") == "active",
    )
    return _shown(_only_default(call, _stored(lambda: save_plan(call.tx, before, after))))


def get_plan(call: Call) -> Plan:
    """One plan."""
    return _shown(_ours(call, call.param("id")))


def list_plans(call: Call) -> Page[Plan]:
    """Plans of products, newest first."""
    q: PlanFilter = call.query
    products = {find_product(call.tx, name).ref for name in (q.product_id, q.external_product_id) if name is not None}
    if len(products) > 1:
        return page(q, [], 0, _shown)
    rows, total = call.tx.plan_list(
        q.offset, q.size, product=next(iter(products), None), archived=q.include_archived, of_paid=True
    )
    return page(q, rows, total, _shown)


def put_upgrade_path(call: Call) -> UpgradePathAnswer:
    """Say in which order customers move up."""
    b: UpgradePath = call.body
    product = find_product(call.tx, b.product_id)
    rows, _total = call.tx.plan_list(0, MAX_OF_PRODUCT, product=product.ref, archived=True)
    known = {row.ref: row for row in rows}
    order: dict[Ref, int] = {}
    problems: list[Problem] = []
    for g, group in enumerate(b.groups):
        for n, name in enumerate(group.plan_ids):
            ref = next((r.ref for r in rows if r.external_id == name), None) or read_id(name)
            if ref is None or ref not in known:
                problems.append(Problem(f"groups[{g}].planIds[{n}]", f"the product has no plan {name[:200]!r}"))
            elif ref in order:
                problems.append(Problem(f"groups[{g}].planIds[{n}]", "is there twice"))
            else:
                order[ref] = n
    refuse_if(problems)
    saved = []
    for row in rows:
        after = {**row.profile, "upgradePathOrder": order.get(row.ref)}
        changed = after["upgradePathOrder"] != row.profile.get("upgradePathOrder")
        saved.append(save_plan(call.tx, row, replace(row, profile=after)) if changed else row)
    ordered = sorted((r for r in saved if r.is_active), key=lambda r: (order.get(r.ref, MAX_OF_PRODUCT), r.ref))
    return UpgradePathAnswer(data=[_shown(r) for r in ordered])


def _ours(call: Call, name: str) -> PlanRow:
    row: PlanRow = find_plan(call.tx, name)
    if row.product_ref is None:
        raise NotFound("plan.not_found", f"there is no plan {name[:200]!r}")
    return row


def _stored(store: Any) -> PlanRow:
    try:
        row: PlanRow = store()
        return row
    except Invalid as refused:
        raise refused if refused.code != "plan.exists" else Invalid.field(
            "externalId", "another plan has this external id", "plan.exists") from None


def _only_default(call: Call, row: PlanRow) -> PlanRow:
    """A product has one default plan at the most."""
    if row.profile["isDefault"]:
        rows, _total = call.tx.plan_list(0, MAX_OF_PRODUCT, product=row.product_ref, archived=True)
        for other in rows:
            if other.ref != row.ref and other.profile["isDefault"]:
                save_plan(call.tx, other, replace(other, profile={**other.profile, "isDefault": False}))
    return row


def _attributes(product: ProductRow, named: Sequence[PlanAttributeIn]) -> list[dict[str, Any]]:
    """The product's active attributes, with the plan's prices where it names them."""
    known: dict[str, dict[str, Any]] = {a["ref"]: dict(a) for a in product.profile.get("attributes", ()) if a["active"]}
    problems: list[Problem] = []
    seen: set[str] = set()
    for i, a in enumerate(named):
        ref = read_id(a.product_attribute_id)
        if ref is None or ref not in known:
            problems.append(Problem(f"attributes[{i}].productAttributeId", "the product has no such attribute"))
            continue
        if ref in seen:
            problems.append(Problem(f"attributes[{i}].productAttributeId", "is there twice"))
        seen.add(ref)
        problems += [p.under(f"attributes[{i}].pricing") for p in pricing_problems(a.pricing)]
        known[ref] |= {"pricing": pricing_kept(a.pricing)}
        if a.credit_benefits is not None:
            known[ref]["creditBenefits"] = said(a.credit_benefits)
    refuse_if(problems)
    return list(known.values())


def _currencies(call: Call, wanted: list[str] | None, attributes: Iterable[Mapping[str, Any]]) -> list[str]:
    """As asked for; otherwise those in which every attribute has a price."""
    refuse_if(
        Problem(f"supportedCurrencies[{i}]", "must be an ISO 4217 currency code such as EUR")
        for i, c in enumerate(wanted or ()) if c not in CURRENCIES
    )
    if wanted:
        return list(dict.fromkeys(wanted))
    priced = [[p["currency"] for p in a["pricing"].get("pricePoints", ())] for a in attributes]
    common = [c for c in priced[0] if all(c in others for others in priced)] if priced else []
    return common or [home_entity(call.tx).currency]


def _shown(row: PlanRow) -> Plan:
    about = row.profile
    assert row.product_ref is not None
    return Plan(
        id=display_id("plan", row.ref), product_id=display_id("prod", row.product_ref), name=about.get("name"),
        external_id=row.external_id, supported_currencies=list(about["currencies"]), is_default=about["isDefault"],
        status="active" if row.is_active else "archived", upgrade_path_order=about.get("upgradePathOrder"),
        archived_at=instant(row.archived_at), created_at=instant(row.created_at), updated_at=instant(row.updated_at),
        attributes=[_attribute_shown(a) for a in about["attributes"]],
    )


def _attribute_shown(kept: Mapping[str, Any]) -> PlanAttribute:
    pricing = kept["pricing"]
    fields = {f.name: pricing.get(f.encode_name) for f in msgspec.structs.fields(PlanPricing)}
    fields |= {"price_points": pricing.get("pricePoints", []), "pricing_model": pricing.get("pricingModel") or ""}
    return PlanAttribute(
        product_attribute_id=display_id("attr", kept["ref"]), name=kept["name"], active=kept["active"],
        pricing=PlanPricing(**fields), credit_benefits=list(kept.get("creditBenefits", ())),
    )


def _twins(method: Any, do: Any, summary: str, **more: Any) -> tuple[Route, Route]:
    """An operation by id, and the same by external id, which is matched first."""
    paths = ("/api/v2/plans/external/{id}", "/api/v2/plans/{id}")
    first, second = (Route(method, path, do, Plan, tag="Plans", summary=summary, **more) for path in paths)
    return first, second


ROUTES = (
    Route("GET", "/api/v2/plans", list_plans, Page[Plan], query=PlanFilter, tag="Plans", summary="Plans, newest first"),
    Route("POST", "/api/v2/plans", post_plan, Plan, body=PlanIn, roles=FINANCE, status=201, tag="Plans",
          summary="Make a plan of a product"),
    Route("PUT", "/api/v2/plans/upgrade-path", put_upgrade_path, UpgradePathAnswer, body=UpgradePath, roles=FINANCE,
          tag="Plans", summary="Say in which order customers move up"),
    *_twins("GET", get_plan, "One plan with its attributes"),
    *_twins("PUT", put_plan, "Change what is sent", body=PlanChange, roles=FINANCE),
)
