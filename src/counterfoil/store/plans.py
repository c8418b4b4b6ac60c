"""SQL of plans, the links that lead to them, and subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.contracts.plan import Agreed, Plan
from counterfoil.flows.plan_rows import LinkRow, LinkTerms, PlanRow, SubscriptionRow
from counterfoil.store.rows import Rows, decoder, encode
from counterfoil.store.sales import exact_json, read_json

_PLAN: LiteralString = (
    "SELECT plan_ref::text, body::text, external_id, is_active, created_at, updated_at, archived_at, product_ref::text, "
    "profile::text FROM plan WHERE tenant = %s "
)
_LINK: LiteralString = (
    "SELECT l.link_ref::text, (SELECT h.handle FROM public_handle h WHERE h.tenant = l.tenant AND h.ref = l.link_ref "
    "AND h.noun = 'checkout_link' LIMIT 1), l.plans::text[], l.customer_ref::text, l.body::text, l.metadata, l.single_use, "
    "l.is_permanent, l.state, l.expires_at, l.contract_ref::text, l.created_at, l.updated_at FROM checkout_link l "
    "WHERE l.tenant = %s "
)
_SUBSCRIPTION: LiteralString = (
    "SELECT s.contract_ref::text, s.customer_ref::text, s.link_ref::text, s.attempt, s.order_ref::text, s.trial_ends_on, "
    "s.created_at, (SELECT jsonb_agg(jsonb_build_object('version', p.version, 'since', p.since, 'plan_ref', p.plan_ref, "
    "'quantity', p.quantity) ORDER BY p.version) FROM subscription_plan p WHERE p.tenant = s.tenant "
    "AND p.contract_ref = s.contract_ref)::text FROM subscription s WHERE s.tenant = %s "
)
_LINK_STATES: dict[str, LiteralString] = {
    "active": "AND l.state = 'active' AND (l.expires_at IS NULL OR l.expires_at > %s) ",
    "expired": "AND l.state = 'active' AND l.expires_at <= %s ",
    "completed": "AND l.state = 'completed' AND %s IS NOT NULL ",
    "archived": "AND l.state = 'archived' AND %s IS NOT NULL ",
}


class PlanRows(Rows):
    """Plans, checkout links, subscriptions."""

    def put_plan(self, row: PlanRow) -> None:
        """Store or replace a plan; Conflict `plan.exists` where another has its external id."""
        try:
            self.conn.execute(
                "INSERT INTO plan (tenant, plan_ref, name, external_id, product_ref, body, profile, is_active, created_at, "
                "updated_at, archived_at) VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s, %s, %s, %s) "
                "ON CONFLICT (tenant, plan_ref) DO UPDATE SET name = excluded.name, external_id = excluded.external_id, "
                "body = excluded.body, profile = excluded.profile, is_active = excluded.is_active, "
                "updated_at = excluded.updated_at, archived_at = excluded.archived_at",
                [
                    self.tenant, row.ref, row.plan.name, row.external_id, row.product_ref, encode(row.plan),
                    exact_json(row.profile), row.is_active, row.created_at, row.updated_at, row.archived_at,
                ],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("plan.exists", f"another plan has the external id {row.external_id!r}") from error

    def plans(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, PlanRow]:
        """Plans by reference; `lock`: nobody else changes them now."""
        held: LiteralString = " FOR UPDATE" if lock else ""
        rows = self.all(_PLAN + "AND plan_ref = ANY(%s::uuid[])" + held, self.tenant, list(refs))
        return {p.ref: p for p in map(_plan, rows)}

    def plans_called(self, external_ids: Sequence[str]) -> dict[str, Ref]:
        """Plans by external id."""
        rows = self.all(
            "SELECT external_id, plan_ref::text FROM plan WHERE tenant = %s AND external_id = ANY(%s)",
            self.tenant, list(external_ids),
        )
        return {name: Ref(ref) for name, ref in rows}

    def plan_list(
        self, offset: int, limit: int, *, product: str | None = None, archived: bool = False, of_paid: bool | None = None
    ) -> tuple[list[PlanRow], int]:
        """Plans, newest first, and how many there are; archived ones only where they are asked for."""
        where: LiteralString = "" if archived else "AND is_active "
        if of_paid is not None:
            where += "AND product_ref IS NOT NULL " if of_paid else "AND product_ref IS NULL "
        params: list[Any] = [self.tenant]
        if product is not None:
            where += "AND product_ref = %s "
            params.append(product)
        (total,) = self.one("SELECT count(*) FROM plan WHERE tenant = %s " + where, *params)
        rows = self.all(
            _PLAN + where + "ORDER BY created_at DESC, plan_ref DESC LIMIT %s OFFSET %s", *params, limit, offset
        )
        return [_plan(r) for r in rows], total

    def put_plan_link(self, row: LinkRow) -> None:
        """Store a link, or its new state."""
        self.conn.execute(
            "INSERT INTO checkout_link (tenant, link_ref, plans, customer_ref, body, metadata, single_use, is_permanent, state, "
            "expires_at, contract_ref, created_at, updated_at) VALUES (%s, %s, %s::uuid[], %s, %s::jsonb, %s, %s, %s, %s, %s, "
            "%s, %s, %s) ON CONFLICT (tenant, link_ref) DO UPDATE SET state = excluded.state, "
            "contract_ref = excluded.contract_ref, updated_at = excluded.updated_at",
            [
                self.tenant, row.ref, list(row.plans), row.customer_ref, exact_json(row.terms), row.metadata, row.single_use,
                row.is_permanent, row.state, row.expires_at, row.contract_ref, row.created_at, row.updated_at,
            ],
        )

    def plan_link(self, ref: str, *, lock: bool = False) -> LinkRow | None:
        """One link; `lock`: nobody else completes it now."""
        row = self.one(_LINK + "AND l.link_ref = %s" + (" FOR UPDATE OF l" if lock else ""), self.tenant, ref)
        return None if row is None else _link(row)

    def permanent_links(self, plans: Sequence[str]) -> dict[Ref, LinkRow]:
        """The link that each of these plans has by itself."""
        rows = self.all(_LINK + "AND l.is_permanent AND l.plans && %s::uuid[]", self.tenant, list(plans)) if plans else []
        return {link.plans[0]: link for link in map(_link, rows)}

    def plan_link_list(
        self, offset: int, limit: int, *, plan: str | None = None, state: str | None = None
    ) -> tuple[list[LinkRow], int]:
        """Links that were made, newest first, and how many there are; those that plans have by themselves are left out."""
        where: LiteralString = "AND NOT l.is_permanent "
        params: list[Any] = [self.tenant]
        if plan is not None:
            where += "AND %s::uuid = ANY(l.plans) "
            params.append(plan)
        if state is not None:
            where += _LINK_STATES[state]
            params.append(self.now)
        (total,) = self.one("SELECT count(*) FROM checkout_link l WHERE l.tenant = %s " + where, *params)
        rows = self.all(
            _LINK + where + "ORDER BY l.created_at DESC, l.link_ref DESC LIMIT %s OFFSET %s", *params, limit, offset
        )
        return [_link(r) for r in rows], total

    def add_subscription(self, row: SubscriptionRow) -> None:
        """Store what a contract of kind subscription is beside it."""
        self.conn.execute(
            "INSERT INTO subscription (tenant, contract_ref, customer_ref, link_ref, attempt, order_ref, trial_ends_on, "
            "created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self.tenant, row.contract_ref, row.customer_ref, row.link_ref, row.attempt, row.order_ref, row.trial_ends_on,
                row.created_at,
            ],
        )
        for agreed in row.agreed:
            self.add_agreed(row.contract_ref, agreed)

    def add_agreed(self, contract_ref: str, agreed: Agreed) -> None:
        """Store which plan a version of the contract agreed."""
        self.conn.execute(
            "INSERT INTO subscription_plan (tenant, contract_ref, version, since, plan_ref, quantity, at, actor) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self.tenant, contract_ref, agreed.version, agreed.since, agreed.plan_ref, agreed.quantity, self.now, self.actor,
            ],
        )

    def subscriptions_of(self, refs: Sequence[str]) -> dict[Ref, SubscriptionRow]:
        """Subscriptions by the reference of their contract."""
        rows = self.all(_SUBSCRIPTION + "AND s.contract_ref = ANY(%s::uuid[])", self.tenant, list(refs))
        return {s.contract_ref: s for s in map(_subscription, rows)}

    def subscription_of_attempt(self, link_ref: str, attempt: str) -> Ref | None:
        """The subscription that a form made that was sent with this."""
        row = self.one(
            "SELECT contract_ref::text FROM subscription WHERE tenant = %s AND link_ref = %s AND attempt = %s",
            self.tenant, link_ref, attempt,
        )
        return None if row is None else Ref(row[0])

    def subscription_of_order(self, order_ref: str) -> Ref | None:
        """The subscription that goes with an order."""
        row = self.one(
            "SELECT contract_ref::text FROM subscription WHERE tenant = %s AND order_ref = %s", self.tenant, order_ref
        )
        return None if row is None else Ref(row[0])

    def subscription_list(
        self, offset: int, limit: int, *, customer: str | None = None, plan: str | None = None
    ) -> tuple[list[SubscriptionRow], int]:
        """Subscriptions, newest first, and how many there are; `plan`: of those that ever had it."""
        where: LiteralString = ""
        params: list[Any] = [self.tenant]
        if customer is not None:
            where += "AND s.customer_ref = %s "
            params.append(customer)
        if plan is not None:
            where += (
                "AND EXISTS (SELECT FROM subscription_plan p WHERE p.tenant = s.tenant AND p.contract_ref = s.contract_ref "
                "AND p.plan_ref = %s) "
            )
            params.append(plan)
        (total,) = self.one("SELECT count(*) FROM subscription s WHERE s.tenant = %s " + where, *params)
        rows = self.all(
            _SUBSCRIPTION + where + "ORDER BY s.created_at DESC, s.contract_ref DESC LIMIT %s OFFSET %s", *params, limit, offset
        )
        return [_subscription(r) for r in rows], total

    def documents_of_contract(self, contract_ref: str) -> list[Ref]:
        """Every document that was issued for a contract, in the order of issue."""
        rows = self.all(
            "SELECT document_ref::text FROM document WHERE tenant = %s AND contract_ref = %s "
            "ORDER BY seq", self.tenant, contract_ref,
        )
        return [Ref(r[0]) for r in rows]


def _plan(row: Sequence[Any]) -> PlanRow:
    ref, body, external_id, is_active, created_at, updated_at, archived_at, product, profile = row
    return PlanRow(
        Ref(ref), decoder(Plan).decode(body), external_id, is_active, created_at, updated_at, archived_at,
        None if product is None else Ref(product), read_json(profile),
    )


def _link(row: Sequence[Any]) -> LinkRow:
    ref, handle, plans, customer, body, *rest = row
    terms = LinkTerms(**read_json(body))
    return LinkRow(Ref(ref), handle or "", tuple(Ref(p) for p in plans), customer, terms, *rest)


def _subscription(row: Sequence[Any]) -> SubscriptionRow:
    contract, customer, link, attempt, order, trial_ends_on, created_at, agreed = row
    history = decoder(tuple[Agreed, ...]).decode(agreed or "[]")
    return SubscriptionRow(contract, customer, link, attempt, order, trial_ends_on, created_at, history)
