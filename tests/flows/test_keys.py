"""API keys and the secrets behind them: who does not know the secret does not get in, and nobody learns why."""

from __future__ import annotations

import secrets
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from counterfoil.adapters.secrets import Vault, installation_secret
from counterfoil.adapters.signing import LogKeys, new_key, signer
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Forbidden, Invalid, NotFound, Upstream
from counterfoil.core.tlog import ed25519
from counterfoil.core.tlog.note import read_verifier_key
from counterfoil.flows.keys import Auth, NewKey, authenticate, create_key, list_keys, revoke_key
from counterfoil.flows.open_tenant import log_origin, open_company
from counterfoil.settings import Settings
from counterfoil.store.tenants import find_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def created(db: Any, tenant: int, role: str = "admin") -> NewKey:
    with db.tx(tenant, "person:ada") as tx:
        return create_key(tx, secrets.token_bytes, name="Server", role=role)


def who(db: Any, token: str) -> Auth:
    with db.nobody() as conn:
        return authenticate(partial(find_key, conn), token)


def refusal(db: Any, token: str) -> str:
    with pytest.raises(Forbidden) as refused:
        who(db, token)
    return f"{refused.value.code} {refused.value.message}"


def test_a_key_says_its_mode_and_opens_its_tenant_alone(db: Any, open_tenants: Any) -> None:
    for opened in open_tenants("Acme", modes=("live", "test")):
        key = created(db, opened.tenant, "finance")
        assert key.token.startswith(f"pk_{opened.mode}_{key.key_id}.") and len(key.token) == 68
        assert who(db, key.token) == Auth(opened.tenant, opened.mode, "finance", f"key:{key.key_id}")


def test_the_database_does_not_hold_the_secret(db: Any, tenant: int) -> None:
    key = created(db, tenant)
    with db.tx(tenant) as tx:
        stored = repr(tx.all("SELECT * FROM api_key")) + repr(list_keys(tx)) + repr(tx.audit_of(key.key_id))
    assert key.key_id in stored and key.api_secret not in stored


def test_every_wrong_token_is_refused_in_the_same_words(db: Any, tenant: int) -> None:
    key, other = created(db, tenant), created(db, tenant)
    unknown = "pk_test_aaaaaaaaaaaaaaaa"
    wrong = [
        "", "x", key.api_key, f"{key.api_key}.", f"{key.api_key}.{other.api_secret}", f"{unknown}.{key.api_secret}",
        key.token.replace("pk_test", "pk_live"), key.token + "A", key.token[:-1], key.token.upper(), f" {key.token}",
        f"{key.token}\n", f"{key.api_key}.{key.api_secret[:-1]}é", key.token.replace(".", "'"), "\x00" * 68,
    ]  # fmt: skip
    assert {refusal(db, token) for token in wrong} == {"key.unknown the API key is unknown or its secret is wrong"}
    assert who(db, key.token).tenant == tenant


def test_a_revoked_key_is_refused_at_once_and_only_its_owner_is_told_why(db: Any, tenant: int) -> None:
    key, other = created(db, tenant), created(db, tenant)
    with db.tx(tenant, "person:ada") as tx:
        revoke_key(tx, key.key_id, why="left on a bus")
    assert refusal(db, key.token).startswith("key.revoked")
    assert refusal(db, f"{key.api_key}.{other.api_secret}").startswith("key.unknown")
    assert who(db, other.token).tenant == tenant
    with pytest.raises(NotFound), db.tx(tenant) as tx:
        revoke_key(tx, key.key_id)
    with db.tx(tenant) as tx:
        assert [k["revoked_at"] is None for k in list_keys(tx)] == [False, True]
        story = [(a["actor"], a["verb"], a["why"]) for a in tx.audit_of(key.key_id)]
    assert story == [("person:ada", "create", ""), ("person:ada", "revoke", "left on a bus")]


def test_a_key_cannot_be_revoked_or_listed_by_a_neighbour(db: Any, tenant: int, open_tenants: Any) -> None:
    key = created(db, tenant)
    with pytest.raises(NotFound), db.tx(open_tenants()[0].tenant) as tx:
        assert list_keys(tx) == []
        revoke_key(tx, key.key_id)
    assert who(db, key.token).tenant == tenant


@pytest.mark.parametrize(
    ("name", "role", "field"),
    [("", "admin", "name"), (" ", "admin", "name"), ("x" * 201, "admin", "name"), ("x", "root", "role")],
)
def test_a_key_with_bad_terms_is_refused_by_field(db: Any, tenant: int, name: str, role: str, field: str) -> None:
    with pytest.raises(Invalid) as refused, db.tx(tenant) as tx:
        create_key(tx, secrets.token_bytes, name=name, role=role)
    assert [p.field for p in refused.value.problems] == [field]
    with db.tx(tenant) as tx:
        assert list_keys(tx) == []


@dataclass
class Made:
    """Takes the place of the tenants' table: says what would be written."""

    rows: list[dict[str, Any]]

    def __call__(self, **row: Any) -> int:
        self.rows.append(row)
        return len(self.rows)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://bill.example", "bill.example/log/r"),
        ("http://localhost:8080", "localhost:8080/log/r"),
        ("https://bill.example/de/", "bill.example/de/log/r"),
    ],
)
def test_a_log_is_named_without_scheme(url: str, origin: str) -> None:
    assert log_origin(url, Ref("r")) == origin


@pytest.mark.parametrize("url", ["", "bill.example", "https://", "https://a b", "https://a+b"])
def test_a_name_that_no_key_can_have_is_refused_before_a_tenant_is_made(
    url: str, log_keys: LogKeys, new_ref: Callable[[], Ref]
) -> None:
    made = Made([])
    with pytest.raises(Invalid):
        open_company(made, log_keys, new_ref, name="Acme", at=NOW, public_url=url)
    assert made.rows == []


def test_what_a_tenant_publishes_is_the_key_that_signs(
    log_keys: LogKeys, new_ref: Callable[[], Ref]
) -> None:
    made = Made([])
    for opened in open_company(made, log_keys, new_ref, name=" Acme ", at=NOW, public_url="https://a.example"):
        row = made.rows[opened.tenant - 1]
        key = read_verifier_key(opened.verifier_key)
        signs = log_keys.signer(row["log_key"], row["origin"])
        assert row["log_public"] == opened.verifier_key and row["name"] == "Acme"
        assert (key.name, key.public_key) == (signs.name, signs.public_key)
        assert ed25519.verify(key.public_key, b"hello", signs.sign(b"hello"))
        assert signs._private.private_bytes_raw() not in row["log_key"]


def test_a_signer_never_shows_its_key() -> None:
    private, public = new_key()
    shown = repr(signer(private, "log.example"))
    assert repr(public) in shown and "private" not in shown and private.hex() not in shown


def test_the_vault_opens_nothing_that_was_changed_or_is_of_another() -> None:
    vault, other = Vault(b"a" * 32), Vault(b"b" * 32)
    sealed = vault.encrypt(b"key", "here")
    assert vault.decrypt(sealed, "here") == b"key" and vault.encrypt(b"key", "here") != sealed
    attempts = [(other, sealed, "here"), (vault, sealed, "there"), (vault, sealed[:-1], "here"), (vault, b"", "here")]
    attempts += [(vault, sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :], "here") for i in range(len(sealed))]
    for opens, data, context in attempts:
        with pytest.raises(Upstream):
            opens.decrypt(data, context)


def test_the_secret_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    secret = installation_secret(Settings(home))
    assert installation_secret(Settings(home)) == secret and len(secret) == 32
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert [f.name for f in home.iterdir()] == ["secret"]
    assert installation_secret(Settings(home, secret="ab" * 32)) == b"\xab" * 32


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from counterfoil.settings import Settings\n"
        "from counterfoil.adapters.secrets import installation_secret\n"
        "print('up', flush=True); sys.stdin.readline(); print(installation_secret(Settings(Path(sys.argv[1]))).hex())"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(5)
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "up\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    assert len({child.communicate()[0] for child in children}) == 1


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 31, "ab" * 33])
def test_a_broken_secret_is_refused_and_never_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text(text)
    with pytest.raises(Invalid, match="64 digits"):
        installation_secret(Settings(tmp_path))
    assert (tmp_path / "secret").read_text() == text
    with pytest.raises(Invalid, match="COUNTERFOIL_SECRET"):
        installation_secret(Settings(tmp_path, secret=text))
