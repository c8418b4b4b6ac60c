"""Keep plans and the links that lead to them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from counterfoil.core.basis.ids import Ref, read_id
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.plan import Plan, PlanItem, plan_problems
from counterfoil.flows.find_party import home_entity
from counterfoil.flows.plan_rows import LinkRow, LinkTerms, PlanRow, PlansTx
from counterfoil.flows.sharing import is_web_address

CHECKOUT_LINK = "checkout_link"
"""What a handle of a link names."""
MAX_PLANS = 20
"""Plans that one link offers."""


def make_plan(tx: PlansTx, plan: Plan, *, external_id: str | None = None) -> PlanRow:
    """Store a new plan of published pricings, with the link that it has by itself. Its reference is given here; an empty
    `entity_ref` takes the tenant's first entity, a pricing version 0 the latest published one."""
    plan = _sound(tx, replace(plan, ref=tx.new_ref(), entity_ref=plan.entity_ref or home_entity(tx).ref))
    return add_plan(tx, PlanRow(plan.ref, plan, external_id, True, tx.now, tx.now))


def add_plan(tx: PlansTx, row: PlanRow) -> PlanRow:
    """Store a new plan that is sound, with its link."""
    _put(tx, row)
    tx.audit("create", "plan", row.ref, after=row.plan)
    make_link(tx, (row.ref,), LinkTerms(), is_permanent=True)
    return row


def change_plan(tx: PlansTx, ref: str, plan: Plan, *, external_id: str | None) -> PlanRow:
    """Replace the terms of a plan for whoever subscribes from now on. Those who have subscribed keep what they agreed."""
    before = held_plan(tx, ref)
    if before.product_ref is not None:
        raise Conflict("plan.of_product", "this plan prices a product: change it where it was made")
    plan = replace(plan, ref=before.ref, entity_ref=plan.entity_ref or before.plan.entity_ref)
    return save_plan(tx, before, replace(before, plan=_sound(tx, plan), external_id=external_id))


def archive_plan(tx: PlansTx, ref: str) -> PlanRow:
    """Nobody subscribes to it any more; subscriptions go on. Nothing happens to one that is archived already."""
    before = held_plan(tx, ref)
    return save_plan(tx, before, replace(before, is_active=False)) if before.is_active else before


def save_plan(tx: PlansTx, before: PlanRow, after: PlanRow) -> PlanRow:
    """Store a plan's new state."""
    archived_at = None if after.is_active else before.archived_at or tx.now
    saved = replace(after, updated_at=tx.now, archived_at=archived_at)
    _put(tx, saved)
    tx.audit("change", "plan", saved.ref, before=before.plan, after={"is_active": saved.is_active, "plan": saved.plan})
    return saved


def find_plan(tx: PlansTx, name: str) -> PlanRow:
    """The plan of that reference, display id or external id; NotFound `plan.not_found`."""
    ref = tx.plans_called([name]).get(name) or read_id(name)
    row = tx.plans([ref]).get(ref) if ref is not None else None
    if row is None:
        raise NotFound("plan.not_found", f"there is no plan {name[:200]!r}")
    return row


def held_plan(tx: PlansTx, name: str) -> PlanRow:
    """A plan that nobody else changes until the transaction ends."""
    ref = find_plan(tx, name).ref
    return tx.plans([ref], lock=True)[ref]


def make_link(
    tx: PlansTx, plans: Sequence[Ref], terms: LinkTerms, *, customer_ref: Ref | None = None,
    expires_at: datetime | None = None, single_use: bool = False, is_permanent: bool = False, metadata: str = "",
) -> LinkRow:
    """Make a link to plans, for one customer alone where one is named. Invalid names what is wrong with it."""
    found = tx.plans(plans)
    problems = [Problem("plan_ref", f"there is no plan {p}") for p in plans if p not in found]
    problems += [Problem("plan_ref", f"plan {p.plan.name} is archived") for p in found.values() if not p.is_active]
    if not 1 <= len(plans) <= MAX_PLANS:
        problems.append(Problem("plans", f"must be 1 to {MAX_PLANS} plans"))
    if expires_at is not None and expires_at <= tx.now:
        problems.append(Problem("expires_at", "must be in the future"))
    if customer_ref is not None and customer_ref not in tx.customers([customer_ref], living=True):
        problems.append(Problem("customer_ref", f"there is no customer {customer_ref}"))
    problems += url_problems(tx, {"success_url": terms.success_url, "cancel_url": terms.cancel_url})
    refuse_if(problems)
    handle = base64.urlsafe_b64encode(tx.new_salt()[:18]).decode()
    row = LinkRow(
        tx.new_ref(), handle, tuple(plans), customer_ref, terms, metadata, single_use, is_permanent, "active", expires_at, None,
        tx.now, tx.now,
    )
    tx.put_plan_link(row)
    tx.add_handles([(handle, CHECKOUT_LINK, row.ref)])
    tx.audit("create", CHECKOUT_LINK, row.ref, after={"plans": list(plans), "single_use": single_use})
    return row


def find_link(tx: PlansTx, name: str, *, lock: bool = False) -> LinkRow:
    """The link of that reference or display id; NotFound `checkout.not_found`."""
    ref = read_id(name)
    row = tx.plan_link(ref, lock=lock) if ref is not None else None
    if row is None:
        raise NotFound("checkout.not_found", f"there is no checkout link {name[:200]!r}")
    return row


def archive_link(tx: PlansTx, name: str) -> LinkRow:
    """Nobody opens it any more. Conflict for the one that a plan has by itself: archive the plan."""
    row = find_link(tx, name, lock=True)
    if row.is_permanent:
        raise Conflict("checkout.of_plan", "this link belongs to its plan: archive the plan instead")
    if row.state == "archived":
        return row
    archived = replace(row, state="archived", updated_at=tx.now)
    tx.put_plan_link(archived)
    tx.audit("archive", CHECKOUT_LINK, row.ref, before={"state": row.state})
    return archived


def url_problems(tx: Any, urls: Mapping[str, str]) -> Iterable[Problem]:
    """What keeps a checkout from leading to these; "" is a page of ours. Where the tenant has named the origins of its pages
    (sharing settings), they are the only ones."""
    origins = tx.sharing().embed_origins
    for field, url in urls.items():
        if url and not is_web_address(url):
            yield Problem(field, "must be an absolute https address (http only on this machine), without a fragment")
        elif url and not may_return(url, origins):
            yield Problem(field, f"must be at one of the origins of the sharing settings: {', '.join(origins)}")


def may_return(url: str, origins: Sequence[str]) -> bool:
    """Whether people may be sent back to a URL: to these origins alone, where there are any."""
    return not origins or origin_of(url) in origins


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def url_with(url: str, parameters: Mapping[str, str]) -> str:
    """A URL with parameters added to its query; values must be plain words (letters, digits, `_`, `-`)."""
    added = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{url}{'&' if '?' in url else '?'}{added}"


def _sound(tx: PlansTx, plan: Plan) -> Plan:
    """The plan with the versions of its pricings; Invalid names everything that is wrong."""
    problems = list(plan_problems(plan))
    problems += url_problems(tx, {"success_url": plan.success_url, "cancel_url": plan.cancel_url})
    if plan.entity_ref not in tx.entities([plan.entity_ref]):
        problems.append(Problem("entity_ref", f"there is no entity {plan.entity_ref}"))
    items: list[PlanItem] = []
    currencies: set[str] = set()
    for i, item in enumerate(plan.items):
        published = [v.pricing for v in tx.pricing_versions(item.pricing_ref) if v.published_at is not None]
        if item.pricing_version:
            published = [p for p in published if p.version == item.pricing_version]
        if not published:
            problems.append(Problem(f"items[{i}].pricing_ref", "is not a published version of a pricing"))
            continue
        items.append(replace(item, pricing_version=published[-1].version))
        currencies.add(published[-1].currency)
    if len(currencies) > 1:
        problems.append(Problem("items", f"one plan has one currency, not {', '.join(sorted(currencies))}"))
    refuse_if(problems)
    return replace(plan, items=tuple(items), currency=currencies.pop() if currencies else plan.currency)


def _put(tx: PlansTx, row: PlanRow) -> None:
    tx.lock("plans")
    name = row.external_id
    if name is not None and tx.plans_called([name]).get(name, row.ref) != row.ref:
        raise Invalid.field("external_id", f"another plan has the external id {name[:200]!r}", "plan.exists")
    tx.put_plan(row)
