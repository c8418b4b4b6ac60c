"""Witnesses: two houses on two databases, each a real server. A log that only grows is cosigned; any other is not."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from psycopg.conninfo import make_conninfo

from counterfoil.adapters.secrets import Vault
from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.receipts.verify import SPLIT_VIEW, verify_bundle
from counterfoil.core.tlog.checkpoint import Checkpoint, read_signed_checkpoint, sign_checkpoint
from counterfoil.core.tlog.note import COSIGNATURE_V1, open_note, read_verifier_key
from counterfoil.core.tlog.tree import consistency_proof, leaf_hash, root_of, verify_consistency
from counterfoil.flows.ask_witnesses import WitnessAnswer, add_witness, asks, taken
from counterfoil.flows.open_tenant import OpenedTenant
from counterfoil.flows.prove import bundle_of, checkpoint
from counterfoil.flows.witness_logs import leave, watch
from counterfoil.jobs.ask_witnesses import AskingWitnesses
from counterfoil.server import asgi
from counterfoil.settings import Settings
from counterfoil.store.database import app_pool, migrate
from counterfoil.store.tx import Database
from tests.adapters.mail_server import free_port
from tests.core.receipts.build import Key
from tests.logs import sealed_records

OTHER_SECRET = bytes(reversed(range(32)))


def house_over(url: str, secret: bytes, port: int) -> House:
    pool: Any = app_pool(url, None, 6)
    settings = Settings(home=Path("unused"), public_url=f"http://127.0.0.1:{port}", webhook_allow="127.0.0.1")
    return House(settings, Database(pool, lambda: datetime.now(UTC)), LogKeys(Vault(secret)), lambda: datetime.now(UTC), secret)


@contextmanager
def served(house: House, port: int) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(asgi(house), host="127.0.0.1", port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ready = threading.Event()
    while not server.started:
        ready.wait(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def houses(admin_url: str) -> Iterator[tuple[House, House]]:
    """One that keeps a log, and one elsewhere that watches it; both answer over HTTP."""
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute("CREATE DATABASE elsewhere TEMPLATE template0 STRATEGY file_copy")
    elsewhere = make_conninfo(admin_url, dbname="elsewhere")
    migrate(elsewhere)
    ports = free_port(), free_port()
    ours = house_over(admin_url, bytes(range(32)), ports[0])
    theirs = house_over(elsewhere, OTHER_SECRET, ports[1])
    with served(ours, ports[0]), served(theirs, ports[1]):
        yield ours, theirs
    ours.close()
    theirs.close()
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE elsewhere WITH (FORCE)")


def seal(house: House, tenant: int, name: str, count: int) -> None:
    with house.tx(tenant) as tx:
        tx.add_records(sealed_records(name, count))
    house.integrate(tenant)


def introduced(log: tuple[House, OpenedTenant], witness: tuple[House, OpenedTenant]) -> str:
    """Each is told of the other; the witness's verifier key."""
    (house, mine), (other, theirs) = log, witness
    with other.tx(theirs.tenant) as tx:
        watch(tx, mine.verifier_key)
        key = other.witness_key(tx)
    with house.tx(mine.tenant) as tx:
        add_witness(tx, None, f"{other.settings.public_url}/witness/{theirs.ref}", key, house.witness_calls.check)
    return key


def asking(house: House) -> AskingWitnesses:
    return AskingWitnesses(house.tx, house.witness_calls.post)


def never() -> bool:
    return False


def test_two_houses_cosign_each_other_and_a_trusted_witness_rules_out_two_histories(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    (mine,), (other,) = ours.open_company("Acme", ("live",)), theirs.open_company("Globex", ("live",))
    keys = introduced((ours, mine), (theirs, other)), introduced((theirs, other), (ours, mine))
    for house, tenant, key in ((ours, mine, keys[0]), (theirs, other, keys[1])):
        record = sealed_records("first", 3)[1][0]
        job = asking(house)
        for n, size in enumerate((3, 300), 1):
            seal(house, tenant.tenant, ["first", "more"][n - 1], size if n == 1 else 297)
            assert job(tenant.tenant, never) == 1
            assert job(tenant.tenant, never) == 0, "what is cosigned is not asked again"
            note = httpx.get(f"{house.settings.public_url}/log/{tenant.ref}/checkpoint").content
            head, _ = read_signed_checkpoint(note)
            _, by = open_note(note, [read_verifier_key(key), read_verifier_key(tenant.verifier_key)])
            assert (head.size, len(by)) == (size, 2)
        with house.tx(tenant.tenant) as tx:
            bundle, since = bundle_of(tx, record), bundle_of(tx, record, since=3)
        trusting = verify_bundle(bundle, trusted_keys=[tenant.verifier_key, key])
        assert trusting.ok
        assert SPLIT_VIEW not in trusting.not_proved
        assert SPLIT_VIEW in verify_bundle(bundle, trusted_keys=[tenant.verifier_key]).not_proved
        assert verify_bundle(since, trusted_keys=[tenant.verifier_key, key]).ok
        assert not verify_bundle(bundle.replace(b"witness/", b"witless/"), trusted_keys=[tenant.verifier_key, key]).ok


def test_a_bundle_waits_for_no_witness_and_goes_on_from_what_was_cosigned(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    (mine,), (other,) = ours.open_company("Acme", ("live",)), theirs.open_company("Globex", ("live",))
    key = introduced((ours, mine), (theirs, other))
    seal(ours, mine.tenant, "first", 3)
    asking(ours)(mine.tenant, never)
    seal(ours, mine.tenant, "second", 3)
    for name, size, witnesses in (("first", 3, 1), ("second", 6, 0)):
        with ours.tx(mine.tenant) as tx:
            bundle = bundle_of(tx, sealed_records(name, 3)[0][0])
        assert verify_bundle(bundle).ok
        assert f'\\n{size}\\n'.encode() in bundle
        assert bundle.count(b"witness/") == 2 * witnesses
    with ours.tx(mine.tenant) as tx:
        assert b"witness" not in checkpoint(tx)
        assert key.partition("+")[0].encode() in checkpoint(tx, 3)
        assert verify_bundle(bundle_of(tx, sealed_records("first", 3)[0][0], since=6)).ok


# What a witness must refuse ------------------------------------------------------------------------------------------

LOG = Key("log.example/one", 5)
LEAVES = [leaf_hash(b"%d" % n) for n in range(40)]


def request(old: int, size: int, *, key: Key = LOG, origin: str = "", leaves: list[bytes] = LEAVES,
            proof: list[bytes] | None = None) -> bytes:
    head = Checkpoint(origin or key.name, size, root_of(leaves[:size]))
    hashes = list(consistency_proof(leaves[:size], old)) if proof is None and 0 < old < size else proof or []
    lines = "".join(base64.b64encode(h).decode() + "\n" for h in hashes)
    return f"old {old}\n{lines}\n".encode() + sign_checkpoint(head, [replace(key, name=head.origin)])


@pytest.fixture
def witness(houses: tuple[House, House]) -> tuple[Callable[[bytes], httpx.Response], str]:
    """A fresh witness that watches LOG: posts to it, and its verifier key."""
    _, theirs = houses
    (opened,) = theirs.open_company("Witness", ("live",))
    with theirs.tx(opened.tenant) as tx:
        watch(tx, LOG.verifier())
    url = f"{theirs.settings.public_url}/witness/{opened.ref}"
    with httpx.Client() as client:
        yield lambda body: client.post(f"{url}/add-checkpoint", content=body), client.get(f"{url}/verifier-key").text.strip()


Witness = tuple[Callable[[bytes], httpx.Response], str]


def test_a_witness_follows_a_log_that_grows(witness: Witness) -> None:
    post, key = witness
    verifier = read_verifier_key(key)
    assert verifier.algorithm == COSIGNATURE_V1
    old = 0
    for size in (1, 7, 8, 8, 33):
        body = request(old, size)
        answer = post(body)
        assert answer.status_code == 200, answer.text
        note = body.partition(b"\n\n")[2] + answer.content
        assert open_note(note, [verifier])[1] == (verifier,)
        old = size


REFUSED: list[tuple[str, Callable[[], bytes], int]] = [
    ("nothing", lambda: b"", 400),
    ("ten megabytes", lambda: b"old 0\n\n" + b"x" * 10_000_000, 413),
    ("no old size", lambda: request(8, 9).replace(b"old 8", b"8"), 400),
    ("an old size with a zero in front", lambda: request(8, 9).replace(b"old 8", b"old 08"), 400),
    ("an old size that is negative", lambda: request(8, 9).replace(b"old 8", b"old -8"), 400),
    ("an old size of a thousand digits", lambda: request(8, 9).replace(b"old 8", b"old " + b"9" * 1000), 400),
    ("a proof of 64 hashes", lambda: request(8, 9, proof=[bytes(32)] * 64), 400),
    ("a proof that is not base64", lambda: b"old 8\n!!!\n" + request(8, 9).partition(b"\n")[2], 400),
    ("a checkpoint that ends early", lambda: request(8, 9)[:-20], 400),
    ("a checkpoint of another spelling", lambda: request(8, 9).replace(b"\n9\n", b"\n09\n"), 400),
    ("an old size beyond the checkpoint", lambda: request(8, 8).replace(b"old 8", b"old 9"), 400),
    ("a log that nobody watches", lambda: request(8, 9, key=Key("log.example/two", 5)), 404),
    ("a key that nobody knows, under the log's name", lambda: request(8, 9, key=Key(LOG.name, 6)), 403),
    ("the signature of another checkpoint", lambda: swapped_signature(), 403),
    ("the log from the start again", lambda: request(0, 9), 409),
    ("an older head than the one cosigned", lambda: request(7, 9), 409),
    ("another root of the same size", lambda: request(8, 8, leaves=LEAVES[::-1]), 409),
    ("a rewritten history", lambda: request(8, 9, leaves=LEAVES[::-1]), 422),
    ("no proof", lambda: request(8, 9, proof=[]), 422),
    ("the proof of another size", lambda: request(8, 9, proof=list(consistency_proof(LEAVES[:10], 8))), 422),
    ("a proof where none belongs", lambda: request(8, 8, proof=[bytes(32)]), 422),
]


def swapped_signature() -> bytes:
    one, other = request(8, 9), request(8, 10)
    return one.rpartition(b"\n\n")[0] + b"\n\n" + other.rpartition(b"\n\n")[2]


def test_a_witness_cosigns_nothing_that_does_not_continue_what_it_cosigned(witness: Witness) -> None:
    post, _ = witness
    assert post(request(0, 8)).status_code == 200
    for danger, body, status in REFUSED:
        answer = post(body())
        assert answer.status_code == status, danger
        assert "—" not in answer.text, danger
        if status == 409:
            assert (answer.text, answer.headers["content-type"].partition(";")[0]) == ("8\n", "text/x.tlog.size"), danger
    assert post(request(8, 9)).status_code == 200, "nothing of that has moved it"


def test_who_is_no_witness_answers_nothing(houses: tuple[House, House]) -> None:
    url = houses[1].settings.public_url
    for name in (derived_ref("nobody"), "x", "%2e%2e"):
        assert httpx.post(f"{url}/witness/{name}/add-checkpoint", content=request(0, 1)).status_code == 404


def test_a_log_that_is_left_and_watched_again_cannot_begin_anew(houses: tuple[House, House]) -> None:
    _, theirs = houses
    (opened,) = theirs.open_company("Witness", ("live",))
    url = f"{theirs.settings.public_url}/witness/{opened.ref}/add-checkpoint"
    with theirs.tx(opened.tenant) as tx:
        watch(tx, LOG.verifier())
    assert httpx.post(url, content=request(0, 8)).status_code == 200
    with theirs.tx(opened.tenant) as tx:
        leave(tx, read_verifier_key(LOG.verifier()).key_id.hex())
    assert httpx.post(url, content=request(8, 9)).status_code == 404
    with theirs.tx(opened.tenant) as tx:
        watch(tx, LOG.verifier())
    assert httpx.post(url, content=request(0, 9)).text == "8\n"
    assert httpx.post(url, content=request(8, 9)).status_code == 200


def test_of_two_histories_at_once_one_is_cosigned(witness: Witness) -> None:
    post, _ = witness
    assert post(request(0, 8)).status_code == 200
    forked = [*LEAVES[:8], *LEAVES[20:]]
    bodies = [request(8, 12), request(8, 12, leaves=forked)] * 4
    answers: list[int] = []
    threads = [threading.Thread(target=lambda b=b: answers.append(post(b).status_code)) for b in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 1


# What a log makes of its witnesses' answers ---------------------------------------------------------------------------

ANSWERS: list[tuple[str, Callable[[bytes], WitnessAnswer], str]] = [
    ("nobody is there", lambda _note: WitnessAnswer(None, error="no answer within 10 seconds"), "no answer"),
    ("it fails", lambda _note: WitnessAnswer(500, "text/html", b"<h1>Oops</h1>"), "answered 500"),
    ("it redirects", lambda _note: WitnessAnswer(302), "answered 302"),
    ("it says nothing", lambda _note: WitnessAnswer(200, "text/plain", b""), "no cosignature"),
    ("it says something else", lambda _note: WitnessAnswer(200, "text/plain", b"fine\n"), "no cosignature"),
    ("it sends the log's own signature back", lambda note: WitnessAnswer(200, "", note.rpartition(b"\n\n")[2]), "by the key"),
    ("it was shown more than there is", lambda _note: WitnessAnswer(409, "text/x.tlog.size", b"99\n"), "two histories"),
    ("it knows no size", lambda _note: WitnessAnswer(409, "text/x.tlog.size", b"many\n"), "without a size"),
    ("it refuses what it says it knows", lambda _note: WitnessAnswer(409, "text/x.tlog.size", b"0\n"), "refuses a proof"),
]


def test_what_is_no_cosignature_is_told_and_never_kept(houses: tuple[House, House]) -> None:
    ours, _ = houses
    (mine,) = ours.open_company("Acme", ("live",))
    seal(ours, mine.tenant, "x", 5)
    key = Key("witness.example/w", 9).verifier(COSIGNATURE_V1)
    with ours.tx(mine.tenant) as tx:
        add_witness(tx, None, "http://127.0.0.1:1/w/", key, ours.witness_calls.check)
    for danger, answer, says in ANSWERS:
        with ours.tx(mine.tenant) as tx:
            (ask,) = asks(tx)
            assert taken(tx, ask, answer(ask.note)) is None, danger
            (row,) = tx.witnesses()
            assert says in str(row.last_error), danger
            assert tx.cosignatures(5) == [], danger
    job = asking(ours)
    assert job(mine.tenant, never) == 0
    with ours.tx(mine.tenant) as tx:
        assert "refused" in str(tx.witnesses()[0].last_error).lower()


def test_any_two_heads_are_joined_by_a_public_proof(houses: tuple[House, House]) -> None:
    ours, _ = houses
    (mine,) = ours.open_company("Acme", ("live",))
    for n, count in enumerate((1, 6, 293)):
        seal(ours, mine.tenant, f"part {n}", count)
    url = f"{ours.settings.public_url}/log/{mine.ref}"
    heads = {s: read_signed_checkpoint(httpx.get(f"{url}/checkpoint?size={s}").content)[0] for s in (1, 7, 300)}
    for old, new in ((1, 7), (1, 300), (7, 300), (7, 7)):
        found = httpx.get(f"{url}/consistency?old={old}&new={new}").json()
        proof = [bytes.fromhex(h) for h in found["proof"]]
        assert verify_consistency(old, new, heads[old].root, heads[new].root, proof)
    for query in ("", "old=0&new=7", "old=7&new=1", "old=1&new=301", "old=x&new=7", "old=1&new=1e2", f"old=1&new={'9' * 400}"):
        answer = httpx.get(f"{url}/consistency?{query}")
        assert (answer.status_code, answer.json()["message"] != "") == (400, True), query
    assert httpx.get(f"{ours.settings.public_url}/log/{derived_ref('x')}/consistency?old=1&new=2").status_code == 404
    assert httpx.get(f"{url}/checkpoint?size=8").status_code == 404
