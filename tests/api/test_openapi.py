"""Our own description, driven by schemathesis: no generated request makes the server fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from counterfoil.api.native import openapi
from counterfoil.api.native.routes import ROUTES
from tests.api.native import Api, open_shop

SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi.document()))
PRICINGS = "^/v1/pricings"
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance)


def test_the_description_is_sound() -> None:
    described = json.loads(openapi.document())
    assert described["openapi"] == "3.1.0"
    operations = [o for path in described["paths"].values() for o in path.values()]
    assert len(operations) == len(ROUTES) + 1
    assert len({o["operationId"] for o in operations}) == len(operations)
    assert all(o["summary"] and o["responses"] for o in operations)
    refs = {part.split('"')[0] for part in json.dumps(described).split('"#/components/')[1:]}
    for ref in refs:
        kind, name = ref.split("/")
        assert name in described["components"][kind], ref
    for path, operation in described["paths"].items():
        for method, o in operation.items():
            json_body = o.get("requestBody", {}).get("content", {}).get("application/json")
            if method in ("post", "put", "patch") and json_body is not None:
                assert "example" in json_body, (method, path)


@pytest.fixture(scope="module")
def driven(new_api: Callable[..., Api]) -> Api:
    """A caller with something to find."""
    api = new_api(name="Driven")
    open_shop(api)
    return api


def thorough(examples: int) -> settings:
    """Settings for that many examples of each operation, the same in every run."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@SCHEMA.exclude(path_regex=PRICINGS, method=["POST", "PUT"]).parametrize()
@thorough(7)
def test_no_generated_request_makes_the_server_fail(case: Any, driven: Api) -> None:
    drive(case, driven)


@SCHEMA.include(path_regex=PRICINGS, method=["POST", "PUT"]).parametrize()
@thorough(2)  # each holds every price model there is, and takes a second to make
def test_no_generated_pricing_makes_the_server_fail(case: Any, driven: Api) -> None:
    drive(case, driven)


def drive(case: Any, driven: Api) -> None:
    """Send a generated request; the answer must be one that the description knows."""
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {driven.token}"}
    if case.path == "/v1/clock/advance":
        case.headers["Authorization"] += "x"  # a clock in the year 2199 would bill for long
    arguments = case.as_transport_kwargs(base_url="http://testserver.local")
    arguments.pop("cookies", None)
    arguments["headers"] = {k: str(v).encode("latin-1", "replace") for k, v in arguments["headers"].items()}
    if isinstance(arguments.get("data"), str | bytes):
        arguments["content"] = arguments.pop("data")
    answer = driven.client.request(**{k: v for k, v in arguments.items() if v is not None})
    answer.request.read()  # a form is otherwise there only once
    try:
        case.validate_response(schemathesis.Response.from_any(answer), checks=CHECKS)
    except FailureGroup as group:
        pytest.fail(
            "; ".join(str(f) for f in group.exceptions) + f"\n{arguments}\n{answer.status_code} {answer.text[:2000]}"
        )
