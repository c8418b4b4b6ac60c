"""A caller of this API, and words for its answers."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.native import Api

RECEIPTS = "/v2/receipts"
CLIENTS = "/v2/clients"


def client_of(api: Api, name: str = "Cliente Example", **more: Any) -> str:
    """The id of a new client."""
    body = {"name": name, "email": "cliente@example.com", "rfc": "XAXX010101000", **more}
    made: str = api.post(CLIENTS, body)["data"]["id"]
    return made


def order(client: str, amount: Any = 500.0, **more: Any) -> dict[str, Any]:
    """The body of a small receipt."""
    return {"clientId": client, "amount": amount, **more}


def refused(answer: httpx.Response, status: int, code: str) -> Any:
    """The error of an answer that must be refused, in the envelope of this API."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error", "message"} and body["message"], body
    assert set(body["error"]) <= {"code", "message", "details"} and body["error"]["message"], body
    assert body["error"]["code"] == code, body
    return body["error"]


def wrong(answer: httpx.Response) -> dict[str, str]:
    """What was wrong with which field."""
    error = refused(answer, 400, "VALIDATION_ERROR")
    assert error["message"] == "Invalid request parameters"
    details: dict[str, str] = error["details"]
    assert details and all(isinstance(text, str) and text for text in details.values())
    return details
