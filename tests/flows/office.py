"""A house whose clock is moved by the test, a tenant of it, and a mail server that takes what it sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from counterfoil.adapters.mail.fake import FakePost
from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.deliver import (
    SEND,
)
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.jobs.deliver import delivering
from counterfoil.settings import Settings
from counterfoil.store.tx import Database
from tests.adapters.mail_server import read

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Office:
    """A house whose clock is moved by the test, a tenant of it, and a mail server."""

    house: House
    tenant: int
    post: FakePost
    times: list[datetime] = field(default_factory=lambda: [MARCH])

    def wait(self, span: timedelta) -> None:
        self.times[0] += span

    def tx(self) -> Any:
        return self.house.tx(self.tenant, "test")

    def send(self, post: Any = None, *, chunk: int = 25, stopping: Callable[[], bool] = lambda: False) -> int:
        run = delivering(self.house.tx, self.house.letters, post or self.post, self.house.clock, chunk=chunk)
        return run(self.tenant, stopping)

    def customers(self, *mails: str, **fields: Any) -> list[Customer]:
        with self.tx() as tx:
            refs = [e.ref for e in tx.entities().values()] or [
                create_entity(tx, Entity(Ref(""), "Newark & Co", "EWR", email="billing@newark.example")).ref]
            return create_customers(tx, [Customer(Ref(""), f"Customer {n}", refs[0], email=m, **fields)
                                         for n, m in enumerate(mails)])

    def invoices(self, *mails: str, count: int = 1, issued_on: date | None = None, **fields: Any) -> list[Ref]:
        customers = self.customers(*mails, **fields)
        line = AdHocLine("Consulting", Decimal("119.50"))
        with self.tx() as tx:
            orders = [AdHocInvoice(c.ref, (line,), issued_on=issued_on) for c in customers for _ in range(count)]
            return [d.ref for d in invoice_ad_hoc(tx, orders)]

    def sent(self, ref: Ref) -> bool:
        with self.tx() as tx:
            return tx.document_row(ref).sent_at is not None

    def parked(self) -> list[tuple[str, str]]:
        with self.tx() as tx:
            return [(p["ref"], p["reason"]) for p in tx.parked() if p["work"] == SEND]

    def promised(self, ref: Ref) -> dict[str, Any]:
        with self.tx() as tx:
            [promise] = tx.promises_of(ref)
            return promise

    @property
    def mails(self) -> list[EmailMessage]:
        return [read(data) for data in self.post.taken]


def opened(pool: Any, tenant: int, log_keys: LogKeys, home: Path) -> Office:
    times = [MARCH]
    post = FakePost()
    house = House(Settings(home, public_url="https://billing.example"), Database(pool, lambda: times[0]), log_keys,
                  lambda: times[0], bytes(32), post=post, sender="invoices@host.example")
    return Office(house, tenant, post, times)
