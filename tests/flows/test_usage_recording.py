"""Recording, correcting and importing usage against the real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import derived_ref, is_ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.event import event_ref_of
from counterfoil.flows.correct_usage import delete_usage, edit_usage
from counterfoil.flows.record_usage import Answer, Report, check_usage, record_usage
from counterfoil.flows.usage_catalogue import Catalogue, read_catalogue
from tests.reporting import CLOSES, OPENS, Setting, furnish


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


@pytest.mark.parametrize(
    ("key", "ref"),
    [
        ("", "e3b0c4e3-b0c4-81c7-bfb5-89fce3a7c3d5"),
        ("a", "ca9781e3-b0c4-8133-923d-ab3e64b1f2d4"),
        ("run-000001", "96da70e5-84ea-8196-85bc-c00ae37e29e2"),
        ("018f2a3b-4c5d-7abc-8def-0123456789ab", "0bcd57c2-2b00-85ea-9433-60a635c68693"),
    ],
)
def test_the_reference_of_a_key_never_changes_for_it_tells_duplicates(key: str, ref: str) -> None:
    assert event_ref_of("t", key) == ref


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), unique=True), st.text(max_size=3))
def test_no_two_keys_share_a_reference(keys: list[str], tenant_ref: str) -> None:
    refs = {event_ref_of(tenant_ref, key) for key in keys}
    assert len(refs) == len(keys)
    assert all(is_ref(ref) for ref in refs)


def test_keys_that_are_counted_up_stand_together_in_the_index() -> None:
    assert len({event_ref_of("t", f"meter-7-{n:08d}")[:13] for n in range(10_000)}) == 1


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
        ({"at": datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)}, "at", "has no UTC offset"),
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
