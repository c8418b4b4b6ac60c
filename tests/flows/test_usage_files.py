"""Importing usage files against the real database."""

from __future__ import annotations

import gzip
import io
import lzma
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.import_usage import ImportReport, Reject, import_usage
from counterfoil.flows.usage_files import read_usage_file, write_rejects
from tests.reporting import Setting, furnish


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


def stored(db: Any, setting: Setting) -> list[tuple[str, str]]:
    """(key, quantity) of everything that stands, in order."""
    with db.tx(setting.tenant) as tx:
        return [(r.event.key, str(r.event.quantity)) for r in tx.event_page(None, 1000)]


def imported(
    db: Any, setting: Setting, text: bytes, name: str = "f.csv", chunk: int = 2, **how: Any
) -> tuple[ImportReport, list[Reject]]:
    rejects: list[Reject] = []
    lines = read_usage_file(io.BytesIO(text), **how)
    done = import_usage(partial(db.tx, setting.tenant, "import"), lines, reject=rejects.append, name=name, chunk=chunk)
    return done, rejects


CSV = b"key,customer,usage_product,at,quantity,property.region\n" + b"".join(
    b"k%d,acme,calls,2026-02-0%dT00:00:00Z,%d,eu\n" % (i, i, i) for i in range(1, 6)
)
EACH = [(f"k{i}", str(i)) for i in range(1, 6)]
JSON = b"".join(
    b'{"key":"k%d","customer":"acme","usage_product":"calls","at":"2026-02-0%dT00:00:00Z","quantity":%d.0}\n'
    % (i, i, i)
    for i in range(1, 6)
)


@pytest.mark.parametrize(
    "text",
    [
        CSV,
        b"\xef\xbb\xbf" + CSV,
        CSV.replace(b",", b";"),
        CSV.replace(b",", b"\t"),
        CSV.replace(b"\n", b"\r\n"),
        CSV.decode().encode("utf-16"),
        gzip.compress(CSV),
        lzma.compress(CSV),
        b"\n\n" + CSV,
        CSV.replace(b"quantity", b"Quantity"),
        JSON,
        gzip.compress(JSON),
        JSON.replace(b"customer", b"customer_ref"),
        CSV.replace(b",eu", b",\xfcber"),
    ],
    ids=[
        "plain",
        "bom",
        "semicolons",
        "tabs",
        "crlf",
        "utf-16",
        "gz",
        "xz",
        "blank",
        "case",
        "json",
        "json.gz",
        "alias",
        "cp1252",
    ],
)
def test_a_file_of_any_usual_kind_is_read(db: Any, setting: Setting, text: bytes) -> None:
    done, rejects = imported(db, setting, text)
    assert rejects == []
    assert done == ImportReport(5, 5, 0, 0)
    assert stored(db, setting) == EACH


def test_importing_again_changes_nothing(db: Any, setting: Setting) -> None:
    imported(db, setting, CSV)
    assert imported(db, setting, CSV)[0] == ImportReport(5, 0, 5, 0)
    assert stored(db, setting) == EACH


def test_a_broken_off_import_is_finished_by_running_it_again(db: Any, setting: Setting) -> None:
    class Stop(Exception):
        pass

    def stop_in_the_middle(done: ImportReport) -> None:
        if done.rows == 4:
            raise Stop

    keyless = b"\n".join(line.partition(b",")[2] for line in CSV.splitlines())
    with pytest.raises(Stop):
        import_usage(
            partial(db.tx, setting.tenant), read_usage_file(io.BytesIO(keyless)), stop_in_the_middle, name="f", chunk=2
        )
    assert imported(db, setting, keyless, name="f")[0] == ImportReport(5, 1, 4, 0)


def test_rows_without_a_key_need_a_name_for_the_file(db: Any, setting: Setting) -> None:
    keyless = b"\n".join(line.partition(b",")[2] for line in CSV.splitlines())
    done, rejects = imported(db, setting, keyless, name="")
    assert (done.refused, {r.problems[0].field for r in rejects}) == (5, {"key"})


def test_bad_rows_are_set_aside_with_line_and_reason_and_nothing_is_lost(db: Any, setting: Setting) -> None:
    bad = [
        b"k6,nobody,calls,2026-02-01T00:00:00Z,1,eu",
        b"k7,acme,calls,yesterday,1,eu",
        b"k8,acme,calls",
        b'k9,acme,"calls"x,2026-02-01T00:00:00Z,1,eu',
        b"k10,acme,calls,2026-02-01T00:00:00Z,one,eu",
    ]
    lines = CSV.splitlines()
    text = b"\n".join([*lines[:3], *bad, *lines[3:]])
    done, rejects = imported(db, setting, text, chunk=3)
    assert done == ImportReport(10, 5, 0, 5)
    assert stored(db, setting) == EACH
    assert [(r.line, r.problems[0].field) for r in rejects] == [
        (4, "customer"),
        (5, "at"),
        (6, ""),
        (7, ""),
        (8, "quantity"),
    ]
    assert [r.raw.encode() for r in rejects] == bad
    out = io.StringIO()
    take = write_rejects(out)
    for each in rejects:
        take(each)
    assert out.getvalue().splitlines()[1].startswith("4,usage.invalid,customer: there is no customer 'nobody',")


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(db: Any, setting: Setting) -> None:
    lines = CSV.splitlines(keepends=True)
    done, rejects = imported(
        db, setting, b"".join([*lines[:2], b'k9,acme,"calls,2026-02-01T00:00:00Z,1,eu\n', *lines[2:]])
    )
    assert done.rows == done.accepted + done.refused
    assert sum(r.raw.count("\n") + 1 for r in rejects) + done.accepted == 6


@pytest.mark.parametrize(
    ("text", "how", "field"),
    [
        (b"key,customer,usage_product,at,colour\n", {}, "colour"),
        (b"key,customer,at\n", {}, "usage_product"),
        (b"key,customer,usage_product,at,at\n", {}, "at"),
        (b"id,who,when\n", {"columns": {"customer": "who", "at": "date", "usage_product": "id"}}, "date"),
        (b'[{"customer":"acme"}]', {}, ""),
    ],
)
def test_a_file_with_the_wrong_columns_is_refused_whole(
    db: Any, setting: Setting, text: bytes, how: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        imported(db, setting, text, **how)
    assert refused.value.problems[0].field == field


def test_a_foreign_file_is_read_by_naming_its_columns(db: Any, setting: Setting) -> None:
    text = b"id,who,when,n,colour\nx1,acme-1,2026-03-01T10:00:00+01:00,7,red\n"
    columns = {"key": "id", "customer": "who", "at": "when", "quantity": "n", "property.colour": "colour"}
    done, rejects = imported(db, setting, text, columns=columns, constants={"usage_product": "calls"})
    assert (done.accepted, rejects) == (1, [])
    with db.tx(setting.tenant) as tx:
        (row,) = tx.event_page(None, 10)
    assert row.event.at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert dict(row.event.properties) == {"colour": "red"}


def test_dictionaries_are_imported_like_rows(db: Any, setting: Setting) -> None:
    rows = [
        {
            "key": "d",
            "customer": "acme",
            "usage_product": "calls",
            "at": "2026-03-01T00:00:00Z",
            "quantity": 3,
            "properties": {"n": Decimal("1.50"), "ok": True},
        }
    ]
    seen: list[ImportReport] = []
    done = import_usage(partial(db.tx, setting.tenant), rows, seen.append)
    assert seen == [done] == [ImportReport(1, 1, 0, 0)]
    with db.tx(setting.tenant) as tx:
        assert dict(tx.event_page(None, 1)[0].event.properties) == {"n": "1.5", "ok": "true"}


def test_a_line_with_bytes_that_are_no_text_is_set_aside(db: Any, setting: Setting) -> None:
    padding = b"".join(b"p%d,acme,calls,2026-02-01T00:00:00Z,1,eu\n" % i for i in range(3000))
    done, rejects = imported(db, setting, CSV + padding + b"z,acme,calls,2026-02-01T00:00:00Z,1,\xff\n", chunk=5000)
    assert (done.accepted, [r.problems[0].message for r in rejects]) == (3005, ["has bytes that are no text"])
