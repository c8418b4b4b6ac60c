"""Canonical bytes: JSON of strings, integers, booleans, null, arrays and objects, in RFC 8785 order and escaping.

There are no JSON fractions: decimals are strings in the spelling of `decimal_text`, amounts are minor units, dates are
`YYYY-MM-DD`, instants are UTC with a `Z`. What is hashed is what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring as _quoted
from typing import Any

MAX_INTEGER = 2**53 - 1
"""Integers beyond this are not safe in every reader (RFC 8785 §3.2.2.3) and are refused."""

Json = Any


def canonical(value: Json) -> bytes:
    """The bytes of `value`: keys sorted by UTF-16 code units, no white space, UTF-8.

    TypeError for what JSON cannot carry exactly (fractions, other types, integers beyond 2^53 - 1), ValueError for text
    that has no UTF-8 form.
    """
    out: list[str] = []
    _write(value, out.append)
    return "".join(out).encode()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A part of a value whose canonical text is known: `canonical` copies it. For what many values share."""

    text: str


def encoded(value: Json) -> Encoded:
    """The value, encoded once for all the places it appears in."""
    out: list[str] = []
    _write(value, out.append)
    return Encoded("".join(out))


def parse_canonical(data: bytes) -> Json:
    """The value that `data` encodes; ValueError unless `data` is exactly its canonical form (so no byte is free)."""
    try:
        value = json.loads(data, parse_float=_no_fraction, parse_constant=_no_fraction)
        again = canonical(value)
    except (UnicodeDecodeError, TypeError, RecursionError) as error:
        raise ValueError(f"not canonical JSON: {error}") from None
    if again != data:
        raise ValueError("not in canonical form (RFC 8785)")
    return value


def _no_fraction(text: str) -> Json:
    raise ValueError(f"{text} is not allowed: decimals are strings")


def _write(value: Json, put: Callable[[str], None]) -> None:
    kind = type(value)
    if kind is str:
        put(_quoted(value))
    elif value is None:
        put("null")
    elif kind is dict:
        separator = "{"
        for key in _in_order(value):
            put(f"{separator}{_quoted(key)}:")
            _write(value[key], put)
            separator = ","
        put("}" if value else "{}")
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise TypeError("integer beyond 2^53 - 1")
        put(str(value))
    elif kind is list or kind is tuple:
        separator = "["
        for item in value:
            put(separator)
            _write(item, put)
            separator = ","
        put("]" if value else "[]")
    elif kind is bool:
        put("true" if value else "false")
    elif kind is Encoded:
        put(value.text)
    else:
        raise TypeError(f"{kind.__name__} has no canonical form")


def _in_order(value: dict[str, Json]) -> list[str]:
    try:
        if "".join(value).isascii():
            return sorted(value)
    except TypeError:
        raise TypeError("keys must be strings") from None
    return sorted(value, key=lambda k: k.encode("utf-16-be"))
