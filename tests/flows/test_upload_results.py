"""What uploads leave behind: no row counts twice unawares, and no reason harms who reads it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.usage.event import event_ref_of
from counterfoil.flows.keep_formats import change_format, create_format
from counterfoil.flows.upload_usage import (
    map_upload,
    receive_upload,
    start_upload,
)
from counterfoil.flows.work_uploads import Seen
from tests.reporting import Setting, furnish
from tests.uploading import MAPPING, a_format, counts, csv_of, results, run, started, stored


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


# Idempotency ----------------------------------------------------------------------------------------------------------


def test_the_same_file_again_does_not_count_twice_unawares(db: Any, setting: Setting) -> None:
    run(db, setting, started(db, setting, csv_of(3)))
    with pytest.raises(Conflict) as refused:
        started(db, setting, gzip.compress(csv_of(3)), name="renamed.csv")
    assert refused.value.code == "upload.same_file"
    run(db, setting, started(db, setting, csv_of(3), again=True))
    assert len(stored(db, setting)) == 6


def test_rows_that_say_the_same_are_one_where_that_was_chosen(db: Any, setting: Setting) -> None:
    first = b"customer,time,n,id\nacme,2026-03-01T00:00:00Z,1,a\nacme,2026-03-01T00:00:00Z,1,a\nacme,2026-03-01T00:00:00Z,1,b\n"
    turned = b'n;id;customer;time\n1;"a";acme;2026-03-01T00:00:00Z\n1;c;acme;2026-03-01T00:00:00Z\n'
    assert counts(run(db, setting, started(db, setting, first, same_rows=True))) == (2, 1, 0, 0)
    assert counts(run(db, setting, started(db, setting, turned, same_rows=True))) == (1, 1, 0, 0)
    other = {**MAPPING, "customer": {"constant": "acme-1"}, "drop": ["customer"]}
    assert counts(run(db, setting, started(db, setting, first, other, same_rows=True)))[1] == 1


def test_a_key_column_makes_any_file_safe_to_send_again(db: Any, setting: Setting) -> None:
    mapping = {**MAPPING, "key": {"from": "id"}}
    run(db, setting, started(db, setting, csv_of(5, key=True), mapping))
    assert counts(run(db, setting, started(db, setting, csv_of(5, key=True), mapping))) == (0, 5, 0, 0)


def test_a_later_version_of_the_format_does_not_change_a_chosen_mapping(db: Any, setting: Setting) -> None:
    content = b'{"account": {"id": "A1"}, "ts": 1772366400, "bytes": 1500, "id": "x"}\n'
    with db.tx(setting.tenant) as tx:
        made = create_format(tx, a_format())
        ref = receive_upload(tx, "usage.jsonl", [content]).ref
        map_upload(tx, ref, format_name="Gateway")
        change_format(tx, made.ref, a_format(quantity={"constant": "9"}))
        start_upload(tx, ref)
    done = run(db, setting, ref)
    assert (counts(done), done.format_ref, done.format_version) == ((1, 0, 0, 0), made.ref, 1)
    assert stored(db, setting) == [Decimal("1.5")]


# Results --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", ['=HYPERLINK("http://x")', "+1+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "\t=1", "＝1"])
def test_no_cell_of_the_results_is_a_formula(db: Any, setting: Setting, evil: str) -> None:
    """A column's name and a reason of a format come from strangers; both begin cells of the results."""
    name = evil.strip().replace('"', "'")
    mapping = {**MAPPING, "rest": "refuse", "skip": [{"from": "customer", "is": ["skip"], "because": name}]}
    out = io.StringIO(newline="")
    csv.writer(out).writerows(
        [
            ["customer", "time", "n", evil],
            ["acme", "2026-03-01T00:00:00Z", "1", "x"],
            ["skip", "", "", ""],
        ]
    )
    ref = started(db, setting, out.getvalue().encode(), mapping)
    assert counts(run(db, setting, ref)) == (0, 0, 1, 1)
    cells = [cell for row in results(db, setting, ref) for cell in row.values()]
    assert any(cell.startswith("'") for cell in cells)
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "＝"))]


def test_a_reason_with_control_characters_is_stored_and_shown(db: Any, setting: Setting) -> None:
    content = json.dumps({"customer": "a\x00b\x1b[2J", "time": "x\ud800y", "n": 1, "bad\x00key\n": 1}).encode() + b"\n"
    content += (
        json.dumps({"customer": "a\x00b", "time": "2026-03-01T00:00:00Z", "n": 1, "q\x00": "x\x00"}).encode() + b"\n"
    )
    ref = started(db, setting, content, {**MAPPING, "rest": "refuse"})
    done = run(db, setting, ref)
    assert (done.state, counts(done)) == ("done", (0, 0, 2, 0))
    assert all(p.message.isprintable() and p.field.isprintable() for p in done.problems)


def test_only_the_first_problems_are_kept_with_the_upload(db: Any, setting: Setting) -> None:
    content = b"customer,time,n\n" + b"nobody,2026-03-01T00:00:00Z,1\n" * 120
    ref = started(db, setting, content)
    done = run(db, setting, ref, chunk=40)
    assert (len(done.problems), done.counts.refused, len(results(db, setting, ref))) == (50, 120, 120)


def test_rows_whose_keys_are_counted_up_are_not_taken_for_duplicates() -> None:
    seen = Seen()
    for line in range(200_000):
        seen.add(event_ref_of("tenant", f"01a20036-4352-77d7-b296-77667471330e#{line}"))
    assert seen.repeated() == 0
    seen.add(event_ref_of("tenant", "01a20036-4352-77d7-b296-77667471330e#7"))
    assert seen.repeated() == 1
