"""A mail server that is none: what it took is looked at in tests, and it refuses what it is told to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from counterfoil.adapters.mail.mime import message_bytes
from counterfoil.flows.promises import Handed, Mail, Refused, Undelivered


@dataclass(slots=True)
class FakePost:
    """`refuses`: what is said of an address, such as `550 no such user`; `data`: what is said of every mail instead of
    taking it; `down`: nobody answers; `dies_after`: takes so many mails and is lost before it says so."""

    refuses: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    down: bool = False
    dies_after: int | None = None
    taken: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    sessions: int = 0

    @contextmanager
    def session(self) -> Iterator[Callable[[Mail], Handed]]:
        """Mails go one after another."""
        self.sessions += 1
        yield self.send

    def send(self, mail: Mail) -> Handed:
        """Take one mail, or refuse it as told."""
        message = message_bytes(mail)
        if self.down:
            raise Undelivered("mail.unreachable", "no mail server at fake:25: it is down", everything=True)
        refused = {to: _said(self.refuses[to]) for to in mail.to if to in self.refuses}
        accepted = tuple(to for to in mail.to if to not in refused)
        if not accepted:
            raise Undelivered("mail.refused", "the mail server refused every address:", refused=refused,
                              permanent=all(r.permanent for r in refused.values()))
        if self.data:
            said = _said(self.data)
            raise Undelivered("mail.not_taken", f"the mail server did not take it: {said.words}",
                              permanent=said.permanent)
        self.taken.append(message)
        self.envelopes.append((mail.sender, accepted))
        if self.dies_after is not None and len(self.taken) >= self.dies_after:
            self.dies_after = None
            raise Undelivered("mail.connection_lost", "the mail server stopped answering: it died")
        return Handed(accepted, refused)


def _said(words: str) -> Refused:
    return Refused(words, words.startswith("5"))
