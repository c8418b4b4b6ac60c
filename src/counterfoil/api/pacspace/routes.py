"""Every operation of this dialect, its envelope, and its one table from refusals to answers."""

from __future__ import annotations

from typing import Any

from counterfoil.api.dialect import Answer, AnyRoute, Dialect, House, Request, Route, who
from counterfoil.api.pacspace import balances, customers, deltas, documents, receipts, verify, webhooks
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Upstream
from counterfoil.flows.keys import Auth

STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (Upstream, 503),
)


def refusal(refused: Refusal) -> Answer:
    """A refusal as this wire spells it: `{"success": false, "error": {"code", "message"}}`.

    Codes that its clients know (`INVALID_SCOPE_COMBINATION`, `SCOPE_TOO_WIDE`, `CUSTOMER_NOT_FOUND`, ...) are the last part
    of ours, in capitals: `balance.scope_too_wide`.
    """
    status = next((s for kind, s in STATUS if isinstance(refused, kind)), 400)
    if isinstance(refused, Forbidden) and refused.code.startswith(("key.", "session.", "login.")):
        status = 401
    code = refused.code.removeprefix("balance.").upper().replace(".", "_")
    if refused.code == "idempotency.other_request":
        code = "IDEMPOTENCY_CONFLICT"
    if refused.code == "idempotency.in_progress":
        return Answer({"code": "IDEMPOTENCY_PENDING", "retryAfterSeconds": 1, "message": refused.message}, 202)
    if code == "INVALID":
        code = "VALIDATION_ERROR"
    message = refused.message
    if isinstance(refused, Upstream) and refused.code == "database.unreachable":
        message = "the database did not answer"  # a driver's own words may name hosts and users
    headers = {"Retry-After": "1"} if status == 503 else {}
    return error(status, code, message, headers)


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error body."""
    sound = message.encode("utf-8", "replace").decode()
    return Answer({"success": False, "error": {"code": code.upper().replace(".", "_"), "message": sound}}, status, headers or {})


def success(value: Any) -> Any:
    """The envelope of every success."""
    return {"success": True, "data": value}


ROUTES: tuple[Route, ...] = (
    *deltas.ROUTES,
    *balances.ROUTES,
    *receipts.ROUTES,
    *documents.ROUTES,
    *verify.ROUTES,
    *customers.ROUTES,
    *webhooks.ROUTES,
)

def who_asks(house: House, route: AnyRoute, request: Request) -> Auth:
    """Who asks. Clients send a person's session token as a bearer, beside the API key that they send with everything."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if route.by == "person" and scheme.lower() == "bearer" and not token.startswith("pk_") and token.count(".") != 2:
        return house.sessions.who(token.strip())
    return who(house, route, request)


PACSPACE = Dialect(
    "pacspace", ("/api/v1", "/dashboard"), ROUTES, refusal, error, success, who_asks
)
