"""The description of this dialect, driven by schemathesis: no generated request makes the server fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance

from counterfoil.api.received import openapi
from counterfoil.api.received.routes import ROUTES
from counterfoil.api.received.usage_upload import RESULTS, TAKE
from tests.api.received.company import Company
from tests.api.received.test_contracts import agree, product

SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi.document()))
USAGE = "^/api/usage"


def test_the_description_is_sound() -> None:
    described = json.loads(openapi.document())
    operations = [o for path in described["paths"].values() for o in path.values()]
    assert len(operations) == len((*ROUTES, TAKE, RESULTS))
    assert len({o["operationId"] for o in operations}) == len(operations)
    refs = {part.split('"')[0] for part in json.dumps(described).split('"#/components/')[1:]}
    for ref in refs:
        kind, name = ref.split("/")
        assert name in described["components"][kind], ref


@pytest.fixture(scope="module")
def driven(new_company: Callable[..., Company]) -> Company:
    """A company with something to find."""
    company = new_company("Driven")
    agree(company, product(company))
    return company


@SCHEMA.exclude(path_regex=USAGE).parametrize()
@settings(
    max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_generated_request_makes_the_server_fail(case: Any, driven: Company) -> None:
    headers = {"Authorization": f"Bearer {driven.native.token}"}
    if case.path.startswith("/auth/") and case.path != "/auth/login":
        headers = driven.log_in()
    case.headers = {**(case.headers or {}), **headers}
    arguments = case.as_transport_kwargs(base_url="http://testserver.local")
    arguments.pop("cookies", None)
    arguments["headers"] = {k: str(v).encode("latin-1", "replace") for k, v in arguments["headers"].items()}
    if isinstance(arguments.get("data"), str | bytes):
        arguments["content"] = arguments.pop("data")
    driven.client.cookies.clear()
    answer = driven.client.request(**{k: v for k, v in arguments.items() if v is not None})
    driven.client.cookies.clear()
    try:
        case.validate_response(
            schemathesis.Response.from_any(answer), checks=(not_a_server_error, content_type_conformance)
        )
    except FailureGroup as group:
        pytest.fail(
            "; ".join(str(f) for f in group.exceptions) + f"\n{arguments}\n{answer.status_code} {answer.text[:2000]}"
        )
