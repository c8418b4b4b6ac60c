"""Recording, correcting and importing usage against the real database."""

from __future__ import annotations

import gzip
import io
import lzma
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reporting import CLOSES, OPENS, Setting, furnish

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.event import event_ref_of
from counterfoil.flows.correct_usage import delete_usage, edit_usage
from counterfoil.flows.import_usage import ImportReport, Reject, import_usage
from counterfoil.flows.record_usage import Answer, Report, check_usage, record_usage
from counterfoil.flows.usage_catalogue import Catalogue, read_catalogue
from counterfoil.flows.usage_files import read_usage_file, write_rejects


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


def record(db: Any, setting: Setting, *reports: Report) -> list[Answer]:
    with db.tx(setting.tenant, "tester") as tx:
        return record_usage(tx, reports, read_catalogue(tx))


def stored(db: Any, setting: Setting) -> list[tuple[str, str]]:
    """(key, quantity) of everything that stands, in order."""
    with db.tx(setting.tenant) as tx:
        return [(r.event.key, str(r.event.quantity)) for r in tx.event_page(None, 1000)]


@given(st.text(st.characters(exclude_categories=("Cs",))), st.text(st.characters(exclude_categories=("Cs",))))
def test_the_reference_of_a_key_is_the_derived_one(tenant_ref: str, key: str) -> None:
    assert event_ref_of(tenant_ref, key) == derived_ref("usage-event", tenant_ref, key)


def test_a_bad_row_never_takes_good_ones_with_it(db: Any, setting: Setting) -> None:
    answers = record(db, setting, setting.report(1), setting.report(2, quantity=Decimal("NaN")), setting.report(3))
    assert [a.status for a in answers] == ["accepted", "refused", "accepted"]
    assert [p.field for p in answers[1].problems] == ["quantity"]
    assert stored(db, setting) == [("e1", "1"), ("e3", "3")]


def test_the_first_report_of_a_key_wins_within_a_batch_and_after_it(db: Any, setting: Setting) -> None:
    first = record(db, setting, setting.report(1), setting.report(1, quantity=Decimal(99)), setting.report(2))
    again = record(db, setting, setting.report(3), setting.report(1, quantity=Decimal(77)))
    assert [a.status for a in first] == ["accepted", "duplicate", "accepted"]
    assert [a.status for a in again] == ["accepted", "duplicate"]
    assert first[0].event_ref == first[1].event_ref == again[1].event_ref
    assert stored(db, setting) == [("e1", "1"), ("e2", "2"), ("e3", "3")]


def test_reports_without_a_key_are_never_duplicates(db: Any, setting: Setting) -> None:
    answers = record(db, setting, setting.report(1, key=""), setting.report(1, key=""))
    assert [a.status for a in answers] == ["accepted", "accepted"]


def test_two_tenants_may_use_the_same_key(db: Any, setting: Setting, open_tenants: Any) -> None:
    other = furnish(db, open_tenants()[0].tenant)
    mine, theirs = record(db, setting, setting.report(1))[0], record(db, other, other.report(1))[0]
    assert (mine.status, theirs.status) == ("accepted", "accepted")
    assert mine.event_ref != theirs.event_ref


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"customer": "nobody"}, "customer", "there is no customer 'nobody'"),
        ({"customer": ""}, "customer", "is required"),
        ({"customer": "twin"}, "customer", "several customers answer to 'twin'"),
        ({"usage_product": "steps"}, "usage_product", "there is no usage product 'steps'"),
        ({"at": datetime(1999, 12, 31, tzinfo=UTC)}, "at", "before the year 2000"),
        ({"at": datetime(2026, 6, 1, 0, 5, 1, tzinfo=UTC)}, "at", "more than 5 minutes in the future"),
        ({"at": datetime(2026, 3, 1)}, "at", "has no UTC offset"),  # noqa: DTZ001
        ({"at": OPENS - timedelta(microseconds=1)}, "at", "no contract of the customer takes 'calls'"),
        ({"customer": "stranger"}, "at", "no contract of the customer takes 'calls'"),
        ({"quantity": Decimal("1e20")}, "quantity", "below 10^20"),
        ({"quantity": Decimal("1e999999999")}, "quantity", "below 10^20"),
        ({"quantity": Decimal("0.0000000000001")}, "quantity", "12 decimal places"),
        ({"quantity": Decimal("Infinity")}, "quantity", "finite"),
        ({"key": "k" * 256}, "key", "255 characters"),
        ({"key": "a\x1fb"}, "key", "control characters"),
        ({"properties": {f"p{i}": "x" for i in range(51)}}, "properties", "more than 50"),
        ({"properties": {"note": "x" * 1025}}, "properties.note", "1024 characters"),
        ({"properties": {"note": "a\x00b"}}, "properties", "NUL"),
        ({"properties": {"": "x"}}, "properties", "names of 1 to 200"),
        ({"usage_product": "bytes", "properties": {"size": "many"}}, "properties.size", "not a decimal"),
        (
            {"usage_product": "bytes", "properties": {"size": "1", "direction": "sideways"}},
            "properties.direction",
            "must be one of",
        ),
    ],
)
def test_a_refusal_names_the_field_and_changes_nothing(
    db: Any, setting: Setting, changed: dict[str, Any], field: str, says: str
) -> None:
    answer, good = record(db, setting, setting.report(7, **changed), setting.report(8))
    assert (answer.status, good.status) == ("refused", "accepted")
    assert answer.problems[0].field == field
    assert says in answer.problems[0].message
    assert stored(db, setting) == [("e8", "8")]


def test_an_event_on_the_edge_belongs_to_the_contract_that_begins_there(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        tx.set_clock(CLOSES + timedelta(days=1))
    answers = record(
        db,
        setting,
        setting.report(1, at=OPENS),
        setting.report(2, at=CLOSES - timedelta(microseconds=1)),
        setting.report(3, at=CLOSES),
    )
    assert [a.code for a in answers] == ["", "", "usage.outside_contract"]


def test_a_customer_is_known_by_reference_external_id_and_name(db: Any, setting: Setting) -> None:
    names = (setting.customer, "acme-1", "acme")
    answers = record(db, setting, *(setting.report(n, customer=name) for n, name in enumerate(names, 1)))
    assert {a.status for a in answers} == {"accepted"}
    with db.tx(setting.tenant) as tx:
        assert {r.event.customer_ref for r in tx.event_page(None, 10)} == {setting.customer}


def test_a_new_contract_is_seen_by_the_next_report(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        before = read_catalogue(tx)
        assert read_catalogue(tx, before) is before
        tx.conn.execute("UPDATE coverage SET customer_ref = %s WHERE tenant = %s", [setting.stranger, setting.tenant])
        tx.catalogue_changed()
        after = read_catalogue(tx, before)
        assert record_usage(tx, [setting.report(1, customer="stranger")], after)[0].status == "accepted"


def test_an_answer_names_the_document_that_the_event_lands_on(db: Any, setting: Setting) -> None:
    document = derived_ref("document", 1)
    with db.tx(setting.tenant) as tx:
        answers = record_usage(
            tx,
            [setting.report(1), setting.report(2, customer="nobody"), setting.report(3)],
            read_catalogue(tx),
            lambda landings: [document if at.day == 2 else None for _, _, at in landings],
        )
    assert [a.document_ref for a in answers] == [document, None, None]


reports = st.builds(
    Report,
    customer=st.sampled_from(("acme", "acme-1", "stranger", "nobody")),
    usage_product=st.sampled_from(("calls", "bytes", "x")),
    at=st.sampled_from(
        (OPENS, CLOSES, OPENS - timedelta(days=1), OPENS + timedelta(days=30), datetime(2027, 1, 1, tzinfo=UTC))
    ),
    quantity=st.one_of(
        st.decimals(allow_nan=True, allow_infinity=True), st.decimals(-1000, 1000, places=14), st.just(Decimal(5))
    ),
    key=st.sampled_from(("", "a", "b\x00", "k" * 300)),
    properties=st.dictionaries(
        st.sampled_from(("", "size", "direction")), st.sampled_from(("1", "add", "x\x00", "y" * 2000)), max_size=2
    ),
)


def test_checking_many_reports_at_once_says_what_checking_each_says(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        catalogue: Catalogue = read_catalogue(tx)
        now = tx.now

    @settings(max_examples=300, deadline=None)
    @given(st.lists(reports, max_size=6))
    def holds(given_reports: list[Report]) -> None:
        together = check_usage(given_reports, catalogue, now)
        for i, report in enumerate(given_reports):
            apart = check_usage([report, Report("nobody", "x", now)], catalogue, now)
            assert together.refused.get(i) == apart.refused.get(0)
        assert list(together.well) == [i for i in range(len(given_reports)) if i not in together.refused]

    holds()


# Corrections --------------------------------------------------------------------------------------------------------


def test_an_edit_is_a_new_record_and_the_old_one_stays(db: Any, setting: Setting) -> None:
    ref = record(db, setting, setting.report(5))[0].event_ref
    with db.tx(setting.tenant, "maria") as tx:
        new = edit_usage(tx, ref, read_catalogue(tx), why="miscounted", quantity=Decimal("4.50"))
    with db.tx(setting.tenant) as tx:
        first, second = tx.event_history(new.ref)
        assert tx.event_history(ref) == [first, second]
        (line,) = tx.audit_of(ref)
    assert (first.event.quantity, first.superseded_by) == (5, new.ref)
    assert (second.event.quantity, second.event.supersedes, second.actor, second.why) == (
        Decimal("4.5"),
        ref,
        "maria",
        "miscounted",
    )
    assert stored(db, setting) == [(new.ref, "4.5")]
    assert (line["actor"], line["before"]["quantity"], line["after"]["quantity"], line["why"]) == (
        "maria",
        "5",
        "4.5",
        "miscounted",
    )


def test_a_deleted_event_counts_no_more_and_cannot_come_back_under_its_key(db: Any, setting: Setting) -> None:
    ref = record(db, setting, setting.report(5))[0].event_ref
    with db.tx(setting.tenant, "maria") as tx:
        delete_usage(tx, ref, why="never happened")
    assert stored(db, setting) == []
    assert record(db, setting, setting.report(5))[0].status == "duplicate"
    assert stored(db, setting) == []
    with db.tx(setting.tenant) as tx:
        assert {r.event.void for r in tx.event_page(None, 10, superseded=True)} == {False, True}


def test_an_event_is_corrected_once_and_then_its_successor_is(db: Any, setting: Setting) -> None:
    ref = record(db, setting, setting.report(5))[0].event_ref
    with db.tx(setting.tenant) as tx:
        catalogue = read_catalogue(tx)
        new = edit_usage(tx, ref, catalogue, why="a", quantity=Decimal(4))
        with pytest.raises(Conflict, match="correct that one"):
            edit_usage(tx, ref, catalogue, why="b", quantity=Decimal(3))
        gone = delete_usage(tx, new.ref, why="c")
        with pytest.raises(Conflict, match="is the deletion"):
            edit_usage(tx, gone.ref, catalogue, why="d", quantity=Decimal(2))
        assert [r.event.ref for r in tx.event_history(new.ref)] == [ref, new.ref, gone.ref]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"at": CLOSES}, "at"),
        ({"customer": "nobody"}, "customer"),
        ({"why": "  "}, "why"),
    ],
)
def test_a_correction_is_checked_like_a_report(db: Any, setting: Setting, changed: dict[str, Any], field: str) -> None:
    ref = record(db, setting, setting.report(5))[0].event_ref
    with db.tx(setting.tenant) as tx, pytest.raises(Invalid) as refused:
        edit_usage(tx, ref, read_catalogue(tx), **{"why": "x", **changed})
    assert refused.value.problems[0].field == field
    assert stored(db, setting) == [("e5", "5")]


@pytest.mark.parametrize("ref", ["nonsense", derived_ref("nothing")])
def test_correcting_what_is_not_there_is_not_found(db: Any, setting: Setting, ref: str) -> None:
    with db.tx(setting.tenant) as tx, pytest.raises(NotFound):
        delete_usage(tx, ref, why="x")


# Imports ------------------------------------------------------------------------------------------------------------


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


def test_an_event_keeps_its_bytes_through_the_database(db: Any, setting: Setting) -> None:
    report = setting.report(
        1,
        quantity=Decimal("1.500"),
        properties={"ü": 'a"b\\c\n\x1f', "b": "\x7f€😀"},
        at=datetime(2026, 2, 1, 0, 0, 0, 120, tzinfo=UTC),
    )
    ref = record(db, setting, report)[0].event_ref
    with db.tx(setting.tenant) as tx:
        row = tx.event(ref)
        (streamed,) = list(tx.events_of(setting.customer, setting.stream, Window(OPENS, CLOSES)))
    assert streamed == row.event
    assert (row.event.at, row.event.quantity, dict(row.event.properties)) == (
        report.at,
        Decimal("1.5"),
        dict(report.properties),
    )
    assert row.actor == "tester"
