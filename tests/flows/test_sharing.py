"""Who may see receipts: settings that cannot be misread by a browser, a key told once, and who is let in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from counterfoil.adapters.secrets import Vault
from counterfoil.core.basis.ids import Ref, derived_ref, display_id
from counterfoil.core.basis.refusals import Forbidden, Invalid, NotFound
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.sharing import (
    Claims,
    Share,
    Sharing,
    admit,
    change_sharing,
    is_origin,
    key_context,
    rotate_key,
    rotate_link,
    sharing_problems,
    unpublish_everything,
)
from tests.conftest import TEST_SECRET

VAULT = Vault(TEST_SECRET)
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"issuer": ""}, "issuer"),
        ({"issuer": "a\nb"}, "issuer"),
        ({"audience": " "}, "audience"),
        ({"audience": "x" * 201}, "audience"),
        ({"token_seconds": 59}, "token_seconds"),
        ({"token_seconds": 86401}, "token_seconds"),
        ({"login_url": "http://app.example.com/login"}, "login_url"),
        ({"login_url": "javascript:alert(1)"}, "login_url"),
        ({"login_url": "//app.example.com"}, "login_url"),
        ({"login_url": "https://"}, "login_url"),
        ({"login_url": "https://a.example\r\nSet-Cookie: x=1"}, "login_url"),
        ({"login_url": "https://me:secret@a.example/"}, "login_url"),
        ({"login_url": "https://a.example/#part"}, "login_url"),
        ({"refresh_url": "https://a.example:99999/"}, "refresh_url"),
        ({"refresh_url": "data:text/html,x"}, "refresh_url"),
        ({"embed_origins": ("*",)}, "embed_origins[0]"),
        ({"embed_origins": ("https://*.example.com",)}, "embed_origins[0]"),
        ({"embed_origins": ("https://a.example", "https://b.example/path")}, "embed_origins[1]"),
        ({"embed_origins": ("https://a.example; script-src *",)}, "embed_origins[0]"),
        ({"embed_origins": ("https://a.example 'self'",)}, "embed_origins[0]"),
        ({"embed_origins": ("http://a.example",)}, "embed_origins[0]"),
        ({"embed_origins": ("https://A.example",)}, "embed_origins[0]"),
        ({"embed_origins": ("https://a.example", "https://a.example")}, "embed_origins[1]"),
        ({"embed_origins": tuple(f"https://a{n}.example" for n in range(51))}, "embed_origins"),
    ],
)
def test_a_setting_that_would_open_more_than_it_says_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    assert [p.field for p in sharing_problems(replace(Sharing(), **change))] == [field]


@pytest.mark.parametrize(
    "origin", ["https://app.example.com", "https://a.example:8443", "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:1"]
)
def test_honest_origins_are_taken(origin: str) -> None:
    assert is_origin(origin)
    assert not list(sharing_problems(Sharing(embed_origins=(origin,), login_url=f"{origin}/login?a=b")))


def test_settings_are_kept_and_the_key_stays(db: Any, tenant: int) -> None:
    wanted = Sharing("acme", "receipts", 600, "https://a.example/in", None, ("https://a.example",), False)
    with db.tx(tenant) as tx:
        assert tx.sharing() == Sharing()
        assert change_sharing(tx, wanted) == wanted
        key = rotate_key(tx, VAULT.encrypt, lambda n: bytes(n))
        assert change_sharing(tx, wanted) == replace(wanted, has_key=True)
        assert key.encode() not in bytes(tx.share_key()) and tx.sharing().frame_ancestors == ()
        told = str(tx.audit_of(tx.this_tenant().ref))
        assert key not in told
        with pytest.raises(Invalid):
            change_sharing(tx, replace(wanted, token_seconds=1))


def test_another_tenants_key_does_not_open_here(db: Any, open_tenants: Any) -> None:
    """Not even when its row is copied over in the database."""
    one, other = open_tenants("One")[0], open_tenants("Other")[0]
    with db.tx(one.tenant) as tx:
        rotate_key(tx, VAULT.encrypt, lambda n: b"1" * n)
        sealed = tx.share_key()
    with db.tx(other.tenant) as tx:
        assert tx.share_key() is None
    with pytest.raises(Exception, match="does not open"):
        VAULT.decrypt(sealed, key_context(other.ref))


@pytest.fixture
def customer(db: Any, tenant: int) -> Customer:
    with db.tx(tenant) as tx:
        entity = create_entity(tx, Entity(Ref(""), "Acme", "AC"))
        rotate_key(tx, VAULT.encrypt, lambda n: b"k" * n)
        (made, _other) = create_customers(tx, [
            Customer(Ref(""), "Northwind", entity.ref, external_id="northwind"),
            Customer(Ref(""), "Other", entity.ref, external_id="other"),
        ])
    return made


RECEIPT = derived_ref("receipt", 1)
VR = display_id("vr", RECEIPT)


@pytest.mark.parametrize(
    ("who", "subject", "resource", "resource_id", "code"),
    [
        ("the customer, all receipts", "northwind", "value-receipt", "", None),
        ("by display id", "cus", "value-receipt", "", None),
        ("by reference", "ref", "value-receipt", "", None),
        ("this receipt by id", "northwind", "value-receipt", VR, None),
        ("this receipt by its link", "northwind", "value-receipt", "tok", None),
        ("this receipt by reference", "northwind", "value-receipt", RECEIPT, None),
        ("another receipt", "northwind", "value-receipt", display_id("vr", derived_ref("receipt", 2)), "share.not_yours"),
        ("another customer", "other", "value-receipt", "", "share.not_yours"),
        ("another customer, this receipt", "other", "value-receipt", VR, "share.not_yours"),
        ("nobody", "stranger", "value-receipt", "", "share.not_yours"),
        ("empty", "", "value-receipt", "", "share.not_yours"),
        ("another resource", "northwind", "invoice", VR, "share.not_yours"),
        ("no resource", "northwind", "", "", "share.not_yours"),
    ],
)
def test_a_token_opens_what_it_is_for(
    db: Any, tenant: int, customer: Customer, who: str, subject: str, resource: str, resource_id: str, code: str | None
) -> None:
    names = {"cus": display_id("cus", customer.ref), "ref": customer.ref}
    share = Share(RECEIPT, customer.ref, "tok", True, False, True)
    with db.tx(tenant) as tx:
        let_in = lambda: admit(  # noqa: E731
            tx, share, "x", lambda *_: Claims(names.get(subject, subject), resource, resource_id), VAULT.decrypt, NOW
        )
        if code is None:
            let_in()
        else:
            with pytest.raises(Forbidden) as refused:
                let_in()
            assert refused.value.code == code, who


def test_who_has_no_token_or_no_key_waits_outside_and_what_is_published_is_open(db: Any, tenant: int) -> None:
    private = Share(RECEIPT, derived_ref("c"), "tok", True, False, True)

    def never(*_: Any) -> Claims:
        raise AssertionError("nothing is read without a key")

    with db.tx(tenant) as tx:
        for token, code in (("", "login.token_missing"), ("x", "login.token_invalid")):
            with pytest.raises(Forbidden) as refused:
                admit(tx, private, token, never, VAULT.decrypt, NOW)
            assert refused.value.code == code
        admit(tx, replace(private, is_published=True), "", never, VAULT.decrypt, NOW)


def test_there_is_nothing_to_rotate_where_nothing_is(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        for id in ("vr_nothing", display_id("vr", RECEIPT)):
            with pytest.raises(NotFound):
                rotate_link(tx, id, lambda n: bytes(n))
        assert unpublish_everything(tx) == 0
