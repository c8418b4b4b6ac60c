"""A usage log as CSV (RFC 4180, UTF-8), row by row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.usage.event import Event

COLUMNS = ("event_ref", "at", "quantity", "usage_product_ref", "customer_ref", "key", "supersedes", "void")
"""The columns that every log has, before those of the properties."""

MAX_COLUMNS = 50
"""Properties that get a column of their own in a whole file."""
_CHUNK_CHARACTERS = 1 << 16
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def usage_csv(rows: Iterable[Event], *, properties: Sequence[str] = ()) -> Iterator[bytes]:
    """The log in chunks of some 64 KiB; memory does not grow with it. The heading comes first, also without rows.

    Each name in `properties` has a column `property.<name>`; whatever else an event carries is one JSON text in
    `other_properties`. Times are UTC, quantities plain decimals. A text that a spreadsheet would take for a formula
    gets an apostrophe in front (OWASP, CSV injection); quantities do not, they are numbers.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *(_text(f"property.{name}") for name in properties), "other_properties"])
    shown = frozenset(properties)
    for event in rows:
        other = {k: v for k, v in event.properties.items() if k not in shown}
        writer.writerow([
            event.ref, instant_text(event.at), decimal_text(event.quantity), event.usage_product_ref,
            event.customer_ref, _text(event.key), event.supersedes or "", "yes" if event.void else "no",
            *(_text(event.properties.get(name, "")) for name in properties),
            canonical(other).decode() if other else "",
        ])
        if buffer.tell() >= _CHUNK_CHARACTERS:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def usage_file(events: Sequence[Event]) -> bytes:
    """The whole log as one file, with a column for each property that any event carries (50 at the most)."""
    names = sorted({name for event in events for name in event.properties})[:MAX_COLUMNS]
    return b"".join(usage_csv(events, properties=names))


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
