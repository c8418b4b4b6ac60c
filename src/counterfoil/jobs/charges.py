"""Ask payment providers for what was promised, settle what they told, and read what they paid out. No transaction is open while
a provider is waited for.

Killed at any moment, what was claimed is taken up again after a quarter of an hour, under the same key at the provider: it
answers with the charge that it made, which is settled once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from counterfoil.core.basis.refusals import Refusal, Upstream
from counterfoil.flows import charge
from counterfoil.flows.gateway_port import CHARGE, REFUND, Gateway, GatewayFault
from counterfoil.flows.gateway_rows import GatewayRow
from counterfoil.flows.promises import Promise
from counterfoil.flows.reconcile_payouts import LOOK_BACK, read_payouts
from counterfoil.flows.settle_provider_events import CHUNK, settle_events

AT_ONCE = 20
"""Promises that are claimed at once."""
BUDGET_SECONDS = 10.0
"""How long one run goes on before other tenants get their turn."""

_log = structlog.get_logger("counterfoil.charges")


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def __call__(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """Committed when the block ends well."""
        ...


@dataclass(frozen=True, slots=True)
class AskingProviders:
    """The job: charges and refunds that are due, then events that wait. How much a run did. `gateway_of` (tenant, gateway):
    its adapter; `collect` takes events of a provider that nobody carries over."""

    open_tx: OpenTx
    gateway_of: Callable[[int, GatewayRow], Gateway]
    wall: Callable[[], datetime]
    collect: Callable[[int], int] = lambda tenant: 0
    budget_seconds: float = BUDGET_SECONDS

    def __call__(self, tenant: int, stopping: Callable[[], bool]) -> int:
        """One run for a tenant, until nothing is due."""
        until = time.monotonic() + self.budget_seconds

        def enough() -> bool:
            return stopping() or time.monotonic() > until

        done = self._asked(tenant, CHARGE, enough) + self._asked(tenant, REFUND, enough)
        self.collect(tenant)
        while not enough():
            with self.open_tx(tenant, "provider") as tx:
                settled = settle_events(tx, CHUNK)
            done += settled
            if not settled:
                break
        return done

    def _asked(self, tenant: int, kind: str, enough: Callable[[], bool]) -> int:
        done = 0
        while not enough():
            with self.open_tx(tenant, "worker") as tx:
                promises = charge.claim(tx, kind, self.wall(), AT_ONCE)
            for n, promise in enumerate(promises):
                if enough():
                    with self.open_tx(tenant, "worker") as tx:
                        tx.put_back(promises[n:], None)
                    return done
                done += self._one(tenant, promise)
            if len(promises) < AT_ONCE:
                break
        return done

    def _one(self, tenant: int, promise: Promise) -> int:
        try:
            (self._charge if promise.kind == CHARGE else self._refund)(tenant, promise)
            return 1
        except GatewayFault as error:
            fault = error
        except Upstream:
            raise  # the database: what was claimed is taken up again
        except Exception as error:
            _log.exception("a provider could not be asked", tenant=tenant, kind=promise.kind, ref=promise.ref)
            code = error.code if isinstance(error, Refusal) else "provider.error"
            fault = GatewayFault(code, f"{type(error).__name__}: {error}")
        _log.warning("provider did not do it", tenant=tenant, kind=promise.kind, ref=promise.ref, tries=promise.tries,
                     reason=fault.message, permanent=fault.permanent)
        with self.open_tx(tenant, "worker") as tx:
            charge.not_now(tx, promise, fault, self.wall())
        return 0

    def _charge(self, tenant: int, promise: Promise) -> None:
        with self.open_tx(tenant, "worker") as tx:
            call = charge.charge_call(tx, promise)
        if call is not None:
            gateway = self.gateway_of(tenant, call.gateway)
            charged = gateway.charge(call.order)
            with self.open_tx(tenant, "worker") as tx:
                charge.settle_charge(tx, promise, gateway.provider, charged)

    def _refund(self, tenant: int, promise: Promise) -> None:
        with self.open_tx(tenant, "worker") as tx:
            call = charge.refund_call(tx, promise)
        if call is not None:
            answer = self.gateway_of(tenant, call.gateway).refund(call.order)
            with self.open_tx(tenant, "worker") as tx:
                charge.settle_refund_call(tx, promise, answer)


@dataclass(frozen=True, slots=True)
class ReadingPayouts:
    """The job: what providers paid out in the last weeks. How many payouts a run booked."""

    open_tx: OpenTx
    gateway_of: Callable[[int, GatewayRow], Gateway]

    def __call__(self, tenant: int, stopping: Callable[[], bool]) -> int:
        """Every gateway of a tenant; one that does not answer is read the next time."""
        with self.open_tx(tenant, "worker") as tx:
            gateways, since = tx.gateways(), (tx.now - LOOK_BACK).date()
        done = 0
        for row in gateways:
            if stopping():
                break
            try:
                found = self.gateway_of(tenant, row).payouts(since)
            except GatewayFault as fault:
                _log.warning("payouts not read", tenant=tenant, gateway_ref=row.ref, reason=fault.message)
                continue
            if found:
                with self.open_tx(tenant, "provider") as tx:
                    done += read_payouts(tx, row, found)
        return done
