"""SQL of dunning: policies, where documents stand, what was done about them, and campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.chase import Policy
from counterfoil.core.payments.dunning import CampaignState
from counterfoil.flows.dunning_rows import CampaignKey, CampaignRow, ChaseRow, HoldRow, PolicyRow, RequestRow, StepRow
from counterfoil.store.rows import Rows, decoder, encode

_CHASE: LiteralString = (
    "SELECT document_ref::text, customer_ref::text, entity_ref::text, contract_ref::text, policy_ref::text, state, round, "
    "base_on, from_day, failed_on, failures, paused_on, paused_until, why, next_at, begun_at "
    "FROM dunning_chase WHERE tenant = %s "
)
_COLUMNS: LiteralString = (
    "document_ref customer_ref entity_ref contract_ref policy_ref state round base_on from_day failed_on failures paused_on "
    "paused_until why next_at begun_at"
)
_CHANGED: LiteralString = (
    "state = excluded.state, round = excluded.round, base_on = excluded.base_on, from_day = excluded.from_day, "
    "failed_on = excluded.failed_on, failures = excluded.failures, paused_on = excluded.paused_on, "
    "paused_until = excluded.paused_until, why = excluded.why, next_at = excluded.next_at, policy_ref = excluded.policy_ref"
)
_CAMPAIGN: LiteralString = (
    "SELECT c.customer_ref::text, c.entity_ref::text, c.policy_ref::text, c.episode, c.next_at, "
    "(SELECT coalesce(jsonb_object_agg(r.currency, r.n), '{}') FROM (SELECT currency, max(n) AS n FROM dunning_request r "
    "WHERE (r.tenant, r.customer_ref, r.entity_ref, r.policy_ref, r.episode) = "
    "(c.tenant, c.customer_ref, c.entity_ref, c.policy_ref, c.episode) GROUP BY currency) r), "
    "(SELECT coalesce(jsonb_object_agg(r.currency, r.at), '{}') FROM (SELECT currency, max(at) AS at FROM dunning_request r "
    "WHERE (r.tenant, r.customer_ref, r.entity_ref, r.policy_ref, r.episode) = "
    "(c.tenant, c.customer_ref, c.entity_ref, c.policy_ref, c.episode) GROUP BY currency) r), "
    "ARRAY(SELECT DISTINCT unnest(r.documents)::text FROM dunning_request r "
    "WHERE (r.tenant, r.customer_ref, r.entity_ref, r.policy_ref, r.episode) = "
    "(c.tenant, c.customer_ref, c.entity_ref, c.policy_ref, c.episode)) FROM dunning_campaign c WHERE c.tenant = %s "
)
_REQUEST: LiteralString = (
    "SELECT customer_ref::text, entity_ref::text, policy_ref::text, episode, currency, n, amount_minor, documents::text[], at, "
    "outcome, promise_ref::text FROM dunning_request WHERE tenant = %s "
)


class DunningRows(Rows):
    """Policies, chases, steps, campaigns."""

    def has_dunning(self) -> bool:
        """Whether the tenant has any policy."""
        return self.one("SELECT FROM dunning_policy WHERE tenant = %s LIMIT 1", self.tenant) is not None

    def put_dunning_policy(self, row: PolicyRow) -> None:
        """Store a policy, or what it says now. The default before is none any more."""
        if row.is_default:
            self.conn.execute(
                "UPDATE dunning_policy SET is_default = false WHERE tenant = %s AND is_default AND policy_ref <> %s",
                [self.tenant, row.ref],
            )
        self.conn.execute(
            "INSERT INTO dunning_policy (tenant, policy_ref, name, spec, is_default, is_enabled, since, created_at) "
            "VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, %s) ON CONFLICT (tenant, policy_ref) DO UPDATE SET "
            "name = excluded.name, spec = excluded.spec, is_default = excluded.is_default, is_enabled = excluded.is_enabled, "
            "since = excluded.since",
            [self.tenant, row.ref, row.name, encode(row.policy), row.is_default, row.is_enabled, row.since, row.created_at],
        )

    def drop_dunning_policy(self, ref: str) -> bool:
        """Take away a policy; False for one that documents or contracts have."""
        done = self.conn.execute(
            "DELETE FROM dunning_policy p WHERE tenant = %s AND policy_ref = %s AND NOT EXISTS (SELECT FROM dunning_chase c "
            "WHERE c.tenant = p.tenant AND c.policy_ref = p.policy_ref) AND NOT EXISTS (SELECT FROM dunning_choice c "
            "WHERE c.tenant = p.tenant AND c.policy_ref = p.policy_ref)",
            [self.tenant, ref],
        )
        return done.rowcount == 1

    def dunning_policies(self) -> dict[Ref, PolicyRow]:
        """Every policy, by name."""
        rows = self.all(
            "SELECT policy_ref::text, name, spec::text, is_default, is_enabled, since, created_at FROM dunning_policy "
            "WHERE tenant = %s ORDER BY name", self.tenant,
        )
        return {Ref(r[0]): PolicyRow(Ref(r[0]), r[1], decoder(Policy).decode(r[2]), *r[3:]) for r in rows}

    def choose_dunning(self, contract_ref: str, policy_ref: str | None) -> None:
        """Give a contract a policy of its own, or None: nothing is done."""
        self.conn.execute(
            "INSERT INTO dunning_choice (tenant, contract_ref, policy_ref) VALUES (%s, %s, %s) "
            "ON CONFLICT (tenant, contract_ref) DO UPDATE SET policy_ref = excluded.policy_ref",
            [self.tenant, contract_ref, policy_ref],
        )

    def unchoose_dunning(self, contract_ref: str) -> bool:
        """Let a contract have the default again."""
        done = self.conn.execute(
            "DELETE FROM dunning_choice WHERE tenant = %s AND contract_ref = %s", [self.tenant, contract_ref]
        )
        return done.rowcount == 1

    def dunning_choices(self, contracts: Sequence[str] | None = None) -> dict[Ref, Ref | None]:
        """What contracts have of their own."""
        rows = self.all(
            "SELECT contract_ref::text, policy_ref::text FROM dunning_choice WHERE tenant = %s "
            "AND (%s::uuid[] IS NULL OR contract_ref = ANY(%s::uuid[]))",
            self.tenant, *([None, None] if contracts is None else [list(contracts), list(contracts)]),
        )
        return {Ref(r[0]): None if r[1] is None else Ref(r[1]) for r in rows}

    def put_dunning_hold(self, row: HoldRow) -> None:
        """Hold a customer."""
        self.conn.execute(
            "INSERT INTO dunning_hold (tenant, customer_ref, reason, since, until) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (tenant, customer_ref) DO UPDATE SET reason = excluded.reason, until = excluded.until",
            [self.tenant, row.customer_ref, row.reason, row.since, row.until],
        )

    def drop_dunning_hold(self, customer_ref: str) -> bool:
        """Hold a customer no longer."""
        done = self.conn.execute(
            "DELETE FROM dunning_hold WHERE tenant = %s AND customer_ref = %s", [self.tenant, customer_ref]
        )
        return done.rowcount == 1

    def dunning_holds(self, customers: Sequence[str]) -> dict[Ref, HoldRow]:
        """Those of these customers that are held."""
        rows = self.all(
            "SELECT customer_ref::text, reason, since, until FROM dunning_hold WHERE tenant = %s "
            "AND customer_ref = ANY(%s::uuid[])", self.tenant, list(customers),
        )
        return {Ref(r[0]): HoldRow(*r) for r in rows}

    # where documents stand

    def put_chases(self, rows: Sequence[ChaseRow]) -> None:
        """Store where documents stand now."""
        self.insert(
            "dunning_chase", _COLUMNS,
            "uuid uuid uuid uuid uuid text integer date integer date integer date date text timestamptz timestamptz",
            [
                (c.document_ref, c.customer_ref, c.entity_ref, c.contract_ref, c.policy_ref, c.state, c.round, c.base_on,
                 c.from_day, c.failed_on, c.failures, c.paused_on, c.paused_until, c.why, c.next_at, c.begun_at)
                for c in rows
            ],
            f"ON CONFLICT (tenant, document_ref) DO UPDATE SET {_CHANGED}",
        )  # fmt: skip

    def chases(self, refs: Sequence[str]) -> dict[Ref, ChaseRow]:
        """Where these documents stand; those that something is done about."""
        rows = self.all(f"{_CHASE}AND document_ref = ANY(%s::uuid[])", self.tenant, list(refs)) if refs else []
        return {Ref(r[0]): ChaseRow(*r) for r in rows}

    def chases_of(self, customer_ref: str) -> list[ChaseRow]:
        """Those of a customer that are not stopped."""
        rows = self.all(
            f"{_CHASE}AND customer_ref = %s AND state <> 'stopped' ORDER BY next_at, document_ref", self.tenant, customer_ref
        )
        return [ChaseRow(*r) for r in rows]

    def chases_of_contract(self, contract_ref: str) -> list[ChaseRow]:
        """Those of a contract."""
        rows = self.all(f"{_CHASE}AND contract_ref = %s ORDER BY document_ref", self.tenant, contract_ref)
        return [ChaseRow(*r) for r in rows]

    def chases_in(self, keys: Sequence[CampaignKey]) -> dict[CampaignKey, list[ChaseRow]]:
        """Those that run, by campaign."""
        rows = self.all(
            f"{_CHASE}AND customer_ref = ANY(%s::uuid[]) AND state = 'running'", self.tenant, sorted({k[0] for k in keys})
        )
        found: dict[CampaignKey, list[ChaseRow]] = {k: [] for k in keys}
        for c in (ChaseRow(*r) for r in rows):
            if (key := (c.customer_ref, c.entity_ref, c.policy_ref)) in found:
                found[key].append(c)
        return found

    def chase_page(self, after: tuple[datetime, str] | None, limit: int, until: datetime) -> list[ChaseRow]:
        """Those about which something is done until an instant, the next first."""
        at, ref = after or (None, None)
        rows = self.all(
            f"{_CHASE}AND next_at <= %s AND (%s::timestamptz IS NULL OR (next_at, document_ref) > (%s, %s::uuid)) "
            "ORDER BY next_at, document_ref LIMIT %s", self.tenant, until, at, at, ref, limit,
        )
        return [ChaseRow(*r) for r in rows]

    def documents_not_chased(self, contracts: Sequence[str] | None, limit: int) -> list[Ref]:
        """Invoices and debit notes that may be open and that nothing is done about: all, or those of contracts."""
        rows = self.all(
            "SELECT d.document_ref::text FROM document d WHERE d.tenant = %s AND d.kind <> 'CREDIT' AND d.total_minor > 0 "
            "AND (%s::uuid[] IS NULL OR d.contract_ref = ANY(%s::uuid[])) "
            "AND NOT EXISTS (SELECT FROM document_mark m WHERE m.tenant = d.tenant AND m.document_ref = d.document_ref "
            "AND m.mark IN ('paid', 'cancelled')) AND NOT EXISTS (SELECT FROM dunning_chase c WHERE c.tenant = d.tenant "
            "AND c.document_ref = d.document_ref) ORDER BY d.document_ref LIMIT %s",
            self.tenant, *([None, None] if contracts is None else [list(contracts), list(contracts)]), limit,
        )
        return [Ref(r[0]) for r in rows]

    def due_chases(self, at: datetime, limit: int) -> list[ChaseRow]:
        """Those that are to be looked at by an instant, the earliest first."""
        rows = self.all(f"{_CHASE}AND next_at <= %s ORDER BY next_at, document_ref LIMIT %s", self.tenant, at, limit)
        return [ChaseRow(*r) for r in rows]

    def next_dunning(self, until: datetime) -> datetime | None:
        """The earliest instant, not after `until`, at which a document or a campaign is to be looked at."""
        (at,) = self.one(
            "SELECT least((SELECT next_at FROM dunning_chase WHERE tenant = %s AND next_at <= %s ORDER BY next_at LIMIT 1), "
            "(SELECT next_at FROM dunning_campaign WHERE tenant = %s AND next_at <= %s ORDER BY next_at LIMIT 1))",
            self.tenant, until, self.tenant, until,
        )
        found: datetime | None = at
        return found

    def wake_chases(self, documents: Sequence[str], at: datetime) -> None:
        """Money of these documents moved: somebody looks at them at once, at all of a minute together."""
        self.conn.execute(
            "UPDATE dunning_chase SET next_at = %s WHERE tenant = %s AND document_ref = ANY(%s::uuid[]) "
            "AND (next_at IS NULL OR next_at > %s)",
            [minute := at.replace(second=0, microsecond=0), self.tenant, list(documents), minute],
        )

    def wake_policy(self, policy_ref: str, at: datetime) -> None:
        """A policy says something else: everything under it is looked at."""
        self.conn.execute(
            "UPDATE dunning_chase SET next_at = %s WHERE tenant = %s AND policy_ref = %s AND state = 'running'",
            [at, self.tenant, policy_ref],
        )
        self.conn.execute(
            "INSERT INTO dunning_campaign (tenant, customer_ref, entity_ref, policy_ref, next_at) "
            "SELECT DISTINCT tenant, customer_ref, entity_ref, policy_ref, %s::timestamptz FROM dunning_chase WHERE tenant = %s "
            "AND policy_ref = %s AND state = 'running' ON CONFLICT (tenant, customer_ref, entity_ref, policy_ref) "
            "DO UPDATE SET next_at = excluded.next_at", [at, self.tenant, policy_ref],
        )

    # what was done

    def add_dunning_steps(self, rows: Sequence[StepRow]) -> None:
        """Write down what was done; each step of a round once."""
        self.insert(
            "dunning_step", "document_ref round key kind policy_ref due_at at outcome detail promise_ref",
            "uuid integer text text uuid timestamptz timestamptz text text uuid",
            [
                (s.document_ref, s.round, s.key, s.kind, s.policy_ref, s.due_at, s.at, s.outcome, s.detail, s.promise_ref)
                for s in rows
            ],
        )  # fmt: skip

    def dunning_done(self, documents: Sequence[str]) -> dict[tuple[Ref, int], dict[str, str]]:
        """Keys of what was done, with the outcome, by document and round."""
        rows = self.all(
            "SELECT document_ref::text, round, key, outcome FROM dunning_step WHERE tenant = %s "
            "AND document_ref = ANY(%s::uuid[])", self.tenant, list(documents),
        )
        found: dict[tuple[Ref, int], dict[str, str]] = {}
        for ref, n, key, outcome in rows:
            found.setdefault((Ref(ref), n), {})[key] = outcome
        return found

    def dunning_steps(
        self, before: int | None, limit: int, *, document_ref: str | None = None, customer_ref: str | None = None
    ) -> list[StepRow]:
        """What was done, the latest first."""
        rows = self.all(
            "SELECT s.document_ref::text, s.round, s.key, s.kind, s.policy_ref::text, s.due_at, s.at, s.outcome, s.detail, "
            "s.promise_ref::text, d.number, d.customer_ref::text, s.seq FROM dunning_step s JOIN document d "
            "ON d.tenant = s.tenant AND d.document_ref = s.document_ref WHERE s.tenant = %s "
            "AND (%s::bigint IS NULL OR s.seq < %s) AND (%s::uuid IS NULL OR s.document_ref = %s) "
            "AND (%s::uuid IS NULL OR d.customer_ref = %s) ORDER BY s.seq DESC LIMIT %s",
            self.tenant, before, before, document_ref, document_ref, customer_ref, customer_ref, limit,
        )
        return [StepRow(*r) for r in rows]

    def charges_processing(self, documents: Sequence[str]) -> set[Ref]:
        """Those of these documents that a provider is being asked to charge."""
        rows = self.all(
            "SELECT a.document_ref::text FROM charge_ask a JOIN payment p ON p.tenant = a.tenant "
            "AND p.payment_ref = a.payment_ref WHERE a.tenant = %s AND a.document_ref = ANY(%s::uuid[]) "
            "AND p.state = 'processing'", self.tenant, list(documents),
        )
        return {Ref(r[0]) for r in rows}

    def is_paused_contract(self, contract_ref: str, but: str = "") -> bool:
        """Whether a contract is not billed for the sake of a document that is not paid, another one than `but`."""
        return self.one(
            "SELECT FROM dunning_chase c JOIN dunning_step s ON s.tenant = c.tenant AND s.document_ref = c.document_ref "
            "AND s.round = c.round WHERE c.tenant = %s AND c.contract_ref = %s AND c.state <> 'stopped' AND s.kind = 'pause' "
            "AND s.outcome = 'done' AND c.document_ref::text <> %s LIMIT 1", self.tenant, contract_ref, but,
        ) is not None

    def contract_documents(self, contract_ref: str) -> list[Ref]:
        """Every document of a contract."""
        rows = self.all(
            "SELECT document_ref::text FROM document WHERE tenant = %s AND contract_ref = %s ORDER BY document_ref",
            self.tenant, contract_ref,
        )
        return [Ref(r[0]) for r in rows]

    def is_parked(self, work: str, ref: str, why: str) -> bool:
        """Whether work is parked for a reason that begins so."""
        return self.one(
            "SELECT FROM parked WHERE tenant = %s AND work = %s AND ref = %s AND starts_with(reason, %s)",
            self.tenant, work, ref, why,
        ) is not None

    # campaigns

    def look_at_campaigns(self, rows: Mapping[CampaignKey, datetime]) -> None:
        """Look at these campaigns at an instant, or as soon as before."""
        self.insert(
            "dunning_campaign", "customer_ref entity_ref policy_ref next_at", "uuid uuid uuid timestamptz",
            [(*key, at) for key, at in sorted(rows.items())],
            "ON CONFLICT (tenant, customer_ref, entity_ref, policy_ref) DO UPDATE "
            "SET next_at = least(dunning_campaign.next_at, excluded.next_at)",
        )

    def due_campaigns(self, at: datetime, limit: int) -> list[CampaignRow]:
        """Those that are to be looked at by an instant."""
        rows = self.all(
            f"{_CAMPAIGN}AND c.next_at <= %s ORDER BY c.next_at, c.customer_ref, c.entity_ref, c.policy_ref LIMIT %s",
            self.tenant, at, limit,
        )
        return [_campaign(r) for r in rows]

    def campaign_page(
        self, after: tuple[str, str, str] | None, limit: int, customer_ref: str | None = None
    ) -> list[CampaignRow]:
        """Campaigns, by customer."""
        after = after or ("00000000-0000-0000-0000-000000000000",) * 3
        rows = self.all(
            f"{_CAMPAIGN}AND (c.customer_ref, c.entity_ref, c.policy_ref) > (%s::uuid, %s::uuid, %s::uuid) "
            "AND (%s::uuid IS NULL OR c.customer_ref = %s) ORDER BY c.customer_ref, c.entity_ref, c.policy_ref LIMIT %s",
            self.tenant, *after, customer_ref, customer_ref, limit,
        )
        return [_campaign(r) for r in rows]

    def set_campaigns(self, rows: Sequence[tuple[CampaignKey, int, datetime | None]]) -> None:
        """(campaign, its episode, when it is looked at next)."""
        self.conn.execute(
            "UPDATE dunning_campaign c SET episode = n.episode, next_at = n.at FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], "
            "%s::integer[], %s::timestamptz[]) AS n(customer, entity, policy, episode, at) WHERE c.tenant = %s "
            "AND c.customer_ref = n.customer AND c.entity_ref = n.entity AND c.policy_ref = n.policy",
            [*([r[0][k] for r in rows] for k in range(3)), [r[1] for r in rows], [r[2] for r in rows], self.tenant],
        )

    def add_dunning_requests(self, rows: Sequence[RequestRow]) -> None:
        """Write down what was asked for; each request of an episode once."""
        self.conn.execute(
            "INSERT INTO dunning_request (tenant, customer_ref, entity_ref, policy_ref, episode, currency, n, amount_minor, "
            "documents, at, outcome, promise_ref) SELECT %s, c, e, p, episode, currency, n, amount, "
            "string_to_array(docs, ',')::uuid[], at, outcome, promise "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::integer[], %s::text[], %s::integer[], "
            "%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::uuid[]) "
            "AS t(c, e, p, episode, currency, n, amount, docs, at, outcome, promise)",
            [self.tenant, *([r.key[k] for r in rows] for k in range(3)), [r.episode for r in rows], [r.currency for r in rows],
             [r.n for r in rows], [r.amount_minor for r in rows], [",".join(r.documents) for r in rows], [r.at for r in rows],
             [r.outcome for r in rows], [r.promise_ref for r in rows]],
        )  # fmt: skip

    def dunning_requests(self, customer_ref: str, limit: int) -> list[RequestRow]:
        """What a customer was asked for, the latest first."""
        rows = self.all(
            f"{_REQUEST}AND customer_ref = %s ORDER BY at DESC, currency LIMIT %s", self.tenant, customer_ref, limit
        )
        return [RequestRow((r[0], r[1], r[2]), r[3], r[4], r[5], r[6], tuple(r[7]), *r[8:]) for r in rows]


def _campaign(row: Sequence[Any]) -> CampaignRow:
    last = {currency: datetime.fromisoformat(at) for currency, at in row[6].items()}
    return CampaignRow((row[0], row[1], row[2]), row[3], row[4], CampaignState(row[5], last), frozenset(map(Ref, row[7])))
