"""Send what was promised: claim, make the mail, hand it over, mark. No transaction is open while a mail server is waited for.

Killed at any moment, what was claimed is taken up again after a quarter of an hour. Killed between the server's answer and
the mark, the mail goes out twice, with the same Message-ID: at least once, since never is worse.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg
import structlog

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Refusal, Upstream
from counterfoil.exports.letter import Letter, OpenItem, confirmation, letter, reminder
from counterfoil.exports.usage_csv import usage_file
from counterfoil.exports.usage_pdf import usage_pdf
from counterfoil.flows.counted_usage import counted_usage
from counterfoil.flows.deliver import (
    BACK_OFF,
    NOWHERE,
    Envelope,
    claim,
    delivered,
    envelope,
    is_confirmation,
    is_reminder,
    open_items,
    put_back,
    undelivered,
    way_of,
)
from counterfoil.flows.promises import File, Handed, Mail, Post, Promise, Undelivered

CHUNK = 25
"""Promises that are claimed at once."""
BUDGET_SECONDS = 5.0
"""How long one run sends before the worker's other jobs get their turn."""
SPARE = timedelta(minutes=5)
"""A mail that is begun later than so long before the end of the lease might be begun by somebody else, too."""
MAX_EVENTS = 50_000
"""Events of a log that comes with a mail; longer ones are online, and the letter says so."""
MAX_REMINDED = 10
"""Documents that come with a mail about several; the others are listed."""
MAX_CSV_BYTES = 8_000_000
"""A log of few events that say much is as long. Many servers take no more than 10 to 25 MB."""

_log = structlog.get_logger("counterfoil.deliver")


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def __call__(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """Committed when the block ends well."""
        ...


@dataclass(frozen=True, slots=True)
class Letters:
    """Makes the mails. `pdf`: a document as PDF; `url`: its hosted page; `sender`: who mails come from ("" for the
    entity's own address); `receipt`: a sealed receipt as PDF."""

    pdf: Callable[[Any, str], bytes]
    url: Callable[[str, str], str]
    sender: str = ""
    receipt: Callable[[Any, str], bytes] | None = None

    def mail(self, tx: Any, promise: Promise, about: Envelope, at: datetime) -> Mail:
        """The promised mail, with the PDF and what else the customer wants. Undelivered (permanent) without a sender."""
        document, entity = about.document, about.entity
        sender = self.sender or entity.email.partition(",")[0].strip() or (NOWHERE if about.via == "outbox" else "")
        if not sender:
            raise Undelivered("mail.no_sender", f"{entity.name} has no e-mail address to send from", permanent=True)
        url = self.url(tx.this_tenant().ref, document.ref)
        test_for = about.intended if about.test else ()
        if is_confirmation(promise):
            return self._confirmation(tx, promise, about, at, sender)
        if is_reminder(promise):
            items = open_items(tx, promise)
            said = reminder(
                document, promise.payload["letter"], [OpenItem(r.number, r.due_on, r.currency, r.open_minor) for r in items],
                url=self.url(tx.this_tenant().ref, items[0].ref) if items else url, test_for=test_for,
            )
            files: tuple[File, ...] = tuple(
                File(f"{r.number}.pdf", self.pdf(tx, r.ref), "application/pdf")
                for r in items[:MAX_REMINDED] if r.ref != document.ref
            )
        else:
            files, total, complete = usage_files(tx, about, url)
            said = letter(document, url=url, usage=total, usage_attached=complete, test_for=test_for)
        pdf = File(f"{document.number}.pdf", self.pdf(tx, document.ref), "application/pdf")
        return _mail(promise, about, at, sender, said, (pdf, *files))

    def _confirmation(self, tx: Any, promise: Promise, about: Envelope, at: datetime, sender: str) -> Mail:
        """That money came in, with its receipt. Undelivered (permanent) when there is none any more."""
        payment = tx.payment_rows([promise.payload["payment"]])[Ref(promise.payload["payment"])]
        ref = tx.receipt_of_payment_ref(payment.ref)
        kept = None if ref is None else tx.payment_receipt(ref)
        if kept is None or kept.deleted_at is not None or kept.record_ref is None or self.receipt is None:
            raise Undelivered("mail.no_receipt", "the payment has no receipt any more", permanent=True)
        said = confirmation(
            about.document, kept.receipt, url=self.url(tx.this_tenant().ref, about.document.ref),
            test_for=about.intended if about.test else (),
        )
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", kept.receipt.number)
        pdf = File(f"{name}.pdf", self.receipt(tx, kept.record_ref), "application/pdf")
        return _mail(promise, about, at, sender, said, (pdf,))


def _mail(promise: Promise, about: Envelope, at: datetime, sender: str, said: Letter, files: tuple[File, ...]) -> Mail:
    domain, entity = sender.rpartition("@")[2], about.entity
    return Mail(
        message_id=f"<{promise.promise_ref}@{domain if domain.isascii() else 'counterfoil.invalid'}>",
        sender=sender, sender_name=entity.name, reply_to=entity.email.partition(",")[0].strip(), to=about.to,
        subject=said.subject, text=said.text, html=said.html, at=at, files=files,
        headers=(("Auto-Submitted", "auto-generated"), ("X-Counterfoil-Document", about.document.ref)),
    )


def usage_files(tx: Any, about: Envelope, url: str) -> tuple[tuple[File, ...], int | None, bool]:
    """The usage log in the forms that the customer's settings ask for, how many events it has (None when it is not
    wanted or there are none), and whether it is attached. A log that is too long is not read at all."""
    document, settings = about.document, about.customer.settings
    as_csv, as_pdf = settings.get("attach_usage_logs_csv") is True, settings.get("attach_usage_logs_pdf") is True
    total = sum(line.usage.count for line in document.lines if line.usage is not None)
    if total == 0 or not (as_csv or as_pdf):
        return (), None, False
    if total > MAX_EVENTS:
        return (), total, False
    events = counted_usage(tx, document.ref)
    files = []
    complete = True
    if as_csv:
        data = usage_file(events)
        complete = len(data) <= MAX_CSV_BYTES
        if complete:
            files.append(File(f"{document.number}-usage.csv", data, "text/csv"))
    if as_pdf:
        names = {ref: meter.name for ref, meter in tx.meters(sorted({e.usage_product_ref for e in events})).items()}
        data = usage_pdf(document, events, total=len(events), names=names, url=url)
        files.append(File(f"{document.number}-usage.pdf", data, "application/pdf"))
    return tuple(files), len(events), complete


def delivering(
    open_tx: OpenTx, letters: Letters, post: Post | None, wall: Callable[[], datetime], *,
    chunk: int = CHUNK, budget_seconds: float = BUDGET_SECONDS,
) -> Callable[[int, Callable[[], bool]], int]:
    """The job: sends what is due for a tenant, at most for `budget_seconds`; how many mails were handed over.

    Upstream `mail.not_configured` when mails are due and there is no mail server.
    """

    def run(tenant: int, stopping: Callable[[], bool]) -> int:
        started, done = time.monotonic(), 0

        def enough() -> bool:
            return stopping() or time.monotonic() > started + budget_seconds

        while not enough():
            with open_tx(tenant, "worker") as tx:
                via = way_of(tx)
                promises = claim(tx, wall(), chunk) if via else []
                if promises and via == "smtp" and post is None:
                    put_back(tx, promises)
                    raise _not_configured()
            if not promises:
                break
            done += _Round(open_tx, letters, wall, tenant, enough).deliver(promises, post if via == "smtp" else None)
            if len(promises) < chunk:
                break
        return done

    return run


def _not_configured() -> Upstream:
    return Upstream("mail.not_configured", "documents wait to be sent, and COUNTERFOIL_SMTP_URL names no mail server")


@dataclass(slots=True)
class _Round:
    """What one claimed chunk needs."""

    open_tx: OpenTx
    letters: Letters
    wall: Callable[[], datetime]
    tenant: int
    enough: Callable[[], bool]

    def deliver(self, promises: Sequence[Promise], post: Post | None) -> int:
        """Send them over one connection, or into the outbox; how many were taken."""
        if post is None:
            return self._each(promises, lambda mail: Handed(mail.to))
        with post.session() as send:
            return self._each(promises, send)

    def _each(self, promises: Sequence[Promise], send: Callable[[Mail], Handed]) -> int:
        done = 0
        for n, promise in enumerate(promises):
            if self.enough() or self.wall() > promise.until - SPARE:
                self._put_back(promises[n:], None)
                break
            try:
                done += self._one(promise, send)
            except _NobodyThere:
                self._put_back(promises[n + 1 :], self.wall() + BACK_OFF[0])
                break
        return done

    def _one(self, promise: Promise, send: Callable[[Mail], Handed]) -> bool:
        about: Envelope | None = None
        try:
            with self.open_tx(self.tenant, "worker") as tx:
                about = envelope(tx, promise)
                mail = self.letters.mail(tx, promise, about, self.wall())
            handed = send(mail)
        except Undelivered as error:
            self._failed(promise, error, about)
            if error.everything:
                raise _NobodyThere from error
            return False
        except Upstream:
            raise  # the database: what was claimed is taken up again
        except Refusal as error:
            self._failed(promise, Undelivered(error.code, f"{error.code}: {error.message}", permanent=True), about)
            return False
        except psycopg.Error:
            raise
        except Exception as error:
            _log.exception("a mail could not be made", tenant=self.tenant, document_ref=promise.ref)
            self._failed(promise, Undelivered("mail.fault", f"{type(error).__name__}: {error}"), about)
            return False
        with self.open_tx(self.tenant, "worker") as tx:
            delivered(tx, promise, mail, handed, self.wall(), about=about)
        return True

    def _failed(self, promise: Promise, error: Undelivered, about: Envelope | None) -> None:
        _log.warning("mail not delivered", tenant=self.tenant, document_ref=promise.ref, tries=promise.tries,
                     reason=error.message, permanent=error.permanent)
        with self.open_tx(self.tenant, "worker") as tx:
            undelivered(tx, promise, error, self.wall(), about=about)

    def _put_back(self, promises: Sequence[Promise], not_before: datetime | None) -> None:
        if promises:
            with self.open_tx(self.tenant, "worker") as tx:
                put_back(tx, promises, not_before)


class _NobodyThere(Exception):
    """The mail server takes nothing from us now."""


def draft_of(tx: Any, letters: Letters, promise_ref: str, at: datetime) -> Mail | None:
    """The mail of a promise as it would go out now, to look at (the outbox of a test tenant); None without one."""
    promise: Promise | None = tx.promise_of_mail(Ref(promise_ref))
    return None if promise is None else letters.mail(tx, promise, envelope(tx, promise), at)
