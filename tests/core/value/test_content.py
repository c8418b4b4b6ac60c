"""What a value model comes down to for one customer: bindings, timelines, segments, terms of single customers."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.value.content import events_of, model_for
from counterfoil.core.value.deliver import delivered
from counterfoil.core.value.metrics import slug_from
from counterfoil.core.value.sound import content_problems

AT = datetime(2026, 4, 12, tzinfo=UTC)
STREAM, OTHER = derived_ref("claims"), derived_ref("calls")
RATE = {"id": "rate", "label": "Rate", "default": 50}


def content() -> dict[str, Any]:
    """Minutes saved by claims, in hours at 50; by calls too, whose signal names no formula."""
    return {
        "currency": "EUR",
        "valueTypes": [{"slug": "time", "name": "Time", "calculationTimeline": [
            {"effectiveFrom": "2026-01-01T00:00:00Z", "calculation": {
                "unit": {"type": "duration", "durationUnit": "hours"}, "formulaIds": ["f"], "signalEventNames": ["claim", "call"],
                "segmentTableIds": ["t"], "overrideIds": [],
                "monetaryConversion": {"expression": "unit_value * rate", "variables": [RATE]}}},
        ]}],
        "formulas": [{"id": "f", "valueTypeSlug": "time", "label": "Hours", "expression": "data.minutes / 60 * factor",
                      "variables": [{"id": "minutes", "label": ""}, {"id": "factor", "label": ""}]}],
        "signals": [
            {"eventName": "claim", "label": "", "formulaId": "f", "defaults": {"minutes": 60, "factor": 1}},
            {"eventName": "call", "label": "", "variableMapping": {"minutes": "data.call.minutes"},
             "defaults": {"minutes": 30, "factor": 1}},
        ],
        "segmentTables": [{"id": "t", "label": "", "segmentKeys": ["plan"], "columns": [
            {"variableId": "factor", "label": "", "type": "number"}], "rows": [
            {"segmentValues": {"plan": "pro"}, "variables": {"factor": 2}},
            {"segmentValues": {"plan": "max"}, "variables": {"factor": Decimal("2.5")}}]}],
    }


def worth(model: dict[str, Any], event: str = "claim", names: tuple[str, ...] = ("northwind",), at: datetime = AT,
          **properties: str) -> list[str]:
    """The money that an event gives under the model, for each rule."""
    assert not list(content_problems(model)), list(content_problems(model))
    rules = model_for(model, names, "EUR", {STREAM: "claim", OTHER: "call"})
    return [d.reason or decimal_text(d.value) for d in delivered(rules, event, at, properties)]


def changed(**parts: Any) -> dict[str, Any]:
    return content() | parts


def test_signals_feed_the_formula_they_name_or_the_calculation_that_lists_them() -> None:
    assert worth(content()) == ["50"]
    assert worth(content(), "call") == ["25"]
    spelled: Any = {"call.minutes": "6", "minutes": "999"}
    assert worth(content(), "call", **spelled) == ["5"]
    assert events_of(content()) == {"claim", "call"} and worth(content(), "other") == []
    model = model_for(content(), (), "EUR", {STREAM: "claim", derived_ref("x"): "unbound"})
    assert model.streams == {STREAM: "claim"} and model.currency == "EUR"


def test_segments_choose_between_the_event_and_the_default() -> None:
    assert worth(content(), plan="pro") == ["100"] and worth(content(), plan="max") == ["125"]
    assert worth(content(), plan="other") == ["50"] and worth(content(), plan="pro", factor="3") == ["150"]
    model = content()
    model["segmentTables"][0]["defaultRow"] = {"factor": 10}
    assert worth(model, plan="other") == ["500"]


def test_each_calculation_holds_in_its_time_and_the_first_before_it_too() -> None:
    model = content()
    (kind,) = model["valueTypes"]
    later = copy.deepcopy(kind["calculationTimeline"][0])
    later["effectiveFrom"] = "2026-06-01T02:00:00+02:00"
    later["calculation"]["monetaryConversion"]["variables"] = [RATE | {"default": 80}]
    kind["calculationTimeline"].insert(0, later)
    june = datetime(2026, 6, 1, tzinfo=UTC)
    assert [worth(model, at=at) for at in (datetime(2020, 1, 1, tzinfo=UTC), june.replace(month=5, day=31), june)] == [
        ["50"], ["50"], ["80"]]


def test_conditions_come_before_the_expression_and_a_default_result_takes_its_place() -> None:
    model = content()
    model["formulas"][0] |= {
        "conditions": [{"field": "data.tier", "operator": "eq", "value": "gold", "result": {"type": "constant", "value": 3}},
                       {"field": "minutes", "operator": "gte", "value": 120, "result": {
                           "type": "expression", "expression": "data.minutes / 30"}}],
        "defaultResult": {"type": "constant", "value": Decimal("0.5")},
    }
    assert [worth(model, tier="gold"), worth(model, minutes="120"), worth(model)] == [["150"], ["200"], ["25"]]


def test_a_derived_variable_is_a_field_of_seconds_in_its_unit() -> None:
    model = content()
    model["formulas"][0]["variables"][0]["derivedFrom"] = {"sourceField": "seconds", "targetUnit": "minutes"}
    assert worth(model, seconds="7200") == ["100"] and worth(model, minutes="7200") == ["50"]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"signalOverrides": {"claim": {"defaults": {"minutes": 120}}}}, ["100"]),
        ({"valueTypeOverrides": {"time": {"variables": {"factor": 4}}}}, ["200"]),
        ({"signalOverrides": {"claim": {"defaults": {"factor": 9}}},
          "valueTypeOverrides": {"time": {"variables": {"factor": 4}}}}, ["200"]),
        ({"monetaryConversionOverrides": {"time": {"variables": {"rate": 70}}}}, ["70"]),
        ({"additionalSignals": [{"eventName": "claim", "label": "", "formulaId": "f", "defaults": {"minutes": 6, "factor": 1}}]},
         ["50", "5"]),
    ],
)
def test_terms_of_a_customer_are_its_own(terms: dict[str, Any], expected: list[str]) -> None:
    override = {"id": "o", "label": "", "scope": {"customerIds": ["cus_1", "friend"]}, **terms}
    model = changed(overrides=[override])
    assert worth(model, names=("friend", "cus_2")) == expected
    assert worth(model, names=("stranger",)) == ["50"]
    assert worth(model, names=("friend",), factor="1", minutes="60")[0] in ("50", "70"), "the event's own data goes first"
    model["valueTypes"][0]["calculationTimeline"][0]["calculation"]["overrideIds"] = ["p"]
    model["overrides"].append({"id": "p", "label": "", "scope": {"customerIds": ["nobody"]}})
    assert worth(model, names=("friend",)) == ["50"], "a calculation that lists overrides takes no other"


def test_the_currency_of_a_customers_terms_goes_before_the_models() -> None:
    model = changed(overrides=[{"id": "o", "label": "", "scope": {"customerIds": ["friend"]}, "currency": "GBP"}])
    assert model_for(model, ["friend"], "GBP", {}).currency == "GBP"
    assert model_for(model, ["other"], "EUR", {}).currency == "EUR"
    assert model_for(changed(currency=""), [], "USD", {}).currency is None
    assert model_for(None, [], "USD", {}).currency is None


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Time saved (h)", "time-saved-h"), ("  Ärger vermieden ", "rger-vermieden"), ("節約", "metric"), ("A" * 300, "a" * 100),
     ("<script>", "script"), ("a/b?c#d", "a-b-c-d")],
)
def test_a_slug_can_stand_in_a_path(name: str, slug: str) -> None:
    assert slug_from(name) == slug


def test_a_model_that_multiplies_out_beyond_all_use_is_refused() -> None:
    model = content()
    model["formulas"] = [model["formulas"][0] | {"id": f"f{n}"} for n in range(200)]
    model["valueTypes"][0]["calculationTimeline"][0]["calculation"] |= {"formulaIds": [f"f{n}" for n in range(200)]}
    model["signals"] = [model["signals"][1] | {"eventName": "call", "label": str(n)} for n in range(200)]
    model["valueTypes"][0]["calculationTimeline"][0]["calculation"]["signalEventNames"] = ["call"]
    (problem,) = content_problems(model)
    assert problem.field == "valueTypes" and "20000" in problem.message
