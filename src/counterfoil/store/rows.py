"""What the nouns' SQL shares: the open transaction, and conversions between rows and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
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
        done = self.conn.execute(query, [self.tenant, *(list(c) for c in zip(*rows, strict=True))])
        return done.rowcount


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
