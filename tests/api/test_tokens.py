"""Chains, wallets and transfers over the API: what is set up, what is shown, and what never is."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.adapters.chain.fake import FakeChain
from counterfoil.app import House
from counterfoil.jobs.chain import WatchingChains
from tests.api.native import Api, Shop, bad, invoice, key_of

XPUB = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
EURC = "0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c"
NODE = "https://node.example/v3/secret-key"


@pytest.fixture
def paid(fresh: tuple[Api, Shop], house: House) -> tuple[Api, Shop, FakeChain, Any]:
    """A tenant that watches a chain in memory, on which EURC is worth euros."""
    api, shop = fresh
    chain = FakeChain(id=1, tokens={EURC.lower(): 6, USDC.lower(): 6})
    chain.mine(30)
    assert api("PUT", "/v1/chains/1", {"name": "Ethereum", "endpoint": NODE}).status_code == 200
    assert api("PUT", f"/v1/chains/1/tokens/{EURC}", {"symbol": "EURC", "currency": "EUR"}).status_code == 200
    assert api("PUT", f"/v1/entities/{shop.entity}/token-wallet", {"xpub": XPUB}).status_code == 200
    job = WatchingChains(house.tx, lambda _tx, _row: chain)
    job(api.tenant, lambda: False)
    return api, shop, chain, job


def test_an_invoice_is_paid_by_a_transfer_from_its_address_to_its_receipt(paid: Any) -> None:
    api, shop, chain, job = paid
    document = api.post("/v1/invoices", invoice(shop.customer))
    ref = document["document_ref"]
    [way] = api.get(f"/v1/documents/{ref}/token-addresses")["ways"]
    assert way == {
        "chain_id": 1, "chain": "Ethereum", "token": "EURC", "token_address": EURC, "is_own": True, "amount": "11.9",
        "address": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    }  # fmt: skip
    chain.transfer(EURC.lower(), way["address"].lower(), 11_900_000)
    job(api.tenant, lambda: False)
    [young] = api.get("/v1/token-transfers", document_ref=ref)["data"]
    assert (young["state"], young["amount"], young["worth"], young["currency"]) == ("pending", "11.9", "11.90", "EUR")
    chain.mine(12)
    job(api.tenant, lambda: False)
    [final] = api.get("/v1/token-transfers", state="settled")["data"]
    assert (final["document_number"], final["payment_ref"]) == (document["number"], young["payment_ref"])
    payment = api.get(f"/v1/payments/{final['payment_ref']}")
    assert payment["state"] == "posted" and payment["provider_ref"] == f"{final['tx_hash']}:0"
    assert api.get(f"/v1/documents/{ref}")["state"] == "PAID"


def test_the_address_of_a_node_is_never_shown_again(paid: Any) -> None:
    api, *_ = paid
    [chain] = api.get("/v1/chains")["data"]
    assert (chain["chain_id"], chain["name"], chain["confirmations"], chain["last_error"]) == (1, "Ethereum", 12, None)
    assert "secret-key" not in str(chain)
    assert "secret-key" not in str(api.get("/v1/audit"))
    assert api("PUT", "/v1/chains/1", {"name": "Mainnet"}).json()["name"] == "Mainnet", "the address stays"


def test_transfers_come_in_pages_and_a_stranger_token_is_shown_as_one(paid: Any) -> None:
    api, shop, chain, job = paid
    ref = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    address = api.get(f"/v1/documents/{ref}/token-addresses")["ways"][0]["address"].lower()
    for n in range(5):
        chain.transfer("0x" + "fa" * 20, address, n)
    job(api.tenant, lambda: False)
    seen, after = [], None
    while True:
        page = api.get("/v1/token-transfers", limit=2, **({"after": after} if after else {}))
        seen += page["data"]
        after = page["next"]
        if after is None:
            break
    assert len({x["tx_hash"] for x in seen}) == len(seen) == 5
    assert {(x["state"], x["reason"], x["symbol"], x["amount"]) for x in seen} == {("ignored", "unknown_token", None, None)}
    assert all(x["explanation"] for x in seen)
    bad(api("GET", "/v1/token-transfers", params={"after": "bm9uZQ"}), 422, "after")
    bad(api("POST", "/v1/token-transfers/settle", {"chain_id": 1, "tx_hash": seen[0]["tx_hash"], "log_index": 0}), 409)


def test_a_transfer_that_waits_is_settled_and_retried_by_name(paid: Any) -> None:
    api, shop, chain, job = paid
    shared = "0x" + "ab" * 20
    assert api("PUT", f"/v1/entities/{shop.entity}/token-wallet", {"address": shared}).json()["xpub"] is None
    ref = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    [way] = api.get(f"/v1/documents/{ref}/token-addresses")["ways"]
    assert not way["is_own"]
    chain.transfer(EURC.lower(), shared, 11_900_000)
    chain.mine(12)
    job(api.tenant, lambda: False)
    [waiting] = api.get("/v1/token-transfers", state="waiting")["data"]
    name = {k: waiting[k] for k in ("chain_id", "tx_hash", "log_index")}
    [parked] = [p for p in api.get("/v1/parked")["data"] if p["work"] == "token_transfer"]
    assert parked["ref"] == f"1:{waiting['tx_hash']}:0"
    assert api.post("/v1/token-transfers/retry", name)["state"] == "waiting"
    bad(api("POST", "/v1/token-transfers/settle", name), 422, "document_ref")
    assert api.post("/v1/token-transfers/settle", {**name, "document_ref": ref})["state"] == "settled"
    bad(api("POST", "/v1/token-transfers/settle", {**name, "document_ref": ref}), 409)
    assert api.get(f"/v1/documents/{ref}")["state"] == "PAID"


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/chains/1", {"name": "Ethereum"}, 422, "endpoint"),
        ("/v1/chains/1", {"name": "Ethereum", "endpoint": "https://10.0.0.1/"}, 422, "endpoint"),
        ("/v1/chains/1", {"name": "Ethereum", "endpoint": "ftp://node.example"}, 422, "endpoint"),
        ("/v1/chains/1", {"name": "Ethereum", "endpoint": NODE, "confirmations": 0}, 422, "confirmations"),
        ("/v1/chains/0", {"name": "Nothing", "endpoint": NODE}, 404, None),
        ("/v1/chains/99999999999999999999", {"name": "Nothing", "endpoint": NODE}, 404, None),
        (f"/v1/chains/5/tokens/{USDC}", {"symbol": "USDC"}, 404, None),
    ],
)
def test_what_cannot_be_watched_is_refused_by_name(api: Api, path: str, body: Any, status: int, field: str | None) -> None:
    bad(api("PUT", path, body), status, field)


def test_keys_that_spend_and_mistyped_addresses_are_refused(paid: Any) -> None:
    api, shop, *_ = paid
    wallet = f"/v1/entities/{shop.entity}/token-wallet"
    bad(api("PUT", wallet, {"xpub": "xprv" + XPUB[4:]}), 422, "xpub")
    bad(api("PUT", wallet, {"address": USDC[:-1] + "9"}), 422, "address")
    bad(api("PUT", wallet, {"address": USDC, "xpub": XPUB}), 422, "address")
    bad(api("PUT", f"/v1/chains/1/tokens/{USDC[:-1]}9", {"symbol": "USDC"}), 422, "address")
    assert api.get(wallet)["xpub"] == XPUB
    assert api("DELETE", f"/v1/chains/1/tokens/{EURC}").json() == {"address": EURC, "deleted": True}
    bad(api("DELETE", f"/v1/chains/1/tokens/{EURC}"), 404)


def test_only_admins_say_where_money_goes(paid: Any, house: House) -> None:
    api, shop, *_ = paid
    clerk = Api(api.client, key_of(house, api.tenant, "finance"))
    bad(clerk("PUT", f"/v1/entities/{shop.entity}/token-wallet", {"address": USDC}), 403)
    bad(clerk("PUT", "/v1/chains/1", {"name": "Mine", "endpoint": NODE}), 403)
    bad(clerk("PUT", f"/v1/chains/1/tokens/{USDC}", {"symbol": "USDC"}), 403)


def test_the_page_and_the_pdf_of_an_invoice_print_where_to_pay(paid: Any, house: House) -> None:
    from io import BytesIO

    from pypdf import PdfReader

    api, shop, *_ = paid
    document = api.post("/v1/invoices", invoice(shop.customer))
    with house.tx(api.tenant) as tx:
        url = house.hosted_url(tx.this_tenant().ref, document["document_ref"])
    page = api.client.get(url.removeprefix(house.settings.public_url)).text
    pdf = api("GET", f"/v1/documents/{document['document_ref']}/pdf").content
    text = "".join(p.extract_text() for p in PdfReader(BytesIO(pdf)).pages)
    for shown in (page, text.replace("\n", "")):
        assert "EURC" in shown
        assert "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 (Ethereum)" in shown
        assert "RF" in shown and "DE02" in shown
    [way] = api.get(f"/v1/documents/{document['document_ref']}/token-addresses")["ways"]
    assert way["address"] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
