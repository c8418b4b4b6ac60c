"""`/v1/dunning`: policies, what will happen when, what was done, pausing and resuming."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.dunning_wire import (
    CampaignTerms,
    Days,
    DunningCampaign,
    DunningPlan,
    DunningPolicy,
    DunningTerms,
    Steps,
    StepTaken,
    campaign_out,
    changed_terms,
    plan_out,
    policy_of,
    policy_out,
    step_out,
)
from counterfoil.api.native.paging import Page, Paging, page, page_of_all, position
from counterfoil.api.native.wire import Day, Input, Instant, Output, RefText, ShortText, amount
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.flows.dunning_plan import (
    overdue_state_of,
    plan_campaigns,
    plan_of_customer,
    plan_of_document,
    plan_page,
    steps_done,
)
from counterfoil.flows.keep_dunning import (
    change_policy,
    choose_policy,
    create_policy,
    delete_policy,
    find_policy,
    pause_customer,
    pause_document,
    policies_for,
    resume_customer,
    resume_document,
)

PolicyName = Annotated[str, Meta(min_length=1, max_length=100, examples=["Standard"])]
Open = Annotated[
    bool, Meta(description="Documents that are open come under it, too; their days count from today at the earliest")
]


class NewDunningPolicy(DunningTerms, kw_only=True):
    """A policy. `is_default`: for every contract that has none of its own."""

    name: PolicyName
    is_default: bool = False
    is_enabled: bool = True
    open_documents: Open = False


class DunningPolicyChange(Input):
    """What is to change; what is left out stays. `campaign` null: none."""

    name: PolicyName | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
    steps: Steps | UnsetType = UNSET
    retry_days: Days | UnsetType = UNSET
    campaign: CampaignTerms | UnsetType | None = UNSET
    campaign_day: int | UnsetType = UNSET
    hour: int | UnsetType = UNSET
    chargeback_day: int | UnsetType = UNSET
    open_documents: Open = False


class DroppedDunningPolicy(Output):
    """The policy is gone."""

    policy_ref: RefText
    deleted: bool = True


class ContractDunning(Input):
    """The policy of a contract by name; null: nothing is done about its documents. `inherit`: it has the tenant's default."""

    policy: PolicyName | None = None
    inherit: bool = False


class ContractDunningOut(Output):
    """Which policy a contract has: `own`, the tenant's (`default`), or none (null)."""

    contract_ref: RefText
    policy: str | None
    policy_ref: RefText | None
    source: Literal["own", "default"]


class Pause(Input):
    """`until`: the day on which it goes on by itself; without one it waits until it is resumed."""

    until: Day | None = None
    reason: ShortText = ""


class CustomerDunning(Output):
    """How a customer stands: its overdue state by the policies of its documents (`CLEAR` where nothing is late enough)."""

    customer_ref: RefText
    state: str
    because_of: str | None
    open: list[str]
    is_paused: bool
    paused_until: Day | None
    pause_reason: str


class PlanFilter(Paging):
    """What of the plan; by default everything that will happen in a year."""

    document_ref: RefText | None = None
    customer_ref: RefText | None = None
    until: Instant | None = None


class StepFilter(Paging):
    """What of the history."""

    document_ref: RefText | None = None
    customer_ref: RefText | None = None


class CampaignFilter(Paging):
    """Whose campaigns."""

    customer_ref: RefText | None = None
    until: Instant | None = None


def list_dunning_policies(call: Call) -> Page[DunningPolicy]:
    """Policies by name."""
    return page_of_all(list(call.tx.dunning_policies().values()), call.query, lambda x: (x.name, x.ref), policy_out)


def post_dunning_policy(call: Call) -> DunningPolicy:
    """Make a policy."""
    b: NewDunningPolicy = call.body
    return policy_out(create_policy(
        call.tx, b.name, policy_of(b), is_default=b.is_default, is_enabled=b.is_enabled, open_documents=b.open_documents
    ))


def get_dunning_policy(call: Call) -> DunningPolicy:
    """One policy."""
    return policy_out(find_policy(call.tx, call.ref("policy_ref")))


def patch_dunning_policy(call: Call) -> DunningPolicy:
    """Change a policy."""
    row = find_policy(call.tx, call.ref("policy_ref"))
    given = {n: v for n in call.body.__struct_fields__ if (v := getattr(call.body, n)) is not UNSET}
    opens = given.pop("open_documents")
    head = {n: given.pop(n) for n in ("name", "is_default", "is_enabled") if n in given}
    terms = policy_of(changed_terms(row.policy, given))
    return policy_out(change_policy(call.tx, replace(row, policy=terms, **head), open_documents=opens))


def delete_dunning_policy(call: Call) -> DroppedDunningPolicy:
    """Take a policy away."""
    ref = call.ref("policy_ref")
    delete_policy(call.tx, ref)
    return DroppedDunningPolicy(policy_ref=ref)


def get_contract_dunning(call: Call) -> ContractDunningOut:
    """Which policy a contract has."""
    ref = Ref(call.ref("contract_ref"))
    if call.tx.contract(ref) is None:
        raise NotFound("contract.not_found", f"there is no contract {ref}")
    row = policies_for(call.tx, [ref]).get(ref)
    own = ref in call.tx.dunning_choices([ref])
    return ContractDunningOut(
        contract_ref=ref, policy=None if row is None else row.name, policy_ref=None if row is None else row.ref,
        source="own" if own else "default",
    )


def put_contract_dunning(call: Call) -> ContractDunningOut:
    """Give a contract a policy."""
    b: ContractDunning = call.body
    if b.inherit and b.policy is not None:
        raise Invalid.field("policy", "must not be given with inherit")
    choose_policy(call.tx, call.ref("contract_ref"), b.policy, is_default=b.inherit)
    return get_contract_dunning(call)


def get_dunning_plan(call: Call) -> Page[DunningPlan]:
    """What will happen when."""
    q: PlanFilter = call.query
    if q.document_ref is not None:
        return Page([plan_out(plan_of_document(call.tx, q.document_ref, until=q.until))])
    if q.customer_ref is not None:
        return Page([plan_out(c) for c in plan_of_customer(call.tx, q.customer_ref, until=q.until)])
    rows = plan_page(call.tx, position(q.after, Instant, RefText), q.limit + 1, until=q.until)
    made = page(rows, q.limit, lambda c: (c.chase and c.chase.next_at, c.document.ref), lambda c: c)
    return Page([plan_out(c) for c in made.data if c.document.open_minor > 0], made.next)


def get_dunning_steps(call: Call) -> Page[StepTaken]:
    """What was done."""
    q: StepFilter = call.query
    before = position(q.after, int)
    rows = steps_done(
        call.tx, before[0] if before else None, q.limit + 1, document_ref=q.document_ref, customer_ref=q.customer_ref
    )
    return page(rows, q.limit, lambda s: (s.seq,), step_out)


def get_dunning_campaigns(call: Call) -> Page[DunningCampaign]:
    """Campaigns."""
    q: CampaignFilter = call.query
    rows = call.tx.campaign_page(position(q.after, RefText, RefText, RefText), q.limit + 1, q.customer_ref)
    made = page(rows, q.limit, lambda c: c.key, lambda c: c)
    return Page([campaign_out(c) for c in plan_campaigns(call.tx, made.data, until=q.until)], made.next)


def get_customer_dunning(call: Call) -> CustomerDunning:
    """How a customer stands."""
    ref = call.ref("customer_ref")
    state, document = overdue_state_of(call.tx, ref)
    hold = call.tx.dunning_holds([ref]).get(ref)
    open_sums: dict[str, int] = {}
    for d in call.tx.open_documents([ref]):
        open_sums[d.currency] = open_sums.get(d.currency, 0) + d.open_minor
    return CustomerDunning(
        customer_ref=ref, state=state, because_of=None if document is None else document.number,
        open=[f"{amount(minor, currency)} {currency}" for currency, minor in sorted(open_sums.items())],
        is_paused=hold is not None, paused_until=None if hold is None else hold.until,
        pause_reason="" if hold is None else hold.reason,
    )


def pause_document_dunning(call: Call) -> DunningPlan:
    """Pause a document."""
    ref = call.ref("document_ref")
    pause_document(call.tx, ref, until=call.body.until, reason=call.body.reason)
    return plan_out(plan_of_document(call.tx, ref))


def resume_document_dunning(call: Call) -> DunningPlan:
    """Resume a document."""
    ref = call.ref("document_ref")
    resume_document(call.tx, ref)
    return plan_out(plan_of_document(call.tx, ref))


def pause_customer_dunning(call: Call) -> CustomerDunning:
    """Pause a customer."""
    pause_customer(call.tx, call.ref("customer_ref"), until=call.body.until, reason=call.body.reason)
    return get_customer_dunning(call)


def resume_customer_dunning(call: Call) -> CustomerDunning:
    """Resume a customer."""
    resume_customer(call.tx, call.ref("customer_ref"))
    return get_customer_dunning(call)


_POLICY = "/v1/dunning/policies/{policy_ref}"
_EXAMPLE = {
    "name": "Standard", "is_default": True, "retry_days": [3, 5, 7],
    "steps": [
        {"kind": "mail", "day": -3, "letter": "upcoming"}, {"kind": "mail", "day": 3, "letter": "first"},
        {"kind": "mail", "day": 10, "letter": "second"}, {"kind": "state", "day": 20, "state": "WARNED"},
        {"kind": "mail", "day": 30, "letter": "final"}, {"kind": "cancel", "day": 60},
    ],
    "campaign": {"max_attempts": 3, "days_between_attempts": 14, "thresholds": {"EUR": "50.00", "USD": "50.00"}},
}

ROUTES = (
    Route("GET", "/v1/dunning/policies", "Dunning", "Policies by name",
          list_dunning_policies, Page[DunningPolicy], query=Paging),
    Route("POST", "/v1/dunning/policies", "Dunning", "Make a policy",
          post_dunning_policy, DunningPolicy, body=NewDunningPolicy,
          roles=ADMIN, status=201, errors=(409,), example=_EXAMPLE,
          about="Steps count days from the due date, below zero before it. The default is for documents issued from now on."),
    Route("GET", _POLICY, "Dunning", "One policy", get_dunning_policy, DunningPolicy, errors=(404,)),
    Route("PATCH", _POLICY, "Dunning", "Change a policy",
          patch_dunning_policy, DunningPolicy, body=DunningPolicyChange, roles=ADMIN,
          errors=(404, 409), example={"is_enabled": False},
          about="Also for the documents under it: what was done stays done, what would have been due before now is not done."),
    Route("DELETE", _POLICY, "Dunning", "Take a policy away", delete_dunning_policy, DroppedDunningPolicy, roles=ADMIN,
          errors=(404, 409), about="409 for one that documents or contracts have; switch it off instead."),
    Route("GET", "/v1/contracts/{contract_ref}/dunning", "Dunning", "Which policy a contract has",
          get_contract_dunning, ContractDunningOut,
          errors=(404,)),
    Route("PUT", "/v1/contracts/{contract_ref}/dunning", "Dunning", "Give a contract a policy",
          put_contract_dunning, ContractDunningOut,
          body=ContractDunning, roles=FINANCE, errors=(404, 409), example={"policy": "Patient"}),
    Route("GET", "/v1/dunning/plan", "Dunning", "What will happen when, and why",
          get_dunning_plan, Page[DunningPlan], query=PlanFilter,
          errors=(404,), about="Of one document, one customer (all at once), or of all, the next first."),
    Route("GET", "/v1/dunning/steps", "Dunning", "What was done, the latest first",
          get_dunning_steps, Page[StepTaken], query=StepFilter),
    Route("GET", "/v1/dunning/campaigns", "Dunning", "Campaigns over several documents: what was asked for and will be",
          get_dunning_campaigns, Page[DunningCampaign], query=CampaignFilter),
    Route("GET", "/v1/customers/{customer_ref}/dunning", "Dunning", "How a customer stands",
          get_customer_dunning, CustomerDunning,
          errors=(404,)),
    Route("POST", "/v1/documents/{document_ref}/dunning/pause", "Dunning", "Do nothing about a document for a while",
          pause_document_dunning, DunningPlan, body=Pause, roles=FINANCE, errors=(404, 409),
          example={"until": "2026-05-01", "reason": "promised to pay"}),
    Route("POST", "/v1/documents/{document_ref}/dunning/resume", "Dunning", "Go on with a document",
          resume_document_dunning, DunningPlan,
          roles=FINANCE, errors=(404, 409)),
    Route("POST", "/v1/customers/{customer_ref}/dunning/pause", "Dunning", "Do nothing about a customer's documents",
          pause_customer_dunning, CustomerDunning, body=Pause, roles=FINANCE, errors=(404, 409), example={"reason": "in talks"}),
    Route("POST", "/v1/customers/{customer_ref}/dunning/resume", "Dunning", "Go on with a customer's documents",
          resume_customer_dunning, CustomerDunning, roles=FINANCE, errors=(404, 409)),
)
