"""`/v1/mail`: whether documents go out by mail, the outbox, and sending a document by hand."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, File, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.wire import Input, Instant, Output, RefText, ShortText
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.flows.deliver import MAX_ADDRESSES, SEND, read_addresses, send_document, set_mail_policy, way_of
from counterfoil.flows.promises import Handing, MailRow, MailState, Undelivered
from counterfoil.flows.promises import MailPolicy as CoreMailPolicy

Via = Literal["smtp", "outbox"]
Address = Annotated[str, Meta(min_length=1, max_length=254, examples=["accounts@globex.example"])]


class MailPolicyIn(Input):
    """Whether documents go out by mail. `test_mailbox`: where a test tenant's mails go; without one they stay in its
    outbox."""

    sends: bool
    test_mailbox: ShortText = ""


class MailPolicy(Output):
    """Whether documents go out by mail, and what becomes of those mails: `smtp` hands them to the mail server, `outbox`
    keeps them here (test mode), null: there are none. `mail_server`: whether one is configured."""

    sends: bool
    test_mailbox: str
    goes: Via | None
    mail_server: bool


class RefusedAddress(Output):
    """An address that the mail server did not take, and its words."""

    address: str
    said: str


class Sending(Output):
    """One time that the mail was handed over."""

    attempt: int
    at: Instant
    via: Via
    subject: str
    message_id: str
    accepted: list[str]
    refused: list[RefusedAddress]


class Mail(Output):
    """A mail that a document goes out with.

    `state`: `waiting` (for its day, or for the worker), `retrying` (after a failure that may pass: `next_try_at`),
    `parked` (until somebody mends what `reason` says and tries again), `sent`, `dropped` (a reminder of what was paid
    meanwhile). `to`: addresses given by hand, or those
    that are left to be tried; empty for the customer's own.
    """

    mail_ref: RefText
    document_ref: RefText
    document_number: str
    state: MailState
    to: list[str]
    promised_at: Instant
    due_at: Instant
    attempts: int
    next_try_at: Instant | None
    reason: str
    sent_at: Instant | None
    sendings: list[Sending]


class MailFilter(Paging):
    """Which mails."""

    document_ref: RefText | None = None
    state: MailState | None = None


class SendDocument(Input):
    """Where to send it: to these addresses, or, without any, to its customer."""

    to: Annotated[list[Address], Meta(max_length=MAX_ADDRESSES)] = field(default_factory=list)


def get_policy(call: Call) -> MailPolicy:
    """Whether documents go out by mail."""
    policy: CoreMailPolicy = call.tx.mail_policy()
    goes: Literal["smtp", "outbox", ""] = way_of(call.tx)  # type: ignore[assignment]
    return MailPolicy(
        sends=policy.sends, test_mailbox=policy.test_mailbox, goes=goes or None, mail_server=call.house.post is not None
    )


def put_policy(call: Call) -> MailPolicy:
    """Switch mail on or off."""
    set_mail_policy(call.tx, CoreMailPolicy(call.body.sends, call.body.test_mailbox))
    return get_policy(call)


def list_mails(call: Call) -> Page[Mail]:
    """Mails, the latest promise first."""
    q: MailFilter = call.query
    rows = call.tx.mail_page(
        SEND, position(q.after, Instant, RefText), q.limit + 1, document_ref=q.document_ref, state=q.state
    )
    return page(rows, q.limit, lambda r: (r.made_at, r.promise_ref), mail_out)


def get_mail(call: Call) -> Mail:
    """One mail."""
    return _mail(call, call.ref("mail_ref"))


def _mail(call: Call, ref: str) -> Mail:
    rows: list[MailRow] = call.tx.mail_page(SEND, None, 1, promise_ref=ref)
    if not rows:
        raise NotFound("mail.not_found", f"there is no mail {ref}")
    return mail_out(rows[0])


def get_source(call: Call) -> File:
    """The mail as it would go over the wire now."""
    ref = call.ref("mail_ref")
    _mail(call, ref)
    try:
        return File(call.house.mail_source(call.tx, ref), "message/rfc822", f"{ref}.eml")
    except Undelivered as error:
        raise Conflict(error.code, error.message) from None


def post_send(call: Call) -> Mail:
    """Promise to send a document."""
    to: list[str] = call.body.to
    refuse_if(
        Problem(f"to[{i}]", f"must be one e-mail address, not {address[:100]!r}")
        for i, address in enumerate(to) if not _is_address(address)
    )
    return _mail(call, send_document(call.tx, call.ref("document_ref"), to=to))


def _is_address(text: str) -> bool:
    good, bad = read_addresses(text)
    return len(good) == 1 and not bad


def mail_out(r: MailRow) -> Mail:
    """A mail as the wire shows it."""
    return Mail(
        mail_ref=r.promise_ref, document_ref=r.document_ref, document_number=r.document_number, state=r.state,
        to=list(r.to), promised_at=r.made_at, due_at=r.due_at, attempts=r.tries, next_try_at=r.next_try_at,
        reason=r.reason, sent_at=r.kept_at, sendings=[_sending(h) for h in r.handings],
    )


def _sending(h: Handing) -> Sending:
    return Sending(
        attempt=h.n, at=h.at, via="outbox" if h.via == "outbox" else "smtp", subject=h.subject, message_id=h.message_id,
        accepted=list(h.accepted), refused=[RefusedAddress(address=a, said=w) for a, w in h.refused.items()],
    )


_MAIL = "/v1/mail/outbox/{mail_ref}"

ROUTES = (
    Route("GET", "/v1/mail/policy", "Mail", "Whether documents go out by mail", get_policy, MailPolicy),
    Route("PUT", "/v1/mail/policy", "Mail", "Switch mail on or off", put_policy, MailPolicy, body=MailPolicyIn,
          roles=ADMIN, example={"sends": True, "test_mailbox": ""},
          about="Documents that were issued before are not sent by this. A test tenant never writes to customers."),
    Route("GET", "/v1/mail/outbox", "Mail", "Mails and what became of them, the latest first", list_mails, Page[Mail],
          query=MailFilter),
    Route("GET", _MAIL, "Mail", "One mail", get_mail, Mail, errors=(404,)),
    Route("GET", f"{_MAIL}/source", "Mail", "Its source, as it would go out now", get_source, errors=(404, 409),
          media="message/rfc822",
          about="With the PDF and whatever else is attached. 409 when it cannot be made, as when the customer has no "
          "address."),
    Route("POST", "/v1/documents/{document_ref}/send", "Mail", "Send a document, again or to others", post_send, Mail,
          body=SendDocument, roles=FINANCE, status=201, errors=(404, 409), example={"to": ["tax@adviser.example"]},
          about="It is sent by the worker, within seconds; a document that is dated in the future, on its day. 409 while "
          "mail is switched off. What is parked is tried again with `POST /v1/parked/retry` or by this."),
)
