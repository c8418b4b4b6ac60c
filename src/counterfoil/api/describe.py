"""OpenAPI 3.1 descriptions of the dialects that share the door, derived from their routes and types, and Swagger UI for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar import get
from litestar.handlers import HTTPRouteHandler

from counterfoil.api import mount
from counterfoil.api.dialect import JSON, Dialect, Route, spelled
from counterfoil.api.swagger_ui import POLICY, asset, older, page, start

Schema = dict[str, Any]
Asked = LitestarRequest[Any, Any, Any]
REFS = "#/components/schemas/"
WORDS = {
    400: "Something in the request is wrong: the message names it", 401: "Who is asking?", 403: "Not allowed",
    404: "Not found", 405: "Method not allowed", 409: "The state of things does not allow it",
    413: "The request is too large", 429: "Too many requests", 500: "Something went wrong on our side",
    503: "Not possible right now; try again",
}
MEDIA = {"pdf": "application/pdf", "csv": "text/csv"}
_PRESENT = object()


@dataclass(frozen=True, slots=True)
class Shown:
    """How a dialect is shown: the description at `base`/openapi.json, Swagger UI at `base`/docs, what it is in Markdown."""

    dialect: Dialect
    base: str
    title: str
    about: str


@lru_cache(maxsize=8)
def document(shown: Shown) -> bytes:
    """The description as JSON."""
    return msgspec.json.encode(describe(shown))


@lru_cache(maxsize=8)
def understood(shown: Shown) -> bytes:
    """The description as OpenAPI 3.0, which Swagger UI reads."""
    described = older(describe(shown))
    described["openapi"] = "3.0.3"
    return msgspec.json.encode(described)


def describe(shown: Shown) -> Schema:
    """The description of a dialect's routes."""
    dialect = shown.dialect
    routes: Sequence[Any] = dialect.routes
    named = [kind for r in routes for kind in (r.body, r.answer, r.query) if kind is not None]
    kinds = list(dict.fromkeys(leaf for kind in named for leaf in leaves(kind)))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFS + "{name}")
    by_leaf = dict(zip(kinds, schemas, strict=True))
    found = {**components, "Problem": _like(dialect.error(404, "NOT_FOUND", "there is no customer acme").value)}
    ids = _operation_ids(routes)
    paths: dict[str, Schema] = {}
    for route, id in zip(routes, ids, strict=True):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(dialect, route, id, by_leaf, found)
    bodies = {r.body for r in routes}
    for kind in {r.query for r in routes} - bodies:
        found.pop(by_leaf[kind]["$ref"].removeprefix(REFS), None)
    described: Schema = _plain({
        "openapi": "3.1.0",
        "info": {"title": shown.title, "version": version("counterfoil"), "description": shown.about,
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(r.tag for r in routes)],
        "paths": paths,
        "components": {
            "schemas": found,
            "responses": {str(status): _failure(dialect, status) for status in WORDS},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "pk_test_<id>.<secret>"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "session": {"type": "apiKey", "in": "cookie", "name": "counterfoil_session"},
            },
        },
    })
    return described


def leaves(kind: Any) -> list[Any]:
    """The types that a type is composed of: lists and unions are put together here, of whatever they hold."""
    if get_origin(kind) in (list, Union, UnionType):
        return [leaf for part in get_args(kind) for leaf in leaves(part)]
    return [kind]


def composed(kind: Any, by_leaf: Mapping[Any, Schema]) -> Schema:
    """The schema of a type from those of its leaves."""
    if get_origin(kind) is list:
        return {"type": "array", "items": composed(get_args(kind)[0], by_leaf)}
    if get_origin(kind) in (Union, UnionType):
        return {"anyOf": [composed(part, by_leaf) for part in get_args(kind)]}
    return by_leaf[kind]


def _operation_ids(routes: Iterable[Route]) -> list[str]:
    """A name for each operation: its function's; where several share one, its path tells them apart."""
    names = [getattr(r.do, "__name__", "").strip("_<>") or "call" for r in routes]
    often = Counter(names)
    ids = [
        name if often[name] == 1 else f"{name}_{r.method.lower()}_{_slug(r.path)}"
        for name, r in zip(names, routes, strict=True)
    ]
    return ids


def _slug(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_")


def _operation(
    dialect: Dialect, route: Route, id: str, by_leaf: Mapping[Any, Schema], components: Mapping[str, Schema]
) -> Schema:
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    query = components.get(composed(route.query, by_leaf).get("$ref", "").removeprefix(REFS), {})
    for name, schema in query.get("properties", {}).items():
        parameters.append({"name": name, "in": "query", "required": name in query.get("required", ()),
                           "schema": _not_null(schema)})
    if route.by == "key" and route.method != "GET" and route.keeps and not route.spans:
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False,
                           "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}})
    roles = f"Roles: {', '.join(sorted(route.roles))}."
    who = {"key": roles, "person": f"A person who is logged in, or a key. {roles}", "anybody": "Open to anybody."}
    found: Schema = {
        "operationId": id, "tags": [route.tag], "summary": route.summary, "description": who[route.by],
        "parameters": parameters,
        "responses": {
            str(route.status): _success(dialect, route, by_leaf),
            **{str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted(_failures(route))},
        },
    }
    if route.by == "anybody":
        found["security"] = []
    elif route.by == "person":
        found["security"] = [{"session": []}, {"bearer": []}]
    if route.body is not None:
        found["requestBody"] = {"content": {JSON: {"schema": composed(route.body, by_leaf)}}}
    return found


def _success(dialect: Dialect, route: Route, by_leaf: Mapping[Any, Schema]) -> Schema:
    media = next((kind for ending, kind in MEDIA.items() if route.path.endswith(f".{ending}")), JSON)
    if media != JSON:
        return {"description": route.summary, "content": {media: {"schema": {"type": "string", "format": "binary"}}}}
    schema: Schema = {} if route.answer is None else composed(route.answer, by_leaf)
    return {"description": route.summary, "content": {JSON: {"schema": _enveloped(dialect.success(_PRESENT), schema)}}}


def _enveloped(envelope: Any, schema: Schema) -> Schema:
    """What stands around every answer of a dialect, with the answer in its place."""
    if envelope is _PRESENT or not isinstance(envelope, dict):
        return schema
    properties = {k: schema if v is _PRESENT else {"const": v} for k, v in envelope.items()}
    return {"type": "object", "required": list(envelope), "properties": properties}


def _failures(route: Route) -> set[int]:
    found = {400, 404, 500, 503}
    found |= {401, 403} if route.by != "anybody" else set()
    if route.method != "GET":
        found |= {403, 409, 413}
    return found


def _failure(dialect: Dialect, status: int) -> Schema:
    example = dialect.error(status, "CODE", WORDS[status]).value
    return {"description": WORDS[status], "content": {JSON: {"schema": {"$ref": REFS + "Problem"}, "example": example}}}


def _like(example: Any) -> Schema:
    """The schema of an error body, from one."""
    if isinstance(example, dict):
        return {"type": "object", "required": list(example), "properties": {k: _like(v) for k, v in example.items()}}
    if isinstance(example, bool):
        return {"const": example}
    return {"type": "integer" if isinstance(example, int) else "string"}


def _not_null(schema: Schema) -> Schema:
    """A parameter is left out, never null."""
    rest = [s for s in schema.get("anyOf", ()) if s != {"type": "null"}]
    if len(rest) == 1:
        found: Schema = rest[0]
        return found
    return {k: v for k, v in schema.items() if not (k == "default" and v is None)}


_IN_ROOM = re.compile(r"counterfoil(?:\.\w+)*\.(\w+)\.(\w+)")
"""How msgspec names types that share a name: with the module that each is of."""
_PAGE = re.compile(r"\bPage_(\w+)_")


def _short(name: str) -> str:
    return _PAGE.sub(r"\1Page", _IN_ROOM.sub(lambda m: m[1].title().replace("_", "") + m[2], name))


def _plain(value: Any) -> Any:
    """Decimals are numbers on these wires; types that share a name are told apart by a word, not by our modules."""
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        if value.get("format") == "decimal":
            value = {**{k: v for k, v in value.items() if k not in ("format", "default")}, "type": "number"}
        return {_short(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def handlers(shown: Shown) -> Sequence[HTTPRouteHandler]:
    """What a dialect is, for programs and for people."""
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    at = f"{shown.base}/docs"

    @get(f"{shown.base}/openapi.json", sync_to_thread=True, include_in_schema=False)
    def description() -> LitestarResponse[bytes]:
        return LitestarResponse(document(shown), media_type=JSON, headers=headers)

    @get(f"{at}/openapi.json", sync_to_thread=True, include_in_schema=False)
    def for_swagger() -> LitestarResponse[bytes]:
        return LitestarResponse(understood(shown), media_type=JSON, headers=headers)

    @get(at, sync_to_thread=False, include_in_schema=False)
    def docs() -> LitestarResponse[str]:
        return LitestarResponse(page(shown.title, at), media_type="text/html", headers=headers)

    @get(f"{at}/{{name:str}}", sync_to_thread=True, include_in_schema=False)
    def docs_asset(request: Asked) -> LitestarResponse[bytes]:
        name = request.path_params["name"]
        if name == "start.js":
            return LitestarResponse(start(at), media_type="text/javascript", headers=headers)
        found = asset(name)
        if found is None:
            told = shown.dialect.error(404, "route.not_found", f"there is nothing at {request.url.path}"[:300])
            return mount.answered(spelled(shown.dialect, told))
        caching = {**headers, "Cache-Control": "public, max-age=86400"}
        return LitestarResponse(found[0], media_type=found[1], headers=caching)

    return description, for_swagger, docs, docs_asset
