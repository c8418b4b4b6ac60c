"""A real SMTP server in this process, which refuses what it is told to refuse, and dies when it is told to die."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Server:
    """What it refuses (by address; `data`: every mail; `mail_from`: every sender) and what it took."""

    port: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    data: str = ""
    mail_from: str = ""
    dies_after: int | None = None
    taken: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    sessions: int = 0

    @property
    def mails(self) -> list[EmailMessage]:
        return [read(data) for data in self.taken]

    async def handle_EHLO(
        self, _server: Any, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions += 1
        return responses

    async def handle_MAIL(self, _s: Any, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.mail_from:
            return self.mail_from
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _s: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.data:
            return self.data
        assert isinstance(envelope.content, bytes) and envelope.mail_from is not None
        self.taken.append(envelope.content)
        self.envelopes.append((envelope.mail_from, tuple(envelope.rcpt_tos)))
        self.encrypted.append(session.ssl is not None)
        if self.dies_after is not None and len(self.taken) >= self.dies_after:
            self.dies_after = None
            server.transport.abort()
        return "250 taken"

    def login(self, _server: Any, _session: Any, _envelope: Any, mechanism: str, auth: Any) -> AuthResult:
        self.logins.append(mechanism)
        good = (auth.login, auth.password) == (b"billing", b"p@ss:w/rd")
        return AuthResult(success=good, handled=good)


def read(data: bytes) -> EmailMessage:
    found = message_from_bytes(data, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(server: Server | None = None, **options: Any) -> Iterator[Server]:
    """The server, for the length of a block. `options` go to aiosmtpd's SMTP class."""
    server = server or Server()
    server.port = server.port or free_port()
    implicit = options.pop("ssl_context", None)
    controller = Controller(server, hostname="127.0.0.1", port=server.port, ssl_context=implicit, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def certificates(folder: Path) -> tuple[str, ssl.SSLContext]:
    """(the file of an authority, the context of a server at localhost that it vouches for)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]),
                       critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "ca.pem", folder / "key.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority, private)
    return str(authority), context
