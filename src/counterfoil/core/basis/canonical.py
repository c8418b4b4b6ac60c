"""Canonical bytes: JSON of strings, integers, booleans, null, arrays and objects, in RFC 8785 order and escaping.

There are no JSON fractions: decimals are strings in the spelling of `decimal_text`, amounts are minor units, dates are
`YYYY-MM-DD`, instants are UTC with a `Z`. What is hashed is what is stored.
"""

from __future__ import annotations

import json
from typing import Any

MAX_INTEGER = 2**53 - 1
"""Integers beyond this are not safe in every reader (RFC 8785 §3.2.2.3) and are refused."""

Json = Any


def canonical(value: Json) -> bytes:
    """The bytes of `value`: keys sorted by UTF-16 code units, no white space, UTF-8. TypeError for what JSON cannot carry."""
    _check(value)
    if _ascii_keys(value):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


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


def _check(value: Json) -> None:
    if value is None or value is True or value is False:
        return
    kind = type(value)
    if kind is str:
        value.encode()  # a lone surrogate has no UTF-8 form
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise TypeError("integer beyond 2^53 - 1")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError("keys must be strings")
            _check(item)
    elif kind in (list, tuple):
        for item in value:
            _check(item)
    else:
        raise TypeError(f"{kind.__name__} has no canonical form")


def _ascii_keys(value: Json) -> bool:
    if type(value) is dict:
        return all(k.isascii() and _ascii_keys(v) for k, v in value.items())
    if type(value) in (list, tuple):
        return all(_ascii_keys(v) for v in value)
    return True


def _ordered(value: Json) -> Json:
    if type(value) is dict:
        return {k: _ordered(value[k]) for k in sorted(value, key=lambda k: k.encode("utf-16-be"))}
    if type(value) in (list, tuple):
        return [_ordered(v) for v in value]
    return value
