"""A tenant with a customer who pays through the fake provider, and the worker that asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from counterfoil.adapters.psp.fake import FakeGateway
from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.payment import OnlinePayment, PaymentMethods
from counterfoil.flows.gateway_rows import GatewayRow, SavedMethod
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_gateways import add_gateway
from counterfoil.flows.keep_methods import save_method
from counterfoil.flows.keep_parties import change_customer
from counterfoil.flows.payment_rows import PaymentRow
from counterfoil.flows.ports import DocumentRow
from counterfoil.jobs.charges import AskingProviders, ReadingPayouts
from tests.flows.office import Office

AUTO = PaymentMethods(online=OnlinePayment(auto_charge=True))


@dataclass
class Till:
    """What a test does with the provider, and what it sees afterwards."""

    office: Office
    gateway: GatewayRow
    customer: Ref

    @property
    def fake(self) -> FakeGateway:
        return self.office.house.gateways.fake(self.office.tenant, self.gateway)

    def tx(self) -> Any:
        return self.office.tx()

    def invoice(self, amount: str = "100", **fields: Any) -> Ref:
        with self.tx() as tx:
            [d] = invoice_ad_hoc(tx, [AdHocInvoice(self.customer, (AdHocLine("Work", Decimal(amount)),), **fields)])
            return d.ref

    def save(self, token: str = "tok_ok") -> SavedMethod:
        return save_method(self.tx, lambda row: self.fake, self.customer, token)

    def work(self, gateway: Any = None, *, collect: bool = True) -> int:
        gateways = self.office.house.gateways
        of = (lambda _tenant, _row: gateway) if gateway is not None else gateways.of
        run = AskingProviders(self.office.house.tx, of, self.office.house.clock, gateways.collect if collect else lambda _t: 0)
        return run(self.office.tenant, lambda: False)

    def read_payouts(self) -> int:
        return ReadingPayouts(self.office.house.tx, self.office.house.gateways.of)(self.office.tenant, lambda: False)

    def tell(self, calls: Sequence[tuple[dict[str, str], bytes]]) -> list[bool]:
        house = self.office.house
        new = [house.gateways.receive(self.office.tenant, self.gateway.ref, headers, body) for headers, body in calls]
        while house.gateways.settle(self.office.tenant):
            pass
        return new

    def document(self, ref: str) -> DocumentRow:
        with self.tx() as tx:
            row: DocumentRow = tx.document_row(ref)
            return row

    def payments(self) -> list[PaymentRow]:
        with self.tx() as tx:
            rows: list[PaymentRow] = tx.payment_page(None, 100)
            return rows[::-1]

    def events(self, state: str | None = None) -> list[tuple[str, str, str]]:
        with self.tx() as tx:
            return [(r.event.kind, r.state, r.reason) for r in tx.provider_events(None, 1000, state=state)]

    def balances(self) -> dict[str, int]:
        """Every account of the books that is not zero; and the books are balanced."""
        with self.tx() as tx:
            rows = tx.all("SELECT account, sum(amount_minor)::bigint FROM posting WHERE tenant = %s GROUP BY 1", tx.tenant)
            entries = tx.all(
                "SELECT entry_ref FROM posting WHERE tenant = %s GROUP BY 1 HAVING sum(amount_minor) <> 0", tx.tenant
            )
            owed = tx.all(
                "SELECT coalesce(sum(amount_minor), 0) FROM posting WHERE tenant = %s AND account LIKE 'receivable%%'", tx.tenant
            )
            open_minor = sum(d.open_minor for d in tx.open_documents())
            unapplied = sum(p.unapplied_minor for p in tx.payment_page(None, 1000))
        assert entries == [] and owed[0][0] == open_minor - unapplied, "receivable = open documents - unapplied money"
        return {account.partition(":")[0]: minor for account, minor in rows if minor}


def opened_till(office: Office, payment: PaymentMethods = AUTO) -> Till:
    """With a connected provider, and a customer who agreed to be charged."""
    [customer] = office.customers("ap@acme.example", net_days=0)
    with office.tx() as tx:
        change_customer(tx, replace(customer, payment=payment))
        gateway = add_gateway(tx, office.house.vault.encrypt, entity_ref=customer.entity_ref, provider="fake")
    return Till(office, gateway, customer.ref)

