"""The OpenAPI 3.1 description of this dialect, derived from its routes and their types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import msgspec

from counterfoil.api.dialect import JSON
from counterfoil.api.native.door import Route
from counterfoil.api.native.errors import PROBLEM_TYPE, WORDS, ProblemOut
from counterfoil.api.native.routes import ROUTES
from counterfoil.api.native.wire import NUMBER
from counterfoil.core.pricing.schema import model_schema

Schema = dict[str, Any]
REFS = "#/components/schemas/"
ALWAYS = (401, 403, 422, 500, 503)
"""Any operation may answer so."""

_ABOUT = """\
Contract to cash: contracts, usage, invoices, books, and the proof of each number.

* **Keys**: `Authorization: Bearer pk_test_<id>.<secret>` or `X-Api-Key`. `counterfoil sandbox` makes one.
* **Amounts** are decimal texts in the main unit (`"12.50"`) beside their `currency`; decimals come in as JSON
  numbers or texts and are read exactly. **Dates** are `YYYY-MM-DD`; an end date is the last day. Instants end in `Z`.
* **Writes** take an `Idempotency-Key`: the same key and request give the same answer (`Idempotency-Replayed: true`),
  another request under the key is a 409.
* **Lists** give `{"data": [...], "next": cursor}`; pass `next` as `after`.
* **Problems** follow RFC 9457: a stable `code`, and `errors` that name the wrong fields. A refusal changes nothing.
"""
_CODES = {
    400: ("json.malformed", "the JSON is malformed: invalid character (byte 17)"),
    401: ("key.missing", "send an API key as `Authorization: Bearer pk_….…` or as `X-Api-Key`"),
    403: ("role.missing", "a key with role viewer may not do this; it takes one of: admin, finance"),
    404: ("contract.not_found", "there is no contract 0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"),
    409: ("idempotency.other_request", "this Idempotency-Key was used for another request"),
    413: ("body.too_large", "the body must not have more than 1048576 bytes"),
    415: ("media_type.unsupported", "send the body as application/json, not as text/plain"),
    422: ("invalid", "lines[0].quantity: must not be negative: use a credit note"),
    500: ("internal", "an unexpected failure; nothing was changed. Tell us its id."),
    503: ("database.busy", "no database connection became free in time; try again"),
}
_ITEMS = (
    ("Batch", "invoices", "NewInvoice"),
    ("NewPricing", "items", "NewLineItem"),
    ("PricingDraft", "items", "NewLineItem"),
    ("Pricing", "items", "LineItem"),
)
"""Lists that are read by hand, or by the core, and what they hold."""
_USAGE: Schema = {
    "Report": {
        "type": "object",
        "description": "One report of usage. `key` makes it safe to send again: the first report with a key wins.",
        "required": ["customer", "usage_product", "at"],
        "additionalProperties": False,
        "properties": {
            "key": {"type": "string", "maxLength": 255},
            "customer": {"type": "string", "description": "Reference, external id or name"},
            "usage_product": {"type": "string", "description": "Reference or name"},
            "at": {"type": "string", "format": "date-time"},
            "quantity": {"type": ["string", "number"], "pattern": NUMBER, "default": "1"},
            "properties": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
    "Answer": {
        "type": "object",
        "description": "What became of one report. `document_ref`: the document that the event lands on, where known.",
        "required": ["status"],
        "properties": {
            "status": {"enum": ["accepted", "duplicate", "refused"]},
            "event_ref": {"type": "string", "format": "uuid"},
            "document_ref": {"type": "string", "format": "uuid"},
            "code": {"type": "string"},
            "problems": {"type": "array", "items": {"$ref": REFS + "FieldError"}},
        },
    },
}
_FILE: Schema = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "text/csv": {"schema": {"type": "string"}},
        "application/x-ndjson": {"schema": {"type": "string"}},
        "multipart/form-data": {
            "schema": {
                "type": "object", "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
    },
}
_KEY_HEADER = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "Makes the request safe to repeat: it is done once, and its answer given again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


@lru_cache(maxsize=1)
def document() -> bytes:
    """The description as JSON."""
    return msgspec.json.encode(describe(ROUTES))


def describe(routes: Iterable[Route]) -> Schema:
    """The description of these routes."""
    routes = tuple(routes)
    kinds = [t for r in routes for t in (r.body, r.answer, r.query) if t is not None]
    kinds = list(dict.fromkeys([*kinds, ProblemOut]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFS + "{name}")
    by_kind = dict(zip(kinds, schemas, strict=True))
    components = dict(components) | _pricing_schemas() | _USAGE
    for owner, name, item in _ITEMS:
        components[owner]["properties"][name]["items"] = {"$ref": REFS + item}
    seen = Counter(r.do.__name__ for r in routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_kind, components, seen)
    for kind in {r.query for r in routes}:
        components.pop(by_kind[kind]["$ref"].removeprefix(REFS), None)
    paths.setdefault("/v1/usage/events", {})["post"] = _ingest()
    described: Schema = _plain({
        "openapi": "3.1.0",
        "info": {"title": "Counterfoil", "version": version("counterfoil"), "description": _ABOUT,
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [{"name": t} for t in dict.fromkeys(r.tag for r in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {str(status): _failure(status) for status in _CODES},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "pk_test_<id>.<secret>"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    })
    return described


def _operation(
    route: Route, by_kind: Mapping[Any, Schema], components: Mapping[str, Schema], seen: Mapping[str, int]
) -> Schema:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    query = components.get(by_kind[route.query].get("$ref", "").removeprefix(REFS), {})
    for name, schema in query.get("properties", {}).items():
        about = schema.get("description")
        parameters.append({
            "name": name, "in": "query", "required": name in query.get("required", ()),
            "schema": _not_null(schema), **({"description": about} if about else {}),
        })
    if route.writes:
        parameters.append(_KEY_HEADER)
    name = route.do.__name__
    noun = route.path.split("/")[2].replace("-", "_")
    found: Schema = {
        "operationId": name if seen[name] == 1 else f"{name}_of_{noun}",
        "tags": [route.tag],
        "summary": route.summary,
        "description": " ".join(x for x in (route.about, f"Roles: {', '.join(sorted(route.roles))}.") if x),
        "parameters": parameters,
        "responses": {str(route.status): _success(route, by_kind), **_failures(route)},
    }
    if route.body is not None:
        media: Schema = {"schema": by_kind[route.body]}
        if route.example is not None:
            media["example"] = route.example
        required = bool(components[by_kind[route.body]["$ref"].removeprefix(REFS)].get("required"))
        found["requestBody"] = {"required": required, "content": {JSON: media}}
    if route.streams:
        found["requestBody"] = _FILE
    return found


def _success(route: Route, by_kind: Mapping[Any, Schema]) -> Schema:
    schema: Schema = {"type": "string"}
    if route.media == JSON and route.answer is not None:
        schema = by_kind[route.answer]
    headers = {}
    if route.writes:
        headers["Idempotency-Replayed"] = {
            "description": "true where the answer was given before", "schema": {"type": "string", "enum": ["true"]}
        }
    media = JSON if "bundle" in route.path else route.media
    return {
        "description": route.summary,
        "content": {media: {"schema": {} if media == JSON and route.answer is None else schema}},
        **({"headers": headers} if headers else {}),
    }


def _failures(route: Route) -> dict[str, Schema]:
    statuses = {*ALWAYS, *route.errors}
    if "{" in route.path:
        statuses.add(404)
    if route.writes:
        statuses.add(409)
    if route.writes:
        statuses |= {400, 413, 415}
    return {str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted(statuses)}


def _failure(status: int) -> Schema:
    code, detail = _CODES[status]
    example: Schema = {
        "type": f"urn:counterfoil:problem:{code}", "title": WORDS[status], "status": status, "code": code,
        "detail": detail,
    }
    if status == 422:
        field, _, message = detail.partition(": ")
        example["errors"] = [{"field": field, "message": message}]
    if status == 500:
        example["id"] = "5f2b9c0d1e4a7788"
    return {
        "description": WORDS[status],
        "content": {PROBLEM_TYPE: {"schema": {"$ref": REFS + "ProblemOut"}, "example": example}},
    }


def _ingest() -> Schema:
    """The door for usage, which is plain ASGI and described by hand."""
    report = {"$ref": REFS + "Report"}
    rows = {
        "type": "object", "required": ["accepted", "duplicates", "refused", "results"],
        "properties": {
            **{name: {"type": "integer"} for name in ("accepted", "duplicates", "refused")},
            "results": {"type": "array", "items": {"$ref": REFS + "Answer"}},
        },
    }
    example = {
        "events": [{"key": "evt-1", "customer": "Globex", "usage_product": "API calls", "at": "2026-03-01T12:00:00Z",
                    "quantity": "120", "properties": {"region": "eu"}}]
    }
    many = {"type": "array", "items": report, "maxItems": 10_000}
    envelope = {"type": "object", "required": ["events"], "properties": {"events": many}, "additionalProperties": False}
    return {
        "operationId": "report_usage",
        "tags": ["Usage events"],
        "summary": "Report usage: one event, or up to 10,000",
        "description": "Answered after the commit, row by row: accepted, duplicate, or refused, and why. "
        "The first report with a `key` wins. Also takes application/x-ndjson and text/csv. Roles: admin, finance, "
        "ingest.",
        "parameters": [
            {"name": "dry_run", "in": "query", "required": False, "schema": {"type": "boolean"},
             "description": "Only check: nothing is stored"},
            _KEY_HEADER,
        ],
        "requestBody": {"required": True, "content": {
            JSON: {"schema": {"anyOf": [envelope, many, report]}, "example": example},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
        }},
        "responses": {
            "200": {"description": "What became of each event",
                    "content": {JSON: {"schema": {"anyOf": [rows, {"$ref": REFS + "Answer"}]}}}},
            **{str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted({*ALWAYS, 400, 413, 415})},
        },
    }


def _pricing_schemas() -> dict[str, Schema]:
    """Price models and line items, from the registry; `NewLineItem` is a line item that may come without its ref."""
    found: dict[str, Schema] = dict(model_schema(REFS))
    new = dict(found["LineItem"])
    new["required"] = [name for name in new["required"] if name != "ref"]
    found["NewLineItem"] = new
    return found


def _path_schema(name: str) -> Schema:
    if name in ("line", "version"):
        return {"type": "integer", "minimum": 1, "maximum": 999_999_999}
    if name.endswith("_ref"):
        return {"type": "string", "format": "uuid"}
    return {"type": "string"}


def _not_null(schema: Schema) -> Schema:
    """A parameter is left out, never null."""
    if "anyOf" in schema:
        rest = [s for s in schema["anyOf"] if s != {"type": "null"}]
        if len(rest) == 1:
            found: Schema = rest[0]
            return found
    return {k: v for k, v in schema.items() if not (k == "default" and v is None)}


_PAGE = re.compile(r"Page_(\w+)_")


def _plain(value: Any) -> Any:
    """Names of pages as people say them, and decimals as they may come in."""
    if isinstance(value, dict):
        if value.get("format") == "decimal":
            value = {**value, "type": ["string", "number"], "pattern": NUMBER}
            value.pop("format")
            if isinstance(value.get("default"), str) is False and "default" in value:
                value["default"] = str(value["default"])
        return {_PAGE.sub(r"\1Page", k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, str):
        return _PAGE.sub(r"\1Page", value)
    return value
