"""Every route of this dialect."""

from __future__ import annotations

from counterfoil.api.received import auth, contracts, entities, invoices, parties, products, usage, usage_upload
from counterfoil.api.received.door import Route

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
