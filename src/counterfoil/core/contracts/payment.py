"""How a customer pays: what was agreed, not what is known of the account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnlinePayment:
    """By card through a payment gateway of the entity. `auto_charge`: without asking each time."""

    auto_charge: bool = False
    payment_gateway_id: str = ""
    payment_gateway_card_id: str = ""


@dataclass(frozen=True, slots=True)
class CryptoWallet:
    """To a wallet, in any of these tokens (such as BTC or USDC)."""

    address: str = ""
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentMethods:
    """Ways to pay that are agreed side by side. `billing_account_id`: the entity's bank account for transfers."""

    billing_account_id: str | None = None
    online: OnlinePayment | None = None
    crypto: CryptoWallet | None = None


NO_METHODS = PaymentMethods()
