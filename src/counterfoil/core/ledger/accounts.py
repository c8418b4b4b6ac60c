"""The chart of accounts: a name, optionally followed by whose or which, such as `receivable:<customer_ref>`."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.quantity import decimal_text

AccountType = Literal["asset", "liability", "equity", "income", "expense"]
Side = Literal["debit", "credit"]

CONTRACT_LIABILITY = "contract_liability"
"""Billed and not yet earned (IFRS 15.106): every document line is credited here until it is recognised."""
CONTRACT_ASSET = "contract_asset"
"""Earned and not yet billed (IFRS 15.107)."""
CLEARING = "clearing"
"""Paid by the customer, not yet settled to the bank."""
BANK = "bank"
DISPUTED = "disputed"
"""Held back by a provider while a customer disputes a payment."""
REVENUE = "revenue"
PAYMENT_FEE = "payment_fee"
BAD_DEBT = "bad_debt"
CREDIT_GRANTED = "credit_granted"
"""Prepaid credits that were given away."""
CREDIT_BREAKAGE = "credit_breakage"
"""Purchased credits that expired unused (IFRS 15.B46)."""
RETAINED_EARNINGS = "retained_earnings"

CHART: dict[str, AccountType] = {
    BANK: "asset",
    CLEARING: "asset",
    CONTRACT_ASSET: "asset",
    DISPUTED: "asset",
    "receivable": "asset",
    CONTRACT_LIABILITY: "liability",
    "customer_credit": "liability",
    "refund_liability": "liability",
    "partner_payable": "liability",
    "tax_payable": "liability",
    RETAINED_EARNINGS: "equity",
    REVENUE: "income",
    CREDIT_BREAKAGE: "income",
    PAYMENT_FEE: "expense",
    "partner_fee": "expense",
    BAD_DEBT: "expense",
    CREDIT_GRANTED: "expense",
}
"""Every account by the first word of its name."""


def receivable(customer_ref: Ref) -> str:
    """What a customer owes on issued documents."""
    return f"receivable:{customer_ref}"


def customer_credit(customer_ref: Ref) -> str:
    """What we owe a customer: credits that further documents will use, or that are paid back."""
    return f"customer_credit:{customer_ref}"


def tax_payable(category: str, percent: Decimal) -> str:
    """Tax collected, by category and rate: `tax_payable:S:19`."""
    return f"tax_payable:{category}:{decimal_text(percent)}"


def account_type(account: str) -> AccountType:
    """What kind of account this is; ValueError for one that is not in the chart."""
    try:
        return CHART[account.partition(":")[0]]
    except KeyError:
        raise ValueError(f"{account!r} is not in the chart of accounts") from None


def normal_side(account: str) -> Side:
    """The side on which the account grows: assets and expenses by debit, the others by credit."""
    return "debit" if account_type(account) in ("asset", "expense") else "credit"
