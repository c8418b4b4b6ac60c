"""Every route of this dialect."""

from __future__ import annotations

from counterfoil.api.received import auth
from counterfoil.api.received.door import Route

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
)
