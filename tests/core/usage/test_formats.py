"""Bespoke formats: every value arrives exactly, or its problem names the field and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.usage.format_codec import format_from_json
from counterfoil.core.usage.format_reader import FormatReader, apply
from counterfoil.core.usage.formats import (
    DEFAULT_FORMAT,
    Changes,
    Format,
    Mapped,
    Numbers,
    Skipped,
    Source,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {"who": "acme", "what": "calls", "when": "2026-03-01T12:00:00Z", "n": "5"}
FORMAT: dict[str, Any] = {
    "name": "Theirs",
    "customer": {"from": "who"},
    "usage_product": {"from": "what"},
    "at": {"from": "when"},
    "quantity": {"from": "n"},
}


def read(changed: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """The outcome of EVENT and `event` under FORMAT and `changed`; a null takes an entry away."""
    merged = {k: v for k, v in {**EVENT, **event}.items() if v is not None}
    return apply(format_from_json({**FORMAT, **changed}), merged)


# Laws ----------------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=8)
SINCE = datetime.fromisoformat("2000-01-01")
instants = st.datetimes(SINCE, SINCE.replace(year=2090), timezones=st.just(UTC))
quantities = st.decimals(-(10**19), 10**19, places=12, allow_nan=False, allow_infinity=False)


@given(texts, texts, instants, quantities, st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=9)), texts)
def test_the_default_format_changes_nothing_of_a_standard_event(
    customer: str, product: str, at: datetime, quantity: Decimal, properties: dict[str, str], key: str
) -> None:
    event = {
        "timestamp": instant_text(at),
        "customer_ref": customer,
        "usage_product_ref": product,
        "quantity": quantity,
        "additional_report_data": properties,
        "external_event_id": key,
        "validations": {"currency": "USD"},
    }
    assert apply(DEFAULT_FORMAT, event) == Mapped(customer, product, at, quantity, properties, key)


@given(quantities, st.sampled_from((Numbers(), Numbers(","), Numbers(",", "."), Numbers(".", "'"), Numbers(",", " "))))
def test_a_quantity_is_the_same_in_every_spelling(quantity: Decimal, how: Numbers) -> None:
    whole, _, fraction = decimal_text(quantity.copy_abs()).partition(".")
    grouped = f"{int(whole):,}".replace(",", how.thousands)
    spelled = ("-" if quantity < 0 else "") + grouped + (how.decimal + fraction if fraction else "")
    format = Format(
        "F", *(Source(constant="x"),) * 2, Source(constant="2026-01-01T00:00:00Z"), Source(("n",)), number=how
    )
    outcome = apply(format, {"n": spelled})
    assert isinstance(outcome, Mapped)
    assert outcome.quantity == quantity


@given(
    st.integers(-(10**15), 10**15),
    st.integers(0, 12),
    st.decimals("0.000001", 10**6, places=6),
    st.integers(1, 10**6),
    st.integers(0, 12),
)
def test_conversion_is_exact_and_rounds_once_half_away_from_zero(
    digits: int, scale: int, multiply: Decimal, divide: int, places: int
) -> None:
    number = Numbers(multiply=multiply, divide=Decimal(divide), places=places)
    format = Format(
        "F", *(Source(constant="x"),) * 2, Source(constant="2026-01-01T00:00:00Z"), Source(("n",)), number=number
    )
    outcome = apply(format, {"n": Decimal(digits).scaleb(-scale)})
    exact = Fraction(digits, 10**scale) * Fraction(*multiply.as_integer_ratio()) / divide
    if not isinstance(outcome, Mapped):
        assert abs(exact) >= 10**20 - 1
        return
    off = abs(Fraction(*outcome.quantity.as_integer_ratio())) - abs(exact)
    half = Fraction(1, 2 * 10**places)
    assert -half < off <= half


@given(instants, st.sampled_from(("seconds", "milliseconds", "microseconds", "nanoseconds")))
def test_epoch_times_are_exact_to_the_microsecond(at: datetime, form: Any) -> None:
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    per = {"seconds": -6, "milliseconds": -3, "microseconds": 0, "nanoseconds": 3}[form]
    spelled = decimal_text(Decimal(micros).scaleb(per))
    assert read({"at": {"from": "when", "read": form}}, {"when": spelled}).at == at


# Tables --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "at", "when", "instant"),
    [
        (
            "an offset wins over the zone",
            {"time_zone": "Europe/Berlin"},
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00Z",
        ),
        ("winter time", {"time_zone": "Europe/Berlin"}, "2026-01-15 12:00", "2026-01-15T11:00:00Z"),
        ("summer time", {"time_zone": "Europe/Berlin"}, "2026-07-15 12:00", "2026-07-15T10:00:00Z"),
        ("a day alone begins at its midnight", {"time_zone": "Asia/Tokyo"}, "2026-03-01", "2026-02-28T15:00:00Z"),
        (
            "the repeated hour is its first pass",
            {"time_zone": "Europe/Berlin"},
            "2025-10-26T02:30",
            "2025-10-26T00:30:00Z",
        ),
        ("seconds in a number", {"read": "seconds"}, 1772366400, "2026-03-01T12:00:00Z"),
        ("seconds with a fraction", {"read": "seconds"}, "1772366400.25", "2026-03-01T12:00:00.25Z"),
        ("before 1970", {"read": "milliseconds"}, -1, "1969-12-31T23:59:59.999Z"),
        (
            "a German date",
            {"read": "pattern", "pattern": "%d.%m.%Y %H:%M", "time_zone": "Europe/Berlin"},
            "1.3.2026 13:00",
            "2026-03-01T12:00:00Z",
        ),
        (
            "an offset in the pattern",
            {"read": "pattern", "pattern": "%d/%b/%Y:%H:%M:%S %z"},
            "01/Mar/2026:13:00:00 +0100",
            "2026-03-01T12:00:00Z",
        ),
        ("Excel's noon", {"read": "excel", "time_zone": "UTC"}, "46082.5", "2026-03-01T12:00:00Z"),
        ("Excel's noise is no time", {"read": "excel", "time_zone": "UTC"}, "46082.4999999999", "2026-03-01T12:00:00Z"),
    ],
)
def test_instants_in_foreign_spellings(says: str, at: dict[str, Any], when: Any, instant: str) -> None:
    assert instant_text(read({"at": {"from": "when", **at}}, {"when": when}).at) == instant


@pytest.mark.parametrize(
    ("says", "changed", "event", "field", "message"),
    [
        (
            "a missing customer",
            {"customer": {"from": ["a.id", "a.name"]}},
            {"a": {"id": " "}},
            "customer",
            "is required (from a.id or a.name)",
        ),
        ("an object where a text was meant", {}, {"who": {"id": "x"}}, "customer", "is required (from who)"),
        ("no offset and no zone", {}, {"when": "2026-03-01T12:00:00"}, "at", "no UTC offset"),
        ("a number as ISO time", {}, {"when": 1772366400}, "at", "seconds or milliseconds (from when)"),
        (
            "an hour that the clocks skipped",
            {"at": {"from": "when", "time_zone": "Europe/Berlin"}},
            {"when": "2026-03-29T02:30"},
            "at",
            "does not exist in Europe/Berlin",
        ),
        (
            "the wrong pattern",
            {"at": {"from": "when", "read": "pattern", "pattern": "%d.%m.%Y", "time_zone": "UTC"}},
            {"when": "3/1/2026"},
            "at",
            "'3/1/2026' is not a time of the form %d.%m.%Y (from when)",
        ),
        (
            "seconds beyond all years",
            {"at": {"from": "when", "read": "seconds"}},
            {"when": "1e20"},
            "at",
            "beyond the year",
        ),
        (
            "a decimal comma not asked for",
            {},
            {"n": "1,5"},
            "quantity",
            "'1,5' is not a number such as 1234.5 (from n)",
        ),
        (
            "a point between two digits is no thousand",
            {"quantity": {"from": "n", "decimal": ",", "thousands": "."}},
            {"n": "1.50"},
            "quantity",
            "not a number such as 1.234,5",
        ),
        ("a yes is no number", {}, {"n": True}, "quantity", "not true or false"),
        ("not a number at all", {}, {"n": "NaN"}, "quantity", "not a number"),
        ("digits of another script", {}, {"n": "٣"}, "quantity", "not a number"),
        ("a number that would take for ever", {}, {"n": Decimal("1e999999999")}, "quantity", "below 10^20"),
        (
            "a third has no end",
            {"quantity": {"from": "n", "divide": "3"}},
            {"n": 1},
            "quantity",
            "say how many `places`",
        ),
        (
            "too large once converted",
            {"quantity": {"from": "n", "multiply": "1000"}},
            {"n": "1e18"},
            "quantity",
            "10^20",
        ),
        (
            "an unknown value",
            {"usage_product": {"from": "what", "values": {"EU": "calls"}, "other": "refuse"}},
            {"what": "US"},
            "usage_product",
            "'US' is not one of the values that the format knows (from what)",
        ),
        (
            "an unknown sign",
            {"quantity": {"from": "n", "sign": {"from": "way", "negative": ["credit"], "positive": ["debit"]}}},
            {"way": "sideways"},
            "quantity",
            "must be one of credit, debit, not 'sideways' (from way)",
        ),
        ("an unknown key where none may be", {"rest": "refuse"}, {"typo": 1}, "typo", "is not known to the format"),
        (
            "one property from two places",
            {"spread": ["x", "y"]},
            {"x": {"a": 1}, "y": {"a": 2}},
            "properties.a",
            "there twice",
        ),
        ("two values at one path", {}, {"x.y": 1, "x": {"y": 2}}, "x.y", "is there twice"),
        (
            "a half of a joined time",
            {"at": {"from": ["day", "hour"], "join": "T"}},
            {"day": "2026-03-01"},
            "at",
            "is required (from day or hour)",
        ),
        ("nested beyond reason", {}, {"deep": json.loads("[" * 50 + "]" * 50)}, "deep" + ".0" * 15, "nested deeper"),
        ("wide beyond reason", {}, {"wide": [1] * 1001}, "", "more than 1000 values"),
    ],
)
def test_a_problem_names_the_field_and_its_source(
    says: str, changed: dict[str, Any], event: dict[str, Any], field: str, message: str
) -> None:
    outcome = read(changed, event)
    assert isinstance(outcome, tuple), outcome
    assert [p.field for p in outcome] == [field]
    assert message in outcome[0].message


def test_all_problems_of_an_event_are_told_at_once() -> None:
    assert [p.field for p in read({}, {"who": "", "when": "?", "n": "?"})] == ["customer", "at", "quantity"]


@pytest.mark.parametrize(
    ("says", "changed", "event", "expected"),
    [
        (
            "the first path that has a value",
            {"customer": {"from": ["a.id", "who"]}},
            {"a": {"id": "A1"}},
            {"customer": "A1"},
        ),
        ("a null falls through", {"customer": {"from": ["a.id", "who"]}}, {"a": {"id": None}}, {"customer": "acme"}),
        ("an entry of a list", {"customer": {"from": "ids.1"}}, {"ids": ["a", "b"]}, {"customer": "b"}),
        ("a customer by number", {"customer": {"from": "no"}}, {"no": 4711}, {"customer": "4711"}),
        ("a constant", {"usage_product": {"constant": "bytes"}}, {}, {"usage_product": "bytes"}),
        ("a default where nothing is", {"quantity": {"from": "m", "default": "1"}}, {}, {"quantity": Decimal(1)}),
        (
            "a value in their words",
            {"usage_product": {"from": "what", "values": {"calls": "API calls"}}},
            {},
            {"usage_product": "API calls"},
        ),
        ("a key of two columns", {"key": {"from": ["who", "n"], "join": "/"}}, {}, {"key": "acme/5"}),
        (
            "thousands as French has them",
            {"quantity": {"from": "n", "decimal": ",", "thousands": " "}},
            {"n": "1\u202f234\u00a0567,5"},
            {"quantity": Decimal("1234567.5")},
        ),
        (
            "bytes in binary gigabytes, rounded",
            {"quantity": {"from": "n", "divide": "1073741824", "places": 3}},
            {"n": "1500000000"},
            {"quantity": Decimal("1.397")},
        ),
        (
            "a credit counts negative",
            {"quantity": {"from": "n", "sign": {"from": "way", "negative": ["Credit"], "positive": [""]}}},
            {"way": "CREDIT"},
            {"quantity": Decimal(-5)},
        ),
        (
            "no word counts positive",
            {"quantity": {"from": "n", "sign": {"from": "way", "negative": ["credit"], "positive": [""]}}},
            {},
            {"quantity": Decimal(5)},
        ),
        (
            "the rest is kept",
            {},
            {"tag": {"a": 1.5 and Decimal("1.50")}, "on": True, "gone": None},
            {"properties": {"tag.a": "1.5", "on": "true"}},
        ),
        (
            "the rest is dropped but for what is kept",
            {"rest": "drop", "keep": ["tag"]},
            {"tag": {"a": "x"}, "other": 1},
            {"properties": {"tag.a": "x"}},
        ),
        ("what is dropped by name", {"drop": ["tag"]}, {"tag": {"a": "x"}, "tags": "y"}, {"properties": {"tags": "y"}}),
        (
            "a named property",
            {"properties": {"region": {"from": "r", "values": {"1": "EU"}}}},
            {"r": 1},
            {"properties": {"region": "EU"}},
        ),
    ],
)
def test_values_arrive_as_the_format_says(
    says: str, changed: dict[str, Any], event: dict[str, Any], expected: dict[str, Any]
) -> None:
    outcome = read(changed, event)
    assert isinstance(outcome, Mapped), outcome
    assert {name: getattr(outcome, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("skip", "event", "reason"),
    [
        ({"from": "kind", "is": ["test"], "because": "test traffic"}, {"kind": "test"}, "test traffic"),
        ({"from": "kind", "is": ["test"]}, {"kind": "test"}, "kind is 'test'"),
        ({"from": "kind", "is_not": ["real"]}, {}, "kind is not 'real'"),
        ({"from": "billable", "is": ["false"]}, {"billable": False}, "billable is 'false'"),
        ({"from": "id", "empty": True}, {"id": "  "}, "id is empty"),
        ({"from": "cancelled", "empty": False}, {"cancelled": "x"}, "cancelled is not empty"),
    ],
)
def test_what_is_left_out_says_why(skip: dict[str, Any], event: dict[str, Any], reason: str) -> None:
    assert read({"skip": [skip]}, event) == Skipped(reason)
    assert read({"skip": [{"from": "n", "is": ["6"]}]}, event).__class__ is Mapped


def test_an_update_says_only_what_is_there() -> None:
    reader = FormatReader(format_from_json({**FORMAT, "quantity": {"from": "n", "default": "9", "divide": "2"}}))
    assert reader.changes({}) == Changes()
    assert reader.changes({"n": 3, "note": "x"}) == Changes(quantity=Decimal("1.5"), properties={"note": "x"})
    problems = reader.changes({"when": "yesterday"})
    assert isinstance(problems, tuple) and problems[0].field == "at"
