"""Every route of this dialect."""

from __future__ import annotations

from counterfoil.api.received import auth, parties, products
from counterfoil.api.received.door import Route

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *products.ROUTES,
    *parties.ROUTES,
)
