"""An SMTP server (RFC 5321), by the standard library."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from counterfoil.adapters.mail.mime import message_bytes, needs_utf8, wire_address
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.promises import Handed, Mail, Refused, Undelivered

Tls = Literal["starttls", "implicit", "off"]
TIMEOUT_SECONDS = 30.0
"""For connecting and for every answer. RFC 5321 allows servers minutes; a queue behind one mail does not."""
_PORTS: dict[Tls, int] = {"starttls": 587, "implicit": 465, "off": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_KNOWN = {"from", "tls", "ca", "timeout"}
_MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mail is handed over, read from `smtp://user:password@host:587?from=billing@example.com`.

    `smtps://` speaks TLS from the start, `smtp://` after STARTTLS; `tls=off` sends in the clear, which is also what a
    host on this machine gets. Certificates are checked, against `ca` (a file) where the server has an authority of its
    own. `sender` ("" for the entity's own address) is who mails come from; `timeout` is in seconds.
    """

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    ca: str = ""
    timeout: float = TIMEOUT_SECONDS


def read_smtp_url(url: str) -> SmtpSettings:
    """Settings of a URL; Invalid names what is wrong and never shows the password."""
    parts = urlsplit(url)
    options = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == -1:
        raise Invalid.field("COUNTERFOIL_SMTP_URL", "must be smtp://user:password@host:587?from=billing@example.com")
    unknown = sorted(set(options) - _KNOWN)
    if unknown:
        raise Invalid.field("COUNTERFOIL_SMTP_URL", f"has no option {unknown[0]!r}; there are from, tls, ca and timeout")
    sender = options.get("from", "")
    if sender and (not sender.rpartition("@")[0] or not sender.rpartition("@")[2] or not sender.isprintable()):
        raise Invalid.field("COUNTERFOIL_SMTP_URL", "from must be one e-mail address")
    tls = _tls_of(parts.scheme, parts.hostname, options.get("tls", ""))
    if parts.username and tls == "off" and parts.hostname not in _LOOPBACK:
        raise Invalid.field("COUNTERFOIL_SMTP_URL", "would send the password in the clear; leave tls=off out")
    try:
        timeout = float(options.get("timeout", TIMEOUT_SECONDS))
    except ValueError:
        timeout = 0
    if not 0 < timeout <= 600:
        raise Invalid.field("COUNTERFOIL_SMTP_URL", "timeout must be between 0 and 600 seconds")
    return SmtpSettings(
        parts.hostname, port or _PORTS[tls], tls, unquote(parts.username or ""), unquote(parts.password or ""),
        sender, options.get("ca", ""), timeout,
    )


def _tls_of(scheme: str, host: str, asked: str) -> Tls:
    if asked not in ("", "off", "starttls"):
        raise Invalid.field("COUNTERFOIL_SMTP_URL", "tls must be starttls or off")
    if scheme == "smtps":
        return "implicit"
    if asked:
        return "off" if asked == "off" else "starttls"
    return "off" if host in _LOOPBACK else "starttls"


class SmtpPost:
    """Hands mails to an SMTP server."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings

    @contextmanager
    def session(self) -> Iterator[Callable[[Mail], Handed]]:
        """Mails go one after another over one connection; a new one is opened when it was lost between two mails."""
        line = _Line(self.settings)
        try:
            yield line.send
        finally:
            line.hang_up()


class _Line:
    """A connection, or none yet."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self.smtp: smtplib.SMTP | None = None

    def send(self, mail: Mail) -> Handed:
        """Hand one mail over."""
        data = message_bytes(mail)  # before anything is said: what cannot be spelled is refused here
        addresses = {wire_address(to): to for to in mail.to}
        smtp = self._open()
        options = ["SMTPUTF8"] if needs_utf8(mail) else []
        if options and not smtp.has_extn("smtputf8"):
            raise Undelivered("mail.smtputf8", "the mail server takes no address with such letters", permanent=True)
        try:
            refused = smtp.sendmail(wire_address(mail.sender), list(addresses), data, options)
        except smtplib.SMTPRecipientsRefused as error:
            said = {addresses[a]: _refused(*words) for a, words in error.recipients.items()}
            raise Undelivered(
                "mail.refused", "the mail server refused every address:", refused=said,
                permanent=all(r.permanent for r in said.values()),
            ) from error
        except smtplib.SMTPSenderRefused as error:
            said_of_us = _refused(error.smtp_code, error.smtp_error)
            self._after(error.smtp_code)
            raise Undelivered(
                "mail.sender_refused", f"the mail server refused {mail.sender}: {said_of_us.words}",
                permanent=said_of_us.permanent,
            ) from error
        except smtplib.SMTPDataError as error:
            words = _refused(error.smtp_code, error.smtp_error)
            self._after(error.smtp_code)
            raise Undelivered("mail.not_taken", f"the mail server did not take it: {words.words}",
                              permanent=words.permanent) from error
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            raise Undelivered("mail.connection_lost", f"the mail server stopped answering: {_plain(error)}") from error
        late = {addresses[a]: _refused(*words) for a, words in refused.items()}
        return Handed(tuple(to for to in mail.to if to not in late), late)

    def hang_up(self) -> None:
        """Close the connection if there is one."""
        if self.smtp is not None:
            smtp, self.smtp = self.smtp, None
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _after(self, code: int) -> None:
        """421 is a server that says good-bye."""
        if code == 421:
            self.hang_up()

    def _open(self) -> smtplib.SMTP:
        if self.smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self.smtp.noop()[0] == 250:
                    return self.smtp
            self.hang_up()
        try:
            self.smtp = _connected(self.settings)
        except smtplib.SMTPAuthenticationError as error:
            words = _refused(error.smtp_code, error.smtp_error).words
            raise Undelivered("mail.login", f"the mail server does not know us: {words}", everything=True) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            at = f"{self.settings.host}:{self.settings.port}"
            raise Undelivered("mail.unreachable", f"no mail server at {at}: {_plain(error)}", everything=True) from error
        return self.smtp


def _connected(settings: SmtpSettings) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=settings.ca or None)
    smtp: smtplib.SMTP
    if settings.tls == "implicit":
        smtp = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    else:
        smtp = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    try:
        smtp.ehlo_or_helo_if_needed()
        if settings.tls == "starttls":
            smtp.starttls(context=context)  # refused by the library when the server has none: never in the clear
            smtp.ehlo()
        if settings.user:
            smtp.login(settings.user, settings.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _refused(code: int, words: bytes | str) -> Refused:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    line = " ".join(text.split())
    return Refused(f"{code} {line}"[:_MAX_WORDS], 500 <= code < 600)


def _plain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error.smtp_code, error.smtp_error).words
    return f"{type(error).__name__}: {error}"[:_MAX_WORDS]


def check_ca(settings: SmtpSettings) -> None:
    """Invalid when the authority's file is not there."""
    if settings.ca and not Path(settings.ca).is_file():
        raise Invalid.field("COUNTERFOIL_SMTP_URL", f"ca={settings.ca} is not a file")
