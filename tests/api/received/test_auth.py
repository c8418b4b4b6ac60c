"""Who gets in: tokens end with their hour or their key, cookies open keys alone, and no other site can use them."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from counterfoil.app import House
from counterfoil.core.basis.refusals import Forbidden
from tests.api.native import good, key_of
from tests.api.received.company import Company, refused


def token_for(company: Company, name: str, password: str) -> str:
    answer = company.client.post("/auth/login", json={"api_key": name, "password": password})
    token = good(answer)
    assert isinstance(token, str) and token.count(".") == 2, "a bare JSON string, and nothing else"
    return token


def opens(company: Company, token: str) -> int:
    status: int = company("GET", "/api/entities/names", headers={"Authorization": f"Bearer {token}"}).status_code
    return status


def generated(company: Company, **chosen: str) -> Any:
    return good(company.client.post("/auth/keys/generate", json=chosen, headers=company.log_in()))


def test_a_key_that_its_owner_named_logs_in_until_it_is_deleted(company: Company) -> None:
    name = f"acme-billing-{secrets.token_hex(4)}"
    made = generated(company, api_key=name, password="correct horse")
    assert made["api_key"] == name and made["password"] == "correct horse"
    token = token_for(company, name, "correct horse")
    again = good(company.client.post("/auth/login", json={"username": name, "password": "correct horse"}))
    assert opens(company, token) == opens(company, again) == 200
    listed = good(company.client.get("/auth/keys/list", headers=company.log_in()))
    assert {"api_key_ref": made["api_key_ref"], "api_key": name} in listed and all(len(k) == 2 for k in listed)
    assert "correct horse" not in json.dumps(listed)
    deleted = company.client.delete(f"/auth/user/{made['api_key_ref']}", headers=company.log_in())
    assert good(deleted) == {"ok": True}
    assert opens(company, token) == opens(company, again) == 401, "its tokens end at once"
    refused(company.client.post("/auth/login", json={"api_key": name, "password": "correct horse"}), 401, code="login.wrong")
    refused(company.client.delete(f"/auth/user/{made['api_key_ref']}", headers=company.log_in()), 404)
    assert generated(company, api_key=name, password="another horse")["api_key"] == name, "the name is free again"


def test_what_is_left_out_of_a_key_is_made_up(company: Company) -> None:
    whole = generated(company)
    assert opens(company, f"{whole['api_key']}.{whole['password']}") == 200, "it is a key like any other"
    assert opens(company, token_for(company, whole["api_key"], whole["password"])) == 200
    named = generated(company, api_key="only-named")
    assert len(named["password"]) >= 40 and opens(company, token_for(company, "only-named", named["password"])) == 200
    secret = generated(company, password="only a password")
    assert opens(company, token_for(company, secret["api_key"], "only a password")) == 200
    by_path = company.client.delete(f"/auth/keys/{whole['api_key_ref']}", headers=company.log_in())
    assert by_path.status_code == 200 and opens(company, f"{whole['api_key']}.{whole['password']}") == 401


def test_a_key_of_v1_logs_in_by_its_id_and_secret(company: Company, house: House) -> None:
    whole, _, secret = key_of(house, company.native.tenant, "finance").partition(".")
    for name in (whole, whole.removeprefix("pk_test_")):
        assert opens(company, token_for(company, name, secret)) == 200
    wrong_mode = whole.replace("pk_test_", "pk_live_")
    refused(company.client.post("/auth/login", json={"api_key": wrong_mode, "password": secret}), 401)
    listed = good(company.client.get("/auth/keys/list", headers=company.log_in()))
    assert whole in [k["api_key"] for k in listed]


@pytest.mark.parametrize(
    "body",
    [
        {"api_key": "nobody", "password": "nothing at all"},
        {"api_key": "pk_test_aaaaaaaaaaaaaaaa", "password": "x" * 43},
        {"email": "nobody@acme.example", "password": "nothing at all"},
    ],
)
def test_who_is_not_known_is_told_nothing_more(shared: Company, body: dict[str, str]) -> None:
    error = refused(shared.client.post("/auth/login", json=body), 401, code="login.wrong")
    assert error["message"] == "the name or the password is wrong"


@pytest.mark.parametrize("body", [{}, {"password": "x"}, {"api_key": "x"}, {"email": "a@b.c", "api_key": "x", "password": "y"}])
def test_neither_kind_of_login_is_refused(shared: Company, body: dict[str, str]) -> None:
    refused(shared.client.post("/auth/login", json=body), 400)


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"api_key": "pk_live_mine", "password": "long enough"}, "api_key"),
        ({"api_key": " spaced ", "password": "long enough"}, "api_key"),
        ({"api_key": "x" * 201, "password": "long enough"}, "api_key"),
        ({"api_key": "fine", "password": "short"}, "password"),
        ({"api_key": "fine", "password": "long enough", "role": "god"}, "role"),
    ],
)
def test_keys_that_could_be_mistaken_or_guessed_are_refused(shared: Company, chosen: dict[str, str], field: str) -> None:
    refused(shared.client.post("/auth/keys/generate", json=chosen, headers=shared.log_in()), 400, field)


def test_two_keys_of_a_company_do_not_share_a_name_but_those_of_two_companies_may(
    company: Company, shared: Company
) -> None:
    name = f"billing-{secrets.token_hex(4)}"
    generated(company, api_key=name, password="the first one")
    again = company.client.post(
        "/auth/keys/generate", json={"api_key": name, "password": "x" * 10}, headers=company.log_in()
    )
    refused(again, 409, code="key.exists")
    generated(shared, api_key=name, password="the second one")
    mine, theirs = token_for(company, name, "the first one"), token_for(shared, name, "the second one")
    names = [
        company("GET", "/api/entities/names", headers={"Authorization": f"Bearer {t}"}).json()["entities"][0]["entity_ref"]
        for t in (mine, theirs)
    ]
    assert names == [company.refs["entity"], shared.refs["entity"]]


def test_a_token_ends_with_its_hour_and_only_our_signature_counts(shared: Company, house: House) -> None:
    whole, _, secret = shared.native.token.partition(".")
    token = house.sessions.log_in_key(whole, secret)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    late = replace(house, clock=lambda: house.clock() + timedelta(minutes=60))
    assert house.sessions.authenticate(token).tenant == shared.native.tenant
    with pytest.raises(Forbidden) as over:
        late.sessions.authenticate(token)
    assert over.value.code == "key.expired"
    for forged in (
        jwt.encode(claims, "x" * 32, algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
        token[:-2],
        jwt.encode({**claims, "sub": "a" * 16}, house.sessions.secret, algorithm="HS256"),
        jwt.encode({"sub": claims["sub"], "iss": "counterfoil"}, house.sessions.secret, algorithm="HS256"),
    ):
        assert opens(shared, forged) == 401, forged


def test_the_cookie_is_hidden_from_scripts_and_other_sites_and_opens_no_data(shared: Company) -> None:
    answer = shared.client.post("/auth/login", json={"email": shared.email.upper(), "password": shared.password})
    assert isinstance(answer.json(), dict), "never a bare string, so that clients can tell"
    assert answer.json()["ok"] is True
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/auth"} <= set(cookie.split("; ")) and "Secure" not in cookie
    shared.client.cookies.clear()
    secure = shared.client.post(
        "/auth/login", json={"email": shared.email, "password": shared.password}, headers={"Host": "counterfoil.example"}
    )
    assert "; Secure" in secure.headers["set-cookie"], "under the public address there is TLS"
    shared.client.cookies.clear()
    held = {"Cookie": cookie.partition(";")[0]}
    assert shared.client.get("/auth/keys/list", headers=held).status_code == 200
    for path in ("/api/products", "/api/invoices/reconcile?invoice_ref=0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"):
        refused(shared.client.get(path, headers=held), 401, code="key.missing")
    assert good(shared.client.post("/auth/logout", headers=held)) == {"ok": True}
    refused(shared.client.get("/auth/keys/list", headers=held), 401, code="session.over")


def test_a_session_is_over_after_half_a_day(shared: Company, house: House) -> None:
    session = house.sessions.log_in_person(shared.email, shared.password)
    assert house.sessions.who(session.token).role == "admin"
    for hours, code in ((12, "session.over"),):
        late = replace(house, clock=lambda hours=hours: house.clock() + timedelta(hours=hours))
        with pytest.raises(Forbidden) as over:
            late.sessions.who(session.token)
        assert over.value.code == code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://testserver.local"}, 200),
        ({"Origin": "https://counterfoil.example"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://counterfoil.example.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 403),
    ],
)
def test_a_page_of_another_site_cannot_use_the_cookie(shared: Company, headers: dict[str, str], status: int) -> None:
    held = shared.log_in()
    host = str(shared.client.base_url).removeprefix("http://")
    headers = {k: v.replace("testserver.local", host) for k, v in headers.items()}
    for call in (
        lambda: shared.client.post("/auth/keys/generate", json={}, headers={**held, **headers}),
        lambda: shared.client.post("/auth/login", json={"email": shared.email, "password": shared.password}, headers=headers),
        lambda: shared.client.post("/auth/logout", headers={**held, **headers}),
    ):
        answer = call()
        shared.client.cookies.clear()
        assert answer.status_code == status, answer.text


def test_only_administrators_make_keys(shared: Company, house: House) -> None:
    from counterfoil.adapters.passwords import Argon2
    from counterfoil.flows.add_person import add_person

    email = f"viewer-{secrets.token_hex(4)}@acme.example"
    with house.tx(shared.native.tenant, "test") as tx:
        add_person(tx, Argon2().hash, email=email, name="", password="long enough", role="finance")
    answer = shared.client.post("/auth/login", json={"email": email, "password": "long enough"})
    shared.client.cookies.clear()
    held = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    refused(shared.client.post("/auth/keys/generate", json={}, headers=held), 403, code="role.missing")
    refused(shared.client.get("/auth/keys/list", headers=held), 403)


def test_one_address_with_two_companies_says_which(company: Company, shared: Company, house: House) -> None:
    from counterfoil.adapters.passwords import Argon2
    from counterfoil.flows.add_person import add_person

    email = f"accountant-{secrets.token_hex(4)}@books.example"
    for each in (company, shared):
        with house.tx(each.native.tenant, "test") as tx:
            add_person(tx, Argon2().hash, email=email, name="", password="same password", role="admin")
    body = {"email": email, "password": "same password"}
    refused(shared.client.post("/auth/login", json=body), 409, code="login.which")
    chosen = good(shared.client.post("/auth/login", json={**body, "tenant_ref": company.native.tenant_ref}))
    shared.client.cookies.clear()
    assert chosen["tenant_ref"] == company.native.tenant_ref


def test_guessing_a_password_is_slowed(shared: Company) -> None:
    body = {"api_key": f"guessed-{secrets.token_hex(4)}", "password": "wrong wrong"}
    statuses = [shared.client.post("/auth/login", json=body).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    other = {"api_key": "somebody else", "password": "wrong wrong"}
    assert shared.client.post("/auth/login", json=other).status_code == 401


def test_a_key_of_one_company_cannot_be_deleted_by_another(company: Company, shared: Company) -> None:
    made = generated(company, api_key="ours alone", password="long enough")
    for ref in (made["api_key_ref"], "ours alone"):
        refused(shared.client.delete(f"/auth/user/{ref}", headers=shared.log_in()), 404)
    assert token_for(company, "ours alone", "long enough")
