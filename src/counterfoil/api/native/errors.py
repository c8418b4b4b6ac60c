"""From refusals to HTTP: the one table of this dialect, and the problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

import msgspec

from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Problem, Refusal, Upstream

PROBLEM_TYPE = "application/problem+json"


class Unreadable(Refusal):
    """The bytes of a request are not what they say they are."""


class WrongMedia(Refusal):
    """A body of a content type that we do not read."""


STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Unreadable, 400),
    (WrongMedia, 415),
    (NotFound, 404),
    (Invalid, 422),
    (Conflict, 409),
    (Forbidden, 403),
    (Upstream, 503),
)
"""The status of every refusal; a token that is missing, unknown or revoked (`key.*`) is 401 instead."""

WORDS: dict[int, str] = {
    400: "The request cannot be read",
    401: "Who is asking?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "The state of things does not allow it",
    413: "The request is too large",
    415: "The content type is not one we read",
    422: "Some fields are wrong",
    500: "Something went wrong on our side",
    503: "Not possible right now; try again",
}
"""Titles of the problems, by status."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong with the input."""

    field: Annotated[str, msgspec.Meta(description="Path of the field", examples=["lines[0].quantity"])]
    message: Annotated[str, msgspec.Meta(examples=["must not be negative: use a credit note"])]


class ProblemOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457). `code` is stable: programs decide by it. `errors` names every wrong field."""

    type: Annotated[str, msgspec.Meta(examples=["urn:counterfoil:problem:customer.not_found"])]
    title: str
    status: int
    code: Annotated[str, msgspec.Meta(description="Stable, dotted", examples=["customer.not_found"])]
    detail: str
    errors: tuple[FieldError, ...] = ()
    id: Annotated[str, msgspec.Meta(description="Of an unexpected failure: what to look for in our logs")] = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal as an HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def failure_of(refusal: Refusal) -> Failure:
    """The answer to an expected refusal."""
    status = next((s for kind, s in STATUS if isinstance(refusal, kind)), 422)
    if isinstance(refusal, Forbidden) and refusal.code.startswith("key."):
        return problem(401, refusal.code, refusal.message, headers={"WWW-Authenticate": 'Bearer realm="counterfoil"'})
    headers = {"Retry-After": "1"} if status == 503 else {}
    detail = refusal.message
    if isinstance(refusal, Upstream) and refusal.code == "database.unreachable":
        detail = "the database did not answer"  # a driver's own words may name hosts and users
    return problem(status, refusal.code, detail, refusal.problems, headers=headers)


def problem(
    status: int, code: str, detail: str, problems: tuple[Problem, ...] = (), *, id: str = "",
    headers: Mapping[str, str] | None = None,
) -> Failure:
    """A problem document with its status."""
    out = ProblemOut(
        type=f"urn:counterfoil:problem:{code}",
        title=WORDS.get(status) or HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=_sound(detail),
        errors=tuple(FieldError(_sound(p.field), _sound(p.message)) for p in problems),
        id=id,
    )
    return Failure(status, msgspec.json.encode(out), headers or {})


def _sound(text: str) -> str:
    """The text as UTF-8 can carry it: what came in broken is quoted with question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
