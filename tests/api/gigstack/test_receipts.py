"""Receipts over this API: bad input is told whole, lists filter and page, states follow each other, nothing leaks."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.gigstack.calls import RECEIPTS, client_of, order, refused, wrong
from tests.api.native import Api, key_of

ITEM = {"description": "Hours", "quantity": 2, "unitPrice": 250, "amount": 500}


@pytest.fixture(scope="module")
def shared(new_api: Any) -> tuple[Api, str]:
    """A tenant with a client, for tests that do not mind each other's receipts."""
    api = new_api(name="Shared")
    return api, client_of(api)


def issue(api: Api, client: str, amount: Any = 500, **more: Any) -> dict[str, Any]:
    """A fresh receipt."""
    data: dict[str, Any] = api.post(RECEIPTS, order(client, amount, **more))["data"]
    return data


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"amount": None}, "amount", "Amount must be greater than 0"),
        ({"amount": -3}, "amount", "Amount must be greater than 0"),
        ({"amount": "500"}, "amount", "Amount must be a number"),
        ({"amount": True}, "amount", "Amount must be a number"),
        ({"amount": 1.005}, "amount", "Amount must not have more than 2 decimal places in MXN"),
        ({"amount": 10.5, "currency": "JPY"}, "amount", "Amount must not have more than 0 decimal places in JPY"),
        ({"amount": 10**14}, "amount", "Amount is too large"),
        ({"clientId": None}, "clientId", "Client ID is required"),
        ({"clientId": ""}, "clientId", "Client ID is required"),
        ({"clientId": 7}, "clientId", "must be a text"),
        ({"clientId": "client_7"}, "clientId", "there is no customer 'client_7'"),
        ({"clientId": "client_" + "0" * 32}, "clientId", None),
        ({"currency": "PESO"}, "currency", None),
        ({"currency": ["MXN"]}, "currency", "must be a text"),
        ({"issueDate": "yesterday"}, "issueDate", None),
        ({"issueDate": "2024-13-01"}, "issueDate", None),
        ({"issueDate": "1999-12-31"}, "issueDate", "must be between the years 2000 and 2200"),
        ({"issueDate": 20240115}, "issueDate", None),
        ({"paymentMethod": "bitcoin"}, "paymentMethod", None),
        ({"paymentMethod": 1}, "paymentMethod", "must be a text"),
        ({"status": "sent"}, "status", "a new receipt is issued or draft"),
        ({"receiptNumber": ""}, "receiptNumber", None),
        ({"receiptNumber": "R\n1"}, "receiptNumber", None),
        ({"receiptNumber": "9" * 101}, "receiptNumber", "must not have more than 100 characters"),
        ({"description": "x" * 2001}, "description", "must not have more than 2000 characters"),
        ({"description": "nul\x00"}, "description", "must not have the character U+0000"),
        ({"metadata": "x"}, "metadata", "must be an object"),
        ({"metadata": {"deep": "x" * 16_000}}, "metadata", "must not have more than 16000 characters"),
        ({"items": {}}, "items", "must be a list"),
        ({"items": [7]}, "items[0]", "must be an object"),
        ({"items": [{**ITEM, "amount": 499}]}, "items[0].amount", "must be quantity × unit price, which is 500"),
        ({"items": [ITEM, ITEM]}, "items", "add up to 1000, and the amount is 500"),
        ({"items": [{**ITEM, "unitPrice": "250"}]}, "items[0].unitPrice", "must be a number"),
        ({"items": [{**ITEM, "quantity": 0, "amount": 0}]}, "items[0].quantity", "must be greater than 0"),
        ({"items": [{**ITEM, "description": None}]}, "items[0].description", "is required"),
        ({"items": [ITEM] * 1001}, "items", "must not be more than 1000"),
    ],
)
def test_a_bad_field_is_named_with_what_is_wrong(
    shared: tuple[Api, str], change: dict[str, Any], field: str, text: str | None
) -> None:
    api, client = shared
    details = wrong(api("POST", RECEIPTS, {**order(client), **change}))
    assert list(details) == [field]
    assert text is None or details[field] == text


def test_everything_that_is_wrong_is_told_at_once(shared: tuple[Api, str]) -> None:
    api, _client = shared
    body = {
        "amount": "x", "clientId": "nobody", "currency": "ZZZ", "issueDate": "?", "paymentMethod": "shells", "metadata": [],
        "items": [{"description": "", "quantity": 1, "unitPrice": 2, "amount": 3}, 7], "description": 1,
    }
    assert list(wrong(api("POST", RECEIPTS, body))) == [
        "amount", "issueDate", "description", "items[1]", "metadata", "clientId", "currency", "paymentMethod",
        "items[0].description", "items[0].amount",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"{\"a\":" * 5000, b'{"amount":1e999999}'])
def test_a_body_that_is_no_receipt_is_refused_in_this_envelope(shared: tuple[Api, str], body: bytes) -> None:
    api, _client = shared
    refused(api("POST", RECEIPTS, content=body, headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")


def test_ten_megabytes_are_refused_in_this_envelope(shared: tuple[Api, str]) -> None:
    api, client = shared
    refused(api("POST", RECEIPTS, order(client, description="x" * 10_000_000)), 413, "BODY_TOO_LARGE")


def test_unknown_paths_and_methods_are_refused_in_this_envelope(shared: tuple[Api, str]) -> None:
    api, _client = shared
    refused(api("GET", "/v2/payments"), 404, "NOT_FOUND")
    answer = api("PATCH", f"{RECEIPTS}/receipt_1", {})
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "DELETE, GET, PUT"
    assert refused(api("GET", f"{RECEIPTS}/%00"), 404, "NOT_FOUND")["message"] == "Receipt not found"
    assert refused(api("GET", f"{RECEIPTS}/receipt_321"), 404, "NOT_FOUND")["message"] == "Receipt not found"


def test_a_key_that_may_only_read_issues_nothing(shared: tuple[Api, str], house: Any) -> None:
    api, client = shared
    viewer = Api(api.client, key_of(house, api.tenant, "viewer"))
    refused(viewer("POST", RECEIPTS, order(client)), 403, "FORBIDDEN")
    assert viewer("GET", RECEIPTS).status_code == 200


def test_another_tenants_ids_are_nobodys(shared: tuple[Api, str], new_api: Any) -> None:
    api, client = shared
    made, stranger = issue(api, client), new_api(name="Stranger")
    for method, body in (("GET", None), ("PUT", {"description": "mine"}), ("DELETE", None)):
        refused(stranger(method, f"{RECEIPTS}/{made['id']}", body), 404, "NOT_FOUND")
    assert "clientId" in wrong(stranger("POST", RECEIPTS, order(client)))
    assert stranger.get(RECEIPTS, clientId=client)["data"] == []
    assert api.get(f"{RECEIPTS}/{made['id']}")["data"] == made


def test_the_same_key_issues_once_and_another_body_under_it_is_a_conflict(api: Api) -> None:
    body = order(client_of(api))
    first = api("POST", RECEIPTS, body, headers={"Idempotency-Key": "k-1"})
    again = api("POST", RECEIPTS, body, headers={"Idempotency-Key": "k-1"})
    assert first.json() == again.json() and again.headers["idempotency-replayed"] == "true"
    refused(api("POST", RECEIPTS, {**body, "amount": 1}, headers={"Idempotency-Key": "k-1"}), 409, "CONFLICT")
    assert api.get(RECEIPTS)["totalResults"] == 1


def test_what_is_left_out_has_its_default_and_a_number_is_always_there(api: Api) -> None:
    data = issue(api, client_of(api, email=None, rfc=None), 12.5)
    assert data["client"] == {"rfc": "XAXX010101000", "name": "Cliente Example", "email": ""}
    assert (data["currency"], data["status"], data["receiptNumber"]) == ("MXN", "issued", "R-000001")
    assert (data["description"], data["paymentMethod"], data["items"], data["metadata"]) == (None, None, [], {})
    assert data["issueDate"] == data["timestamp"]


def test_given_numbers_are_passed_over_and_no_number_is_left_out(api: Api) -> None:
    client = client_of(api)
    for number in ("R-000002", "R-000003", "R-000005", "R-0000006", "R-x"):
        issue(api, client, receiptNumber=number)
    made = [issue(api, client)["receiptNumber"] for _ in range(4)]
    assert made == ["R-000001", "R-000004", "R-000006", "R-000007"]
    wrong(api("POST", RECEIPTS, order(client, amount=0)))
    assert issue(api, client)["receiptNumber"] == "R-000008"


def test_hostile_texts_come_back_as_they_were(api: Api) -> None:
    name = "<script>alert('x')</script> & \"Søn\" \u202e🧾"
    client = client_of(api, name)
    data = issue(api, client, description=name, receiptNumber="'; DROP TABLE --", metadata={"<b>": [name, None, {"": 1}]},
                 items=[{"description": name, "quantity": 1, "unitPrice": 500, "amount": 500}])
    assert data["client"]["name"] == data["description"] == data["items"][0]["description"] == name
    assert data["metadata"] == {"<b>": [name, None, {"": 1}]}
    assert api.get(f"{RECEIPTS}/{data['id']}")["data"] == data


def test_numbers_are_exact_to_the_last_digit(api: Api) -> None:
    client = client_of(api)
    raw = (b'{"clientId":"%s","amount":50.00,"items":[{"description":"x","quantity":1.5,"unitPrice":33.330000000001,'
           b'"amount":49.9950000000015}],"metadata":{"n":0.10,"big":123456789012345678901234567890}}')
    refusal = wrong(api("POST", RECEIPTS, content=raw % client.encode()))
    assert list(refusal) == ["items[0].amount"]  # thirteen places
    raw = raw.replace(b"33.330000000001", b"33.33").replace(b"49.9950000000015", b"49.995")
    answer = api("POST", RECEIPTS, content=raw % client.encode())
    assert answer.status_code == 201, answer.text
    data = json.loads(answer.text, parse_float=Decimal)["data"]
    assert data["amount"] == 50 and data["items"][0]["amount"] == Decimal("49.995")
    assert b'"n":0.10,"big":123456789012345678901234567890' in answer.content


@pytest.mark.parametrize(
    ("way", "reached"),
    [
        (["sent", "archived"], "archived"),
        (["cancelled"], "cancelled"),
        (["sent", "cancelled"], "cancelled"),
        (["issued", "issued"], "issued"),
    ],
)
def test_states_follow_each_other(shared: tuple[Api, str], way: list[str], reached: str) -> None:
    api, client = shared
    at = f"{RECEIPTS}/{issue(api, client)['id']}"
    for status in way:
        assert api("PUT", at, {"status": status}).json()["data"]["status"] == status
    assert api.get(at)["data"]["status"] == reached


@pytest.mark.parametrize(
    ("way", "then"),
    [
        ([], "archived"), ([], "draft"), (["sent"], "issued"), (["sent", "archived"], "cancelled"), (["cancelled"], "issued"),
        (["cancelled"], "sent"),
    ],
)
def test_states_do_not_jump_or_go_back(shared: tuple[Api, str], way: list[str], then: str) -> None:
    api, client = shared
    at = f"{RECEIPTS}/{issue(api, client)['id']}"
    for status in way:
        assert api("PUT", at, {"status": status}).status_code == 200
    before = api.get(at)
    refused(api("PUT", at, {"status": then, "description": "no"}), 409, "CONFLICT")
    assert api.get(at) == before


def test_a_draft_is_issued_later(api: Api) -> None:
    at = f"{RECEIPTS}/{issue(api, client_of(api), status='draft')['id']}"
    assert api("PUT", at, {"description": "still open"}).json()["data"]["status"] == "draft"
    assert api("PUT", at, {"status": "issued"}).json()["data"]["status"] == "issued"


def test_what_a_receipt_is_over_never_changes(shared: tuple[Api, str]) -> None:
    api, client = shared
    made = issue(api, client)
    fixed = {"clientId": client, "amount": 1, "currency": "USD", "receiptNumber": "X", "issueDate": "2024-01-01", "items": []}
    details = wrong(api("PUT", f"{RECEIPTS}/{made['id']}", {**fixed, "description": 1, "status": "lost", "metadata": 7}))
    assert {k for k, v in details.items() if v == "cannot be changed"} == set(fixed)
    assert set(details) == {*fixed, "description", "status", "metadata"}
    assert api.get(f"{RECEIPTS}/{made['id']}")["data"] == made


def test_null_takes_a_field_away_and_what_is_not_sent_stays(shared: tuple[Api, str]) -> None:
    api, client = shared
    made = issue(api, client, description="one", paymentMethod="cash", metadata={"a": 1})
    at = f"{RECEIPTS}/{made['id']}"
    assert api("PUT", at, {}).json()["data"] == made
    assert api("PUT", at, {"description": None}).json()["data"] == {**made, "description": None}
    gone = api("PUT", at, {"paymentMethod": None, "metadata": None, "team": "x"})
    assert gone.json()["data"] == {**made, "description": None, "paymentMethod": None, "metadata": {}}
    assert gone.headers["x-ignored-fields"] == "team"


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    minor=st.integers(1, 10**12),
    currency=st.sampled_from(["MXN", "USD", "JPY", "KWD"]),
    text=st.none() | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30),
    metadata=st.dictionaries(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=5),
                             st.integers() | st.booleans() | st.none(), max_size=3),
)
def test_create_get_and_list_agree(
    shared: tuple[Api, str], minor: int, currency: str, text: str | None, metadata: dict[str, Any]
) -> None:
    api, client = shared
    places = {"JPY": 0, "KWD": 3}.get(currency, 2)
    major = Decimal(minor).scaleb(-places)
    body = json.dumps({"clientId": client, "currency": currency, "description": text, "metadata": metadata})
    made = api("POST", RECEIPTS, content=body[:-1] + f', "amount": {major:f}}}')
    assert made.status_code == 201, made.text
    data = json.loads(made.text, parse_float=Decimal)["data"]
    assert (Decimal(data["amount"]), data["description"], data["metadata"]) == (major, text, metadata)
    assert api.get(f"{RECEIPTS}/{data['id']}")["data"] == made.json()["data"]
    (row,) = api.get(RECEIPTS, receiptNumber=data["receiptNumber"])["data"]
    assert row == {k: made.json()["data"][k] for k in row if k != "client"} | {"client": row["client"]}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(
        ["issued", "sent", "MXN", "cash", "2024-01-15", "R-1", 0, -1, 10**30, 1e308, "\x00", "\ud800", "9" * 300]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["description", "quantity", "unitPrice", "amount"]) | st.text(max_size=3), inner, max_size=4
    ),
    max_leaves=12,
)
FIELDS = ["clientId", "amount", "currency", "description", "receiptNumber", "issueDate", "paymentMethod", "status", "items",
          "metadata"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=8), known=st.booleans())
def test_no_body_makes_the_server_fail(shared: tuple[Api, str], body: dict[str, Any], known: bool) -> None:
    api, client = shared
    if known:
        body = {"amount": 5, **body, "clientId": client}
    for method, path in (("POST", RECEIPTS), ("PUT", f"{RECEIPTS}/receipt_{'0' * 32}")):
        answer = api(method, path, content=json.dumps(body))
        assert answer.status_code in (201, 400, 404), answer.text
        assert answer.status_code == 201 or set(answer.json()) == {"error", "message"}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=st.dictionaries(
    st.sampled_from(["limit", "offset", "next", "clientId", "status", "receiptNumber", "from", "to", "minAmount", "maxAmount"]),
    st.text(max_size=12) | st.sampled_from(["0", "1e5", "-0", "2024-01-15T10:30:00Z", "9999-12-31", "NaN", "1" * 30]), max_size=4,
))
def test_no_query_makes_the_server_fail(shared: tuple[Api, str], query: dict[str, str]) -> None:
    api, _client = shared
    try:
        answer = api("GET", RECEIPTS, params=query)
    except UnicodeEncodeError:  # a client cannot send it
        return
    assert answer.status_code in (200, 400), answer.text
