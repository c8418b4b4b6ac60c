"""Every operation of this dialect, in the order of its documentation, and its one table from refusals to answers."""

from __future__ import annotations

from counterfoil.api.dialect import Answer, Dialect, Route
from counterfoil.api.paid import (
    checkouts,
    costs,
    credits,
    customers,
    invoices,
    orders,
    payment_methods,
    payments,
    plans,
    products,
    public,
    signals,
    states,
    value_metrics,
    value_models,
    value_receipts,
    webhooks,
)
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Upstream

STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (Upstream, 503),
)


def refusal(refused: Refusal) -> Answer:
    """A refusal as this wire spells it: `{"error", "code"}`, texts only, which its oldest clients insist on."""
    status = next((s for kind, s in STATUS if isinstance(refused, kind)), 400)
    if isinstance(refused, Forbidden) and refused.code.startswith(("key.", "session.", "login.")):
        status = 401
    message = refused.message
    if isinstance(refused, Upstream) and refused.code == "database.unreachable":
        message = "the database did not answer"  # a driver's own words may name hosts and users
    headers = {"Retry-After": "1"} if status == 503 else {}
    return error(status, refused.code.upper().replace(".", "_"), message, headers)


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error body."""
    sound = message.encode("utf-8", "replace").decode()
    return Answer({"error": sound, "code": code.upper().replace(".", "_")}, status, headers or {})


ROUTES: tuple[Route, ...] = (
    *customers.ROUTES, *states.ROUTES, *products.ROUTES, *orders.ROUTES, *plans.ROUTES, *checkouts.ROUTES, *invoices.ROUTES,
    *payments.ROUTES, *payment_methods.ROUTES, *signals.ROUTES, *costs.ROUTES, *credits.ROUTES,
    *value_receipts.ROUTES, *value_metrics.ROUTES, *value_models.ROUTES,
    *webhooks.ROUTES, *public.ROUTES,
)

PAID = Dialect("paid", ("/api/v2", "/api/public"), ROUTES, refusal, error)
