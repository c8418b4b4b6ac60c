"""The JSON Schema of price models and line items, for an OpenAPI document; derived from the dataclasses."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.pricing.model import LineItem, PriceModel
from counterfoil.core.pricing.models import MODELS

DECIMAL: Json = {"type": "string", "pattern": r"^-?\d{1,20}(\.\d{1,12})?$", "examples": ["0.25"]}


def model_schema(prefix: str = "#/$defs/") -> dict[str, Json]:
    """Every definition by name: `PriceModel` (one of all kinds), each model, what they hold, and `LineItem`.

    `prefix` is where the definitions will stand, such as `#/components/schemas/` in an OpenAPI document.
    """
    found: dict[str, Json] = {}
    names = {model.kind: _define(model, prefix, found) for model in MODELS}
    found["PriceModel"] = {
        "oneOf": [{"$ref": prefix + name} for name in names.values()],
        "discriminator": {"propertyName": "kind", "mapping": {kind: prefix + n for kind, n in names.items()}},
    }
    _define(LineItem, prefix, found)
    return found


def _define(wanted: type, prefix: str, found: dict[str, Json]) -> str:
    name = wanted.__name__
    if name in found:
        return name
    hints = get_type_hints(wanted)
    properties: dict[str, Json] = {}
    required: list[str] = []
    kind = getattr(wanted, "kind", None)
    if type(kind) is str:
        properties["kind"] = {"const": kind}
        required.append("kind")
    found[name] = {"type": "object", "description": wanted.__doc__ or "", "additionalProperties": False}
    for f in fields(wanted):
        properties[f.name] = _schema(hints[f.name], prefix, found)
        if f.default is MISSING and f.default_factory is MISSING:
            required.append(f.name)
        elif isinstance(f.default, Decimal):
            properties[f.name] = {**properties[f.name], "default": decimal_text(f.default)}
        elif isinstance(f.default, str | int):
            properties[f.name] = {**properties[f.name], "default": f.default}
    found[name].update(properties=properties, required=required)
    return name


def _schema(hint: Any, prefix: str, found: dict[str, Json]) -> Json:
    if hint is Decimal:
        return dict(DECIMAL)
    if hint is int:
        return {"type": "integer", "minimum": 0}
    if hint is bool:
        return {"type": "boolean"}
    if hint is str or getattr(hint, "__supertype__", None) is str:
        return {"type": "string"}
    if hint is PriceModel:
        return {"$ref": prefix + "PriceModel"}
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return {"$ref": prefix + _define(hint, prefix, found)}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        (inner,) = (a for a in arguments if a is not type(None))
        return {"anyOf": [_schema(inner, prefix, found), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], prefix, found)}
    assert origin is Mapping, f"no schema for {hint!r}"
    return {"type": "object", "additionalProperties": _schema(arguments[1], prefix, found)}
