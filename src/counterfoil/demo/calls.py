"""Reads the calls of two services that answer with a large language model (data/CALLS.md), packed by columns: one call is one
signal."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data" / "calls.xz"
SERVICES = ("code", "conv")
"""The two services, in the order of the file."""
CUSTOMERS = 12
BEGINS = datetime(2023, 11, 16, tzinfo=UTC)
"""What times are counted from, in microseconds."""


class LlmCall(NamedTuple):
    """One call: when it came, to which service, and how many tokens went in and came out. `number` counts the calls of a
    service from 0."""

    at: datetime
    service: str
    number: int
    context: int
    generated: int

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return f"{self.service}/{self.number}"

    @property
    def customer(self) -> int:
        """Whose call it is, from 0: the trace does not say, so a hash of its place and time does, the same every time."""
        named = f"{self.key}@{self.at.isoformat()}".encode()
        return int.from_bytes(hashlib.sha256(named).digest()[:8]) % CUSTOMERS


def read_calls(data: bytes | None = None) -> list[LlmCall]:
    """Every call, by time."""
    numbers = _numbers(lzma.decompress(DATA.read_bytes() if data is None else data))
    found: list[LlmCall] = []
    for service in SERVICES:
        count = next(numbers)
        gaps, contexts, generated = ([next(numbers) for _row in range(count)] for _column in range(3))
        micros = 0
        for n, (gap, context, out) in enumerate(zip(gaps, contexts, generated, strict=True)):
            micros += gap
            found.append(LlmCall(BEGINS + timedelta(microseconds=micros), service, n, context, out))
    assert next(numbers, None) is None, "nothing follows the last column"
    return sorted(found)


def pack_calls(calls: Iterable[LlmCall]) -> bytes:
    """The calls as they are kept: for each service its count, then three columns: microseconds since the call before, tokens
    in, tokens out; each number seven bits to a byte, lowest first, the last byte without the high bit; all of it in xz."""
    of: dict[str, list[LlmCall]] = {service: [] for service in SERVICES}
    for call in calls:
        of[call.service].append(call)
    packed = bytearray()
    for service in SERVICES:
        rows = sorted(of[service], key=lambda c: c.number)
        micros = [0, *((c.at - BEGINS) // timedelta(microseconds=1) for c in rows)]
        gaps = [after - before for before, after in pairwise(micros)]
        for number in (len(rows), *gaps, *(c.context for c in rows), *(c.generated for c in rows)):
            packed += _spelled(number)
    return lzma.compress(bytes(packed), preset=9 | lzma.PRESET_EXTREME)


def by_customer(calls: Sequence[LlmCall]) -> dict[int, list[LlmCall]]:
    """The calls of each customer, by time."""
    found: dict[int, list[LlmCall]] = {n: [] for n in range(CUSTOMERS)}
    for call in calls:
        found[call.customer].append(call)
    return found


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


def _spelled(number: int) -> bytes:
    assert number >= 0, "calls of a service are in order of time"
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
