"""Arrays in PostgreSQL's binary format: the quickest way in for many rows, since nothing is spelled out and read again."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEAD = struct.Struct(">iiIii")
_EMPTY = struct.Struct(">iiI")
_LENGTH = struct.Struct(">i")
_UUID, _UUIDS = 2950, 2951
_INSTANT, _INSTANTS = 1184, 1185
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)


class Uuids(bytes):
    """A `uuid[]`."""


class Instants(bytes):
    """A `timestamptz[]`."""


class _UuidsDumper(Dumper):
    format = Format.BINARY
    oid = _UUIDS

    def dump(self, obj: bytes) -> Buffer:
        """The bytes are the format."""
        return obj


class _InstantsDumper(_UuidsDumper):
    oid = _INSTANTS


def teach_arrays(conn: psycopg.Connection[Any]) -> None:
    """Let a connection send these arrays."""
    conn.adapters.register_dumper(Uuids, _UuidsDumper)
    conn.adapters.register_dumper(Instants, _InstantsDumper)


def uuids(refs: Sequence[str]) -> Uuids:
    """References as an array."""
    if not refs:
        return Uuids(_EMPTY.pack(0, 0, _UUID))
    length = _LENGTH.pack(16)
    digits = bytes.fromhex("".join(refs).replace("-", ""))
    assert len(digits) == 16 * len(refs), "references have 32 hex digits each"
    items = [digits[i : i + 16] for i in range(0, len(digits), 16)]
    return Uuids(_HEAD.pack(1, 0, _UUID, len(refs), 1) + length + length.join(items))


def instants(ats: Sequence[datetime]) -> Instants:
    """Instants as an array, to the microsecond."""
    if not ats:
        return Instants(_EMPTY.pack(0, 0, _INSTANT))
    flat: list[int] = []
    for at in ats:
        past = at - _SINCE
        flat += (8, (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds)
    return Instants(_HEAD.pack(1, 0, _INSTANT, len(ats), 1) + struct.pack(">" + "iq" * len(ats), *flat))
