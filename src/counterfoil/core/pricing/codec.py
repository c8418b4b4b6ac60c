"""Line items, price models and measured usage as JSON, derived from the dataclasses themselves.

Decimals are strings in the spelling of `decimal_text`, models carry their `kind`, every field that has a value is
written (so that a sealed record does not lean on today's defaults), and None is left out. Reading names every field
that is wrong: unknown keys, missing keys, wrong types, numbers out of bounds, and what the terms' own checks find.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import decimal_text, read_decimal
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.core.pricing.model import LineItem, PriceModel
from counterfoil.core.pricing.models import BY_KIND
from counterfoil.core.pricing.problems import MAX_NESTING, item_problems, model_problems
from counterfoil.core.pricing.schema import model_schema as model_schema

MAX_TEXT = 2000
"""Characters a name, unit or expression may have."""

Read = Callable[[Any, str, int, list[Problem]], Any]
"""(value, path, depth, problems): the decoded value; what is wrong goes to `problems`, and the result is not used."""


def item_to_json(item: LineItem) -> Json:
    """The line item as it is sealed and as the API shows it."""
    return _write(item)


def item_from_json(value: Json) -> LineItem:
    """The inverse of `item_to_json`; Invalid names each field that is wrong."""
    item: LineItem = _read_all(value, LineItem)
    refuse_if(item_problems(item), "pricing.invalid")
    return item


def model_to_json(model: PriceModel) -> Json:
    """The model with its `kind`."""
    return _write(model)


def model_from_json(value: Json) -> PriceModel:
    """The inverse of `model_to_json`; Invalid names each field that is wrong."""
    model: PriceModel = _read_all(value, PriceModel)
    refuse_if(model_problems(model), "pricing.invalid")
    return model


def measured_to_json(used: Measured) -> Json:
    """What was measured, without empty fields."""
    return {f.name: _write(v) for f in fields(Measured) if not _is_empty(v := getattr(used, f.name))}


def measured_from_json(value: Json) -> Measured:
    """The inverse of `measured_to_json`; Invalid for anything else."""
    used: Measured = _read_all(value, Measured)
    return used


def _is_empty(value: object) -> bool:
    return isinstance(value, Decimal | int | tuple | Mapping) and not value


def _write(value: Any) -> Json:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, tuple):
        return [_write(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _write(v) for k, v in value.items()}
    if isinstance(value, Measured):
        return measured_to_json(value)
    if is_dataclass(value):
        kind = getattr(type(value), "kind", None)
        written = {"kind": kind} if type(kind) is str and kind in BY_KIND else {}
        for f in fields(value):
            if (content := getattr(value, f.name)) is not None:
                written[f.name] = _write(content)
        return written
    return value


def _read_all(value: Json, wanted: Any) -> Any:
    problems: list[Problem] = []
    result = reader(wanted)(value, "", 0, problems)
    if problems:
        raise Invalid.of(problems, "pricing.invalid")
    return result


@lru_cache(maxsize=512)
def reader(wanted: Any) -> Read:
    """The decoder of a type: what may stand in a field of a model, an item, a pricing or a measurement."""
    if wanted is PriceModel:
        return _read_model
    if wanted is Decimal:
        return _read_number
    if wanted is int:
        return _read_int
    if wanted is bool:
        return _read_bool
    if wanted is str or getattr(wanted, "__supertype__", None) is str:
        return _read_text
    if is_dataclass(wanted):
        assert isinstance(wanted, type)
        return _read_dataclass(wanted)
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        return _read_choice(arguments)
    if origin in (Union, types.UnionType):
        (inner,) = (a for a in arguments if a is not type(None))
        return _read_optional(inner)
    if origin is tuple:
        return _read_array(arguments[0]) if arguments[1:] == (Ellipsis,) else _read_pair(arguments)
    assert origin is Mapping, f"no JSON form for {wanted!r}"
    return _read_mapping(arguments[1])


def _read_number(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
    if isinstance(value, Decimal) or type(value) is int:
        value = str(value)
    if not isinstance(value, str) or len(value) > 60:
        return problems.append(Problem(path, 'must be a decimal number in a string, such as "0.25"'))
    try:
        return read_decimal(value)
    except ValueError as error:
        return problems.append(Problem(path, str(error)))


def _read_int(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
    if type(value) is not int:
        return problems.append(Problem(path, "must be a whole number"))
    return value


def _read_bool(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
    if type(value) is not bool:
        return problems.append(Problem(path, "must be true or false"))
    return value


def _read_text(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return problems.append(Problem(path, f"must be a text of at most {MAX_TEXT} characters"))
    return value


def _read_choice(choices: tuple[Any, ...]) -> Read:
    def read(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
        if not isinstance(value, str) or value not in choices:
            return problems.append(Problem(path, f"must be one of {', '.join(choices)}"))
        return value

    return read


def _read_optional(inner: Any) -> Read:
    def read(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
        return None if value is None else reader(inner)(value, path, depth, problems)

    return read


def _read_array(inner: Any) -> Read:
    def read(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
        if not isinstance(value, list | tuple):
            return problems.append(Problem(path, "must be an array"))
        return tuple(reader(inner)(v, f"{path}[{i}]", depth, problems) for i, v in enumerate(value))

    return read


def _read_pair(inner: tuple[Any, ...]) -> Read:
    def read(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(inner):
            return problems.append(Problem(path, f"must be an array of {len(inner)}"))
        return tuple(
            reader(t)(v, f"{path}[{i}]", depth, problems) for i, (t, v) in enumerate(zip(inner, value, strict=True))
        )

    return read


def _read_mapping(inner: Any) -> Read:
    def read(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(k, str) and 0 < len(k) <= 200 for k in value):
            return problems.append(Problem(path, "must be an object with short names"))
        return MappingProxyType({k: reader(inner)(v, f"{path}.{k}", depth, problems) for k, v in value.items()})

    return read


def _read_model(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        return problems.append(Problem(path, "must be an object"))
    if depth >= MAX_NESTING:
        return problems.append(Problem(path, f"models must not stand in one another more than {MAX_NESTING} deep"))
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in BY_KIND:
        return problems.append(Problem(_join(path, "kind"), f"must be one of {', '.join(BY_KIND)}"))
    rest = {k: v for k, v in value.items() if k != "kind"}
    return reader(BY_KIND[kind])(rest, path, depth + 1, problems)


def _read_dataclass(wanted: type) -> Read:
    hints = get_type_hints(wanted)
    known = {f.name: reader(hints[f.name]) for f in fields(wanted) if not _is_recursive(hints[f.name], wanted)}
    recursive = {f.name: hints[f.name] for f in fields(wanted) if f.name not in known}
    required = [f.name for f in fields(wanted) if f.default is MISSING and f.default_factory is MISSING]

    def read(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            return problems.append(Problem(path, "must be an object"))
        if depth > 40:
            return problems.append(Problem(path, "is nested too deeply"))
        before = len(problems)
        found: dict[str, Any] = {}
        for key, content in value.items():
            field_reader = known.get(key) or (reader(recursive[key]) if key in recursive else None)
            if field_reader is None:
                problems.append(Problem(_join(path, str(key)[:100]), "is not a known field"))
            else:
                found[key] = field_reader(content, _join(path, key), depth + (key in recursive), problems)
        problems.extend(Problem(_join(path, name), "is missing") for name in required if name not in value)
        return wanted(**found) if len(problems) == before else None

    return read


def _is_recursive(hint: Any, wanted: type) -> bool:
    return hint is wanted or any(_is_recursive(a, wanted) for a in get_args(hint))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
