"""Prepaid balances as they are kept: what flows write of them, what the store answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.wallet import LotKind

MoveKind = Literal["grant", "purchase", "draw", "return", "expiry", "revoke"]


@dataclass(frozen=True, slots=True)
class WalletRow:
    """A wallet. `pays`: kinds of document lines that it may pay (None: all). `top_up_below_minor`: when it holds less, an
    invoice over `top_up_minor` is issued. `balance_minor`: what may be used now; `held_minor`: what was bought by an invoice
    whose payment was taken back, and may not."""

    ref: Ref
    customer_ref: Ref
    entity_ref: Ref
    currency: str
    name: str
    priority: int
    pays: tuple[str, ...] | None
    top_up_below_minor: int | None
    top_up_minor: int | None
    created_at: datetime
    closed_at: datetime | None
    seq: int = 0
    balance_minor: int = 0
    held_minor: int = 0


@dataclass(frozen=True, slots=True)
class LotRow:
    """Money that came into a wallet together. `is_usable`: False while the invoice that bought it is not paid (any more)."""

    ref: Ref
    wallet_ref: Ref
    kind: LotKind
    priority: int
    amount_minor: int
    left_minor: int
    expires_at: datetime | None
    reason: str
    document_ref: Ref | None
    created_at: datetime
    seq: int = 0
    is_usable: bool = True


@dataclass(frozen=True, slots=True)
class MoveRow:
    """What changed a lot: above zero something came, below it went. `document_ref`: the document that it paid, that gave it
    back, or that bought it."""

    ref: Ref
    wallet_ref: Ref
    lot_ref: Ref
    kind: MoveKind
    amount_minor: int
    document_ref: Ref | None
    at: datetime
    why: str = ""
    actor: str = ""
    seq: int = 0
    number: str = ""


@dataclass(frozen=True, slots=True)
class PurchaseRow:
    """An invoice whose payment fills a wallet, or a pool of credits."""

    document_ref: Ref
    wallet_ref: Ref | None
    currency_ref: Ref | None
    credits: Decimal | None
    priority: int
    expires_at: datetime | None
    automatic: bool
    state: Literal["open", "filled", "cancelled"]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CreditCurrency:
    """A unit of a tenant's own in which credits are counted; archived ones are granted no more."""

    ref: Ref
    name: str
    key: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


PoolKey = tuple[Ref, Ref]
"""Customer, credit currency."""


@dataclass(frozen=True, slots=True)
class CreditGrant:
    """Credits that came together. `balance`: what is left of them at the pool's `as_of`."""

    ref: Ref
    pool: PoolKey
    kind: LotKind
    priority: int
    amount: Decimal
    balance: Decimal
    starts_at: datetime
    expires_at: datetime | None
    document_ref: Ref | None
    created_at: datetime
    seq: int = 0


@dataclass(frozen=True, slots=True)
class CreditMove:
    """What changed a pool: grants above zero, spends and expiries below. Of a spend: which signal did it."""

    ref: Ref
    pool: PoolKey
    grant_ref: Ref
    kind: Literal["grant", "spend", "expiry"]
    amount: Decimal
    at: datetime
    grant_kind: LotKind = "granted"
    event_ref: Ref | None = None
    event_name: str | None = None
    product_ref: Ref | None = None


@dataclass(frozen=True, slots=True)
class CreditUse:
    """What a signal asks of a pool, or what of it still waits for credits."""

    event_ref: Ref
    pool: PoolKey
    event_name: str
    product_ref: Ref | None
    credits: Decimal
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CreditPrice:
    """What signals of a name spend: `cost` credits for each unit that the data give under `path` (`quantity` where None)."""

    event_name: str
    product_ref: Ref
    currency: str
    cost: Decimal
    path: str | None


class WalletsTx(Protocol):
    """What prepaid balances need of the store."""

    def add_wallet(self, row: WalletRow) -> None: ...
    def change_wallet(self, row: WalletRow) -> None: ...
    def wallet_rows(self, refs: Sequence[str] | None = None, *, customer_ref: str | None = None) -> list[WalletRow]: ...
    def lock_wallets(self, refs: Sequence[str] = (), *, customers: Sequence[str] = ()) -> list[WalletRow]: ...
    def lots_left(self, wallets: Sequence[str]) -> list[LotRow]: ...
    def lots_named(self, refs: Sequence[str]) -> dict[Ref, LotRow]: ...
    def wallet_lots(self, wallet_ref: str) -> list[LotRow]: ...
    def add_lots(self, rows: Sequence[LotRow]) -> None: ...
    def move_lots(self, moves: Sequence[MoveRow], ends: Mapping[Ref, datetime | None] = ...) -> None: ...
    def wallet_moves(self, wallet_ref: str, before: int | None, limit: int) -> list[MoveRow]: ...
    def moves_on(self, documents: Sequence[str]) -> list[MoveRow]: ...
    def expiring_wallets(self, until: datetime, limit: int) -> list[Ref]: ...
    def wallets_to_top_up(self, limit: int) -> list[WalletRow]: ...
    def add_purchases(self, rows: Sequence[PurchaseRow]) -> None: ...
    def purchases_of(self, documents: Sequence[str]) -> list[PurchaseRow]: ...
    def set_purchases(self, documents: Sequence[str], state: str) -> None: ...
    def put_credit_currency(self, row: CreditCurrency) -> None: ...
    def credit_currencies(self) -> list[CreditCurrency]: ...
    def put_credit_prices(self, product_ref: str, prices: Sequence[CreditPrice]) -> None: ...
    def credit_prices(self, names: Sequence[str]) -> list[CreditPrice]: ...
    def lock_pools(self, keys: Sequence[PoolKey]) -> dict[PoolKey, datetime]: ...
    def set_pools(self, as_of: Mapping[PoolKey, datetime]) -> None: ...
    def pools_of(self, customer_ref: str) -> dict[PoolKey, datetime]: ...
    def expiring_pools(self, until: datetime, limit: int) -> list[PoolKey]: ...
    def credit_grants(self, pools: Sequence[PoolKey], *, left: bool = False) -> list[CreditGrant]: ...
    def add_credit_grants(self, rows: Sequence[CreditGrant]) -> None: ...
    def set_credit_balances(self, balances: Mapping[Ref, Decimal]) -> None: ...
    def add_credit_moves(self, rows: Sequence[CreditMove]) -> None: ...
    def credit_moves(
        self, offset: int, limit: int, *, customer_ref: str | None = None, currency_ref: str | None = None,
        kind: str | None = None, since: datetime | None = None, until: datetime | None = None,
    ) -> tuple[list[CreditMove], int]: ...
    def credit_waiting(self, pools: Sequence[PoolKey]) -> list[CreditUse]: ...
    def drop_credit_waiting(self, pools: Sequence[PoolKey]) -> None: ...
    def add_credit_waiting(self, rows: Sequence[CreditUse]) -> None: ...
