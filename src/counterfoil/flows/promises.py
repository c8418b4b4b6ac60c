"""Promises that jobs keep, and mails: what is handed to a mail server, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Upstream


@dataclass(frozen=True, slots=True)
class NewPromise:
    """What a flow promises: `ref` is what it is about, `due_at` (the tenant's time) the earliest time to keep it."""

    promise_ref: Ref
    ref: Ref
    due_at: datetime
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise in the hands of a job. `tries` counts this one; `until` (wall clock) is how long nobody else has it."""

    promise_ref: Ref
    kind: str
    ref: Ref
    payload: Mapping[str, Any]
    tries: int
    until: datetime


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """Whether a tenant's documents go out by mail. `test_mailbox`: where the mails of a test tenant go instead of
    to its customers; without one they are kept in its outbox."""

    sends: bool = False
    test_mailbox: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that comes with a mail."""

    name: str
    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be handed over. `message_id` is the same whenever the same promise is kept again."""

    message_id: str
    sender: str
    sender_name: str
    reply_to: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    at: datetime
    files: tuple[File, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What a mail server said of one address. `permanent`: it will say so again (SMTP's 5xx)."""

    words: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """A mail that the server took responsibility for: for whom, and for whom not."""

    accepted: tuple[str, ...]
    refused: Mapping[str, Refused] = field(default_factory=dict)


MailState = Literal["waiting", "retrying", "parked", "sent", "dropped"]
"""waiting (for its day, or for the worker) → sent; retrying after a failure that may pass, parked after one that may not;
dropped: a reminder of what is not open any more."""


@dataclass(frozen=True, slots=True)
class Handing:
    """One time that a mail was handed over, with the server's words for each address that it refused. `n`: which try."""

    n: int
    via: str
    subject: str
    message_id: str
    accepted: tuple[str, ...]
    refused: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class MailRow:
    """A promised mail and what became of it. `to`: addresses given by hand, or those that are left; none for the
    customer's own. `reason`: why it did not go out."""

    promise_ref: Ref
    document_ref: Ref
    document_number: str
    state: MailState
    made_at: datetime
    due_at: datetime
    next_try_at: datetime | None
    tries: int
    reason: str
    kept_at: datetime | None
    to: Sequence[str]
    handings: tuple[Handing, ...]


class Undelivered(Upstream):
    """The server did not take a mail for anybody. `permanent`: it never will take this one. `everything`: nor any other
    now, since it cannot be reached or does not know us. `refused`: its words by address, where it had some."""

    def __init__(
        self, code: str, message: str, *, permanent: bool = False, everything: bool = False,
        refused: Mapping[str, Refused] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.permanent = permanent
        self.everything = everything
        self.refused = dict(refused or {})


class Post(Protocol):
    """A mail server."""

    def session(self) -> AbstractContextManager[Callable[[Mail], Handed]]:
        """Mails go one after another over one connection, opened with the first; Undelivered when one fails."""
        ...
