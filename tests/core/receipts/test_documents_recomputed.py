"""Documents computed again from their records: an operator who lies is caught by name; what is as stated is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.invoicing.correction import LineChange, correction_notes
from counterfoil.core.invoicing.credit import credit_note
from counterfoil.core.invoicing.document import Correction, Document, Line
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.receipts.verify import Verdict, verify_bundle
from counterfoil.core.usage.seal import event_bytes_in_order
from tests.core.receipts import build
from tests.core.receipts.lies import LIES, told


def failed(verdict: Verdict) -> set[str]:
    assert not verdict.ok
    return {c.name for c in verdict.checks if not c.ok}


def failed_or_none(verdict: Verdict) -> set[str]:
    return {f"{c.name}: {c.says}" for c in verdict.checks if not c.ok}


@pytest.mark.parametrize(("lie", "path", "value", "caught_by"), LIES, ids=[lie for lie, *_ in LIES])
def test_an_operator_who_signs_a_lie_is_caught(lie: str, path: str, value: Any, caught_by: str) -> None:
    verdict = verify_bundle(told(path, value), trusted_keys=[build.LOG.verifier()])
    assert not verdict.ok
    assert next(c.name for c in verdict.checks if not c.ok) == caught_by


def with_usage(change: Callable[[dict[str, list[bytes]]], object]) -> bytes:
    events = build.flights(12)
    drawn = build.invoice(events)
    usage = build.sealed_usage(drawn, events)
    change(usage)
    return build.bundled(invoice_record(drawn), usage)


def biggest(usage: dict[str, list[bytes]]) -> list[bytes]:
    return max(usage.values(), key=len)


@pytest.mark.parametrize(
    ("what", "change", "caught_by"),
    [
        ("an event is left out", lambda u: biggest(u).pop(), "usage of line 1"),
        ("an event is there twice", lambda u: biggest(u).append(biggest(u)[0]), "usage of line 1"),
        ("events change places", lambda u: biggest(u).reverse(), "usage of line 1"),
        ("an event's value changes", lambda u: biggest(u).append(biggest(u).pop().replace(b"1", b"2")),
         "usage of line 1"),
        ("all events of a line are withheld", lambda u: u.pop(next(iter(u))), "usage"),
        ("events that no line commits to are added", lambda u: u.update({"00" * 32: []}), "usage"),
    ],
)  # fmt: skip
def test_events_that_are_not_those_of_the_line_are_caught(
    what: str, change: Callable[[dict[str, list[bytes]]], object], caught_by: str
) -> None:
    assert caught_by in failed(verify_bundle(with_usage(change)))


@pytest.mark.parametrize(
    "forged",
    [
        lambda events: (*events, events[0]),
        lambda events: (*events, replace(events[0], ref=derived_ref("again"))),
        lambda events: (*events, replace(events[0], ref=derived_ref("x"), key="x", usage_product_ref=derived_ref("y"))),
    ],
    ids=["the same event twice", "the same key twice", "another product's event"],
)
def test_events_that_should_not_count_are_caught_although_they_were_sealed(forged: Callable[..., Any]) -> None:
    events = forged(build.flights(12))
    drawn = build.document([build.usage_line(1, build.GRADUATED, build.COUNT, events)])
    usage = {drawn.lines[0].usage.root: list(event_bytes_in_order(events))}
    assert failed(verify_bundle(build.bundled(invoice_record(drawn), usage))) == {"quantity of line 1"}


def test_a_carried_level_and_a_split_period_are_computed_again() -> None:
    events = build.flights(10)
    weighted = build.usage_line(1, build.WEIGHTED, build.LEVEL, events)
    drawn = build.document([weighted])
    usage = build.sealed_usage(drawn, events)
    assert failed_or_none(verify_bundle(build.bundled(invoice_record(drawn), usage))) == set()
    record = json.loads(invoice_record(drawn))
    record["lines"][0]["inputs"]["level"] = "100"
    assert failed(verify_bundle(build.bundled(canonical(record), usage))) == {"quantity of line 1"}


def note_line(before: int, after: int, amount: int, **more: Any) -> Line:
    return Line(
        n=1, item="Landing fee", product_name="", kind="correction", period=build.PERIOD, quantity=Decimal(1), unit="",
        amount_minor=amount, tax_percent=Decimal(8),
        **({
            "inputs": {"before_minor": before, "after_minor": after},
            "correction": Correction(derived_ref("old"), 1, before, after, "two landings were reported twice"),
        } | more),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "before", "after", "amount", "holds"),
    [
        ("CREDIT", 1000, 800, 200, True),
        ("CREDIT", 1000, 0, 1000, True),
        ("CREDIT", 800, 1000, 200, False),
        ("CREDIT", 1000, 800, 201, False),
        ("DEBIT", 800, 1000, 200, True),
        ("DEBIT", 1000, 800, 200, False),
    ],
)
def test_a_note_gives_back_or_adds_the_difference(kind: Any, before: int, after: int, amount: int, holds: bool) -> None:
    drawn = build.document([note_line(before, after, amount)], kind=kind)
    verdict = verify_bundle(build.bundled(invoice_record(drawn)))
    assert verdict.ok is holds
    assert not holds or any("as stated" in limit for limit in verdict.not_proved)


def test_a_note_over_usage_is_measured_again_after_the_correction() -> None:
    events = build.flights(12)
    after = build.usage_line(1, build.GRADUATED, build.COUNT, events)
    before = after.amount_minor + 2469
    more = {"terms": after.terms, "usage": after.usage}
    inputs = {"before_minor": before, "after_minor": after.amount_minor, **after.inputs}
    right = note_line(before, after.amount_minor, 2469, inputs=inputs, **more)
    drawn = build.document([right], kind="CREDIT")
    usage = build.sealed_usage(drawn, events)
    assert failed_or_none(verify_bundle(build.bundled(invoice_record(drawn), usage))) == set()
    inputs = {**inputs, "after_minor": after.amount_minor - 1}
    wrong = note_line(before, after.amount_minor - 1, 2470, inputs=inputs, **more)
    drawn = build.document([wrong], kind="CREDIT")
    assert failed(verify_bundle(build.bundled(invoice_record(drawn), usage))) == {"amount of line 1"}
    told_twice = replace(right, correction=replace(right.correction, after_minor=1))
    drawn = build.document([told_twice], kind="CREDIT")
    assert failed(verify_bundle(build.bundled(invoice_record(drawn), usage))) == {"amount of line 1"}


def minimum(billed_minor: int, amount_minor: int) -> bytes:
    bare = Line(1, "Fee", "", "recurring", None, Decimal(1), "", 500)
    inputs = {"minimum": "100", "billed_minor": billed_minor}
    true_up = Line(2, "Minimum", "", "minimum", None, Decimal(1), "", amount_minor, inputs=inputs)
    return build.bundled(invoice_record(build.document([bare, true_up])))


def test_what_could_only_be_taken_as_stated_is_said() -> None:
    verdict = verify_bundle(minimum(500, 9500))
    assert failed_or_none(verdict) == set()
    assert any("Line 1 has no inputs" in limit for limit in verdict.not_proved)
    assert not any("Line 2" in limit for limit in verdict.not_proved), "the product's other lines add up to it"
    verdict = verify_bundle(minimum(400, 9600))
    assert failed_or_none(verdict) == set()
    assert any("Line 2 is a minimum fee" in limit for limit in verdict.not_proved)
    assert failed(verify_bundle(minimum(400, 9500))) == {"amount of line 2"}


def credit_notes(original: Document, steps: list[dict[int, int] | None]) -> list[Document]:
    notes: list[Document] = []
    for i, amounts in enumerate(steps):
        made = credit_note(
            original, notes, ref=derived_ref("note", i), number=f"CN-{i}", issued_on=date(2013, 4, 1),
            amounts_minor=amounts, reason="agreed",
        )  # fmt: skip
        notes.append(made)
    return notes


def test_every_credit_note_down_to_zero_verifies_and_tells_the_cent_that_it_absorbs() -> None:
    original = replace(build.invoice(build.flights(40)), number="INV-1")
    steps: list[dict[int, int] | None] = [{5: 101, 6: 7}, {5: 7}, {5: 7}, {5: 7}, None]
    verdicts = [verify_bundle(build.bundled(invoice_record(n))) for n in credit_notes(original, steps)]
    assert [failed_or_none(v) for v in verdicts] == [set()] * 5
    absorbed = [[limit for limit in v.not_proved if "what is left of the invoice's tax" in limit] for v in verdicts]
    assert absorbed[0] == []
    assert absorbed[-1] != []


def test_only_a_credit_note_may_take_another_tax_than_its_base_gives() -> None:
    note = json.loads(invoice_record(build.document([note_line(1000, 800, 200)], kind="CREDIT")))
    note["taxes"][0]["tax_minor"] += 1
    note["total_tax_minor"] += 1
    note["total_minor"] += 1
    verdict = verify_bundle(build.bundled(canonical(note)))
    assert failed_or_none(verdict) == set()
    assert any("Tax at 8 %" in limit for limit in verdict.not_proved)
    note["type"] = "debit-note/v1"
    note["lines"][0]["correction"] |= {"before_minor": 800, "after_minor": 1000}
    note["lines"][0]["inputs"] = None
    assert failed(verify_bundle(build.bundled(canonical(note)))) == {"taxes"}


def test_corrections_over_usage_and_minimum_verify_as_the_core_draws_them_up() -> None:
    events = build.flights(40)
    original = replace(build.invoice(events), number="INV-1")
    late = build.flights(43)
    now = build.lines(late)
    changes = [
        LineChange(
            line.n,
            to_major(line.amount_minor, "USD"),
            line.quantity,
            "late flights",
            line.parts,
            line.inputs,
            line.usage,
        )
        for line in now
        if line.kind in ("usage", "minimum")
    ]
    notes = correction_notes(
        original, [], changes, credit_ref=derived_ref("c"), debit_ref=derived_ref("d"), issued_on=date(2013, 4, 1)
    )
    assert [n.kind for n in notes] == ["CREDIT", "DEBIT"]
    for note in notes:
        usage = build.sealed_usage(note, late)
        assert failed_or_none(verify_bundle(build.bundled(invoice_record(note), usage))) == set()
    debit = json.loads(invoice_record(notes[1]))
    debit["lines"][0]["inputs"]["measured"]["quantity"] = "44"
    usage = build.sealed_usage(notes[1], late)
    assert "quantity of line 1" in failed(verify_bundle(build.bundled(canonical(debit), usage)))
