"""How the two sides appear on a document."""

from __future__ import annotations

from collections.abc import Mapping

from counterfoil.core.basis.canonical import Json
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Party

PRINTED: Mapping[str, str] = {
    "bank_name": "Bank", "bank_code": "Bank code", "branch": "Branch", "account": "Account number",
    "account_name": "Account name", "iban": "IBAN", "swift": "SWIFT", "routing": "Routing number",
    "address": "Bank address",
}  # fmt: skip
"""What documents call the fields of a bank account that they print."""


def bank_rows(account: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """A bank account as documents print it: (label, value) of what is said of it."""
    return tuple((label, str(account[name])) for name, label in PRINTED.items() if account.get(name))


def bank_of(entity: Entity, billing_account_id: str | None) -> tuple[tuple[str, str], ...]:
    """The bank account of that id; what the entity prints by itself when none is named, or it has none of that id."""
    details = entity.settings.get("billing_details") if billing_account_id else None
    accounts = details.get("billing_accounts") if isinstance(details, Mapping) else None
    for account in accounts if isinstance(accounts, (list, tuple)) else ():
        if isinstance(account, Mapping) and account.get("billing_account_id") == billing_account_id:
            return bank_rows(account) or entity.bank
    return entity.bank


def seller(entity: Entity, billing_account_id: str | None = None) -> Party:
    """The issuing entity, with the bank account that was agreed on."""
    return Party(
        entity.ref,
        entity.name,
        entity.legal_name,
        entity.address,
        entity.country,
        entity.tax_id or entity.registration_number,
        entity.email,
        bank_of(entity, billing_account_id),
    )


def buyer(customer: Customer) -> Party:
    """The billed customer."""
    return Party(
        customer.ref,
        customer.name,
        customer.legal_name,
        customer.address,
        customer.country,
        customer.tax_id,
        customer.email,
    )
