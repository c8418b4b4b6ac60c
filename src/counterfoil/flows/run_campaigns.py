"""Ask customers in one mail for all that is overdue: at most so often, so many days apart, from a sum on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.contracts.parties import Customer
from counterfoil.core.payments.chase import at_hour, next_look
from counterfoil.core.payments.dunning import NOT_STARTED, CampaignState, Overdue, requests
from counterfoil.flows.deliver import SEND
from counterfoil.flows.dunning_rows import CampaignKey, CampaignRow, ChaseRow, PolicyRow, RequestRow
from counterfoil.flows.ports import DocumentRow, OpenTx, Tx
from counterfoil.flows.promises import NewPromise

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overdues:
    """What counts in a campaign: open documents, and from when on."""

    campaign: CampaignRow
    policy: PolicyRow
    rows: Mapping[Ref, DocumentRow]
    since: Mapping[Ref, datetime]

    @property
    def invoices(self) -> list[Overdue]:
        """As the rules of campaigns read them."""
        return [Overdue(r.currency, r.open_minor, self.since[ref]) for ref, r in self.rows.items()]

    def started(self) -> tuple[int, CampaignState]:
        """The episode, and what was asked for in it: another one, once all that was asked for is settled."""
        row = self.campaign
        if row.documents and not row.documents & set(self.rows):
            return row.episode + 1, NOT_STARTED
        return row.episode, row.asked


def overdues(tx: Tx, campaigns: Sequence[CampaignRow]) -> list[Overdues]:
    """What is open of each campaign, in one read for all."""
    chases = tx.chases_in([c.key for c in campaigns]) if campaigns else {}
    rows = tx.document_rows([c.document_ref for some in chases.values() for c in some])
    policies, entities = tx.dunning_policies(), tx.entities(list({c.key[1] for c in campaigns}))
    found = []
    for campaign in campaigns:
        policy = policies[campaign.key[2]]
        zone = entities[campaign.key[1]].time_zone
        mine = [c for c in chases[campaign.key] if rows[c.document_ref].open_minor > 0]
        found.append(Overdues(
            campaign, policy, {c.document_ref: rows[c.document_ref] for c in mine},
            {c.document_ref: _since(c, policy, zone) for c in mine},
        ))
    return found


def run_campaigns(db: OpenTx, tenant: int, actor: str, at: datetime, limit: int) -> int:
    """Look at every campaign that is to be looked at by `at`; how many requests were made."""
    done = 0
    while True:
        with db.tx(tenant, actor) as tx:
            tx.lock("dunning")
            due = tx.due_campaigns(at, limit)
            if tx.this_tenant().mode == "live" and tx.now - at > ONE_DAY:
                at = tx.now  # nobody is asked twice at once for the days in which nothing ran
            tx.lock_accounts([c.key[0] for c in due])
            customers = tx.customers(list({c.key[0] for c in due})) if due else {}
            sends = tx.mail_policy().sends
            looked = [_look(some, at, customers[some.campaign.key[0]], sends) for some in overdues(tx, due)]
            made = [r for _next, rows, _mail in looked for r in rows]
            tx.set_campaigns([n for n, _rows, _mail in looked])
            tx.add_dunning_requests(made)
            tx.promise(SEND, [mail for _next, _rows, mails in looked for mail in mails])
            tx.audit_all("ask", "dunning", [(r.key[0], r) for r in made])
        done += len(made)
        if not due:
            return done


Looked = tuple[tuple[CampaignKey, int, datetime | None], list[RequestRow], list[NewPromise]]
"""When it is looked at next, what was asked for, and the mail."""


def _look(some: Overdues, at: datetime, customer: Customer, sends: bool) -> Looked:
    campaign, key = some.policy.policy.campaign, some.campaign.key
    if campaign is None or not some.policy.is_enabled:
        return (key, some.campaign.episode, None), [], []
    episode, state = some.started()
    asked, state = requests(campaign, state, some.invoices, at)
    then = key, episode, next_look(campaign, state, some.invoices, at)
    if not asked:
        return then, [], []
    documents = sorted(
        (r for ref, r in some.rows.items() if r.currency in asked and some.since[ref] <= at), key=lambda r: (r.due_on, r.number)
    )
    ref = derived_ref("promise", "dunning", *key, episode, *(f"{c} {state.attempts[c]}" for c in sorted(asked)))
    outcome = "promised"
    if not sends or not customer.email.strip():
        outcome = "skipped: " + ("the customer has no e-mail address" if sends else "documents do not go out by mail")
    mail = NewPromise(ref, documents[0].ref, at, {"letter": "campaign", "documents": [r.ref for r in documents]})
    return then, [
        RequestRow(key, episode, currency, state.attempts[currency], minor,
                   tuple(r.ref for r in documents if r.currency == currency), at, outcome, ref if outcome == "promised" else None)
        for currency, minor in asked.items()
    ], [mail] if outcome == "promised" else []


def _since(c: ChaseRow, policy: PolicyRow, zone: str) -> datetime:
    return at_hour(c.base_on + timedelta(days=policy.policy.campaign_day), policy.policy.hour, zone)
