"""Uploads against the real database: odd files, a dry run that changes nothing, and a crash that loses and doubles nothing."""

from __future__ import annotations

import gzip
import lzma
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.format_codec import format_to_json
from counterfoil.flows.upload_rows import Shape
from counterfoil.flows.upload_usage import (
    Upload,
    delete_upload,
    find_upload,
    list_uploads,
    look_at_upload,
    map_upload,
    receive_upload,
    resume_upload,
    start_dry_run,
    start_upload,
    stop_upload,
)
from counterfoil.flows.work_uploads import work_upload, work_uploads
from tests.reporting import Setting, furnish
from tests.uploading import MAPPING, counts, csv_of, received, results, run, started, stored


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


# Receiving ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, lzma.compress], ids=["plain", "gz", "xz"])
def test_a_packed_file_is_the_file(db: Any, setting: Setting, pack: Any) -> None:
    packed = pack(csv_of(50))
    ref = ""
    with db.tx(setting.tenant) as tx:
        blocks = [packed[i : i + 100] for i in range(0, len(packed), 100)]
        ref = map_upload(tx, receive_upload(tx, "/tmp/in/usage.csv", blocks).ref, mapping=MAPPING).ref
        start_upload(tx, ref)
    assert counts(run(db, setting, ref)) == (50, 0, 0, 0)
    with db.tx(setting.tenant) as tx:
        assert find_upload(tx, ref).file_name == "usage.csv"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "upload.empty"),
        (gzip.compress(csv_of(9))[:-20], "upload.unreadable"),
        (b"\x1f\x8bnothing", "upload.unreadable"),
    ],
    ids=["an empty file", "half a packed file", "what only begins like a packed file"],
)
def test_what_cannot_be_received_leaves_nothing_behind(db: Any, setting: Setting, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused, db.tx(setting.tenant) as tx:
        receive_upload(tx, "usage.csv", [content])
    assert refused.value.code == code
    with db.tx(setting.tenant) as tx:
        assert list_uploads(tx) == []


def test_a_look_suggests_what_the_run_then_does(db: Any, setting: Setting) -> None:
    content = (
        "Kunde;Produkt;Datum;Menge;Ort\nacme;calls;01.02.2026 12:00;1.000,5;Köln\nacme;calls;28.02.2026 12:00;2;Bonn\n"
    )
    with db.tx(setting.tenant, "ann") as tx:
        ref = receive_upload(tx, "verbrauch.csv", [content.encode("cp1252")]).ref
        look = look_at_upload(tx, ref, time_zone="Europe/Berlin")
        assert look.suggestion is not None and look.suggestion.unsettled == ()
        map_upload(tx, ref, mapping=format_to_json(look.suggestion.format))
        start_upload(tx, ref)
    assert counts(run(db, setting, ref)) == (2, 0, 0, 0)
    with db.tx(setting.tenant) as tx:
        first = tx.event_page(None, 1)[0]
    assert (first.event.at.isoformat(), first.event.quantity) == ("2026-02-01T11:00:00+00:00", Decimal("1000.5"))
    assert (dict(first.event.properties), first.actor) == ({"Ort": "Köln"}, "ann")


# Dry run and run ------------------------------------------------------------------------------------------------------

MIXED = (
    b"customer,time,n,kind\n"
    b"acme,2026-03-01T00:00:00Z,1,\n"
    b"nobody,2026-03-01T00:00:00Z,2,\n"
    b"acme,yesterday,3,\n"
    b"acme,2026-03-01T00:00:00Z,4,test\n"
    b"acme,2026-03-01T00:00:00Z\n"
    b"acme,2027-03-01T00:00:00Z,6,\n"
    b"acme,2026-03-02T00:00:00Z,7,\n"
)
MIXED_MAPPING = {**MAPPING, "skip": [{"from": "kind", "is": ["test"], "because": "test traffic"}]}


def test_a_dry_run_changes_nothing_and_tells_what_the_run_will_do(db: Any, setting: Setting) -> None:
    ref = received(db, setting, MIXED, MIXED_MAPPING)
    with db.tx(setting.tenant) as tx:
        start_dry_run(tx, ref)
    tried = run(db, setting, ref, chunk=2)
    assert (tried.state, tried.percent, tried.next_line) == ("dry_run", 100, 1)
    assert counts(tried) == (2, 0, 4, 1)
    assert [(p.line, p.field) for p in tried.problems] == [(3, "customer"), (4, "at"), (6, ""), (7, "at")]
    assert tried.problems[0].message == "there is no customer 'nobody' (from customer)"
    assert stored(db, setting) == []
    assert results(db, setting, ref) == []
    with db.tx(setting.tenant) as tx:
        start_upload(tx, ref)
    done = run(db, setting, ref, chunk=3)
    assert (done.state, counts(done), done.problems) == ("done", counts(tried), tried.problems)
    assert stored(db, setting) == [1, 7]
    said = results(db, setting, ref)
    assert [(r["line"], r["status"]) for r in said] == [
        ("2", "accepted"),
        ("3", "refused"),
        ("4", "refused"),
        ("5", "skipped"),
        ("6", "refused"),
        ("7", "refused"),
        ("8", "accepted"),
    ]
    assert said[3]["message"] == "test traffic" and said[0]["event_ref"] and not said[1]["event_ref"]


def test_a_dry_run_counts_duplicates_of_the_file_and_of_what_is_there(db: Any, setting: Setting) -> None:
    mapping = {**MAPPING, "key": {"from": "id"}}
    run(db, setting, started(db, setting, csv_of(5, key=True), mapping))
    ref = received(db, setting, csv_of(10, key=True) + csv_of(8, key=True).split(b"\n", 1)[1], mapping)
    with db.tx(setting.tenant) as tx:
        start_dry_run(tx, ref)
    tried = run(db, setting, ref, chunk=4)
    with db.tx(setting.tenant) as tx:
        start_upload(tx, ref)
    done = run(db, setting, ref, chunk=4)
    assert counts(tried) == counts(done) == (5, 13, 0, 0)
    assert len(stored(db, setting)) == 10


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@pytest.mark.parametrize("moment", ["before the chunk is stored", "after events, before progress", "after the commit"])
@pytest.mark.parametrize("chunk", [1, 4, 7])
def test_a_run_killed_at_any_point_goes_on_exactly_once(db: Any, setting: Setting, moment: str, chunk: int) -> None:
    """The same file with two rows that are equal: only exactly-once gives the right number."""
    content = csv_of(20) + csv_of(2).split(b"\n", 1)[1]
    ref = started(db, setting, content)
    kills = 0

    @contextmanager
    def fragile(actor: str) -> Any:
        nonlocal kills
        with db.tx(setting.tenant, actor) as tx:
            dies = kills < 3
            add = tx.add_usage
            if dies and moment == "before the chunk is stored":
                tx.add_usage = lambda *a, **k: kill()
            if dies and moment == "after events, before progress":
                tx.put_upload = lambda *a: kill()
            wrote = False

            def noting(*a: Any, **k: Any) -> Any:
                nonlocal wrote
                wrote = True
                return add(*a, **k)

            if moment == "after the commit":
                tx.add_usage = noting
            yield tx
        if dies and wrote:
            kill()

    def kill() -> Any:
        nonlocal kills
        kills += 1
        raise Killed

    for _ in range(4):
        try:
            done = work_upload(fragile, ref, chunk=chunk)
        except Killed:
            continue
    assert kills == 3
    assert (done.state, counts(done)) == ("done", (22, 0, 0, 0))
    assert len(stored(db, setting)) == 22
    assert [int(r["line"]) for r in results(db, setting, ref)] == list(range(2, 24))


def test_of_two_workers_one_does_the_work(db: Any, setting: Setting) -> None:
    ref = started(db, setting, csv_of(20))
    other: list[Upload] = []

    def meanwhile(upload: Upload) -> None:
        if not other:
            other.append(run(db, setting, ref, chunk=5))

    mine = run(db, setting, ref, chunk=5, progress=meanwhile)
    assert other[0].state == "done" == mine.state
    assert counts(mine) == (20, 0, 0, 0) and len(stored(db, setting)) == 20
    assert len(results(db, setting, ref)) == 20


def test_a_stopped_upload_keeps_what_it_stored_and_can_go_on(db: Any, setting: Setting) -> None:
    ref = started(db, setting, csv_of(20))

    def stopping(upload: Upload) -> None:
        with db.tx(setting.tenant, "bob") as tx:
            stop_upload(tx, ref)

    broken = run(db, setting, ref, chunk=5, progress=stopping)
    assert (broken.state, broken.fault, len(stored(db, setting))) == ("failed", "stopped by hand", 5)
    with db.tx(setting.tenant) as tx:
        for act in (
            lambda: start_upload(tx, ref),
            lambda: map_upload(tx, ref, mapping=MAPPING),
            lambda: start_dry_run(tx, ref),
        ):
            with pytest.raises(Conflict):
                act()
        resume_upload(tx, ref)
    assert counts(run(db, setting, ref)) == (20, 0, 0, 0)
    assert len(stored(db, setting)) == 20


def test_a_restarted_worker_finds_what_was_left(db: Any, setting: Setting) -> None:
    running, checking = started(db, setting, csv_of(12)), received(db, setting, csv_of(3), name="other.csv")
    with db.tx(setting.tenant) as tx:
        start_dry_run(tx, checking)
    calls = iter([False, True])
    work_upload(partial(db.tx, setting.tenant), running, lambda: next(calls), chunk=5)
    assert len(stored(db, setting)) == 5
    assert work_uploads(partial(db.tx, setting.tenant)) == 2
    assert work_uploads(partial(db.tx, setting.tenant)) == 0
    with db.tx(setting.tenant) as tx:
        assert [find_upload(tx, r).state for r in (running, checking)] == ["done", "dry_run"]
    assert len(stored(db, setting)) == 12


# Order of acts --------------------------------------------------------------------------------------------------------


def test_acts_out_of_order_are_refused(db: Any, setting: Setting, open_tenants: Any) -> None:
    with db.tx(setting.tenant) as tx:
        ref = receive_upload(tx, "usage.csv", [csv_of(2)]).ref
        for act in (start_upload, start_dry_run):
            with pytest.raises(Conflict, match="no format"):
                act(tx, ref)
        for wrong in (
            {},
            {"format_name": "x", "mapping": MAPPING},
            {"mapping": {}},
            {"mapping": 3},
            {"format_name": "x"},
            {"mapping": MAPPING, "shape": Shape(encoding="rot13")},
        ):
            with pytest.raises(Invalid):
                map_upload(tx, ref, **wrong)
        map_upload(tx, ref, mapping=MAPPING)
        start_upload(tx, ref)
        with pytest.raises(Conflict):
            delete_upload(tx, ref)
    done = run(db, setting, ref)
    assert done.started_at is not None and done.ended_at is not None
    with db.tx(setting.tenant) as tx:
        for act in (start_upload, start_dry_run, resume_upload):
            with pytest.raises(Conflict):
                act(tx, ref)
        delete_upload(tx, ref, why="personal data")
        with pytest.raises(NotFound):
            find_upload(tx, ref)
    assert len(stored(db, setting)) == 2
    with db.tx(open_tenants()[0].tenant) as tx, pytest.raises(NotFound):
        find_upload(tx, ref)


def test_a_file_that_cannot_be_read_fails_with_its_reason(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        ref = receive_upload(tx, "usage.csv", [b'"customer\nacme\n']).ref
        map_upload(tx, ref, mapping=MAPPING)
        start_upload(tx, ref)
    failed = run(db, setting, ref)
    assert failed.state == "failed" and "no header that can be read" in failed.fault
    with db.tx(setting.tenant) as tx:
        map_upload(tx, ref, mapping=MAPPING, shape=Shape(header=False))
