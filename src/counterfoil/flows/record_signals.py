"""Record signals: each is a usage event of its customer, or waits for a customer who is not known yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.quantity import out_of_bounds
from counterfoil.core.usage.event import event_ref_of
from counterfoil.flows.adopt_signals import COSTS, SignalRow, read_data, usage_of
from counterfoil.flows.find_sales import FindingTx, ProductRow
from counterfoil.flows.record_costs import CostRow, find_parties
from counterfoil.flows.record_usage import AHEAD, EARLIEST
from counterfoil.flows.spend_credits import Spending, spend_credits


@dataclass(frozen=True, slots=True)
class NewSignal:
    """A signal as it comes in. Customer and product are given by our id (`customer`, `product`) or by the sender's own
    name for them. `data`: JSON text of an object. `key`: the idempotency key, or nothing. `at`: None for now."""

    name: str
    customer: str | None
    external_customer_id: str | None
    product: str | None
    external_product_id: str | None
    customer_unit: str | None
    at: datetime | None
    data: str
    key: str | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of signals: how many were taken, were known by their key, and were refused one by one."""

    ingested: int
    duplicates: int
    failed: int


class SignalTx(FindingTx, Protocol):
    """What recording signals needs of the store, beside the rest."""

    def add_signals(self, rows: Sequence[SignalRow]) -> set[Ref]: ...
    def drop_signals(self, refs: Sequence[str]) -> None: ...
    def events_there(self, refs: Sequence[str]) -> set[Ref]: ...
    def add_costs(self, rows: Sequence[CostRow]) -> int: ...


def record_signals(tx: SignalTx, signals: Sequence[NewSignal]) -> Ingested:
    """Take signals in, all by a handful of statements.

    One is refused by itself (`failed`) when its time is before 2000 or more than five minutes ahead, or when it names a
    customer or product by an id of ours that nobody has. One whose key is known, here or by an event that came by another
    door, counts as a duplicate. One whose `external_customer_id` is nobody's waits until somebody has it.
    """
    customers, products = find_parties(tx, signals)
    rows: dict[Ref, SignalRow] = {}
    failed = duplicates = 0
    tenant_ref = tx.this_tenant().ref
    for signal in signals:
        row = _row(tx, signal, customers, products, tenant_ref)
        if row is None:
            failed += 1
        elif row.ref in rows:
            duplicates += 1
        else:
            rows[row.ref] = row
    new = tx.add_signals(list(rows.values()))
    new -= _known_elsewhere(tx, [row for ref, row in rows.items() if ref in new])
    taken = [row for ref, row in rows.items() if ref in new]
    tx.add_costs([cost for row in taken for cost in _costs(row)])
    spend_credits(tx, [Spending(r.ref, r.name, r.customer_ref, r.product_ref, r.at, r.data) for r in taken])
    return Ingested(len(taken), duplicates + len(rows) - len(taken), failed)


def _row(
    tx: SignalTx, signal: NewSignal, customers: Mapping[str, Ref], products: Mapping[str, ProductRow], tenant_ref: str
) -> SignalRow | None:
    """The signal as it is kept; None when it is refused."""
    at = tx.now if signal.at is None else signal.at
    if not EARLIEST <= at <= tx.now + AHEAD:
        return None
    customer = customers.get(signal.customer or signal.external_customer_id or "")
    product = products.get(signal.product or signal.external_product_id or "")
    if (signal.customer and customer is None) or (signal.product and product is None):
        return None
    key = signal.key or tx.new_ref()
    return SignalRow(
        event_ref_of(tenant_ref, key), signal.name, customer, signal.external_customer_id,
        None if product is None else product.ref, signal.external_product_id, signal.customer_unit, at, signal.data, key,
        tx.now,
    )


def _known_elsewhere(tx: SignalTx, rows: Sequence[SignalRow]) -> set[Ref]:
    """Store the usage events of new signals; those whose key names an event that came by another door are taken away
    again."""
    there: set[Ref] = set()
    known = [row for row in rows if row.customer_ref is not None]
    if known:
        there |= tx.add_usage(usage_of(tx, known, [row.customer_ref or Ref("") for row in known]))
    waiting = [row.ref for row in rows if row.customer_ref is None]
    if waiting:
        there |= tx.events_there(waiting)
    if there:
        tx.drop_signals(list(there))
    return there


def _costs(row: SignalRow) -> Iterator[CostRow]:
    """What a signal's data say of costs, where they say it readably; whatever they say stays in the signal."""
    said = read_data(row.data).get(COSTS)
    if not isinstance(said, Mapping):
        return
    attributes = said.get("attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    money = said.get("cost")
    amount, currency = _money(money if isinstance(money, Mapping) else {})
    model = said.get("gen_ai.response.model") or attributes.get("gen_ai.response.model")
    tokens = {name: n for name, n in attributes.items() if isinstance(n, int) and not isinstance(n, bool)}
    if amount is None and not tokens:
        return
    yield CostRow(
        derived_ref("cost of signal", row.ref), row.customer_ref, row.external_customer_id, row.product_ref,
        row.external_product_id, row.at, amount, currency, _text(said.get("vendor")), _text(model), tokens or None,
    )


def _money(said: Mapping[str, Any]) -> tuple[Decimal | None, str | None]:
    amount, currency = said.get("amount"), said.get("currency")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or currency not in CURRENCIES:
        return None, None
    exact = Decimal(amount)
    return (None, None) if out_of_bounds(exact.normalize()) else (exact, currency)


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
