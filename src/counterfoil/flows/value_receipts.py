"""Value receipts: found or made for a customer and a period, brought up to date, sealed for good, shared, put away."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer
from counterfoil.core.receipts.value import VALUE_RECEIPT, value_record
from counterfoil.flows.announce import News, announce, receipt_news
from counterfoil.flows.find_party import find_customer, find_customers
from counterfoil.flows.find_sales import FindingTx, OrderRow, ProductRow, find_order, find_product
from counterfoil.flows.populate_value import numbers_of, receipt_of
from counterfoil.flows.value_rows import ReceiptFilter, ReceiptKey, ReceiptRow, ValueTx

NOUN = "value_receipt"
CHUNK = 20
"""Drafts that are worked out again in one transaction."""


@dataclass(frozen=True, slots=True)
class ReceiptAsk:
    """What somebody wants a receipt of. Exactly one way to name the customer, at most one of product and order; both ends
    of the period belong to it. `currency`: of the money; else the order's, else the customer's."""

    starts_at: datetime
    ends_at: datetime
    customer_id: str | None = None
    external_customer_id: str | None = None
    product_id: str | None = None
    currency: str | None = None
    order_id: str | None = None


def sync_receipt(tx: ValueTx, ask: ReceiptAsk) -> tuple[ReceiptRow, bool]:
    """The receipt of that customer, scope and period, and whether it was made now: a draft is brought up to date, a sealed
    one is as it was. Archived ones do not count. Two calls at once give one receipt."""
    key, currency = _resolved(tx, ask)
    tx.lock(key.lock)
    found = tx.live_value_receipt(key)
    if found is None:
        return _made(tx, key, currency), True
    if found.state == "posted":
        return found, False
    return _populated(tx, found, currency if ask.currency else found.currency), False


def create_receipt(tx: ValueTx, ask: ReceiptAsk) -> ReceiptRow:
    """A new receipt, whether or not there are others of that customer, scope and period, which must have ended."""
    if ask.ends_at > tx.now:
        raise Invalid.field("endDate", "the period has not ended yet")
    key, currency = _resolved(tx, ask)
    tx.lock(key.lock)
    return _made(tx, key, currency)


def refresh_receipt(tx: ValueTx, id: str) -> ReceiptRow:
    """Bring a draft up to date; Conflict `value_receipt.sealed` for a sealed one."""
    row = find_receipt(tx, id, lock=True)
    _refuse_sealed(row)
    return _populated(tx, row, row.currency)


def seal_receipt(tx: ValueTx, id: str) -> ReceiptRow:
    """Seal a draft with the numbers that it has: from now on it never changes. Conflict `value_receipt.sealed` when it was
    sealed before."""
    row = find_receipt(tx, id, lock=True)
    _refuse_sealed(row)
    sealed = replace(row, state="posted", sealed_at=tx.now)
    body = value_record(receipt_of(tx, sealed))
    tx.add_records([(row.ref, VALUE_RECEIPT, body, tx.new_salt())])
    tx.save_value_state(sealed)
    tx.audit("seal", NOUN, row.ref, after={"total": decimal_text(row.numbers.total), "root": row.numbers.signals_root.hex()})
    announce(tx, [News("value_receipt.sealed", _told(row)), receipt_news(row.ref, VALUE_RECEIPT, body)])
    return sealed


def archive_receipt(tx: ValueTx, id: str) -> ReceiptRow:
    """Hide a receipt from lists; it can still be read. Nothing changes for one that is hidden already."""
    row = find_receipt(tx, id, lock=True)
    return row if row.archived_at is not None else _saved(tx, "archive", replace(row, archived_at=tx.now))


def unarchive_receipt(tx: ValueTx, id: str) -> ReceiptRow:
    """Show a receipt in lists again. Conflict `value_receipt.exists` where another of the same customer, scope and period
    has taken its place."""
    row = find_receipt(tx, id)
    tx.lock(row.key.lock)
    row = find_receipt(tx, id, lock=True)
    if row.archived_at is None:
        return row
    other = tx.live_value_receipt(row.key)
    if other is not None:
        raise Conflict("value_receipt.exists", f"{display_id('vr', other.ref)} is there for the same customer and period")
    return _saved(tx, "unarchive", replace(row, archived_at=None))


def publish_receipt(tx: ValueTx, id: str, expires_at: datetime | None) -> ReceiptRow:
    """Open the link to anybody, until `expires_at` if it is given (a moment that is past closes it again at once). Conflict
    `value_receipt.archived` for an archived one."""
    row = find_receipt(tx, id, lock=True)
    if row.archived_at is not None:
        raise Conflict("value_receipt.archived", f"{display_id('vr', row.ref)} is archived; unarchive it first")
    since = row.published_at if row.is_published(tx.now) else tx.now
    published = _saved(tx, "publish", replace(row, published_at=since, publish_expires_at=expires_at))
    announce(tx, [News("value_receipt.published", _told(row))])
    return published


def unpublish_receipt(tx: ValueTx, id: str) -> ReceiptRow:
    """Close the link to all who have no token. Also for archived receipts."""
    row = find_receipt(tx, id, lock=True)
    if row.published_at is None and row.publish_expires_at is None:
        return row
    return _saved(tx, "unpublish", replace(row, published_at=None, publish_expires_at=None))


def allow_embed(tx: ValueTx, id: str, allowed: bool) -> ReceiptRow:
    """Say whether pages of others may show the receipt in a frame."""
    row = find_receipt(tx, id, lock=True)
    return row if row.allow_embed == allowed else _saved(tx, "change", replace(row, allow_embed=allowed))


def find_receipt(tx: ValueTx, id: str, *, lock: bool = False) -> ReceiptRow:
    """The receipt of that id; NotFound `value_receipt.not_found`."""
    ref = read_id(id)
    row = None if ref is None else tx.value_receipt(ref, lock=lock)
    if row is None:
        raise NotFound("value_receipt.not_found", f"there is no value receipt {id[:200]!r}")
    return row


def list_receipts(
    tx: ValueTx, *, customers: tuple[str, ...] = (), product_id: str | None = None, order_id: str | None = None,
    archived: bool = False, offset: int = 0, limit: int = 50,
) -> tuple[list[ReceiptRow], int]:
    """Receipts, newest first, and how many there are. `customers`: names of one customer; names of nobody have none.

    Reading never computes anything."""
    found = find_customers(tx, customers)
    if any(name not in found for name in customers) or len(set(found.values())) > 1:
        return [], 0
    product, order = _named(tx, find_product, product_id), _named(tx, find_order, order_id)
    if (product_id is not None and product is None) or (order_id is not None and order is None):
        return [], 0
    wanted = ReceiptFilter(next(iter(found.values()), None), product, order, archived)
    return tx.value_receipt_page(wanted, offset, limit)


def refresh_drafts(
    open_tx: Callable[[], AbstractContextManager[ValueTx]], *, stale: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[int, int]:
    """Work out drafts again, a few in each transaction: all of them, or only those `stale` ones that another version of the
    model gave. How many were, and how many could not be (their currency is another than the model's)."""
    done, left, after = 0, 0, None
    while not stopping():
        with open_tx() as tx:
            model = tx.value_model()
            if stale and model is None:
                break
            refs = tx.value_drafts(after, CHUNK, not_of=model.version if stale and model is not None else None)
            for ref in refs:
                row = tx.value_receipt(ref, lock=True)
                if row is None or row.state == "posted":
                    continue
                try:
                    _populated(tx, row, row.currency)
                    done += 1
                except (Invalid, Conflict):
                    left += 1
        if not refs:
            break
        after = refs[-1]
    return done, left


def _resolved(tx: ValueTx, ask: ReceiptAsk) -> tuple[ReceiptKey, str]:
    refuse_if(_problems(ask))
    customer: Customer = find_customer(tx, ask.customer_id or ask.external_customer_id or "")
    currency, product, order = ask.currency, None, None
    if ask.product_id is not None:
        product = find_product(tx, ask.product_id).ref
    if ask.order_id is not None:
        found = find_order(tx, ask.order_id)
        if found.customer_ref != customer.ref:
            raise Invalid.field("orderId", "this is an order of another customer")
        order = found.ref
        currency = currency or found.profile.get("currency")
    key = ReceiptKey(customer.ref, product, order, ask.starts_at.astimezone(UTC), ask.ends_at.astimezone(UTC))
    return key, currency or customer.currency


def _problems(ask: ReceiptAsk) -> list[Problem]:
    found = []
    if (ask.customer_id is None) == (ask.external_customer_id is None):
        found.append(Problem("customerId", "give exactly one of customerId and externalCustomerId"))
    if ask.product_id is not None and ask.order_id is not None:
        found.append(Problem("orderId", "give at most one of product and orderId"))
    if ask.ends_at <= ask.starts_at:
        found.append(Problem("endDate", "must be after startDate"))
    if ask.currency is not None and ask.currency not in CURRENCIES:
        found.append(Problem("product.currency", f"{ask.currency[:20]!r} is not an ISO 4217 currency code such as EUR"))
    return found


def _made(tx: ValueTx, key: ReceiptKey, currency: str) -> ReceiptRow:
    customer = tx.customers([key.customer_ref])[key.customer_ref]
    row = ReceiptRow(
        tx.new_ref(), key, currency, "draft", numbers_of(tx, key, currency), share_token(tx), True, tx.now, customer.name,
        customer.external_id,
    )
    tx.add_value_receipt(row)
    tx.add_handles([(row.share_token, NOUN, row.ref)])
    tx.audit("create", NOUN, row.ref, after={
        "customer_ref": key.customer_ref, "product_ref": key.product_ref, "order_ref": key.order_ref,
        "start": instant_text(key.starts_at), "end": instant_text(key.ends_at),
    })
    return row


def share_token(tx: ValueTx) -> str:
    """A fresh share token: 32 random bytes, safe in a URL."""
    return base64.urlsafe_b64encode(tx.new_salt()).decode().rstrip("=")


def _populated(tx: ValueTx, row: ReceiptRow, currency: str) -> ReceiptRow:
    numbers = numbers_of(tx, row.key, currency)
    tx.save_value_numbers(row.ref, numbers, currency)
    return replace(row, numbers=numbers, currency=currency)


def _saved(tx: ValueTx, verb: str, row: ReceiptRow) -> ReceiptRow:
    tx.save_value_state(row)
    tx.audit(verb, NOUN, row.ref, after={
        "archived_at": _text(row.archived_at), "published_at": _text(row.published_at),
        "publish_expires_at": _text(row.publish_expires_at), "allow_embed": row.allow_embed,
    })
    return row


def _refuse_sealed(row: ReceiptRow) -> None:
    if row.state == "posted":
        raise Conflict("value_receipt.sealed", f"{display_id('vr', row.ref)} is sealed and never changes")


def _named(tx: ValueTx, find: Callable[[FindingTx, str], ProductRow | OrderRow], name: str | None) -> Ref | None:
    try:
        return None if name is None else find(tx, name).ref
    except NotFound:
        return None


def _told(row: ReceiptRow) -> dict[str, str | None]:
    return {
        "receipt_ref": row.ref, "customer_ref": row.key.customer_ref, "customer_id": row.customer_external_id,
        "customer_name": row.customer_name, "total": decimal_text(row.numbers.total), "currency": row.currency,
        "starts_at": instant_text(row.key.starts_at), "ends_at": instant_text(row.key.ends_at),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)
