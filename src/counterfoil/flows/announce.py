"""Announce what happened to those who subscribed: one event, and a promise for every webhook that wants it, in the
transaction in which it happened.

What an event's data says, by its type, in our own spelling (references as `…_ref`, decimals as texts, instants as they are;
a dialect makes its own words of them; keys beyond these go along):

- `delta.verified`: delta_ref, customer_ref, amount, sequence, reason, reference_id, leaf (hex), recorded_at
- `checkpoint.verified`: receipt_ref, customer_ref, period, starts_at, ends_at, starting_balance, ending_balance, delta_count,
  root (hex)
- `receipt.generated`: record_ref where it is not the receipt's own, and what `receipt_news` tells
- `customer.created`, `customer.shared_record_viewed`, `customer.compare_run`: customer_ref, customer_id, name
- `payment_receipt.created`, `.updated`, `.deleted`: receipt_ref, and what its dialect shows as `object`
- `value_receipt.sealed`, `.published`: receipt_ref, customer_ref, total, currency
- `invoice.issued`, `invoice.paid`: what `invoice_news` tells
- `payment.posted`, and what happened to payments later: what `apply_money.payment_news` tells; of one that settled exactly
  one document its document_ref; of refunds refund_ref and refunded_minor, of disputes dispute_ref and disputed_minor
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterfoil.core.basis.canonical import Json, parse_canonical
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.invoicing.document import Document
from counterfoil.flows.ports import Tx
from counterfoil.flows.promises import NewPromise
from counterfoil.flows.webhook_words import Dialect, takes

CALL = "call_webhook"
"""The kind of promise; its reference is the webhook's. Parked under this name with the promise's own reference."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened: its type in our own words (such as `receipt.generated`), and what it was about."""

    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook that is told of things. `events`: their types, or None for all that its dialect has words for."""

    ref: Ref
    dialect: Dialect
    events: tuple[str, ...] | None

    def wants(self, type: str) -> bool:
        """Whether it is told of events of this type."""
        return takes(self.dialect, type) and (self.events is None or type in self.events)


def announce(tx: Tx, news: Sequence[News]) -> int:
    """Write down each event that somebody subscribed to and promise to tell them; how many were promised.

    Costs one read where nobody subscribed. Payloads are spelled for each dialect when they are delivered.
    """
    webhooks = tx.subscriptions(sorted({n.type for n in news})) if news else []
    return tell(tx, news, webhooks) if webhooks else 0


def tell(tx: Tx, news: Sequence[News], webhooks: Sequence[Subscription], *, backfill: bool = False) -> int:
    """Promise to tell these webhooks, each at most once of a receipt; how many promises are new.

    `backfill`: it happened before they subscribed.
    """
    events = [(_event_ref(tx, n), n) for n in news if any(w.wants(n.type) for w in webhooks)]
    tx.add_webhook_events([(ref, n.type, n.data) for ref, n in events])
    return tx.promise(
        CALL,
        [
            NewPromise(promise_ref(w.ref, ref), w.ref, tx.now,
                       {"event_ref": ref, "type": n.type} | ({"backfill": True} if backfill else {}))
            for ref, n in events
            for w in webhooks
            if w.wants(n.type)
        ],
    )


def announce_invoices(tx: Tx, type: str, documents: Sequence[Document], **more: Any) -> int:
    """Announce `invoice.issued` or `invoice.paid` of these invoices and debit notes; notes of credit are left out. Nothing is
    spelled where nobody subscribed."""
    wanted = [d for d in documents if d.kind != "CREDIT"]
    webhooks = tx.subscriptions([type]) if wanted else []
    return tell(tx, [invoice_news(type, d, **more) for d in wanted], webhooks) if webhooks else 0


def promise_ref(webhook_ref: Ref, event_ref: Ref) -> Ref:
    """The one promise to tell a webhook of an event: the reference of the delivery."""
    return derived_ref("promise", CALL, webhook_ref, event_ref)


def _event_ref(tx: Tx, news: News) -> Ref:
    # a receipt that is generated now and one that a backfill finds later are the same event
    record = news.data.get("record_ref", news.data.get("receipt_ref"))
    if news.type == "receipt.generated" and record is not None:
        return derived_ref("event", news.type, str(record))
    return tx.new_ref()


def receipt_news(record_ref: Ref, type: str, body: bytes) -> News:
    """`receipt.generated` of a sealed record of a receipt: record_ref, receipt_ref, type, customer_ref, customer_id and
    customer_name; of a balance receipt period, starts_at, ends_at, root, delta_count and both balances; of the others total and
    currency (texts in major units); of a payment receipt number and revision."""
    record: Json = parse_canonical(body)
    customer = record.get("customer") or {}
    window = record.get("window") or record.get("period")
    window = window if isinstance(window, dict) else {}
    said = {
        "record_ref": record_ref, "receipt_ref": record.get("receipt_ref", record_ref), "type": type,
        "customer_ref": customer.get("ref"), "customer_id": customer.get("id"), "customer_name": customer.get("name"),
        "period": record.get("period") if isinstance(record.get("period"), str) else None,
        "starts_at": window.get("start"), "ends_at": window.get("end"), "root": record.get("root"),
        "delta_count": record.get("delta_count"), "starting_balance": record.get("starting_balance"),
        "ending_balance": record.get("ending_balance"), "number": record.get("number"), "revision": record.get("revision"),
        "currency": record.get("currency"), "total": record.get("total"),
    }
    if "amount_minor" in record:
        said["total"] = format(to_major(record["amount_minor"], record["currency"]), "f")
    return News("receipt.generated", {k: v for k, v in said.items() if v is not None})


def invoice_news(type: str, d: Document, **more: Any) -> News:
    """`invoice.issued` or `invoice.paid`: document_ref, kind, number, customer_ref, customer_name, contract_ref, currency,
    issued_on, due_on, sub_total, total_tax, total (texts in major units)."""

    def major(minor: int) -> str:
        return format(to_major(minor, d.currency), "f")

    return News(type, {
        "document_ref": d.ref, "kind": d.kind, "number": d.number, "customer_ref": d.buyer.ref, "customer_name": d.buyer.name,
        "contract_ref": d.contract_ref, "currency": d.currency, "issued_on": d.issued_on.isoformat(),
        "due_on": d.due_on.isoformat(), "sub_total": major(d.sub_total_minor), "total_tax": major(d.total_tax_minor),
        "total": major(d.total_minor), **more,
    })
