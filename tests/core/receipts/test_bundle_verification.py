"""A bundle verifies if and only if nothing in it changed, and a dishonest operator is caught by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.pricing.codec import item_from_json, item_to_json
from counterfoil.core.receipts.bundle import make_bundle, read_bundle
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.receipts.verify import OWN_KEY, SPLIT_VIEW, Verdict, record_of, verify_bundle
from tests.core.receipts import build

OWN = ("bundle", "recompute", "recompute_receipts", "recompute_values", "shapes", "verify")
RECORD = canonical({"type": "note/v1", "amount_minor": 1050, "currency": "EUR"})


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
    assert any("note/v1" in limit for limit in verdict.not_proved)


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
    assert rooms <= {"basis", "tlog", "balance", "usage", "pricing", "value", "receipts"}
    own = {module for module in eval(out[0]) if module.split(".")[2] == "receipts"}
    assert own == {f"counterfoil.core.receipts.{name}" for name in OWN}
    assert eval(out[1]) == []


def test_terms_in_a_record_are_those_of_the_pricing_codec() -> None:
    assert item_from_json(item_to_json(build.GRADUATED)) == build.GRADUATED
