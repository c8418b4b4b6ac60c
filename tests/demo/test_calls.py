"""The packed calls are all of the source's calls, unchanged, and each is always the same customer's."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.demo.calls import BEGINS, CUSTOMERS, DATA, LlmCall, by_customer, pack_calls, read_calls


@pytest.fixture(scope="module")
def calls() -> list[LlmCall]:
    return read_calls()


@pytest.mark.parametrize(
    ("service", "count", "first", "last", "context", "generated", "most", "minutes", "busiest"),
    [
        ("code", 8_819, (18, 17, 3, 979_960), (19, 14, 19, 928_016), 18_059_974, 245_896, (7_437, 1_899), 45, 585),
        ("conv", 19_366, (18, 15, 46, 680_590), (19, 14, 8, 402_527), 22_361_870, 4_088_665, (14_050, 1_000), 60, 502),
    ],
)  # fmt: skip
def test_the_totals_are_those_that_were_counted_from_the_source_by_other_means(
    calls: list[LlmCall], service: str, count: int, first: tuple[int, ...], last: tuple[int, ...], context: int,
    generated: int, most: tuple[int, int], minutes: int, busiest: int,
) -> None:  # fmt: skip
    own = [c for c in calls if c.service == service]
    assert len(own) == count and len({c.key for c in own}) == count
    assert own[0].at == datetime(2023, 11, 16, *first, tzinfo=UTC)
    assert own[-1].at == datetime(2023, 11, 16, *last, tzinfo=UTC)
    assert (sum(c.context for c in own), sum(c.generated for c in own)) == (context, generated)
    assert (max(c.context for c in own), max(c.generated for c in own)) == most
    by_minute = Counter(c.at.replace(second=0, microsecond=0) for c in own)
    assert (len(by_minute), max(by_minute.values())) == (minutes, busiest)


def test_they_are_packed_as_tightly_as_they_allow(calls: list[LlmCall]) -> None:
    assert DATA.stat().st_size < 145_000  # 1.0 MB as text, 199 KB as text in xz
    assert pack_calls(calls) and read_calls(pack_calls(calls)) == calls


def test_every_customer_has_calls_and_each_call_one_customer(calls: list[LlmCall]) -> None:
    found = by_customer(calls)
    assert len(found) == CUSTOMERS and sum(map(len, found.values())) == 28_185
    assert all(2_000 < len(own) < 2_700 for own in found.values())
    assert {c.key for c in found[0][:3]} == {"conv/0", "conv/19", "conv/21"}, "the hash is the same on every machine"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(("code", "conv")), st.integers(0, 10**10), st.integers(0, 10**6), st.integers(0, 300))))
def test_whatever_is_packed_comes_out_again(rows: list[tuple[str, int, int, int]]) -> None:
    counted: Counter[str] = Counter()
    calls = []
    for service, micros, context, generated in sorted(rows):
        calls.append(LlmCall(BEGINS + timedelta(microseconds=micros), service, counted[service], context, generated))
        counted[service] += 1
    assert read_calls(pack_calls(calls)) == sorted(calls)
