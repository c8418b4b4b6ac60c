"""Handing mails over: what a server says is heard, and the fake says the same as a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.adapters.mail.fake import FakePost
from counterfoil.adapters.mail.mime import message_bytes
from counterfoil.adapters.mail.smtp import SmtpPost, read_smtp_url
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.deliver import read_addresses
from counterfoil.flows.promises import File, Mail, Post, Undelivered
from tests.adapters.mail_server import Server, certificates, free_port, read, serving

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
MAIL = Mail(
    message_id="<0190@billing.example>", sender="billing@northwind.example", sender_name="Northwind, \"Field\" Überland",
    reply_to="ap@northwind.example", to=("a@acme.example", "b@acme.example"), subject="Rechnung DE-INV-1 – für März",
    text="Guten Tag,\n.\n..dots\nFrom here\n" + "x" * 2000 + "\n", html="<p>Guten Tag</p>",
    at=datetime(2026, 4, 1, 6, tzinfo=UTC), files=(File("DE-INV-1.pdf", PDF, "application/pdf"),),
    headers=(("Auto-Submitted", "auto-generated"),),
)


@pytest.fixture(params=["fake", "smtp"])
def neighbour(request: pytest.FixtureRequest) -> Iterator[tuple[Post, Any]]:
    """A mail server of each kind: how mails are handed over, and how it is told what to do."""
    if request.param == "fake":
        fake = FakePost()
        yield fake, fake
    else:
        with serving() as server:
            yield SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{server.port}?timeout=5")), server


def test_what_was_handed_over_arrives_as_it_was(neighbour: tuple[Post, Any]) -> None:
    post, server = neighbour
    with post.session() as send:
        assert send(MAIL).accepted == MAIL.to
    [data] = server.taken
    assert server.envelopes == [("billing@northwind.example", MAIL.to)]
    mail = read(data)
    assert mail["Message-ID"] == MAIL.message_id and mail["Subject"] == MAIL.subject
    assert mail["From"].addresses[0].display_name == 'Northwind, "Field" Überland'
    assert str(mail["Reply-To"].addresses[0].addr_spec) == "ap@northwind.example"
    assert mail["Date"].datetime == MAIL.at and mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().strip() == MAIL.html
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == ("DE-INV-1.pdf", "application/pdf", PDF)


def test_many_mails_go_over_one_connection(neighbour: tuple[Post, Any]) -> None:
    post, server = neighbour
    with post.session() as send:
        for n in range(5):
            send(replace(MAIL, message_id=f"<{n}@x>"))
    assert len(server.taken) == 5 and server.sessions == 1


def test_an_address_that_is_refused_does_not_keep_the_others_from_their_mail(neighbour: tuple[Post, Any]) -> None:
    post, server = neighbour
    server.refuses = {"b@acme.example": "550 5.1.1 no such user"}
    with post.session() as send:
        handed = send(MAIL)
    assert handed.accepted == ("a@acme.example",)
    assert [(a, r.permanent) for a, r in handed.refused.items()] == [("b@acme.example", True)]
    assert "no such user" in handed.refused["b@acme.example"].words
    assert server.envelopes == [("billing@northwind.example", ("a@acme.example",))]


@pytest.mark.parametrize(
    ("said", "permanent"),
    [({"a": "550 gone", "b": "551 gone"}, True), ({"a": "450 later", "b": "550 gone"}, False),
     ({"a": "450 later", "b": "451 later"}, False)],
    ids=["gone for good", "one may be tried again", "try both again"],
)
def test_nobody_takes_it(neighbour: tuple[Post, Any], said: dict[str, str], permanent: bool) -> None:
    post, server = neighbour
    server.refuses = {f"{who}@acme.example": words for who, words in said.items()}
    with post.session() as send, pytest.raises(Undelivered) as refused:
        send(MAIL)
    assert (refused.value.permanent, refused.value.everything) == (permanent, False)
    assert {a[0]: r.permanent for a, r in refused.value.refused.items()} == {
        who: words.startswith("5") for who, words in said.items()
    }
    assert server.taken == []


@pytest.mark.parametrize(("words", "permanent"), [("451 4.7.1 greylisted", False), ("554 5.7.1 spam", True)])
def test_a_mail_that_is_not_taken_says_whether_to_try_again_and_the_next_one_goes(
    neighbour: tuple[Post, Any], words: str, permanent: bool
) -> None:
    post, server = neighbour
    server.data = words
    with post.session() as send:
        with pytest.raises(Undelivered, match=words[10:]) as refused:
            send(MAIL)
        assert (refused.value.permanent, refused.value.everything) == (permanent, False)
        server.data = ""
        assert send(MAIL).accepted == MAIL.to


def test_lost_after_the_mail_was_taken_it_counts_as_not_delivered_and_the_next_one_goes(
    neighbour: tuple[Post, Any]
) -> None:
    post, server = neighbour
    server.dies_after = 1
    with post.session() as send:
        with pytest.raises(Undelivered, match="stopped answering") as lost:
            send(MAIL)
        assert not lost.value.permanent
        assert send(MAIL).accepted == MAIL.to
    assert len(server.taken) == 2
    assert {read(data)["Message-ID"] for data in server.taken} == {MAIL.message_id}


def test_nobody_at_the_door_is_no_fault_of_the_mail() -> None:
    fake = FakePost(down=True)
    closed = SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{free_port()}"))
    for post in (fake, closed):
        with post.session() as send, pytest.raises(Undelivered, match="no mail server at") as down:  # type: ignore[attr-defined]
            send(MAIL)
        assert down.value.everything and not down.value.permanent


def test_a_server_that_says_nothing_does_not_hold_the_queue() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        post = SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{silent.getsockname()[1]}?timeout=0.3"))
        with post.session() as send, pytest.raises(Undelivered) as late:
            send(MAIL)
    assert late.value.everything


def test_a_sender_that_is_refused_is_named() -> None:
    with serving(Server(mail_from="550 not yours")) as server:
        post = SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{server.port}"))
        with post.session() as send, pytest.raises(Undelivered, match="billing@northwind") as refused:
            send(MAIL)
    assert refused.value.permanent


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_with_tls_the_password_goes_encrypted_and_a_stranger_is_not_trusted(tmp_path: Path, scheme: str) -> None:
    authority, context = certificates(tmp_path)
    server = Server()
    tls: dict[str, Any] = {"tls_context": context, "require_starttls": True} if scheme == "smtp" else {
        "ssl_context": context, "auth_require_tls": False}
    with serving(server, authenticator=server.login, auth_required=True, **tls):
        url = f"{scheme}://billing:p%40ss%3Aw%2Frd@localhost:{server.port}?timeout=5" + (
            "&tls=starttls" if scheme == "smtp" else "")
        with SmtpPost(read_smtp_url(f"{url}&ca={authority}")).session() as send:
            send(MAIL)
        assert len(server.taken) == 1 and server.logins
        if scheme == "smtp":
            assert server.encrypted == [True]
        with SmtpPost(read_smtp_url(url)).session() as send, pytest.raises(Undelivered, match="CERTIFICATE") as refused:
            send(MAIL)
        assert refused.value.everything
        wrong = read_smtp_url(f"{url.replace('p%40ss', 'no')}&ca={authority}")
        with SmtpPost(wrong).session() as send, pytest.raises(Undelivered, match="does not know us") as unknown:
            send(MAIL)
        assert unknown.value.everything and "w/rd" not in unknown.value.message
    assert len(server.taken) == 1


def test_where_encryption_was_asked_for_nothing_goes_in_the_clear() -> None:
    with serving() as server:
        post = SmtpPost(read_smtp_url(f"smtp://localhost:{server.port}?tls=starttls"))
        with post.session() as send, pytest.raises(Undelivered, match="STARTTLS"):
            send(MAIL)
        assert server.taken == []


def test_addresses_in_other_scripts_go_where_the_server_takes_them() -> None:
    mail = replace(MAIL, to=("buchhaltung@bücher.example", "müller@acme.example"))
    with serving(enable_SMTPUTF8=True) as server:
        with SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{server.port}")).session() as send:
            assert send(mail).accepted == mail.to
        assert server.envelopes[0][1] == ("buchhaltung@xn--bcher-kva.example", "müller@acme.example")
    with serving(enable_SMTPUTF8=False) as plain, SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{plain.port}")).session() as send:
        with pytest.raises(Undelivered, match="such letters") as refused:
            send(mail)
        assert refused.value.permanent
        assert send(replace(mail, to=mail.to[:1])).accepted == mail.to[:1]


def test_a_server_that_was_restarted_between_two_mails_is_found_again() -> None:
    first = Server()
    with serving(first):
        post = SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{first.port}"))
        session = post.session()
        send = session.__enter__()
        send(MAIL)
    with serving(Server(port=first.port)) as second:
        assert send(MAIL).accepted == MAIL.to
        session.__exit__(None, None, None)
        assert len(second.taken) == 1


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=30))
def test_nothing_that_somebody_typed_becomes_a_header(name: str, subject: str, file: str) -> None:
    evil = "\r\nBcc: evil@x.example\r\n\r\n<script>"
    mail = replace(MAIL, sender_name=name + evil, subject=subject + evil, files=(File(file + evil, b"x", "text/csv"),),
                   headers=(("X-Y", evil),))
    read_back = read(message_bytes(mail))
    assert "Bcc" not in read_back
    assert set(read_back.keys()) == {"Message-ID", "Date", "From", "To", "Reply-To", "Subject", "X-Y", "MIME-Version",
                                     "Content-Type"}
    assert len(list(read_back.iter_attachments())) == 1


@pytest.mark.parametrize(
    ("typed", "good", "bad"),
    [
        ("ap@acme.example", ("ap@acme.example",), ()),
        (" ap@acme.example , Boss@ACME.example,", ("ap@acme.example", "Boss@acme.example"), ()),
        ("a@b.c, a@B.c", ("a@b.c",), ()),
        ("ap@acme.example\r\nBcc: x@y.z", (), ("ap@acme.example\r\nBcc: x@y.z",)),
        ("AP <ap@acme.example>, x@y.z", ("x@y.z",), ("AP <ap@acme.example>",)),
        ("nobody, @x.y, a@, a@b, a..b@c.de, .a@b.cd, a@-b.cd, a@b..cd", (),
         ("nobody", "@x.y", "a@", "a@b", "a..b@c.de", ".a@b.cd", "a@-b.cd", "a@b..cd")),
        ("müller@bücher.example", ("müller@bücher.example",), ()),
        (f"{'x' * 65}@y.zz", (), (f"{'x' * 65}@y.zz",)),
        ("", (), ()),
    ],
)
def test_a_list_of_addresses_is_read_as(typed: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    assert read_addresses(typed) == (good, bad)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "@x.example", "\n@x.example"]))
def test_what_is_read_as_an_address_can_be_sent_to(text: str, end: str) -> None:
    good, _bad = read_addresses(text + end)
    if good:
        mail = read(message_bytes(replace(MAIL, to=good)))
        assert len(mail["To"].addresses) == len(good)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://x", "must be smtp://"), ("smtp://", "must be smtp://"), ("smtp://h:99999", "must be smtp://"),
        ("smtp://h?form=x@y", "no option 'form'"), ("smtp://h?tls=maybe", "tls must be"),
        ("smtp://u:secret@h.example?tls=off", "in the clear"), ("smtp://h?timeout=0", "timeout"),
        ("smtp://h?from=nobody", "from must be"),
    ],
)
def test_a_bad_mail_url_is_refused_at_start_without_showing_its_password(url: str, says: str) -> None:
    with pytest.raises(Invalid, match="COUNTERFOIL_SMTP_URL") as refused:
        read_smtp_url(url)
    assert says in refused.value.message and "secret" not in refused.value.message


def test_a_mail_url_says_all_that_is_needed() -> None:
    found = read_smtp_url("smtp://user:p%40ss@mail.example?from=billing@example.com")
    assert (found.host, found.port, found.tls, found.user, found.password, found.sender) == (
        "mail.example", 587, "starttls", "user", "p@ss", "billing@example.com")
    assert "p@ss" not in repr(found)
    assert read_smtp_url("smtps://mail.example").port == 465
    assert read_smtp_url("smtp://localhost:1025").tls == "off"


def test_mails_of_several_workers_do_not_mix() -> None:
    with serving() as server:
        post = SmtpPost(read_smtp_url(f"smtp://127.0.0.1:{server.port}"))

        def work(name: str) -> None:
            with post.session() as send:
                for n in range(10):
                    send(replace(MAIL, to=(f"{name}@x.example",), message_id=f"<{name}{n}@x>"))

        threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.taken) == 30
        for data, (_sender, to) in zip(server.taken, server.envelopes, strict=True):
            assert str(read(data)["Message-ID"])[1] == to[0][0]
