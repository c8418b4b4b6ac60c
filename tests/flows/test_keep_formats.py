"""Formats kept in the real database: versions stay, names are unique, and an event is read as its format says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.formats import DEFAULT_FORMAT
from counterfoil.flows.keep_formats import (
    DEFAULT,
    change_format,
    create_format,
    delete_format,
    find_format,
    format_history,
    format_named,
    list_formats,
    read_formatted,
    read_formatted_changes,
)
from counterfoil.flows.record_usage import record_usage
from counterfoil.flows.usage_catalogue import read_catalogue
from tests.reporting import OPENS, Setting, furnish
from tests.uploading import a_format


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


def test_a_formatted_event_becomes_the_event_that_its_format_says(db: Any, setting: Setting) -> None:
    event = {
        "account": {"id": "A1"},
        "ts": int(OPENS.timestamp()),
        "bytes": 1500,
        "id": "g-1",
        "region": {"name": "EU"},
    }
    with db.tx(setting.tenant, "tester") as tx:
        create_format(tx, a_format())
        report = read_formatted(tx, "Gateway", event)
        answer = record_usage(tx, [report], read_catalogue(tx))[0]
        stored = tx.event(answer.event_ref).event
    assert answer.status == "accepted"
    assert (stored.customer_ref, stored.usage_product_ref, stored.at) == (setting.customer, setting.stream, OPENS)
    assert (stored.quantity, stored.key, dict(stored.properties)) == (Decimal("1.5"), "g-1", {"region.name": "EU"})


@pytest.mark.parametrize(
    ("name", "event", "code", "field"),
    [
        ("No such", {}, "format.unknown", "format_name"),
        ("gateway", {}, "format.unknown", "format_name"),
        ("Gateway", {"bytes": "many"}, "usage.invalid", "customer"),
        ("Gateway", {"kind": "test"}, "usage.skipped", "event"),
        ("Default Format", {"customer_ref": "x"}, "usage.invalid", "usage_product"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_by_field(
    db: Any, setting: Setting, name: str, event: dict[str, Any], code: str, field: str
) -> None:
    with db.tx(setting.tenant) as tx:
        create_format(tx, a_format())
        with pytest.raises(Invalid) as refused:
            read_formatted(tx, name, event)
    assert (refused.value.code, refused.value.problems[0].field) == (code, field)


def test_an_update_changes_only_what_it_says(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        create_format(tx, a_format())
        changes = read_formatted_changes(tx, "Gateway", {"bytes": 10})
        with pytest.raises(Invalid):
            read_formatted_changes(tx, "Gateway", {"bytes": "ten"})
    assert (changes.quantity, changes.at, changes.customer, changes.properties) == (Decimal("0.01"), None, None, None)


def test_a_change_is_a_version_and_the_old_one_stays(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant, "ann") as tx:
        made = create_format(tx, a_format())
    with db.tx(setting.tenant, "bob") as tx:
        same = change_format(tx, made.ref, a_format())
        changed = change_format(tx, made.ref, a_format("Gateway 2", rest="drop"))
        delete_format(tx, made.ref, why="no longer sent")
        history = format_history(tx, made.ref)
        audits = [(a["verb"], a["actor"]) for a in tx.audit_of(made.ref)]
        with pytest.raises(NotFound):
            find_format(tx, made.ref)
        with pytest.raises(NotFound):
            change_format(tx, made.ref, a_format())
    assert (same.version, changed.version) == (1, 2)
    assert [(h.version, h.format.name, h.format.rest, h.actor) for h in history] == [
        (1, "Gateway", "keep", "ann"),
        (2, "Gateway 2", "drop", "bob"),
    ]
    assert audits == [("create", "ann"), ("change", "bob"), ("delete", "bob")]


def test_two_formats_cannot_answer_to_one_name(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        first = create_format(tx, a_format("One"))
        second = create_format(tx, a_format("Two"))
        for taken in (
            lambda: create_format(tx, a_format("One")),
            lambda: change_format(tx, second.ref, a_format("One")),
            lambda: create_format(tx, a_format("Default Format")),
        ):
            with pytest.raises(Conflict) as refused:
                taken()
            assert refused.value.code == "format.name_taken"
        delete_format(tx, first.ref)
        create_format(tx, a_format("One"))
        assert [r.format.name for r in list_formats(tx)] == ["Default Format", "One", "Two"]


def test_the_default_format_is_everybodys_and_nobody_changes_it(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        assert format_named(tx, "Default Format").format == DEFAULT_FORMAT
        assert format_history(tx, DEFAULT.ref) == [DEFAULT]
        for act in (lambda: change_format(tx, DEFAULT.ref, a_format()), lambda: delete_format(tx, DEFAULT.ref)):
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.code == "format.built_in"


def test_a_format_of_another_company_is_not_there(db: Any, setting: Setting, open_tenants: Any) -> None:
    with db.tx(setting.tenant) as tx:
        made = create_format(tx, a_format())
    with db.tx(open_tenants()[0].tenant) as tx:
        with pytest.raises(NotFound):
            find_format(tx, made.ref)
        with pytest.raises(NotFound):
            format_history(tx, made.ref)
        with pytest.raises(Invalid):
            format_named(tx, "Gateway")
        create_format(tx, a_format())
