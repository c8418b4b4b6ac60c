"""From reports as they arrived to the events that count: duplicates, corrections, and what was known when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from counterfoil.core.usage.event import Event


def deduplicated(arrived: Iterable[Event]) -> tuple[Event, ...]:
    """The first event of each key, in the order of arrival (`duplicate_event=first_wins_on_source_id`).

    A key names source and id of a report. Events without a key are never duplicates.
    """
    seen: set[str] = set()
    kept = []
    for event in arrived:
        if event.key:
            if event.key in seen:
                continue
            seen.add(event.key)
        kept.append(event)
    return tuple(kept)


def standing(events: Iterable[Event]) -> Sequence[Event]:
    """The events that no other one supersedes and that are not void: what a meter counts."""
    listed = tuple(events)
    gone = {e.supersedes for e in listed if e.supersedes is not None}
    if not gone and not any(e.void for e in listed):
        return listed
    return tuple(e for e in listed if not e.void and e.ref not in gone)


def known_between(
    stored: Iterable[tuple[datetime, Event]], *, since: datetime | None = None, until: datetime | None = None
) -> tuple[Event, ...]:
    """The events stored in [`since`, `until`), given with the instant at which each was stored (None: open).

    With `until` alone this is the usage as it was known then: later reports and later corrections are not seen.
    """
    return tuple(
        event for at, event in stored if (since is None or at >= since) and (until is None or at < until)
    )
