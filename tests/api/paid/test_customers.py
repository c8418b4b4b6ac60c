"""Customers and their aliases, by the published clients of both releases and by bare calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native import Api, good
from tests.api.paid.conftest import ONCE, refused

NORTHWIND = {"name": "Northwind", "externalId": "northwind", "email": "ap@northwind.test", "defaultCurrency": "EUR"}
TIMES = ("createdAt", "updatedAt")


def test_the_answer_has_every_field_of_the_contract(raw: Any) -> None:
    made = raw("POST", "/customers/", NORTHWIND)
    assert made.status_code == 201
    answer = made.json()
    assert answer["id"].startswith("cus_") and all(answer.pop(t).endswith("Z") for t in TIMES)
    assert answer == {
        "id": answer["id"],
        "name": "Northwind",
        "legalName": None,
        "email": "ap@northwind.test",
        "phone": "",
        "website": "",
        "externalId": "northwind",
        "billingAddress": None,
        "creationState": "active",
        "status": "active",
        "churnDate": None,
        "vatNumber": None,
        "metadata": None,
        "defaultCurrency": "EUR",
        "connections": {"stripe": None},
    }


def test_both_clients_create_read_change_list_and_delete(any_paid: Any) -> None:
    made = any_paid.customers.create_customer(name="Northwind", external_id="northwind", email="ap@northwind.test")
    assert any_paid.customers.get_customer_by_id(made.id).name == "Northwind"
    assert any_paid.customers.get_customer_by_external_id("northwind").id == made.id
    changed = any_paid.customers.update_customer_by_external_id("northwind", legal_name="Northwind GmbH", phone="030 1")
    assert (changed.name, changed.legal_name, changed.phone, changed.email) == (
        "Northwind",
        "Northwind GmbH",
        "030 1",
        "ap@northwind.test",
    )
    listed = any_paid.customers.list_customers(limit=1)
    assert [c.id for c in listed.data] == [made.id]
    assert (listed.pagination.limit, listed.pagination.total, listed.pagination.has_more) == (1, 1, False)
    any_paid.customers.delete_customer_by_id(made.id)
    assert any_paid.customers.list_customers().data == []
    for gone in (any_paid.customers.get_customer_by_id, any_paid.customers.delete_customer_by_id):
        with pytest.raises(Exception, match="no customer"):
            gone(made.id, request_options=ONCE)


def test_a_change_leaves_what_was_not_sent_and_null_takes_away(raw: Any) -> None:
    address = {"line1": "Gasse 1", "city": "Wien", "zipCode": "1010", "country": "AT"}
    good(
        raw(
            "POST",
            "/customers",
            {**NORTHWIND, "billingAddress": address, "metadata": {"tier": 1.10}, "vatNumber": "ATU1"},
        )
    )
    kept = good(raw("PUT", "/customers/external/northwind", {"website": "https://northwind.test"}))
    assert kept["billingAddress"] == {**address, "line2": None, "state": None} and kept["vatNumber"] == "ATU1"
    assert kept["metadata"] == {"tier": 1.10} and kept["email"] == "ap@northwind.test"
    gone = raw("PUT", "/customers/external/northwind", {"billingAddress": None, "metadata": None, "email": None}).json()
    assert (gone["billingAddress"], gone["metadata"], gone["email"], gone["website"]) == (
        None,
        None,
        "",
        "https://northwind.test",
    )
    assert gone["updatedAt"] >= kept["updatedAt"]


def test_a_date_of_leaving_that_has_come_makes_the_customer_churned(paid: Any) -> None:
    made = paid.customers.create_customer(name="Northwind")
    assert paid.customers.update_customer_by_id(made.id, churn_date="2099-01-01T00:00:00Z").status == "active"
    assert paid.customers.update_customer_by_id(made.id, churn_date="2020-01-01T00:00:00Z").status == "churned"
    assert [c.id for c in paid.customers.list_customers(status="churned").data] == [made.id]
    assert paid.customers.list_customers(status="active").data == []
    assert paid.customers.update_customer_by_id(made.id, churn_date="2020-01-01T00:00:00Z").churn_date.year == 2020


def test_lists_are_cut_filtered_and_bounded(raw: Any) -> None:
    for n in range(12):
        raw(
            "POST",
            "/customers",
            {"name": f"Customer {n:02}", "externalId": f"c{n}", "creationState": "draft" if n else "active"},
        )

    def names(query: str) -> list[str]:
        return [c["name"] for c in raw("GET", f"/customers/?{query}").json()["data"]]

    first = raw("GET", "/customers").json()
    assert first["pagination"] == {"limit": 10, "offset": 0, "total": 12, "hasMore": True}
    assert [c["name"] for c in first["data"]][:2] == ["Customer 11", "Customer 10"]
    assert raw("GET", "/customers?limit=5000").json()["pagination"]["limit"] == 100
    assert len(names("limit=0")) == 1 and names("offset=11") == ["Customer 00"] and names("offset=99999999") == []
    assert names("name=ER%2003") == ["Customer 03"] and names("externalId=c4") == ["Customer 04"]
    assert names("creationState=active") == ["Customer 00"]
    assert names("createdAtTo=2020-01-01") == [] and len(names("createdAtFrom=2020-01-01&limit=50")) == 12
    assert names("createdAtFrom=2020-01-01T00:00:00%2B02:00&createdAtTo=2020-01-01T00:00:00Z") == []
    for query, field in (
        ("createdAtFrom=soon", "createdAtFrom"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("status=gone", "status"),
        ("offset=99999999999999999999999", "offset"),
    ):
        refused(raw("GET", f"/customers?{query}"), 400, field)


BAD = [
    ({}, "name"),
    ({"name": ""}, "name"),
    ({"name": "   "}, "name"),
    ({"name": None}, "name"),
    ({"name": 5}, "name"),
    ({"name": "x" * 501}, "name"),
    ({"name": "a\x00b"}, "name"),
    ({"name": "x", "email": "nobody"}, "email"),
    ({"name": "x", "defaultCurrency": "XXQ"}, "defaultCurrency"),
    ({"name": "x", "externalId": "e" * 256}, "externalId"),
    ({"name": "x", "metadata": [1]}, "metadata"),
    ({"name": "x", "metadata": {"a": "\x00"}}, "metadata"),
    ({"name": "x", "creationState": "gone"}, "creationState"),
    ({"name": "x", "billingAddress": "here"}, "billingAddress"),
]


@pytest.mark.parametrize(("body", "field"), BAD, ids=[str(b)[:40] for b, _ in BAD])
def test_bad_input_is_refused_and_the_field_is_named(raw: Any, body: Any, field: str) -> None:
    refused(raw("POST", "/customers/", body), 400, field)
    assert raw("GET", "/customers").json()["pagination"]["total"] == 0


@pytest.mark.parametrize("number", ["1e999999999", "-1e-999999999", "9" * 5000, "0." + "1" * 500])
def test_monstrous_numbers_in_metadata_are_refused_not_fatal(api: Api, number: str) -> None:
    answer = api.client.post(
        "/api/v2/customers/",
        content=f'{{"name": "x", "metadata": {{"n": {number}}}}}',
        headers={"Authorization": f"Bearer {api.token}"},
    )
    refused(answer, 400)


def test_metadata_comes_back_digit_for_digit(api: Api, raw: Any) -> None:
    text = '{"ratio":0.30000000000000004,"big":123456789012345678901,"deep":{"list":[1.10,null,true]},"":"é😀"}'
    made = api.client.post(
        "/api/v2/customers/",
        content=f'{{"name": "x", "metadata": {text}}}'.encode(),
        headers={"Authorization": f"Bearer {api.token}"},
    ).json()
    assert text in raw("GET", f"/customers/{made['id']}").text


HOSTILE = [
    "../../etc",
    "a b",
    "100%",
    "o'brien; DROP TABLE customer",
    '"quoted"',
    "{}",
    "ünïcode 😀",
    "a\\b",
    "null",
    "aliases",
    "external",
    "a\nb",
    "cus_00000000000000000000000000000000",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_external_ids_name_their_customer_and_nothing_else(any_paid: Any, raw: Any, name: str) -> None:
    made = any_paid.customers.create_customer(name=name, external_id=name)
    other = any_paid.customers.create_customer(name="other")
    if "\n" not in name:
        assert [c["id"] for c in raw("GET", "/customers", params={"externalId": name}).json()["data"]] == [made.id]
    if "/" not in name and "\n" not in name:
        assert raw("GET", f"/customers/external/{_quoted(name)}").json()["id"] == made.id
        raw("DELETE", f"/customers/external/{_quoted(name)}")
        assert [c.id for c in any_paid.customers.list_customers().data] == [other.id]


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def test_an_external_id_belongs_to_one_customer_and_is_free_again_after_its_end(raw: Any) -> None:
    first = raw("POST", "/customers", NORTHWIND).json()
    error = refused(raw("POST", "/customers", NORTHWIND), 400, "externalId")
    assert error["code"] == "CUSTOMER_EXISTS"
    second = raw("POST", "/customers", {"name": "Southwind"}).json()
    refused(raw("PUT", f"/customers/{second['id']}", {"externalId": "northwind"}), 400, "externalId")
    assert raw("PUT", f"/customers/{first['id']}", {"externalId": "northwind"}).status_code == 200
    assert raw("DELETE", "/customers/external/northwind").json() == {}
    refused(raw("GET", "/customers/external/northwind"), 404)
    assert raw("POST", "/customers", NORTHWIND).json()["id"] != first["id"]


def test_a_deleted_customer_is_gone_from_every_door(api: Api, raw: Any) -> None:
    made = raw("POST", "/customers", NORTHWIND).json()
    ref = api.get("/v1/customers")["data"][0]["customer_ref"]
    raw("DELETE", f"/customers/{made['id']}/")
    assert api.get("/v1/customers")["data"] == []
    assert api("GET", f"/v1/customers/{ref}").status_code == 404
    assert api("PATCH", f"/v1/customers/{ref}", {"name": "Back"}).status_code == 404
    assert (
        api("POST", "/v1/invoices", {"customer_ref": ref, "lines": [{"item": "Work", "unit_price": "1"}]}).status_code
        == 422
    )


def test_aliases_answer_like_the_external_id(paid: Any, raw: Any) -> None:
    made = paid.customers.create_customer(name="Northwind", external_id="northwind")
    alias = paid.customers.create_customer_alias_by_external_id(
        "northwind", alias="nw", name="crm", description="their CRM"
    )
    assert (alias.alias, alias.customer_id, alias.name, alias.description) == ("nw", made.id, "crm", "their CRM")
    assert paid.customers.get_customer_by_external_id("nw").id == made.id
    assert [a.alias for a in paid.customers.list_customer_aliases(made.id).data] == ["nw"]
    other = paid.customers.create_customer(name="Other", external_id="other")
    for taken in ("nw", "northwind"):
        answer = raw("POST", f"/customers/{other.id}/aliases", {"alias": taken})
        assert refused(answer, 409)["code"] == "ALIAS_TAKEN"
    refused(raw("POST", "/customers", {"name": "Thief", "externalId": "nw"}), 400, "externalId")
    refused(raw("DELETE", f"/customers/{other.id}/aliases/nw"), 404)
    paid.customers.delete_customer_alias(made.id, "nw")
    refused(raw("GET", "/customers/external/nw"), 404)
    refused(raw("POST", f"/customers/{made.id}/aliases", {"alias": ""}), 400, "alias")


def test_another_tenant_sees_nothing_of_it(paid: Any, new_api: Any) -> None:
    made = paid.customers.create_customer(name="Northwind", external_id="northwind")
    stranger = new_api()
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/aliases"), ("POST", "/aliases")):
        for name in (made.id, "external/northwind"):
            refused(stranger(method, f"/api/v2/customers/{name}{path}", {"alias": "x"} if path else None), 404)
    assert stranger.get("/api/v2/customers/")["data"] == []
    stranger.post("/api/v2/customers", {"name": "Northwind", "externalId": "northwind"})
    assert paid.customers.get_customer_by_external_id("northwind").id == made.id


def test_keys_that_may_not_change_customers_do_not(api: Api, new_api: Any, raw: Any) -> None:
    assert raw("GET", "/customers", headers={"Authorization": "Bearer paid_wrong"}).status_code == 401
    viewer = new_api("viewer")
    refused(viewer("POST", "/api/v2/customers", {"name": "x"}), 403)
    assert viewer("GET", "/api/v2/customers").status_code == 200


def test_the_state_of_a_customer_names_its_orders(paid: Any, raw: Any) -> None:
    made = paid.customers.create_customer(name="Northwind", external_id="northwind", billing_address={"line1": "Gasse 1"})
    empty = paid.customers.get_customer_state_by_id(made.id)
    assert (empty.customer.id, empty.orders, empty.seats.total, empty.credits.balances) == (made.id, [], 0, [])
    past = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-01T00:00:00Z"}
    paid.orders.create_order(customer_id=made.id, name="draft", external_id="d")
    paid.orders.create_order(customer_id=made.id, name="over", creation_state="active", currency="USD", **past)
    state = paid.customers.get_customer_state_by_external_id("northwind")
    assert [(o.name, o.external_id, o.state, o.currency) for o in state.orders] == [
        ("over", None, "ended", "USD"),
        ("draft", "d", "draft", "USD"),
    ]
    assert state.customer.billing_address.line1 == "Gasse 1"
    refused(raw("GET", "/customers/external/nobody/state"), 404)


def test_fields_that_are_not_known_are_named_and_left_alone(raw: Any) -> None:
    answer = raw("POST", "/customers", {"name": "Northwind", "shoeSize": 44})
    assert answer.status_code == 201 and answer.headers["x-ignored-fields"] == "shoeSize"
