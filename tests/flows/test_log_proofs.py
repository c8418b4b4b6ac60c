"""Proofs: a bundle verifies offline, holds the usage as it was counted, and an old head stays provable for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.adapters.signing import LogKeys
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.invoicing.document import Document
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.tlog.checkpoint import read_signed_checkpoint
from counterfoil.core.tlog.entry import commitment
from counterfoil.core.tlog.tiles import consistency_from_tiles, inclusion_from_tiles, read_entry_bundle
from counterfoil.core.tlog.tree import leaf_hash, verify_consistency
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.seal import event_bytes_in_order, usage_root
from counterfoil.flows.integrate_log import integrate
from counterfoil.flows.prove import bundle_of, checkpoint, consistency, served_tile, verifier_key
from counterfoil.flows.sealed_items import as_counted
from tests.core.receipts.build import flights, invoice
from tests.logs import sealed_records, signer_of


def seal(db: Any, tenant: int, events: Sequence[Event], drawn: Document) -> None:
    with db.tx(tenant) as tx:
        tx.add_events(events)
    with db.tx(tenant) as tx:
        tx.add_records([(drawn.ref, "invoice/v1", invoice_record(drawn), tx.new_salt())])


def integrated(db: Any, tenant: int, keys: LogKeys, limit: int = 50_000) -> int:
    with db.tx(tenant) as tx:
        return integrate(tx, signer_of(tx, keys), limit)


def correct(db: Any, tenant: int, old: Event, n: int, **changes: Any) -> Event:
    new = replace(old, ref=derived_ref("correction", old.ref, n), key=f"{old.key}/{n}", supersedes=old.ref, **changes)
    with db.tx(tenant) as tx:
        tx.supersede(old.ref, new, "reported wrongly")
    return new


def test_a_bundle_from_the_database_verifies_offline(db: Any, tenant: int, log_keys: LogKeys) -> None:
    events = flights(40)
    drawn = invoice(events)
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("before", 300))
    seal(db, tenant, events, drawn)
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("after", 20))
    while integrated(db, tenant, log_keys, 100):
        pass
    with db.tx(tenant) as tx:
        data, key, kept = bundle_of(tx, drawn.ref, since=100), verifier_key(tx), checkpoint(tx, 100)
    verdict = verify_bundle(data, trusted_keys=[key], kept_checkpoints=[kept])
    assert verdict.ok, [c for c in verdict.checks if not c.ok]
    assert {"inclusion", "consistency", "history", "usage of line 3"} <= {c.name for c in verdict.checks}
    changed = data.replace(b'"index":300', b'"index":301')
    assert changed != data and not verify_bundle(changed).ok


def test_an_event_corrected_after_the_issue_is_in_the_bundle_as_it_was_counted(
    db: Any, tenant: int, log_keys: LogKeys
) -> None:
    events = flights(40)
    first = invoice(events)
    seal(db, tenant, events, first)
    edited = correct(db, tenant, events[3], 1, properties={**events[3].properties, "miles": "9999"})
    gone = correct(db, tenant, events[5], 1, void=True)
    moved = correct(db, tenant, events[7], 1, at=events[7].at - timedelta(days=300))
    late = replace(events[9], ref=derived_ref("late"), key="late")
    stand = [e for e in events if e.ref not in (events[3].ref, events[5].ref, events[7].ref)] + [edited, late]
    second = replace(invoice(stand), ref=derived_ref("second document"))
    seal(db, tenant, [late], second)
    again = correct(db, tenant, edited, 2, properties={**edited.properties, "miles": "1"})
    third = replace(invoice([e for e in stand if e is not edited] + [again]), ref=derived_ref("third document"))
    seal(db, tenant, [], third)
    correct(db, tenant, again, 3, void=True)
    integrated(db, tenant, log_keys)
    for drawn in (first, second, third):
        with db.tx(tenant) as tx:
            verdict = verify_bundle(bundle_of(tx, drawn.ref))
        assert verdict.ok, [c for c in verdict.checks if not c.ok]
    assert gone.void and moved.at < min(e.at for e in events)


def test_usage_that_gives_the_sealed_root_at_no_moment_is_never_handed_out(
    db: Any, tenant: int, log_keys: LogKeys
) -> None:
    events = flights(20)
    drawn = invoice(events)
    seal(db, tenant, events[:-1], drawn)  # the store lost an event
    integrated(db, tenant, log_keys)
    with pytest.raises(AssertionError, match="at no moment"), db.tx(tenant) as tx:
        bundle_of(tx, drawn.ref)


def test_a_record_that_waits_for_its_place_is_said_to_be_pending(db: Any, tenant: int, log_keys: LogKeys) -> None:
    drawn = invoice(())
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("before", 1))
    seal(db, tenant, (), drawn)
    for _ in range(2):  # with an empty log, and with one that ends just before the record
        with pytest.raises(Conflict) as refused, db.tx(tenant) as tx:
            bundle_of(tx, drawn.ref)
        assert refused.value.code == "record.pending" and "try again" in refused.value.message
        integrated(db, tenant, log_keys, 1)
    with db.tx(tenant) as tx:
        assert verify_bundle(bundle_of(tx, drawn.ref)).ok


def test_a_neighbours_record_cannot_be_proved(db: Any, tenant: int, open_tenants: Any, log_keys: LogKeys) -> None:
    drawn = invoice(())
    seal(db, tenant, (), drawn)
    integrated(db, tenant, log_keys)
    with pytest.raises(NotFound) as refused, db.tx(open_tenants()[0].tenant) as tx:
        bundle_of(tx, drawn.ref)
    assert refused.value.code == "record.not_found"


def test_every_old_head_proves_consistent_with_every_later_one(db: Any, tenant: int, log_keys: LogKeys) -> None:
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("r", 700))
    for limit in (1, 1, 5, 249, 1, 300, 143):
        assert integrated(db, tenant, log_keys, limit) == limit
    with db.tx(tenant) as tx:
        heads = [read_signed_checkpoint(c.note)[0] for c in tx.checkpoints(0, 100)]
        assert [h.size for h in heads] == [1, 2, 7, 256, 257, 557, 700]
        for i, old in enumerate(heads):
            for new in heads[i:]:
                proof = consistency(tx, old.size, new.size).proof
                assert verify_consistency(old.size, new.size, old.root, new.root, proof)
        assert checkpoint(tx) == checkpoint(tx, 700)


@pytest.mark.parametrize(
    ("old_size", "size", "field"), [(0, 5, "old_size"), (6, 5, "old_size"), (-1, 5, "old_size"), (1, 6, "size")]
)
def test_a_consistency_proof_that_cannot_be_is_refused_by_field(
    db: Any, tenant: int, log_keys: LogKeys, old_size: int, size: int, field: str
) -> None:
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("r", 5))
    integrated(db, tenant, log_keys)
    with pytest.raises(Invalid) as refused, db.tx(tenant) as tx:
        consistency(tx, old_size, size)
    assert [p.field for p in refused.value.problems] == [field]


def test_an_empty_log_has_no_head_and_no_tiles(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        for ask in (lambda: checkpoint(tx), lambda: consistency(tx, 1, 1), lambda: served_tile(tx, "tile/0/000.p/1")):
            with pytest.raises(NotFound):
                ask()


def test_served_tiles_let_a_stranger_compute_every_proof(db: Any, tenant: int, log_keys: LogKeys) -> None:
    records = sealed_records("r", 600)
    with db.tx(tenant) as tx:
        tx.add_records(records)
    integrated(db, tenant, log_keys, 280)
    integrated(db, tenant, log_keys)
    with db.tx(tenant) as tx:

        def fetch(level: int, index: int, width: int) -> bytes:
            return served_tile(tx, f"tile/{level}/{index:03d}" + ("" if width == 256 else f".p/{width}"))

        assert inclusion_from_tiles(fetch, 270, 280) and consistency_from_tiles(fetch, 280, 600)
        assert len(fetch(0, 2, 88)) == 88 * 32
        assert len(fetch(0, 1, 24)) == 24 * 32  # a narrower tile of an older head
        leaves = read_entry_bundle(served_tile(tx, "tile/entries/001"))
        assert leaves == tuple(commitment(salt, body) for _, _, body, salt in records[256:512])
        assert b"".join(map(leaf_hash, leaves)) == fetch(0, 1, 256)
        absent = ["tile/0/002", "tile/0/002.p/89", "tile/0/003.p/1", "tile/2/000.p/1", "tile/entries/002"]
        misspelled = ["tile/0/2", "tile/0/x000/002", "tile/-1/000", "../secret", ""]
        for path in absent + misspelled:
            with pytest.raises(NotFound):
                served_tile(tx, path)


@dataclass(frozen=True)
class Life:
    """An event's life, as the store tells it."""

    event: Event
    recorded_at: datetime
    came: int
    gone: int | None


START = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_events_that_stood_are_found_again_whatever_happened_since(data: st.DataObject) -> None:
    """Any history of reports and corrections, billed at any moment, with up to two transactions still in the air."""
    steps = data.draw(st.lists(st.sampled_from(["report", "edit", "void"]), min_size=1, max_size=25))
    billed_after = data.draw(st.integers(0, len(steps)))
    recent = list(range(max(0, billed_after - 5), billed_after))
    missed = set(data.draw(st.lists(st.sampled_from(recent), max_size=2, unique=True)) if recent else [])
    lives: list[Life] = []
    for xact, step in enumerate(steps):
        standing = [i for i, x in enumerate(lives) if x.gone is None]
        at = START + timedelta(minutes=data.draw(st.integers(0, 3)))
        if step != "report" and standing:
            i = data.draw(st.sampled_from(standing))
            lives[i] = replace(lives[i], gone=xact)
            if lives[i].came in missed:
                missed.add(xact)  # what corrects an unseen report cannot have been seen either
            if step == "void":
                continue
        lives.append(Life(an_event(len(lives), at), START, xact, None))
    seen = set(range(billed_after)) - missed
    counted = [x.event for x in lives if x.came in seen and x.gone not in seen]
    root, count = usage_root(counted)
    found = as_counted(lives, bytes.fromhex(root), count, None)
    assert found == list(event_bytes_in_order(counted))


def an_event(n: int, at: datetime) -> Event:
    ref: Ref = derived_ref("event", n)
    return Event(ref, derived_ref("customer"), derived_ref("stream"), at, Decimal(n), key=f"k{n}")


def test_another_root_is_never_taken_for_the_events_at_hand() -> None:
    lives = [Life(an_event(n, START), START, n, None) for n in range(20)]
    for events, count in (([], 3), ([x.event for x in lives[1:4]], 4), ([an_event(99, START)], 1)):
        assert as_counted(lives, bytes.fromhex(usage_root(events)[0]), count, None) is None
