"""Suggested formats: what could mean two amounts or two days is left to a person."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.core.usage.format_codec import format_to_json
from counterfoil.core.usage.format_suggest import suggest_mapping


def suggested(rows: list[dict[str, str]]) -> tuple[Any, tuple[str, ...], str]:
    guess = suggest_mapping(list(rows[0]), rows)
    return format_to_json(guess.format), guess.unsettled, "; ".join(guess.notes)


def test_common_names_are_found_in_any_dress() -> None:
    said, unsettled, _ = suggested(
        [
            {
                "Account-ID": "A1",
                "Event Name": "calls",
                "event_time": "2026-03-01T12:00:00Z",
                "QTY": "1,234.5",
                "Event ID": "x",
                "Region": "EU",
            }
        ]
    )
    assert unsettled == ()
    assert {k: said[k]["from"] for k in ("customer", "usage_product", "at", "quantity", "key")} == {
        "customer": ["Account-ID"],
        "usage_product": ["Event Name"],
        "at": ["event_time"],
        "quantity": ["QTY"],
        "key": ["Event ID"],
    }
    assert said["quantity"]["thousands"] == "," and said["rest"] == "keep"


@pytest.mark.parametrize(
    ("dates", "read", "unsettled"),
    [
        (["31.01.2026 10:00"], {"read": "pattern", "pattern": "%d.%m.%Y %H:%M", "time_zone": "UTC"}, ()),
        (["01/31/2026"], {"read": "pattern", "pattern": "%m/%d/%Y", "time_zone": "UTC"}, ()),
        (["01/02/2026", "01/31/2026"], {"read": "pattern", "pattern": "%m/%d/%Y", "time_zone": "UTC"}, ()),
        (["01/02/2026"], None, ("at",)),
        (["1772366400"], {"read": "seconds"}, ()),
        (["1772366400123"], {"read": "milliseconds"}, ()),
        (["46082.5"], {"read": "excel", "time_zone": "UTC"}, ()),
        (["20260131"], {"time_zone": "UTC"}, ()),
        (["2026-01-31 10:00"], {"time_zone": "UTC"}, ()),
        (["last Tuesday"], None, ("at",)),
    ],
)
def test_a_day_that_could_be_two_is_left_to_a_person(
    dates: list[str], read: dict[str, str] | None, unsettled: tuple[str, ...]
) -> None:
    said, left, _ = suggested([{"customer": "a", "product": "b", "date": d, "quantity": "1"} for d in dates])
    assert left == unsettled
    if read is not None:
        assert said["at"] == {"from": ["date"], **read}


@pytest.mark.parametrize(
    ("numbers", "how", "unsettled"),
    [
        (["1", "2.5"], {}, ()),
        (["1,5", "2"], {"decimal": ","}, ()),
        (["1,234", "2,5"], {"decimal": ","}, ()),
        (["1,234", "1,234,567"], {"thousands": ","}, ()),
        (["1.234,5"], {"decimal": ",", "thousands": "."}, ()),
        (["1,234"], None, ("quantity",)),
        (["a few"], None, ("quantity",)),
    ],
)
def test_a_number_that_could_be_a_thousandfold_is_left_to_a_person(
    numbers: list[str], how: dict[str, str] | None, unsettled: tuple[str, ...]
) -> None:
    rows = [{"customer": "a", "product": "b", "time": "2026-01-01T00:00:00Z", "quantity": n} for n in numbers]
    said, left, _ = suggested(rows)
    assert left == unsettled
    if how is not None:
        assert said["quantity"] == {"from": ["quantity"], **how}


def test_what_no_column_says_is_left_to_a_person() -> None:
    said, left, notes = suggested([{"foo": "1", "bar": "2"}])
    assert left == ("customer", "usage_product", "at")
    assert said["quantity"] == {"constant": "1"}
    assert "each row counts 1" in notes
