"""Call receivers of webhooks over HTTP: only those outside, at the very address that was checked, and not for long.

A receiver's address is given by whoever may subscribe, and the call is made from inside of our network. So every address that
its name stands for must be a public one; the connection goes to that address and no other name is asked for again; nobody is
redirected; and what is answered is not shown. Addresses that the operator names are called wherever they are.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import Any, cast
from urllib.parse import quote, urlsplit

from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.call_webhooks import Answered

TIMEOUT_SECONDS = 10.0
"""For everything: finding the address, connecting, sending, and the receiver's answer."""
RESOLVE_SECONDS = 5.0
MAX_ANSWER = 64 * 1024
MAX_URL = 2000
MAX_ADDRESSES = 4
_DRAIN_SECONDS = 1.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_UNICAST = ipaddress.ip_network("2000::/3")
_INSIDE = tuple(map(ipaddress.ip_network, (
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",  # Teredo, documentation, 6to4: another address inside of this one
    "192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4",
)))


class Unreached(Exception):
    """The receiver was not called, or did not answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address as it is called. `host` is a name in ASCII, or a number without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (443 if self.scheme == "https" else 80) else f"{shown}:{self.port}"

    @property
    def url(self) -> str:
        """The address in its one spelling."""
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator lets us call although it is not public: host names, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def address(self, found: Address) -> bool:
        """Whether this address is among the networks."""
        return any(found.version == n.version and found in n for n in self.networks)


def read_allowed(text: str) -> Allowed:
    """`COUNTERFOIL_WEBHOOK_ALLOW`: host names and CIDR networks, separated by commas. Invalid for anything else."""
    hosts, networks = set(), []
    for part in filter(None, (p.strip().lower() for p in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            if "/" in part or not _is_name(part):
                raise Invalid.field("COUNTERFOIL_WEBHOOK_ALLOW", f"{part!r} is neither a host nor a network") from None
            hosts.add(part)
    return Allowed(frozenset(hosts), tuple(networks))


def read_url(url: str) -> Target:
    """The parts of a receiver's address; Invalid (`url`) for one that is spelled in a way that might be read in two."""
    if not url or len(url) > MAX_URL:
        raise Invalid.field("url", f"must be an https:// address of at most {MAX_URL} characters")
    if not url.isprintable() or any(c in url for c in " \\<>\"{}|^`"):
        raise Invalid.field("url", "must not have spaces, backslashes or characters that addresses do not have")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise Invalid.field("url", f"is no address: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise Invalid.field("url", "must begin with https://")
    if "@" in parts.netloc or parts.fragment:
        raise Invalid.field("url", "must not have a user, a password, or a part after #")
    if port == 0:
        raise Invalid.field("url", "must have a port from 1 to 65535")
    name, literal = _host(host)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
        f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else "")
    return Target(parts.scheme, name, port or (443 if parts.scheme == "https" else 80), path, literal)


def _host(host: str) -> tuple[str, Address | None]:
    """A host in its one spelling, and the address that it is when it is one."""
    with suppress(ValueError):
        literal = ipaddress.ip_address(host)
        if getattr(literal, "scope_id", None):
            raise Invalid.field("url", "must not name a network interface")
        return str(literal), literal
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise Invalid.field("url", f"{host[:100]!r} is no host name") from None
    with suppress(ValueError):
        literal = ipaddress.ip_address(name)  # such as one written in full-width digits
        return str(literal), literal
    if not _is_name(name):
        raise Invalid.field("url", f"{host[:100]!r} is no host name; an IP address has four decimal numbers")
    return name, None


def _is_name(name: str) -> bool:
    labels = name.split(".")
    return len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])


def is_public(address: Address) -> bool:
    """Whether an address is one of the world outside: global unicast, and no other address in disguise."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False  # among others ::1, ::ffff:10.0.0.1, 64:ff9b::/96, fc00::/7, fe80::/10, ff00::/8
    if any(address.version == n.version and address in n for n in _INSIDE):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_loopback or address.is_link_local or address.is_unspecified
    )


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system finds them; Unreached when it takes too long or there are none."""
    found: list[str] = []
    failed: list[str] = []

    def ask() -> None:
        try:
            found.extend(str(a[4][0]) for a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(str(error))

    asking = threading.Thread(target=ask, daemon=True)  # the system's resolver cannot be told to hurry
    asking.start()
    asking.join(RESOLVE_SECONDS)
    if not found:
        raise Unreached(f"the name {host} has no address: {failed[0] if failed else 'nobody answered in time'}")
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _default_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class WebhookCalls:
    """Calls receivers. `tls`: how they are trusted (the system's authorities by default)."""

    allowed: Allowed = field(default_factory=Allowed)
    resolve: Resolve = resolve
    tls: Callable[[], ssl.SSLContext] = _default_tls
    timeout: float = TIMEOUT_SECONDS

    def check(self, url: str) -> str:
        """The address in its one spelling; Invalid (`url`) for one that must not be called. A name that has no address (yet)
        is taken: it is checked again at each call."""
        target = read_url(url)
        try:
            self._addresses(target)
        except Unreached:
            if target.scheme == "http" and target.host not in self.allowed.hosts:
                raise Invalid.field("url", "must begin with https://") from None
        return target.url

    def call(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """POST it; what came of it."""
        started = time.monotonic()
        status, said = None, ""
        try:
            target = read_url(url)
            status = self._post(target, self._addresses(target), headers, body, started + self.timeout)
            if 300 <= status < 400:
                said = f"the receiver answered {status}; redirects are not followed"
        except Invalid as error:
            said = f"not called: {error.message}"
        except Unreached as error:
            said = str(error)
        except TimeoutError:
            said = f"no answer within {self.timeout:g} seconds"
        except ssl.SSLError as error:
            said = f"TLS: {error}"
        except (OSError, HTTPException, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
        return Answered(status, said[:500], int((time.monotonic() - started) * 1000))

    def _addresses(self, target: Target) -> list[Address]:
        """Every address of the receiver; Invalid when one of them is not public, and nobody allowed it."""
        known = target.host in self.allowed.hosts
        if target.literal is not None:
            addresses: list[Address] = [target.literal]
        else:
            addresses = [ipaddress.ip_address(a.partition("%")[0]) for a in self.resolve(target.host, target.port)]
        if not addresses:
            raise Unreached(f"the name {target.host} has no address")
        for address in addresses:
            if known or self.allowed.address(address):
                continue
            if target.scheme == "http":
                raise Invalid.field("url", "must begin with https://")
            if not is_public(address):
                raise Invalid.field("url", "must lead to a public address, which this one does not")
        return addresses[:MAX_ADDRESSES]

    def _post(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes, until: float
    ) -> int:
        sock = _connect(addresses, target.port, until)
        try:
            if target.scheme == "https":
                sock.settimeout(_left(until))
                sock = self.tls().wrap_socket(sock, server_hostname=target.host)
            lines = {"Host": target.authority, "Content-Length": str(len(body)), "Connection": "close", **headers}
            head = f"POST {target.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
            sock.settimeout(_left(until))
            with suppress(BrokenPipeError, ConnectionResetError):  # who has read enough may have answered already
                sock.sendall(head.encode("ascii") + body)
            return _answer(sock, until)
        finally:
            sock.close()


def _connect(addresses: Sequence[Address], port: int, until: float) -> socket.socket:
    for n, address in enumerate(addresses, 1):
        try:
            left = _left(until)
            return socket.create_connection((str(address), port), timeout=left / (len(addresses) - n + 1))
        except OSError:
            if n == len(addresses):
                raise
    raise Unreached("there is no address to connect to")


def _answer(sock: socket.socket, until: float) -> int:
    """The status that comes back. What else is said is taken, for a moment and not much of it, and thrown away."""
    response = HTTPResponse(cast(Any, _Timed(sock, until)), method="POST")
    try:
        response.begin()
        sock.settimeout(_DRAIN_SECONDS)
        with suppress(OSError, HTTPException, ValueError):
            cast(Any, response.fp).raw.until = min(until, time.monotonic() + _DRAIN_SECONDS)
            response.read(MAX_ANSWER)
        return response.status
    finally:
        response.close()


class _Timed:
    """A socket to read from until a certain moment, however slowly it drips."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def makefile(self, _mode: str) -> BufferedReader:
        """What HTTPResponse reads from."""
        return BufferedReader(_Dripping(self._sock, self._until))


class _Dripping(RawIOBase):
    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self.until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self.until))
        return self._sock.recv_into(buffer)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
