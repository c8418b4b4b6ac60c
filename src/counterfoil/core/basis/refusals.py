"""What the system says when it will not do something: few kinds, each with a stable code.

A refusal is expected (bad input, a state that does not allow the act). A broken invariant is an assertion instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input. `field` is a path such as `line_items[2].tiers[0].up_to`."""

    field: str
    message: str

    def under(self, prefix: str) -> Problem:
        """The same problem seen from the object that holds `field` at `prefix`."""
        if not prefix:
            return self
        joint = "" if self.field.startswith("[") or not self.field else "."
        return Problem(f"{prefix}{joint}{self.field}", self.message)


class Refusal(Exception):
    """Base of every expected refusal. `code` is stable and dotted, such as `contract.not_found`."""

    def __init__(self, code: str, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.problems = tuple(problems)


class NotFound(Refusal):
    """The thing referred to does not exist for this tenant."""


class Invalid(Refusal):
    """The input is wrong; `problems` names each field."""

    @classmethod
    def field(cls, field: str, message: str, code: str = "invalid") -> Invalid:
        """A refusal over one field."""
        return cls(code, f"{field}: {message}", (Problem(field, message),))

    @classmethod
    def of(cls, problems: Iterable[Problem], code: str = "invalid") -> Invalid:
        """A refusal over several fields at once."""
        listed = tuple(problems)
        return cls(code, "; ".join(f"{p.field}: {p.message}" for p in listed), listed)


class Conflict(Refusal):
    """The state of the thing does not allow it (already issued, key reused with another body, ...)."""


class Forbidden(Refusal):
    """Who asks may not do it."""


class Upstream(Refusal):
    """A neighbour (database, mail server, provider) failed; trying again later may work."""


def refuse_if(problems: Iterable[Problem], code: str = "invalid") -> None:
    """Raise `Invalid` over `problems` when there are any."""
    listed = tuple(problems)
    if listed:
        raise Invalid.of(listed, code)
