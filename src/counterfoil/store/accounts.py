"""SQL of customers as accounts: their lists, the other names they answer to, their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.keep_accounts import Account, Alias
from counterfoil.store.rows import Rows, decoder

_ACCOUNT: LiteralString = (
    "SELECT profile::text, created_at, coalesce(updated_at, created_at) FROM customer WHERE tenant = %s "
    "AND deleted_at IS NULL "
)
_ALIAS: LiteralString = (
    "SELECT alias, customer_ref::text, name, description, created_at, updated_at FROM customer_alias WHERE tenant = %s "
)


class AccountRows(Rows):
    """Customers with their dates, and their aliases."""

    def account_rows(self, refs: Sequence[str]) -> dict[Ref, Account]:
        """Accounts by reference: those asked for that exist and are not deleted."""
        rows = self.all(f"{_ACCOUNT} AND customer_ref = ANY(%s::uuid[])", self.tenant, list(refs))
        return {a.customer.ref: a for a in map(_account, rows)}

    def account_page(
        self, offset: int, limit: int, *, name: str | None = None, churned: bool | None = None,
        creation_state: str | None = None, since: datetime | None = None, until: datetime | None = None,
        external_id: str | None = None,
    ) -> tuple[list[Account], int]:
        """Accounts, newest first, and how many there are. `name`: a part of it; `until` is included; `churned`: whether
        its date of leaving has passed."""
        left: LiteralString = "coalesce((profile #>> '{settings,paid,churnDate}')::timestamptz <= %s, false)"
        where: list[LiteralString] = []
        params: list[Any] = [self.tenant]
        for clause, value in (
            ("position(lower(%s) in lower(name)) > 0", name),
            (left, None if churned is None or not churned else self.now),
            (f"NOT {left}", None if churned is None or churned else self.now),
            ("coalesce(profile #>> '{settings,paid,creationState}', 'active') = %s", creation_state),
            ("created_at >= %s", since), ("created_at <= %s", until), ("external_id = %s", external_id),
        ):
            if value is not None:
                where.append(f"AND {clause}")
                params.append(value)
        filters: LiteralString = " ".join(where)
        (total,) = self.one(f"SELECT count(*) FROM customer WHERE tenant = %s AND deleted_at IS NULL {filters}", *params)
        rows = self.all(
            f"{_ACCOUNT} {filters} ORDER BY created_at DESC, customer_ref DESC LIMIT %s OFFSET %s", *params, limit, offset
        )
        return [_account(r) for r in rows], total

    def bills_to_come(self, customer: str) -> list[int]:
        """Numbers of a customer's contracts that have documents to come."""
        rows = self.all(
            "SELECT number FROM contract WHERE tenant = %s AND customer_ref = %s AND state = 'active' "
            "AND next_issue_at IS NOT NULL ORDER BY number",
            self.tenant, customer,
        )
        return [r[0] for r in rows]

    def delete_customer(self, customer: str) -> None:
        """Hide a customer and its orders, and free its aliases."""
        for statement in (
            "UPDATE customer SET deleted_at = %s WHERE tenant = %s AND customer_ref = %s",
            "UPDATE sales_order SET deleted_at = %s, external_id = NULL WHERE tenant = %s AND customer_ref = %s "
            "AND deleted_at IS NULL",
        ):
            self.conn.execute(statement, [self.now, self.tenant, customer])
        self.conn.execute("DELETE FROM customer_alias WHERE tenant = %s AND customer_ref = %s", [self.tenant, customer])

    def customer_aliases(self, customer: str) -> list[Alias]:
        """A customer's aliases, in their order."""
        rows = self.all(f"{_ALIAS} AND customer_ref = %s ORDER BY created_at, alias", self.tenant, customer)
        return [Alias(*r) for r in rows]

    def add_alias(self, alias: Alias) -> bool:
        """Store an alias; False when it is taken."""
        return (
            self.conn.execute(
                "INSERT INTO customer_alias (tenant, alias, customer_ref, name, description, created_at, updated_at) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant, alias) DO NOTHING",
                [self.tenant, alias.alias, alias.customer_ref, alias.name, alias.description, alias.created_at,
                 alias.updated_at],
            ).rowcount
            == 1
        )

    def drop_alias(self, customer: str, alias: str) -> bool:
        """Take an alias away; False when the customer has none of that name."""
        return (
            self.conn.execute(
                "DELETE FROM customer_alias WHERE tenant = %s AND customer_ref = %s AND alias = %s",
                [self.tenant, customer, alias],
            ).rowcount
            == 1
        )


def _account(row: Sequence[Any]) -> Account:
    return Account(decoder(Customer).decode(row[0]), row[1], row[2])
