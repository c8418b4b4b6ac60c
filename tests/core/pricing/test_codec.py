"""Reading pricings: every wrong field is named, and nothing wrong gets through."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.pricing.codec import item_from_json, measured_from_json, model_from_json
from counterfoil.core.pricing.sheet import pricing_from_json, pricing_to_json

ITEM: dict[str, Any] = {
    "ref": "11111111-1111-4111-8111-111111111111",
    "item": "API calls",
    "kind": "usage",
    "model": {
        "kind": "graduated",
        "tiers": [{"up_to": "1000", "unit_price": "0.01"}, {"up_to": "5000", "unit_price": "0.008"}, {}],
    },
    "usage_product_ref": "22222222-2222-4222-8222-222222222222",
}
PRICING: dict[str, Any] = {
    "type": "pricing/v1",
    "ref": "33333333-3333-4333-8333-333333333333",
    "product_ref": "44444444-4444-4444-8444-444444444444",
    "name": "List 2026",
    "product_name": "API",
    "version": 1,
    "currency": "EUR",
    "items": [ITEM],
}


def changed(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`base` with the value at a dotted path replaced (`...` takes it away)."""
    copy = deepcopy(base)
    *way, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    place: Any = copy
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


def fields_refused(read: Any, value: Any) -> set[str]:
    with pytest.raises(Invalid) as refused:
        read(value)
    return {p.field for p in refused.value.problems}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("item", "", "item"),
        ("item", 7, "item"),
        ("item", ..., "item"),
        ("item", "x" * 3000, "item"),
        ("kind", "sometimes", "kind"),
        ("kind", "recurring", "usage_product_ref"),
        ("usage_product_ref", ..., "usage_product_ref"),
        ("colour", "red", "colour"),
        ("prorate", "hour", "prorate"),
        ("quantity", "-1", "quantity"),
        ("quantity", 0.5, "quantity"),
        ("quantity", True, "quantity"),
        ("included_units", "NaN", "included_units"),
        ("minimum_fee", "1e400", "minimum_fee"),
        ("minimum_fee", "0.0000000000001", "minimum_fee"),
        ("conversion", {"operation": "divide", "factor": "0"}, "conversion.factor"),
        ("conversion", {"operation": "root", "factor": "2"}, "conversion.operation"),
        ("conversion", {"operation": "divide", "factor": "2", "decimals": 13}, "conversion.decimals"),
        ("conversion", {"operation": "divide", "factor": "2", "decimals": -1}, "conversion.decimals"),
        ("model", None, "model"),
        ("model.kind", "free_lunch", "model.kind"),
        ("model.kind", ["flat"], "model.kind"),
        ("model.rate", "1", "model.rate"),
        ("model.tiers", [], "model.tiers"),
        ("model.tiers", "all", "model.tiers"),
        ("model.tiers.0", "first", "model.tiers[0]"),
        ("model.tiers.0.up_to", "0", "model.tiers[0].up_to"),
        ("model.tiers.1.up_to", "1000", "model.tiers[1].up_to"),
        ("model.tiers.1.up_to", "500", "model.tiers[1].up_to"),
        ("model.tiers.0.up_to", None, "model.tiers[0].up_to"),
        ("model.tiers.2.up_to", "9000", "model.tiers[2].up_to"),
        ("model.tiers.1.unit_price", "-0.01", "model.tiers[1].unit_price"),
        ("model.tiers.1.flat_fee", "1" + "0" * 20, "model.tiers[1].flat_fee"),
        ("model.tiers.1.price", "1", "model.tiers[1].price"),
        ("model", {"kind": "package", "package_size": "0", "package_price": "1"}, "model.package_size"),
        ("model", {"kind": "flat"}, "model.amount"),
        ("model", {"kind": "formula", "expression": "1+"}, "model.expression"),
        ("model", {"kind": "percentage", "percent": "1", "free_transactions": -1}, "model.free_transactions"),
        ("model", {"kind": "percentage", "percent": "1", "free_transactions": "3"}, "model.free_transactions"),
        ("model", {"kind": "block_volume", "tiers": [{"block_size": "0", "block_price": "1"}]},
         "model.tiers[0].block_size"),
        ("model", {"kind": "multi_unit_block", "units": {"mb": []}}, "model.units.mb"),
        ("model", {"kind": "bucketed", "inner": {"kind": "volume", "tiers": [{"up_to": "5"}]}},
         "model.inner.tiers[0].up_to"),
        ("model", {"kind": "grouped", "inner": {"kind": "dynamic"}}, "model.inner.kind"),
        ("model", {"kind": "cumulative_commitment", "commitment": "5", "inner": {"kind": "volume", "tiers": [{}]}},
         "model.inner.kind"),
        ("model", {"kind": "matrix", "cells": [{"values": ["a"], "unit_price": "1"}] * 2}, "model.cells[1].values"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(path: str, value: Any, field: str) -> None:
    item_from_json(ITEM)
    assert field in fields_refused(item_from_json, changed(ITEM, path, value))


def test_all_wrong_fields_are_named_at_once() -> None:
    wrong = changed(changed(ITEM, "model.tiers.0.unit_price", "cheap"), "colour", "red")
    assert fields_refused(item_from_json, wrong) == {"model.tiers[0].unit_price", "colour"}


@pytest.mark.parametrize("value", [None, [], "item", 5, {"kind": "usage"}, {1: 2}])
def test_what_is_no_item_at_all_is_refused(value: Any) -> None:
    fields_refused(item_from_json, value)


def test_models_nested_without_end_are_refused() -> None:
    model: Any = {"kind": "per_unit", "unit_price": "1"}
    for _ in range(2000):
        model = {"kind": "grouped", "inner": model}
    assert fields_refused(model_from_json, model)


def test_usage_nested_without_end_is_refused() -> None:
    used: Any = {"quantity": "1"}
    for _ in range(200):
        used = {"groups": [["eu", used]]}
    assert fields_refused(measured_from_json, used)


def test_minimum_above_maximum_is_refused() -> None:
    wrong = {**ITEM, "minimum_fee": "10", "maximum_fee": "9.99"}
    assert fields_refused(item_from_json, wrong) == {"maximum_fee"}


@pytest.mark.parametrize("spelling", ["1.50", 1, Decimal("1.5"), "0001.5", "1E+2"])
def test_numbers_are_read_in_any_spelling_and_written_in_one(spelling: Any) -> None:
    pricing = pricing_from_json(changed(PRICING, "items.0.quantity", spelling))
    written = pricing_to_json(pricing)["items"][0]["quantity"]
    assert Decimal(written) == Decimal(str(spelling))
    assert written in ("1.5", "1", "100")
    assert pricing_from_json(pricing_to_json(pricing)) == pricing


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("type", "pricing/v2", "type"),
        ("name", " ", "name"),
        ("version", 0, "version"),
        ("version", "1", "version"),
        ("currency", "XXX", "currency"),
        ("items", [], "items"),
        ("items", [ITEM, ITEM], "items[1].ref"),
        ("items.0.model.tiers.1.up_to", "10", "items[0].model.tiers[1].up_to"),
        ("owner", "me", "owner"),
    ],
)
def test_a_pricing_with_a_fault_cannot_be_published(path: str, value: Any, field: str) -> None:
    assert field in fields_refused(pricing_from_json, changed(PRICING, path, value))
