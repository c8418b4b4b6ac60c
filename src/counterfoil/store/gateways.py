"""SQL of payment providers: accounts, saved methods, what was told, checkouts, payouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.gateway_port import PayoutItem, ProviderEvent
from counterfoil.flows.gateway_rows import (
    ChargeAsk,
    CheckoutRow,
    DueCharge,
    EventRow,
    EventState,
    GatewayRow,
    PayoutRow,
    SavedMethod,
)
from counterfoil.store.documents import CREDITED
from counterfoil.store.rows import Rows, decoder, encode

_GATEWAY: LiteralString = (
    "SELECT gateway_ref::text, entity_ref::text, provider, name, coalesce(external_id, ''), secret, hints, is_enabled, "
    "created_at FROM gateway WHERE tenant = %s "
)
_METHOD: LiteralString = (
    "SELECT method_ref::text, gateway_ref::text, customer_ref::text, provider_ref, kind, brand, last4, expires, is_default, "
    "metadata, created_at, removed_at FROM saved_method WHERE tenant = %s "
)
_EVENT: LiteralString = (
    "e.gateway_ref::text, g.provider, e.body::text, e.state, e.reason, e.received_at, e.settled_at "
)
_ASK: LiteralString = (
    "SELECT payment_ref::text, gateway_ref::text, method_ref::text, document_ref::text, n, made_at FROM charge_ask "
    "WHERE tenant = %s "
)
_CHECKOUT: LiteralString = (
    "SELECT checkout_ref::text, gateway_ref::text, customer_ref::text, document_ref::text, currency, amount_minor, "
    "provider_ref, url, state, charge_id, created_at, expires_at FROM checkout WHERE tenant = %s "
)
_PAYOUT: LiteralString = (
    "SELECT payout_ref::text, gateway_ref::text, provider_ref, currency, amount_minor, fee_minor, unknown_minor, arrives_on, "
    "reference, state, items::text, booked_at, line_ref::text FROM payout WHERE tenant = %s "
)
# Documents that are due, whose contract (without one: whose customer) lets us charge, and whose customer has a method that
# is theirs by default, in a gateway of the document's entity; the one that the contract names before any other.
_DUE: LiteralString = (
    "SELECT DISTINCT ON (d.due_on, d.document_ref) d.document_ref::text, g.gateway_ref::text, m.method_ref::text, "
    "d.entity_ref::text, d.customer_ref::text, d.currency, s.open, d.due_on FROM document d "
    "JOIN customer c ON c.tenant = d.tenant AND c.customer_ref = d.customer_ref "
    "JOIN saved_method m ON m.tenant = d.tenant AND m.customer_ref = d.customer_ref AND m.is_default "
    "JOIN gateway g ON g.tenant = m.tenant AND g.gateway_ref = m.gateway_ref AND g.entity_ref = d.entity_ref AND g.is_enabled "
    "LEFT JOIN contract k ON k.tenant = d.tenant AND k.contract_ref = d.contract_ref "
    "LEFT JOIN contract_version v ON v.tenant = k.tenant AND v.contract_ref = k.contract_ref AND v.version = k.version "
    "CROSS JOIN LATERAL (SELECT CASE WHEN k.contract_ref IS NULL THEN c.profile -> 'payment' -> 'online' "
    "ELSE jsonb_path_query_first(v.terms, '$[*].terms.payment.online ? (@.auto_charge == true)') END AS online) p "
    f"CROSS JOIN LATERAL (SELECT (d.total_minor - {CREDITED} "
    "- (SELECT coalesce(sum(a.amount_minor), 0) FROM allocation a WHERE a.tenant = d.tenant "
    "AND a.document_ref = d.document_ref) - (SELECT coalesce(sum(w.amount_minor), 0) FROM write_off w "
    "WHERE w.tenant = d.tenant AND w.document_ref = d.document_ref))::bigint AS open) s "
    "WHERE d.tenant = %s AND d.kind <> 'CREDIT' AND d.due_on <= %s AND NOT EXISTS (SELECT FROM document_mark x "
    "WHERE x.tenant = d.tenant AND x.document_ref = d.document_ref AND x.mark IN ('paid', 'cancelled')) "
    "AND NOT EXISTS (SELECT FROM charge_ask q WHERE q.tenant = d.tenant AND q.document_ref = d.document_ref) "
    "AND p.online ->> 'auto_charge' = 'true' AND s.open > 0 "
    "AND coalesce(p.online ->> 'payment_gateway_id', '') IN ('', g.external_id, g.gateway_ref::text) "
    "ORDER BY d.due_on, d.document_ref, g.created_at LIMIT %s"
)


class GatewayRows(Rows):
    """Gateways, the methods they keep, their events, charges, checkouts and payouts."""

    def put_gateway(self, row: GatewayRow) -> None:
        """Store a gateway, or its new state."""
        self.conn.execute(
            "INSERT INTO gateway (tenant, gateway_ref, entity_ref, provider, name, external_id, secret, hints, is_enabled, "
            "created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s) ON CONFLICT (tenant, gateway_ref) DO UPDATE SET "
            "name = excluded.name, external_id = excluded.external_id, secret = excluded.secret, hints = excluded.hints, "
            "is_enabled = excluded.is_enabled",
            [
                self.tenant, row.ref, row.entity_ref, row.provider, row.name, row.external_id or None, row.secret,
                encode(row.hints), row.is_enabled, row.created_at,
            ],
        )

    def gateway(self, ref: str) -> GatewayRow | None:
        """One gateway."""
        row = self.one(_GATEWAY + "AND gateway_ref = %s", self.tenant, ref)
        return None if row is None else GatewayRow(*row)

    def gateways(self) -> list[GatewayRow]:
        """Every gateway, oldest first; there are never many."""
        return [GatewayRow(*r) for r in self.all(_GATEWAY + "ORDER BY created_at, gateway_ref", self.tenant)]

    def gateway_customer(self, gateway_ref: str, customer_ref: str) -> str | None:
        """What the provider calls a customer."""
        row = self.one(
            "SELECT provider_ref FROM gateway_customer WHERE tenant = %s AND gateway_ref = %s AND customer_ref = %s",
            self.tenant, gateway_ref, customer_ref,
        )
        return None if row is None else row[0]

    def gateway_customers_named(self, gateway_ref: str, names: Sequence[str]) -> dict[str, Ref]:
        """Whom the provider calls so, those that there are."""
        rows = self.all(
            "SELECT provider_ref, customer_ref::text FROM gateway_customer WHERE tenant = %s AND gateway_ref = %s "
            "AND provider_ref = ANY(%s)", self.tenant, gateway_ref, list(names),
        ) if names else []
        return {r[0]: Ref(r[1]) for r in rows}

    def put_gateway_customer(self, gateway_ref: str, customer_ref: str, provider_ref: str) -> None:
        """Note what the provider calls a customer; what was noted first stays."""
        self.conn.execute(
            "INSERT INTO gateway_customer (tenant, gateway_ref, customer_ref, provider_ref) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING", [self.tenant, gateway_ref, customer_ref, provider_ref],
        )

    # what is kept for later

    def put_method(self, row: SavedMethod) -> SavedMethod:
        """Store a saved method; one that the provider named before is the same one, there again if it was gone."""
        found = self.one(
            "INSERT INTO saved_method (tenant, method_ref, gateway_ref, customer_ref, provider_ref, kind, brand, last4, expires, "
            "is_default, metadata, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (tenant, gateway_ref, provider_ref) DO UPDATE SET kind = excluded.kind, brand = excluded.brand, "
            "last4 = excluded.last4, expires = excluded.expires, removed_at = NULL RETURNING method_ref::text",
            self.tenant, row.ref, row.gateway_ref, row.customer_ref, row.provider_ref, row.kind, row.brand, row.last4,
            row.expires, row.is_default, row.metadata, row.created_at,
        )
        kept = self.method(found[0])
        assert kept is not None
        return kept

    def method(self, ref: str) -> SavedMethod | None:
        """One saved method."""
        row = self.one(_METHOD + "AND method_ref = %s", self.tenant, ref)
        return None if row is None else SavedMethod(*row)

    def method_named(self, gateway_ref: str, provider_ref: str) -> SavedMethod | None:
        """The method that a provider calls so."""
        row = self.one(_METHOD + "AND gateway_ref = %s AND provider_ref = %s", self.tenant, gateway_ref, provider_ref)
        return None if row is None else SavedMethod(*row)

    def methods_of(self, customer_ref: str | None, limit: int | None = None, offset: int = 0) -> list[SavedMethod]:
        """The methods that are kept of a customer, or of all (None), the default first, then oldest first."""
        rows = self.all(
            _METHOD + "AND removed_at IS NULL AND (%s::uuid IS NULL OR customer_ref = %s) "
            "ORDER BY is_default DESC, created_at, method_ref LIMIT %s OFFSET %s",
            self.tenant, customer_ref, customer_ref, limit, offset,
        )
        return [SavedMethod(*r) for r in rows]

    def count_methods(self, customer_ref: str | None) -> int:
        """How many there are."""
        found: int = self.one(
            "SELECT count(*) FROM saved_method WHERE tenant = %s AND removed_at IS NULL "
            "AND (%s::uuid IS NULL OR customer_ref = %s)", self.tenant, customer_ref, customer_ref,
        )[0]
        return found

    def set_default_method(self, row: SavedMethod) -> None:
        """Charge this one from now on."""
        self.conn.execute(
            "UPDATE saved_method SET is_default = false WHERE tenant = %s AND gateway_ref = %s AND customer_ref = %s "
            "AND is_default", [self.tenant, row.gateway_ref, row.customer_ref],
        )
        self.conn.execute(
            "UPDATE saved_method SET is_default = true WHERE tenant = %s AND method_ref = %s AND removed_at IS NULL",
            [self.tenant, row.ref],
        )

    def remove_method(self, ref: str) -> bool:
        """It is kept no longer; False when it was gone."""
        return self.conn.execute(
            "UPDATE saved_method SET removed_at = %s, is_default = false WHERE tenant = %s AND method_ref = %s "
            "AND removed_at IS NULL", [self.now, self.tenant, ref],
        ).rowcount == 1

    # what was told

    def add_provider_events(
        self, gateway_ref: str, rows: Sequence[tuple[ProviderEvent, str]], state: EventState = "waiting"
    ) -> int:
        """Write down what a provider told, with its own words; how many are new."""
        return self.insert(
            "provider_event", "gateway_ref event_id kind at charge_id object_id body raw state received_at",
            "uuid text text timestamptz text text jsonb text text timestamptz",
            [
                (gateway_ref, e.id, e.kind, e.at, e.charge_id, e.object_id, encode(e), raw, state, self.now)
                for e, raw in rows
            ],
            "ON CONFLICT DO NOTHING",
        )

    def claim_provider_events(self, limit: int) -> list[EventRow]:
        """Events that wait, the earliest first, so that nobody else settles them before the transaction ends."""
        rows = self.all(
            f"SELECT {_EVENT} FROM provider_event e JOIN gateway g ON g.tenant = e.tenant AND g.gateway_ref = e.gateway_ref "
            "WHERE e.tenant = %s AND e.state = 'waiting' ORDER BY e.at, e.event_id LIMIT %s FOR UPDATE OF e SKIP LOCKED",
            self.tenant, limit,
        )
        return [_event(r) for r in rows]

    def close_provider_events(self, rows: Sequence[tuple[Ref, str, EventState, str]]) -> None:
        """Say what became of events: (gateway, event, state, reason)."""
        if rows:
            self.conn.execute(
                "UPDATE provider_event e SET state = u.state, reason = u.reason, "
                "settled_at = CASE WHEN u.state = 'parked' THEN NULL ELSE %s::timestamptz END "
                "FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS u(gateway_ref, event_id, state, reason) "
                "WHERE e.tenant = %s AND e.gateway_ref = u.gateway_ref AND e.event_id = u.event_id",
                [self.now, *([r[i] for r in rows] for i in range(4)), self.tenant],
            )

    def wake_provider_events(self, gateway_ref: str, charges: Sequence[str]) -> int:
        """Let parked events about these charges wait again; how many."""
        return self.conn.execute(
            "UPDATE provider_event SET state = 'waiting' WHERE tenant = %s AND gateway_ref = %s AND state = 'parked' "
            "AND charge_id = ANY(%s)", [self.tenant, gateway_ref, list(charges)],
        ).rowcount

    def provider_event(self, gateway_ref: str, event_id: str) -> EventRow | None:
        """One event; nobody else settles it before the transaction ends."""
        row = self.one(
            f"SELECT {_EVENT} FROM provider_event e JOIN gateway g ON g.tenant = e.tenant AND g.gateway_ref = e.gateway_ref "
            "WHERE e.tenant = %s AND e.gateway_ref = %s AND e.event_id = %s FOR UPDATE OF e",
            self.tenant, gateway_ref, event_id.replace("\x00", ""),
        )
        return None if row is None else _event(row)

    def provider_events(
        self, before: tuple[datetime, str] | None, limit: int, *, gateway_ref: str | None = None,
        state: EventState | None = None,
    ) -> list[EventRow]:
        """Events, the latest received first, before a given (instant of receipt, event)."""
        at, event_id = before or (None, None)
        rows = self.all(
            f"SELECT {_EVENT} FROM provider_event e JOIN gateway g ON g.tenant = e.tenant AND g.gateway_ref = e.gateway_ref "
            "WHERE e.tenant = %s AND (%s::uuid IS NULL OR e.gateway_ref = %s) AND (%s::text IS NULL OR e.state = %s) "
            "AND (%s::timestamptz IS NULL OR (e.received_at, e.event_id) < (%s, %s)) "
            "ORDER BY e.received_at DESC, e.event_id DESC LIMIT %s",
            self.tenant, gateway_ref, gateway_ref, state, state, at, at, event_id, limit,
        )
        return [_event(r) for r in rows]

    # charges while the customer is away

    def add_charge_ask(self, row: ChargeAsk) -> bool:
        """Note what a provider is asked for; False when that try of that document was noted before."""
        return self.conn.execute(
            "INSERT INTO charge_ask (tenant, payment_ref, gateway_ref, method_ref, document_ref, n, made_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [self.tenant, row.payment_ref, row.gateway_ref, row.method_ref, row.document_ref, row.n, row.made_at],
        ).rowcount == 1

    def charge_ask(self, payment_ref: str) -> ChargeAsk | None:
        """What was asked for with a payment."""
        row = self.one(_ASK + "AND payment_ref = %s", self.tenant, payment_ref)
        return None if row is None else ChargeAsk(*row)

    def charge_asks_of(self, document_ref: str) -> list[ChargeAsk]:
        """Every try to charge a document, in order."""
        return [ChargeAsk(*r) for r in self.all(_ASK + "AND document_ref = %s ORDER BY n", self.tenant, document_ref)]

    def due_charges_online(self, today: date, limit: int) -> list[DueCharge]:
        """Documents due by a day that may be charged and were never asked for, the earliest first."""
        return [DueCharge(*r) for r in self.all(_DUE, self.tenant, today, limit)]

    # checkouts

    def put_checkout(self, row: CheckoutRow) -> None:
        """Store a checkout, or its new state."""
        self.conn.execute(
            "INSERT INTO checkout (tenant, checkout_ref, gateway_ref, customer_ref, document_ref, currency, amount_minor, "
            "provider_ref, url, state, charge_id, created_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
            "%s, %s) ON CONFLICT (tenant, checkout_ref) DO UPDATE SET state = excluded.state, charge_id = excluded.charge_id",
            [
                self.tenant, row.ref, row.gateway_ref, row.customer_ref, row.document_ref, row.currency, row.amount_minor,
                row.provider_ref, row.url, row.state, row.charge_id, row.created_at, row.expires_at,
            ],
        )

    def checkout(self, ref: str) -> CheckoutRow | None:
        """One checkout."""
        row = self.one(_CHECKOUT + "AND checkout_ref = %s", self.tenant, ref)
        return None if row is None else CheckoutRow(*row)

    def checkout_named(self, gateway_ref: str, provider_ref: str) -> CheckoutRow | None:
        """The checkout that a provider calls so."""
        row = self.one(_CHECKOUT + "AND gateway_ref = %s AND provider_ref = %s", self.tenant, gateway_ref, provider_ref)
        return None if row is None else CheckoutRow(*row)

    def open_checkouts(self, document_ref: str) -> list[CheckoutRow]:
        """Checkouts of a document on which somebody may still pay, the latest first."""
        rows = self.all(
            _CHECKOUT + "AND document_ref = %s AND state = 'open' ORDER BY created_at DESC, checkout_ref",
            self.tenant, document_ref,
        )
        return [CheckoutRow(*r) for r in rows]

    # payouts

    def put_payout(self, row: PayoutRow) -> None:
        """Store a payout, or what is known of it now; the bank line that it arrived with stays."""
        self.conn.execute(
            "INSERT INTO payout (tenant, payout_ref, gateway_ref, provider_ref, currency, amount_minor, fee_minor, "
            "unknown_minor, arrives_on, reference, state, items, booked_at, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, "
            "%s, %s, %s, %s::jsonb, %s, %s) ON CONFLICT (tenant, gateway_ref, provider_ref) DO UPDATE SET "
            "fee_minor = excluded.fee_minor, unknown_minor = excluded.unknown_minor, arrives_on = excluded.arrives_on, "
            "reference = excluded.reference, state = excluded.state, items = excluded.items, "
            "booked_at = coalesce(payout.booked_at, excluded.booked_at)",
            [
                self.tenant, row.ref, row.gateway_ref, row.provider_ref, row.currency, row.amount_minor, row.fee_minor,
                row.unknown_minor, row.arrives_on, row.reference, row.state, encode(row.items), row.booked_at, self.now,
            ],
        )

    def payout(self, ref: str) -> PayoutRow | None:
        """One payout."""
        row = self.one(_PAYOUT + "AND payout_ref = %s", self.tenant, ref)
        return None if row is None else _payout(row)

    def payouts(
        self, before: tuple[date, str] | None, limit: int, *, gateway_ref: str | None = None, unmatched: bool | None = None
    ) -> list[PayoutRow]:
        """Payouts, the latest first, before a given (day, reference). `unmatched`: paid, and not found in the bank yet."""
        on, ref = before or (None, None)
        rows = self.all(
            _PAYOUT + "AND (%s::uuid IS NULL OR gateway_ref = %s) "
            "AND (%s::boolean IS NULL OR (line_ref IS NULL AND state = 'paid') = %s) "
            "AND (%s::date IS NULL OR (arrives_on, payout_ref) < (%s, %s::uuid)) "
            "ORDER BY arrives_on DESC, payout_ref DESC LIMIT %s",
            self.tenant, gateway_ref, gateway_ref, unmatched, unmatched, on, on, ref, limit,
        )
        return [_payout(r) for r in rows]

    def set_payout_line(self, ref: str, line_ref: str | None) -> None:
        """Say with which bank line it arrived; None: with none after all."""
        self.conn.execute(
            "UPDATE payout SET line_ref = %s WHERE tenant = %s AND payout_ref = %s", [line_ref, self.tenant, ref]
        )

    # what the provider of test tenants remembers

    def fake_object(self, gateway_ref: str, kind: str, id: str) -> dict[str, Any] | None:
        """One thing that it remembers."""
        row = self.one(
            "SELECT body FROM fake_object WHERE tenant = %s AND gateway_ref = %s AND kind = %s AND id = %s",
            self.tenant, gateway_ref, kind, id,
        )
        return None if row is None else row[0]

    def put_fake_object(self, gateway_ref: str, kind: str, id: str, body: Mapping[str, Any]) -> None:
        """Remember it."""
        self.conn.execute(
            "INSERT INTO fake_object (tenant, gateway_ref, kind, id, body) VALUES (%s, %s, %s, %s, %s::jsonb) "
            "ON CONFLICT (tenant, gateway_ref, kind, id) DO UPDATE SET body = excluded.body",
            [self.tenant, gateway_ref, kind, id, encode(body)],
        )

    def fake_objects(self, gateway_ref: str, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind, oldest first."""
        rows = self.all(
            "SELECT body FROM fake_object WHERE tenant = %s AND gateway_ref = %s AND kind = %s ORDER BY seq",
            self.tenant, gateway_ref, kind,
        )
        return [r[0] for r in rows]

    def drop_fake_object(self, gateway_ref: str, kind: str, id: str) -> None:
        """Forget it."""
        self.conn.execute(
            "DELETE FROM fake_object WHERE tenant = %s AND gateway_ref = %s AND kind = %s AND id = %s",
            [self.tenant, gateway_ref, kind, id],
        )


def _event(r: Any) -> EventRow:
    return EventRow(Ref(r[0]), r[1], decoder(ProviderEvent).decode(r[2]), *r[3:])


def _payout(r: Any) -> PayoutRow:
    items = decoder(tuple[PayoutItem, ...]).decode(r[10])
    return PayoutRow(*[*r[:10], items, *r[11:]])
