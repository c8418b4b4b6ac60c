"""`counterfoil usage import --format/--map`: a file of any form, read by a named format or by a mapping of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.refusals import Invalid

BLOCK = 1 << 20


def upload_file(
    house: Any, tenant: int, file: Path, *, format_name: str, mapping: Json, same_rows: bool, again: bool, dry_run: bool,
    results: Path, progress: Callable[[int, int], None],
) -> Any:
    """Receive, map and check or store a file; what became of each stored row goes to `results`. The upload at its end.

    A run of the same file that broke off goes on where it was. `progress` is told how many bytes of the (unpacked) file are
    done, and of how many.
    """
    from counterfoil.flows.upload_usage import start_dry_run, start_upload
    from counterfoil.flows.work_uploads import work_upload

    with house.tx(tenant, "cli") as tx:
        ref = None if dry_run else _broken_off(tx, file)
        if ref is None:
            ref = _mapped(tx, file, format_name=format_name, mapping=mapping, same_rows=same_rows)
            if dry_run:
                start_dry_run(tx, ref)
            else:
                start_upload(tx, ref, again=again)
    upload = work_upload(
        partial(house.tx, tenant), ref, progress=lambda now: progress(now.bytes_done, now.size_bytes)
    )
    if not dry_run:
        _write_results(house, tenant, ref, results)
    return upload


def read_mapping(file: Path | None) -> Json:
    """The mapping in a JSON file; Invalid where it is none."""
    if file is None:
        return None
    try:
        return json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise Invalid.field("--map", f"{file} is not JSON: {error}") from None


def _mapped(tx: Any, file: Path, *, format_name: str, mapping: Json, same_rows: bool) -> str:
    from counterfoil.flows.upload_usage import map_upload, receive_upload

    ref: str = receive_upload(tx, file.name, _blocks(file)).ref
    map_upload(tx, ref, format_name=format_name or None, mapping=mapping, same_rows=same_rows)
    return ref


def _broken_off(tx: Any, file: Path) -> str | None:
    """A run of a file of that name and these bytes that has not ended."""
    from counterfoil.flows.upload_usage import list_uploads, unpacked_digest

    running = [u for u in list_uploads(tx, limit=100) if u.state == "running" and u.file_name == file.name]
    if not running:
        return None
    digest = unpacked_digest(_blocks(file))
    return next((u.ref for u in running if u.sha256 == digest), None)


def _write_results(house: Any, tenant: int, ref: str, results: Path) -> None:
    from counterfoil.flows.upload_usage import upload_results

    with house.tx(tenant, "cli") as tx, results.open("wb") as out:
        for block in upload_results(tx, ref):
            out.write(block)


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as raw:
        while block := raw.read(BLOCK):
            yield block
