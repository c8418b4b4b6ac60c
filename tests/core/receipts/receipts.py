"""Balance, payment and value receipts to test with, and their bundles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from counterfoil.core.balance.delta import Delta, delta_bytes, delta_leaf
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.receipts.balance import BalanceReceipt, ReasonLine, balance_record
from counterfoil.core.receipts.payment import PaidDocument, PaymentReceipt, ReceiptItem, payment_record, revision_ref
from counterfoil.core.tlog.tree import root_of
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


__all__ = ["balance", "balance_bundle", "deltas", "payment", "payment_bundle", "revision_ref"]
