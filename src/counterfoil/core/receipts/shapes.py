"""The fields of sealed receipts, deltas and events, as a verifier reads them: each there, each of its one spelling.

Told as tables, so that the verifier in the browser can hold to the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from counterfoil.core.basis.canonical import MAX_INTEGER, Json
from counterfoil.core.basis.ids import is_ref
from counterfoil.core.basis.period import instant_text, read_instant

_DECIMAL = re.compile(r"(?!-0$)-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{0,11}[1-9])?")
_NUMBER = re.compile(r"(?!-0$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ROOT = re.compile(r"[0-9a-f]{64}")
_MAX_NUMBER = 120
"""Characters of a number of a model."""


class Misshapen(ValueError):
    """A field that is not there, not known, or not of its kind, in words."""


def decimal_in(text: Json) -> Decimal:
    """The decimal of a text in its one spelling, below 10^20 with at most 12 places; Misshapen otherwise."""
    if not _is_decimal(text):
        raise Misshapen(f"not a decimal in its one spelling: {str(text)[:60]!r}")
    return Decimal(text)


def _is_decimal(value: Json) -> bool:
    return type(value) is str and _DECIMAL.fullmatch(value) is not None


def _is_text(value: Json) -> bool:
    return type(value) is str


def _is_integer(value: Json) -> bool:
    return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER


def _is_instant(value: Json) -> bool:
    if type(value) is not str or len(value) > 27:
        return False
    try:
        return instant_text(read_instant(value)) == value
    except ValueError:
        return False


def _is_number(value: Json) -> bool:
    return type(value) is str and len(value) <= _MAX_NUMBER and _NUMBER.fullmatch(value) is not None


def _object_of(holds: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: type(value) is dict and all(map(holds, value.values()))


_KINDS: Mapping[str, tuple[Callable[[Json], bool], str]] = {
    "text": (_is_text, "a text"),
    "integer": (_is_integer, "an integer"),
    "count": (lambda value: _is_integer(value) and value >= 0, "a count"),
    "decimal": (_is_decimal, "a decimal in its one spelling"),
    "instant": (_is_instant, "an instant in its one spelling"),
    "ref": (lambda value: type(value) is str and is_ref(value), "a reference"),
    "root": (lambda value: type(value) is str and _ROOT.fullmatch(value) is not None, "a root of 64 hex digits"),
    "currency": (lambda value: type(value) is str and _CURRENCY.fullmatch(value) is not None, "a currency"),
    "number": (_is_number, "a plain decimal in its one spelling"),
    "properties": (_object_of(_is_text), "an object of texts"),
    "numbers": (_object_of(_is_number), "an object of plain decimals in their one spelling"),
    "texts": (lambda value: type(value) is list and all(map(_is_text, value)), "a list of texts"),
}

Shape = Mapping[str, Json]
"""Field to its kind (with `?` behind it: or null), to the shape of an object (as `{"?": shape}`: or null), or to a list with
the shape of its items."""

BALANCE: Shape = {
    "type": "text", "receipt_ref": "ref", "issuer": {"name": "text"},
    "customer": {"ref": "ref", "id": "text", "name": "text"}, "window": {"start": "instant", "end": "instant"},
    "period": "text?", "unit": "text", "starting_balance": "decimal", "ending_balance": "decimal",
    "first_sequence": "count", "last_sequence": "count", "delta_count": "count", "root": "root",
    "lines": [{"reason": "text", "count": "count", "amount": "decimal"}], "sealed_at": "instant",
}  # fmt: skip

DELTA: Shape = {
    "type": "text", "delta_ref": "ref", "customer_ref": "ref", "sequence": "count", "amount": "decimal",
    "reason": "text", "recorded_at": "instant", "counts_at": "instant", "reference_id": "text?", "metadata": "text",
    "adjusts": "ref?",
}  # fmt: skip

PAYMENT: Shape = {
    "type": "text", "receipt_ref": "ref", "revision": "count", "supersedes": "ref?", "number": "text",
    "issuer": {"name": "text"}, "customer": {"ref": "ref", "name": "text", "email": "text", "tax_id": "text"},
    "amount_minor": "count", "currency": "currency", "issued_at": "instant", "state": "text", "description": "text?",
    "method": "text?", "documents": [{"ref": "ref", "number": "text", "amount_minor": "integer"}], "metadata": "text",
    "items": [{"description": "text", "quantity": "decimal", "unit_price": "decimal", "amount": "decimal"}],
}  # fmt: skip

SCOPE: Shape = {"kind": "text", "ref": "ref", "name": "text", "product_refs": "texts", "external_ids": "texts"}

_WHEN: Shape = {"field": "text", "operator": "text", "value": "text", "then": "text"}
_VARIABLE: Shape = {
    "id": "text", "property": "text", "divided_by": "number", "rows": [{"segment": "properties", "value": "number"}],
    "otherwise": "number?", "default": "text?",
}  # fmt: skip
_RULE: Shape = {
    "event": "text", "metric": "text", "name": "text", "unit": "text", "from": "instant?", "until": "instant?",
    "variables": [_VARIABLE], "quantity": {"when": [_WHEN], "expression": "text"},
    "money": {"?": {"when": [_WHEN], "expression": "text", "constants": "numbers"}},
}  # fmt: skip
MODEL: Shape = {"currency": "text?", "streams": "properties", "rules": [_RULE]}

VALUE: Shape = {
    "type": "text", "receipt_ref": "ref", "issuer": {"name": "text"},
    "customer": {"ref": "ref", "id": "text?", "name": "text"}, "period": {"start": "instant", "end": "instant"},
    "currency": "currency", "scope": {"?": SCOPE}, "model_version": "count?", "model": MODEL,
    "events": {"root": "root", "count": "count"}, "total": "decimal",
    "metrics": [{"slug": "text", "name": "text", "unit": "text", "occurrences": "count", "unvalued": "count",
                 "quantity": "decimal", "value": "decimal"}],
    "billed": [{"ref": "ref", "number": "text", "net_minor": "integer"}],
    "generated_at": "instant", "sealed_at": "instant",
}  # fmt: skip

EVENT: Shape = {
    "type": "text", "event_ref": "ref", "customer_ref": "ref", "usage_product_ref": "ref", "at": "instant",
    "quantity": "decimal", "properties": "properties", "key": "text", "supersedes": "ref?",
}  # fmt: skip


def shaped(value: Json, shape: Shape, where: str = "") -> None:
    """Misshapen, naming the field, unless the value has exactly these fields, each of its kind."""
    if type(value) is not dict:
        raise Misshapen(f"{where or 'the record'} is not an object")
    if value.keys() != shape.keys():
        missing, unknown = sorted(shape.keys() - value.keys()), sorted(value.keys() - shape.keys())
        names = ", ".join([f"{n} is missing" for n in missing] + [f"{n[:60]} is not of its format" for n in unknown])
        raise Misshapen(f"{where}: {names}" if where else names)
    for name, kind in shape.items():
        _field(value[name], kind, f"{where}.{name}" if where else name)


def _field(value: Json, kind: Json, where: str) -> None:
    if type(kind) is dict:
        inner = kind.get("?")
        if inner is None or value is not None:
            shaped(value, kind if inner is None else inner, where)
    elif type(kind) is list:
        if type(value) is not list:
            raise Misshapen(f"{where} is not a list")
        for n, item in enumerate(value):
            shaped(item, kind[0], f"{where}.{n}")
    elif value is not None or not kind.endswith("?"):
        holds, what = _KINDS[kind.removesuffix("?")]
        if not holds(value):
            raise Misshapen(f"{where} is not {what}")
