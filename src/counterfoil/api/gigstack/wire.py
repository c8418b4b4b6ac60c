"""What crosses this wire: receipts and clients, envelopes, and reading loosely typed bodies so that everything that is wrong
is told at once, in the words of the published document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from counterfoil.api.reading import EARLIEST, LATEST
from counterfoil.api.wire import Output, instant, number
from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.quantity import ZERO, out_of_bounds
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.receipts.payment import FOLLOWING, METHODS, KeptReceipt, ReceiptItem
from counterfoil.flows.keep_payment_receipts import line_amount

ANYBODY = "XAXX010101000"
"""The tax id that stands for the general public, shown of clients that have none."""
MOST = 100
"""Rows of a list at most."""
FARTHEST = 10**9
"""Offsets beyond show the same nothing."""



def _told(**schema: Any) -> Meta:
    """How a field is described whose type is looked at by hand."""
    return Meta(extra_json_schema=schema)


_NUMBER, _TEXT = {"type": "number"}, {"type": "string"}
AnyText = Annotated[Any, _told(**_TEXT)]
AnyNumber = Annotated[Any, _told(**_NUMBER)]
AnyInstant = Annotated[Any, _told(**_TEXT, format="date-time")]
AnyMethod = Annotated[Any, _told(**_TEXT, enum=list(METHODS))]
AnyStatus = Annotated[Any, _told(**_TEXT, enum=list(FOLLOWING))]
AnyObject = Annotated[Any, _told(type="object")]
AnyItems = Annotated[Any, _told(type="array", maxItems=1000, items={
    "type": "object", "required": ["description", "quantity", "unitPrice"],
    "properties": {"description": _TEXT, "quantity": _NUMBER, "unitPrice": _NUMBER, "amount": _NUMBER},
})]
CountText = Annotated[str, _told(description="A whole number", pattern="^[0-9]{1,18}$")]
NumberText = Annotated[str, _told(description="A number", examples=["350.5"])]
InstantText = Annotated[str, _told(description="ISO 8601, an instant or a day", examples=["2024-01-15T10:30:00.000Z"])]

_WORDS = {
    "customer": "clientId", "number": "receiptNumber", "issued_at": "issueDate", "state": "status",
    "method": "paymentMethod",
}


class ClientShort(Output):
    """The client of a receipt, as lists show it."""

    rfc: str
    name: str


class ClientOfReceipt(Output):
    """The client of a receipt, as it was when the receipt was made."""

    rfc: str
    name: str
    email: str


class ItemOut(Output):
    """A line: `amount` = `quantity` × `unitPrice`."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


class Receipt(Output):
    """A payment receipt."""

    id: str
    client: ClientOfReceipt
    amount: Decimal
    currency: str
    description: str | None
    receipt_number: str
    issue_date: str
    payment_method: str | None
    status: str
    items: list[ItemOut]
    metadata: Any
    timestamp: str


class ReceiptShort(Output):
    """A payment receipt, as lists show it."""

    id: str
    client: ClientShort
    amount: Decimal
    currency: str
    receipt_number: str
    status: str
    issue_date: str
    timestamp: str


class ReceiptAnswer(Output):
    """A receipt, and what was done."""

    data: Receipt
    message: str


class ReceiptsAnswer(Output):
    """A page of receipts. `next`: the offset of the page that follows, null on the last."""

    data: list[ReceiptShort]
    message: str
    total_results: int
    has_more: bool
    next: str | None


class Deleted(Output):
    """What is gone."""

    id: str
    deleted: bool


class DeletedAnswer(Output):
    """That something is gone."""

    data: Deleted
    message: str


def receipt_out(kept: KeptReceipt) -> Receipt:
    """A receipt as this wire shows it."""
    r = kept.receipt
    return Receipt(
        id=display_id("receipt", r.ref),
        client=ClientOfReceipt(rfc=r.customer_tax_id or ANYBODY, name=r.customer_name, email=r.customer_email),
        amount=number(to_major(r.amount_minor, r.currency)), currency=r.currency, description=r.description,
        receipt_number=r.number, issue_date=instant(r.issued_at) or "", payment_method=r.method, status=r.state,
        items=[
            ItemOut(description=x.description, quantity=number(x.quantity), unit_price=number(x.unit_price),
                    amount=number(x.amount))
            for x in r.items
        ],
        metadata=msgspec.Raw(r.metadata.encode() or b"{}"), timestamp=instant(kept.created_at) or "",
    )


def receipt_short(kept: KeptReceipt) -> ReceiptShort:
    """A receipt as lists of this wire show it."""
    r = kept.receipt
    return ReceiptShort(
        id=display_id("receipt", r.ref), client=ClientShort(rfc=r.customer_tax_id or ANYBODY, name=r.customer_name),
        amount=number(to_major(r.amount_minor, r.currency)), currency=r.currency, receipt_number=r.number,
        status=r.state, issue_date=instant(r.issued_at) or "", timestamp=instant(kept.created_at) or "",
    )


def respelled(refused: Invalid) -> Invalid:
    """A refusal with the fields' names of this wire."""
    return Invalid.of([Problem(_field(p.field), p.message) for p in refused.problems], refused.code)


def _field(name: str) -> str:
    head, rest = re.match(r"([^.\[]*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    return _WORDS.get(head, head) + rest.replace("unit_price", "unitPrice")


class Reading:
    """Reads the fields of a body one by one, noting what is wrong under the names of the flows."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, field: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(field, message))

    def required(self, field: str, message: str) -> None:
        """Note that a field is missing, unless something else is wrong with it."""
        if not any(p.field == field for p in self.problems):
            self.wrong(field, message)

    def text(self, field: str, value: Any) -> str | None:
        """A text, or nothing."""
        if value is not None and not isinstance(value, str):
            self.wrong(field, "must be a text")
            return None
        return value

    def decimal(self, field: str, value: Any, message: str = "must be a number") -> Decimal:
        """An exact number; 0 for what is none."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.wrong(field, message)
            return ZERO
        fault = out_of_bounds(Decimal(value))
        if fault:
            self.wrong(field, fault)
            return ZERO
        return Decimal(value)

    def at(self, field: str, value: Any) -> datetime | None:
        """An instant (ISO 8601), or nothing."""
        if value is None:
            return None
        try:
            return read_at(value)
        except ValueError as error:
            self.wrong(field, str(error))
            return None

    def metadata(self, value: Any) -> str:
        """An object as one JSON text; "" for an empty one and for nothing."""
        if value is None or value == {}:
            return ""
        if not isinstance(value, Mapping):
            self.wrong("metadata", "must be an object")
            return ""
        return _spell(value).decode()

    def items(self, value: Any) -> tuple[ReceiptItem, ...]:
        """The lines."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong("items", "must be a list")
            return ()
        if len(value) > 1000:
            self.wrong("items", "must not be more than 1000")
            return ()
        return tuple(self._item(f"items[{n}]", one) for n, one in enumerate(value))

    def _item(self, where: str, value: Any) -> ReceiptItem:
        if not isinstance(value, dict):
            self.wrong(where, "must be an object")
            return ReceiptItem("", ZERO, ZERO, ZERO)
        description = self.text(f"{where}.description", value.get("description"))
        if value.get("description") is None:
            self.wrong(f"{where}.description", "is required")
        quantity = self.decimal(f"{where}.quantity", value.get("quantity"))
        unit_price = self.decimal(f"{where}.unit_price", value.get("unitPrice"))
        amount = line_amount(quantity, unit_price)
        if value.get("amount") is not None:
            amount = self.decimal(f"{where}.amount", value["amount"])
        return ReceiptItem(description or "", quantity, unit_price, amount)


_spell: Callable[[Any], bytes] = msgspec.json.Encoder(decimal_format="number").encode
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_at(value: Any, *, last: bool = False) -> datetime:
    """The instant that an ISO 8601 text names, in UTC where it says no offset; a day alone is its first instant, or its
    `last`. ValueError for anything else, and beyond the years 2000 to 2200."""
    wrong = ValueError("must be an ISO 8601 date such as 2024-01-15T10:30:00.000Z")
    if not isinstance(value, str) or not re.match(_DAY, value):
        raise wrong
    try:
        if _DAY.fullmatch(value):
            at = datetime.combine(date.fromisoformat(value), time(), UTC)
            if last:
                at += timedelta(days=1, microseconds=-1)
        else:
            at = datetime.fromisoformat(value.replace(" ", "+"))  # a plus sign in a query string means a space
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None
    if not EARLIEST <= at <= LATEST:
        raise ValueError("must be between the years 2000 and 2200")
    return at


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows of a list."""

    limit: int
    offset: int

    def next(self, shown: int, total: int) -> str | None:
        """What `next` says after `shown` rows of `total`."""
        end = self.offset + shown
        return str(end) if shown and end < total else None


class QueryReading:
    """Reads the parameters of a query one by one, noting what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def one(self, name: str, text: str | None, read: Callable[[str], Any]) -> Any:
        """What `read` makes of a parameter; None without one, and for what it refuses by a ValueError."""
        try:
            return None if text is None else read(text)
        except ValueError as error:
            self.problems.append(Problem(name, str(error)))
            return None

    def slice(self, limit: str | None, offset: str | None, next: str | None) -> Slice:
        """20 rows unless told, 100 at most. `next` is the offset that the page before gave, and goes before `offset`."""
        rows = self.one("limit", limit, _count)
        if rows == 0:
            self.problems.append(Problem("limit", "must be at least 1"))
        start = self.one("offset", offset, _count)
        if next is not None:
            start = self.one("next", next, _count)
        return Slice(20 if rows is None else min(rows, MOST), min(start or 0, FARTHEST))

    def end(self) -> None:
        """Refuse what was wrong."""
        if self.problems:
            raise Invalid.of(self.problems)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ValueError("must be a whole number from 0")
    return int(text)


def read_number(text: str) -> Decimal:
    """The exact number in a query string; ValueError for anything else."""
    try:
        value = Decimal(text) if text.isascii() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        raise ValueError("must be a number") from None
    fault = out_of_bounds(value)
    if fault:
        raise ValueError("must be a number" if not value.is_finite() else fault)
    return value
