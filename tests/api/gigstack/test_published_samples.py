"""The published document of this API, sample by sample: what it sends is taken, and what it shows is answered."""

from __future__ import annotations

from typing import Any

from tests.api.gigstack.calls import RECEIPTS, client_of, refused, wrong
from tests.api.native import Api

CREATE = {
    "amount": 500.0,
    "currency": "MXN",
    "description": "Payment receipt for consulting services",
    "receiptNumber": "REC-2024-001",
    "issueDate": "2024-01-15T10:30:00.000Z",
    "paymentMethod": "transfer",
    "items": [{"description": "Consulting hours", "quantity": 5, "unitPrice": 100.0, "amount": 500.0}],
    "metadata": {"paymentId": "pay_789", "invoiceId": "inv_456", "transactionRef": "TXN123456"},
}
CLIENT = {"rfc": "XAXX010101000", "name": "Cliente Example", "email": "cliente@example.com"}
UPDATE = {
    "description": "Updated payment receipt for consulting services",
    "paymentMethod": "credit_card",
    "metadata": {"paymentId": "pay_789", "invoiceId": "inv_456", "transactionRef": "TXN123456", "updated": True},
}


def created(api: Api) -> dict[str, Any]:
    """The receipt of the first sample."""
    answer = api("POST", RECEIPTS, {"clientId": client_of(api), **CREATE})
    assert answer.status_code == 201
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_create_answers_as_the_document_shows(api: Api) -> None:
    answer = api("POST", RECEIPTS, {"clientId": client_of(api), **CREATE})
    assert answer.status_code == 201
    body = answer.json()
    id, timestamp = body["data"].pop("id"), body["data"].pop("timestamp")
    assert id.startswith("receipt_") and timestamp.endswith("Z")
    assert body == {"data": {"client": CLIENT, **CREATE, "status": "issued"}, "message": "Receipt created successfully"}
    assert list(answer.json()["data"]) == [
        "id", "client", "amount", "currency", "description", "receiptNumber", "issueDate", "paymentMethod", "status", "items",
        "metadata", "timestamp",
    ]


def test_get_answers_what_create_did(api: Api) -> None:
    data = created(api)
    assert api.get(f"{RECEIPTS}/{data['id']}") == {"data": data, "message": "Receipt retrieved successfully"}


def test_list_answers_as_the_document_shows(api: Api) -> None:
    data = created(api)
    row = {key: data[key] for key in ("id", "amount", "currency", "receiptNumber", "status", "issueDate", "timestamp")}
    row["client"] = {"rfc": CLIENT["rfc"], "name": CLIENT["name"]}
    assert api.get(RECEIPTS) == {
        "data": [row], "message": "Receipts retrieved successfully", "totalResults": 1, "hasMore": False, "next": None,
    }


def test_update_answers_as_the_document_shows_and_everything_else_too(api: Api) -> None:
    data = created(api)
    answer = api("PUT", f"{RECEIPTS}/{data['id']}", UPDATE)
    assert answer.status_code == 200
    assert answer.json() == {"data": {**data, **UPDATE}, "message": "Receipt updated successfully"}
    assert api.get(f"{RECEIPTS}/{data['id']}")["data"] == {**data, **UPDATE}


def test_delete_answers_as_the_document_shows_and_the_receipt_is_gone(api: Api) -> None:
    data = created(api)
    answer = api("DELETE", f"{RECEIPTS}/{data['id']}")
    assert answer.status_code == 200
    assert answer.json() == {"data": {"id": data["id"], "deleted": True}, "message": "Receipt deleted successfully"}
    for method, body in (("GET", None), ("PUT", UPDATE), ("DELETE", None)):
        answer = api(method, f"{RECEIPTS}/{data['id']}", body)
        assert answer.status_code == 404
        assert answer.json() == {
            "error": {"code": "NOT_FOUND", "message": "Receipt not found"},
            "message": "The requested receipt does not exist",
        }
    assert api.get(RECEIPTS)["totalResults"] == 0


def test_every_documented_validation_text_comes_in_one_answer(api: Api) -> None:
    created(api)
    answer = api("POST", RECEIPTS, {"amount": 0, "receiptNumber": "REC-2024-001"})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "code": "VALIDATION_ERROR",
            "message": "Invalid request parameters",
            "details": {
                "amount": "Amount must be greater than 0",
                "clientId": "Client ID is required",
                "receiptNumber": "Receipt number must be unique",
            },
        },
        "message": "Request validation failed",
    }


def test_a_number_stays_taken_after_its_receipt_is_deleted(api: Api) -> None:
    data = created(api)
    api("DELETE", f"{RECEIPTS}/{data['id']}")
    assert wrong(api("POST", RECEIPTS, {"clientId": client_of(api), **CREATE})) == {
        "receiptNumber": "Receipt number must be unique"
    }


def test_a_wrong_key_is_unauthorized_in_this_envelope(api: Api) -> None:
    for token in ("", "pk_test_nonsense.nonsense"):
        refused(Api(api.client, token)("GET", RECEIPTS), 401, "UNAUTHORIZED")
