"""Calling receivers: nobody talks us into calling what lies inside, however the address is spelled and whatever its name says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.adapters.webhook_calls import Unreached, WebhookCalls, is_public, read_allowed, read_url
from counterfoil.core.basis.refusals import Invalid
from tests.adapters.mail_server import certificates, free_port
from tests.adapters.receivers import Receiver, receiving

PUBLIC = "93.184.215.14"


def names(**addresses: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """A resolver that knows these names (`_` for a dot)."""
    known = {name.replace("_", "."): list(found) for name, found in addresses.items()}

    def resolve(host: str, _port: int) -> Sequence[str]:
        if host not in known:
            raise Unreached(f"the name {host} has no address")
        return known[host]

    return resolve


OUT = WebhookCalls(resolve=names(
    hooks_example=[PUBLIC], inside_example=["10.0.0.5"], both_example=[PUBLIC, "127.0.0.1"], localhost=["127.0.0.1", "::1"],
    six_example=["2606:4700::1111"], mapped_example=["::ffff:10.0.0.1"], nat_example=["64:ff9b::a00:1"],
))

REFUSED: list[tuple[str, str]] = [
    ("plain http", "http://hooks.example/x"),
    ("this machine by number", "http://127.0.0.1/x"),
    ("this machine over https", "https://127.0.0.1/x"),
    ("this machine by name", "https://localhost/x"),
    ("this machine by name, with a dot", "https://localhost./x"),
    ("this machine in IPv6", "https://[::1]/x"),
    ("this machine in IPv6, in full", "https://[0:0:0:0:0:0:0:1]:8443/x"),
    ("IPv4 inside of IPv6", "http://[::ffff:127.0.0.1]/x"),
    ("IPv4 inside of IPv6, in hex", "https://[::ffff:7f00:1]/x"),
    ("IPv4 behind a NAT64 prefix", "https://[64:ff9b::7f00:1]/x"),
    ("IPv4 behind 6to4", "https://[2002:7f00:1::]/x"),
    ("Teredo", "https://[2001:0:7f00:1::]/x"),
    ("an interface's own address", "https://[fe80::1%25eth0]/x"),
    ("a unique local address", "https://[fd00::1]/x"),
    ("hex", "https://0x7f.1/x"),
    ("one number", "https://2130706433/x"),
    ("octal", "https://0177.0.0.1/x"),
    ("two numbers", "https://127.1/x"),
    ("full-width digits", "https://１２７.０.０.１/x"),
    ("another full stop", "https://127。0。0。1/x"),
    ("any address", "https://0.0.0.0/x"),
    ("the metadata of a cloud", "https://169.254.169.254/latest/meta-data"),
    ("a carrier's network", "https://100.64.0.1/x"),
    ("a private network", "https://192.168.1.1/x"),
    ("a broadcast", "https://255.255.255.255/x"),
    ("a multicast", "https://224.0.0.1/x"),
    ("a name that leads inside", "https://inside.example/x"),
    ("a name that leads outside and inside", "https://both.example/x"),
    ("a name that leads inside through IPv6", "https://mapped.example/x"),
    ("a name that leads inside through NAT64", "https://nat.example/x"),
    ("a user", "https://hooks.example@127.0.0.1/x"),
    ("a user and a password", "https://a:b@hooks.example/x"),
    ("an empty user", "https://@hooks.example/x"),
    ("a backslash", "https://hooks.example\\@127.0.0.1/x"),
    ("a line break", "https://hooks.example/x\r\nHost: inside"),
    ("a space", "https://hooks.example /x"),
    ("another scheme", "file:///etc/passwd"),
    ("another scheme that connects", "gopher://hooks.example/x"),
    ("no scheme", "hooks.example/x"),
    ("no host", "https:///x"),
    ("no port", "https://hooks.example:0/x"),
    ("too large a port", "https://hooks.example:65536/x"),
    ("a port that is none", "https://hooks.example:https/x"),
    ("a fragment", "https://hooks.example/x#y"),
    ("an underscore alone", "https://-.example/x"),
    ("an empty label", "https://hooks..example/x"),
    ("half an address", "https://[::1/x"),
    ("nothing", ""),
    ("too long", "https://hooks.example/" + "x" * 2000),
]


@pytest.mark.parametrize(("what", "url"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_must_not_be_called_is_refused_when_subscribed_and_when_called(what: str, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        OUT.check(url)
    assert refused.value.problems[0].field == "url"
    answer = OUT.call(url, {}, b"{}")
    assert answer.status is None and answer.error.startswith("not called"), answer


TAKEN: list[tuple[str, str, str]] = [
    ("a name", "https://hooks.example/x?y=1&z", "https://hooks.example/x?y=1&z"),
    ("in capitals, with a dot", "HTTPS://Hooks.Example.:443", "https://hooks.example/"),
    ("with a port", "https://hooks.example:8443/a b".replace(" ", "%20"), "https://hooks.example:8443/a%20b"),
    ("with letters of its own", "https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
    ("a public number", f"https://{PUBLIC}/x", f"https://{PUBLIC}/x"),
    ("a public IPv6 number", "https://[2606:4700:0::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
    ("a name that is not known yet", "https://soon.example/x", "https://soon.example/x"),
]


@pytest.mark.parametrize(("what", "url", "kept"), TAKEN, ids=[t[0] for t in TAKEN])
def test_what_may_be_called_is_kept_in_one_spelling(what: str, url: str, kept: str) -> None:
    assert OUT.check(url) == kept == OUT.check(kept)


@given(st.ip_addresses())
def test_no_address_that_is_not_global_is_public(address: object) -> None:
    found = ip_address(str(address))
    if is_public(found):
        assert found.is_global and not found.is_private and not found.is_multicast
        assert found.version == 4 or (found.ipv4_mapped is None and found.sixtofour is None and found.teredo is None)


@given(st.text(max_size=60))
def test_whatever_is_given_as_an_address_is_refused_or_kept(text: str) -> None:
    for url in (text, f"https://{text}", f"https://hooks.example/{text}"):
        try:
            target = read_url(url)
        except Invalid:
            continue
        assert target.url.isascii() and read_url(target.url).url == target.url
        assert not set(target.url) & set(" \r\n\t\\#") and "@" not in target.authority


def test_what_the_operator_allows_is_called_wherever_it_is() -> None:
    for allow, url in (
        ("127.0.0.0/8", "http://127.0.0.1:8080/x"), ("inside.example", "http://inside.example/x"),
        (" 10.0.0.0/8 , ::1", "https://inside.example/x"), ("::1", "http://[::1]/x"),
    ):
        assert WebhookCalls(read_allowed(allow), OUT.resolve).check(url) == url
    with pytest.raises(Invalid):
        WebhookCalls(read_allowed("10.0.0.0/8"), OUT.resolve).check("http://127.0.0.1/x")
    with pytest.raises(Invalid):
        WebhookCalls(read_allowed("10.0.0.0/8"), OUT.resolve).check("http://hooks.example/x")
    for wrong in ("10.0.0.0/33", "a b", "http://x", "0x7f.1"):
        with pytest.raises(Invalid, match="COUNTERFOIL_WEBHOOK_ALLOW"):
            read_allowed(wrong)


LOCAL = WebhookCalls(read_allowed("127.0.0.0/8, ::1/128"), timeout=1.0)


def test_what_is_posted_arrives_as_it_was_signed() -> None:
    with receiving() as receiver:
        answer = LOCAL.call(f"{receiver.url}?a=b", {"webhook-id": "evt_1", "Content-Type": "application/json"}, b'{"a":1}')
        assert answer.ok and answer.status == 200
    [got] = receiver.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hooks?a=b", b'{"a":1}', "evt_1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_redirect_to_the_inside_is_not_followed() -> None:
    with receiving() as inside, receiving(Receiver(status=307, headers={"Location": inside.url})) as receiver:
        answer = LOCAL.call(receiver.url, {}, b"{}")
    assert not answer.ok and answer.status == 307 and "redirects" in answer.error and inside.got == []


def test_a_name_that_changes_its_mind_is_called_where_it_was_looked_up() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    with receiving() as receiver:
        calls = WebhookCalls(read_allowed("127.0.0.2"), rebinding, timeout=1.0)
        first = calls.call(f"http://hooks.example:{receiver.port}/x", {}, b"{}")
        assert first.status is None and asked == ["hooks.example"], "nothing listens where the name led, and it was asked once"
        second = calls.call(f"http://hooks.example:{receiver.port}/x", {}, b"{}")
    assert second.error.startswith("not called") and receiver.got == []


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with receiving() as receiver:
        both = WebhookCalls(read_allowed("127.0.0.0/8"), names(hooks_example=["127.0.0.9", "127.0.0.1"]), timeout=1.0)
        assert both.call(f"http://hooks.example:{receiver.port}/x", {}, b"{}").ok
    assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_a_receiver_shows_a_certificate_of_its_name(tmp_path: Path) -> None:
    authority, tls = certificates(tmp_path)
    trusting = partial(ssl.create_default_context, cafile=authority)
    resolve = names(localhost=["127.0.0.1"], hooks_example=["127.0.0.1"])
    with receiving(tls=tls) as receiver:
        allowed = read_allowed("127.0.0.0/8")
        right = WebhookCalls(allowed, resolve, trusting, timeout=5.0)
        assert right.call(f"https://localhost:{receiver.port}/x", {}, b"{}").ok
        assert right.call(f"https://127.0.0.1:{receiver.port}/x", {}, b"{}").ok
        other = right.call(f"https://hooks.example:{receiver.port}/x", {}, b"{}")
        unknown = WebhookCalls(allowed, resolve, timeout=5.0).call(f"https://localhost:{receiver.port}/x", {}, b"{}")
    assert other.status is None and other.error.startswith("TLS") and unknown.error.startswith("TLS")
    assert len(receiver.got) == 2


def speaking(said: Callable[[socket.socket], None]) -> int:
    """A server that says what it likes to whoever comes first; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = server.accept()
        with connection, server, suppress(OSError):
            said(connection)

    threading.Thread(target=run, daemon=True).start()
    return int(server.getsockname()[1])


def drip(head: bytes, connection: socket.socket) -> None:
    connection.sendall(head)
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


ODD: list[tuple[str, Callable[[socket.socket], None], str]] = [
    ("says nothing", lambda c: time.sleep(3), "no answer within 0.5 seconds"),
    ("drips its headers", lambda c: drip(b"HTTP/1.1 200 OK\r\nX-A: ", c), "no answer within 0.5 seconds"),
    ("hangs up", lambda c: None, ""),
    ("speaks something else", lambda c: c.sendall(b"220 mail.example ESMTP\r\n\r\n"), "BadStatusLine"),
    ("never ends its headers", lambda c: c.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000), "HTTPException"),
]


@pytest.mark.parametrize(("what", "said", "error"), ODD, ids=[o[0] for o in ODD])
def test_a_receiver_that_misbehaves_has_not_answered(
    what: str, said: Callable[[socket.socket], None], error: str
) -> None:
    started = time.monotonic()
    calls = WebhookCalls(read_allowed("127.0.0.1"), timeout=0.5)
    answer = calls.call(f"http://127.0.0.1:{speaking(said)}/x", {}, b"{}")
    assert answer.status is None and answer.error and error in answer.error
    assert time.monotonic() - started < 1.5


def test_who_answers_at_once_and_then_drips_has_answered() -> None:
    calls = WebhookCalls(read_allowed("127.0.0.1"), timeout=0.5)
    port = speaking(lambda c: drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", c))
    assert calls.call(f"http://127.0.0.1:{port}/x", {}, b"{}").ok


def test_nobody_there_is_told_in_words() -> None:
    answer = LOCAL.call(f"http://127.0.0.1:{free_port()}/x", {}, b"{}")
    assert answer.status is None and "refused" in answer.error.lower()
    assert "has no address" in OUT.call("https://gone.example/x", {}, b"{}").error
