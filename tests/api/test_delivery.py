"""Mail over the API: what is promised, sent, parked and sent again can be seen and done; nobody else's mail can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.adapters.mail.fake import FakePost
from counterfoil.app import House
from counterfoil.jobs.deliver import delivering
from tests.api.native import Api, Shop, bad, good, invoice, key_of

NOBODY = "00000000-0000-4000-8000-000000000000"
OUTBOX = "/v1/mail/outbox"


@pytest.fixture
def mailing(fresh: tuple[Api, Shop]) -> tuple[Api, Shop]:
    """A test tenant that sends mail, with a customer who has an address."""
    api, shop = fresh
    good(api("PATCH", f"/v1/customers/{shop.customer}", {"email": "accounts@globex.example"}))
    good(api("PUT", "/v1/mail/policy", {"sends": True}))
    return api, shop


def send(house: House, api: Api, post: Any = None) -> int:
    return delivering(house.tx, house.letters, post, house.clock)(api.tenant, lambda: False)


def issued(api: Api, customer: str) -> str:
    ref: str = api.post("/v1/invoices", invoice(customer))["document_ref"]
    return ref


def test_mail_is_off_until_somebody_switches_it_on(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    policy = api.get("/v1/mail/policy")
    assert policy == {"sends": False, "test_mailbox": "", "goes": None, "mail_server": False}
    document = issued(api, shop.customer)
    bad(api("POST", f"/v1/documents/{document}/send", {}), 409, code="mail.off")
    assert good(api("PUT", "/v1/mail/policy", {"sends": True}))["goes"] == "outbox"
    changed = good(api("PUT", "/v1/mail/policy", {"sends": True, "test_mailbox": "qa@acme.example"}))
    assert (changed["goes"], changed["test_mailbox"]) == ("smtp", "qa@acme.example")
    assert api.get(OUTBOX)["data"] == [], "what was issued before is not sent by this"
    assert [c["verb"] for c in api.get("/v1/audit", noun="mail_policy")["data"]] == ["change", "change"]


POLICIES: list[tuple[str, Any, str]] = [
    ("nothing", {}, "sends"),
    ("a text for yes", {"sends": "yes"}, "sends"),
    ("a mailbox that is none", {"sends": True, "test_mailbox": "qa at acme"}, "test_mailbox"),
    ("two mailboxes", {"sends": True, "test_mailbox": "a@acme.example, b@acme.example"}, "test_mailbox"),
    ("an unknown field", {"sends": True, "to": "x"}, "to"),
]


@pytest.mark.parametrize(("what", "body", "field"), POLICIES, ids=[p[0] for p in POLICIES])
def test_a_policy_that_cannot_be_meant_changes_nothing(
    stocked: tuple[Api, Shop], what: str, body: Any, field: str
) -> None:
    api, _shop = stocked
    before = api.get("/v1/mail/policy")
    bad(api("PUT", "/v1/mail/policy", body), 422, field)
    assert api.get("/v1/mail/policy") == before


def test_a_live_tenant_has_no_test_mailbox(new_api: Callable[..., Api]) -> None:
    live = new_api(mode="live")
    bad(live("PUT", "/v1/mail/policy", {"sends": True, "test_mailbox": "qa@acme.example"}), 422, "test_mailbox")
    assert good(live("PUT", "/v1/mail/policy", {"sends": True}))["goes"] == "smtp"


def test_only_administrators_switch_mail_and_only_finance_sends(house: House, mailing: tuple[Api, Shop]) -> None:
    api, shop = mailing
    document = issued(api, shop.customer)
    for role, status in (("viewer", 403), ("ingest", 403), ("finance", 201)):
        caller = Api(api.client, key_of(house, api.tenant, role))  # type: ignore[arg-type]
        assert caller("POST", f"/v1/documents/{document}/send", {}).status_code == status
        bad(caller("PUT", "/v1/mail/policy", {"sends": False}), 403, code="role.missing")
    assert Api(api.client, key_of(house, api.tenant, "viewer")).get(OUTBOX)["data"]


def test_the_outbox_tells_what_waits_and_what_went_out(house: House, mailing: tuple[Api, Shop]) -> None:
    api, shop = mailing
    document = issued(api, shop.customer)
    [waiting] = api.get(OUTBOX)["data"]
    assert (waiting["state"], waiting["document_ref"], waiting["sendings"]) == ("waiting", document, [])
    assert send(house, api) == 1
    [sent] = api.get(OUTBOX, document_ref=document)["data"]
    assert sent["state"] == "sent" and sent["sent_at"] and sent["mail_ref"] == waiting["mail_ref"]
    [sending] = sent["sendings"]
    assert (sending["via"], sending["accepted"], sending["attempt"]) == ("outbox", ["accounts@globex.example"], 1)
    assert sent["document_number"] in sending["subject"]
    assert good(api("GET", f"{OUTBOX}/{sent['mail_ref']}")) == sent
    source = api("GET", f"{OUTBOX}/{sent['mail_ref']}/source")
    assert source.headers["content-type"] == "message/rfc822" and b"application/pdf" in source.content
    assert api.get(OUTBOX, document_ref=NOBODY)["data"] == [] and api.get(OUTBOX, state="waiting")["data"] == []
    assert api.get(f"/v1/documents/{document}")["state"] == "SENT"


def test_a_document_goes_again_and_to_others_once_under_a_key(house: House, mailing: tuple[Api, Shop]) -> None:
    api, shop = mailing
    document = issued(api, shop.customer)
    send(house, api)
    key = {"Idempotency-Key": "again"}
    others = {"to": ["tax@adviser.example", "Ada@ADVISER.example"]}
    promised = good(api("POST", f"/v1/documents/{document}/send", others, headers=key))
    assert promised["to"] == ["tax@adviser.example", "Ada@adviser.example"] and promised["state"] == "waiting"
    assert good(api("POST", f"/v1/documents/{document}/send", others, headers=key)) == promised
    assert send(house, api) == 1 and send(house, api) == 0
    mails = api.get(OUTBOX, document_ref=document)["data"]
    assert [m["sendings"][0]["accepted"] for m in mails] == [promised["to"], ["accounts@globex.example"]]
    assert len(api.get(OUTBOX, limit=1)["data"]) == 1
    pages = [api.get(OUTBOX, limit=1), None]
    pages[1] = api.get(OUTBOX, limit=1, after=pages[0]["next"])
    assert [p["data"][0]["mail_ref"] for p in pages if p] == [m["mail_ref"] for m in mails]


RECIPIENTS: list[tuple[str, Any, str]] = [
    ("no address", ["nobody"], "to[0]"),
    ("two in one", ["a@x.example", "b@x.example, c@x.example"], "to[1]"),
    ("a line break", ["a@x.example\nBcc: b@x.example"], "to[0]"),
    ("an empty text", [""], "to[0]"),
    ("more than fifty", [f"a{i}@x.example" for i in range(51)], "to"),
    ("a text for a list", "a@x.example", "to"),
]


@pytest.mark.parametrize(("what", "to", "field"), RECIPIENTS, ids=[r[0] for r in RECIPIENTS])
def test_what_is_no_address_is_named_and_nothing_is_promised(
    mailing: tuple[Api, Shop], what: str, to: Any, field: str
) -> None:
    api, shop = mailing
    document = issued(api, shop.customer)
    bad(api("POST", f"/v1/documents/{document}/send", {"to": to}), 422, field)
    assert len(api.get(OUTBOX)["data"]) == 1


def test_what_is_not_there_is_not_sent(mailing: tuple[Api, Shop]) -> None:
    api, shop = mailing
    bad(api("POST", f"/v1/documents/{NOBODY}/send", {}), 404, code="document.not_found")
    for path in (f"{OUTBOX}/{NOBODY}", f"{OUTBOX}/x", f"{OUTBOX}/{NOBODY}/source"):
        bad(api("GET", path), 404, code="mail.not_found")
    good(api("PATCH", f"/v1/customers/{shop.customer}", {"email": ""}))
    document = issued(api, shop.customer)
    bad(api("POST", f"/v1/documents/{document}/send", {}), 422, "to")
    assert api.get(OUTBOX)["data"] == []


def test_a_refused_mail_is_parked_with_the_servers_words_and_tried_again_by_hand(
    house: House, mailing: tuple[Api, Shop]
) -> None:
    api, shop = mailing
    good(api("PUT", "/v1/mail/policy", {"sends": True, "test_mailbox": "qa@acme.example"}))
    good(api("PATCH", f"/v1/entities/{shop.entity}", {"email": "billing@acme.example"}))
    good(api("PATCH", f"/v1/customers/{shop.customer}", {"email": "not an address"}))
    document = issued(api, shop.customer)
    post = FakePost()
    assert send(house, api, post) == 0
    [mail] = api.get(OUTBOX, state="parked")["data"]
    assert mail["document_ref"] == document and "not an address" in mail["reason"] and mail["attempts"] == 1
    bad(api("GET", f"{OUTBOX}/{mail['mail_ref']}/source"), 409, code="mail.no_address")
    good(api("PATCH", f"/v1/customers/{shop.customer}", {"email": "accounts@globex.example"}))
    assert send(house, api, post) == 0, "parked work waits for somebody"
    good(api("POST", "/v1/parked/retry", {"work": "send_document", "ref": document}))
    [mail] = api.get(OUTBOX)["data"]
    assert mail["state"] == "retrying"
    assert send(house, api, post) == 1 and len(post.taken) == 1
    [mail] = api.get(OUTBOX)["data"]
    assert (mail["state"], mail["sendings"][0]["via"], mail["reason"]) == ("sent", "smtp", "")


def test_nobody_sees_anothers_mail(house: House, mailing: tuple[Api, Shop], new_api: Callable[..., Api]) -> None:
    api, shop = mailing
    document = issued(api, shop.customer)
    [mail] = api.get(OUTBOX)["data"]
    other = new_api()
    good(other("PUT", "/v1/mail/policy", {"sends": True}))
    assert other.get(OUTBOX)["data"] == []
    bad(other("GET", f"{OUTBOX}/{mail['mail_ref']}"), 404)
    bad(other("POST", f"/v1/documents/{document}/send", {"to": ["me@other.example"]}), 404)
