"""A mail as the bytes that go over the wire (RFC 5322, MIME). Nothing that a person typed can become a header."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

from counterfoil.flows.promises import Mail, Undelivered

_CONTROL = dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029], " ")


def message_bytes(mail: Mail) -> bytes:
    """The message with CRLF line ends: text, the same as HTML, and the files. Bcc is never used: all see `to`.

    Undelivered (permanent) where an address has no form that mail knows.
    """
    message = EmailMessage(policy=SMTPUTF8 if needs_utf8(mail) else SMTP)
    message["Message-ID"] = mail.message_id
    message["Date"] = mail.at
    message["From"] = _address(mail.sender, mail.sender_name)
    message["To"] = tuple(_address(to) for to in mail.to)
    if mail.reply_to and mail.reply_to != mail.sender:
        message["Reply-To"] = _address(mail.reply_to, mail.sender_name)
    message["Subject"] = one_line(mail.subject)
    for name, value in mail.headers:
        message[name] = one_line(value)
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    for file in mail.files:
        kind, _, sub = file.mime_type.partition("/")
        message.add_attachment(file.data, maintype=kind, subtype=sub, filename=one_line(file.name), cte="base64")
    return message.as_bytes()


def needs_utf8(mail: Mail) -> bool:
    """Whether an address has letters before its @ that only servers with SMTPUTF8 (RFC 6531) take."""
    return not all(a.rpartition("@")[0].isascii() for a in (*mail.to, mail.sender, mail.reply_to))


def wire_address(address: str) -> str:
    """An address as SMTP takes it: an international domain in its ASCII form (RFC 5891)."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise Undelivered("mail.address", f"{address!r} is no e-mail address", permanent=True) from error


def one_line(text: str) -> str:
    """A text that cannot end its header."""
    return " ".join(text.translate(_CONTROL).split())


def _address(address: str, name: str = "") -> Address:
    local, _, domain = wire_address(address).rpartition("@")
    try:
        return Address(one_line(name), local, domain)
    except (ValueError, IndexError) as error:
        raise Undelivered("mail.address", f"{address!r} is no e-mail address", permanent=True) from error
