"""Formats over the API: what is read otherwise than said, stored by a trial, or lost with a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.app import House
from tests.api.native import Api, Shop, bad, good, key_of, take_usage

NOBODY = "00000000-0000-4000-8000-000000000000"
ALL = "/v1/usage/formats"
GATEWAY: dict[str, Any] = {
    "name": "Gateway",
    "customer": {"from": ["account.id"], "values": {"G1": "Globex"}},
    "usage_product": {"constant": "API calls"},
    "at": {"from": ["time"], "read": "pattern", "pattern": "%d.%m.%Y %H:%M", "time_zone": "Europe/Berlin"},
    "quantity": {"from": ["bytes"], "divide": "1000", "places": 3, "sign": {"from": "type", "negative": ["credit"]}},
    "key": {"from": ["id"]},
    "properties": {"region": {"from": ["meta.region"], "default": "unknown"}},
    "keep": ["meta"],
    "skip": [{"from": "kind", "is": ["test"], "because": "test traffic"}],
    "rest": "drop",
}


def event(**changed: Any) -> dict[str, Any]:
    said = {"id": "r-1", "account": {"id": "G1"}, "time": "01.03.2026 12:00", "bytes": 2500, "type": "credit"}
    return {k: v for k, v in {**said, **changed}.items() if v is not None}


def test_every_change_is_a_version_and_old_ones_stay(api: Api) -> None:
    made = api.post(ALL, GATEWAY)
    sign = {**GATEWAY["quantity"]["sign"], "positive": []}
    assert made["format"] == {**GATEWAY, "quantity": {**GATEWAY["quantity"], "sign": sign}} and made["version"] == 1
    path = f"{ALL}/{made['format_ref']}"
    assert api.get(path) == made
    assert good(api("PUT", path, made["format"])) == made, "what is read can be written back, and changes nothing"
    second = good(api("PUT", path, {**GATEWAY, "rest": "keep", "name": "Gateway 2"}))
    assert (second["version"], second["format"]["rest"], second["format"]["name"]) == (2, "keep", "Gateway 2")
    built_in, own = api.get(ALL)["data"]
    assert built_in["built_in"] and built_in["format"]["name"] == "Default Format" and own == second
    assert api.get(ALL, limit=1, after=api.get(ALL, limit=1)["next"])["data"] == [second]
    assert good(api("DELETE", path, {"why": "done"})) == {"format_ref": made["format_ref"], "deleted": True}
    bad(api("GET", path), 404, code="format.not_found")
    bad(api("PUT", path, GATEWAY), 404, code="format.not_found")
    assert api.get(f"{path}/history")["data"] == [made, second]
    changes = api.get("/v1/audit", noun="usage_format")["data"]
    assert [(c["verb"], c["why"]) for c in changes] == [("create", ""), ("change", ""), ("delete", "done")]
    api.post(ALL, GATEWAY)


def test_the_built_in_format_and_taken_names_stay_as_they_are(api: Api) -> None:
    [built_in] = api.get(ALL)["data"]
    path = f"{ALL}/{built_in['format_ref']}"
    bad(api("PUT", path, GATEWAY), 409, code="format.built_in")
    bad(api("DELETE", path, {}), 409, code="format.built_in")
    bad(api("POST", ALL, {**GATEWAY, "name": "Default Format"}), 409, code="format.name_taken")
    key = {"Idempotency-Key": "f"}
    first, again = (api("POST", ALL, GATEWAY, headers=key) for _ in range(2))
    assert (first.status_code, first.content) == (201, again.content)
    bad(api("POST", ALL, GATEWAY), 409, code="format.name_taken")
    assert api.get(f"{path}/history")["data"] == [built_in]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no customer", {"customer": None}, "customer"),
    ("a source of nothing", {"customer": {}}, "customer"),
    ("a source from two places", {"customer": {"from": "a", "constant": "b"}}, "customer.constant"),
    ("an empty path", {"customer": {"from": [""]}}, "customer.from[0]"),
    ("a word of another field", {"customer": {"from": "a", "read": "iso"}}, "customer.read"),
    ("a spelling of times that does not exist", {"at": {"from": "t", "read": "sundial"}}, "at.read"),
    ("a pattern without a day", {"at": {**GATEWAY["at"], "pattern": "%Y-%m"}}, "at.pattern"),
    ("a time zone that does not exist", {"at": {**GATEWAY["at"], "time_zone": "Mars/Base"}}, "at.time_zone"),
    ("division by zero", {"quantity": {"from": "n", "divide": "0"}}, "quantity.divide"),
    ("a factor that is no number", {"quantity": {"from": "n", "multiply": "ten"}}, "quantity.multiply"),
    ("a factor beyond every column", {"quantity": {"from": "n", "multiply": "1e40"}}, "quantity.multiply"),
    ("too many places", {"quantity": {"from": "n", "places": 13}}, "quantity.places"),
    ("the same mark for both", {"quantity": {"from": "n", "decimal": ",", "thousands": ","}}, "quantity.thousands"),
    ("a rule without a condition", {"skip": [{"from": "kind"}]}, "skip[0]"),
    ("a text that is too long", {"keep": ["x" * 201]}, "keep[0]"),
    ("a name of two lines", {"name": "a\nb"}, "name"),
    ("an unknown word", {"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("what", "change", "field"), WRONG, ids=[w[0] for w in WRONG])
def test_a_format_that_cannot_be_meant_is_refused_by_field(
    stocked: tuple[Api, Shop], what: str, change: dict[str, Any], field: str
) -> None:
    api, _shop = stocked
    before = api.get(ALL)
    bad(api("POST", ALL, {**GATEWAY, **change}), 422, field)
    bad(api("POST", f"{ALL}/try", {"format": {**GATEWAY, **change}, "events": [{}]}), 422, f"format.{field}")
    assert api.get(ALL) == before


def test_a_trial_says_what_would_become_of_each_event_and_stores_none(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    take_usage(api, shop)
    events = [
        event(meta={"region": "eu", "zone": 1}), event(kind="test"), event(bytes="2,5"), event(time=None, bytes=None),
        event(account={"id": "G9"}), event(time="01.03.2025 12:00"),
    ]
    tried = api.post(f"{ALL}/try", {"format": GATEWAY, "events": events})
    assert (tried["accepted"], tried["refused"], tried["skipped"]) == (1, 4, 1)
    read, left_out, no_number, missing, stranger, early = tried["results"]
    assert read["event"] == {
        "customer": "Globex", "usage_product": "API calls", "at": "2026-03-01T11:00:00Z", "quantity": "-2.5",
        "properties": {"region": "eu", "meta.zone": "1"}, "key": "r-1",
    }
    assert left_out["reason"] == "test traffic" and left_out["event"] is None
    assert [e["field"] for e in no_number["errors"]] == ["quantity"] and "bytes" in no_number["errors"][0]["message"]
    assert [e["field"] for e in missing["errors"]] == ["at", "quantity"]
    assert [e["field"] for e in stranger["errors"]] == ["customer"] and stranger["event"]["customer"] == "G9"
    assert [e["field"] for e in early["errors"]] == ["at"]
    assert api.get("/v1/usage/events")["data"] == [] and len(api.get(ALL)["data"]) == 1
    ref = api.post(ALL, GATEWAY)["format_ref"]
    assert api.post(f"{ALL}/try", {"format_ref": ref, "events": events}) == tried


def test_a_trial_needs_one_format_and_some_events(api: Api) -> None:
    path = f"{ALL}/try"
    bad(api("POST", path, {"events": [{}]}), 422, "format")
    bad(api("POST", path, {"format": GATEWAY, "format_ref": NOBODY, "events": [{}]}), 422, "format")
    bad(api("POST", path, {"format_ref": NOBODY, "events": [{}]}), 404, code="format.not_found")
    bad(api("POST", path, {"format": GATEWAY, "events": []}), 422, "events")
    bad(api("POST", path, {"format": GATEWAY, "events": ["x"]}), 422, "events[0]")
    nameless = {k: v for k, v in GATEWAY.items() if k != "name"}
    deep: Any = 1
    for _ in range(20):
        deep = {"a": deep}
    tried = api.post(path, {"format": nameless, "events": [{"a": deep}, {"a.b": 1, "a": {"b": 2}}]})
    assert tried["refused"] == 2


def test_formats_are_written_by_finance_and_seen_by_their_tenant_alone(
    house: House, api: Api, new_api: Callable[..., Api]
) -> None:
    viewer = Api(api.client, key_of(house, api.tenant, "viewer"))
    bad(viewer("POST", ALL, GATEWAY), 403, code="role.missing")
    assert viewer.post(f"{ALL}/try", {"format": GATEWAY, "events": [{}]})["refused"] == 1
    ref = Api(api.client, key_of(house, api.tenant, "finance")).post(ALL, GATEWAY)["format_ref"]
    other = new_api()
    bad(other("GET", f"{ALL}/{ref}"), 404)
    bad(other("GET", f"{ALL}/{ref}/history"), 404)
    bad(other("DELETE", f"{ALL}/{ref}", {}), 404)
    other.post(ALL, GATEWAY)
