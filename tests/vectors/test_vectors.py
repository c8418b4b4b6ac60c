"""Vectors from outside, and a runner that cannot pass what does not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.__main__ import MODULES, Tally, main, one, run, runner_of

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
FILES = ("pricing_models", "proration", "aggregation", "merkle", "dunning_tax_credit")
ABSENT = not (VECTORS / "positions.json").exists()
HERE = pytest.mark.skipif(ABSENT, reason="the shared vectors are not beside the checkout")

LEAF = {"id": "std-leaf", "input": {"op": "leaf_hash", "data_hex": ""}}
EMPTY_LEAF = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
"""RFC 9162: SHA-256 of the byte 0x00."""


@HERE
@pytest.mark.parametrize("name", FILES)
def test_every_case_that_takes_our_positions_holds(name: str) -> None:
    tally = run([VECTORS / f"{name}.json"])
    assert tally.failed == []
    cases = json.loads((VECTORS / f"{name}.json").read_text())
    assert tally.passed + tally.other_policy + sum(tally.not_yet.values()) == len(cases)
    declared = set().union(*(module.NOT_YET for module in MODULES))
    assert set(tally.not_yet) <= declared, "a kind that nobody runs is declared, never passed over"
    assert tally.passed > len(cases) * 9 // 10


@HERE
def test_another_policy_is_one_that_the_positions_do_not_list() -> None:
    ours = json.loads((VECTORS / "positions.json").read_text())["ours"]
    for name in FILES:
        cases = json.loads((VECTORS / f"{name}.json").read_text())
        foreign = [
            c for c in cases if any(value not in ours.get(key, []) for key, value in (c.get("policy") or {}).items())
        ]
        assert run([VECTORS / f"{name}.json"]).other_policy == len(foreign)


def ran(case: dict[str, Any], ours: dict[str, list[str]] | None = None) -> Tally:
    tally = Tally()
    one("file.json", case, ours or {}, tally)
    return tally


def test_a_right_expectation_passes_and_a_wrong_one_fails() -> None:
    assert ran({**LEAF, "expected": {"hash_hex": EMPTY_LEAF}}).passed == 1
    wrong = ran({**LEAF, "expected": {"hash_hex": EMPTY_LEAF[:-1] + "e"}})
    assert wrong.passed == 0 and len(wrong.failed) == 1 and "std-leaf" in wrong.failed[0]


def test_an_expectation_that_nothing_answers_fails() -> None:
    assert "got nothing" in ran({**LEAF, "expected": {"hash_hex": EMPTY_LEAF, "colour": "red"}}).failed[0]


def test_a_case_that_cannot_be_run_fails() -> None:
    assert "ValueError" in ran({"id": "x", "input": {"op": "leaf_hash", "data_hex": "zz"}, "expected": {}}).failed[0]


@pytest.mark.parametrize(
    ("policy", "ours", "is_ours"),
    [
        ({}, {}, True),
        (None, {}, True),
        ({"rounding": "bankers"}, {"rounding": ["half_away_from_zero"]}, False),
        ({"rounding": "half_away_from_zero"}, {"rounding": ["half_away_from_zero"]}, True),
        ({"rounding": "half_away_from_zero", "week": "sunday"}, {"rounding": ["half_away_from_zero"]}, False),
        ({"unheard_of": "x"}, {}, False),
    ],
)
def test_a_case_of_another_policy_is_counted_and_not_run(policy: Any, ours: dict[str, Any], is_ours: bool) -> None:
    tally = ran({**LEAF, "policy": policy, "expected": {"hash_hex": "wrong on purpose"}}, ours)
    assert (len(tally.failed), tally.other_policy) == ((1, 0) if is_ours else (0, 1))


def test_a_kind_of_a_later_feature_is_told_and_neither_passed_nor_failed() -> None:
    tally = ran({"id": "x", "kind": "telepathy", "input": {}, "expected": {"a": 1}})
    assert (tally.passed, tally.failed, tally.not_yet) == (0, [], {"telepathy": 1})
    assert runner_of("telepathy") == (None, False)


@pytest.mark.parametrize(
    ("want", "amount", "rounding", "holds"),
    [
        ("1.5", "1.50", None, True),
        ("1.5", "1.500001", None, False),
        ("1.50", "1.500001", {"scale": 2, "mode": "half_up"}, True),
        ("1.51", "1.505", {"scale": 2, "mode": "half_up"}, True),
        ("1.51", "1.504", {"scale": 2, "mode": "half_up"}, False),
    ],
)
def test_numbers_are_compared_as_their_source_rounded_them(want: str, amount: str, rounding: Any, holds: bool) -> None:
    expected = {"amount": want} | ({} if rounding is None else {"rounding": rounding})
    usage = {"quantity": "1"}
    tally = ran({"id": "x", "input": {"model": "per_unit", "unit_price": amount, "usage": usage}, "expected": expected})
    assert (tally.passed == 1) == holds and (len(tally.failed) == 1) != holds


def test_the_command_tells_failures_and_sums_and_says_so_to_its_caller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = {**LEAF, "expected": {"hash_hex": EMPTY_LEAF}}, {**LEAF, "id": "bad", "expected": {"hash_hex": ""}}
    (tmp_path / "positions.json").write_text(json.dumps({"ours": {"week": ["monday"]}}))
    (tmp_path / "a.json").write_text(json.dumps([good, {**good, "policy": {"week": "sunday"}}]))
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed, 1 of another policy"
    (tmp_path / "b.json").write_text(json.dumps([good, bad, {"id": "x", "kind": "later", "input": {}, "expected": {}}]))
    assert main([str(tmp_path)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("FAIL b.json bad") and told[-1] == "2 passed, 1 failed, 1 of another policy"
    assert "not yet: later (1 cases)" in told
    assert main([]) == 2
