"""What tests of value receipts have in common: claims that save minutes, and a metric that values them at 50 an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

QUARTER = {"start_date": "2026-04-01T00:00:00Z", "end_date": "2026-06-30T23:59:59Z"}

CONTENT: dict[str, Any] = {
    "currency": "",
    "valueTypes": [{
        "slug": "time-saved", "name": "Time saved", "category": "time",
        "calculationTimeline": [{"effectiveFrom": "2026-01-01T00:00:00Z", "calculation": {
            "unit": {"type": "duration", "durationUnit": "hours"}, "formulaIds": ["f"], "signalEventNames": [],
            "segmentTableIds": [], "overrideIds": [],
            "monetaryConversion": {"expression": "unit_value * rate",
                                   "variables": [{"id": "rate", "label": "Rate", "default": 50}]},
        }}],
    }],
    "formulas": [{"id": "f", "valueTypeSlug": "time-saved", "label": "Hours", "expression": "minutes / 60",
                  "variables": [{"id": "minutes", "label": "Minutes"}]}],
    "signals": [{"eventName": "claim_reviewed", "label": "Claims", "formulaId": "f", "defaults": {"minutes": 20}}],
}


def claims(raw: Any, minutes: Sequence[Any], *, start: int = 0, at: Sequence[str] = (), customer: str = "northwind",
           attribution: Any = None) -> None:
    """Report claims of a customer that is known by then, each with the minutes that it saved."""
    raw("POST", "/customers", {"name": customer.title(), "externalId": customer})
    signals = [
        {"eventName": "claim_reviewed", "customer": {"externalCustomerId": customer},
         "timestamp": at[n] if at else f"2026-04-12T07:30:{start + n:02d}Z", "data": {"minutes": value},
         "idempotencyKey": f"{customer} {start + n}", **({"attribution": attribution} if attribution else {})}
        for n, value in enumerate(minutes)
    ]
    answer = raw("POST", "/signals/bulk", {"signals": signals})
    assert answer.status_code == 200 and answer.json()["ingested"] == len(minutes), answer.text


def minutes_metric(raw: Any, expression: str = "minutes / 60", **more: Any) -> Any:
    """Make the metric."""
    answer = raw("POST", "/value-metrics", {
        "name": "Time saved", "unit": {"type": "duration", "durationUnit": "hours"},
        "formula": {"expression": expression, "variables": [{"id": "minutes", "label": "Minutes"}]},
        "signal": {"eventName": "claim_reviewed", "defaults": {"minutes": 20}},
        "monetaryConversion": {"valuePerUnit": 50}, **more,
    })
    assert answer.status_code == 201, answer.text
    return answer.json()


def receipt_of(paid: Any, **more: Any) -> Any:
    """Sync the receipt of the quarter."""
    return paid.value_receipts.sync_value_receipt(external_customer_id="northwind", **QUARTER, **more)
