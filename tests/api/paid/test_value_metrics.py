"""Value metrics and models through the published client: every write is a version, and versions are never lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from paid import ConflictError, NotFoundError

from counterfoil.flows.value_receipts import find_receipt
from tests.api.paid.conftest import ONCE, refused
from tests.api.paid.valued import CONTENT, claims, minutes_metric, receipt_of

UNIT = {"type": "duration", "durationUnit": "hours"}


def total(paid: Any) -> float:
    """What the receipt of the quarter comes to."""
    value: float = paid.value_receipts.get_value_receipt_by_id(receipt_of(paid).id).total_delivered_value
    return value


def test_a_metric_is_made_read_changed_archived_and_restored(paid: Any, raw: Any) -> None:
    claims(raw, [30])
    made = paid.value_metrics.create_value_metric(
        name="Time saved (h)", unit=UNIT, category="hve", description="Hours", sources=[{"name": "Study", "url": "https://x.test"}],
        formula={"expression": "data.minutes / 60",
                 "variables": [{"id": "minutes", "label": "Minutes", "format": "duration", "formatUnit": "minutes"}]},
        signal={"eventName": "claim_reviewed", "defaults": {"minutes": 20}},
        monetary_conversion={"valuePerUnit": 50.25, "label": "Hourly rate"},
    )
    assert (made.slug, made.name, made.version) == ("time-saved-h", "Time saved (h)", 1)
    assert total(paid) == 25.125
    got = paid.value_metrics.get_value_metric("time-saved-h")
    assert (got.unit.type, got.unit.duration_unit, got.category, got.archived_at) == ("duration", "hours", "hve", None)
    assert (got.monetary_conversion.value_per_unit, got.monetary_conversion.label) == (50.25, "Hourly rate")
    assert got.monetary_conversion.variables[0].default == 50.25
    assert got.formula.expression == "data.minutes / 60" and got.formula.variables[0].format_unit == "minutes"
    assert (got.signals[0].event_name, got.signals[0].defaults) == ("claim_reviewed", {"minutes": 20.0})
    assert got.sources[0].name == "Study"
    changed = paid.value_metrics.update_value_metric(
        "time-saved-h", name="Time", monetary_conversion={"valuePerUnit": 100}, variables={"minutes": {"label": "Min"}},
        expected_active_version=1,
    )
    assert (changed.name, changed.version) == ("Time", 2) and total(paid) == 50
    assert paid.value_metrics.get_value_metric("time-saved-h").description == "Hours", "what is left out stays"
    assert paid.value_metrics.archive_value_metric("time-saved-h", expected_active_version=2).version == 3
    assert paid.value_metrics.archive_value_metric("time-saved-h").version == 3, "a second time changes nothing"
    assert paid.value_metrics.list_value_metrics().pagination.total == 0
    (listed,) = paid.value_metrics.list_value_metrics(include_archived=True).data
    assert listed.archived_at is not None and total(paid) == 50, "its events keep their value"
    assert raw("PATCH", "/value-metrics/time-saved-h", {"archivedAt": None, "description": None}).json()["version"] == 4
    assert [m.slug for m in paid.value_metrics.list_value_metrics().data] == ["time-saved-h"]
    assert paid.value_metrics.get_value_metric("time-saved-h").description is None


def test_a_variables_default_holds_where_the_event_is_silent(paid: Any, raw: Any) -> None:
    claims(raw, [None, "x", 60])
    minutes_metric(raw)
    assert total(paid) == pytest.approx(50 * (20 + 20 + 60) / 60)
    paid.value_metrics.update_value_metric("time-saved", variables={"minutes": {"value": 30}})
    assert total(paid) == 100


def test_money_and_counts_need_no_variables(paid: Any, raw: Any) -> None:
    claims(raw, [1, 2, 3])
    for name, unit, more in (
        ("Money", {"type": "monetary"}, {}),
        ("Tickets", {"type": "custom", "unit": "tickets", "unitDisplay": "Tickets"},
         {"monetary_conversion": {"valuePerUnit": 0.1}}),
        ("Only counted", {"type": "custom", "unit": "claims"}, {}),
    ):
        paid.value_metrics.create_value_metric(name=name, unit=unit, formula={"expression": "2.5", "variables": []},
                                               signal={"eventName": "claim_reviewed"}, **more)
    assert total(paid) == 7.5 + 0.75
    assert paid.value_metrics.list_value_metrics(limit=2, offset=1).pagination.has_more is False


BASE = {
    "name": "M", "unit": UNIT, "formula": {"expression": "minutes", "variables": [{"id": "minutes", "label": "m"}]},
    "signal": {"eventName": "claim_reviewed", "defaults": {"minutes": 1}},
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"slug": "a/b"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"unit": {"type": "length"}}, "unit.type"),
        ({"unit": {"type": "duration"}}, "unit.durationUnit"),
        ({"unit": {"type": "custom"}}, "unit.unit"),
        ({"formula": {"expression": "minutes +", "variables": [{"id": "minutes", "label": ""}]}}, "formula.expression"),
        ({"formula": {"expression": "hours", "variables": [{"id": "minutes", "label": ""}]}}, "formula.expression"),
        ({"formula": {"expression": "__import__('os')", "variables": []}}, "formula.expression"),
        ({"formula": {"expression": "(" * 200 + "1", "variables": []}}, "formula.expression"),
        ({"formula": {"expression": "1", "variables": [{"id": "a b", "label": ""}]}}, "formula.variables[0].id"),
        ({"formula": {"expression": "1", "variables": [{"id": "a", "label": ""}, {"id": "A", "label": ""}]}}, "variables[1].id"),
        ({"signal": {"eventName": "claim_reviewed"}}, "signal.defaults.minutes"),
        ({"signal": {"eventName": "claim_reviewed", "defaults": {"minutes": "20"}}}, "signal.eventName"),
        ({"signal": {"eventName": "claim_reviewed", "defaults": {"minutes": 1, "x": 1}}}, "signal.defaults.x"),
        ({"signal": {"eventName": "never_sent", "defaults": {"minutes": 1}}}, "signal.eventName"),
        ({"monetaryConversion": {"valuePerUnit": 1e30}}, "monetaryConversion.valuePerUnit"),
        ({"unit": {"type": "monetary"}, "monetaryConversion": {"valuePerUnit": 1}}, "monetaryConversion"),
        ({"category": "fun"}, "category"),
        ({"sources": [{"name": "n", "url": "u"}] * 4}, "sources"),
    ],
)
def test_what_is_wrong_with_a_metric_is_named_and_nothing_is_kept(raw: Any, change: dict[str, Any], field: str) -> None:
    if field != "signal.eventName" or "never_sent" in str(change):
        claims(raw, [1])
    refused(raw("POST", "/value-metrics", BASE | change), 400, field)
    assert raw("GET", "/value-metrics").json()["pagination"]["total"] == 0
    refused(raw("GET", "/value-models"), 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"formula": {"expression": "1", "variables": []}}, "formula"),
        ({"signal": {"eventName": "other"}}, "signal"),
        ({"variables": {"hours": {"value": 1}}}, "variables.hours"),
        ({"variables": {"minutes": {"format": "duration"}}}, "variables.minutes.formatUnit"),
        ({"unit": {"type": "monetary"}}, "monetaryConversion"),
        ({"name": ""}, "name"),
        ({"expectedActiveVersion": -1}, "expectedActiveVersion"),
    ],
)
def test_what_may_not_change_of_a_metric_is_named(raw: Any, change: dict[str, Any], field: str) -> None:
    claims(raw, [1])
    minutes_metric(raw)
    refused(raw("PATCH", "/value-metrics/time-saved", change), 400, field)
    assert raw("GET", "/value-models").json()["version"] == 1


def test_an_old_version_is_refused_and_writers_at_once_lose_nothing(paid: Any, raw: Any) -> None:
    claims(raw, [1])
    with pytest.raises(ConflictError):
        paid.value_metrics.create_value_metric(**BASE, expected_active_version=3, request_options=ONCE)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda n: raw("POST", "/value-metrics", BASE | {"name": f"M {n}"}), range(6)))
    assert sorted(a.json()["version"] for a in done) == [1, 2, 3, 4, 5, 6]
    assert paid.value_metrics.list_value_metrics().pagination.total == 6
    refused(raw("POST", "/value-metrics", BASE | {"name": "m-2"}), 409, "m-2")
    assert raw("DELETE", "/value-metrics/m-2?expectedActiveVersion=1").status_code == 409
    versions = paid.value_models.list_value_model_versions(limit=3)
    assert [(v.version, v.status) for v in versions.data] == [(6, "active"), (5, "archived"), (4, "archived")]
    assert versions.pagination.total == 6 and len(paid.value_models.get_value_model_version(2).content.value_types) == 2
    with pytest.raises(NotFoundError):
        paid.value_models.get_value_model_version(7)


def test_a_whole_model_comes_back_as_it_was_written_and_drafts_follow_it(paid: Any, raw: Any) -> None:
    claims(raw, [30, 30])
    receipt = receipt_of(paid)
    before = paid.value_models.update_value_model(content=CONTENT, effective_from="2026-01-01T00:00:00Z")
    assert (before.version, before.content.formulas[0].expression, before.effective_to) == (1, "minutes / 60", None)
    assert raw("GET", "/value-models").json()["content"] == CONTENT | {"valueTypes": raw(
        "GET", "/value-models").json()["content"]["valueTypes"]}
    assert paid.value_receipts.get_value_receipt_by_id(receipt.id).total_delivered_value == 0, "reading computes nothing"
    done = raw("POST", "/value-models/backfill", {}).json()
    assert done == {"valueModelId": "vm_1", "version": 1, "receipts": 1, "left": 0}
    assert paid.value_models.refresh_value_model_backfill().version == 1
    assert paid.value_receipts.get_value_receipt_by_id(receipt.id).total_delivered_value == 50


def test_terms_of_one_customer_do_not_reach_another(paid: Any, raw: Any, api: Any, house: Any) -> None:
    claims(raw, [60])
    claims(raw, [60], customer="southwind")
    content = CONTENT | {"overrides": [{
        "id": "o", "label": "Friends", "scope": {"customerIds": ["southwind"]},
        "monetaryConversionOverrides": {"time-saved": {"variables": {"rate": 93.5}}},
    }]}
    assert raw("PUT", "/value-models", {"content": content}).status_code == 200
    assert total(paid) == 50
    period = {"start_date": "2026-04-01T00:00:00Z", "end_date": "2026-06-30T23:59:59Z"}
    other = paid.value_receipts.sync_value_receipt(external_customer_id="southwind", **period)
    assert paid.value_receipts.get_value_receipt_by_id(other.id).total_delivered_value == 93.5
    with house.tx(api.tenant) as tx:
        row = find_receipt(tx, receipt_of(paid).id)
    assert "93.5" not in str(row.numbers.content["model"]) and "southwind" not in str(row.numbers.content)


def when(operator: str, value: Any) -> Any:
    """A condition over the tier."""
    return {"field": "tier", "operator": operator, "value": value, "result": {"type": "constant", "value": 1}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda c: c.update(currency="XXQ"), "content.currency"),
        (lambda c: c["valueTypes"].append(c["valueTypes"][0]), "content.valueTypes[1].slug"),
        (lambda c: c["valueTypes"][0].update(calculationTimeline=[]), "content.valueTypes[0].calculationTimeline"),
        (lambda c: c["formulas"][0].update(valueTypeSlug="none"), "content.formulas[0].valueTypeSlug"),
        (lambda c: c["formulas"][0].update(expression="hours"), "content.formulas[0].expression"),
        (lambda c: c["formulas"][0].update(conditions=[when("is", 1)]), "content.formulas[0].conditions[0].operator"),
        (lambda c: c["formulas"][0].update(conditions=[when("eq", [1])]), "content.formulas[0].conditions[0].value"),
        (lambda c: c["formulas"][0].update(defaultResult={"type": "expression"}), "content.formulas[0].defaultResult"),
        (lambda c: c["signals"][0].update(formulaId="g"), "content.signals[0].formulaId"),
        (lambda c: c["signals"][0].update(defaults={"minutes": [1]}), "content.signals[0].defaults.minutes"),
        (lambda c: c["signals"].append({"eventName": "other", "label": "o"}), "content.signals[1].eventName"),
        (lambda c: c.update(overrides=[{"id": "o", "label": "", "scope": {}}]), "content.overrides[0].scope"),
        (lambda c: c.update(overrides=[{"id": "o", "label": "", "scope": {"customerGroupIds": ["g"]}}]), "customerGroupIds[0]"),
        (lambda c: c.update(overrides=[{"id": "o", "label": "", "scope": {"customerIds": ["c"]}, "valueTypeOverrides": {
            "time-saved": {"variables": {"hours": 1}}}}]), "valueTypeOverrides.time-saved.variables.hours"),
        (lambda c: c.pop("signals"), "content.signals"),
        (lambda c: c.update(valueTypes=[{}]), "content.valueTypes[0].slug"),
    ],
)
def test_what_is_wrong_with_a_model_is_named_and_the_old_one_stays(
    raw: Any, change: Callable[[Any], Any], field: str
) -> None:
    content = copy.deepcopy(CONTENT)
    change(content)
    refused(raw("PUT", "/value-models", {"content": content}), 400, field)
    refused(raw("GET", "/value-models"), 404)


def test_numbers_keep_every_digit(raw: Any, paid: Any) -> None:
    claims(raw, [60])
    body = b'{"name": "M", "unit": {"type": "monetary"}, "formula": {"expression": "rate", "variables": ' \
        b'[{"id": "rate", "label": "r"}]}, "signal": {"eventName": "claim_reviewed", ' \
        b'"defaults": {"rate": 12345678901234.000000000001}}}'
    assert raw("POST", "/value-metrics", None, content=body).status_code == 201
    assert b"12345678901234.000000000001" in raw("GET", "/value-metrics/m").content
    id = receipt_of(paid).id
    assert b'"totalDeliveredValue":12345678901234.000000000001,' in raw("GET", f"/value-receipts/{id}").content


def test_an_event_that_usage_pricing_counts_is_known_before_it_is_sent(paid: Any, raw: Any) -> None:
    product = paid.products.create_product(name="Agent", active=True)
    paid.products.update_product_by_id(product.id, product_attributes=[
        {"name": "Claims", "pricing": {"pricing_type": "UsagePerUnit", "event_name": "claim_reviewed",
                                       "price_points": [{"currency": "USD", "unit_price": 25}]}}])
    assert minutes_metric(raw)["version"] == 1
    claims(raw, [60])
    assert total(paid) == 50


JUNK = [None, "", "x", "\ud800", 0, -1, 1e300, 10**30, True, [], {}, [None], {"a": 1}, "A" * 30_000,
        "2026-13-01T00:00:00Z", "data.", "="]


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def test_junk_anywhere_is_taken_or_refused_and_never_a_failure(raw: Any, paid: Any) -> None:
    claims(raw, [1])
    full = CONTENT | {
        "segmentTables": [{"id": "t", "label": "", "segmentKeys": ["plan"], "columns": [
            {"variableId": "minutes", "label": "", "type": "number"}], "defaultRow": {"minutes": 1},
            "rows": [{"segmentValues": {"plan": "pro"}, "variables": {"minutes": 2}}]}],
        "overrides": [{"id": "o", "label": "", "scope": {"customerIds": ["northwind"]}, "currency": "USD",
                       "signalOverrides": {"claim_reviewed": {"defaults": {"minutes": 1}}},
                       "additionalSignals": [{"eventName": "claim_reviewed", "label": "", "formulaId": "f"}],
                       "valueTypeOverrides": {"time-saved": {"variables": {"minutes": 1}}}}],
        "formulas": [CONTENT["formulas"][0] | {"conditions": [when("eq", 1)], "defaultResult": {"type": "constant", "value": 1}}],
    }
    taken = 0
    for n, path in enumerate(p for p in places(full) if p):
        content = copy.deepcopy(full)
        inside: Any = content
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = JUNK[n % len(JUNK)]
        body = json.dumps({"content": content}).encode()
        answer = raw("PUT", "/value-models", content=body)
        assert answer.status_code in (200, 400), f"{path}: {answer.status_code} {answer.text}"
        if answer.status_code == 200:
            taken += 1
            synced = raw("POST", "/value-receipts/sync", {
                "externalCustomerId": "northwind", "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z"})
            assert synced.status_code in (200, 201, 400), f"{path}: {synced.text}"
            assert raw("GET", "/value-metrics?includeArchived=true").status_code == 200
    assert taken > 5
