"""Sealing usage: the Merkle root over the events that an invoice line counted.

Leaves are the canonical bytes of the events in the order of (instant, reference), hashed as RFC 9162 §2.1 says. The
bytes are spelled here piece by piece, for a run seals every event it bills; a test holds them to
`canonical(event_json(event))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from operator import attrgetter

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.tlog.tree import leaf_hashes, root_of
from counterfoil.core.usage.event import Event

_quoted: Callable[[str], str] = encode_basestring


def usage_root(events: Iterable[Event]) -> tuple[str, int]:
    """The root over the events as 64 hex digits, and how many they are. No events have the root of the empty tree."""
    leaves = leaf_hashes(event_bytes_in_order(events))
    return root_of(leaves).hex(), len(leaves)


def event_bytes_in_order(events: Iterable[Event]) -> Iterable[bytes]:
    """The leaves of the usage root: each event's canonical bytes, by instant, then reference."""
    spell = _Spelling()
    return map(spell.event, sorted(events, key=attrgetter("at", "ref")))


def event_bytes(event: Event) -> bytes:
    """The canonical bytes of one event."""
    return _Spelling().event(event)


class _Spelling:
    """Spells events; keeps what repeats from one to the next: references of customer and meter, names of properties."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._layouts: dict[tuple[str, ...], list[tuple[str, str]] | None] = {}

    def event(self, event: Event) -> bytes:
        texts = self._texts
        customer = texts.get(event.customer_ref) or self._remember(event.customer_ref)
        product = texts.get(event.usage_product_ref) or self._remember(event.usage_product_ref)
        supersedes = "null" if event.supersedes is None else _quoted(event.supersedes)
        properties = self._properties(event.properties) if event.properties else "{}"
        return (
            f'{{"at":"{_instant(event.at)}","customer_ref":{customer},"event_ref":{_quoted(event.ref)},'
            f'"key":{_quoted(event.key)},"properties":{properties},"quantity":"{_decimal(event.quantity)}",'
            f'"supersedes":{supersedes},"type":"usage-event/v1","usage_product_ref":{product}}}'
        ).encode()

    def _remember(self, text: str) -> str:
        quoted = self._texts[text] = _quoted(text)
        return quoted

    def _properties(self, properties: Mapping[str, str]) -> str:
        names = tuple(properties)
        if names not in self._layouts:
            self._layouts[names] = _layout(names)
        layout = self._layouts[names]
        if layout is None:
            return canonical(dict(properties)).decode()
        return "{" + ",".join([prefix + _quoted(properties[name]) for name, prefix in layout]) + "}"


def _layout(names: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """Names in order, each with its `"name":`. None where code points and UTF-16 units might sort differently."""
    if not all(name.isascii() for name in names):
        return None
    return [(name, _quoted(name) + ":") for name in sorted(names)]


def _instant(at: datetime) -> str:
    if at.tzinfo is UTC and not at.microsecond:
        return at.isoformat()[:-6] + "Z"
    return instant_text(at)


def _decimal(value: Decimal) -> str:
    text = str(value)
    return text if text.isdigit() else decimal_text(value)
