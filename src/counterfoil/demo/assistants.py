"""Two assistants at work: 28,185 real calls of language models (data/CALLS.md) are reported as signals, a value model says what
they were worth, and each customer gets its value receipt, sealed and published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal as D
from itertools import islice
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.demo.calls import LlmCall, read_calls
from counterfoil.demo.house import House
from counterfoil.demo.parties import UNNAMED
from counterfoil.demo.scope import Scope
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.keep_products import make_product
from counterfoil.flows.keep_value_models import add_metric
from counterfoil.flows.record_signals import NewSignal, record_signals
from counterfoil.flows.value_receipts import ReceiptAsk, publish_receipt, seal_receipt, sync_receipt

ACTOR = "demo"
COMPANY = "Two Assistants (demo)"
EVENING = datetime(2023, 11, 16, 20, tzinfo=UTC)
"""When the calls are over."""
STARTS, ENDS = datetime(2023, 11, 16, tzinfo=UTC), datetime(2023, 11, 16, 23, 59, 59, tzinfo=UTC)
CORNER = 1_500
"""Calls in a corner of the demonstration."""
CHUNK = 5_000
PRICE = D("0.05")
"""What a call costs."""
CUSTOMERS = (
    "Alder & Finch", "Birch Mutual", "Cedar Clinics", "Dogwood Legal", "Elm Street Press", "Fern Logistics", "Gorse Energy",
    "Hazel Schools", "Ironwood Tools", "Juniper Travel", "Kauri Foods", "Larch Studios",
)  # fmt: skip
SERVICES = {"code": ("code_answered", "Code assistant"), "conv": ("chat_answered", "Chat assistant")}
"""The event of a call to a service, and the product that it is."""
TOKENS = [{"id": "context_tokens", "label": "Tokens read"}, {"id": "generated_tokens", "label": "Tokens written"}]
METRICS: tuple[dict[str, Any], ...] = (
    {
        "name": "Coding time saved", "category": "time", "unit": {"type": "duration", "durationUnit": "minutes"},
        "description": "Reading at 1,000 tokens a minute, writing code at 20",
        "formula": {
            "expression": "context_tokens / 1000 + generated_tokens / 20",
            "variables": TOKENS,
        },
        "signal": {"eventName": "code_answered", "defaults": {"context_tokens": 0, "generated_tokens": 0}},
        "monetaryConversion": {"valuePerUnit": D("1.25"), "label": "Engineer, 75 an hour"},
    },
    {
        "name": "Writing time saved", "category": "hve", "unit": {"type": "duration", "durationUnit": "minutes"},
        "description": "Reading at 1,000 tokens a minute, writing at 60",
        "formula": {
            "expression": "context_tokens / 1000 + generated_tokens / 60",
            "variables": TOKENS,
        },
        "signal": {"eventName": "chat_answered", "defaults": {"context_tokens": 0, "generated_tokens": 0}},
        "monetaryConversion": {"valuePerUnit": D("0.60"), "label": "Clerk, 36 an hour"},
    },
)  # fmt: skip
"""What calls are worth: made up, as are the customers and the price."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A customer's value receipt. `total`: what it was worth, in dollars; `billed`: what the customer paid for it."""

    ref: Ref
    customer: str
    calls: int
    total: D
    billed: D


@dataclass(slots=True)
class Assistants:
    """What telling this story did. `reported`, `made`: signals and receipts that were not there before."""

    tenant: int = 0
    tenant_ref: str = ""
    reported: int = 0
    made: int = 0
    receipts: list[Delivered] = field(default_factory=list)


def report_calls(house: House, scope: Scope) -> Assistants:
    """Report the calls in the assistants' own tenant; what was reported before is not reported again."""
    calls = read_calls() if scope == Scope() else list(islice(read_calls(), CORNER))
    company = COMPANY if scope == Scope() else f"{COMPANY[:-1]}: a corner)"
    told = Assistants()
    told.tenant, told.tenant_ref = _tenant(house, company)
    with house.tx(told.tenant, ACTOR) as tx:
        is_new = tx.this_tenant().clock_at is None
    if is_new:
        house.advance(told.tenant, to=EVENING, actor=ACTOR)
    with house.tx(told.tenant, ACTOR) as tx:
        if not tx.entities():
            _set_scene(tx)
        there = tx.counts()["events"]
    if there < len(calls):
        for first in range(0, len(calls), CHUNK):
            with house.tx(told.tenant, ACTOR) as tx:
                taken = record_signals(tx, [_signal(c) for c in calls[first : first + CHUNK]])
            assert not taken.failed, "every call has a customer and a product"
            told.reported += taken.ingested
    with house.tx(told.tenant, ACTOR) as tx:
        if tx.value_model() is None:
            for metric in METRICS:
                add_metric(tx, metric)
            _bill(tx, calls)
    return told


def deliver_value(house: House, told: Assistants) -> None:
    """Make, seal and publish the value receipt of every customer; what is sealed stays as it is."""
    for n, name in enumerate(CUSTOMERS):
        with house.tx(told.tenant, ACTOR) as tx:
            row, _new = sync_receipt(tx, ReceiptAsk(STARTS, ENDS, external_customer_id=_external_id(n)))
            if row.state == "draft":
                row = seal_receipt(tx, row.ref)
                told.made += 1
            if not row.is_published(tx.now):
                row = publish_receipt(tx, row.ref, None)
        numbers = row.numbers
        billed = sum((D(x["net_minor"]) / 100 for x in numbers.content["billed"]), D(0))
        told.receipts.append(Delivered(row.ref, name, numbers.signals_count, numbers.total, billed))
    house.integrate(told.tenant)


def _tenant(house: House, company: str) -> tuple[int, Ref]:
    for number, ref, name, mode in house.tenant_list():
        if name == company and mode == "test":
            return number, ref
    (opened,) = house.open_company(company, ("test",))
    return opened.tenant, opened.ref


def _set_scene(tx: Any) -> None:
    entity = create_entity(tx, Entity(
        ref=UNNAMED, name="Two Assistants", number_prefix="TWO", time_zone="UTC", currency="USD",
        legal_name="Two Assistants Inc.", tax_id="91-5550123", email="billing@assistants.example",
        address=("1 Sound View", "Seattle, WA 98101"), country="US", bank=(("Bank", "First Sound Bank (fictitious)"),),
    ))  # fmt: skip
    create_customers(tx, [
        Customer(ref=UNNAMED, name=name, entity_ref=entity.ref, currency="USD", net_days=30, external_id=_external_id(n),
                 legal_name=name, email=f"{_external_id(n)}@example.com", country="US")
        for n, name in enumerate(CUSTOMERS)
    ])  # fmt: skip
    for service, (_event, name) in SERVICES.items():
        make_product(tx, name, external_id=service, active=True, profile={})


def _external_id(n: int) -> str:
    return CUSTOMERS[n].split(" ", 1)[0].lower()


def _signal(call: LlmCall) -> NewSignal:
    data = json.dumps({"context_tokens": call.context, "generated_tokens": call.generated}, separators=(",", ":"))
    return NewSignal(
        name=SERVICES[call.service][0], customer=None, external_customer_id=_external_id(call.customer), product=None,
        external_product_id=call.service, customer_unit=None, at=call.at, data=data, key=call.key,
    )


def _bill(tx: Any, calls: Sequence[LlmCall]) -> None:
    """Each customer pays for its calls of the day."""
    counted = [0] * len(CUSTOMERS)
    for call in calls:
        counted[call.customer] += 1
    refs = tx.customers_called([_external_id(n) for n in range(len(CUSTOMERS))])
    invoice_ad_hoc(tx, [
        AdHocInvoice(refs[_external_id(n)], (AdHocLine("Calls", PRICE, D(count), "call", D(0)),))
        for n, count in enumerate(counted) if count
    ])  # fmt: skip
