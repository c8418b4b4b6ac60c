"""Every route of this dialect, and the dialect itself."""

from __future__ import annotations

from counterfoil.api.dialect import Dialect
from counterfoil.api.received import auth, contracts, entities, invoices, parties, products, usage, usage_upload
from counterfoil.api.received.door import Route, who
from counterfoil.api.received.errors import error, refusal
from counterfoil.api.received.wire import encoder, read_body, read_query

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *products.ROUTES,
    *parties.ROUTES,
    *entities.ROUTES,
    *contracts.ROUTES,
    *invoices.ROUTES,
    *usage.ROUTES,
    *usage_upload.ROUTES,
)
PREFIXES = tuple({"/".join(r.path.split("/")[: 2 if r.path.startswith("/auth") else 3]) for r in ROUTES})
"""Where this dialect lives: /auth, /api/products, and so on."""

RECEIVED = Dialect(
    "received", PREFIXES, ROUTES, refusal, error, who=who, read_body=read_body, read_query=read_query, encode=encoder(),
)
