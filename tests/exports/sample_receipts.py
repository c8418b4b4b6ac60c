"""Receipts of each kind for whatever shows one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.receipts.balance import BalanceReceipt, ReasonLine
from counterfoil.core.receipts.payment import PaidDocument, PaymentReceipt, ReceiptItem
from counterfoil.core.receipts.value import BilledDocument, MetricLine, Scope, ValueReceipt
from counterfoil.core.value.model import Condition, Conversion, Model, Rule, Step, Variable, model_json

ISSUER = "Contoso Cloud GmbH"
MODEL = model_json(Model((
    Rule("claim_reviewed", "time-saved", "Time saved", "hours", Step("minutes / 60"),
         (Variable("minutes", "minutes_saved", default="5"),),
         Conversion(Step("unit_value * rate"), (("rate", D(55)),))),
    Rule("fraud_found", "fraud-caught", "Fraud caught", "", Step("amount", (Condition("amount", "gt", "1000", "1000"),)),
         (Variable("amount", "amount"),), Conversion(Step("unit_value"))),
), {}, "EUR"))


def balance(**change: Any) -> BalanceReceipt:
    """64 changes of April 2026."""
    facts: dict[str, Any] = {
        "ref": derived_ref("checkpoint", 1), "issuer_name": ISSUER, "customer_ref": derived_ref("customer", 1),
        "customer_id": "northwind.eu", "customer_name": "Northwind Europe", "starts_at": datetime(2026, 4, 1, tzinfo=UTC),
        "ends_at": datetime(2026, 5, 1, tzinfo=UTC), "period": "2026-04", "unit": "credits",
        "starting_balance": D("0"), "ending_balance": D("-812.25"), "first_sequence": 1, "last_sequence": 64,
        "root": "9f" * 32,
        "lines": (ReasonLine("gpu_minutes", 60, D("-900")), ReasonLine("top_up", 4, D("87.75"))),
        "sealed_at": datetime(2026, 5, 1, 0, 5, 11, tzinfo=UTC),
    }
    return BalanceReceipt(**{**facts, **change})


def value(**change: Any) -> ValueReceipt:
    """A quarter's work, with what was billed beside it."""
    facts: dict[str, Any] = {
        "ref": derived_ref("value", 1), "issuer_name": ISSUER, "customer_ref": derived_ref("customer", 1),
        "customer_id": "northwind", "customer_name": "Northwind Europe",
        "starts_at": datetime(2026, 4, 1, tzinfo=UTC), "ends_at": datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC),
        "currency": "EUR", "scope": Scope("product", derived_ref("product", 1), "Claims agent", ()), "model_version": 3,
        "model": MODEL, "events_root": "3c" * 32, "events_count": 1912,
        "metrics": (
            MetricLine("time-saved", "Time saved", "hours", 1900, D("310.5"), D("17077.5")),
            MetricLine("fraud-caught", "Fraud caught", "", 12, D("1163"), D("1163")),
        ),
        "total": D("18240.5"), "billed": (BilledDocument(derived_ref("document", 1), "DE-INV-000123", 119_900),),
        "generated_at": datetime(2026, 7, 1, 8, tzinfo=UTC), "sealed_at": datetime(2026, 7, 2, 8, 30, tzinfo=UTC),
    }
    return ValueReceipt(**{**facts, **change})


def payment(**change: Any) -> PaymentReceipt:
    """A transfer that settled an invoice."""
    facts: dict[str, Any] = {
        "ref": derived_ref("payment", 1), "revision": 1, "number": "R-000017", "issuer_name": ISSUER,
        "customer_ref": derived_ref("customer", 1), "customer_name": "Northwind Europe",
        "customer_email": "ap@northwind.example", "customer_tax_id": "NL004495445B01", "amount_minor": 142_681,
        "currency": "EUR", "issued_at": datetime(2026, 5, 4, 9, 12, 30, tzinfo=UTC), "state": "issued",
        "method": "transfer",
        "items": (ReceiptItem("Platform, April", D(1), D("1199"), D("1199")), ReceiptItem("Tax", D(1), D("227.81"), D("227.81"))),
        "documents": (PaidDocument(derived_ref("document", 1), "DE-INV-000123", 142_681),),
    }
    return PaymentReceipt(**{**facts, **change})
