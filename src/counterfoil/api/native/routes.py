"""Every route of this dialect."""

from __future__ import annotations

from counterfoil.api.native import books, catalogue, contracts, documents, invoices, log, parties, tenant, usage
from counterfoil.api.native.door import Route

ROUTES: tuple[Route, ...] = (
    *tenant.ROUTES,
    *parties.ROUTES,
    *catalogue.ROUTES,
    *contracts.ROUTES,
    *usage.ROUTES,
    *invoices.ROUTES,
    *documents.ROUTES,
    *books.ROUTES,
    *log.ROUTES,
)
