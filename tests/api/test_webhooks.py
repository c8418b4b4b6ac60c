"""Webhooks of every dialect over the whole application: what a published library or client makes of what arrives."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import paid
import pytest
from litestar.testing import TestClient
from pacspace_sdk import PacSpace
from pacspace_sdk.webhooks.verify import Webhooks as PacSpaceWebhooks
from standardwebhooks.webhooks import Webhook as StandardWebhook
from standardwebhooks.webhooks import WebhookVerificationError

from counterfoil.app import House
from counterfoil.jobs.webhooks import Calling
from counterfoil.server import asgi
from tests.adapters.receivers import Got, Receiver, receiving
from tests.api.native import Api, Shop, bad, good, invoice, key_of, open_shop
from tests.api.pacspace.conftest import sdk_over

NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Site:
    """An application whose webhooks may call this machine, a tenant, and the worker's job."""

    house: House
    api: Api
    receiver: Receiver

    def work(self, later: timedelta = timedelta(0)) -> int:
        """Deliver what is due, `later` than now by the clock outside."""
        job = Calling(
            self.house.tx, self.house.webhook_calls, self.house.webhook_safe, lambda: self.house.clock() + later,
            links=self.house.receipt_links, patience_seconds=20,
        )
        return job(self.api.tenant, lambda: False)

    def last(self) -> Got:
        return self.receiver.got[-1]


@pytest.fixture(scope="module")
def own_house(house: House) -> House:
    return replace(house, settings=replace(house.settings, webhook_allow="127.0.0.1"))


@pytest.fixture(scope="module")
def own_client(own_house: House) -> Iterator[Any]:
    with TestClient(asgi(own_house), raise_server_exceptions=False) as running:  # type: ignore[arg-type]
        yield running


@pytest.fixture
def site(own_house: House, own_client: Any, open_tenants: Any) -> Iterator[Site]:
    opened = open_tenants("Acme", ("test",))[0]
    api = Api(own_client, key_of(own_house, opened.tenant, "admin"), opened.tenant, opened.ref)
    with receiving() as receiver:
        yield Site(own_house, api, receiver)


def subscribed(site: Site, **fields: Any) -> Any:
    return site.api.post("/v1/webhooks", {"url": site.receiver.url, **fields})


# Ours


def test_an_invoice_is_told_and_the_published_library_believes_it(site: Site) -> None:
    made = subscribed(site, events=["invoice.issued", "invoice.paid"])
    shop: Shop = open_shop(site.api)
    document = site.api.post("/v1/invoices", invoice(shop.customer, "10.00"))
    assert site.work() == 1
    told = StandardWebhook(made["secret"]).verify(site.last().body, site.last().headers)
    assert told["type"] == "invoice.issued" and told["data"]["document_ref"] == document["document_ref"]
    assert (told["data"]["total"], told["data"]["currency"], told["data"]["kind"]) == ("11.90", "EUR", "INVOICE")
    site.api.post(f"/v1/documents/{document['document_ref']}/mark-paid", {})
    assert site.work() == 1
    told = StandardWebhook(made["secret"]).verify(site.last().body, site.last().headers)
    assert told["type"] == "invoice.paid" and told["data"]["amount_minor"] == 1190 and told["data"]["paid_at"]
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(made["secret"]).verify(site.last().body + b" ", site.last().headers)
    [delivery, _first] = site.api.get("/v1/webhook-deliveries")["data"]
    assert delivery["state"] == "delivered" and delivery["attempts"][0]["status"] == 200
    assert delivery["event_id"] == site.last().headers["webhook-id"]
    event = site.api.get(f"/v1/webhook-events/{delivery['event_ref']}")
    assert event["data"] == told["data"] and event["deliveries"] == [delivery]


def test_a_secret_is_told_once_and_the_one_before_signs_for_a_day(site: Site) -> None:
    key = {"Idempotency-Key": "hook"}
    body = {"url": site.receiver.url}
    first = good(site.api("POST", "/v1/webhooks", body, headers=key))
    again = good(site.api("POST", "/v1/webhooks", body, headers=key))
    assert first["secret"].startswith("whsec_") and again == {**first, "secret": None}
    ref = first["webhook_ref"]
    shown = site.api.get(f"/v1/webhooks/{ref}")
    assert "secret" not in shown and first["secret"] not in str(site.api.get("/v1/audit"))
    rotated = site.api.post(f"/v1/webhooks/{ref}/rotate-secret")
    assert site.api.post(f"/v1/webhooks/{ref}/test")["succeeded"]
    for secret in (first["secret"], rotated["secret"]):
        assert StandardWebhook(secret).verify(site.last().body, site.last().headers)["type"] == "webhook.test"
    assert len(site.last().headers["webhook-signature"].split(" ")) == 2
    until = datetime.fromisoformat(rotated["old_secret_until"])
    assert timedelta(hours=23) < until - site.house.clock() < timedelta(hours=25)
    open_shop(site.api)
    site.api.post("/v1/invoices", invoice(site.api.post("/v1/customers", {"name": "G", "currency": "EUR"})["customer_ref"]))
    assert site.work(timedelta(hours=25)) >= 1
    assert len(site.last().headers["webhook-signature"].split(" ")) == 1, "a day later the old one is worth nothing"


WRONG: list[tuple[str, Any, str]] = [
    ("no address", {}, "url"),
    ("an address inside", {"url": "https://10.0.0.1/x"}, "url"),
    ("an unencrypted one", {"url": "http://hooks.example/x"}, "url"),
    ("an event that there is not", {"url": "https://93.184.215.14/x", "events": ["invoice.issued", "x"]}, "events[1]"),
    ("no event", {"url": "https://93.184.215.14/x", "events": []}, "events"),
    ("a field that there is not", {"url": "https://93.184.215.14/x", "secret": "mine"}, "secret"),
    ("a description without end", {"url": "https://93.184.215.14/x", "description": "x" * 2001}, "description"),
]


@pytest.mark.parametrize(("what", "body", "field"), WRONG, ids=[w[0] for w in WRONG])
def test_what_is_wrong_with_a_subscription_is_named(site: Site, what: str, body: Any, field: str) -> None:
    bad(site.api("POST", "/v1/webhooks", body), 422, field)
    assert site.api.get("/v1/webhooks")["data"] == []


def test_a_webhook_is_changed_switched_off_and_deleted(site: Site) -> None:
    ref = subscribed(site, events=["invoice.paid"])["webhook_ref"]
    path = f"/v1/webhooks/{ref}"
    bad(site.api("PATCH", path, {"url": "https://127.0.0.2/x"}), 422, "url")
    changed = good(site.api("PATCH", path, {"events": None, "description": "all of it"}))
    assert changed["events"] is None and changed["description"] == "all of it" and changed["url"] == site.receiver.url
    assert good(site.api("PATCH", path, {"enabled": False}))["enabled"] is False
    bad(site.api("POST", f"{path}/test"), 409, code="webhook.off")
    good(site.api("DELETE", path))
    for method, where in (("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/test"),
                          ("POST", f"{path}/rotate-secret")):
        bad(site.api(method, where, {} if method == "PATCH" else None), 404, code="webhook.not_found")


def test_a_parked_delivery_is_sent_again_by_hand(site: Site) -> None:
    site.receiver.status = 410
    made = subscribed(site)
    customer = open_shop(site.api).customer
    site.api.post("/v1/invoices", invoice(customer))
    site.work()
    [parked] = site.api.get("/v1/webhook-deliveries", state="parked", type="invoice.issued")["data"]
    assert parked["attempts"][0]["status"] == 410 and "switched off" in parked["reason"]
    assert not site.api.get(f"/v1/webhooks/{made['webhook_ref']}")["enabled"]
    good(site.api("PATCH", f"/v1/webhooks/{made['webhook_ref']}", {"enabled": True}))
    site.receiver.status = 200
    again = site.api.post(f"/v1/webhook-deliveries/{parked['delivery_ref']}/retry")
    assert again["state"] == "retrying" and site.work() == 1
    assert site.api.get(f"/v1/webhook-deliveries/{parked['delivery_ref']}")["state"] == "delivered"
    for path in (f"/v1/webhook-deliveries/{NOBODY}", f"/v1/webhook-events/{NOBODY}", "/v1/webhook-deliveries/x"):
        bad(site.api("GET", path), 404)
    assert site.api.get("/v1/webhook-deliveries", event_ref=parked["event_ref"])["data"][0]["state"] == "delivered"
    assert site.api.get("/v1/webhook-deliveries", webhook_ref=NOBODY)["data"] == []


def test_nobody_sees_or_sends_what_is_anothers(site: Site, own_house: House, open_tenants: Any) -> None:
    made = subscribed(site)
    site.api.post("/v1/invoices", invoice(open_shop(site.api).customer))
    site.work()
    [delivery] = site.api.get("/v1/webhook-deliveries", type="invoice.issued")["data"]
    other = Api(site.api.client, key_of(own_house, open_tenants("Bolt")[0].tenant, "admin"))
    assert other.get("/v1/webhooks")["data"] == other.get("/v1/webhook-deliveries")["data"] == []
    for method, path in (
        ("GET", f"/v1/webhooks/{made['webhook_ref']}"), ("DELETE", f"/v1/webhooks/{made['webhook_ref']}"),
        ("POST", f"/v1/webhooks/{made['webhook_ref']}/test"), ("GET", f"/v1/webhook-events/{delivery['event_ref']}"),
        ("GET", f"/v1/webhook-deliveries/{delivery['delivery_ref']}"),
        ("POST", f"/v1/webhook-deliveries/{delivery['delivery_ref']}/retry"),
    ):
        bad(other(method, path), 404)
    assert len(site.receiver.got) == len(site.api.get("/v1/webhook-deliveries")["data"])


@pytest.mark.parametrize(("role", "read", "write", "retry"), [
    ("viewer", 200, 403, 403), ("finance", 200, 403, 200), ("ingest", 403, 403, 403), ("admin", 200, 201, 200)])
def test_a_key_does_what_its_role_may(site: Site, role: Any, read: int, write: int, retry: int) -> None:
    ref = subscribed(site)["webhook_ref"]
    caller = Api(site.api.client, key_of(site.house, site.api.tenant, role))
    assert caller("GET", "/v1/webhooks").status_code == read
    assert caller("POST", "/v1/webhooks", {"url": site.receiver.url}).status_code == write
    assert caller("POST", f"/v1/webhooks/{ref}/test").status_code == retry


def test_pages_of_deliveries_leave_nothing_out(site: Site) -> None:
    ref = subscribed(site)["webhook_ref"]
    for _ in range(5):
        site.api.post(f"/v1/webhooks/{ref}/test")
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = site.api.get("/v1/webhook-deliveries", limit=2, **after)
        found += [d["delivery_ref"] for d in page["data"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(found) == 5 == len(set(found))


# PacSpace


@pytest.fixture
def pacspace(site: Site) -> PacSpace:
    return sdk_over(site.api.client, site.api.token)


def test_a_receipt_is_told_in_pacspaces_words_and_its_client_believes_it(site: Site, pacspace: PacSpace) -> None:
    made = good(site.api("POST", "/dashboard/webhooks", {"url": site.receiver.url}))
    assert made["success"] and made["message"] and set(made["data"]) >= {"id", "url", "secret", "enabled", "createdAt"}
    believed = PacSpaceWebhooks(made["data"]["secret"])
    delta = pacspace.balance.emit("northwind.eu", -12.75, "gpu_minutes", {"referenceId": "run-7"})
    site.work()
    told = {t["event"]: t for g in site.receiver.got for t in [believed.verify_from_headers(g.headers, g.body.decode())]}
    assert set(told) == {"customer.created", "delta.verified"}
    said = told["delta.verified"]
    assert set(said) == {"id", "event", "tenantId", "createdAt", "timestamp", "data"}
    data = said["data"]
    assert data["recordId"] == delta["recordId"] and data["receiptId"] == delta["receiptId"] == data["verificationReference"]
    assert (data["customerId"], data["delta"], data["sequenceNumber"], data["referenceId"]) == (
        "northwind.eu", -12.75, "1", "run-7")
    assert data["blockTimestamp"]
    got = next(g for g in site.receiver.got if g.json["event"] == "delta.verified")
    assert got.headers["x-webhook-event"] == "delta.verified" and got.headers["x-event-id"] == said["id"]


def test_a_sealed_window_is_told_with_its_page_and_its_receipt_once(site: Site, pacspace: PacSpace) -> None:
    good(site.api("POST", "/dashboard/webhooks", {"url": site.receiver.url, "events": ["checkpoint.verified"]}))
    pacspace.balance.emit("northwind.eu", -12.75, "gpu_minutes")
    sealed = pacspace.balance.checkpoint("northwind.eu")
    site.work()
    site.work()
    told = {g.json["event"]: g.json["data"] for g in site.receiver.got}
    assert set(told) == {"checkpoint.verified", "receipt.generated"} and len(site.receiver.got) == 2
    said = told["receipt.generated"]
    assert (said["receiptId"], said["proofRoot"]) == (sealed["receiptId"], sealed["proofRoot"])
    assert said["customerId"] == "northwind.eu" and said["endingBalance"] == -12.75 and "backfill" not in said
    assert said["links"]["page"].endswith(f"/receipt/{sealed['receiptId']}")


def test_rotation_sends_two_signatures_the_current_first(site: Site) -> None:
    made = good(site.api("POST", "/dashboard/webhooks", {"url": site.receiver.url}))["data"]
    path = f"/dashboard/webhooks/{made['id']}"
    assert good(site.api("POST", f"{path}/test"))["data"] | {"milliseconds": 0} == {
        "delivered": True, "responseCode": 200, "error": None, "milliseconds": 0}
    assert "," not in site.last().headers["x-pacspace-signature"], "older clients cannot read two"
    new = good(site.api("POST", f"{path}/rotate-secret"))["data"]["secret"]
    good(site.api("POST", f"{path}/test"))
    headers, body = site.last().headers, site.last().body
    for secret in (made["secret"], new):
        assert PacSpaceWebhooks(secret).verify_from_headers(headers, body.decode())["event"] == "webhook.test"
    digest = hmac.digest(new.encode(), f"{headers['x-pacspace-timestamp']}.".encode() + body, hashlib.sha256).hex()
    assert headers["x-pacspace-signature"].split(",")[0] == f"v1={digest}"


def test_pacspace_clients_list_deliveries_and_send_again(site: Site, pacspace: PacSpace) -> None:
    site.receiver.status = 400
    made = good(site.api("POST", "/dashboard/webhooks", {"url": site.receiver.url, "events": ["delta.verified"]}))["data"]
    assert made["events"] == ["delta.verified", "receipt.generated"]
    subscribed(site)
    pacspace.balance.emit("northwind.eu", 5, "credit")
    site.work()
    page = pacspace.balance.list_webhook_deliveries({"limit": 10})
    [delivery] = page["deliveries"]
    assert (delivery["deliveryState"], delivery["responseCode"], delivery["event"]) == ("retrying", 400, "delta.verified")
    site.receiver.status = 200
    retried = pacspace.balance.retry_webhook(delivery["eventId"])
    assert retried["retried"] == 1 and site.work() >= 1
    assert pacspace.balance.list_webhook_deliveries({"status": "delivered"})["deliveries"][0]["id"] == delivery["id"]
    assert pacspace.balance.list_webhook_deliveries({"offset": 1})["deliveries"] == []
    answer = site.api("POST", "/api/v1/balance/webhooks/evt_0/retry", {})
    assert answer.status_code == 404 and answer.json()["success"] is False
    assert site.api("GET", "/api/v1/balance/webhooks?status=eaten").status_code == 400


def test_a_dashboards_cookie_alone_changes_nothing(site: Site, own_house: House) -> None:
    from counterfoil.adapters.passwords import Argon2
    from counterfoil.flows.add_person import add_person

    email = f"ada-{site.api.tenant}@acme.example"
    with own_house.tx(site.api.tenant, "test") as tx:
        add_person(tx, Argon2().hash, email=email, name="Ada", password="long enough", role="admin")
    cookie = {"Cookie": f"counterfoil_session={own_house.sessions.log_in_person(email, 'long enough').token}"}

    def asked(method: str, path: str, **headers: str) -> Any:
        return site.api.client.request(method, path, json={"url": site.receiver.url}, headers={**cookie, **headers})

    path = "/dashboard/webhooks"
    refused = asked("POST", path)
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "CSRF_MISSING"
    foreign = {"Origin": "https://evil.example", "X-Pacspace-CSRF": "1"}
    assert asked("POST", path, **foreign).status_code == 403
    made = asked("POST", path, **{"X-Pacspace-CSRF": "1"})
    assert made.status_code == 201
    one = f"{path}/{made.json()['data']['id']}"
    assert asked("DELETE", one).status_code == 403 and asked("GET", one).status_code == 200
    assert asked("PATCH", one, **{"X-Pacspace-CSRF": "1"}).status_code == 200
    assert asked("DELETE", one, **{"X-Pacspace-CSRF": "1"}).json()["data"] == {
        "id": made.json()["data"]["id"], "deleted": True}
    assert asked("GET", one).status_code == 404


# Paid


def believes_paid(secret: str, got: Got) -> bool:
    fields = dict(part.split("=", 1) for part in got.headers["x-webhook-signature"].split(","))
    said = hmac.digest(secret.encode(), f"{fields['t']}.".encode() + got.body, hashlib.sha256)
    return hmac.compare_digest(base64.b64decode(fields["s"], validate=True), said)


def test_paids_client_sets_up_its_webhooks_with_one_secret(site: Site) -> None:
    client = paid.Paid(token=site.api.token, base_url="http://testserver.local/api/v2", httpx_client=site.api.client)
    listed = client.webhooks.list_webhooks()
    assert len(listed.data) == 11 and not listed.signing_secret_configured and not any(w.enabled for w in listed.data)
    made = client.webhooks.update_webhook("billing-invoice-posted", url=site.receiver.url, enabled=True)
    second = client.webhooks.update_webhook("billing-payment-succeeded", url=site.receiver.url, enabled=True)
    secret = made.signing_secret
    assert secret and second.signing_secret is None and made.id == next(
        w.id for w in listed.data if w.name == "billing-invoice-posted")
    document = site.api.post("/v1/invoices", invoice(open_shop(site.api).customer))["document_ref"]
    site.api.post(f"/v1/documents/{document}/mark-paid", {})
    assert site.work() == 2
    told = {g.json["event"]: g for g in site.receiver.got}
    assert set(told) == {"billing-invoice-posted", "billing-payment-succeeded"}
    assert all(believes_paid(secret, g) for g in told.values())
    posted = told["billing-invoice-posted"].json
    assert set(posted) == {"event", "timestamp", "isTest", "data"} and posted["isTest"] is False
    assert posted["data"]["invoice"]["id"].endswith(document.replace("-", ""))
    payment = told["billing-payment-succeeded"].json["data"]["payment"]
    assert payment["amount"] == 1190 and payment["currency"] == "EUR"
    assert client.webhooks.test_webhook("billing-invoice-posted").success and site.last().json["isTest"] is True
    rotated = client.webhooks.rotate_webhook_secret().signing_secret
    site.receiver.status = 500
    assert not client.webhooks.test_webhook("billing-payment-succeeded").success
    assert believes_paid(rotated, site.last()) and not believes_paid(secret, site.last())
    after = client.webhooks.list_webhooks()
    status = {w.name: w.last_status for w in after.data}
    assert after.signing_secret_configured and status["billing-payment-succeeded"] == "failed"
    assert status["billing-invoice-posted"] == "success" and status["billing-invoice-paid"] is None


def test_paids_webhooks_refuse_what_is_wrong(site: Site) -> None:
    client = paid.Paid(token=site.api.token, base_url="http://testserver.local/api/v2", httpx_client=site.api.client)
    with pytest.raises(paid.NotFoundError):
        client.webhooks.update_webhook("billing-everything", url=site.receiver.url)
    with pytest.raises(paid.NotFoundError):
        client.webhooks.test_webhook("billing-invoice-paid")
    for fields in ({"enabled": True}, {"url": "http://127.0.0.2/x"}, {"url": "https://169.254.169.254/"}):
        with pytest.raises(paid.BadRequestError, match="url"):
            client.webhooks.update_webhook("billing-invoice-paid", **fields)  # type: ignore[arg-type]


# gigstack


def test_a_payment_receipt_is_told_in_gigstacks_envelope(site: Site) -> None:
    body = {"url": site.receiver.url, "events": ["receipt.created", "receipt.deleted"], "description": "ledger"}
    made = site.api.post("/v2/webhooks", body)["data"]
    assert made["status"] == "active" and made["livemode"] is False and made["secret"].startswith("whsec_")
    client = site.api.post("/v2/clients", {"name": "Cliente", "email": "c@example.com", "rfc": "XAXX010101000"})["data"]["id"]
    receipt = site.api.post("/v2/receipts", {"clientId": client, "amount": 500.0, "currency": "MXN"})["data"]
    assert site.work() == 1
    told = StandardWebhook(made["secret"]).verify(site.last().body, site.last().headers)
    assert set(told) == {"id", "type", "created", "livemode", "data"} and told["type"] == "receipt.created"
    assert told["data"]["object"]["id"] == receipt["id"]
    good(site.api("DELETE", f"/v2/receipts/{receipt['id']}"))
    assert site.work() == 1 and site.last().json["type"] == "receipt.deleted"
    path = f"/v2/webhooks/{made['id']}"
    assert good(site.api("PUT", path, {"status": "inactive"}))["data"]["status"] == "inactive"
    assert good(site.api("GET", path))["data"] | {"status": ""} == {
        k: v for k, v in made.items() if k != "secret"} | {"status": ""}
    wrong = site.api("PUT", path, {"events": ["receipt.eaten"]})
    assert wrong.status_code == 400 and "events[0]" in wrong.json()["error"]["details"]
    assert site.api("POST", "/v2/webhooks", {"url": "https://10.0.0.1/", "events": ["receipt.created"]}).json()["error"][
        "details"].keys() == {"url"}
    assert [w["id"] for w in site.api.get("/v2/webhooks")["data"]] == [made["id"]]
    assert good(site.api("DELETE", path))["data"] == {"id": made["id"], "deleted": True}
    assert site.api("GET", path).status_code == 404


def test_a_webhook_of_one_dialect_is_not_found_by_another(site: Site, new_api: Callable[..., Api]) -> None:
    ref = subscribed(site)["webhook_ref"].replace("-", "")
    assert site.api("GET", f"/v2/webhooks/webhook_{ref}").status_code == 404
    assert site.api("GET", f"/dashboard/webhooks/wh_{ref}").status_code == 404
    assert good(site.api("GET", "/dashboard/webhooks"))["data"] == []
