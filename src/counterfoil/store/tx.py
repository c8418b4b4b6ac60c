"""A transaction of one tenant: the only place that begins, commits and rolls back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import set_json_dumps
from psycopg_pool import ConnectionPool, PoolTimeout

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import Ref, time_ordered_ref
from counterfoil.core.basis.refusals import Upstream
from counterfoil.store.accounts import AccountRows
from counterfoil.store.audit import AuditRows
from counterfoil.store.balances import BalanceRows
from counterfoil.store.bank import BankRows
from counterfoil.store.books import BookRows
from counterfoil.store.catalogue import CatalogueRows
from counterfoil.store.contracts import ContractRows
from counterfoil.store.credits import CreditRows
from counterfoil.store.documents import DocumentRows
from counterfoil.store.dunning import DunningRows
from counterfoil.store.formats import FormatRows
from counterfoil.store.gateways import GatewayRows
from counterfoil.store.landing import LandingRows
from counterfoil.store.layouts import LayoutRows
from counterfoil.store.log import LogRows
from counterfoil.store.numbered_pages import NumberedPages
from counterfoil.store.parties import PartyRows
from counterfoil.store.payment_pages import PaymentPages
from counterfoil.store.payment_receipts import PaymentReceiptRows
from counterfoil.store.payments import PaymentRows
from counterfoil.store.plans import PlanRows
from counterfoil.store.promises import PromiseRows
from counterfoil.store.sales import SalesRows
from counterfoil.store.sessions import SessionRows
from counterfoil.store.sharing import SharingRows
from counterfoil.store.tenants import TenantRows
from counterfoil.store.tokens import TokenRows
from counterfoil.store.uploads import UploadRows
from counterfoil.store.usage import UsageRows
from counterfoil.store.values import ValueRows
from counterfoil.store.views import Views
from counterfoil.store.wallets import WalletRows
from counterfoil.store.webhooks import WebhookRows
from counterfoil.store.witnesses import WitnessRows

set_json_dumps(canonical)


class Tx(
    TenantRows, PartyRows, CatalogueRows, ContractRows, UsageRows, FormatRows, UploadRows, DocumentRows, BookRows,
    LogRows, AuditRows, PromiseRows, LayoutRows, SessionRows, NumberedPages, LandingRows, Views,
    SalesRows, AccountRows, ValueRows, BalanceRows, PaymentReceiptRows, SharingRows, WebhookRows, WitnessRows,
    PaymentRows, PaymentPages, WalletRows, CreditRows, GatewayRows, DunningRows, BankRows, PlanRows,
    TokenRows,
):
    """An open transaction. `tenant` binds every statement, twice: each names it, and row-level security insists.

    `now` is the tenant's time (its own clock in test mode), `actor` who acts (for the audit rows).
    """

    def __init__(self, conn: psycopg.Connection[Any], tenant: int, now: datetime, actor: str) -> None:
        self.conn = conn
        self.tenant = tenant
        self.now = now
        self.actor = actor

    def new_ref(self) -> Ref:
        """A fresh time-ordered reference."""
        return time_ordered_ref(time.time_ns() // 1_000_000, secrets.token_bytes(10))

    def new_salt(self) -> bytes:
        """32 random bytes for one sealed record."""
        return secrets.token_bytes(32)


class Database:
    """Opens transactions. `clock` gives the wall time."""

    def __init__(self, pool: ConnectionPool[psycopg.Connection[Any]], clock: Callable[[], datetime]) -> None:
        self.pool = pool
        self.clock = clock

    @contextmanager
    def tx(self, tenant: int, actor: str = "system") -> Iterator[Tx]:
        """A transaction of `tenant`: committed when the block ends well, rolled back when it raises."""
        with self._connection() as conn:
            with conn.pipeline():  # begin and enter in one round trip
                conn.execute("BEGIN")
                entered = conn.execute("SELECT enter(%s)", [tenant])
            row = entered.fetchone()
            assert row is not None
            try:
                yield Tx(conn, tenant, row[0] or self.clock(), actor)
            except BaseException:
                conn.rollback()
                raise
            conn.commit()

    @contextmanager
    def nobody(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection without a tenant: sees no tenant's rows, and may only ask the few questions that come before."""
        with self._connection() as conn:
            yield conn

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with self.pool.connection() as conn:
                yield conn
        except PoolTimeout as error:
            raise Upstream("database.busy", "no database connection became free in time; try again") from error
        except psycopg.OperationalError as error:
            raise Upstream("database.unreachable", f"the database did not answer: {error}") from error
