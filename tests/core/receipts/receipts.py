"""Balance, payment and value receipts to test with, and their bundles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from counterfoil.core.balance.delta import Delta, delta_bytes, delta_leaf
from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.receipts.balance import BalanceReceipt, ReasonLine, balance_record
from counterfoil.core.receipts.payment import PaidDocument, PaymentReceipt, ReceiptItem, payment_record, revision_ref
from counterfoil.core.receipts.value import BilledDocument, MetricLine, Scope, ValueReceipt, value_record
from counterfoil.core.tlog.tree import root_of
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.seal import event_bytes_in_order, usage_root
from counterfoil.core.value.model import model_from_json
from counterfoil.core.value.tally import Tally, products_of
from tests.core.receipts import build

CUSTOMER = derived_ref("customer", "ua")
START = datetime(2013, 1, 1, 5, tzinfo=UTC)
REASONS = ("invoice.issued", "payment", "usage “Zoë”", "adjustment")


def deltas(first: int, count: int, *, customer: Ref = CUSTOMER) -> tuple[Delta, ...]:
    """Numbers `first` onwards, an hour apart, of several reasons."""
    return tuple(
        Delta(
            ref=derived_ref("delta", customer, n),
            customer_ref=customer,
            sequence=n,
            amount=Decimal(n % 7 - 3 or 5) * Decimal("1.25") ** (n % 3),
            reason=REASONS[n * n % len(REASONS)],
            recorded_at=START + timedelta(hours=n),
            counts_at=START + timedelta(hours=n, microseconds=n % 2),
            reference_id=None if n % 2 else f"ref-{n}",
            metadata="" if n % 5 else '{"note":"é"}',
            adjusts=None if n % 4 else derived_ref("delta", customer, n - 1),
        )
        for n in range(first, first + count)
    )


def lines_of(window: Sequence[Delta]) -> tuple[ReasonLine, ...]:
    lines: dict[str, list[Decimal]] = {}
    for delta in window:
        lines.setdefault(delta.reason, []).append(delta.amount)
    return tuple(ReasonLine(reason, len(amounts), sum(amounts, Decimal(0))) for reason, amounts in lines.items())


def balance(first: int = 1, count: int = 20, **changed: Any) -> tuple[BalanceReceipt, tuple[Delta, ...]]:
    """A window of `count` deltas, and what stands before it summed up."""
    window = deltas(first, count)
    before = list(accumulate((d.amount for d in deltas(1, first - 1)), initial=Decimal(0)))[-1]
    receipt = BalanceReceipt(
        ref=derived_ref("checkpoint", first),
        issuer_name="JFK",
        customer_ref=CUSTOMER,
        customer_id="ua-1",
        customer_name="United Air Lines Inc.",
        starts_at=window[0].counts_at - timedelta(minutes=1),
        ends_at=window[-1].counts_at + timedelta(minutes=1),
        period="2013-01",
        unit="credits",
        starting_balance=before,
        ending_balance=before + sum(d.amount for d in window),
        first_sequence=first,
        last_sequence=first + count - 1,
        root=root_of([delta_leaf(d) for d in window]).hex(),
        lines=lines_of(window),
        sealed_at=window[-1].counts_at + timedelta(hours=1),
    )
    return replace(receipt, **changed), window


def balance_bundle(first: int = 1, count: int = 20, **log: Any) -> bytes:
    receipt, window = balance(first, count)
    return build.bundled(balance_record(receipt), {receipt.root: [delta_bytes(d) for d in window]}, **log)


def payment(**changed: Any) -> PaymentReceipt:
    receipt = PaymentReceipt(
        ref=derived_ref("receipt"),
        revision=1,
        number="R-2013-0007",
        issuer_name="JFK",
        customer_ref=CUSTOMER,
        customer_name="United Air Lines Inc.",
        customer_email="ap@ua.example",
        customer_tax_id="US-36",
        amount_minor=124_050,
        currency="USD",
        issued_at=START,
        state="issued",
        description="Landing fees “January”",
        method="transfer",
        items=(
            ReceiptItem("Audit", Decimal(3), Decimal("400.5"), Decimal("1201.5")),
            ReceiptItem("Rest", Decimal("0.5"), Decimal("78"), Decimal(39)),
        ),
        documents=(PaidDocument(derived_ref("document"), "US-INV-000123", 124_050),),
        metadata='{"po":"7"}',
    )
    return replace(receipt, **changed)


def payment_bundle(**changed: Any) -> bytes:
    return build.bundled(payment_record(payment(**changed)))


STREAMS = {derived_ref("calls"): "llm_call", derived_ref("seats"): "seat_opened"}


def variable(name: str, **more: Json) -> Json:
    return {"id": name, "property": name, "divided_by": "1", "rows": [], "otherwise": None, "default": None, **more}


def rule(event: str, metric: str, expression: str, variables: Sequence[Json] = (), **more: Json) -> Json:
    return {
        "event": event, "metric": metric, "name": metric.replace("_", " ").title(), "unit": "h", "from": None, "until": None,
        "variables": list(variables), "quantity": {"when": [], "expression": expression}, "money": None, **more,
    }  # fmt: skip


def money_of(expression: str, when: Sequence[Json] = (), **constants: str) -> Json:
    return {"when": list(when), "expression": expression, "constants": constants}


MODEL: Json = {
    "currency": None,
    "streams": dict(STREAMS),
    "rules": [
        rule("llm_call", "hours_saved", "minutes / 60 * weight",
             [variable("minutes", divided_by="3"),
              variable("weight", rows=[{"segment": {"tier": "gold"}, "value": "1.5"}], otherwise="0.75")],
             money=money_of("ROUND(unit_value * rate, 4)",
                            [{"field": "tier", "operator": "eq_string", "value": "gold", "then": "unit_value * rate * 2"}],
                            rate="41.7")),
        rule("llm_call", "errors_avoided", "IF(confidence >= 80%, 1, confidence / (confidence - 0.5))",
             [variable("confidence", default="0.9")], unit="error", money=money_of("unit_value * 3")),
        rule("seat_opened", "seats", "1", unit="seat", until="2013-01-20T00:00:00Z"),
        rule("seat_opened", "seats", "2", unit="seat", **{"from": "2013-01-20T00:00:00Z"}),
    ],
}  # fmt: skip


def calls(count: int) -> tuple[Event, ...]:
    """Events of both streams, some without what the formulas ask for."""
    listed = []
    for n in range(count):
        said = {"minutes": f"{n % 11}.{n % 4 * 25}", "tier": "gold" if n % 3 else "iron", "confidence": f"0.{n % 10}",
                "$product": derived_ref("product", n % 2)}
        if n % 13 == 5:
            said["minutes"] = "many"
        if n % 5 == 2:
            del said["confidence"]
        listed.append(
            Event(
                ref=derived_ref("call", n),
                customer_ref=CUSTOMER,
                usage_product_ref=list(STREAMS)[n % 4 == 3],
                at=START + timedelta(hours=n % 700, microseconds=n % 3),
                quantity=Decimal(1),
                properties=said,
                key=f"k-{n}" if n % 2 else "",
            )
        )
    return tuple(sorted(listed, key=lambda e: (e.at, e.ref)))


def value(count: int = 60, scoped: bool = False, model: Json = MODEL, **changed: Any) -> tuple[ValueReceipt, tuple[Event, ...]]:
    """A value receipt over `count` calls."""
    scope = Scope("product", derived_ref("product", 1), "Copilot", (derived_ref("product", 1),), ("ext-1",)) if scoped else None
    sealed: Json = {"product_refs": list(scope.product_refs), "external_ids": list(scope.external_ids)} if scope else None
    tally = Tally(model_from_json(model), products_of(sealed))
    counted = tuple(event for event in calls(count) if tally.add(event))
    root, total = usage_root(counted)
    receipt = ValueReceipt(
        ref=derived_ref("value", count), issuer_name="JFK", customer_ref=CUSTOMER, customer_id=None,
        customer_name="United Air Lines Inc.", starts_at=START, ends_at=START + timedelta(days=31), currency="USD",
        scope=scope, model_version=3, model=model, events_root=root, events_count=total,
        metrics=tuple(
            MetricLine(x.slug, x.name, x.unit, x.occurrences, x.quantity, x.value, x.unvalued) for x in tally.lines()
        ),
        total=tally.total(), billed=(BilledDocument(derived_ref("document"), "US-INV-000123", 124_050),),
        generated_at=START + timedelta(days=32), sealed_at=START + timedelta(days=32, seconds=5),
    )  # fmt: skip
    return replace(receipt, **changed), counted


def value_bundle(count: int = 60, scoped: bool = False, model: Json = MODEL, **log: Any) -> bytes:
    receipt, counted = value(count, scoped, model)
    return build.bundled(value_record(receipt), {receipt.events_root: list(event_bytes_in_order(counted))}, **log)


__all__ = ["balance", "balance_bundle", "deltas", "payment", "payment_bundle", "revision_ref", "value", "value_bundle"]
