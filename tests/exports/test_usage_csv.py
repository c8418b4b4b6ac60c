"""A usage log opens as what was reported, and runs nothing on the reader's desk."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.usage.event import Event
from counterfoil.exports.usage_csv import COLUMNS, usage_csv

AT = datetime(2013, 1, 1, 5, 15, tzinfo=UTC)


def event(n: int = 0, **fields: object) -> Event:
    values = {"properties": {"tail": "N14228"}, "key": f"k{n}", **fields}
    return Event(
        ref=derived_ref("event", n), customer_ref=derived_ref("customer"), usage_product_ref=derived_ref("meter"),
        at=AT + timedelta(minutes=n), quantity=Decimal("-1.50"), **values,  # type: ignore[arg-type]
    )


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def test_a_log_without_events_still_says_what_its_columns_are() -> None:
    assert b"".join(usage_csv([], properties=["tail"])) == (
        ",".join([*COLUMNS, "property.tail", "other_properties"]).encode() + b"\r\n"
    )


def test_numbers_stay_numbers_and_no_property_is_lost() -> None:
    [_, row] = read(b"".join(usage_csv([event(properties={"tail": "N1", "b": "2", "a": "1"})], properties=["tail"])))
    assert row[1:3] == ["2013-01-01T05:15:00Z", "-1.5"]
    assert row[-2:] == ["N1", '{"a":"1","b":"2"}']


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_text_that_a_spreadsheet_would_run_is_text(start: str) -> None:
    evil = f"{start}HYPERLINK(\"http://evil\",\"a\")"
    data = b"".join(usage_csv([event(key=evil, properties={"tail": evil})], properties=["tail"]))
    [_, row] = read(data)
    assert row[COLUMNS.index("key")] == row[len(COLUMNS)] == "'" + evil


def test_a_column_name_is_no_formula_either() -> None:
    [heading] = read(b"".join(usage_csv([], properties=["=1+1"])))
    assert not [name for name in heading if name.startswith("=")]


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=4))
def test_quotes_commas_and_line_ends_never_shift_a_column(texts: list[str]) -> None:
    rows = [event(i, key=text, properties={"tail": text}) for i, text in enumerate(texts)]
    table = read(b"".join(usage_csv(rows, properties=["tail"])))
    assert [len(row) for row in table] == [len(COLUMNS) + 2] * (len(texts) + 1)
    assert [row[len(COLUMNS)].removeprefix("'") for row in table[1:]] == [t.removeprefix("'") for t in texts]


def test_a_long_log_is_streamed_in_chunks_and_memory_stays_flat() -> None:
    def events(count: int) -> Iterator[Event]:
        return (event(n) for n in range(count))

    def peak(count: int) -> tuple[int, int]:
        tracemalloc.start()
        chunks = sum(1 for _ in usage_csv(events(count), properties=["tail"]))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top, chunks

    (small, _), (large, chunks) = peak(2_000), peak(10_000)
    assert chunks > 10
    assert large < 1.5 * small
