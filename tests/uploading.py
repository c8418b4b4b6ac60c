"""Uploads in tests: files that are made, mapped, started and run, and what became of them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from counterfoil.core.usage.format_codec import format_from_json
from counterfoil.core.usage.formats import Format
from counterfoil.flows.upload_usage import Upload, map_upload, receive_upload, start_upload, upload_results
from counterfoil.flows.work_uploads import work_upload
from tests.reporting import OPENS, Setting

MAPPING: dict[str, Any] = {
    "customer": {"from": "customer"},
    "usage_product": {"constant": "calls"},
    "at": {"from": "time"},
    "quantity": {"from": "n"},
}


def a_format(name: str = "Gateway", **changed: Any) -> Format:
    """A format of nested events for one customer and stream."""
    return format_from_json(
        {
            "name": name,
            "customer": {"from": "account.id", "values": {"A1": "acme"}},
            "usage_product": {"constant": "calls"},
            "at": {"from": "ts", "read": "seconds"},
            "quantity": {"from": "bytes", "divide": "1000", "places": 3},
            "key": {"from": "id"},
            "skip": [{"from": "kind", "is": ["test"], "because": "test traffic"}],
            **changed,
        }
    )


def csv_of(rows: int, *, key: bool = False) -> bytes:
    """A file of so many good rows of one minute each."""
    lines = ["customer,time,n" + (",id" if key else "")]
    lines += [f"acme,{(OPENS + timedelta(minutes=i)).isoformat()},{i}" + (f",k{i}" if key else "") for i in range(rows)]
    return "\n".join(lines).encode() + b"\n"


def received(
    db: Any, setting: Setting, content: bytes, mapping: Any = None, name: str = "usage.csv", **how: Any
) -> str:
    with db.tx(setting.tenant, "ann") as tx:
        upload = receive_upload(tx, name, [content])
        return map_upload(tx, upload.ref, mapping=MAPPING if mapping is None else mapping, **how).ref


def started(db: Any, setting: Setting, *args: Any, again: bool = False, **how: Any) -> str:
    ref = received(db, setting, *args, **how)
    with db.tx(setting.tenant, "ann") as tx:
        start_upload(tx, ref, again=again)
    return ref


def run(db: Any, setting: Setting, ref: str, **how: Any) -> Upload:
    return work_upload(partial(db.tx, setting.tenant), ref, **how)


def stored(db: Any, setting: Setting) -> list[Decimal]:
    with db.tx(setting.tenant) as tx:
        return sorted(r.event.quantity for r in tx.event_page(None, 10_000))


def results(db: Any, setting: Setting, ref: str) -> list[dict[str, str]]:
    with db.tx(setting.tenant) as tx:
        text = b"".join(upload_results(tx, ref)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def counts(upload: Upload) -> tuple[int, ...]:
    c = upload.counts
    return c.accepted, c.duplicates, c.refused, c.skipped
