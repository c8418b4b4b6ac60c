"""Every route of this dialect."""

from __future__ import annotations

from counterfoil.api.native import (
    balances,
    books,
    catalogue,
    contracts,
    delivery,
    documents,
    formats,
    invoices,
    layouts,
    log,
    parties,
    payments,
    plans,
    receipts,
    sharing,
    tenant,
    uploads,
    usage,
    value_receipts,
    webhooks,
    witnesses,
)
from counterfoil.api.native.door import Route

ROUTES: tuple[Route, ...] = (
    *tenant.ROUTES,
    *parties.ROUTES,
    *catalogue.ROUTES,
    *contracts.ROUTES,
    *plans.ROUTES,
    *usage.ROUTES,
    *formats.ROUTES,
    *uploads.ROUTES,
    *invoices.ROUTES,
    *documents.ROUTES,
    *payments.ROUTES,
    *receipts.ROUTES,
    *value_receipts.ROUTES,
    *sharing.ROUTES,
    *delivery.ROUTES,
    *layouts.ROUTES,
    *books.ROUTES,
    *balances.ROUTES,
    *log.ROUTES,
    *witnesses.ROUTES,
    *webhooks.ROUTES,
)
