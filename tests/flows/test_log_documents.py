"""What a run issues proves itself: every document, with meters of every kind, verifies offline to the cent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from counterfoil.adapters.signing import LogKeys
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.contracts.terms import Cycle
from counterfoil.core.pricing.codec import item_from_json
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.advance import advance
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
from counterfoil.flows.correct_usage import delete_usage, edit_usage
from counterfoil.flows.integrate_log import integrate
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.prove import bundle_of, verifier_key
from counterfoil.flows.usage_catalogue import read_catalogue
from tests.logs import audit_log, signer_of

PER_UNIT = {"kind": "per_unit", "unit_price": "1.23"}
TIERS = [{"up_to": "5", "unit_price": "2"}, {"unit_price": "1.5", "flat_fee": "3"}]
LINES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "events": ({"aggregation": "count"}, {"kind": "graduated", "tiers": TIERS}),
    "level": ({"aggregation": "sum", "carry_over": True, "signed_by": "op"}, PER_UNIT),
    "level over time": ({"aggregation": "time_weighted_sum", "carry_over": True, "signed_by": "op"}, PER_UNIT),
    "highest of three": ({"aggregation": "running_average", "windows_back": 3, "decimals": 6}, PER_UNIT),
    "members ever": ({"aggregation": "unique_count", "field": "who", "carry_over": True}, PER_UNIT),
    "by day": ({"aggregation": "max", "bucket": "day"}, {"kind": "bucketed", "inner": PER_UNIT}),
    "by week": ({"aggregation": "count", "bucket": "week"}, {"kind": "bucketed", "inner": PER_UNIT}),
    "by who": ({"group_by": ("who",)}, {"kind": "grouped", "inner": {"kind": "graduated", "tiers": TIERS}}),
    "seat days": ({"prorated": True, "signed_by": "op"}, {"kind": "graduated_prorated_events", "tiers": TIERS}),
}
ADDS_UP = ("events",)
"""What may be billed in two parts of a period."""


def agreed(db: Any, tenant: int, zone: str, payment_time: str) -> tuple[Ref, Ref]:
    """A contract in that time zone with a line for every kind of meter, from 10 January: its customer, their stream."""
    with db.tx(tenant) as tx:
        entity = create_entity(tx, Entity(Ref(""), "Newark", "EWR", time_zone=zone))
        (customer,) = create_customers(tx, [Customer(Ref(""), "United", entity.ref, tax_percent=Decimal("8.875"))])
        stream = create_usage_product(tx, Meter(Ref(""), "seats")).ref
        meters = [
            create_usage_product(tx, Meter(Ref(""), name, source_ref=stream, **terms))
            for name, (terms, _) in LINES.items()
            if payment_time == "AFTER_USE" or name in ADDS_UP
        ]
        items = tuple(
            item_from_json({"ref": derived_ref("item", m.name), "item": m.name, "kind": "usage", "unit": "seat",
                            "usage_product_ref": m.ref, "model": LINES[m.name][1]})
            for m in meters
        )  # fmt: skip
        product = create_product(tx, "Seats")
        pricing = draft_pricing(tx, Pricing(Ref(""), product, "Standard", "Seats", 1, "USD", items))
        publish_pricing(tx, pricing.ref)
        order = ProductOrder(
            pricing.ref, date(2025, 1, 10), date(2025, 7, 1), cycle=Cycle("MONTHLY"),
            payment_time=payment_time, issue_day=date(2025, 1, 15) if payment_time == "DURING_USE" else None,  # type: ignore[arg-type]
        )  # fmt: skip
        contracts = draft_contracts(tx, [ContractOrder(customer.ref, (order,))])
        publish_contracts(tx, [c.ref for c in contracts])
    return customer.ref, stream


def reported(customer: Ref, stream: Ref, dice: Random, since: datetime, days: int, count: int) -> list[Event]:
    return [
        Event(
            derived_ref("event", since, n), customer, stream,
            since + timedelta(seconds=dice.randrange(days * 86_400)), Decimal(dice.randrange(1, 40)) / 4,
            {"op": dice.choice(["add", "add", "remove"]), "who": dice.choice("abcdefg")}, key=f"{since:%m%d}-{n}",
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "payment_time"),
    [
        ("UTC", "AFTER_USE"),
        ("America/New_York", "AFTER_USE"),
        ("Pacific/Auckland", "AFTER_USE"),
        ("UTC", "DURING_USE"),
        ("America/New_York", "DURING_USE"),
    ],
)
def test_every_document_of_half_a_year_verifies_whatever_its_meters_zone_and_corrections(
    db: Any, tenant: int, log_keys: LogKeys, zone: str, payment_time: str
) -> None:
    dice = Random(f"{zone} {payment_time}")
    advance(db, tenant, to=datetime(2025, 1, 1, tzinfo=UTC))
    customer, stream = agreed(db, tenant, zone, payment_time)
    start = datetime(2025, 1, 12, tzinfo=UTC)
    with db.tx(tenant) as tx:  # so many seats that more are never taken away than there are
        first = Event(derived_ref("first", tenant), customer, stream, start, Decimal(500), {"op": "add"}, key="first")
        tx.add_events([first])
    for month in range(6):
        since = start + timedelta(days=28 * month)
        events = reported(customer, stream, dice, since, 28, 40)
        with db.tx(tenant) as tx:
            tx.add_events(events)
        advance(db, tenant, to=since + timedelta(days=40))
        for old in dice.sample(events, 3):
            with db.tx(tenant, "person:ada") as tx:
                if dice.random() < 0.5:
                    delete_usage(tx, old.ref, why="never happened")
                else:
                    edit_usage(tx, old.ref, read_catalogue(tx), quantity=old.quantity + 1, why="miscounted")
    advance(db, tenant, to=datetime(2025, 12, 1, tzinfo=UTC))
    with db.tx(tenant) as tx:
        integrate(tx, signer_of(tx, log_keys))
    with db.tx(tenant) as tx:
        assert tx.parked() == []
        refs, key = audit_log(tx), verifier_key(tx)
        kinds = {tx.document_row(ref).kind for ref in refs}
        verdicts = {ref: verify_bundle(bundle_of(tx, ref), trusted_keys=[key]) for ref in refs}
    assert len(refs) > 10 and kinds == {"INVOICE", "CREDIT", "DEBIT"}
    wrong = [(c.name, c.says) for v in verdicts.values() for c in v.checks if not c.ok]
    assert wrong == []


def test_a_report_that_was_in_the_air_when_its_period_was_billed_is_billed_later_and_both_documents_verify(
    db: Any, tenant: int, log_keys: LogKeys
) -> None:
    advance(db, tenant, to=datetime(2025, 1, 1, tzinfo=UTC))
    customer, stream = agreed(db, tenant, "UTC", "DURING_USE")
    events = reported(customer, stream, Random(1), datetime(2025, 1, 15, tzinfo=UTC), 10, 9)
    with db.tx(tenant) as slow, db.tx(tenant) as slower:
        slow.add_events(events[:1])
        slower.add_events(events[1:2])
        with db.tx(tenant) as quick:
            quick.add_events(events[2:])  # begun after the slow ones, and there before them
        advance(db, tenant, to=datetime(2025, 2, 20, tzinfo=UTC))
    advance(db, tenant, to=datetime(2025, 3, 20, tzinfo=UTC))
    with db.tx(tenant) as tx:
        integrate(tx, signer_of(tx, log_keys))
    with db.tx(tenant) as tx:
        refs = audit_log(tx)
        assert [ref for ref in refs if tx.document_row(ref).kind == "DEBIT"]
        verdicts = [verify_bundle(bundle_of(tx, ref)) for ref in refs]
    assert [c for v in verdicts for c in v.checks if not c.ok] == []
