"""Run vector files through the core functions that bill: `python -m tests.vectors PATH...`.

A path is a file or a folder in the shape described by the vectors' README. A case is ours when every entry of its policy
is listed in the `positions.json` beside it (or beside the first path); any other is another policy. Prints a line for each
failing case, then `N passed, M failed, K of another policy`. Exit status 1 when a case failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    InvalidOperation,
)
from pathlib import Path
from typing import Any

from tests.vectors import aggregation, dunning_tax_credit, merkle, pricing_models, proration

MODULES = (pricing_models, proration, aggregation, merkle, dunning_tax_credit)
KIND_KEYS = ("kind", "model", "aggregation", "op")
MODES = {
    "half_up": ROUND_HALF_UP,
    "half_away_from_zero": ROUND_HALF_UP,
    "nearest": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "ceiling": ROUND_CEILING,
    "floor": ROUND_FLOOR,
    "up": ROUND_UP,
    "down": ROUND_DOWN,
    "truncate": ROUND_DOWN,
}
HOW_TO_COMPARE = frozenset({"rounding", "ratio_scale", "ratio_rounding"})


@dataclass
class Tally:
    """How the cases went."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    other_policy: int = 0
    not_yet: dict[str, int] = field(default_factory=dict)


def run(paths: list[Path]) -> Tally:
    """Run every case of these files."""
    tally = Tally()
    for path in files_of(paths):
        ours = positions_for(path, paths)
        for case in json.loads(path.read_text(), parse_float=Decimal):
            one(path.name, case, ours, tally)
    return tally


def one(name: str, case: Mapping[str, Any], ours: Mapping[str, list[Any]], tally: Tally) -> None:
    """Run one case and count it."""
    if not all(value in ours.get(key, []) for key, value in (case.get("policy") or {}).items()):
        tally.other_policy += 1
        return
    kind = next((case["input"][k] for k in KIND_KEYS if k in case["input"]), case.get("op") or case.get("kind"))
    runner, known = runner_of(kind)
    if runner is None:
        tally.not_yet[kind] = tally.not_yet.get(kind, 0) + 1 if known else 1 + tally.not_yet.get(kind, 0)
        return
    try:
        actual = runner(case["input"])
        faults = differences(case["expected"], actual)
    except Exception as error:
        faults = [f"{type(error).__name__}: {error}"]
    if faults:
        tally.failed.append(f"{name} {case['id']} ({kind}): {'; '.join(faults)[:400]}")
    else:
        tally.passed += 1


def runner_of(kind: str) -> tuple[Callable[[Any], Mapping[str, Any]] | None, bool]:
    """The function for a kind of case, and whether the kind is known at all."""
    for module in MODULES:
        if kind in module.KINDS:
            return module.KINDS[kind], True
        if kind in module.NOT_YET:
            return None, True
    return None, False


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    """What of `expected` does not hold; keys that it does not have are not asserted."""
    rounding = expected.get("rounding")
    faults = []
    for key, want in expected.items():
        if key in HOW_TO_COMPARE:
            continue
        how = rounding
        if "ratio_scale" in expected and key in ("number_of_cycles", "ratio"):
            how = {"scale": expected["ratio_scale"], "mode": expected.get("ratio_rounding", "half_up")}
        if key not in actual:
            faults.append(f"{key}: expected {want!r}, got nothing")
        elif not same(want, actual[key], how):
            faults.append(f"{key}: expected {want!r}, got {actual[key]!r}")
    return faults


def same(want: Any, got: Any, rounding: Any) -> bool:
    """Equality: numbers by value, rounded as the source rounded; objects by the keys that are expected."""
    if isinstance(want, dict):
        return isinstance(got, Mapping) and all(k in got and same(v, got[k], rounding) for k, v in want.items())
    if isinstance(want, list):
        return (
            isinstance(got, (list, tuple))
            and len(want) == len(got)
            and all(same(w, g, rounding) for w, g in zip(want, got, strict=True))
        )
    if want is None or isinstance(want, bool) or got is None or isinstance(got, bool):
        return want is got
    w, g = number(want), number(got)
    if w is None or g is None:
        return str(want) == str(got)
    if isinstance(rounding, dict) and not isinstance(want, int):
        quantum = Decimal(1).scaleb(-int(rounding["scale"]))
        mode = MODES.get(rounding.get("mode", "half_up"), ROUND_HALF_UP)
        return w.quantize(quantum, rounding=mode) == g.quantize(quantum, rounding=mode)
    return w == g


def number(value: Any) -> Decimal | None:
    """The value as a number, or None for a text."""
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, str):
        try:
            found = Decimal(value)
        except InvalidOperation:
            return None
        return found if found.is_finite() else None
    return None


def files_of(paths: list[Path]) -> list[Path]:
    """Every vector file that the paths name."""
    found: list[Path] = []
    for path in paths:
        found.extend(sorted(p for p in path.glob("*.json") if p.name != "positions.json") if path.is_dir() else [path])
    return found


def positions_for(path: Path, paths: list[Path]) -> Mapping[str, list[Any]]:
    """The policies that are ours, from the `positions.json` beside the file, or beside any of the paths."""
    folders = [path.parent, *(p if p.is_dir() else p.parent for p in paths), Path("../shared/vectors")]
    for folder in folders:
        if (folder / "positions.json").exists():
            ours: Mapping[str, list[Any]] = json.loads((folder / "positions.json").read_text())["ours"]
            return ours
    return {}


def main(argv: list[str]) -> int:
    """Run the files that the command line names."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    tally = run([Path(a) for a in argv])
    for line in tally.failed:
        print("FAIL", line)
    for kind, count in sorted(tally.not_yet.items()):
        print(f"not yet: {kind} ({count} cases)")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {tally.other_policy} of another policy")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
