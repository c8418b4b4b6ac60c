"""Dunning runs by the clock: each step at most once, in date order, as it was foreseen, and it stops when the money is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.payments.chase import Policy, Step
from counterfoil.core.payments.dunning import Campaign
from counterfoil.flows.advance import move_clock as set_clock
from counterfoil.flows.credit_document import credit_document, mark_paid
from counterfoil.flows.deliver import SEND
from counterfoil.flows.dispute_payment import close_dispute, open_dispute
from counterfoil.flows.dunning_plan import overdue_state_of, plan_campaigns, plan_of_document
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_dunning import (
    change_policy,
    choose_policy,
    create_policy,
    delete_policy,
    pause_customer,
    pause_document,
    resume_customer,
)
from counterfoil.flows.write_off import write_off
from tests.flows.office import Office

STAGES = Policy((
    Step("mail", -3, "upcoming"), Step("mail", 3, "first"), Step("mail", 10, "second"), Step("state", 15, state="WARNED"),
    Step("mail", 20, "final"),
))  # fmt: skip


def until(office: Office, *days: str) -> None:
    """Let the clock pass noon of each of these days, with the worker at work."""
    for day in days:
        office.times[0] = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        office.house.advance(office.tenant, actor="worker")
        office.send()


def steps(office: Office, ref: Ref) -> list[tuple[str, str]]:
    with office.tx() as tx:
        return [(s.key, s.outcome) for s in reversed(tx.dunning_steps(None, 100, document_ref=ref))]


def test_a_late_payer_is_reminded_stage_by_stage(office: Office) -> None:
    with office.tx() as tx:
        create_policy(tx, "Standard", STAGES, is_default=True)
    [ref] = office.invoices("ap@acme.example", net_days=30)  # due 2026-04-09
    until(office, "2026-04-05")
    assert steps(office, ref) == []
    until(office, "2026-04-06", "2026-04-12", "2026-04-19", "2026-04-24", "2026-04-29", "2026-12-01")
    assert steps(office, ref) == [
        ("mail:upcoming@-3", "promised"), ("mail:first@3", "promised"), ("mail:second@10", "promised"),
        ("state:WARNED@15", "done"), ("mail:final@20", "promised"),
    ]
    assert [m["Subject"] for m in office.mails] == [
        "Invoice EWR-INV-000001 from Newark & Co", "Invoice EWR-INV-000001 is due on Apr 9, 2026",
        "Reminder: Invoice EWR-INV-000001", "Second reminder: Invoice EWR-INV-000001", "Final reminder: Invoice EWR-INV-000001",
    ]


def started(office: Office, policy: Policy, **fields: Any) -> None:
    with office.tx() as tx:
        create_policy(tx, "Standard", policy, is_default=True, **fields)


def foreseen(office: Office, ref: Ref) -> list[tuple[datetime, str]]:
    with office.tx() as tx:
        return [(s.at, s.key) for s in plan_of_document(tx, ref).planned]


def subjects(office: Office) -> list[str]:
    return [str(m["Subject"]) for m in office.mails if not str(m["Subject"]).endswith("Newark & Co")]


def test_what_was_foreseen_is_what_happens_at_those_very_instants(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    plan = foreseen(office, ref)
    assert [p[0] for p in plan] == [
        datetime(2026, 4, d, 9, tzinfo=UTC) for d in (6, 12, 19, 24, 29)
    ]
    for at, _key in plan:
        office.times[0] = at
        office.house.advance(office.tenant)
    with office.tx() as tx:
        assert [(s.due_at, s.key) for s in reversed(tx.dunning_steps(None, 100))] == plan
        assert all(s.due_at == s.at for s in tx.dunning_steps(None, 100))
    assert foreseen(office, ref) == []


def test_a_payment_between_two_reminders_stops_the_next_and_drops_a_promised_mail(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    until(office, "2026-04-13")
    office.times[0] = datetime(2026, 4, 19, 12, tzinfo=UTC)
    office.house.advance(office.tenant)  # promised, and not sent yet
    with office.tx() as tx:
        mark_paid(tx, ref)
    assert foreseen(office, ref) == []
    office.send()
    until(office, "2026-06-01")
    assert subjects(office) == ["Reminder: Invoice EWR-INV-000001"]
    with office.tx() as tx:
        assert [m.state for m in tx.mail_page(SEND, None, 10, document_ref=ref)].count("dropped") == 1
        assert tx.chases([ref])[ref].state == "stopped"


@pytest.mark.parametrize(("how", "why"), [("credit", "credited"), ("write off", "written off"), ("pay", "paid")])
def test_whatever_closes_a_document_stops_its_dunning(how: str, why: str, office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    with office.tx() as tx:
        if how == "credit":
            credit_document(tx, ref)
        elif how == "write off":
            write_off(tx, ref, None, "lost")
        else:
            mark_paid(tx, ref)
    until(office, "2026-03-11", "2026-06-01")
    with office.tx() as tx:
        chase = tx.chases([ref])[ref]
        assert (chase.state, chase.why, chase.next_at) == ("stopped", why, None)
        assert tx.dunning_steps(None, 10) == []


def test_a_chargeback_begins_again_where_the_policy_says(office: Office) -> None:
    started(office, replace(STAGES, chargeback_day=10))
    [ref] = office.invoices("ap@acme.example", net_days=30)
    until(office, "2026-04-06", "2026-04-12")
    with office.tx() as tx:
        mark_paid(tx, ref)
    until(office, "2026-05-01")
    with office.tx() as tx:
        [payment] = tx.payment_page(None, 10)
        open_dispute(tx, payment.ref, provider_ref="dp_1")
        close_dispute(tx, payment.ref, won=False, provider_ref="dp_1")
    until(office, "2026-05-01", "2026-05-02", "2026-05-06", "2026-05-11")
    with office.tx() as tx:
        rows = [(s.round, s.key, s.due_at.date()) for s in reversed(tx.dunning_steps(None, 100))]
    assert rows[2:] == [
        (2, "mail:second@10", date(2026, 5, 1)), (2, "state:WARNED@15", date(2026, 5, 6)), (2, "mail:final@20", date(2026, 5, 11))
    ]


def test_nothing_is_done_twice_by_workers_who_run_at_once_or_again(office: Office) -> None:
    started(office, STAGES)
    refs = office.invoices("ap@acme.example", net_days=30, count=5)
    office.times[0] = datetime(2026, 4, 12, 12, tzinfo=UTC)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _n: office.house.advance(office.tenant), range(4)))
    assert all(steps(office, ref) == [("mail:upcoming@-3", "overtaken"), ("mail:first@3", "promised")] for ref in refs)
    with office.tx() as tx:
        assert len(tx.mail_page(SEND, None, 100)) == 10  # each invoice, and one reminder of each


def test_after_an_outage_a_customer_gets_one_mail_and_not_all_that_were_missed(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    office.send()
    until(office, "2026-05-20")
    assert subjects(office) == ["Final reminder: Invoice EWR-INV-000001"]
    assert [o for _k, o in steps(office, ref)] == ["overtaken", "overtaken", "overtaken", "done", "promised"]


def test_the_clock_of_a_test_tenant_moves_years_and_every_step_is_taken_on_its_day(trial: Office) -> None:
    with trial.tx() as tx:
        set_clock(tx, datetime(2026, 3, 10, 12, tzinfo=UTC))
    started(trial, STAGES)
    [ref] = trial.invoices("ap@acme.example", net_days=30)
    plan = foreseen(trial, ref)
    trial.house.advance(trial.tenant, to=datetime(2029, 1, 1, tzinfo=UTC))
    with trial.tx() as tx:
        assert [(s.due_at, s.key) for s in reversed(tx.dunning_steps(None, 100))] == plan


def test_a_paused_document_waits_and_goes_on_from_where_it_stood(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    until(office, "2026-04-06", "2026-04-12")
    with office.tx() as tx:
        pause_document(tx, ref, until=date(2026, 5, 12), reason="promised to pay in May")  # 30 days
    until(office, "2026-04-19", "2026-05-11")
    assert len(steps(office, ref)) == 2
    plan = foreseen(office, ref)
    assert plan[0] == (datetime(2026, 5, 19, 9, tzinfo=UTC), "mail:second@10")
    until(office, "2026-05-12", "2026-05-19")
    assert steps(office, ref)[-1] == ("mail:second@10", "promised")
    assert foreseen(office, ref) == plan[1:]


def test_a_customer_in_talks_is_left_alone_with_later_documents_too(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    with office.tx() as tx:
        row = tx.document_row(ref)
        pause_customer(tx, row.customer_ref, reason="in talks")
        [later] = invoice_ad_hoc(tx, [AdHocInvoice(row.customer_ref, (AdHocLine("Consulting", Decimal(10)),))])
    until(office, "2026-06-01")
    assert steps(office, ref) == steps(office, later.ref) == []
    with office.tx() as tx:
        resume_customer(tx, row.customer_ref)
        with pytest.raises(Conflict, match="nothing is paused"):
            resume_customer(tx, row.customer_ref)
    assert foreseen(office, ref)[0][0] > office.times[0]
    until(office, "2026-06-30", "2026-07-05")
    assert sorted(subjects(office))[0].startswith("Invoice EWR-INV-000001 is due")


def test_a_campaign_asks_once_for_three_invoices_in_two_currencies(office: Office) -> None:
    terms = Campaign(2, 14, {"EUR": 10_000, "USD": 10_000})
    started(office, Policy(campaign=terms, campaign_day=5))
    [customer] = office.customers("ap@acme.example", net_days=10)
    line = AdHocLine("Consulting", Decimal("119.50"))
    with office.tx() as tx:
        made = invoice_ad_hoc(tx, [
            AdHocInvoice(customer.ref, (line,), currency="USD"), AdHocInvoice(customer.ref, (line,), currency="EUR"),
            AdHocInvoice(customer.ref, (AdHocLine("Small", Decimal("20.00")),), currency="EUR"),
        ])
        [plan] = plan_campaigns(tx, tx.campaign_page(None, 10))
    assert [(r.at.date(), r.currency, r.amount_minor, r.n) for r in plan.requests] == [
        (date(2026, 3, 25), "USD", 11_950, 1), (date(2026, 3, 25), "EUR", 13_950, 1),
        (date(2026, 4, 9), "USD", 11_950, 2), (date(2026, 4, 9), "EUR", 13_950, 2),
    ]
    office.send()
    until(office, "2026-03-25")
    mail = office.mails[-1]
    assert mail["Subject"] == "3 open documents of Newark & Co"
    text = mail.get_body(("plain",)).get_content()
    assert "Total in USD: $119.50" in text and "Total in EUR: €139.50" in text and text.count("due Mar 20, 2026") == 3
    assert len(list(mail.iter_attachments())) == 3
    with office.tx() as tx:
        mark_paid(tx, made[1].ref)
    until(office, "2026-04-09", "2026-05-01", "2026-12-01")
    with office.tx() as tx:
        asked = [(r.at.date(), r.currency, r.n) for r in tx.dunning_requests(customer.ref, 10)]
    assert asked == [(date(2026, 4, 9), "USD", 2), (date(2026, 3, 25), "EUR", 1), (date(2026, 3, 25), "USD", 1)]
    with office.tx() as tx:  # all is settled: what falls overdue later is another episode
        for d in (made[0], made[2]):
            mark_paid(tx, d.ref)
        invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, (line,), currency="USD")])
    until(office, "2027-01-01")
    with office.tx() as tx:
        assert [(r.episode, r.n) for r in tx.dunning_requests(customer.ref, 1)] == [(2, 1)]


def test_a_policy_that_changes_asks_from_now_on_and_not_for_the_past(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    until(office, "2026-04-06", "2026-04-12", "2026-04-25")
    with office.tx() as tx:
        [row] = tx.dunning_policies().values()
        change_policy(tx, replace(row, policy=Policy((Step("mail", 5, "second"), Step("mail", 25, "final")))))
    until(office, "2026-04-26", "2026-05-04")
    assert [k for k, _o in steps(office, ref)][-1] == "mail:final@25" and "mail:second@5" not in dict(steps(office, ref))
    with office.tx() as tx, pytest.raises(Conflict, match="switch it off"):
        delete_policy(tx, row.ref)


def test_documents_that_were_open_before_are_taken_in_on_request_and_count_from_today(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example", net_days=30)
    until(office, "2026-06-01")
    started(office, STAGES)
    with office.tx() as tx:
        assert tx.chases([ref]) == {} and plan_of_document(tx, ref).chase is None
        create_policy(tx, "All", STAGES, is_default=True, open_documents=True)
    assert foreseen(office, ref)[0] == (datetime(2026, 6, 4, 9, tzinfo=UTC), "mail:first@3")


def test_a_customer_with_several_late_documents_has_the_worst_state_of_them(office: Office) -> None:
    started(office, Policy((Step("state", 5, state="LATE"), Step("state", 15, state="BLOCKED"))))
    first, _second = office.invoices("ap@acme.example", net_days=30, count=2)
    with office.tx() as tx:
        customer = tx.document_row(first).customer_ref
    found = []
    for day in ("2026-04-10", "2026-04-14", "2026-04-24"):
        until(office, day)
        with office.tx() as tx:
            found.append(overdue_state_of(tx, customer)[0])
    assert found == ["CLEAR", "LATE", "BLOCKED"]


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (Policy((Step("mail", 3),)), "steps[0].letter"),
        (Policy((Step("cancel", 3, "first"),)), "steps[0].letter"),
        (Policy((Step("cancel", 0),)), "steps[0].day"),
        (Policy((Step("mail", -1, "final"),)), "steps[0].day"),
        (Policy((Step("mail", 3, "first"), Step("mail", 3, "first"))), "steps[1]"),
        (Policy((Step("state", 3, state="warned"),)), "steps[0].state"),
        (Policy(retry_days=(0,)), "retry_days"),
        (Policy(hour=24), "hour"),
        (Policy(campaign=Campaign(1, 1, {"XXQ": 1})), "campaign.thresholds"),
        (Policy(campaign=Campaign(0, 1, {"EUR": 1})), "campaign.max_attempts"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(policy: Policy, field: str, office: Office) -> None:
    with office.tx() as tx, pytest.raises(Invalid) as refused:
        create_policy(tx, "Standard", policy)
    assert [p.field for p in refused.value.problems] == [field]


def test_a_campaign_that_a_policy_is_given_later_asks_for_what_is_overdue_already(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=10)
    until(office, "2026-06-01")
    with office.tx() as tx:
        [row] = tx.dunning_policies().values()
        change_policy(tx, replace(row, policy=replace(STAGES, campaign=Campaign(2, 14, {"USD": 100}))))
    until(office, "2026-06-01", "2026-06-10", "2026-06-16", "2026-08-01")
    with office.tx() as tx:
        customer = tx.document_row(ref).customer_ref
        assert [r.at.date() for r in tx.dunning_requests(customer, 10)] == [date(2026, 6, 16), date(2026, 6, 1)]


def test_another_policy_of_a_contract_is_that_of_its_open_documents_at_once(office: Office) -> None:
    started(office, STAGES)
    with office.tx() as tx:
        create_policy(tx, "Weekly", Policy(campaign=Campaign(3, 6, {"USD": 100})))
        create_policy(tx, "Silent", Policy())
    refs = office.invoices("ap@acme.example", net_days=10)
    with office.tx() as tx, pytest.raises(NotFound):
        choose_policy(tx, refs[0], "Weekly")  # a document is no contract
