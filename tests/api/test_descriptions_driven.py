"""The published APIs that we speak, driven by their own descriptions: no generated request makes the server fail, and every
answer is one that the description knows."""

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

from counterfoil.api.describe import document
from counterfoil.api.published import PUBLISHED
from tests.api.native import Api

PAID, PACSPACE, GIGSTACK = (schemathesis.openapi.from_dict(json.loads(document(s))) for s in PUBLISHED)
FEW = settings(
    max_examples=2, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""A few examples of each operation, the same in every run."""
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance)


@pytest.fixture(scope="module")
def driven(new_api: Callable[..., Api]) -> Api:
    """A caller with a customer to find."""
    api = new_api(name="Driven")
    api.post("/api/v2/customers", {"name": "Acme", "externalId": "0", "defaultCurrency": "EUR"})
    return api


@PAID.parametrize()
@FEW
def test_no_generated_request_makes_the_paid_api_fail(case: Any, driven: Api) -> None:
    drive(case, driven)


@PACSPACE.parametrize()
@FEW
def test_no_generated_request_makes_the_pacspace_api_fail(case: Any, driven: Api) -> None:
    drive(case, driven)


@GIGSTACK.parametrize()
@FEW
def test_no_generated_request_makes_the_gigstack_api_fail(case: Any, driven: Api) -> None:
    drive(case, driven)


def drive(case: Any, driven: Api) -> None:
    """Send a generated request; its answer must be no failure of ours, and as described."""
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {driven.token}"}
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
