"""How the two sides appear on a document."""

from __future__ import annotations

from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Party


def seller(entity: Entity) -> Party:
    """The issuing entity, with its bank details."""
    return Party(
        entity.ref,
        entity.name,
        entity.legal_name,
        entity.address,
        entity.country,
        entity.tax_id or entity.registration_number,
        entity.email,
        entity.bank,
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
