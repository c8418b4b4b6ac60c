"""A company with customers, open invoices and a bank account, and words for what its bank says."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.bank_port import Statement, StatementLine
from counterfoil.flows.bank_rows import Imported, LineRow, Matched
from counterfoil.flows.import_statements import import_statements
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.match_entries import match_waiting
from counterfoil.store.tx import Database

ACCOUNT = "DE02120300000000202051"
DAY = date(2026, 3, 10)


def line(amount: str, text: str = "", at: int = 1, **more: Any) -> StatementLine:
    """A booked line."""
    fields: dict[str, Any] = {"booked_on": DAY, "value_on": DAY, "currency": "EUR", **more}
    return StatementLine(at_line=at, amount=Decimal(amount), text=text, **fields)


def statement(*lines: StatementLine, number: str = "1/1", **more: Any) -> Statement:
    """A statement that does not overlap with others, unless told."""
    fields: dict[str, Any] = {"format": "MT940", "at_line": 1, "account": ACCOUNT, "currency": "EUR", **more}
    return Statement(number=number, lines=tuple(lines), **fields)


@dataclass
class Treasury:
    """What a test does with one tenant's bank."""

    db: Database
    tenant: int
    entity: str = ""
    customers: dict[str, Ref] = field(default_factory=dict)
    numbers: dict[str, Ref] = field(default_factory=dict)

    def tx(self, actor: str = "test") -> Any:
        return self.db.tx(self.tenant, actor)

    def open(self, *names: str) -> None:
        with self.tx() as tx:
            if not self.entity:
                self.entity = create_entity(tx, Entity(Ref(""), "Acme Airports", "JFK", currency="EUR",
                                                       bank=(("IBAN", "DE02 1203 0000 0000 2020 51"),))).ref
            made = create_customers(tx, [Customer(Ref(""), n, Ref(self.entity), currency="EUR") for n in names])
            self.customers |= {c.name: c.ref for c in made}

    def invoice(self, customer: str, *amounts: str, currency: str = "EUR") -> list[str]:
        """Issue invoices over these amounts; their numbers."""
        with self.tx() as tx:
            orders = [AdHocInvoice(self.customers[customer], (AdHocLine("Work", Decimal(a)),), currency=currency)
                      for a in amounts]
            documents = invoice_ad_hoc(tx, orders)
        self.numbers |= {d.number: d.ref for d in documents}
        return [d.number for d in documents]

    def load(self, *statements: Statement, source: str = "") -> Imported:
        """Import a file."""
        digest = hashlib.sha256((source or repr(statements)).encode()).digest()
        with self.tx() as tx:
            return import_statements(tx, statements, file_name="bank.sta", sha256=digest)

    def match(self) -> Matched:
        return match_waiting(partial(self.db.tx, self.tenant, "test"))

    def told(self, *lines: StatementLine) -> Matched:
        """A statement of these lines comes in and is matched."""
        self.load(statement(*lines, number=f"auto {len(self.lines())}"))
        return self.match()

    def lines(self, state: str | None = None) -> list[LineRow]:
        with self.tx() as tx:
            found: list[LineRow] = tx.bank_line_page(None, 1000, state=state)
            return found

    def open_minor(self, number: str) -> int:
        with self.tx() as tx:
            return int(tx.document_row(self.numbers[number]).open_minor)

    def parts(self, *numbers: str) -> list[tuple[Ref, int]]:
        return [(self.numbers[n], self.open_minor(n)) for n in numbers]

    def books(self) -> dict[str, int]:
        """Every account of the books by its first word, in minor units; they balance."""
        with self.tx() as tx:
            rows = tx.all(
                "SELECT split_part(account, ':', 1), sum(amount_minor)::bigint FROM posting WHERE tenant = %s GROUP BY 1",
                self.tenant,
            )
            for ref in self.customers.values():
                for row in tx.accounts_in_money(ref):
                    assert row.books_minor == row.open_minor - row.unapplied_minor, row
        found = {r[0]: int(r[1]) for r in rows}
        assert sum(found.values()) == 0, found
        return {account: minor for account, minor in found.items() if minor}


def numbers_of(lines: Sequence[LineRow]) -> list[int]:
    """What lines move."""
    return [x.amount_minor for x in lines]
