"""From refusals to HTTP: the one table of this dialect. `{"error": {"code", "message", "details": {field: text}}}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from counterfoil.api.dialect import Answer
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Problem, Refusal, Upstream


class Unreadable(Refusal):
    """The bytes of a request are not what they say they are."""


class TooMany(Refusal):
    """Too many attempts; the message says when to come back."""


STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Unreadable, 400),
    (Invalid, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (TooMany, 429),
    (Upstream, 503),
)
"""The status of every refusal; who is not known (`key.*`, `login.*`, `session.*`) gets 401 instead of 403."""

UNKNOWN = ("key.", "login.", "session.")

WIRE_NAMES: Mapping[str, str] = {
    "pricing_ref": "product_pricing_ref",
    "tax_percent": "tax",
    "discount_percent": "discount",
    "net_days": "net_terms",
    "start": "billing_start_date",
    "end": "billing_end_date",
    "tax_id": "ein",
}
"""Names of fields within, and what they are called on this wire."""


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong: programs decide by `code`, which is stable; `details` says what is wrong with which field."""

    code: str
    message: str
    details: dict[str, str]


class ErrorOut(msgspec.Struct, frozen=True):
    """The body of every refusal."""

    error: ErrorBody


def refusal(refused: Refusal) -> Answer:
    """The answer to an expected refusal."""
    status = next((s for kind, s in STATUS if isinstance(refused, kind)), 400)
    headers = {"Retry-After": "1"} if status == 503 else {}
    if isinstance(refused, Forbidden) and refused.code.startswith(UNKNOWN):
        status, headers = 401, {"WWW-Authenticate": 'Bearer realm="counterfoil"'}
    if isinstance(refused, TooMany):
        headers = {"Retry-After": "60"}
    message = refused.message
    if isinstance(refused, Upstream) and refused.code == "database.unreachable":
        message = "the database did not answer"  # a driver's own words may name hosts and users
    found = [Problem(wire_name(p.field), p.message) for p in refused.problems]
    if found:
        message = "; ".join(f"{p.field}: {p.message}" for p in found)
    return error(status, refused.code, message, found, headers)


def error(
    status: int, code: str, message: str, problems: Iterable[Problem] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    """A failure with its body."""
    details: dict[str, str] = {}
    for p in problems:
        name = _sound(p.field) or "body"
        details[name] = f"{details[name]}; {_sound(p.message)}" if name in details else _sound(p.message)
    return Answer(ErrorOut(ErrorBody(code, _sound(message), details)), status, headers or {})


def wire_name(path: str) -> str:
    """The path of a field as this wire spells it: `products[0].tax_percent` is `products[0].tax`."""
    parts = path.split(".")
    return ".".join([*parts[:-1], WIRE_NAMES.get(parts[-1], parts[-1])])


def _sound(text: str) -> str:
    """The text as UTF-8 can carry it: what came in broken is quoted with question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
