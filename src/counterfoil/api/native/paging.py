"""Cursor pagination: a page ends with an opaque cursor, after which the next one begins; inserts never shift it."""

from __future__ import annotations

import base64
import binascii
import types
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from counterfoil.api.native.wire import Input
from counterfoil.core.basis.refusals import Invalid

T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=500, description="How many to give at most")]
Cursor = Annotated[str, Meta(max_length=1000, description="`next` of the page before")]


class Paging(Input):
    """Which page."""

    limit: Limit = 50
    after: Cursor | None = None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page: `next` is the cursor of the following one, null on the last."""

    data: list[T]
    next: str | None = None


def cursor(*key: Any) -> str:
    """The cursor after the row with this sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def position(after: str | None, *kinds: Any) -> Any:
    """The sort key in a cursor, None at the start; `Invalid` for anything that is not a cursor of such a list."""
    if after is None:
        return None
    try:
        data = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(data, type=types.GenericAlias(tuple, kinds))
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        raise Invalid.field("after", "is not a cursor of this list: take `next` of the page before") from None
    if any(isinstance(k, str) and "\x00" in k for k in key):
        raise Invalid.field("after", "is not a cursor of this list: take `next` of the page before")
    return key


def page(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]], shown: Callable[[T], Any]) -> Page[Any]:
    """A page of `rows`, which were asked for with one more than `limit`, so that the last page is known."""
    more = len(rows) > limit
    return Page([shown(r) for r in rows[:limit]], cursor(*key(rows[limit - 1])) if more else None)


def page_of_all(
    rows: Sequence[T], paging: Paging, key: Callable[[T], tuple[str, ...]], shown: Callable[[T], Any]
) -> Page[Any]:
    """A page of a short list that is read as a whole, in order of `key` (texts)."""
    ordered = sorted(rows, key=key)
    width = len(key(ordered[0])) if ordered else 0
    start = position(paging.after, *[str] * width) if width else None
    rest = ordered if start is None else [r for r in ordered if key(r) > tuple(start)]
    return page(rest[: paging.limit + 1], paging.limit, key, shown)
