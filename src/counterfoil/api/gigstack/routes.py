"""Every operation of this dialect, and its one table from refusals to answers."""

from __future__ import annotations

from counterfoil.api.dialect import Answer, Dialect, Route
from counterfoil.api.gigstack import clients, receipts, webhooks
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Upstream

STATUS: tuple[tuple[type[Refusal], int, str, str], ...] = (
    (Invalid, 400, "VALIDATION_ERROR", "Request validation failed"),
    (NotFound, 404, "NOT_FOUND", "The requested resource does not exist"),
    (Conflict, 409, "CONFLICT", "The state of the resource does not allow this"),
    (Forbidden, 403, "FORBIDDEN", "This key may not do that"),
    (Upstream, 503, "UNAVAILABLE", "Try again in a moment"),
)
GONE = {
    "receipt.not_found": ("Receipt not found", "The requested receipt does not exist"),
    "customer.not_found": ("Client not found", "The requested client does not exist"),
}
"""What is said of things that are not there."""


def refusal(refused: Refusal) -> Answer:
    """A refusal as this wire spells it: `{"error": {"code", "message", "details"?}, "message"}`."""
    _kind, status, code, told = next((row for row in STATUS if isinstance(refused, row[0])), STATUS[0])
    if isinstance(refused, NotFound) and refused.code in GONE:
        message, told = GONE[refused.code]
        return error(status, code, message, told)
    if isinstance(refused, Forbidden) and refused.code.startswith(("key.", "session.", "login.")):
        status, code, told = 401, "UNAUTHORIZED", "Send an API key as a bearer token"
    if refused.problems:
        return error(status, code, "Invalid request parameters", told, {p.field: p.message for p in refused.problems})
    message = refused.message
    if isinstance(refused, Upstream) and refused.code == "database.unreachable":
        message = "the database did not answer"  # a driver's own words may name hosts and users
    return error(status, code, message, told)


def error(status: int, code: str, message: str, told: str = "", details: dict[str, str] | None = None) -> Answer:
    """An error body."""
    code = {404: "NOT_FOUND", 500: "INTERNAL_ERROR"}.get(status, code.upper().replace(".", "_"))
    found: dict[str, object] = {"code": code, "message": _sound(message)}
    if details is not None:
        found["details"] = {_sound(k): _sound(v) for k, v in details.items()}
    headers = {"Retry-After": "1"} if status == 503 else {}
    return Answer({"error": found, "message": told or _sound(message)}, status, headers)


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


ROUTES: tuple[Route, ...] = (*receipts.ROUTES, *clients.ROUTES, *webhooks.ROUTES)

GIGSTACK = Dialect("gigstack", ("/v2",), ROUTES, refusal, error)
