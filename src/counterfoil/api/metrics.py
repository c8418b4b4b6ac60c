"""How requests go, for Prometheus: counted and timed by route, never by tenant."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_TYPE = "text/plain; version=0.0.4"


class Measured:
    """An ASGI application whose requests are counted."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "counterfoil_http_requests_total", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "counterfoil_http_request_seconds", "Time to answer", ("method", "route"), registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._open = Gauge("counterfoil_http_requests_open", "Requests being answered", registry=self.registry)

    def text(self) -> bytes:
        """The figures in Prometheus' text form."""
        return generate_latest(self.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        self._open.inc()
        try:
            await self._app(scope, receive, noting)
        finally:
            self._open.dec()
            route = scope.get("path_template") or "none"
            method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "PATCH", "DELETE") else "other"
            self._requests.labels(method, route, str(status)).inc()
            self._seconds.labels(method, route).observe(time.perf_counter() - started)
