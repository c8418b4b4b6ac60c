"""The OpenAPI 3.1 description of this dialect, derived from its routes and their types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import msgspec

from counterfoil.api.describe import composed, leaves
from counterfoil.api.dialect import JSON
from counterfoil.api.received.door import Route
from counterfoil.api.received.errors import ErrorOut
from counterfoil.api.received.routes import ROUTES
from counterfoil.api.received.usage_upload import RESULTS, TAKE
from counterfoil.api.swagger_ui import older

Schema = dict[str, Any]
REFS = "#/components/schemas/"
FORM = "application/x-www-form-urlencoded"
_ABOUT = """\
The billing API that the Received documents describe, on our records: what is made here is there under `/v1` too.

* **Log in**: `POST /auth/login` with `{"api_key", "password"}` answers a token as a JSON string, good for an hour; send it
  as `Authorization: Bearer <token>`. A key itself (`pk_test_….…`) is a bearer too. Administrators log in with
  `{"email", "password"}` and get a cookie, which opens `/auth` alone.
* **Version**: `Version: V0`, or no such header.
* **Bodies** are JSON, whatever their Content-Type says, or forms. What was not understood is named in the answer's
  `X-Ignored-Fields`.
* **Money** and percentages are JSON numbers, exact in both directions. Dates are `YYYY-MM-DD`, times ISO 8601 with `Z`.
* **Errors** are `{"error": {"code", "message", "details": {field: text}}}`. A refusal changes nothing.
* **Lists** count in `X-Total-Count`; pages are `limit` and `page`, or `pageSize` and `pageNumber`, from 0.
* **Writes** take an `Idempotency-Key`: the same key and request give the same answer.
"""
_REQUIRED = {
    "ProductIn": ("product_pricing_ref", "billing_start_date", "billing_end_date"),
    "SubscriptionIn": ("billing_start_date", "billing_end_date"),
    "Reconciliation": ("invoice_ref",),
}
"""What is required although its type has a default: it is refused with a problem that says where it is missing."""
_WORDS = {
    400: "Something in the request is wrong: `details` names it", 401: "Who is asking?", 403: "Not allowed",
    404: "Not found", 405: "Method not allowed", 409: "The state of things does not allow it",
    413: "The request is too large", 429: "Too many attempts", 500: "Something went wrong on our side",
    503: "Not possible right now; try again",
}


@lru_cache(maxsize=1)
def document() -> bytes:
    """The description as JSON."""
    return msgspec.json.encode(describe((*ROUTES, TAKE, RESULTS)))


@lru_cache(maxsize=1)
def understood() -> bytes:
    """The description as OpenAPI 3.0, which Swagger UI reads."""
    described = older(describe((*ROUTES, TAKE, RESULTS)))
    described["openapi"] = "3.0.3"
    return msgspec.json.encode(described)


def describe(routes: Iterable[Route]) -> Schema:
    """The description of these routes."""
    routes = tuple(routes)
    named = [t for r in routes for t in (r.body, r.answer, r.query) if t is not None]
    kinds = list(dict.fromkeys([*(leaf for kind in named for leaf in leaves(kind)), ErrorOut]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFS + "{name}")
    by_leaf = dict(zip(kinds, schemas, strict=True))
    by_kind = {kind: composed(kind, by_leaf) for kind in [*named, ErrorOut]}
    found = dict(components)
    for name, fields in _REQUIRED.items():
        if name in found:
            found[name] = {**found[name], "required": [*found[name].get("required", ()), *fields]}
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_kind, found)
    bodies = {r.body for r in routes}
    for kind in {r.query for r in routes} - bodies:
        found.pop(by_kind[kind]["$ref"].removeprefix(REFS), None)
    described: Schema = _plain({
        "openapi": "3.1.0",
        "info": {"title": "Counterfoil: Received API", "version": version("counterfoil"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": t} for t in dict.fromkeys(r.tag for r in routes)],
        "paths": paths,
        "components": {
            "schemas": found,
            "responses": {str(status): _failure(status) for status in _WORDS},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": "counterfoil_session"},
            },
        },
    })
    return described


def _operation(route: Route, by_kind: Mapping[Any, Schema], components: Mapping[str, Schema]) -> Schema:
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    query = components.get(by_kind[route.query].get("$ref", "").removeprefix(REFS), {})
    for name, schema in query.get("properties", {}).items():
        parameters.append({"name": name, "in": "query", "required": False, "schema": _not_null(schema)})
    if route.by == "bearer":
        parameters.append({"name": "Version", "in": "header", "required": False,
                           "schema": {"type": "string", "enum": ["V0"]}})
    if route.method != "GET" and not route.spans:
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False,
                           "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}})
    who = {
        "bearer": f"Roles: {', '.join(sorted(route.roles))}.", "cookie": "Administrators, by their cookie.", "anybody": ""
    }
    ours = "Not in the Received documents." if route.ours else ""
    found: Schema = {
        "operationId": route.do.__name__ + ("_by_key" if route.path.startswith("/auth/keys/{") else "")
        + ("_by_post" if route.ours and route.path.endswith("/reconcile") else ""),
        "tags": [route.tag], "summary": route.summary,
        "description": " ".join(x for x in (route.about, who[route.by], ours) if x),
        "parameters": parameters,
        "responses": {
            str(route.status): _success(route, by_kind),
            **{str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted({400, 500, 503, *_more(route)})},
        },
    }
    if route.by != "bearer":
        found["security"] = [{"session": []}] if route.by == "cookie" else []
    if route.body is not None and route.method != "GET":
        media: Schema = {"schema": by_kind[route.body]}
        if route.example is not None:
            media["example"] = route.example
        found["requestBody"] = {"content": {JSON: media, FORM: {"schema": by_kind[route.body]}}}
    return found


def _more(route: Route) -> set[int]:
    found = set(route.errors)
    found |= {401, 403} if route.by != "anybody" else set()
    found |= {404} if "{" in route.path else set()
    if route.method != "GET":
        found |= {403, 409, 413}
    return found


def _success(route: Route, by_kind: Mapping[Any, Schema]) -> Schema:
    schema: Schema = {} if route.answer is None else by_kind[route.answer]
    return {"description": route.summary, "content": {JSON: {"schema": schema}}}


def _failure(status: int) -> Schema:
    return {"description": _WORDS[status], "content": {JSON: {"schema": {"$ref": REFS + "ErrorOut"}}}}


def _not_null(schema: Schema) -> Schema:
    """A parameter is left out, never null."""
    rest = [s for s in schema.get("anyOf", ()) if s != {"type": "null"}]
    if len(rest) == 1:
        found: Schema = rest[0]
        return found
    return {k: v for k, v in schema.items() if not (k == "default" and v is None)}


def _plain(value: Any) -> Any:
    """Decimals are numbers on this wire; patterns as every reader of them understands."""
    if isinstance(value, dict):
        if value.get("format") == "decimal":
            value = {**{k: v for k, v in value.items() if k not in ("format", "default")}, "type": "number"}
        if isinstance(value.get("pattern"), str) and "(?i:" in value["pattern"]:
            value = {**value, "pattern": "^([aA][sS][cC]|[dD][eE][sS][cC])$"}
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value
