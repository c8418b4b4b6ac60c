"""Lists of this API: filters with both ends included, pages by offset and by `next`, clients over the same customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.gigstack.calls import CLIENTS, RECEIPTS, client_of, order, refused, wrong
from tests.api.native import Api


@pytest.fixture(scope="module")
def listed(new_api: Callable[..., Api]) -> tuple[Api, str, str]:
    """A tenant with receipts of two clients: of the first a to e, day by day, of the second f."""
    api = new_api(name="Listed")
    one, other = client_of(api, "One", externalId="crm-1"), client_of(api, "Other")
    for n, number in enumerate("abcde", 1):
        api.post(RECEIPTS, order(one, n * 100, receiptNumber=number, issueDate=f"2024-01-0{n}T12:00:00Z"))
    api.post(RECEIPTS, order(other, 350.5, receiptNumber="f", issueDate="2024-01-03T12:00:00Z", currency="USD"))
    made = api.get(RECEIPTS, receiptNumber="b")["data"][0]["id"]
    assert api("PUT", f"{RECEIPTS}/{made}", {"status": "sent"}).status_code == 200
    return api, one, other


def numbers(api: Api, **query: Any) -> str:
    """The numbers that a list shows, in its order."""
    return "".join(row["receiptNumber"] for row in api.get(RECEIPTS, **query)["data"])


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, "edfcba"),
        ({"status": "sent"}, "b"),
        ({"status": "draft"}, ""),
        ({"receiptNumber": "c"}, "c"),
        ({"from": "2024-01-04"}, "ed"),
        ({"to": "2024-01-02"}, "ba"),
        ({"from": "2024-01-03T12:00:00Z", "to": "2024-01-03T12:00:00Z"}, "fc"),
        ({"from": "2024-01-03T14:00:00+02:00", "to": "2024-01-03T12:00:00.000Z"}, "fc"),
        ({"from": "2024-02-01", "to": "2024-01-01"}, ""),
        ({"minAmount": "350.5", "maxAmount": 400}, "df"),
        ({"maxAmount": "100.00"}, "a"),
        ({"clientId": "nobody"}, ""),
        ({"clientId": "crm-1", "minAmount": 300}, "edc"),
        ({"limit": 2}, "ed"),
        ({"limit": 2, "offset": 3}, "cb"),
        ({"limit": 1000}, "edfcba"),
        ({"offset": 6}, ""),
        ({"offset": 10**17}, ""),
        ({"limit": "", "team": "x", "livemode": "true"}, "edfcba"),
    ],
)
def test_a_filter_takes_what_it_says(listed: tuple[Api, str, str], query: dict[str, Any], shown: str) -> None:
    assert numbers(listed[0], **query) == shown


def test_a_plus_sign_in_a_query_may_be_a_space(listed: tuple[Api, str, str]) -> None:
    answer = listed[0]("GET", f"{RECEIPTS}?from=2024-01-05T14:00:00+02:00")
    assert [row["receiptNumber"] for row in answer.json()["data"]] == ["e"]


def test_clients_are_found_by_any_of_their_names(listed: tuple[Api, str, str]) -> None:
    api, one, other = listed
    ref = one.removeprefix("client_")
    for name in (one, "crm-1", f"cus_{ref}", f"{ref[:8]}-{ref[8:12]}-{ref[12:16]}-{ref[16:20]}-{ref[20:]}"):
        assert numbers(api, clientId=name) == "edcba"
    assert numbers(api, clientId=other) == "f"


@pytest.mark.parametrize("style", ["offset", "next"])
def test_pages_join_without_gap_or_double(listed: tuple[Api, str, str], style: str) -> None:
    api, _one, _other = listed
    seen, query = "", {}
    while True:
        page = api.get(RECEIPTS, limit=4, **query)
        assert page["totalResults"] == 6 and page["hasMore"] == (page["next"] is not None)
        seen += "".join(row["receiptNumber"] for row in page["data"])
        if not page["hasMore"]:
            break
        query = {style: page["next"]}
    assert seen == "edfcba"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"), ({"limit": -1}, "limit"), ({"limit": "ten"}, "limit"), ({"limit": "1.5"}, "limit"),
        ({"offset": -1}, "offset"), ({"offset": "x"}, "offset"), ({"next": "eyJ4Ijox"}, "next"),
        ({"status": "paid"}, "status"), ({"from": "soon"}, "from"), ({"to": "2024-02-30"}, "to"),
        ({"minAmount": "ten"}, "minAmount"), ({"maxAmount": "NaN"}, "maxAmount"), ({"maxAmount": "1e99"}, "maxAmount"),
        ({"maxAmount": "1_0"}, "maxAmount"),
    ],
)
def test_a_bad_filter_is_named(listed: tuple[Api, str, str], query: dict[str, Any], field: str) -> None:
    assert list(wrong(listed[0]("GET", RECEIPTS, params=query))) == [field]


def test_every_bad_filter_is_named_at_once(listed: tuple[Api, str, str]) -> None:
    answer = listed[0]("GET", RECEIPTS, params={"limit": "x", "from": "y", "maxAmount": "z", "status": "w"})
    assert set(wrong(answer)) == {"limit", "from", "maxAmount", "status"}


# Clients


def test_a_client_is_made_changed_found_and_deleted(api: Api) -> None:
    answer = api("POST", CLIENTS, {"name": " Northwind ", "email": "ap@northwind.test", "rfc": "NWI010101AB1"})
    assert answer.status_code == 201
    made = answer.json()["data"]
    assert answer.json()["message"] == "Client created successfully"
    assert {k: made[k] for k in ("name", "email", "rfc", "externalId")} == {
        "name": "Northwind", "email": "ap@northwind.test", "rfc": "NWI010101AB1", "externalId": None,
    }
    at = f"{CLIENTS}/{made['id']}"
    assert api.get(at)["data"] == made
    assert api("PUT", at, {"name": "Northwind SA", "email": None}).json()["data"] == {
        **made, "name": "Northwind SA", "email": "",
    }
    listed = api.get(CLIENTS)
    assert (listed["totalResults"], listed["hasMore"], listed["next"]) == (1, False, None)
    assert api("DELETE", at).json()["data"] == {"id": made["id"], "deleted": True}
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        error = refused(api(method, at, body), 404, "NOT_FOUND")
        assert error["message"] == "Client not found"
    assert api.get(CLIENTS)["data"] == []


def test_a_receipt_keeps_its_client_as_it_was(api: Api) -> None:
    client = client_of(api, "Before")
    made = api.post(RECEIPTS, order(client))["data"]
    api("PUT", f"{CLIENTS}/{client}", {"name": "After", "rfc": "NEW010101AB1"})
    at = f"{RECEIPTS}/{made['id']}"
    assert api.get(at)["data"]["client"]["name"] == "Before"
    assert api.post(RECEIPTS, order(client))["data"]["client"]["name"] == "After"
    assert api("DELETE", f"{CLIENTS}/{client}").status_code == 200
    assert api.get(at)["data"] == made
    assert "clientId" in wrong(api("POST", RECEIPTS, order(client)))


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"name": "Name is required"}),
        ({"name": "  "}, {"name": "Name is required"}),
        ({"name": 7, "email": []}, {"name": "must be a text", "email": "must be a text"}),
        ({"name": "x" * 201}, {"name": "must not have more than 200 characters"}),
        ({"name": "x", "externalId": "taken"}, {"externalId": "is the name of another client"}),
    ],
)
def test_a_bad_client_is_refused(api: Api, body: dict[str, Any], details: dict[str, str]) -> None:
    client_of(api, externalId="taken")
    assert wrong(api("POST", CLIENTS, body)) == details


def test_clients_are_the_customers_of_every_other_api(api: Api) -> None:
    entity = api.post("/v1/entities", {"name": "Home", "number_prefix": "HO"})["entity_ref"]
    native = api.post("/v1/customers", {"name": "Native", "entity_ref": entity, "tax_id": "T-1", "external_id": "n/1"})
    found = api.get(f"{CLIENTS}/{native['customer_ref']}")["data"]
    assert (found["name"], found["rfc"], found["externalId"]) == ("Native", "T-1", "n/1")
    back = api.get(f"/v1/customers/{native['customer_ref']}")
    assert back["tax_id"] == "T-1"
