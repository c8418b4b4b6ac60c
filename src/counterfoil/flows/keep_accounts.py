"""Keep customers as the Paid API knows them: their accounts, the other names they answer to, and their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.adopt_signals import adopt_signals
from counterfoil.flows.find_party import find_customer, home_entity
from counterfoil.flows.keep_parties import change_customer, create_customers
from counterfoil.flows.ports import Tx

MAX_ALIASES = 1000
"""Other names of one customer."""


@dataclass(frozen=True, slots=True)
class Account:
    """A customer, since when it is here, and when what is known of it last changed."""

    customer: Customer
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name that a customer answers to, like its external id."""

    alias: str
    customer_ref: Ref
    name: str | None
    description: str | None
    created_at: datetime
    updated_at: datetime


class AccountTx(Tx, Protocol):
    """What keeping accounts needs of the store, beside the rest."""

    def account_rows(self, refs: Sequence[str]) -> dict[Ref, Account]: ...
    def customer_aliases(self, customer: str) -> list[Alias]: ...
    def add_alias(self, alias: Alias) -> bool: ...
    def drop_alias(self, customer: str, alias: str) -> bool: ...
    def bills_to_come(self, customer: str) -> list[int]: ...
    def delete_customer(self, customer: str) -> None: ...


def find_account(tx: AccountTx, name: str) -> Account:
    """The account of a customer by any of its names; NotFound `customer.not_found`."""
    ref = find_customer(tx, name).ref
    return tx.account_rows([ref])[ref]


def home_of(tx: AccountTx) -> Entity:
    """The entity that bills a new customer. From here on nobody else makes customers until the transaction ends."""
    tx.lock("customers")
    return home_entity(tx)


def open_account(tx: AccountTx, customer: Customer) -> Account:
    """Store a new customer."""
    tx.lock("customers")
    _refuse_taken(tx, customer)
    (made,) = create_customers(tx, [customer])
    return tx.account_rows([made.ref])[made.ref]


def change_account(tx: AccountTx, name: str, change: Callable[[Customer], Customer]) -> Account:
    """Change what is known of the customer of that name. Two changes at once come one after the other."""
    tx.lock("customers")
    changed = change(find_customer(tx, name))
    _refuse_taken(tx, changed)
    made = change_customer(tx, changed)
    return tx.account_rows([made.ref])[made.ref]


def close_account(tx: AccountTx, name: str) -> None:
    """Delete a customer: no door finds it any more, and its names are free. What was billed and sealed stays.

    Invalid while a contract of it has documents to come: nobody would see what is billed then.
    """
    tx.lock("customers")
    customer = find_customer(tx, name)
    contracts = tx.bills_to_come(customer.ref)
    if contracts:
        numbers = ", ".join(map(str, contracts[:10]))
        raise Invalid("customer.has_contracts", f"documents are to come of its contracts ({numbers}): end its orders first")
    known = {**customer.settings, "deleted_external_id": customer.external_id}
    tx.put_customers([replace(customer, external_id=None, settings=known)])
    tx.delete_customer(customer.ref)
    tx.catalogue_changed()
    tx.audit("delete", "customer", customer.ref, before=customer)


def add_alias(tx: AccountTx, name: str, alias: str, label: str | None, description: str | None) -> Alias:
    """Give a customer another name. Conflict `alias.taken` when somebody answers to it already."""
    tx.lock("customers")
    customer = find_customer(tx, name)
    known = tx.customers_called([alias])
    made = Alias(alias, customer.ref, label, description, tx.now, tx.now)
    if known or not tx.add_alias(made):
        raise Conflict("alias.taken", f"a customer answers to {alias[:200]!r} already")
    if len(tx.customer_aliases(customer.ref)) > MAX_ALIASES:
        raise Invalid.field("alias", f"a customer has at most {MAX_ALIASES} aliases")
    tx.audit("add", "alias", customer.ref, after={"alias": alias})
    adopt_signals(tx, {alias: customer.ref})
    return made


def drop_alias(tx: AccountTx, name: str, alias: str) -> None:
    """Take a name away from a customer; what came under it stays the customer's."""
    customer = find_customer(tx, name)
    if not tx.drop_alias(customer.ref, alias):
        raise NotFound("alias.not_found", f"the customer does not answer to {alias[:200]!r}")
    tx.audit("drop", "alias", customer.ref, before={"alias": alias})


def _refuse_taken(tx: AccountTx, customer: Customer) -> None:
    """Refuse an external id that another customer answers to."""
    name = customer.external_id
    if name is not None and tx.customers_called([name]).get(name, customer.ref) != customer.ref:
        raise Invalid.field("externalId", f"another customer answers to {name[:200]!r}", "customer.exists")


def paid_settings(customer: Customer) -> dict[str, Any]:
    """What is known of a customer beyond our own fields."""
    known = customer.settings.get("paid")
    return dict(known) if isinstance(known, dict) else {}
