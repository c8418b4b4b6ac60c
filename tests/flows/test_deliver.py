"""Documents go out by mail: promised with the document, sent at least once, and nothing that was not sent is forgotten."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader

from counterfoil.adapters.mail.fake import FakePost
from counterfoil.adapters.mail.smtp import SmtpPost, read_smtp_url
from counterfoil.core.basis.refusals import Conflict, Upstream
from counterfoil.flows.credit_document import credit_document
from counterfoil.flows.deliver import (
    BACK_OFF,
    LEASE,
    MAX_TRIES,
    SEND,
    retry_sending,
    send_document,
    set_mail_policy,
)
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import change_customer
from counterfoil.flows.promises import Handed, Mail, MailPolicy
from counterfoil.jobs.deliver import delivering
from tests.adapters.mail_server import Server
from tests.flows.office import MINUTE, Office


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
