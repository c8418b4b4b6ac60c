"""The descriptions of the published APIs that we speak: all of what is answered, and sound."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import schemathesis

from counterfoil.api.describe import Shown, describe, document, understood
from counterfoil.api.published import PUBLISHED

each = pytest.mark.parametrize("shown", PUBLISHED, ids=lambda s: s.dialect.name)


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by its method and path."""
    return {(m.upper(), path): o for path, found in described["paths"].items() for m, o in found.items()}


@each
def test_no_route_is_left_out_and_none_is_invented(shown: Shown) -> None:
    described = json.loads(document(shown))
    assert described["openapi"] == "3.1.0"
    assert set(operations(described)) == {(r.method, r.path) for r in shown.dialect.routes}


@each
def test_every_operation_says_what_it_does_who_may_and_what_it_gives(shown: Shown) -> None:
    found = operations(describe(shown))
    for where, o in found.items():
        assert o["summary"] and o["tags"] != [""], f"{where} has no summary or tag"
        assert any(status < "300" for status in o["responses"]), where
        good = next(r for status, r in o["responses"].items() if status < "300")
        (media,) = good["content"].values()
        assert media["schema"], f"{where} does not say what it answers"
    assert len({o["operationId"] for o in found.values()}) == len(found)


@each
def test_what_is_referred_to_is_there(shown: Shown) -> None:
    text = document(shown).decode()
    described = json.loads(text)
    for kind, name in set(re.findall(r'"#/components/(\w+)/([^"]+)"', text)):
        assert name in described["components"][kind], (kind, name)


@each
def test_every_part_of_a_path_is_a_parameter(shown: Shown) -> None:
    for (_method, path), o in operations(describe(shown)).items():
        named = [p["name"] for p in o["parameters"] if p["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)


@each
def test_readers_of_openapi_take_it(shown: Shown) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(document(shown)))
    assert sum(1 for _ in schema.get_all_operations()) == len(shown.dialect.routes)


@each
def test_swagger_ui_gets_what_it_understands(shown: Shown) -> None:
    older = json.loads(understood(shown))
    assert older["openapi"] == "3.0.3"
    assert '"type":"null"' not in understood(shown).decode()


@each
def test_pages_and_descriptions_are_served(shown: Shown, client: Any) -> None:
    assert client.get(f"{shown.base}/openapi.json").content == document(shown)
    docs = client.get(f"{shown.base}/docs")
    assert docs.status_code == 200 and "frame-ancestors 'none'" in docs.headers["content-security-policy"]
    for path in re.findall(r'(?:src|href)="([^"]+)"', docs.text):
        assert client.get(path).status_code == 200, path
    assert client.get(f"{shown.base}/docs/openapi.json").content == understood(shown)
    missing = client.get(f"{shown.base}/docs/..%2Fsecret")
    assert missing.status_code == 404 and "error" in missing.json()
    assert f'href="{shown.base}/docs"' in client.get("/").text
