"""Keep payment receipts: issue them, change them (each change is a sealed revision), take them off the lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import msgspec

from counterfoil.core.basis.ids import Ref, derived_ref, display_id
from counterfoil.core.basis.money import CURRENCIES, EXACT, MAX_MINOR, exponent, to_major, to_minor
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import MAX_SCALE, ONE, decimal_text, out_of_bounds
from counterfoil.core.basis.refusals import Conflict, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.payments.payment import ON_RECEIPTS
from counterfoil.core.receipts.payment import (
    FOLLOWING,
    METHODS,
    PAYMENT_RECEIPT,
    KeptReceipt,
    PaidDocument,
    PaymentReceipt,
    ReceiptItem,
    ReceiptState,
    payment_record,
    revision_ref,
)
from counterfoil.flows.announce import News, announce, receipt_news
from counterfoil.flows.find_party import find_customers, home_entity
from counterfoil.flows.find_receipts import payment_receipt
from counterfoil.flows.payment_rows import PaymentRow
from counterfoil.flows.ports import Tx

NUMBERS = "RECEIPT"
"""The kind of numbers that receipts are counted under."""
MOST_ITEMS = 1000
LONGEST = {"number": 100, "description": 2000, "metadata": 16_000}
"""Characters."""
UNIQUE = "Receipt number must be unique"
ABOVE_ZERO = "Amount must be greater than 0"


@dataclass(frozen=True, slots=True)
class ReceiptOrder:
    """A receipt to make. `customer` is any name of an existing one; `amount` is in major units of `currency`, "" for the
    customer's own. Without a number the next of the tenant's is taken. `state`: draft or issued."""

    customer: str
    amount: Decimal
    currency: str = ""
    number: str | None = None
    issued_at: datetime | None = None
    description: str | None = None
    method: str | None = None
    items: tuple[ReceiptItem, ...] = ()
    metadata: str = ""
    state: str = "issued"


@dataclass(frozen=True, slots=True)
class ReceiptChange:
    """What to change of a receipt, by field: `description`, `method`, `metadata`, `state`. What is not in it stays."""

    fields: Mapping[str, Any] = field(default_factory=dict)


def create_receipt(tx: Tx, order: ReceiptOrder, found: Sequence[Problem] = ()) -> KeptReceipt:
    """Make a receipt, and unless it is a draft, seal it.

    Invalid names everything that is wrong at once: what the caller `found` (those fields of the order are not looked at
    again), the fields of the order, a customer that is not there, a number that is taken.
    """
    seen = {_part(p) for p in found}
    customer = _customer(tx, order.customer)
    if customer is not None and not order.currency:
        order = replace(order, currency=customer.currency)
    problems = [*found]
    if customer is None and "customer" not in seen:
        problems.append(Problem("customer", f"there is no customer {order.customer[:200]!r}"))
    problems.extend(p for p in _order_problems(order, seen) if _part(p) not in seen)
    if order.number is not None and "number" not in seen and tx.has_receipt_number(order.number):
        problems.append(Problem("number", UNIQUE))
    refuse_if(problems, "receipt.bad")
    assert customer is not None
    entity = home_entity(tx)
    state: ReceiptState = "draft" if order.state == "draft" else "issued"
    receipt = PaymentReceipt(
        ref=tx.new_ref(), revision=1, number=order.number or "", issuer_name=entity.legal_name or entity.name,
        customer_ref=customer.ref, customer_name=customer.name, customer_email=customer.email,
        customer_tax_id=customer.tax_id, amount_minor=to_minor(order.amount, order.currency), currency=order.currency,
        issued_at=order.issued_at or tx.now, state=state, description=order.description, method=order.method,
        items=order.items, metadata=order.metadata,
    )
    return _add(tx, receipt, entity.ref)


def receipt_of_payment(
    tx: Tx, payment: PaymentRow, entity: Entity, customer: Customer, documents: tuple[PaidDocument, ...], description: str
) -> Ref:
    """Issue the receipt of a payment over what it settles, one for each payment; when what it settles has changed since, its
    receipt is sealed again. A receipt that was cancelled or deleted stays as it is."""
    ref = tx.receipt_of_payment_ref(payment.ref)
    kept = None if ref is None else tx.payment_receipt(ref, lock=True)
    if ref is None or kept is None:
        ref = derived_ref("payment-receipt-of", payment.ref)
        receipt = PaymentReceipt(
            ref=ref, revision=1, number="", issuer_name=entity.legal_name or entity.name, customer_ref=customer.ref,
            customer_name=customer.name, customer_email=customer.email, customer_tax_id=customer.tax_id,
            amount_minor=payment.amount_minor, currency=payment.currency, issued_at=payment.received_at, state="issued",
            description=description, method=ON_RECEIPTS.get(payment.method, "other"), documents=documents,
        )
        _add(tx, receipt, home_entity(tx).ref, documents[0].ref if documents else None, payment.ref)
    elif kept.deleted_at is None and kept.receipt.state != "cancelled":
        after = replace(kept.receipt, documents=documents, description=description)
        if after != kept.receipt:
            changed = _sealed_again(tx, kept, after)
            tx.change_payment_receipt(changed)
            announce(tx, [_news("payment_receipt.updated", changed)])
    return ref


def change_receipt(tx: Tx, id: str, change: ReceiptChange, found: Sequence[Problem] = ()) -> KeptReceipt:
    """Change a receipt; one that was issued is sealed again, as its next revision. Changing nothing seals nothing.

    NotFound without one; Invalid names every field that is wrong; Conflict `receipt.bad_state` for a state that does not
    follow its own.
    """
    kept = payment_receipt(tx, id, lock=True)
    seen = {p.field for p in found}
    fields = {name: value for name, value in change.fields.items() if name not in seen}
    refuse_if([*found, *_text_problems(fields), *_word_problems(fields)], "receipt.bad")
    before = kept.receipt
    state = fields.get("state", before.state)
    if state != before.state and state not in FOLLOWING[before.state]:
        raise Conflict("receipt.bad_state", f"a receipt that is {before.state} cannot become {state}")
    after = replace(before, **fields)
    if after == before:
        return kept
    changed = _sealed_again(tx, kept, after)
    tx.change_payment_receipt(changed)
    tx.audit("change", "payment_receipt", before.ref, before=before, after=changed.receipt)
    announce(tx, [_news("payment_receipt.updated", changed), *_generated(kept, changed)])
    return changed


def delete_receipt(tx: Tx, id: str) -> KeptReceipt:
    """Take a receipt off every list; its number stays taken. If it was sealed, a last revision says that it is cancelled,
    so that the log tells no other story. NotFound without one."""
    kept = payment_receipt(tx, id, lock=True)
    gone = replace(kept, updated_at=tx.now, deleted_at=tx.now)
    if kept.receipt.state != "cancelled":
        gone = replace(_sealed_again(tx, kept, replace(kept.receipt, state="cancelled")), deleted_at=tx.now)
    tx.change_payment_receipt(gone)
    tx.audit("delete", "payment_receipt", kept.receipt.ref, before=kept.receipt)
    announce(tx, [_news("payment_receipt.deleted", gone)])
    return gone


def _add(
    tx: Tx, receipt: PaymentReceipt, entity: Ref, document: Ref | None = None, payment: Ref | None = None
) -> KeptReceipt:
    """Number, seal and store a new receipt."""
    own = bool(receipt.number)
    while True:
        if not own:
            receipt = replace(receipt, number=_next_number(tx, entity))
        sealed = receipt.state != "draft"
        kept = KeptReceipt(
            receipt, tx.now, tx.now, sealed_at=tx.now if sealed else None, record_ref=receipt.ref if sealed else None
        )
        if tx.add_payment_receipt(kept, document, payment):
            break
        if own:  # somebody took it since it was looked at
            refuse_if([Problem("number", UNIQUE)], "receipt.bad")
    if sealed:
        _seal(tx, receipt)
    tx.audit("create", "payment_receipt", receipt.ref, after=receipt)
    announce(tx, [_news("payment_receipt.created", kept), *_generated(None, kept)])
    return kept


def _sealed_again(tx: Tx, kept: KeptReceipt, after: PaymentReceipt) -> KeptReceipt:
    """What is kept of a receipt that now says `after`: sealed when it is issued, the next revision when it was before."""
    if kept.record_ref is None and (after.state in ("draft", "cancelled")):
        return replace(kept, receipt=after, updated_at=tx.now)
    if kept.record_ref is not None:
        after = replace(after, revision=after.revision + 1)
    _seal(tx, after)
    return replace(
        kept, receipt=after, updated_at=tx.now, sealed_at=kept.sealed_at or tx.now,
        record_ref=revision_ref(after.ref, after.revision),
    )


def _seal(tx: Tx, receipt: PaymentReceipt) -> None:
    ref = revision_ref(receipt.ref, receipt.revision)
    tx.add_records([(ref, PAYMENT_RECEIPT, payment_record(receipt), tx.new_salt())])


def _next_number(tx: Tx, entity: Ref) -> str:
    """The next number without a gap; numbers that callers gave themselves are passed over."""
    serial = tx.take_numbers(entity, NUMBERS, 1)
    if tx.has_receipt_number(f"R-{serial:06}"):
        free = tx.free_receipt_serial(serial)
        tx.take_numbers(entity, NUMBERS, free - serial)
        serial = free
    return f"R-{serial:06}"


def _customer(tx: Tx, name: str) -> Customer | None:
    ref = find_customers(tx, [name]).get(name) if name else None
    return None if ref is None else tx.customers([ref])[ref]


def _order_problems(order: ReceiptOrder, seen: set[str]) -> Iterator[Problem]:
    """What is wrong with the fields of an order by themselves; those that were `seen` to be wrong say nothing."""
    currency = order.currency if order.currency in CURRENCIES else ""
    if order.currency and not currency:
        yield Problem("currency", f"{order.currency[:40]!r} is not an ISO 4217 currency code such as MXN")
    if order.amount <= 0:
        yield Problem("amount", ABOVE_ZERO)
    elif currency:
        yield from _amount_problems(order.amount, currency)
    if order.state not in ("draft", "issued"):
        yield Problem("state", "a new receipt is issued or draft")
    yield from _text_problems({"number": order.number, "description": order.description, "metadata": order.metadata})
    yield from _word_problems({"method": order.method})
    bad_items = list(_item_problems(order.items))
    yield from bad_items
    unsure = bool(bad_items) or any(part == "amount" or part.startswith("items") for part in seen)
    if order.items and currency and order.amount > 0 and not unsure:
        with localcontext(EXACT):
            together = sum((x.amount for x in order.items), Decimal(0))
        if to_minor(together, currency) != to_minor(order.amount, currency):
            yield Problem("items", f"add up to {decimal_text(together)}, and the amount is {decimal_text(order.amount)}")


def _part(problem: Problem) -> str:
    """The field of an order that a problem is about; each item is one of its own."""
    return problem.field.partition(".")[0]


def _amount_problems(amount: Decimal, currency: str) -> Iterator[Problem]:
    with localcontext(EXACT):
        minor = amount.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        yield Problem("amount", f"Amount must not have more than {exponent(currency)} decimal places in {currency}")
    elif minor >= MAX_MINOR:
        yield Problem("amount", "Amount is too large")


def _item_problems(items: Sequence[ReceiptItem]) -> Iterator[Problem]:
    if len(items) > MOST_ITEMS:
        yield Problem("items", f"must not be more than {MOST_ITEMS}")
        return
    for n, item in enumerate(items):
        where = f"items[{n}]"
        for name, value in (("quantity", item.quantity), ("unit_price", item.unit_price), ("amount", item.amount)):
            fault = out_of_bounds(value)
            if fault:
                yield Problem(f"{where}.{name}", fault)
                return
        if not item.description.strip():
            yield Problem(f"{where}.description", "is required")
        if len(item.description) > 2000:
            yield Problem(f"{where}.description", "must not have more than 2000 characters")
        if item.quantity <= 0:
            yield Problem(f"{where}.quantity", "must be greater than 0")
        exact = line_amount(item.quantity, item.unit_price)
        if item.amount != exact:
            yield Problem(f"{where}.amount", f"must be quantity × unit price, which is {decimal_text(exact)}")


def line_amount(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """The amount of a line in major units, exact to 12 places."""
    with localcontext(EXACT):
        return (quantity * unit_price).quantize(ONE.scaleb(-MAX_SCALE), rounding=ROUND_HALF_UP)


def _text_problems(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in fields.items():
        if isinstance(value, str) and len(value) > LONGEST.get(name, 200):
            yield Problem(name, f"must not have more than {LONGEST.get(name, 200)} characters")
    number = fields.get("number")
    if number is not None and not (number.strip() and number.isprintable()):
        yield Problem("number", "must not be empty, and must not have control characters")


def _word_problems(fields: Mapping[str, Any]) -> Iterator[Problem]:
    if fields.get("method") is not None and fields["method"] not in METHODS:
        yield Problem("method", f"must be one of {', '.join(METHODS)}")
    if "state" in fields and fields["state"] not in FOLLOWING:
        yield Problem("state", f"must be one of {', '.join(FOLLOWING)}")


def _news(type: str, kept: KeptReceipt) -> News:
    r = kept.receipt
    return News(type, {
        "receipt_ref": r.ref, "record_ref": kept.record_ref, "customer_ref": r.customer_ref, "customer_name": r.customer_name,
        "number": r.number, "revision": r.revision, "state": r.state, "amount_minor": r.amount_minor,
        "currency": r.currency, "documents": [x.ref for x in r.documents], "object": _object(kept),
    })


def _generated(before: KeptReceipt | None, kept: KeptReceipt) -> list[News]:
    """That a receipt was sealed for the first time."""
    if kept.record_ref is None or (before is not None and before.record_ref is not None):
        return []
    return [receipt_news(kept.record_ref, PAYMENT_RECEIPT, payment_record(kept.receipt))]


def _object(kept: KeptReceipt) -> dict[str, Any]:
    """A receipt as webhooks of its dialect show it."""
    r = kept.receipt
    return {
        "id": display_id("receipt", r.ref), "currency": r.currency, "description": r.description,
        "client": {"id": display_id("client", r.customer_ref), "rfc": r.customer_tax_id, "name": r.customer_name,
                   "email": r.customer_email},
        "amount": msgspec.Raw(decimal_text(to_major(r.amount_minor, r.currency)).encode()),
        "receiptNumber": r.number, "status": r.state,
        "issueDate": instant_text(r.issued_at), "paymentMethod": r.method, "timestamp": instant_text(kept.created_at),
    }
