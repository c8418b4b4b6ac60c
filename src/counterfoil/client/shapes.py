"""JSON of the wire as frozen dataclasses, and back: camelCase there, snake_case here, instants as datetimes, numbers exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from counterfoil.client.errors import UnexpectedAnswer

T = TypeVar("T")
RAW = frozenset(("metadata", "data", "defaults"))
"""Objects that are the caller's own: their names are not touched."""


class Left(Enum):
    """What was left out, which is not the same as None (null)."""

    OUT = "left out"


LEFT_OUT: Literal[Left.OUT] = Left.OUT
Instant = datetime | str


def camel(name: str) -> str:
    """publish_expires_at -> publishExpiresAt."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def sent(**given: Any) -> dict[str, Any]:
    """A body or a query of what was given, named as the wire names it. A datetime must have an offset."""
    return {camel(k): outgoing(v, raw=k in RAW) for k, v in given.items() if v is not LEFT_OUT}


def asked(**given: Any) -> dict[str, Any]:
    """A query of what was given: None counts as not given."""
    return {k: v for k, v in sent(**given).items() if v is not None}


def outgoing(value: Any, *, raw: bool = False) -> Any:
    """A value as the wire has it."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no offset: give an instant, as datetime(..., tzinfo=UTC)")
        return value.isoformat()
    if isinstance(value, Mapping):
        return {
            (k if raw else camel(str(k))): outgoing(v, raw=raw or k in RAW) for k, v in value.items() if v is not LEFT_OUT
        }
    if isinstance(value, list | tuple):
        return [outgoing(v, raw=raw) for v in value]
    return value


def read(kind: type[T], value: Any) -> T:
    """The value as a dataclass of that kind. What it does not know is left out; `UnexpectedAnswer` for what does not fit."""
    try:
        found: T = _read(kind, value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise UnexpectedAnswer(f"the answer is not a {kind.__name__}: {error}") from None
    return found


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any or kind is object:
        return value
    if origin in (Union, UnionType):
        if value is None and NoneType in get_args(kind):
            return None
        return _read(next(k for k in get_args(kind) if k is not NoneType), value)
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise TypeError(f"expected a list, got {value!r:.60}")
        read_all = [_read(get_args(kind)[0], v) for v in value]
        return tuple(read_all) if origin is tuple else read_all
    if origin in (dict, Mapping) or kind is dict:
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, got {value!r:.60}")
        return value
    if is_dataclass(kind):
        return _read_object(kind, value)
    return _read_plain(kind, value)


def _read_object(kind: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {value!r:.60}")
    given: dict[str, Any] = {}
    for name, wire, hint, required in _fields(kind):
        if wire in value:
            given[name] = _read(hint, value[wire])
        elif name in value:
            given[name] = _read(hint, value[name])
        elif required:
            raise TypeError(f"{wire} is missing")
    return kind(**given)


@cache
def _fields(kind: Any) -> tuple[tuple[str, str, Any, bool], ...]:
    """(name, name on the wire, type, whether it must be there) of a dataclass's fields."""
    hints = get_type_hints(kind)
    return tuple(
        (f.name, camel(f.name), hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)
    )


def _read_plain(kind: Any, value: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(_TOO_FINE.sub(r"\1", value))
    if kind is Decimal:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise TypeError(f"expected a number, got {value!r:.60}")
        return Decimal(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, got {value!r:.60}")
    return value


_TOO_FINE = re.compile(r"(\.\d{6})\d+")
