"""What a test tenant sends, what is sent by hand, what comes with a mail, and what is written down of it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import psycopg
import pytest
from pypdf import PdfReader

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.usage.event import Event
from counterfoil.flows.advance import advance
from counterfoil.flows.deliver import (
    claim,
    send_document,
    set_mail_policy,
)
from counterfoil.flows.keep_parties import change_customer
from counterfoil.flows.promises import MailPolicy
from counterfoil.jobs import deliver as jobs_deliver
from tests.adapters.mail_server import read
from tests.flows.office import MINUTE, Office
from tests.flows.usage_contract import agreed


@pytest.mark.parametrize("mailbox", ["", "qa@newark.example"])
def test_a_test_tenant_never_writes_to_customers(trial: Office, mailbox: str) -> None:
    with trial.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=True, test_mailbox=mailbox))
    [ref] = trial.invoices("ap@acme.example, boss@acme.example")
    assert trial.send() == 1 and trial.sent(ref)
    with trial.tx() as tx:
        [kept] = tx.mails()
        source = trial.house.mail_source(tx, kept["promise_ref"])
    mail = read(source)
    assert "It would have gone to ap@acme.example, boss@acme.example." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert str(mail["Subject"]).startswith("[Test] ")
    if mailbox:
        assert [to for _, to in trial.post.envelopes] == [("qa@newark.example",)] and kept["via"] == "smtp"
    else:
        assert trial.post.taken == [] and kept["via"] == "outbox"
        assert kept["accepted"] == ["ap@acme.example", "boss@acme.example"]


def test_the_mail_of_a_tenant_whose_clock_stands_is_tried_again_by_the_clock_outside(trial: Office) -> None:
    with trial.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=True, test_mailbox="qa@newark.example"))
        tx.set_clock(datetime(2031, 1, 1, tzinfo=UTC))
    trial.invoices("ap@acme.example")
    trial.post.data = "451 busy"
    assert trial.send() == 0
    trial.post.data = ""
    trial.wait(MINUTE)
    assert trial.send() == 1


def test_a_live_tenant_has_no_test_mailbox_and_a_mailbox_is_an_address(office: Office, trial: Office) -> None:
    for one, box in ((office, "qa@newark.example"), (trial, "qa"), (trial, "a@b.cd, e@f.gh")):
        with one.tx() as tx, pytest.raises(Invalid, match="test_mailbox"):
            set_mail_policy(tx, MailPolicy(True, box))


def test_a_document_is_sent_again_by_hand_also_to_others_and_is_written_down(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example")
    office.send()
    with office.tx() as tx:
        send_document(tx, ref, to=["tax@adviser.example"])
        with pytest.raises(Invalid, match="to"):
            send_document(tx, ref, to=["nobody"])
        with pytest.raises(NotFound):
            send_document(tx, derived_ref("none"))
    assert office.send() == 1
    assert [to for _, to in office.post.envelopes] == [("ap@acme.example",), ("tax@adviser.example",)]
    with office.tx() as tx:
        assert sorted(m["accepted"] for m in tx.mails(document_ref=ref)) == [["ap@acme.example"], ["tax@adviser.example"]]
        assert "send" in [row["verb"] for row in tx.audit_of(ref)]


def test_one_tenants_promises_are_nobody_elses(office: Office, trial: Office) -> None:
    office.invoices("ap@acme.example")
    with trial.tx() as tx:
        assert claim(tx, office.times[0], 10) == []
        assert tx.conn.execute("SELECT count(*) FROM promise").fetchone() == (0,)


def test_what_went_out_is_never_rewritten(office: Office) -> None:
    office.invoices("ap@acme.example")
    office.send()
    with pytest.raises(psycopg.errors.RestrictViolation), office.tx() as tx:
        tx.conn.execute("UPDATE mail SET accepted = '{}'")


def used(trial: Office, **wants: bool) -> tuple[Ref, EmailMessage]:
    """(invoice over usage, its mail) of a customer that wants these attachments."""
    advance(trial.house.db, trial.tenant, to=datetime(2026, 4, 1, tzinfo=UTC))
    customer_ref, stream = agreed(trial.house.db, trial.tenant, "America/New_York", "AFTER_USE", start=date(2026, 4, 1))
    at = datetime(2026, 4, 2, tzinfo=UTC)
    events = [Event(derived_ref(trial.tenant, n), customer_ref, stream, at + timedelta(minutes=n), Decimal(n % 9 + 1),
                    {"op": "add", "who": f"w{n % 5}"}, key=f"k{n}") for n in range(90)]
    with trial.tx() as tx:
        customer = tx.customers([customer_ref])[customer_ref]
        change_customer(tx, replace(customer, email="ap@acme.example", settings=wants))
        tx.add_events(events)
    advance(trial.house.db, trial.tenant, to=datetime(2026, 5, 2, tzinfo=UTC))
    assert trial.send() == 1
    with trial.tx() as tx:
        [kept] = tx.mails()
        return kept["document_ref"], read(trial.house.mail_source(tx, kept["promise_ref"]))


def files(mail: EmailMessage) -> dict[str, Any]:
    return {str(f.get_filename()).partition("1")[2]: f.get_content() for f in mail.iter_attachments()}


def test_a_customer_gets_the_usage_log_in_the_forms_that_it_asked_for_and_complete(trial: Office) -> None:
    _ref, mail = used(trial, attach_usage_logs_csv=True, attach_usage_logs_pdf=True)
    found = files(mail)
    assert set(found) == {".pdf", "-usage.csv", "-usage.pdf"}
    assert "The usage log is attached." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    rows = list(csv.reader(io.StringIO(found["-usage.csv"])))
    assert [row[rows[0].index("key")] for row in rows[1:]] == [f"k{n}" for n in range(90)]
    pages = "".join(page.extract_text() for page in PdfReader(io.BytesIO(found["-usage.pdf"])).pages)
    assert all(f"k{n}\n" in pages for n in range(90)) and "90 events" in pages and "seats" in pages


@pytest.mark.parametrize("wants", [{}, {"attach_usage_logs_csv": False, "attach_usage_logs_pdf": False}])
def test_who_did_not_ask_for_the_log_gets_the_invoice_alone(trial: Office, wants: dict[str, bool]) -> None:
    _ref, mail = used(trial, **wants)
    assert set(files(mail)) == {".pdf"}
    assert "usage log" not in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_log_too_long_for_a_mail_is_not_read_and_the_letter_says_where_it_is(
    trial: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_deliver, "MAX_EVENTS", 50)
    monkeypatch.setattr(jobs_deliver, "counted_usage", None)
    _ref, mail = used(trial, attach_usage_logs_csv=True, attach_usage_logs_pdf=True)
    assert set(files(mail)) == {".pdf"}
    said = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "events, too many for a mail. It can be downloaded online." in said


def test_a_log_of_few_events_that_say_too_much_is_left_out_of_the_mail(
    trial: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_deliver, "MAX_CSV_BYTES", 1000)
    _ref, mail = used(trial, attach_usage_logs_csv=True)
    assert set(files(mail)) == {".pdf"}
    assert "downloaded online" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
