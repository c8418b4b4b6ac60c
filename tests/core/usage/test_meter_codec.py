"""A meter that is stored and read back must not count anything else, and a wrong one must say where it is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from counterfoil.core.basis.canonical import canonical, parse_canonical
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.meter_codec import meter_from_json, meter_to_json
from tests.strategies_usage import PRODUCT, meters

LEAST = {"ref": PRODUCT, "name": "API calls"}


@given(meters())
def test_a_meter_survives_storage(meter):
    assert meter_from_json(parse_canonical(canonical(meter_to_json(meter)))) == meter


def test_what_is_not_said_has_its_default():
    assert meter_from_json(LEAST) == Meter(ref=PRODUCT, name="API calls")


WRONG = [
    # what is sent, the fields that are named
    ({"ref": None, "name": 3}, ["ref", "name"]),
    ({"aggregation": "median", "bucket": "year", "rounding": "down"}, ["aggregation", "rounding", "bucket"]),
    ({"aggregation": "unique_count"}, ["field"]),
    ({"aggregation": "max", "prorated": True}, ["prorated"]),
    ({"aggregation": "running_average", "carry_over": True, "windows_back": 0}, ["carry_over", "windows_back"]),
    ({"carry_over": 1, "windows_back": True, "decimals": "2"}, ["carry_over", "decimals", "windows_back"]),
    ({"decimals": 13}, ["decimals"]),
    ({"field": "", "group_by": ["a", "", "a"]}, ["field", "group_by[1]", "group_by[2]"]),
    ({"group_by": "region"}, ["group_by"]),
    ({"include": [{"property": "region", "values": []}]}, ["include[0].values"]),
    ({"include": [{"property": "region"}, {"values": "eu", "property": "", "not": 1}]},
     ["include[0].values", "include[1].not", "include[1].values"]),
    ({"exclude_any_of": [[], [{"property": "", "values": ["a"]}]]},
     ["exclude_any_of[0]", "exclude_any_of[1][0].property"]),
    ({"exclude_any_of": [{"property": "a", "values": ["a"]}]}, ["exclude_any_of[0]"]),
    ({"group_by": ["\ud800"], "colour": "red"}, ["colour", "group_by[0]"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "fields"), WRONG, ids=[json.dumps(w[0])[:60] for w in WRONG])
def test_a_wrong_meter_is_refused_with_every_wrong_field_named(change, fields):
    with pytest.raises(Invalid) as refusal:
        meter_from_json(LEAST | change)
    assert [p.field for p in refusal.value.problems] == fields


@pytest.mark.parametrize(("value", "fields"), [({}, ["ref", "name"]), ([], [""]), (None, [""])])
def test_what_is_no_meter_at_all_is_refused_and_not_guessed(value, fields):
    with pytest.raises(Invalid) as refusal:
        meter_from_json(value)
    assert [p.field for p in refusal.value.problems] == fields
