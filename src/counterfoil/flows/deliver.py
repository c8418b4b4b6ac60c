"""Deliver documents by mail: the promise is written with the document, and kept by a job, at least once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import midnight
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Document
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows.payment_rows import PaymentRow
from counterfoil.flows.ports import DocumentRow, Tx
from counterfoil.flows.promises import Handed, Mail, MailPolicy, NewPromise, Promise, Refused, Undelivered

SEND = "send_document"
"""The kind of promise, and what it is called among the parked work (with the document's reference)."""

BACK_OFF = (
    timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12),
)
MAX_TRIES = len(BACK_OFF) + 1
"""Tries before a promise is parked; one that is taken out of the parked work by hand has as many again."""
LEASE = timedelta(minutes=15)
"""How long a job has what it claimed. One that is killed leaves it to others after that."""
CONFIRMED_WITHIN = timedelta(days=7)
MOOT = "mail.moot"
"""Why a reminder is not sent after all: nothing is open any more."""
MAX_ADDRESSES = 50
MAX_REASON = 1000
NO_ADDRESS = "is no e-mail address"
NOWHERE = "no-reply@counterfoil.invalid"
"""Who writes into the outbox of a test tenant whose entity has no address. RFC 2606: nobody can be reached there."""

# RFC 5321 without quoted local parts and address literals, which nobody's accounts department has.
_ATEXT = r"[^\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\].\u2028\u2029\u202a-\u202e\u2066-\u2069]+"
_LABEL = r"[^\W_]([\w-]{0,61}[^\W_])?"
_ADDRESS = re.compile(rf"{_ATEXT}(\.{_ATEXT})*@({_LABEL}\.)+{_LABEL}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail is about and where it goes. `via`: `smtp`, or `outbox` in test mode. `intended`: the customer's own
    addresses; `malformed`: those that are no addresses; `test`: whether they were replaced."""

    document: Document
    customer: Customer
    entity: Entity
    to: tuple[str, ...]
    intended: tuple[str, ...]
    malformed: tuple[str, ...]
    via: str
    test: bool


def promise_documents(tx: Tx, documents: Sequence[Document]) -> int:
    """Promise to send those whose customer has an address, on their issue date, where the tenant sends at all.

    One statement for all of them, in the transaction that issues them; how many were promised.
    """
    wanted = [d for d in documents if d.buyer.email.strip()]
    if not wanted or not tx.mail_policy().sends:
        return 0
    return tx.promise(SEND, [NewPromise(_first_promise(d.ref), d.ref, _due_at(tx, d)) for d in wanted])


def promise_confirmations(tx: Tx, payments: Sequence[tuple[PaymentRow, Ref]]) -> int:
    """Promise to confirm these payments by mail, each about the first document that it settles, with its receipt: where the
    tenant sends at all and the customer has an address. Money of more than a week ago is not confirmed: it was taken over."""
    recent = [(p, document) for p, document in payments if p.received_at > tx.now - CONFIRMED_WITHIN]
    if not recent or not tx.mail_policy().sends:
        return 0
    customers = tx.customers(list({p.customer_ref for p, _document in recent}))
    return tx.promise(SEND, [
        NewPromise(derived_ref("promise", SEND, p.ref), document, tx.now, {"payment": p.ref})
        for p, document in recent if customers[p.customer_ref].email.strip()
    ])


def is_confirmation(promise: Promise) -> bool:
    """Whether a mail confirms a payment, instead of bringing a document."""
    return "payment" in promise.payload


def _document(tx: Tx, ref: str) -> Document:
    sealed = tx.record(Ref(ref))
    if sealed is None:
        raise NotFound("document.not_found", f"there is no document {ref}")
    return record_document(sealed.body)


def _first_promise(document_ref: Ref) -> Ref:
    return derived_ref("promise", SEND, document_ref)


def _due_at(tx: Tx, document: Document) -> datetime:
    return max(tx.now, _begins(document.issued_on, document.time_zone))


_begins = lru_cache(maxsize=1024)(midnight)


def send_document(tx: Tx, document_ref: str, *, to: Sequence[str] = ()) -> Ref:
    """Promise by hand to send a document (again), to its customer or to the addresses of `to`; the promise's reference.

    Conflict when the tenant sends no mail, NotFound for an unknown document, Invalid for what is no address. A test
    tenant's mail goes where all of its mails go.
    """
    if not tx.mail_policy().sends:
        raise Conflict("mail.off", "documents do not go out by mail; switch it on first")
    document = _document(tx, document_ref)
    good, bad = read_addresses(",".join(to))
    if bad:
        raise Invalid.field("to", f"{bad[0]!r} is not an e-mail address")
    if not to and not tx.customers([document.buyer.ref])[document.buyer.ref].email.strip():
        raise Invalid.field("to", f"{document.buyer.name} has no e-mail address")
    promise = NewPromise(tx.new_ref(), document.ref, _due_at(tx, document), {"to": list(good)} if to else {})
    tx.promise(SEND, [promise])
    tx.unpark(SEND, document.ref)
    tx.audit("send", "document", document.ref, after={"promise_ref": promise.promise_ref, "to": list(good)})
    return promise.promise_ref


def set_mail_policy(tx: Tx, policy: MailPolicy) -> MailPolicy:
    """Say whether the tenant's documents go out by mail from now on. Documents issued before are not sent by this."""
    if policy.test_mailbox:
        if tx.this_tenant().mode == "live":
            raise Invalid.field("test_mailbox", "is for test mode: a live tenant sends to its customers")
        if read_addresses(policy.test_mailbox) != ((policy.test_mailbox,), ()):
            raise Invalid.field("test_mailbox", "must be one e-mail address")
    before = tx.mail_policy()
    tx.put_mail_policy(policy)
    tx.audit("change", "mail_policy", "mail", before=before, after=policy)
    return policy


def read_addresses(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(addresses, what is none) of a comma-separated list, each once, in its order. Domains are in small letters.

    Whatever comes after the fiftieth counts as none.
    """
    good: list[str] = []
    bad: list[str] = []
    for part in filter(None, (p.strip(" \t") for p in text.split(","))):
        local, _, domain = part.rpartition("@")
        address = f"{local}@{domain.lower()}"
        if len(part) > 254 or len(local.encode()) > 64 or not _ADDRESS.fullmatch(part):
            bad.append(part)
        elif address not in good:
            (good if len(good) < MAX_ADDRESSES else bad).append(address)
    return tuple(good), tuple(bad)


def way_of(tx: Tx) -> str:
    """How the tenant's mails go: `smtp`, `outbox` (a test tenant without a test mailbox), or "" when none do."""
    policy = tx.mail_policy()
    if not policy.sends:
        return ""
    return "outbox" if tx.this_tenant().mode == "test" and not policy.test_mailbox else "smtp"


def claim(tx: Tx, wall: datetime, limit: int) -> list[Promise]:
    """Take up to `limit` promises that are due, for a quarter of an hour by `wall`, the clock outside."""
    return tx.claim_promises(SEND, limit, wall=wall, until=wall + LEASE)


def envelope(tx: Tx, promise: Promise) -> Envelope:
    """Where the promised mail goes, by what is known of the customer now (an address may have been mended since).

    Undelivered (permanent) when there is nowhere to send it, or nothing left to remind of.
    """
    document = _document(tx, promise.ref)
    if is_reminder(promise) and not open_items(tx, promise):
        raise Undelivered(MOOT, "nothing is open any more", permanent=True)
    customer = tx.customers([document.buyer.ref])[document.buyer.ref]
    entity = tx.entities([document.seller.ref])[document.seller.ref]
    wanted = promise.payload.get("to")
    good, bad = (tuple(wanted), ()) if wanted else read_addresses(customer.email)
    if not good:
        said = f"{', '.join(bad)[:200]!r} is no e-mail address" if bad else "there is no e-mail address"
        raise Undelivered("mail.no_address", f"{customer.name}: {said}", permanent=True)
    if tx.this_tenant().mode == "live":
        return Envelope(document, customer, entity, good, good, bad, "smtp", False)
    mailbox = tx.mail_policy().test_mailbox
    return Envelope(document, customer, entity, (mailbox,) if mailbox else good, good, bad,
                    "smtp" if mailbox else "outbox", True)


def is_reminder(promise: Promise) -> bool:
    """Whether a mail asks for money, instead of bringing a document."""
    return "letter" in promise.payload


def open_items(tx: Tx, promise: Promise) -> list[DocumentRow]:
    """What a reminder is about and is still open, by due date and number."""
    rows = tx.document_rows(promise.payload.get("documents", [promise.ref])).values()
    return sorted((r for r in rows if r.open_minor > 0), key=lambda r: (r.due_on, r.number))


def delivered(tx: Tx, promise: Promise, mail: Mail, handed: Handed, wall: datetime, *, about: Envelope) -> None:
    """The server took the mail: mark the document as sent and write the mail down.

    Addresses that it refused for now are tried again, alone; those that it refused for good are parked with its words.
    """
    tx.add_mail(promise, mail, handed, about.via)
    if not is_confirmation(promise):
        tx.mark(promise.ref, "sent", tx.now)
    later = tuple(a for a, r in handed.refused.items() if not r.permanent)
    never = _refused_so_far(promise, handed.refused) | dict.fromkeys(about.malformed, NO_ADDRESS)
    if not is_confirmation(promise):
        tx.unpark(SEND, promise.ref)
    if later:
        _again(tx, promise, later, never, _words(handed.refused), wall)
        return
    tx.keep_promise(promise.promise_ref)
    if never:
        reason = "; ".join(f"{address}: {words}" for address, words in never.items())
        tx.park(SEND, promise.ref, f"sent, but not to all: {reason}"[:MAX_REASON])


def undelivered(
    tx: Tx, promise: Promise, error: Undelivered, wall: datetime, *, about: Envelope | None = None
) -> None:
    """Nobody got the mail: it is tried again later, or parked when that would not help or was done often enough.

    Addresses refused for good are left out when the others are tried again.
    """
    if error.code == MOOT:
        tx.change_promise(promise.promise_ref, {**promise.payload, "dropped": error.message})
        tx.keep_promise(promise.promise_ref)
        return
    reason = (f"{error.message} {_words(error.refused)}".strip())[:MAX_REASON]
    if error.permanent:
        if tx.postpone_promise(promise, reason, None):
            tx.park(SEND, promise.ref, reason)
        return
    never = _refused_so_far(promise, error.refused)
    later = tuple(a for a, r in error.refused.items() if not r.permanent) if never else ()
    malformed = () if about is None else about.malformed
    _again(tx, promise, later, never | dict.fromkeys(malformed, NO_ADDRESS), reason, wall)


def put_back(tx: Tx, promises: Sequence[Promise], not_before: datetime | None = None) -> None:
    """Give back what was claimed and not tried."""
    tx.put_back(promises, not_before)


def retry_sending(tx: Tx, document_ref: str) -> None:
    """Take a document's mail out of the parked work, so that it is tried again at once; NotFound without it."""
    if not tx.unpark(SEND, document_ref):
        raise NotFound("parked.none", f"no mail of {document_ref} is parked")
    tx.audit("retry", "document", document_ref, why="mail")


def _again(
    tx: Tx, promise: Promise, to: Sequence[str], never: Mapping[str, str], reason: str, wall: datetime
) -> None:
    step = (promise.tries - 1) % MAX_TRIES
    last = step == MAX_TRIES - 1
    if not tx.postpone_promise(promise, reason, None if last else wall + BACK_OFF[step]):
        return
    if to:
        tx.change_promise(promise.promise_ref, {**promise.payload, "to": list(to), "refused": dict(never)})
    if last:
        tx.park(SEND, promise.ref, f"after {promise.tries} tries: {reason}"[:MAX_REASON])


def _refused_so_far(promise: Promise, refused: Mapping[str, Refused]) -> dict[str, str]:
    """What was refused for good, now and at earlier tries."""
    return dict(promise.payload.get("refused", {})) | {a: r.words for a, r in refused.items() if r.permanent}


def _words(refused: Mapping[str, Refused]) -> str:
    return "; ".join(f"{address}: {r.words}" for address, r in refused.items())
