"""Checkouts: links on which customers choose a plan and subscribe to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import AnyObject, Nothing, Page, Paging, object_text, page
from counterfoil.api.paid.value_wire import Instant
from counterfoil.api.wire import Input, Output, instant, loose
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Problem, refuse_if
from counterfoil.flows.find_party import find_customers
from counterfoil.flows.find_sales import find_products
from counterfoil.flows.keep_plans import MAX_PLANS, archive_link, find_link, make_link, url_problems
from counterfoil.flows.plan_rows import LinkRow, LinkTerms, PlanRow
from counterfoil.flows.sharing import is_web_address

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Text = Annotated[str, msgspec.Meta(max_length=200)]
Url = Annotated[str, msgspec.Meta(max_length=2000)]


class CheckoutPlanIn(Input):
    """A plan to be offered, and what is said of it."""

    id: Name
    features: Annotated[list[Text], msgspec.Meta(max_length=30)] | None = None


class CheckoutProductIn(Input):
    """A product to be offered: with these plans, or with all it has."""

    id: Name
    plans: Annotated[list[CheckoutPlanIn], msgspec.Meta(max_length=MAX_PLANS)] | None = None


class CardIn(Input):
    """A card beside the plans that leads somewhere else."""

    label: Text
    price_text: Text | None = None
    button_text: Text | None = None
    button_url: Url | None = None


class CheckoutIn(Input):
    """A new checkout; for one customer alone where one is named."""

    products: Annotated[list[CheckoutProductIn], msgspec.Meta(min_length=1, max_length=MAX_PLANS)]
    success_url: Url
    cancel_url: Url | None = None
    customer_id: Name | None = None
    external_customer_id: Name | None = None
    expires_at: Instant | None = None
    metadata: AnyObject = msgspec.UNSET
    collect_address: bool = False
    collect_phone: bool = False
    single_use: bool = False
    currency: str | None = None
    custom_cards: Annotated[list[CardIn], msgspec.Meta(max_length=10)] | None = None


class CheckoutFilter(Paging):
    """Which checkouts."""

    status: Literal["active", "completed", "expired", "archived"] | None = None


class CheckoutPlan(Output):
    """A plan that is offered."""

    id: str
    features: list[str] | None


class CheckoutProduct(Output):
    """A product that is offered."""

    id: str
    plans: list[CheckoutPlan] | None


class Card(Output):
    """A card beside the plans."""

    label: str
    price_text: str | None
    button_text: str | None
    button_url: str | None


class Checkout(Output):
    """A checkout. `url` may be put into any page."""

    id: str
    url: str
    status: str
    products: list[CheckoutProduct]
    customer_id: str | None
    external_customer_id: str | None
    success_url: str
    cancel_url: str | None
    expires_at: str | None
    metadata: dict[str, Any] | None
    collect_address: bool
    collect_phone: bool
    single_use: bool
    allowed_currencies: list[str]
    custom_cards: list[Card] | None
    created_at: str | None
    updated_at: str | None


class PlanName(Output):
    """Which plan."""

    id: str
    name: str | None


class SelectedProduct(Output):
    """What the customer chose."""

    id: str
    plan: PlanName | None


class CheckoutDetails(Checkout):
    """A checkout with what came of it: of one that is used more than once, what came last."""

    order_id: str | None
    selected_product: SelectedProduct | None


def post_checkout(call: Call) -> Checkout:
    """Make a checkout."""
    b: CheckoutIn = call.body
    problems: list[Problem] = []
    plans, shown = _plans(call, b.products, problems)
    problems += url_problems(call.tx, {"successUrl": b.success_url, "cancelUrl": b.cancel_url or ""})
    if not b.success_url:
        problems.append(Problem("successUrl", "must not be empty"))
    if b.expires_at is not None and b.expires_at <= call.tx.now:
        problems.append(Problem("expiresAt", "must be in the future"))
    offered = set.intersection(*(set(p.profile["currencies"]) for p in plans)) if plans else set()
    if b.currency is not None and b.currency not in CURRENCIES:
        problems.append(Problem("currency", "must be an ISO 4217 currency code such as EUR"))
    elif b.currency is not None and plans and b.currency not in offered:
        problems.append(Problem("currency", f"not every plan is offered in {b.currency}"))
    for i, card in enumerate(b.custom_cards or ()):
        if card.button_url and not is_web_address(card.button_url):
            problems.append(Problem(f"customCards[{i}].buttonUrl", "must be an absolute https address"))
    customer = _customer(call, b, problems)
    refuse_if(problems)
    cards = [
        {"label": c.label, "priceText": c.price_text, "buttonText": c.button_text, "buttonUrl": c.button_url}
        for c in b.custom_cards or ()
    ]
    about = {"products": shown, "customCards": cards or None, "externalCustomerId": b.external_customer_id}
    terms = LinkTerms(b.success_url, b.cancel_url or "", b.collect_address, b.collect_phone, b.currency or "", about)
    return Checkout(**_shown(call, [make_link(
        call.tx, [p.ref for p in plans], terms, customer_ref=customer, expires_at=b.expires_at, single_use=b.single_use,
        metadata=object_text(b.metadata, "metadata") or "",
    )])[0])


def get_checkout(call: Call) -> CheckoutDetails:
    """One checkout, with what came of it."""
    row = find_link(call.tx, call.param("id"))
    (shown,) = _shown(call, [row])
    order, selected = None, None
    if row.contract_ref is not None:
        made = call.tx.subscriptions_of([row.contract_ref])[row.contract_ref]
        order = display_id("ord", made.order_ref) if made.order_ref else None
        plan: PlanRow = call.tx.plans([made.agreed[0].plan_ref])[made.agreed[0].plan_ref]
        if plan.product_ref is not None:
            name = PlanName(id=display_id("plan", plan.ref), name=plan.profile.get("name"))
            selected = SelectedProduct(id=display_id("prod", plan.product_ref), plan=name)
    return CheckoutDetails(**shown, order_id=order, selected_product=selected)


def list_checkouts(call: Call) -> Page[Checkout]:
    """Checkouts, newest first."""
    q: CheckoutFilter = call.query
    rows, total = call.tx.plan_link_list(q.offset, q.size, state=q.status)
    shown = {row.ref: s for row, s in zip(rows, _shown(call, rows), strict=True)}
    return page(q, rows, total, lambda row: Checkout(**shown[row.ref]))


def delete_checkout(call: Call) -> Nothing:
    """Archive a checkout: nobody opens it any more."""
    archive_link(call.tx, call.param("id"))
    return Nothing()


def _plans(
    call: Call, products: Sequence[CheckoutProductIn], problems: list[Problem]
) -> tuple[list[PlanRow], list[dict[str, Any]]]:
    """The plans that are offered, and how the products were named."""
    found = find_products(call.tx, [p.id for p in products])
    named = [plan.id for p in products for plan in p.plans or ()]
    called = call.tx.plans_called(named)
    refs = {name: called.get(name) or read_id(name) for name in named}
    known: dict[Ref, PlanRow] = call.tx.plans([r for r in refs.values() if r])
    chosen: list[PlanRow] = []
    shown: list[dict[str, Any]] = []
    for i, p in enumerate(products):
        product = found.get(p.id)
        if product is None:
            problems.append(Problem(f"products[{i}].id", f"there is no product {p.id[:200]!r}"))
            continue
        if p.plans is None:
            mine, total = call.tx.plan_list(0, MAX_PLANS, product=product.ref)
            if not mine or total > MAX_PLANS:
                problems.append(Problem(f"products[{i}].id", f"has {total} plans; a checkout offers 1 to {MAX_PLANS}"))
            chosen += mine[::-1]
            shown.append({"id": display_id("prod", product.ref), "plans": None})
            continue
        told = []
        for n, wanted in enumerate(p.plans):
            row = known.get(refs[wanted.id] or Ref(""))
            if row is None or row.product_ref != product.ref or not row.is_active:
                problems.append(Problem(f"products[{i}].plans[{n}].id", f"the product has no active plan {wanted.id[:200]!r}"))
                continue
            chosen.append(row)
            told.append({"id": display_id("plan", row.ref), "features": wanted.features})
        shown.append({"id": display_id("prod", product.ref), "plans": told})
    if not problems and not 1 <= len({row.ref for row in chosen}) <= MAX_PLANS:
        problems.append(Problem("products", f"a checkout offers 1 to {MAX_PLANS} plans"))
    return list({row.ref: row for row in chosen}.values()), shown


def _customer(call: Call, b: CheckoutIn, problems: list[Problem]) -> Ref | None:
    names = {"customerId": b.customer_id, "externalCustomerId": b.external_customer_id}
    found = find_customers(call.tx, [n for n in names.values() if n])
    problems += [Problem(f, f"there is no customer {n[:200]!r}") for f, n in names.items() if n and n not in found]
    refs = set(found.values())
    if len(refs) > 1:
        problems.append(Problem("externalCustomerId", "is another customer than customerId"))
    return next(iter(refs), None)


def _shown(call: Call, rows: Sequence[LinkRow]) -> list[dict[str, Any]]:
    plans = call.tx.plans(list({p for row in rows for p in row.plans}))
    customers = call.tx.customers([row.customer_ref for row in rows if row.customer_ref])
    return [_fields(call, row, plans, customers) for row in rows]


def _fields(call: Call, row: LinkRow, plans: dict[Ref, PlanRow], customers: dict[Ref, Any]) -> dict[str, Any]:
    t, about = row.terms, row.terms.shown
    products = [
        CheckoutProduct(id=p["id"], plans=None if p["plans"] is None else [CheckoutPlan(**plan) for plan in p["plans"]])
        for p in about.get("products", ())
    ]
    offered = [plans[ref].profile.get("currencies", [plans[ref].plan.currency]) for ref in row.plans]
    common = [c for c in offered[0] if all(c in others for others in offered)]
    cards = [
        Card(label=c["label"], price_text=c["priceText"], button_text=c["buttonText"], button_url=c["buttonUrl"])
        for c in about.get("customCards") or ()
    ]
    customer = customers.get(row.customer_ref) if row.customer_ref else None
    return {
        "id": display_id("checkout", row.ref), "url": f"{call.house.settings.public_url}/checkout/{row.handle}",
        "status": row.state_at(call.tx.now), "products": products,
        "customer_id": None if customer is None else display_id("cus", customer.ref),
        "external_customer_id": None if customer is None else customer.external_id, "success_url": t.success_url,
        "cancel_url": t.cancel_url or None, "expires_at": instant(row.expires_at),
        "metadata": loose().decode(row.metadata) if row.metadata else None, "collect_address": t.collect_address,
        "collect_phone": t.collect_phone, "single_use": row.single_use,
        "allowed_currencies": [t.currency] if t.currency else common, "custom_cards": cards or None,
        "created_at": instant(row.created_at), "updated_at": instant(row.updated_at),
    }


ROUTES = (
    Route("GET", "/api/v2/checkouts", list_checkouts, Page[Checkout], query=CheckoutFilter, tag="Checkouts",
          summary="Checkouts, newest first"),
    Route("POST", "/api/v2/checkouts", post_checkout, Checkout, body=CheckoutIn, roles=FINANCE, status=201, tag="Checkouts",
          summary="Make a checkout"),
    Route("GET", "/api/v2/checkouts/{id}", get_checkout, CheckoutDetails, tag="Checkouts",
          summary="One checkout with what came of it"),
    Route("DELETE", "/api/v2/checkouts/{id}", delete_checkout, Nothing, roles=FINANCE, tag="Checkouts",
          summary="Archive a checkout"),
)
