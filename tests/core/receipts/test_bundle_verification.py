"""A bundle verifies if and only if nothing in it changed, and a dishonest operator is caught by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.receipts import build
from tests.core.receipts.lies import LIES, told

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.invoicing.correction import LineChange, correction_notes
from counterfoil.core.invoicing.credit import credit_note
from counterfoil.core.invoicing.document import Correction, Document, Line
from counterfoil.core.pricing.codec import item_from_json, item_to_json
from counterfoil.core.receipts.bundle import make_bundle, read_bundle
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.receipts.verify import OWN_KEY, SPLIT_VIEW, Verdict, record_of, verify_bundle
from counterfoil.core.usage.seal import event_bytes_in_order

RECORD = canonical({"type": "payment-receipt/v1", "amount_minor": 1050, "currency": "EUR"})


@lru_cache
def good() -> bytes:
    return build.invoice_bundle(40)


def failed(verdict: Verdict) -> set[str]:
    assert not verdict.ok
    return {c.name for c in verdict.checks if not c.ok}


def test_an_honest_bundle_is_computed_again_to_the_cent() -> None:
    verdict = verify_bundle(good())
    assert failed_or_none(verdict) == set()
    names = [c.name for c in verdict.checks]
    assert names[:7] == ["encoding", "key", "checkpoint", "inclusion", "lines", "usage", "usage of line 1"]
    assert [f"amount of line {n}" in names for n in range(1, 10)] == [True] * 9
    assert names[-3:] == ["discounts", "taxes", "totals"]


def failed_or_none(verdict: Verdict) -> set[str]:
    return {f"{c.name}: {c.says}" for c in verdict.checks if not c.ok}


@pytest.mark.parametrize("count", [0, 1, 300])
def test_invoices_over_no_few_and_many_events_verify(count: int) -> None:
    assert failed_or_none(verify_bundle(build.invoice_bundle(count))) == set()


@pytest.mark.parametrize(("size", "index", "older"), [(1, 0, None), (1, 0, 1), (7, 6, 3), (8, 0, 8), (300, 255, 256)])
def test_a_record_verifies_wherever_it_stands_in_the_log(size: int, index: int, older: int | None) -> None:
    for salt in (bytes(16), bytes(range(32))):
        bundle = build.bundled(RECORD, size=size, index=index, older=older, salt=salt)
        assert failed_or_none(verify_bundle(bundle)) == set()


def test_changing_any_single_byte_of_a_bundle_fails() -> None:
    data = build.bundled(RECORD, witness=True, older=3)
    assert verify_bundle(data).ok
    for at in range(len(data)):
        for change in (1, 0x80):
            bad = bytearray(data)
            bad[at] ^= change
            assert not verify_bundle(bytes(bad)).ok, f"byte {at} ({data[at : at + 1]!r}) is free"


@given(st.integers(0, 10**9), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_changing_any_byte_of_an_invoice_with_its_events_fails(at: int, change: int) -> None:
    bad = bytearray(good())
    bad[at % len(bad)] ^= change
    assert not verify_bundle(bytes(bad)).ok


@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_inserting_or_removing_bytes_fails(at: int, extra: bytes) -> None:
    data = build.bundled(RECORD)
    at %= len(data)
    assert not verify_bundle(data[:at] + extra + data[at:]).ok
    assert not verify_bundle(data[:at] + data[at + len(extra) :]).ok


@pytest.mark.parametrize(
    "respelled",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: json.dumps(json.loads(data)).encode(),
        lambda data: json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=True, sort_keys=True).encode(),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.replace(b'"index":4', b'"index":4,"index":4'),
        lambda data: data.replace(b'"index":4', b'"index":4.0'),
        lambda data: data.replace(b'"index":4', b'"index":"4"'),
        lambda data: data.replace(b'"index":4', b'"extra":null,"index":4'),
        lambda data: data.replace(b'"salt":"00', b'"salt":"0'),
    ],
)
def test_the_same_content_in_another_spelling_is_refused(respelled: Callable[[bytes], bytes]) -> None:
    bad = respelled(good())
    assert bad != good()
    assert failed(verify_bundle(bad)) == {"encoding"}


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


def test_the_key_in_the_bundle_is_only_what_the_sender_says() -> None:
    forged = build.bundled(RECORD, key=build.Key("counterfoil.example/acme/live", 77))
    alone = verify_bundle(forged)
    assert alone.ok
    assert OWN_KEY in alone.not_proved
    assert failed(verify_bundle(forged, trusted_keys=[build.LOG.verifier()])) == {"key"}
    honest = verify_bundle(build.bundled(RECORD), trusted_keys=[build.LOG.verifier()])
    assert honest.ok
    assert OWN_KEY not in honest.not_proved


def test_only_a_trusted_witness_or_a_kept_checkpoint_speaks_against_two_histories() -> None:
    data = build.bundled(RECORD, witness=True, older=3)
    log = build.LOG.verifier()
    assert SPLIT_VIEW in verify_bundle(data, trusted_keys=[log]).not_proved
    witnessed = verify_bundle(data, trusted_keys=[log, build.WITNESS_KEY])
    assert witnessed.ok
    assert SPLIT_VIEW not in witnessed.not_proved
    kept = read_bundle(data).consistency
    assert kept is not None
    remembered = verify_bundle(data, trusted_keys=[log], kept_checkpoints=[kept.checkpoint.encode()])
    assert remembered.ok
    assert SPLIT_VIEW not in remembered.not_proved


def test_a_customer_who_kept_another_checkpoint_notices_the_second_history() -> None:
    shown_before = read_bundle(build.bundled(RECORD, size=5, salt=bytes(16))).checkpoint.encode()
    shown_now = build.bundled(RECORD, size=11, older=5)
    assert verify_bundle(shown_now).ok
    verdict = verify_bundle(shown_now, kept_checkpoints=[shown_before])
    assert failed(verdict) == {"history"}
    assert "another history" in verdict.checks[-2].says + verdict.checks[-1].says
    unconnected = verify_bundle(build.bundled(RECORD, size=11), kept_checkpoints=[shown_before])
    assert failed(unconnected) == {"history"}


def test_a_rewritten_history_does_not_continue_the_old_one() -> None:
    value = json.loads(build.bundled(RECORD, older=3))
    other = json.loads(build.bundled(RECORD, older=3, index=1))
    value["consistency"]["checkpoint"] = other["consistency"]["checkpoint"]
    assert failed(verify_bundle(canonical(value))) == {"consistency"}


STRANGER = build.Key("w", 5).verifier(4)


def spliced(**fields: Any) -> bytes:
    return canonical({**json.loads(build.bundled(RECORD, witness=True)), **fields})


@pytest.mark.parametrize(
    ("danger", "data", "caught_by"),
    [
        ("a witness is named that did not sign", lambda: spliced(witness_keys=[build.WITNESS_KEY, STRANGER]),
         {"checkpoint"}),
        ("a witness is named twice", lambda: spliced(witness_keys=[build.WITNESS_KEY] * 2), {"checkpoint"}),
        ("a signature is by a stranger", lambda: spliced(witness_keys=[]), {"checkpoint"}),
        ("a witness's key poses as the log's", lambda: spliced(verifier_key=build.WITNESS_KEY), {"key", "checkpoint"}),
        ("the key is no key", lambda: spliced(verifier_key="x"), {"key", "checkpoint"}),
        ("the salt is too short", lambda: spliced(salt="00"), {"inclusion"}),
        ("the index is beyond the log", lambda: spliced(index=11), {"inclusion"}),
        ("the index is negative", lambda: spliced(index=-1), {"inclusion"}),
        ("the proof is empty", lambda: spliced(proof=[]), {"inclusion"}),
        ("events come with a record that has none", lambda: spliced(usage={"00": []}), {"usage"}),
        ("the record is another", lambda: spliced(record={"type": "x"}), {"inclusion"}),
        ("the checkpoint is another log's", lambda: build.bundled(RECORD).replace(b"live\\n", b"test\\n"),
         {"checkpoint"}),
    ],
)  # fmt: skip
def test_parts_that_do_not_belong_together_are_caught(
    danger: str, data: Callable[[], bytes], caught_by: set[str]
) -> None:
    assert failed(verify_bundle(data())) == caught_by


def test_a_record_of_an_unknown_type_is_shown_to_be_in_the_log_and_nothing_more() -> None:
    verdict = verify_bundle(build.bundled(RECORD))
    assert verdict.ok
    assert any("payment-receipt/v1" in limit for limit in verdict.not_proved)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
    | st.sampled_from(["1e999999", "NaN", "-0", "0.", "9" * 200, "1/3", "2013-13-01", "00" * 32, "Infinity"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    if new is ...:
        del value[path[-1]]
    else:
        value[path[-1]] = new


@given(st.data(), JUNK | st.just(...), st.booleans())
@settings(max_examples=250, deadline=None)
def test_a_hostile_bundle_gets_a_verdict_and_never_an_exception(data: st.DataObject, junk: Any, reseal: bool) -> None:
    events = build.flights(6)
    drawn = build.invoice(events)
    if reseal:
        value = json.loads(invoice_record(drawn))
    else:
        value = json.loads(build.bundled(invoice_record(drawn), build.sealed_usage(drawn, events), older=2))
    put(value, data.draw(st.sampled_from(places(value))), junk)
    usage = build.sealed_usage(drawn, events)
    bundle = build.bundled(canonical(value), usage) if reseal else canonical(value)
    verdict = verify_bundle(bundle, trusted_keys=[build.LOG.verifier()])
    assert isinstance(verdict, Verdict)
    if not reseal:
        honest = (build.bundled(invoice_record(drawn), usage, older=older) for older in (2, None))
        assert verdict.ok == (bundle in honest)


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b"0", b'"', b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b"1" * 5000, bytes(1000)],
    ids=lambda data: repr(data[:8]),
)
def test_what_is_no_bundle_gets_a_verdict(data: bytes) -> None:
    assert failed(verify_bundle(data)) == {"encoding"}


def test_make_and_read_are_inverse() -> None:
    data = build.bundled(RECORD, witness=True, older=3)
    bundle = read_bundle(data)
    assert bundle.consistency is not None
    again = make_bundle(
        bundle.record,
        salt=bundle.salt,
        index=bundle.index,
        proof=bundle.proof,
        checkpoint=bundle.checkpoint.encode(),
        verifier_key=bundle.verifier_key,
        witness_keys=bundle.witness_keys,
        consistency=(bundle.consistency.checkpoint.encode(), bundle.consistency.proof),
        usage={root: [canonical(e) for e in events] for root, events in bundle.usage},
    )
    assert again == data
    assert canonical(record_of(data)) == bundle.record == RECORD


def test_records_and_events_go_into_a_bundle_as_they_were_sealed_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="canonical"):
        build.bundled(b'{"type": "x"}')
    with pytest.raises(ValueError, match="canonical"):
        build.bundled(RECORD, {"00": [b'{"b":1,"a":2}']})


def test_the_verifier_reaches_only_rooms_that_an_auditor_can_read_and_no_library() -> None:
    code = (
        "import sys; import counterfoil.core.receipts.verify; "
        "print([m for m in sys.modules if m.startswith('counterfoil.core.') and m.count('.') > 2]); "
        "print([m for m in ('cryptography', 'msgspec', 'psycopg', 'litestar') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    rooms = {module.split(".")[2] for module in eval(out[0])}
    assert rooms == {"basis", "tlog", "usage", "pricing", "receipts"}
    own = {module for module in eval(out[0]) if module.split(".")[2] == "receipts"}
    assert own == {f"counterfoil.core.receipts.{name}" for name in ("bundle", "recompute", "verify")}
    assert eval(out[1]) == []


def test_terms_in_a_record_are_those_of_the_pricing_codec() -> None:
    assert item_from_json(item_to_json(build.GRADUATED)) == build.GRADUATED
