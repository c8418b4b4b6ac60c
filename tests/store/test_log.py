"""The log's rows: what is sealed comes back byte by byte, waits in order, and never changes its place."""

from __future__ import annotations

import time
from typing import Any

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, RestrictViolation, UniqueViolation

from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.tiles import Tile
from tests.logs import sealed_records

MANY = 20_000


def test_a_sealed_record_comes_back_byte_by_byte(db: Any, tenant: int) -> None:
    odd = ("00000000-0000-8000-8000-000000000001", "invoice/v1", bytes(range(256)), b"\x00" * 32)
    with db.tx(tenant) as tx:
        tx.add_records([odd])
    with db.tx(tenant) as tx:
        found = tx.record(odd[0])
        assert (found.type, found.body, found.salt) == odd[1:]
        assert tx.records([odd[0], "00000000-0000-8000-8000-000000000002"]) == {odd[0]: found}
        assert tx.record("00000000-0000-8000-8000-000000000002") is None


def test_records_wait_in_the_order_in_which_they_were_sealed(db: Any, tenant: int) -> None:
    first, second = sealed_records("a", 300), sealed_records("b", 300)
    for records in (first, second):
        with db.tx(tenant) as tx:
            tx.add_records(records)
    expected = [(ref, record_leaf(salt, body)) for ref, _, body, salt in first + second]
    with db.tx(tenant) as tx:
        assert tx.pending(1000) == expected
        assert tx.take_pending(450) == expected[:450]
        assert tx.pending(1000) == expected[450:]


def test_what_was_taken_is_back_in_the_queue_when_the_transaction_fails(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("a", 10))
    with pytest.raises(ZeroDivisionError), db.tx(tenant) as tx:
        assert len(tx.take_pending(7)) == 7
        raise ZeroDivisionError
    with db.tx(tenant) as tx:
        assert len(tx.pending(100)) == 10


def test_a_neighbours_records_are_neither_seen_nor_taken(db: Any, open_tenants: Any) -> None:
    mine, other = open_tenants()[0].tenant, open_tenants()[0].tenant
    records = sealed_records("a", 3)
    for tenant in (mine, other):
        with db.tx(tenant) as tx:
            tx.add_records(records)  # the same references: each tenant has its own
    with db.tx(mine) as tx:
        assert len(tx.take_pending(100)) == 3
    with db.tx(other) as tx:
        assert len(tx.pending(100)) == 3


def test_a_record_cannot_be_sealed_twice_or_have_two_places(db: Any, tenant: int) -> None:
    records = sealed_records("a", 2)
    with db.tx(tenant) as tx:
        tx.add_records(records)
        tx.add_leaves(0, [records[0][0]])
    with pytest.raises(UniqueViolation), db.tx(tenant) as tx:
        tx.add_records(records[:1])
    with pytest.raises(UniqueViolation), db.tx(tenant) as tx:
        tx.add_leaves(7, [records[0][0]])
    with pytest.raises(UniqueViolation), db.tx(tenant) as tx:
        tx.add_leaves(0, [records[1][0]])  # a place that is taken
    with db.tx(tenant) as tx:
        assert (tx.leaf_index(records[0][0]), tx.leaf_index(records[1][0])) == (0, None)


def test_no_place_for_what_was_never_sealed(db: Any, tenant: int) -> None:
    with pytest.raises(ForeignKeyViolation), db.tx(tenant) as tx:
        tx.add_leaves(0, ["00000000-0000-8000-8000-000000000001"])


def test_a_full_tile_never_changes(db: Any, tenant: int) -> None:
    part, full = b"\x01" * 32, b"\x01" * 32 * 256
    with db.tx(tenant) as tx:
        tx.put_tiles([(Tile(0, 0, 1), part)])
    with db.tx(tenant) as tx:
        tx.put_tiles([(Tile(0, 0), full), (Tile(1, 0, 1), part)])
        assert tx.tile(0, 0) == full
    for change in (full, full[:-32] + b"\x02" * 32, part):
        with pytest.raises(RestrictViolation), db.tx(tenant) as tx:
            tx.put_tiles([(Tile(0, 0), change)])
    with pytest.raises(CheckViolation), db.tx(tenant) as tx:
        tx.put_tiles([(Tile(0, 1), full + part)])


def test_heads_are_found_by_size(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        assert tx.latest_checkpoint() is None
        for size in (3, 10, 300):
            tx.add_checkpoint(size, bytes(32), f"head {size}\n".encode())
        assert tx.latest_checkpoint().note == b"head 300\n"
        assert [tx.checkpoint_at_least(n).size for n in (0, 3, 4, 300)] == [3, 3, 10, 300]
        assert tx.checkpoint_at_least(301) is None
        assert [c.size for c in tx.checkpoints(3, 10)] == [10, 300]
    with pytest.raises(UniqueViolation), db.tx(tenant) as tx:
        tx.add_checkpoint(300, b"\x01" * 32, b"another head of the same size\n")


def test_sealing_many_records_takes_seconds_and_not_minutes(db: Any, tenant: int) -> None:
    records = sealed_records("m", MANY, size=600)
    started = time.monotonic()
    with db.tx(tenant) as tx:
        tx.add_records(records)
    assert time.monotonic() - started < 15  # far above what it takes, far below what single rows would
    with db.tx(tenant) as tx:
        assert len(tx.pending(MANY + 1)) == MANY
