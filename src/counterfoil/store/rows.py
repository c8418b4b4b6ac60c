"""What the nouns' SQL shares: the open transaction, and conversions between rows and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, LiteralString

import msgspec
import psycopg

from counterfoil.core.basis.ids import Ref


class Rows:
    """The transaction that a noun's statements run in."""

    conn: psycopg.Connection[Any]
    tenant: int
    now: datetime
    actor: str
    new_ref: Callable[[], Ref]
    new_salt: Callable[[], bytes]

    def one(self, query: LiteralString, *params: Any) -> Any:
        """The first row, or None."""
        return self.conn.execute(query, params).fetchone()

    def all(self, query: LiteralString, *params: Any) -> list[Any]:
        """Every row."""
        return self.conn.execute(query, params).fetchall()

    def insert(
        self,
        table: LiteralString,
        columns: LiteralString,
        types: LiteralString,
        rows: Sequence[Sequence[Any]],
        conflict: LiteralString = "",
    ) -> int:
        """Insert many rows of one table by one statement (arrays and `unnest`: COPY does not pass row-level security).

        `columns` and `types` are space-separated; the tenant is added. The number of rows inserted.
        """
        if not rows:
            return 0
        names = columns.split()
        kinds = types.split()
        assert len(names) == len(kinds) == len(rows[0]), table
        arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
        query = (
            f"INSERT INTO {table} (tenant, {', '.join(names)}) "
            f"SELECT %s, * FROM unnest({arrays}) AS t({', '.join(names)}) {conflict}"
        )
        columns_of = zip(*rows, strict=True)
        done = self.conn.execute(query, [self.tenant, *map(array_text, columns_of)])
        return done.rowcount


def array_text(values: Iterable[Any]) -> str:
    """An array literal of texts, numbers, dates, instants, bytes and nulls: quicker than adapting value by value."""
    return "{" + ",".join([_element(v) for v in values]) + "}"


def _element(value: Any) -> str:
    kind = type(value)
    if kind is str:
        if "\\" in value or '"' in value:
            value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    if value is None:
        return "NULL"
    if kind is int:
        return str(value)
    if kind is bytes:
        return f'"\\\\x{value.hex()}"'
    if kind is bool:
        return "t" if value else "f"
    if kind is Decimal:
        return format(value, "f")
    return f'"{value.isoformat()}"'


@lru_cache(maxsize=64)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """A JSON decoder to dataclasses of `kind`: decimals and dates exact, unknown keys ignored."""
    return msgspec.json.Decoder(kind, strict=True, dec_hook=_hook)


def _hook(kind: Any, value: Any) -> Any:
    raise TypeError(f"no way from {type(value).__name__} to {kind}")


_encoder = msgspec.json.Encoder(decimal_format="string", enc_hook=dict)


def encode(value: Any) -> str:
    """JSON text of dataclasses and mappings; decimals become strings."""
    return _encoder.encode(value).decode()
