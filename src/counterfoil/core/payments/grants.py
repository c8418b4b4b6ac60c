"""Grants of a metered balance: recurring, expiring, and burnt down by usage in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.quantity import ZERO

FAR = datetime.max.replace(tzinfo=UTC)
STEPS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A grant is renewed at `anchor` plus every whole number of `count` intervals, before and after it."""

    interval: Literal["minute", "hour", "day", "week", "month", "year"]
    anchor: datetime
    count: int = 1

    def next_after(self, at: datetime) -> datetime:
        """The first renewal after `at`. Months and years count from the anchor, clipped to short months."""
        step = STEPS.get(self.interval)
        if step is not None:
            step *= self.count
            return self.anchor + ((at - self.anchor) // step + 1) * step
        months = self.count * (12 if self.interval == "year" else 1)
        k = ((at.year - self.anchor.year) * 12 + at.month - self.anchor.month) // months - 1
        while (due := _plus_months(self.anchor, k * months)) <= at:
            k += 1
        return due


@dataclass(frozen=True, slots=True)
class Grant:
    """`amount` units that count from `effective_at` until `expires_at` or `voided_at`, exclusive (None: open end).

    At each renewal the balance becomes the full amount again; a reset keeps between `rollover_min` and `rollover_max`
    of it. Lower `priority` is burnt first.
    """

    id: str
    amount: Decimal
    effective_at: datetime
    priority: int = 0
    expires_at: datetime | None = None
    voided_at: datetime | None = None
    created_at: datetime | None = None
    recurrence: Recurrence | None = None
    rollover_max: Decimal = ZERO
    rollover_min: Decimal = ZERO
    is_purchased: bool = False

    @property
    def ends_at(self) -> datetime:
        """The instant from which it no longer counts."""
        return min(self.expires_at or FAR, self.voided_at or FAR)

    def is_active(self, at: datetime) -> bool:
        """Whether it counts at `at`."""
        return self.effective_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Moved:
    """What changed a balance, and when: below zero, usage took it (`spend`) or it ended (`expiry`); above, it was renewed."""

    at: datetime
    grant: str
    kind: Literal["spend", "expiry", "renewal"]
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Burnt:
    """Balances by grant id at the end, usage that no grant covered, and everything that changed a balance, in order."""

    balances: dict[str, Decimal]
    overage: Decimal
    moved: tuple[Moved, ...] = field(default=(), compare=False)


def order(grants: Sequence[Grant]) -> list[Grant]:
    """The order of burning: priority, then earliest expiry to the second (none last), then granted before purchased, then
    oldest, then id (`grant_order=priority_asc_then_earliest_expiry_then_created`)."""

    def key(grant: Grant) -> tuple[int, datetime, bool, datetime, str]:
        expiry = grant.expires_at.replace(microsecond=0) if grant.expires_at else FAR
        created = grant.created_at or datetime.min.replace(tzinfo=UTC)
        return (grant.priority, expiry, grant.is_purchased, created, grant.id)

    return sorted(grants, key=key)


def rolled_over(grant: Grant, balance: Decimal) -> Decimal:
    """What a balance becomes at a reset: lifted to `rollover_min`, and at most `rollover_max` of that is kept."""
    return min(grant.rollover_max, max(grant.rollover_min, balance))


def burn_down(
    grants: Sequence[Grant],
    balances: dict[str, Decimal],
    usage: Sequence[tuple[datetime, Decimal]],
    start: datetime,
    until: datetime,
    *,
    overage: Decimal = ZERO,
    resets: Sequence[datetime] = (),
    preserve_overage: bool = False,
) -> Burnt:
    """Balances at `until` from those at `start`, burnt by the usage of [start, until).

    Time is cut where a grant becomes active, ends or is renewed and where balances are reset; in every stretch the
    overage of the stretches before is settled first, then its usage, from the active grants in `order`. What they do
    not cover is overage. A reset rolls balances over and forgets the overage unless it is preserved.
    """
    ordered = order(grants)
    left = {g.id: balances.get(g.id, ZERO) if g.is_active(start) else ZERO for g in ordered}
    at = start
    moved: list[Moved] = []
    while True:
        end = min([until, *_cuts(grants, resets, at)])
        need = overage + sum((value for when, value in usage if at <= when < end), ZERO)
        overage = _burn(ordered, left, need, at, moved)
        if end >= until and (at == until or not _changes_at(grants, resets, until)):
            return Burnt(left, overage, tuple(moved))
        before = dict(left)
        if end in resets:
            overage = overage if preserve_overage else ZERO
            for g in ordered:
                if g.is_active(end) and g.effective_at < end:
                    left[g.id] = rolled_over(g, left[g.id])
        for g in ordered:
            if not g.is_active(end):
                left[g.id] = ZERO
            elif g.effective_at == end or _is_renewed(g, end):
                left[g.id] = g.amount
            if change := left[g.id] - before[g.id]:
                moved.append(Moved(end, g.id, "expiry" if change < 0 else "renewal", change))
        at = end
        if at >= until:
            overage = _burn(ordered, left, overage, at, moved)
            return Burnt(left, overage, tuple(moved))


def _cuts(grants: Sequence[Grant], resets: Sequence[datetime], at: datetime) -> list[datetime]:
    """Instants after `at` at which something other than usage changes a balance."""
    cuts = [r for r in resets if r > at]
    for g in grants:
        cuts += [t for t in (g.effective_at, g.ends_at) if t > at]
        if g.recurrence is not None:
            cuts.append(g.recurrence.next_after(max(at, g.effective_at)))
    return cuts


def _is_renewed(grant: Grant, at: datetime) -> bool:
    return grant.recurrence is not None and grant.recurrence.next_after(at - timedelta(microseconds=1)) == at


def _changes_at(grants: Sequence[Grant], resets: Sequence[datetime], at: datetime) -> bool:
    return at in _cuts(grants, resets, at - timedelta(microseconds=1))


def _burn(
    ordered: Sequence[Grant], left: dict[str, Decimal], need: Decimal, at: datetime, moved: list[Moved]
) -> Decimal:
    for g in ordered:
        if need > 0 and g.is_active(at):
            part = min(need, max(ZERO, left[g.id]))
            left[g.id] -= part
            need -= part
            if part:
                moved.append(Moved(at, g.id, "spend", -part))
    return need


def _plus_months(anchor: datetime, months: int) -> datetime:
    year, month0 = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    for day in (anchor.day, 30, 29, 28):
        try:
            return anchor.replace(year=year, month=month0 + 1, day=min(day, anchor.day))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
