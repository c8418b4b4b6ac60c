"""Checks that several proof bundles belong together: balance receipts of one customer that join without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from counterfoil.core.basis.canonical import Json, canonical, parse_canonical
from counterfoil.core.receipts.bundle import Bundle, read_bundle
from counterfoil.core.receipts.recompute import Check, guarded, require
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.tlog.tree import leaf_hash

BALANCE_TYPE = "balance-receipt/v1"
MISSING = "{}: deltas {:,} to {:,} are in neither, so that one leads to the other is not shown. A receipt is missing between."


@dataclass(frozen=True, slots=True)
class _Window:
    name: str
    bundle: Bundle
    record: Json

    @property
    def first(self) -> int:
        return int(self.record["first_sequence"])

    @property
    def last(self) -> int:
        return int(self.record["last_sequence"])

    def deltas(self) -> dict[int, bytes]:
        """The leaf of each delta by its number."""
        return {d["sequence"]: leaf_hash(canonical(d)) for d in dict(self.bundle.usage)[self.record["root"]]}


@dataclass(frozen=True, slots=True)
class Together:
    """What bundles say about each other: what was checked, and what is missing between them."""

    checks: tuple[Check, ...] = ()
    not_proved: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts."""
        return all(check.ok for check in self.checks)


def verify_together(bundles: Sequence[tuple[str, bytes]]) -> Together:
    """What (name, bundle) say about each other: for each customer with two or more balance receipts, whether one goes on
    where the other ended, or which deltas are in neither. Only bundles that hold by themselves are compared. Never raises."""
    groups: dict[tuple[str, str], list[_Window]] = {}
    for name, data in bundles:
        try:
            bundle = read_bundle(data)
            record = parse_canonical(bundle.record)
        except ValueError:
            continue
        if record.get("type") == BALANCE_TYPE and verify_bundle(data).ok:
            of = bundle.verifier_key, record["customer"]["ref"]
            groups.setdefault(of, []).append(_Window(name, bundle, record))
    checks: list[Check] = []
    missing: list[str] = []
    for windows in groups.values():
        ordered = sorted(windows, key=lambda w: (w.first, -w.last))
        furthest = accumulate(ordered, _further)
        for one, other in zip(furthest, ordered[1:], strict=False):
            names = f"{one.name} and {other.name}"
            if other.first > one.last + 1:
                missing.append(MISSING.format(names, one.last + 1, other.first - 1))
            else:
                checks.append(guarded(names, partial(_joined, one, other)))
    return Together(tuple(checks), tuple(missing))


def _further(one: _Window, other: _Window) -> _Window:
    return one if one.last >= other.last else other


def _joined(one: _Window, other: _Window) -> str:
    a, b = one.record, other.record
    require(a["unit"] == b["unit"], f"one is in {a['unit']}, the other in {b['unit']}")
    if other.first <= one.last:
        mine, theirs = one.deltas(), other.deltas()
        both = sorted(mine.keys() & theirs.keys())
        parted = next((n for n in both if mine[n] != theirs[n]), None)
        require(parted is None, f"number {parted} is one delta in the first and another in the second")
        return f"they share numbers {both[0]:,} to {both[-1]:,}, which are the same deltas in both"
    require(
        a["ending_balance"] == b["starting_balance"],
        f"the first ends with {a['ending_balance']} {a['unit']}, the second starts from {b['starting_balance']}",
    )
    return f"the second starts from {b['starting_balance']} {b['unit']}, where the first ended, with the next number"
