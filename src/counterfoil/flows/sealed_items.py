"""What stands under the roots that a sealed record commits to, as it stood when the record was made: the events that an
invoice or a value receipt counted, the deltas of a balance receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, combinations
from typing import Protocol

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window, read_instant
from counterfoil.core.receipts.balance import BALANCE_RECEIPT
from counterfoil.core.receipts.value import VALUE_RECEIPT
from counterfoil.core.tlog.tree import leaf_hash, root_of
from counterfoil.core.usage.ask import Ask, reads_from
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter_codec import meter_from_json
from counterfoil.core.usage.reading import counts
from counterfoil.core.usage.seal import event_bytes_in_order
from counterfoil.core.value.model import model_from_json
from counterfoil.core.value.tally import products_of, takes
from counterfoil.flows.balance_items import balance_items

LAST_INSTANT = timedelta(microseconds=1)
"""A period whose end is included ends so much later."""
RECENT = 12
MOST_MISSED = 3
"""Of the last dozen transactions before a moment, so many may have been in the air when it was billed."""


class Life(Protocol):
    """An event, and the transactions that it came and went with."""

    @property
    def event(self) -> Event:
        """The event."""
        ...

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded."""
        ...

    @property
    def came(self) -> int:
        """The transaction that wrote it."""
        ...

    @property
    def gone(self) -> int | None:
        """The transaction that superseded it."""
        ...


class ItemsTx(Protocol):
    """What finding them needs of the store."""

    def usage_history(self, customer: Ref, stream: Ref, since: datetime | None, until: datetime) -> Sequence[Life]:
        """Every event that ever was in [since, until)."""
        ...

    def billed_upon_usage(self, product: Ref) -> Sequence[tuple[Ref, Ref, int, int | None]]:
        """(event, document, transaction that billed it there, and that gave it back) of usage billed as it came."""
        ...

    def written_at(self, document_ref: Ref) -> datetime | None:
        """When a document was written."""
        ...


def items_of(tx: ItemsTx, record_ref: Ref, record: Json) -> dict[str, list[bytes]]:
    """What stands under each root that a record commits to."""
    if record["type"] == VALUE_RECEIPT:
        return {record["events"]["root"]: delivered_events(tx, record)}
    return usage_of(tx, record_ref, record)


def delivered_events(tx: ItemsTx, record: Json) -> list[bytes]:
    """The events that a value receipt counted, as they were when its numbers were worked out."""
    model, products = model_from_json(record["model"]), products_of(record["scope"])
    start, end = (read_instant(record["period"][side]) for side in ("start", "end"))
    lives = [
        life
        for stream in model.streams
        for life in tx.usage_history(Ref(record["customer"]["ref"]), stream, start, end + LAST_INSTANT)
        if takes(model, products, life.event)
    ]
    proof = record["events"]
    events = as_counted(lives, bytes.fromhex(proof["root"]), proof["count"], read_instant(record["generated_at"]))
    assert events is not None, (
        f"the value receipt {record['receipt_ref']} counted {proof['count']} events under {proof['root']}, and the stored "
        "events gave that root at no moment"
    )
    return events


def usage_of(tx: ItemsTx, document_ref: Ref, record: Json) -> dict[str, list[bytes]]:
    """The events of every usage root that a document's record commits to, as they were counted when it was issued; the deltas
    under the root of a balance receipt."""
    if record["type"] == BALANCE_RECEIPT:
        return balance_items(tx, record)
    found: dict[str, list[bytes]] = {}
    for line in record.get("lines", ()):
        proof = line["usage"]
        if proof is None or proof["root"] in found:
            continue
        meter = meter_from_json(proof["meter"])
        customer, zone = Ref(record["buyer"]["ref"]), line["inputs"].get("time_zone", record["time_zone"])
        window = Window(read_instant(proof["window"]["start"]), read_instant(proof["window"]["end"]))
        since = reads_from(Ask(customer, meter, window, time_zone=zone))
        lives = [x for stream in meter.streams for x in tx.usage_history(customer, stream, since, window.end)]
        read: Sequence[Life] = [life for life in lives if counts(meter, life.event)]
        read = _as_it_came(tx, line["product_ref"], Ref(record.get("corrects") or document_ref), read)
        events = as_counted(read, bytes.fromhex(proof["root"]), proof["count"], tx.written_at(document_ref))
        assert events is not None, (
            f"line {line['n']} of {document_ref} counted {proof['count']} events under {proof['root']}, and the stored "
            "events gave that root at no moment"
        )
        found[proof["root"]] = events
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """An event in the life of one document."""

    event: Event
    recorded_at: datetime
    came: int
    gone: int | None


def _as_it_came(tx: ItemsTx, product: str | None, document: Ref, lives: Sequence[Life]) -> Sequence[Life]:
    """Where usage was billed as it came: each of its documents counts what was billed on it, from then on, and any other
    one what none of them had billed yet."""
    rows = [] if product is None else tx.billed_upon_usage(Ref(product))
    if not rows:
        return lives
    mine = {event: xact for event, on, xact, _back in rows if on == document}
    if mine:
        return [_Part(x.event, x.recorded_at, mine[x.event.ref], x.gone) for x in lives if x.event.ref in mine]
    taken: dict[Ref, list[tuple[int, int | None]]] = {}
    for event, _on, xact, back in rows:
        taken.setdefault(event, []).append((xact, back))
    found: list[Life] = []
    for life in lives:
        free: int | None = life.came
        for xact, back in sorted(taken.get(life.event.ref, ()), key=_in_turn):
            assert free is not None, "an event is on one document at a time"
            found.append(_Part(life.event, life.recorded_at, free, xact if life.gone is None else min(xact, life.gone)))
            free = back
        if free is not None:
            found.append(_Part(life.event, life.recorded_at, free, life.gone))
    return found


def _in_turn(span: tuple[int, int | None]) -> tuple[int, bool, int]:
    """Spans of transactions in their order: of those that begin together, the one that has ended comes first."""
    return span[0], span[1] is None, span[1] or 0


def as_counted(lives: Iterable[Life], root: bytes, count: int, issued_at: datetime | None) -> list[bytes] | None:
    """The canonical bytes of the events that stood at the moment whose root is `root`; None when there was none.

    A correction takes an event away from those that stand, but not from what was billed before. The moment is looked
    for among the transactions that changed these events, starting next to `issued_at` (the clock of a test tenant and
    writers that overlap make the time alone a hint): where the number of events fits, the root decides. A transaction
    that began earlier and committed later than others was not seen by who billed, so up to three are left out in turn.
    """
    listed = sorted(lives, key=lambda life: (life.event.at, life.event.ref))
    spelled = list(event_bytes_in_order(life.event for life in listed))
    leaves = [leaf_hash(data) for data in spelled]
    for seen in _moments(listed, count, issued_at):
        stood = [n for n, x in enumerate(listed) if x.came in seen and (x.gone is None or x.gone not in seen)]
        if root_of([leaves[n] for n in stood]) == root:
            return [spelled[n] for n in stood]
    return None


def _moments(lives: Sequence[Life], count: int, issued_at: datetime | None) -> Iterator[frozenset[int]]:
    """Sets of transactions that together leave `count` events standing, the likeliest first."""
    changes: Counter[int] = Counter()
    for life in lives:
        changes[life.came] += 1
        if life.gone is not None:
            changes[life.gone] -= 1
    order = sorted(changes)
    standing = list(accumulate((changes[x] for x in order), initial=0))
    known = {life.came for life in lives if issued_at is None or life.recorded_at <= issued_at}
    hint = max((i for i, x in enumerate(order, 1) if x in known), default=0)
    cuts = sorted(range(len(order) + 1), key=lambda i: (abs(i - hint), i))
    for cut in cuts:
        if standing[cut] == count:
            yield frozenset(order[:cut])
    for missed in range(1, MOST_MISSED + 1):
        for cut in cuts[: 2 * RECENT]:
            for left_out in combinations(order[max(0, cut - RECENT) : cut], missed):
                if standing[cut] - sum(changes[x] for x in left_out) == count:
                    yield frozenset(order[:cut]).difference(left_out)
