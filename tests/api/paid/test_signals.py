"""Signals: usage events under the name of what happened, or waiting for their customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.native import Api, good
from tests.api.paid.conftest import refused

CLAIM = {
    "eventName": "claim_reviewed",
    "customer": {"externalCustomerId": "northwind"},
    "attribution": {"externalProductId": "claims-agent"},
    "timestamp": "2026-04-12T07:30:00Z",
    "data": {"minutes_saved": 35},
    "idempotencyKey": "claim-991",
}


def send(raw: Any, *signals: dict[str, Any]) -> tuple[int, int, int]:
    answer = good(raw("POST", "/signals/bulk", {"signals": list(signals)}))
    return answer["ingested"], answer["duplicates"], answer["failed"]


def events(api: Api) -> list[dict[str, Any]]:
    return api.get("/v1/usage/events")["data"]


@pytest.fixture
def northwind(raw: Any) -> str:
    """A customer."""
    return good(raw("POST", "/customers/", {"name": "Northwind", "externalId": "northwind"}))["id"]


def test_both_clients_send_signals_and_repeats_are_counted(any_paid: Any, northwind: str) -> None:
    for expected in ((2, 0, 0), (0, 2, 0)):
        done = any_paid.signals.create_signals(
            signals=[
                {
                    "event_name": "claim_reviewed",
                    "customer": {"external_customer_id": "northwind"},
                    "idempotency_key": "a",
                    "attribution": {"external_product_id": "agent"},
                    "data": {"minutes_saved": 35},
                },
                {"event_name": "claim_reviewed", "customer": {"customer_id": northwind}, "idempotency_key": "b"},
            ]
        )
        assert (done.ingested, done.duplicates, done.failed) == expected


def test_a_signal_is_a_usage_event_of_its_name_quantity_and_properties(raw: Any, api: Api, northwind: str) -> None:
    data = {
        "minutes_saved": 35,
        "quantity": 2.50,
        "ok": True,
        "team": "a\u00e9",
        "none": None,
        "list": [1],
        "deep": {"score": 0.30000000000000004, "more": {"x": -0.0}},
        "costData": {"vendor": "v", "cost": {"amount": 1}},
    }
    assert send(raw, {**CLAIM, "data": data, "customerUnit": {"externalCustomerUnitId": "berlin"}}) == (1, 0, 0)
    (event,) = events(api)
    assert event["usage_product_name"] == "claim_reviewed" if "usage_product_name" in event else True
    assert (event["at"], event["quantity"], event["key"]) == ("2026-04-12T07:30:00Z", "2.5", "claim-991")
    assert event["properties"] == {
        "minutes_saved": "35",
        "quantity": "2.5",
        "ok": "true",
        "team": "aé",
        "deep.score": "0.30000000000000004",
        "deep.more.x": "0",
        "$external_product": "claims-agent",
        "$customer_unit": "berlin",
    }


QUANTITIES = [
    (3, "3"),
    (2.5, "2.5"),
    (0, "0"),
    (-1, "-1"),
    (0.30000000000000004, "0.3"),
    ("7", "1"),
    (True, "1"),
    (None, "1"),
    ([2], "1"),
    (10**21, "1"),
    (1e-30, "0"),
]


@pytest.mark.parametrize(("given", "counted"), QUANTITIES)
def test_a_quantity_that_is_a_usable_number_counts_and_all_else_counts_one(
    raw: Any, api: Api, northwind: str, given: Any, counted: str
) -> None:
    assert send(raw, {**CLAIM, "data": {"quantity": given}}) == (1, 0, 0)
    assert Decimal(events(api)[0]["quantity"]) == Decimal(counted)


def test_a_signal_waits_for_its_customer_and_is_its_usage_from_then_on(raw: Any, api: Api) -> None:
    assert send(raw, CLAIM, {**CLAIM, "idempotencyKey": "2"}) == (2, 0, 0)
    assert send(raw, CLAIM) == (0, 1, 0), "a repeat is one while it waits, too"
    assert events(api) == []
    waiting = good(raw("GET", "/signals/"))["data"]
    assert [(s["customerId"], s["externalCustomerId"]) for s in waiting] == [(None, "northwind")] * 2
    made = good(raw("POST", "/customers", {"name": "Northwind", "externalId": "northwind"}))
    assert [s["customerId"] for s in good(raw("GET", "/signals"))["data"]] == [made["id"]] * 2
    assert sorted(e["key"] for e in events(api)) == ["2", "claim-991"]
    assert send(raw, CLAIM) == (0, 1, 0)


WAYS = {
    "a native customer": lambda raw, api: api.post("/v1/customers", {"name": "N", "external_id": "northwind"}),
    "a changed external id": lambda raw, api: good(raw("PUT", "/customers/external/old", {"externalId": "northwind"})),
    "an alias": lambda raw, api: good(raw("POST", "/customers/external/old/aliases", {"alias": "northwind"})),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_comes_to_bear_the_name_gets_what_waited(raw: Any, api: Api, way: str) -> None:
    good(raw("POST", "/customers", {"name": "Old", "externalId": "old"}))
    send(raw, CLAIM)
    assert events(api) == []
    WAYS[way](raw, api)
    assert len(events(api)) == 1


def test_costs_that_waited_go_with_it(raw: Any, api: Api, house: Any) -> None:
    cost = {"vendor": "openai", "cost": {"amount": 0.002, "currency": "USD"}, "gen_ai.response.model": "gpt"}
    send(raw, {**CLAIM, "data": {"costData": cost}}, {**CLAIM, "data": {"costData": "much"}, "idempotencyKey": "2"})
    customer = good(raw("POST", "/customers", {"name": "Northwind", "externalId": "northwind"}))
    ref = api.get("/v1/customers")["data"][0]["customer_ref"]
    with house.tx(api.tenant) as tx:
        (kept,) = tx.costs_of(ref)
    assert (str(kept.amount), kept.currency, kept.vendor, kept.model) == ("0.002", "USD", "openai", "gpt"), customer


def test_times_out_of_reach_fail_alone_and_ids_of_ours_that_nobody_has(raw: Any, api: Api, northwind: str) -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    near = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    odd = [
        {"timestamp": "1999-12-31T23:59:59Z"},
        {"timestamp": ahead},
        {"customer": {"customerId": "cus_" + "0" * 32}},
        {"attribution": {"productId": "prod_" + "0" * 32}},
        {"timestamp": near},
    ]
    signals = [{**CLAIM, "idempotencyKey": f"k{i}", **o} for i, o in enumerate(odd)]
    assert send(raw, *signals, CLAIM, CLAIM) == (2, 1, 4)
    assert sorted(e["key"] for e in events(api)) == ["claim-991", "k4"]


def test_a_key_that_another_door_used_is_a_duplicate_known_customer_or_not(
    raw: Any, api: Api, house: Any, northwind: str
) -> None:
    send(raw, CLAIM)
    with house.tx(api.tenant) as tx:  # as if the event had come by another door: no row of a signal
        tx.conn.execute("DELETE FROM signal WHERE tenant = %s", [api.tenant])
    assert send(raw, CLAIM, {**CLAIM, "customer": {"externalCustomerId": "nobody"}}) == (0, 2, 0)
    assert good(raw("GET", "/signals"))["data"] == [] and len(events(api)) == 1


BAD = [
    ({"eventName": ""}, "eventName"),
    ({"eventName": None}, "eventName"),
    ({"customer": None}, "customer"),
    ({"customer": {}}, "customer"),
    ({"customer": {"customerId": "a", "externalCustomerId": "b"}}, "customer"),
    ({"attribution": {}}, "attribution"),
    ({"timestamp": "2026-04-12T07:30:00"}, "timestamp"),
    ({"timestamp": 5}, "timestamp"),
    ({"timestamp": "soon"}, "timestamp"),
    ({"data": []}, "data"),
    ({"data": "x"}, "data"),
    ({"data": {"": 1}}, "data"),
    ({"data": {"t": "x" * 1025}}, "data.t"),
    ({"data": {"n" * 201: 1}}, "data"),
    ({"data": {"a": "\x00"}}, "data"),
    ({"data": {str(n): n for n in range(51)}}, "data"),
    ({"data": {"a.b": 1, "a": {"b": 2}}}, "data.a.b"),
    ({"data": {"$product": "prod_x"}}, "$product"),
    ({"idempotencyKey": "k" * 256}, "idempotencyKey"),
    ({"idempotencyKey": "a\x1fb"}, "idempotencyKey"),
    ({"eventName": "a\x00"}, "eventName"),
]


@pytest.mark.parametrize(("change", "field"), BAD, ids=[str(c)[:40] for c, _ in BAD])
def test_a_malformed_signal_refuses_the_whole_call(raw: Any, api: Api, northwind: str, change: Any, field: str) -> None:
    error = refused(raw("POST", "/signals/bulk", {"signals": [CLAIM, {**CLAIM, **change}]}), 400, field)
    assert "signals[1]" in error["error"] and events(api) == []


def test_a_batch_has_bounds(raw: Any, northwind: str) -> None:
    many = [{**CLAIM, "idempotencyKey": None} for _ in range(1000)]
    assert send(raw, *many) == (1000, 0, 0)
    assert refused(raw("POST", "/signals/bulk", {"signals": [*many, CLAIM]}), 400, "signals")
    assert (
        raw("POST", "/signals/bulk", {"signals": [{**CLAIM, "data": {"list": ["x" * 5_000_000]}}]}).status_code == 413
    )
    assert refused(raw("POST", "/signals/bulk", {}), 400, "signals")
    assert send(raw) == (0, 0, 0)


def test_data_come_back_as_they_were_sent(api: Api, raw: Any, northwind: str) -> None:
    data = '{"b": 1.10, "a": 0.30000000000000004, "list": [null, {"x": "\\u00e9"}]}'
    body = '{"signals": [{"eventName": "e", "customer": {"externalCustomerId": "northwind"}, "data": ' + data + "}]}"
    good(api.client.post("/api/v2/signals/bulk", content=body, headers={"Authorization": f"Bearer {api.token}"}))
    assert data in raw("GET", "/signals/").text


def test_lists_find_signals_by_what_they_say(paid: Any, raw: Any, northwind: str) -> None:
    good(raw("POST", f"/customers/{northwind}/aliases", {"alias": "nw"}))
    send(
        raw,
        CLAIM,
        {**CLAIM, "idempotencyKey": "2", "eventName": "filed"},
        {**CLAIM, "idempotencyKey": "3", "customer": {"externalCustomerId": "later"}, "attribution": None},
    )
    product = good(raw("POST", "/products", {"name": "Agent", "externalId": "claims-agent"}))["id"]

    def keys(**filters: Any) -> list[str]:
        return sorted(f"{s.name} {s.external_customer_id}" for s in paid.signals.list_signals(**filters).data)

    both = ["claim_reviewed northwind", "filed northwind"]
    assert len(keys()) == 3 and keys(signal_name="filed") == both[1:] and keys(signal_name="file") == []
    assert (
        keys(customer_id=northwind) == keys(external_customer_id="northwind") == keys(external_customer_id="nw") == both
    )
    assert keys(external_customer_id="later") == ["claim_reviewed later"] and keys(customer_id="cus_" + "0" * 32) == []
    assert keys(product_id=product) == keys(external_product_id="claims-agent") == both
    assert (
        keys(created_at_from="2020-01-01T00:00:00Z", limit=100) == keys()
        and keys(created_at_to="2020-01-01T00:00:00Z") == []
    )
    (filed,) = paid.signals.list_signals(signal_name="filed").data
    assert filed.product_id == product and filed.trace_id is None and filed.data == {"minutes_saved": 35}
    assert paid.signals.get_signal_by_id(filed.id) == filed
    refused(raw("GET", "/signals/sig_" + "0" * 32), 404)


def test_another_tenant_sees_no_signal_and_keys_are_its_own(raw: Any, new_api: Any, northwind: str) -> None:
    send(raw, CLAIM)
    (signal,) = good(raw("GET", "/signals"))["data"]
    stranger = new_api()
    refused(stranger("GET", f"/api/v2/signals/{signal['id']}"), 404)
    assert stranger.get("/api/v2/signals")["data"] == []
    assert stranger.post("/api/v2/signals/bulk", {"signals": [CLAIM]})["ingested"] == 1


def test_a_key_for_reporting_may_send_and_nothing_else(new_api: Any) -> None:
    reporter = new_api("ingest")
    assert reporter.post("/api/v2/signals/bulk", {"signals": [CLAIM]})["ingested"] == 1
    refused(reporter("GET", "/api/v2/signals"), 403)
    refused(new_api("viewer")("POST", "/api/v2/signals/bulk", {"signals": [CLAIM]}), 403)


def test_costs_are_taken_all_or_none(paid: Any, raw: Any, api: Api, house: Any, northwind: str) -> None:
    customer = {"externalCustomerId": "northwind"}
    done = paid.costs.create_costs(
        costs=[
            {
                "type": "cost",
                "customer": {"external_customer_id": "northwind"},
                "amount": 0.25,
                "currency": "USD",
                "vendor": "openai",
                "metadata": {"run": 1},
            },
            {
                "type": "usage",
                "customer": {"customer_id": northwind},
                "vendor": "openai",
                "model": "gpt",
                "usage": {"input_tokens": 10, "output_tokens": 5},
            },
        ]
    )
    assert (done.ingested, done.duplicates) == (2, 0)
    bad = [
        ({"amount": 1}, "currency"),
        ({"amount": "x", "currency": "USD"}, "amount"),
        ({"amount": 1, "currency": "QQQ"}, "currency"),
        ({"type": "usage", "vendor": "v", "model": "m"}, "usage"),
        ({"type": "gift", "amount": 1}, "type"),
        ({"amount": 1, "currency": "USD", "timestamp": "1990-01-01T00:00:00Z"}, "timestamp"),
        ({"amount": 1, "currency": "USD", "customer": {"customerId": "cus_" + "0" * 32}}, "customerId"),
        ({"amount": 1, "currency": "USD", "metadata": 5}, "metadata"),
        ({"amount": 1e-13, "currency": "USD"}, "amount"),
    ]
    well = {"customer": customer, "amount": 1, "currency": "USD", "idempotencyKey": "k"}
    for change, field in bad:
        refused(raw("POST", "/costs/bulk", {"costs": [well, {"customer": customer, **change}]}), 400, field)
    for expected in ({"ingested": 1, "duplicates": 1}, {"ingested": 0, "duplicates": 2}):
        assert good(raw("POST", "/costs/bulk/", {"costs": [well, well]})) == expected
    ref = api.get("/v1/customers")["data"][0]["customer_ref"]
    with house.tx(api.tenant) as tx:
        kept = tx.costs_of(ref)
    assert sorted(str(c.amount) for c in kept) == ["0.25", "1", "None"]
    assert [c.usage for c in kept if c.usage] == [{"inputTokens": 10, "outputTokens": 5}]
