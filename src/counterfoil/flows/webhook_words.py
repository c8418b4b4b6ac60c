"""What events are called: our own types, and the names that each dialect has for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from counterfoil.core.basis.refusals import Invalid

Dialect = Literal["native", "pacspace", "paid", "gigstack"]

EVENT_TYPES = (
    "delta.verified", "delta.failed", "checkpoint.verified", "receipt.generated",
    "customer.created", "customer.shared_record_viewed", "customer.compare_run",
    "payment_receipt.created", "payment_receipt.updated", "payment_receipt.deleted",
    "value_receipt.sealed", "value_receipt.published", "invoice.issued", "invoice.paid",
    "payment.posted", "payment.processing", "payment.requires_action", "payment.failed", "payment.canceled", "payment.refunded",
    "payment.refund_failed", "payment.disputed", "payment.dispute_won", "payment.dispute_lost",
    "dunning.step_taken",
)
"""Everything that is announced."""
TEST = "webhook.test"
"""The type of what is sent by hand to try a webhook out."""

_PACSPACE_EVENTS = (
    "delta.verified", "delta.failed", "checkpoint.verified", "receipt.generated", "customer.created",
    "customer.shared_record_viewed", "customer.compare_run",
)
PACSPACE_SILENT = (
    "customer.export_downloaded", "customer.step_up_failed_repeatedly", "tenant_domain.activated",
    "tenant_domain.cert_renewal_failed", "record.committed", "record.failed",
)
"""Names that may be subscribed to and that nothing here is called by."""
BALANCE_EVENTS = ("delta.verified", "delta.failed", "checkpoint.verified")
"""Who is told of one of these is told of new kinds of balance events, too."""
PAID_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "billing-invoice-created": ("invoice.issued", "An invoice was made"),
    "billing-invoice-paid": ("invoice.paid", "An invoice was paid in full"),
    "billing-invoice-posted": ("invoice.issued", "An invoice was issued to its customer"),
    "billing-checkout-created": ("", "A checkout was made"),
    "billing-checkout-completed": ("", "A checkout was completed"),
    "billing-checkout-expired": ("", "A checkout expired"),
    "billing-payment-succeeded": ("payment.posted", "A payment succeeded"),
    "billing-payment-failed": ("payment.failed", "A payment failed"),
    "billing-credits-depleted": ("", "A customer's credits were used up"),
    "billing-overage-incurred": ("", "A customer used more than was agreed"),
    "billing-credit-cap-reached": ("", "A customer reached a cap of credits"),
})
"""Paid's webhooks: what of ours each is told of ("" for nothing), and its description."""
GIGSTACK_EVENTS: Mapping[str, str] = MappingProxyType({
    "receipt.created": "payment_receipt.created",
    "receipt.updated": "payment_receipt.updated",
    "receipt.deleted": "payment_receipt.deleted",
})
_GIGSTACK_NAMES = MappingProxyType({ours: theirs for theirs, ours in GIGSTACK_EVENTS.items()})
_TAKEN: Mapping[str, frozenset[str]] = MappingProxyType({
    "native": frozenset(EVENT_TYPES),
    "pacspace": frozenset(_PACSPACE_EVENTS),
    "paid": frozenset(ours for ours, _about in PAID_NAMES.values() if ours),
    "gigstack": frozenset(_GIGSTACK_NAMES),
})


def takes(dialect: Dialect, type: str) -> bool:
    """Whether a dialect has a name for events of this type."""
    return type in _TAKEN[dialect]


def told_as(dialect: Dialect, type: str, webhook_name: str = "") -> str:
    """What a dialect calls events of this type; Paid names its webhooks after them."""
    if dialect == "gigstack":
        return _GIGSTACK_NAMES.get(type, type)
    return webhook_name if dialect == "paid" and webhook_name else type


def types_of(dialect: Dialect, names: Sequence[str] | None, field: str = "events") -> tuple[str, ...] | None:
    """Our types of the names of a dialect's events, each once; None (or `*` among them) for all. Invalid names the first
    that is unknown."""
    if names is None or "*" in names:
        return None
    known = {**GIGSTACK_EVENTS} if dialect == "gigstack" else {t: t for t in _TAKEN[dialect]}
    if dialect == "pacspace":
        known |= {t: t for t in PACSPACE_SILENT}
    if not names:
        raise Invalid.field(field, "must name at least one event, or be left out for all")
    for i, name in enumerate(names):
        if name not in known:
            raise Invalid.field(f"{field}[{i}]", f"must be one of {', '.join(sorted(known))}, not {name[:100]!r}")
    return tuple(dict.fromkeys(known[n] for n in names))
