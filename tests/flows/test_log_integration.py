"""Integrating the log: nothing is lost, nothing is there twice, and history is never rewritten."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.adapters.signing import LogKeys, new_key, signer
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Upstream
from counterfoil.flows.integrate_log import integrate
from tests.conftest import TEST_SECRET
from tests.logs import audit_log, sealed_records, signer_of

ALL = 1_000_000


def integrate_all(db: Any, tenant: int, keys: LogKeys, limit: int = 50_000) -> int:
    done = 0
    while True:
        with db.tx(tenant) as tx:
            placed = integrate(tx, signer_of(tx, keys), limit)
        if not placed:
            return done
        done += placed


def log_bytes(tx: Any) -> tuple[list[Any], list[Any]]:
    """All that the log publishes, but for its name and signature."""
    tiles = tx.all("SELECT level, idx, hashes FROM tile ORDER BY 1, 2")
    return tiles, [(c.size, c.root) for c in tx.checkpoints(0, ALL)]


def test_an_empty_queue_publishes_nothing(db: Any, tenant: int, log_keys: LogKeys) -> None:
    with db.tx(tenant) as tx:
        assert integrate(tx, signer_of(tx, log_keys)) == 0
        assert tx.latest_checkpoint() is None


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.sampled_from([1, 2, 3, 100, 255, 256, 257, 600]), min_size=1, max_size=6))
def test_any_cut_into_batches_gives_the_log_of_the_records(
    db: Any, open_tenants: Any, log_keys: LogKeys, chunks: list[int]
) -> None:
    tenant = open_tenants()[0].tenant
    records = sealed_records("r", sum(chunks))
    with db.tx(tenant) as tx:
        tx.add_records(records)
    for chunk in chunks:
        with db.tx(tenant) as tx:
            assert integrate(tx, signer_of(tx, log_keys), chunk) == chunk
    with db.tx(tenant) as tx:
        assert audit_log(tx) == [ref for ref, *_ in records]
        assert [c.size for c in tx.checkpoints(0, ALL)] == [sum(chunks[: n + 1]) for n in range(len(chunks))]


def test_replaying_the_records_gives_the_same_bytes(db: Any, open_tenants: Any, log_keys: LogKeys) -> None:
    private, _ = new_key()
    records = sealed_records("replayed", 1_100)
    published = []
    for _ in range(2):
        tenant = open_tenants()[0].tenant
        with db.tx(tenant) as tx:
            tx.add_records(records)
        for limit in (300, 1, 500, 10_000):
            with db.tx(tenant) as tx:
                integrate(tx, signer(private, "log.example"), limit)
        with db.tx(tenant) as tx:
            published.append((log_bytes(tx), [c.note for c in tx.checkpoints(0, ALL)]))
    assert published[0] == published[1]


def test_a_failure_after_the_head_was_signed_leaves_no_trace(db: Any, tenant: int, log_keys: LogKeys) -> None:
    records = sealed_records("r", 400)
    with db.tx(tenant) as tx:
        tx.add_records(records)
        integrate(tx, signer_of(tx, log_keys), 100)
    with db.tx(tenant) as tx:
        before = log_bytes(tx)
    with pytest.raises(ZeroDivisionError), db.tx(tenant) as tx:
        integrate(tx, signer_of(tx, log_keys))
        raise ZeroDivisionError
    with db.tx(tenant) as tx:
        assert log_bytes(tx) == before
        assert len(tx.pending(ALL)) == 300
    assert integrate_all(db, tenant, log_keys) == 300
    with db.tx(tenant) as tx:
        assert audit_log(tx) == [ref for ref, *_ in records]


def test_tiles_that_do_not_give_the_signed_root_stop_the_log(db: Any, tenant: int, log_keys: LogKeys) -> None:
    """A log whose store was tampered with must not sign a head over it."""
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("r", 5))
        integrate(tx, signer_of(tx, log_keys), 4)
        tx.conn.execute("UPDATE tile SET hashes = hashes || sha256('smuggled') WHERE level = 0")
        tx.add_checkpoint(5, b"\x01" * 32, b"note")
    with pytest.raises(AssertionError, match="tiles do not give the root"), db.tx(tenant) as tx:
        integrate(tx, signer_of(tx, log_keys))


def test_several_integrators_and_writers_at_once_place_every_record_once(
    db: Any, tenant: int, log_keys: LogKeys
) -> None:
    def write(n: int) -> list[Ref]:
        written = []
        for chunk in range(10):
            records = sealed_records(f"writer {n} {chunk}", 1 + Random(n + chunk).randrange(60))
            with db.tx(tenant) as tx:
                tx.add_records(records)
            written += [ref for ref, *_ in records]
        return written

    def take(_: int) -> None:
        for _turn in range(15):
            with db.tx(tenant) as tx:
                integrate(tx, signer_of(tx, log_keys), 40)

    with ThreadPoolExecutor(4) as threads:
        writers = [threads.submit(write, n) for n in range(2)]
        takers = [threads.submit(take, n) for n in range(2)]
        written = [ref for w in writers for ref in w.result()]
        for taker in takers:
            taker.result()
    integrate_all(db, tenant, log_keys)
    with db.tx(tenant) as tx:
        assert sorted(audit_log(tx)) == sorted(written)


CHILD = """
import sys
from datetime import UTC, datetime
from counterfoil.adapters.secrets import Vault
from counterfoil.adapters.signing import LogKeys
from counterfoil.flows.integrate_log import integrate
from counterfoil.store.database import app_pool
from counterfoil.store.tx import Database
from tests.logs import signer_of
url, tenant, secret, batch = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), int(sys.argv[4])
db, keys = Database(app_pool(url, None, 1), lambda: datetime.now(UTC)), LogKeys(Vault(secret))
print("up", flush=True)
while True:
    with db.tx(tenant) as tx:
        integrate(tx, signer_of(tx, keys), batch)
"""


def test_kill_minus_nine_at_any_moment_loses_nothing_and_places_nothing_twice(
    db: Any, admin_url: str, tenant: int, log_keys: LogKeys
) -> None:
    kills, written = 8, []
    dice = Random(7)
    interrupted = 0
    for n in range(kills):
        records = sealed_records(f"before kill {n}", 3_000)
        with db.tx(tenant) as tx:
            tx.add_records(records)
        written += [ref for ref, *_ in records]
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, admin_url, str(tenant), TEST_SECRET.hex(), str(dice.choice([7, 60, 300]))],
            stdout=subprocess.PIPE,
        )
        try:
            assert child.stdout is not None and child.stdout.readline() == b"up\n"
            time.sleep(dice.random() * 0.15)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        with db.tx(tenant) as tx:
            interrupted += tx.has_pending()
    assert interrupted, "every child was done before it was killed: nothing was tried"
    integrate_all(db, tenant, log_keys, 977)
    with db.tx(tenant) as tx:
        assert audit_log(tx) == written
        assert tx.pending(1) == []


def test_the_key_of_one_log_does_not_open_as_that_of_another(log_keys: LogKeys) -> None:
    """A row copied from one tenant to another must not sign there."""
    sealed, public = log_keys.new_log_key("a.example/log/1")
    assert log_keys.signer(sealed, "a.example/log/1").public_key == public
    for found, origin in ((sealed, "a.example/log/2"), (sealed[:-1], "a.example/log/1"), (b"", "a.example/log/1")):
        with pytest.raises(Upstream) as refused:
            log_keys.signer(found, origin)
        assert refused.value.code == "secret.wrong"
