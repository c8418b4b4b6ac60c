"""What the operations of this dialect have in common: pages, instants in queries, objects of any shape, ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from counterfoil.api.wire import Input, Output, loose
from counterfoil.core.basis.refusals import Invalid

MAX_LIMIT = 100
_HUGE = 400
"""Digits before or after the point that a number in an object of any shape may have."""

AnyObject = msgspec.Raw | msgspec.UnsetType
"""A field that takes an object of any shape; its default is UNSET."""

T = TypeVar("T")
S = TypeVar("S")


class Nothing(Output):
    """`{}`: it is done."""


class Paging(Input):
    """Which part of a list: up to `limit` (10 unless told, 100 at most) from `offset` on."""

    limit: int | None = None
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0

    @property
    def size(self) -> int:
        """The limit, within its bounds."""
        return 10 if self.limit is None else min(max(self.limit, 1), MAX_LIMIT)


class Pagination(Output):
    """Where a page stands in its list."""

    limit: int
    offset: int
    total: int
    has_more: bool


class Page(Output, Generic[T]):
    """A part of a list."""

    data: list[T]
    pagination: Pagination


def page(query: Paging, rows: Sequence[S], total: int, shown: Callable[[S], T]) -> Page[T]:
    """The page of these rows."""
    where = Pagination(
        limit=query.size, offset=query.offset, total=total, has_more=query.offset + len(rows) < total
    )
    return Page(data=[shown(r) for r in rows], pagination=where)


def page_of(query: Paging, everything: Sequence[S], shown: Callable[[S], T]) -> Page[T]:
    """The page of a list that is at hand whole."""
    return page(query, everything[query.offset : query.offset + query.size], len(everything), shown)


def since(text: str | None, field: str) -> datetime | None:
    """The first instant that a filter means: a date (UTC) or an instant."""
    found = _moment(text, field)
    return found[0] if found else None


def until(text: str | None, field: str) -> datetime | None:
    """The last instant that a filter means; a date means its end."""
    found = _moment(text, field)
    return found[1] if found else None


def _moment(text: str | None, field: str) -> tuple[datetime, datetime] | None:
    """First and last instant of what is meant."""
    if text is None:
        return None
    text = text.replace(" ", "+")  # what a plus sign in a query comes to
    try:
        day = datetime.combine(msgspec.convert(text, date), time(), UTC)
        found = (day, day + timedelta(days=1, microseconds=-1)) if day.year < 9999 else (day, day)
    except msgspec.ValidationError:
        try:
            at: datetime = msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
            found = (at, at)
        except msgspec.ValidationError:
            found = None
    if found is None or not 1970 <= found[0].year <= 9998:
        raise Invalid.field(field, "must be a date such as 2026-04-01, or an instant such as 2026-04-01T00:00:00Z")
    return found


def read_object(raw: AnyObject, field: str) -> dict[str, Any] | None:
    """An object of any shape, numbers exact; None for null or where there is none. Invalid names the field for anything
    else, for texts that cannot be stored, and for numbers beyond all reason."""
    if isinstance(raw, msgspec.UnsetType):
        return None
    try:
        value = loose().decode(raw)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Invalid.field(field, "must be an object")
        fault = _fault(value)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise Invalid.field(field, "must be an object in JSON") from None
    except RecursionError:
        raise Invalid.field(field, "is nested too deeply") from None
    if fault:
        raise Invalid.field(field, fault)
    return value


def object_text(raw: AnyObject, field: str) -> str | None:
    """The same as the text that came in."""
    return None if isinstance(raw, msgspec.UnsetType) or read_object(raw, field) is None else bytes(raw).decode()


def _fault(value: Any, depth: int = 0) -> str | None:
    if depth > 40:
        return "is nested too deeply"
    if isinstance(value, str):
        return "must not have the character U+0000" if "\x00" in value else None
    if isinstance(value, Decimal):
        return "must not have numbers of so many digits" if abs(value.adjusted()) > _HUGE or len(
            value.as_tuple().digits) > _HUGE else None
    if isinstance(value, int) and value.bit_length() > 1300:
        return "must not have numbers of so many digits"
    if isinstance(value, float):
        return "must not have numbers of so many digits"
    if isinstance(value, list):
        return next((f for f in (_fault(v, depth + 1) for v in value) if f), None)
    if isinstance(value, Mapping):
        faults = (_fault(each, depth + 1) for item in value.items() for each in item)
        return next((f for f in faults if f), None)
    return None


def given(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that a body brings, by their names here."""
    return {n: v for n in body.__struct_fields__ if (v := getattr(body, n)) is not msgspec.UNSET}
