"""Documents go out by mail: promised with the document, sent at least once, and nothing that was not sent is forgotten."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pypdf import PdfReader

from counterfoil.adapters.mail.fake import FakePost
from counterfoil.adapters.mail.smtp import SmtpPost, read_smtp_url
from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Upstream
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.usage.event import Event
from counterfoil.flows.advance import advance
from counterfoil.flows.credit_document import credit_document
from counterfoil.flows.deliver import (
    BACK_OFF,
    LEASE,
    MAX_TRIES,
    SEND,
    claim,
    retry_sending,
    send_document,
    set_mail_policy,
)
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import change_customer, create_customers, create_entity
from counterfoil.flows.ports import Handed, Mail, MailPolicy
from counterfoil.jobs import deliver as jobs_deliver
from counterfoil.jobs.deliver import delivering
from counterfoil.settings import Settings
from counterfoil.store.tx import Database
from tests.adapters.mail_server import Server, read, serving
from tests.flows.usage_contract import agreed

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Office:
    """A house whose clock is moved by the test, a tenant of it, and a mail server."""

    house: House
    tenant: int
    post: FakePost
    times: list[datetime] = field(default_factory=lambda: [MARCH])

    def wait(self, span: timedelta) -> None:
        self.times[0] += span

    def tx(self) -> Any:
        return self.house.tx(self.tenant, "test")

    def send(self, post: Any = None, *, chunk: int = 25, stopping: Callable[[], bool] = lambda: False) -> int:
        run = delivering(self.house.tx, self.house.letters, post or self.post, self.house.clock, chunk=chunk)
        return run(self.tenant, stopping)

    def customers(self, *mails: str, **fields: Any) -> list[Customer]:
        with self.tx() as tx:
            refs = [e.ref for e in tx.entities().values()] or [
                create_entity(tx, Entity(Ref(""), "Newark & Co", "EWR", email="billing@newark.example")).ref]
            return create_customers(tx, [Customer(Ref(""), f"Customer {n}", refs[0], email=m, **fields)
                                         for n, m in enumerate(mails)])

    def invoices(self, *mails: str, count: int = 1, issued_on: date | None = None, **fields: Any) -> list[Ref]:
        customers = self.customers(*mails, **fields)
        line = AdHocLine("Consulting", Decimal("119.50"))
        with self.tx() as tx:
            orders = [AdHocInvoice(c.ref, (line,), issued_on=issued_on) for c in customers for _ in range(count)]
            return [d.ref for d in invoice_ad_hoc(tx, orders)]

    def sent(self, ref: Ref) -> bool:
        with self.tx() as tx:
            return tx.document_row(ref).sent_at is not None

    def parked(self) -> list[tuple[str, str]]:
        with self.tx() as tx:
            return [(p["ref"], p["reason"]) for p in tx.parked() if p["work"] == SEND]

    def promised(self, ref: Ref) -> dict[str, Any]:
        with self.tx() as tx:
            [promise] = tx.promises_of(ref)
            return promise

    @property
    def mails(self) -> list[EmailMessage]:
        return [read(data) for data in self.post.taken]


def opened(pool: Any, tenant: int, log_keys: LogKeys, home: Path) -> Office:
    times = [MARCH]
    post = FakePost()
    house = House(Settings(home, public_url="https://billing.example"), Database(pool, lambda: times[0]), log_keys,
                  lambda: times[0], bytes(32), post=post, sender="invoices@host.example")
    return Office(house, tenant, post, times)


@pytest.fixture
def office(pool: Any, open_tenants: Any, log_keys: LogKeys, tmp_path: Path) -> Office:
    """A live tenant that sends."""
    office = opened(pool, open_tenants(modes=("live",))[0].tenant, log_keys, tmp_path)
    with office.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=True))
    return office


@pytest.fixture
def trial(pool: Any, open_tenants: Any, log_keys: LogKeys, tmp_path: Path) -> Office:
    """A test tenant that sends."""
    office = opened(pool, open_tenants(modes=("test",))[0].tenant, log_keys, tmp_path)
    with office.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=True))
    return office


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def smtp(server: Server) -> SmtpPost:
    return SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{server.port}?timeout=5"))


def test_an_issued_invoice_arrives_with_its_pdf_and_is_marked_as_sent(office: Office, server: Server) -> None:
    [ref] = office.invoices("ap@acme.example, boss@acme.example", language="de")
    assert not office.sent(ref)
    assert office.send(smtp(server)) == 1
    [mail] = server.mails
    assert server.envelopes == [("invoices@host.example", ("ap@acme.example", "boss@acme.example"))]
    assert mail["Subject"] == "Rechnung EWR-INV-000001 von Newark & Co"
    assert mail["From"].addresses[0].display_name == "Newark & Co"
    assert str(mail["Reply-To"].addresses[0].addr_spec) == "billing@newark.example"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    for said in ("119,50\xa0$", "09.04.2026", "https://billing.example/i/"):
        assert said in text.get_content() and said in html.get_content(), said
    assert "Newark &amp; Co" in html.get_content()
    [pdf] = mail.iter_attachments()
    assert pdf.get_filename() == "EWR-INV-000001.pdf"
    assert "EWR-INV-000001" in PdfReader(io.BytesIO(pdf.get_content())).pages[0].extract_text()
    assert office.sent(ref) and office.send(smtp(server)) == 0


def test_a_promise_is_kept_only_if_the_invoice_was_issued(office: Office) -> None:
    [customer] = office.customers("ap@acme.example")
    with pytest.raises(RuntimeError), office.tx() as tx:
        invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, (AdHocLine("x", Decimal(1)),))])
        raise RuntimeError("killed before the commit")
    assert office.send() == 0 and office.post.taken == []


def test_nothing_is_promised_where_nobody_asked_for_mail_or_nobody_could_get_it(office: Office) -> None:
    [silent] = office.invoices("")
    with office.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=False))
    [off] = office.invoices("ap@acme.example")
    with office.tx() as tx:
        assert tx.promises_of(silent) == tx.promises_of(off) == []
    with office.tx() as tx, pytest.raises(Conflict, match="switch it on"):
        send_document(tx, off)


def test_no_mail_goes_out_before_the_issue_date(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example", issued_on=date(2026, 3, 12))
    assert office.send() == 0
    office.wait(timedelta(days=1, hours=11))
    assert office.send() == 0
    office.wait(timedelta(hours=1))
    assert office.send() == 1 and office.sent(ref)


def test_credit_notes_go_out_too(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example")
    with office.tx() as tx:
        note = credit_document(tx, ref, reason="agreed")
    assert office.send() == 2
    assert f"Credit note {note.number} from Newark & Co" in [m["Subject"] for m in office.mails]


def test_the_promises_of_a_run_are_one_statement(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    customers = office.customers(*[f"ap{n}@acme.example" for n in range(40)])
    with office.tx() as tx:
        said: list[str] = []
        execute = tx.conn.execute

        def counted(query: Any, *args: Any, **more: Any) -> Any:
            said.append(str(query))
            return execute(query, *args, **more)

        monkeypatch.setattr(tx.conn, "execute", counted)
        invoice_ad_hoc(tx, [AdHocInvoice(c.ref, (AdHocLine("x", Decimal(1)),)) for c in customers])
        monkeypatch.undo()
        assert len([q for q in said if "promise" in q]) == 1 and len([q for q in said if "mail_policy" in q]) == 1
    assert office.send(chunk=7) == 40 and len(office.post.taken) == 40


def test_a_mail_that_is_not_taken_now_is_tried_again_later_and_later_and_then_parked(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example")
    office.post.data = "451 greylisted"
    for step in BACK_OFF:
        assert office.send() == 0 and not office.parked()
        assert "greylisted" in office.promised(ref)["last_error"]
        office.wait(step - timedelta(seconds=1))
        tries = office.promised(ref)["tries"]
        assert office.send() == 0 and office.promised(ref)["tries"] == tries
        office.wait(timedelta(seconds=1))
    assert office.send() == 0
    [(parked, reason)] = office.parked()
    assert parked == ref and reason.startswith(f"after {MAX_TRIES} tries: ") and "greylisted" in reason
    office.wait(timedelta(days=30))
    office.post.data = ""
    assert office.send() == 0, "what is parked waits for a person"
    with office.tx() as tx:
        retry_sending(tx, ref)
    assert office.send() == 1 and office.sent(ref) and not office.parked()


def test_a_server_that_is_back_gets_the_mail(office: Office, server: Server) -> None:
    [ref] = office.invoices("ap@acme.example")
    server.data = "451 busy"
    assert office.send(smtp(server)) == 0
    server.data = ""
    office.wait(MINUTE)
    assert office.send(smtp(server)) == 1 and office.sent(ref)


def test_a_mail_refused_for_good_is_parked_at_once_and_goes_to_the_mended_address(
    office: Office, server: Server
) -> None:
    [ref] = office.invoices("old@acme.example")
    server.refuses = {"old@acme.example": "550 no such user"}
    assert office.send(smtp(server)) == 0
    [(parked, reason)] = office.parked()
    assert parked == ref and "old@acme.example: 550 no such user" in reason and not office.sent(ref)
    with office.tx() as tx:
        row = tx.document_row(ref)
        customer = tx.customers([row.customer_ref])[row.customer_ref]
        change_customer(tx, replace(customer, email="new@acme.example"))
        tx.unpark(SEND, ref)  # what retrying any parked work does
    assert office.send(smtp(server)) == 1
    assert server.envelopes[-1][1] == ("new@acme.example",) and office.sent(ref)


def test_an_address_refused_for_good_is_told_when_the_others_have_their_mail(office: Office) -> None:
    [ref] = office.invoices("a@acme.example, gone@acme.example, busy@acme.example, not an address")
    office.post.refuses = {"gone@acme.example": "550 gone", "busy@acme.example": "450 full"}
    assert office.send() == 1 and office.sent(ref)
    assert office.parked() == [], "one address is still to be tried"
    office.post.refuses = {}
    office.wait(MINUTE)
    assert office.send() == 1
    assert [to for _, to in office.post.envelopes] == [("a@acme.example",), ("busy@acme.example",)]
    assert {m["Message-ID"] for m in office.mails} == {office.mails[0]["Message-ID"]}
    [(_, reason)] = office.parked()
    assert "gone@acme.example: 550 gone" in reason and "'not an address'" not in reason and "not an address: " in reason
    office.wait(timedelta(days=1))
    assert office.send() == 0


def test_an_unreachable_server_is_not_asked_for_every_mail(office: Office) -> None:
    refs = office.invoices("ap@acme.example", count=9)
    office.post.down = True
    assert office.send() == 0
    with office.tx() as tx:
        tries = sorted(tx.promises_of(ref)[0]["tries"] for ref in refs)
    assert tries == [0] * 8 + [1], "one was tried; the others were not held against it"
    office.post.down = False
    office.wait(MINUTE)
    assert office.send() == 9


def test_connection_refused_is_tried_again(office: Office, server: Server) -> None:
    [ref] = office.invoices("ap@acme.example")
    assert office.send(SmtpPost(read_smtp_url("smtp://127.0.0.1:1"))) == 0
    assert "no mail server at 127.0.0.1:1" in office.promised(ref)["last_error"]
    office.wait(MINUTE)
    assert office.send(smtp(server)) == 1


class Killed(BaseException):
    """The process is no more."""


def test_killed_between_the_servers_yes_and_the_mark_it_goes_out_again_under_the_same_name(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example")

    def dies(mail: Mail) -> Handed:
        FakePost.send(office.post, mail)
        raise Killed

    class Dying(FakePost):
        def session(self) -> Any:
            from contextlib import nullcontext

            return nullcontext(dies)

    with pytest.raises(Killed):
        office.send(Dying())
    assert len(office.post.taken) == 1 and not office.sent(ref)
    assert office.send() == 0, "who took it may still be alive"
    office.wait(LEASE)
    assert office.send() == 1 and office.sent(ref)
    first, second = office.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_two_workers_at_once_send_every_mail_once(office: Office) -> None:
    office.invoices("ap@acme.example", count=30)
    threads = [threading.Thread(target=lambda: office.send(chunk=4)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(office.post.taken) == 30 == len({m["Message-ID"] for m in office.mails})


def test_a_stop_gives_back_what_was_not_begun(office: Office) -> None:
    refs = office.invoices("ap@acme.example", count=5)
    assert office.send(stopping=lambda: len(office.post.taken) >= 2) == 2
    with office.tx() as tx:
        assert sorted(tx.promises_of(r)[0]["tries"] for r in refs) == [0, 0, 0, 1, 1]
    assert office.send() == 3


def test_a_claim_that_ran_out_is_not_begun(office: Office) -> None:
    office.invoices("ap@acme.example", count=3)
    send = FakePost.send

    class Slow(FakePost):
        def send(self, mail: Mail) -> Handed:
            office.wait(LEASE)
            return send(self, mail)

    slow = Slow()
    assert (office.send(slow, chunk=3), slow.sessions) == (2, 2), "the second was claimed anew"
    assert (office.send(slow, chunk=3), slow.sessions) == (1, 3)


def test_without_a_mail_server_the_work_says_so(office: Office) -> None:
    run = delivering(office.house.tx, office.house.letters, None, office.house.clock)
    assert run(office.tenant, lambda: False) == 0, "nothing waits, nothing is wrong"
    [ref] = office.invoices("ap@acme.example")
    with pytest.raises(Upstream, match="COUNTERFOIL_SMTP_URL"):
        run(office.tenant, lambda: False)
    assert office.promised(ref)["tries"] == 0
    assert office.send() == 1


def test_an_entity_without_an_address_and_a_host_without_a_sender_park_with_the_reason(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example")
    with office.tx() as tx:
        [entity] = tx.entities().values()
        tx.put_entity(replace(entity, email=""))
    nameless = replace(office.house, sender="")
    run = delivering(nameless.tx, nameless.letters, office.post, nameless.clock)
    assert run(office.tenant, lambda: False) == 0
    assert office.parked() == [(ref, "Newark & Co has no e-mail address to send from")]


def test_a_layout_that_does_not_exist_holds_the_mail_until_it_does(office: Office) -> None:
    [ref] = office.invoices("ap@acme.example", settings={"layout": "Blue"})
    assert office.send() == 0
    [(parked, reason)] = office.parked()
    assert parked == ref and "'Blue'" in reason
    with office.tx() as tx:
        assert office.house.document_pdf(tx, ref).startswith(b"%PDF")  # looking at it does not wait


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
