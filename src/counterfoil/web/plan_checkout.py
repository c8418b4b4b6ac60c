"""`/checkout/…`: the public page of a plan. It collects who subscribes, subscribes, and leads on to pay or back to the site."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

import structlog
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem, Refusal
from counterfoil.core.contracts.plan import MAX_QUANTITY
from counterfoil.core.contracts.terms import Cycle
from counterfoil.core.invoicing.layout import STANDARD
from counterfoil.exports.local import Local, local_for
from counterfoil.flows.keep_layouts import layout_of
from counterfoil.flows.keep_plans import CHECKOUT_LINK, may_return, origin_of, url_with
from counterfoil.flows.offer_plans import Checkout, Offer, OfferLine, checkout_of
from counterfoil.flows.pay_subscription import payment_page
from counterfoil.flows.plan_rows import PlanRow, SubscriptionRow
from counterfoil.flows.subscribe import ATTEMPT, LONGEST, Subscriber, complete_checkout
from counterfoil.web.invoice_page import environment
from counterfoil.web.look import look_of
from counterfoil.web.receipt_page import policy
from counterfoil.web.routes import HTML, NOBODY, PRIVATE, error_response, refused

MAX_FORM = 16_384
MANY = 120
"""Subscriptions through one link within `WITHIN`; more are asked to come back later."""
WITHIN = timedelta(minutes=10)
KEPT = 10_000
FIELDS = (
    ("name", "Your name", "text", "name"), ("company", "Company", "text", "organization"),
    ("email", "Email", "email", "email"), ("phone", "Phone", "tel", "tel"), ("tax_id", "VAT or tax id", "text", "off"),
    ("address", "Address", "text", "street-address"), ("country", "Country (two letters)", "text", "country"),
)
LABELS = {name: label for name, label, _type, _auto in FIELDS} | {"quantity": "Quantity", "plan": "Plan", "attempt": "The form"}
_EVERY = {
    "DAILY": ("a day", "days"), "WEEKLY": ("a week", "weeks"), "MONTHLY": ("a month", "months"),
    "QUARTERLY": ("a quarter", "quarters"), "YEARLY": ("a year", "years"),
}

_log = structlog.get_logger("counterfoil.web")
Seen = Request[Any, Any, Any]
Said = Mapping[str, str]


@dataclass
class Turnstile:
    """Counts who went through each link, so that no flood of forms fills a tenant."""

    passed: dict[str, list[datetime]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def lets_through(self, handle: str, at: datetime) -> bool:
        """Whether one more may go through now; it is counted."""
        with self.lock:
            recent = [x for x in self.passed.pop(handle, ()) if x > at - WITHIN]
            if len(recent) < MANY:
                recent.append(at)
                through = True
            else:
                through = False
            while len(self.passed) >= KEPT:
                self.passed.pop(next(iter(self.passed)))
            self.passed[handle] = recent
            return through


def plan_checkout_pages(house: Any) -> Sequence[HTTPRouteHandler]:
    """The page, its form, and where a provider's page leads back to."""
    turnstile = Turnstile()
    at = "/checkout/{handle:str}"

    def entered(handle: str, body: bytes) -> Response[Any]:
        try:
            said = _said(body)
            tenant, link = _found(house, handle)
            attempt = said.get("attempt", "")
            if said.get("step") == "look":
                with house.tx(tenant, NOBODY) as tx:
                    fresh = attempt if ATTEMPT.fullmatch(attempt) else secrets.token_urlsafe(18)
                    return _form(tx, checkout_of(tx, link, _quantities(tx, link, said)), said, fresh)
            if not turnstile.lets_through(handle, house.clock()):
                return error_response(429, "Too many at once", "Please try again in a few minutes.")
            try:
                with house.tx(tenant, NOBODY) as tx:
                    made = complete_checkout(tx, link, said.get("plan", ""), _subscriber(said))
            except Invalid as error:
                with house.tx(tenant, NOBODY) as tx:
                    return _form(
                        tx, checkout_of(tx, link, _quantities(tx, link, said)), said, secrets.token_urlsafe(18), error.problems
                    )
            return _onwards(house, tenant, handle, link, made, pay=True)
        except Conflict as error:
            return error_response(409, "This link is over", error.message)
        except Refusal as error:
            return refused(error)

    # Two methods at one path: Litestar runs such handlers in a thread only when they say so themselves.
    @get(at, include_in_schema=False)
    async def page(request: Seen) -> Response[Any]:
        return await sync_to_thread(_seen, house, request.path_params["handle"], dict(request.query_params))

    @post(at, status_code=200, include_in_schema=False, request_max_body_size=MAX_FORM)
    async def enter(request: Seen) -> Response[Any]:
        return await sync_to_thread(entered, request.path_params["handle"], await request.body())

    @get(f"{at}/back", sync_to_thread=True, include_in_schema=False)
    def back(request: Seen) -> Response[Any]:
        return _came_back(house, request.path_params["handle"], request.query_params.get("attempt", ""))

    return page, enter, back


def _seen(house: Any, handle: str, query: Said) -> Response[Any]:
    try:
        tenant, link = _found(house, handle)
        with house.tx(tenant, NOBODY) as tx:
            said = {"plan": query.get("plan", "")[:100], "quantity": query.get("quantity", "")[:20]}
            return _form(tx, checkout_of(tx, link, _quantities(tx, link, said)), said, secrets.token_urlsafe(18))
    except Refusal as error:
        return refused(error)


def _came_back(house: Any, handle: str, attempt: str) -> Response[Any]:
    try:
        tenant, link = _found(house, handle)
        if ATTEMPT.fullmatch(attempt) is None:
            raise NotFound("page.not_found", "there is no such page")
        house.gateways.collect(tenant)
        house.gateways.settle(tenant)
        with house.tx(tenant, NOBODY) as tx:
            ref = tx.subscription_of_attempt(link, attempt)
            if ref is None:
                raise NotFound("page.not_found", "there is no such page")
            made = tx.subscriptions_of([ref])[ref]
        return _onwards(house, tenant, handle, link, made, pay=False)
    except Refusal as error:
        return refused(error)


def _found(house: Any, handle: str) -> tuple[int, Ref]:
    known = house.find_handle(handle)
    if known is None or known[1] != CHECKOUT_LINK:
        raise NotFound("page.not_found", "there is no such page")
    return known[0], known[2]


def _said(body: bytes) -> dict[str, str]:
    """The fields of a form; what is no UTF-8 is refused by field, as control characters are."""
    try:
        found = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=40, errors="replace")
    except ValueError:
        return {}
    return {name: values[0].replace("\x00", "\ufffd") for name, values in found.items()}


def _subscriber(said: Said) -> Subscriber:
    text = {name: said.get(name, "").strip() for name in LONGEST}
    lines = tuple(line.strip() for line in said.get("address", "").replace("\r", "\n").split("\n") if line.strip())
    return Subscriber(**text, attempt=said.get("attempt", ""), address=lines, quantity=_whole(said.get("quantity", "1")))


def _whole(text: str) -> int:
    """A quantity; 0, which no plan has, for what is none."""
    text = text.strip()
    return min(int(text), MAX_QUANTITY + 1) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0


def _quantities(tx: Any, link_ref: Ref, said: Said) -> dict[Ref, int]:
    link, wanted = tx.plan_link(link_ref), _whole(said.get("quantity", ""))
    return dict.fromkeys(link.plans, wanted) if link is not None and wanted else {}


def _form(tx: Any, checkout: Checkout, said: Said, attempt: str, problems: Iterable[Problem] = ()) -> Response[Any]:
    if checkout.is_over:
        state = checkout.link.state_at(tx.now)
        words = {"completed": "It has been used.", "expired": "Its time has passed."}
        return error_response(410, "This link is over", words.get(state, "Nobody can subscribe here any more."))
    faults = [
        {"field": p.field, "label": LABELS.get(p.field, p.field), "message": p.message} for p in problems
    ]
    offers = checkout.offers
    chosen = next((o for o in offers if o.plan.ref == said.get("plan")), offers[0])
    plan = chosen.plan.plan
    entity = tx.entities([plan.entity_ref])[plan.entity_ref]
    local = local_for(entity.language)
    layout = layout_of(tx, checkout.link.customer_ref) if checkout.link.customer_ref else tx.default_layout() or STANDARD
    sharing = tx.sharing()
    terms = checkout.link.terms
    success = _home(sharing, terms.success_url or plan.success_url)
    cancel = _home(sharing, terms.cancel_url or plan.cancel_url)
    limits = [o.plan.plan.max_quantity or 0 for o in offers]
    most = max(limits) if all(limits) else 0
    least = min(o.plan.plan.min_quantity for o in offers)
    faulty = {f["field"] for f in faults}
    html = environment().get_template("plan_checkout.html").render(
        title=f"Subscribe to {plan.name}" if len(offers) == 1 else "Choose a plan", seller=entity.name,
        look=look_of(layout, tx.this_tenant().ref), for_whom=checkout.for_whom,
        attempt=attempt, faults=faults, offers=[_offer(o, local, terms.shown, chosen=o is chosen) for o in offers],
        cards=terms.shown.get("customCards") or (),
        asks_quantity=least != most, least=least, most=most, cancel=cancel, fields=_fields(checkout, faulty),
        said={n: said.get(n, "") for n in LABELS} | {"quantity": said.get("quantity") or str(chosen.quantity)},
        button="Start the trial" if plan.trial_days else "Subscribe and pay" if "online" in plan.pay_by else "Subscribe",
    )
    return Response(html, status_code=422 if faults else 200, media_type=HTML, headers={
        **PRIVATE, "Content-Security-Policy": _policy(sharing, success),
    })


def _fields(checkout: Checkout, faulty: set[str]) -> list[dict[str, Any]]:
    if checkout.for_whom:
        return []
    terms = checkout.link.terms
    left_out = {*(() if terms.collect_phone else ("phone",)), *(() if terms.collect_address else ("address", "country"))}
    return [
        {
            "name": name, "label": label, "type": kind, "autocomplete": auto, "longest": LONGEST.get(name, 1200),
            "required": name in ("name", "email", "address", "country"), "fault": name in faulty,
        }
        for name, label, kind, auto in FIELDS if name not in left_out
    ]


def _offer(offer: Offer, local: Local, shown: Mapping[str, Any], *, chosen: bool) -> dict[str, Any]:
    plan, id = offer.plan.plan, display_id("plan", offer.plan.ref)
    told = [p for product in shown.get("products", ()) for p in product["plans"] or () if p["id"] == id]
    tax = f"plus {decimal_text(plan.tax_percent)} % tax" if plan.tax_percent else ""
    return {
        "ref": offer.plan.ref, "name": plan.name, "description": plan.description, "trial_days": plan.trial_days,
        "chosen": chosen, "tax": tax, "features": [f for p in told for f in p["features"] or ()],
        "lines": [{"name": x.name, "price": _price(x, offer.currency, local)} for x in offer.lines],
    }


def _price(line: OfferLine, currency: str, local: Local) -> str:
    return "by usage" if line.minor is None else f"{local.money(line.minor, currency)} {_every(line.every)}"


def _every(cycle: Cycle | None) -> str:
    if cycle is None or cycle.unit == "ONE_TIME":
        return "once"
    one, many = _EVERY[cycle.unit]
    return one if cycle.count == 1 else f"every {cycle.count} {many}"


def _home(sharing: Any, url: str) -> str:
    """Where people are sent back to; "" where the tenant's origins no longer allow it."""
    return url if url and may_return(url, sharing.embed_origins) else ""


def _policy(sharing: Any, success: str) -> str:
    """The form leads on to providers and back to the site."""
    plain = f" {origin_of(success)}" if success.startswith("http://") else ""
    return policy(sharing.frame_ancestors, forms=True).replace("form-action 'self'", f"form-action 'self' https:{plain}")


def _onwards(house: Any, tenant: int, handle: str, link_ref: Ref, made: SubscriptionRow, *, pay: bool) -> Response[Any]:
    """To the provider's page where something is to be paid online, otherwise to the site, or to a page of ours."""
    with house.tx(tenant, NOBODY) as tx:
        link = tx.plan_link(link_ref)
        plan: PlanRow = tx.plans([made.agreed[0].plan_ref])[made.agreed[0].plan_ref]
        success = _home(tx.sharing(), link.terms.success_url or plan.plan.success_url)
        tenant_ref = tx.this_tenant().ref
    if pay:
        try:
            page = payment_page(
                lambda: house.tx(tenant, NOBODY), lambda row: house.gateways.of(tenant, row), made, wall=house.clock(),
                back_url=f"{house.settings.public_url}/checkout/{handle}/back?attempt={made.attempt}",
                cancel_url=lambda document: house.hosted_url(tenant_ref, document),
            )
            if page:
                return _to(page)
        except Refusal as error:  # the invoice can be paid later, on its page
            _log.warning("no way to pay at checkout", code=error.code, tenant=tenant)
    if success:
        return _to(url_with(success, {
            "subscription": display_id("sub", made.contract_ref), "customer": display_id("cus", made.customer_ref),
        }))
    return _subscribed(house, tenant, plan, made)


def _to(url: str) -> Response[Any]:
    return Response(b"", status_code=303, media_type=HTML, headers={**PRIVATE, "Location": url})


def _subscribed(house: Any, tenant: int, plan: PlanRow, made: SubscriptionRow) -> Response[Any]:
    with house.tx(tenant, NOBODY) as tx:
        documents = tx.documents_of_contract(made.contract_ref)
        entity = tx.entities([plan.plan.entity_ref])[plan.plan.entity_ref]
        html = environment().get_template("plan_subscribed.html").render(
            title="Subscribed", seller=entity.name, plan=plan.plan.name, subscription=display_id("sub", made.contract_ref),
            look=look_of(layout_of(tx, made.customer_ref), tx.this_tenant().ref),
            trial_ends_on=local_for(entity.language).date(made.trial_ends_on) if made.trial_ends_on else "",
            invoice=house.hosted_url(tx.this_tenant().ref, documents[0]) if documents else "",
        )
        headers = {**PRIVATE, "Content-Security-Policy": policy(tx.sharing().frame_ancestors)}
    return Response(html, media_type=HTML, headers=headers)
