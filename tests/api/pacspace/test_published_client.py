"""The published client, from the first delta to a receipt that proves itself."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from pacspace_sdk.errors import (
    InvalidApiKeyError,
    InvalidScopeCombinationError,
    NotFoundError,
    PacSpaceError,
    ScopeTooWideError,
)

from counterfoil.core.basis.ids import read_id
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.flows.prove import bundle_of
from tests.api.pacspace.conftest import Desk, sdk_over

APRIL = {"period": "2026-04"}


def test_a_delta_is_queued_numbered_and_verified(desk: Desk) -> None:
    made = desk.sdk.balance.emit("northwind.eu", -12.75, "gpu_minutes", {"referenceId": "r-1", "metadata": {"gpu": "a"}})
    assert made["status"] == "QUEUED" and made["sequenceNumber"] == "1" and made["delta"] == -12.75
    assert made["recordId"].startswith("rec_") and made["receiptId"].startswith("0x") and len(made["receiptId"]) == 66
    state = desk.sdk.balance.wait_for_verified(made["recordId"])
    assert state["status"] == "VERIFIED" and state["verifiedAt"] and state["metadata"] == {"gpu": "a"}
    assert state["referenceId"] == "r-1" and state["receiptId"] == made["receiptId"]
    waited = desk.sdk.balance.emit_and_wait("northwind.eu", 100, "top_up")
    assert waited["status"] == "VERIFIED" and waited["sequenceNumber"] == "2"


def test_from_deltas_to_a_receipt_that_proves_itself(desk: Desk) -> None:
    for n in range(5):
        desk.sdk.balance.emit("northwind.eu", -12.75, "gpu_minutes", {"referenceId": f"run-{n}"})
    desk.sdk.balance.emit("northwind.eu", 100.5, "top_up")
    derived = desk.sdk.balance.derive("northwind.eu", {**APRIL, "startingBalance": 10, "limit": 2, "offset": 1})
    assert derived["computedBalance"] == 46.75 and derived["deltaCount"] == derived["deltasCount"] == 6
    assert [d["sequenceNumber"] for d in derived["deltas"]] == ["2", "3"] and derived["pagination"]["total"] == 6
    assert desk.sdk.balance.derive_current_month("northwind.eu")["computedBalance"] == 36.75
    sealed = desk.sdk.balance.checkpoint("northwind.eu", APRIL)
    assert sealed["status"] == "VERIFIED" and sealed["checkpointId"].startswith("chk_")
    assert (sealed["startingBalance"], sealed["endingBalance"], sealed["deltaCount"]) == (0, 36.75, 6)
    again = desk.sdk.balance.checkpoint("northwind.eu", {"startDate": "2026-04-01", "endDate": "2026-05-01T00:00:00Z"})
    assert again == sealed
    proof = desk.sdk.balance.receipt("northwind.eu", APRIL)
    assert proof == desk.sdk.balance.invoice_proof("northwind.eu", APRIL)
    assert proof["proofRoot"] == sealed["proofRoot"] and proof["finalBalance"] == 36.75
    assert proof["verifyUrl"].endswith(f"/receipt/{sealed['checkpointId']}") and proof["accessHint"]
    assert proof["verificationApiUrl"].endswith(f"/api/v1/verify/{sealed['proofRoot']}")
    verified = desk.sdk.verify(sealed["proofRoot"])
    assert verified["verified"] and verified["records"] == []
    assert verified["summary"]["recordCount"] == 6 and verified["summary"]["netChange"] == 36.75
    assert desk.sdk.verify(sealed["proofRoot"], "chain")["verified"] is False, "the log has not taken it in"
    desk.house.integrate(desk.api.tenant)
    both = desk.sdk.verify(sealed["proofRoot"], "both")
    assert both["verified"] and both["database"]["verified"] and both["ledger"]["verified"]
    assert "not a blockchain" in both["message"] and "No independent witness" in both["message"]
    with desk.house.tx(desk.api.tenant) as tx:
        bundle = bundle_of(tx, read_id(sealed["checkpointId"]))
    verdict = verify_bundle(bundle)
    assert verdict.ok, verdict
    items = json.loads(bundle)["usage"][sealed["proofRoot"][2:]]
    assert [i["sequence"] for i in items] == [1, 2, 3, 4, 5, 6]
    assert sum(Decimal(i["amount"]) for i in items) == Decimal("36.75")


def test_receipt_documents_with_and_without_a_key(desk: Desk) -> None:
    desk.sdk.balance.emit("northwind.eu", 5, "<script>alert(1)</script>")
    sealed = desk.sdk.balance.checkpoint("northwind.eu", APRIL)
    id = sealed["checkpointId"]
    listed = desk.raw("GET", "/api/v1/balance/customers/northwind.eu/receipts?limit=1").json()["data"]
    assert [r["receiptId"] for r in listed] == [id]
    shown_as = "customerDisplayName=true&timezone=Europe/Berlin&unit=EUR"
    one = desk.raw("GET", f"/api/v1/balance/receipts/{id}?{shown_as}").json()["data"]
    assert one["customer"] == {"customerId": "northwind.eu", "displayName": "northwind.eu"} and one["unit"] == "EUR"
    assert one["startDate"] == "2026-04-01T02:00:00+02:00" and one["timezone"] == "Europe/Berlin"
    answer = desk.public(f"/api/v1/receipt/{id}?customerDisplayName=true")
    assert answer.headers["Access-Control-Allow-Origin"] == "*", "a page of the issuer's own may draw it"
    shown = answer.json()["data"]
    assert shown["customer"]["displayName"] is None, "nobody is told a customer's name without a key"
    assert shown["startDate"] == "2026-04-01T00:00:00Z" and shown["proofRoot"] == sealed["proofRoot"]
    assert shown["lines"] == [{"reason": "<script>alert(1)</script>", "deltaCount": 1, "amount": 5}]
    assert shown["links"]["permalink"].endswith(f"/receipt/{id}") and shown["links"]["pdf"].endswith(f"{id}.pdf")
    pdf = desk.public(f"/api/v1/receipt/{id}.pdf")
    assert pdf.status_code == 200 and pdf.content.startswith(b"%PDF") and pdf.headers["content-type"] == "application/pdf"
    assert desk.public("/api/v1/receipt/chk_" + "0" * 32).status_code == 404


def test_a_batch_reports_each_delta_and_never_loses_an_amount(desk: Desk) -> None:
    item = {"customerId": "a", "delta": -1.5, "reason": "calls", "referenceId": "x"}
    sent = [
        item, {**item}, {**item, "delta": -2}, {**item, "delta": 0, "referenceId": "y"}, {"customerId": "b b", "delta": 1},
        {**item, "customerId": "b", "referenceId": None}, {**item, "customerId": "b", "referenceId": None, "delta": "1"},
        "not an object",
    ]
    answer = desk.raw("POST", "/api/v1/balance/delta/batch", {"deltas": sent}).json()["data"]
    assert (answer["totalQueued"], answer["totalFailed"]) == (3, 5)
    states = [(r["index"], r["status"], r.get("idempotent")) for r in answer["results"]]
    assert states == [(0, "QUEUED", None), (1, "VERIFIED", True), (2, "FAILED", None), (3, "FAILED", None),
                      (4, "FAILED", None), (5, "QUEUED", None), (6, "FAILED", None), (7, "FAILED", None)]
    assert answer["results"][0]["recordId"] == answer["results"][1]["recordId"]
    assert all(answer["results"][n]["error"] for n in (2, 3, 4, 6, 7))
    again = desk.raw("POST", "/api/v1/balance/delta/batch", {"deltas": [item]}).json()["data"]["results"]
    assert again[0]["idempotent"] is True and again[0]["recordId"] == answer["results"][0]["recordId"]
    assert desk.sdk.balance.derive("a")["computedBalance"] == -1.5


def test_the_clients_queue_of_summaries_is_taken_once(desk: Desk) -> None:
    window = {"windowStart": "2026-04-01T00:00:00Z", "windowEnd": "2026-04-02T00:00:00Z"}
    desk.sdk.balance.submission._auto_start = False
    for customer in ("a", "b"):
        desk.sdk.balance.queue_summary({"customerId": customer, "delta": -3.25, **window})
    flushed = desk.sdk.balance.flush_summaries()
    assert (flushed["submitted"], flushed["failed"], flushed["replayed"]) == (2, 0, 0)
    desk.sdk.balance.queue_summary({"customerId": "a", "delta": -3.25, **window})
    desk.sdk.balance.submission._max_requests_per_minute = 10**9
    assert desk.sdk.balance.flush_summaries()["replayed"] == 1
    assert desk.sdk.balance.derive("a")["computedBalance"] == -3.25


def test_compare_holds_decimals_against_the_record(desk: Desk) -> None:
    for amount in (0.1, 0.2):
        desk.sdk.balance.emit("c", amount, "x")
    found = desk.sdk.balance.compare("c", {"yours": 0.1 + 0.2, "theirs": 0.1}, APRIL)
    assert found["neutralBalance"] == 0.3 and found["matchesYours"] is True and found["matchesTheirs"] is False
    assert found["theirDifference"] == -0.2
    desk.advance("2026-04-12T08:00:00+00:00")
    desk.sdk.balance.emit("c", 5, "x")
    body = {"customerId": "c", "yourBalance": 5.3, "theirBalance": 0.3, "granularity": "day"}
    apart = desk.raw("POST", "/api/v1/balance/compare", body).json()["data"]
    assert apart["divergence"] == {"yours": None, "theirs": {"agreesUntil": "2026-04-11T00:00:00Z"}}
    assert [s["balance"] for s in apart["breakdown"]] == [0.3, 5.3]


def test_a_sealed_window_stays_sealed_and_late_deltas_are_in_the_next(desk: Desk) -> None:
    desk.sdk.balance.emit("c", 1, "x")
    first = desk.sdk.balance.checkpoint("c", APRIL)
    desk.sdk.balance.emit("c", 10, "late")
    assert desk.sdk.balance.checkpoint("c", APRIL) == first
    assert desk.sdk.balance.derive("c", APRIL)["computedBalance"] == 11, "the record as it came"
    since = desk.sdk.balance.derive("c", {"startingCheckpoint": first["proofRoot"]})
    assert (since["computedBalance"], since["deltaCount"], since["startingBalance"]) == (11, 1, 1)
    by_id = desk.sdk.balance.derive("c", {"startingCheckpoint": first["checkpointId"], "startingCheckpointType": "recordId"})
    assert by_id["computedBalance"] == 11
    desk.advance("2026-05-03T00:00:00+00:00")
    may = desk.sdk.balance.checkpoint("c", {"period": "2026-05"})
    assert (may["startingBalance"], may["endingBalance"], may["deltaCount"]) == (1, 11, 1)
    listed = desk.sdk.balance.list_checkpoints({"customerId": "c"})
    assert [c["period"] for c in listed["checkpoints"]] == ["2026-05", "2026-04"] and listed["pagination"]["total"] == 2


def test_everybody_at_once(desk: Desk) -> None:
    for n in range(3):
        desk.sdk.balance.emit(f"c{n}", n + 1, "x")
    sealed = desk.sdk.balance.checkpoint(None, APRIL)
    assert sorted(c["customerId"] for c in sealed["checkpoints"]) == ["c0", "c1", "c2"]
    assert sealed["checkpointId"] == sealed["checkpoints"][0]["checkpointId"]
    desk.sdk.balance.emit("c3", 4, "x")
    again = desk.sdk.balance.checkpoint(None, APRIL)
    assert len(again["checkpoints"]) == 4 and {c["proofRoot"] for c in sealed["checkpoints"]} <= {
        c["proofRoot"] for c in again["checkpoints"]}


def test_the_receipt_over_everything(desk: Desk) -> None:
    made = [desk.sdk.balance.emit("c", amount, "x") for amount in (5, -2)]
    whole = desk.sdk.balance.receipt("c")
    assert whole["finalBalance"] == 3 and whole["deltasCount"] == 2 and whole["latestCheckpoint"] is None
    assert whole["verification"]["itemHashes"] == [m["receiptId"] for m in made]
    assert whole["windowSummaries"] == [
        {"period": "2026-04", "totalCredits": 5, "totalDebits": -2, "netChange": 3, "deltasCount": 2}]


def test_an_open_window_is_shown_but_not_sealed_and_a_closed_one_is_sealed_by_asking(desk: Desk) -> None:
    desk.sdk.balance.emit("c", 5, "x")
    live = desk.sdk.balance.receipt("c", APRIL)
    assert live["receiptId"] is None and live["finalBalance"] == 5 and live["verificationApiUrl"] is None
    assert "/c/" in live["verifyUrl"] and live["status"] == "PROCESSING"
    desk.sdk.balance.emit("c", 1, "x")
    desk.advance("2026-05-01T00:00:00+00:00")
    with pytest.raises(PacSpaceError) as refused:
        desk.client_of("viewer").balance.receipt("c", APRIL)
    assert refused.value.status_code == 403
    sealed = desk.sdk.balance.receipt("c", APRIL)
    assert sealed["receiptId"] and sealed["finalBalance"] == 6
    assert desk.client_of("viewer").balance.receipt("c", APRIL) == sealed


def test_a_delta_proves_itself_before_it_is_sealed(desk: Desk) -> None:
    desk.sdk.balance.emit("c", 5, "x")
    made = desk.sdk.balance.emit("c", -2, "secret reason", {"referenceId": "r"})
    alone = desk.sdk.verify(made["receiptId"])
    assert alone["verified"] and alone["summary"]["recordCount"] == 1 and alone["records"] == []
    assert (alone["summary"]["startingBalance"], alone["summary"]["endingBalance"]) == (5, 3)
    chain = desk.sdk.verify(made["receiptId"], "chain")
    assert chain["verified"] is False and "one delta alone" in chain["message"]
    with pytest.raises(NotFoundError):
        desk.sdk.verify("0x" + "0" * 64)
    with pytest.raises(NotFoundError):
        desk.sdk.verify("not a root")
    assert desk.api("PUT", "/v1/balance-settings", {"show_records": True}).status_code == 200
    assert desk.sdk.verify(made["receiptId"])["records"] == [
        {"amount": -2, "reason": "secret reason", "referenceId": "r", "status": "VERIFIED", "time": "2026-04-10T08:00:00.000Z"}]


def test_customers(desk: Desk) -> None:
    for name in ("acme:1", "Acme_2", "zeta"):
        desk.sdk.balance.emit(name, 2, "x")
    found = desk.sdk.balance.customers({"search": "ACME", "limit": 1, "page": 2})
    assert [c["customerId"] for c in found["customers"]] == ["acme:1"]
    assert found["pagination"] == {"total": 2, "page": 2, "limit": 1, "totalPages": 2}
    one = desk.sdk.balance.customer("acme:1", {"period": "2026-04"})
    assert one["computedBalance"] == 2 and one["recentActivity"]["items"][0]["status"] == "VERIFIED"
    assert one["months"] == [{"period": "2026-04", "records": 1, "recordedAmount": 2, "verifiedAmount": 2,
                              "cumulativeBalance": 2}]
    summary = desk.raw("GET", "/api/v1/balance/customers/summary").json()["data"]
    assert summary["totalCustomers"] == 3 and summary["totalDeltas"] == 3 and summary["activeCustomers"] == 3
    with pytest.raises(NotFoundError):
        desk.sdk.balance.customer("nobody")
    assert desk.raw("GET", "/api/v1/balance/customers/nobody").json()["error"]["code"] == "CUSTOMER_NOT_FOUND"


def test_a_customer_is_made_by_a_person_before_its_first_delta(desk: Desk) -> None:
    person = {"dashboardToken": desk.token_of_person()}
    made = desk.sdk.customers.create(display_name="<b>Acme</b>", customer_id="acme", unit_label="tokens", options=person)
    assert made["displayName"] == "<b>Acme</b>" and made["unitLabel"] == "tokens" and len(made["accessHint"]) == 9
    assert "/c/" in made["customerLinkUrl"]
    with pytest.raises(PacSpaceError) as refused:
        desk.sdk.customers.create(display_name="Acme", customer_id="acme", options=person)
    assert refused.value.status_code == 409
    desk.sdk.balance.emit("acme", 3, "x")
    sealed = desk.sdk.balance.checkpoint("acme", APRIL)
    shown = desk.raw("GET", f"/api/v1/balance/receipts/{sealed['checkpointId']}?customerDisplayName=true").json()["data"]
    assert shown["unit"] == "tokens" and shown["customer"]["displayName"] == "<b>Acme</b>"
    with pytest.raises(InvalidApiKeyError):
        desk.sdk.customers.create(display_name="Acme", options={"dashboardToken": "nobody"})


def test_gaps_usage_and_limits(desk: Desk) -> None:
    for _ in range(3):
        desk.sdk.balance.emit("c", 1, "x")
    assert desk.sdk.balance.gaps("c") == {
        "customerId": "c", "fromSequence": 1, "toSequence": 3, "expected": 3, "present": 3, "gaps": [], "hasMore": False}
    used = desk.sdk.balance.usage()
    assert used["allowed"] is True and used["remaining"] is None and used["used"] == 3
    assert desk.raw("GET", "/api/v1/balance/limits").json()["data"]["maxScopeMonths"] == 24


def test_scopes_that_make_no_sense_are_refused(desk: Desk) -> None:
    desk.sdk.balance.emit("c", 1, "x")
    with pytest.raises(ScopeTooWideError):
        desk.sdk.balance.derive("c", {"startDate": "2020-01-01", "endDate": "2026-01-01"})
    with pytest.raises(NotFoundError):
        desk.sdk.balance.derive("c", {"startingCheckpoint": "0x" + "1" * 64})
    mixed = desk.raw("GET", "/api/v1/balance/derive/c?period=2026-04&startDate=2026-04-01").json()["error"]
    assert mixed["code"] == "INVALID_SCOPE_COMBINATION"
    body = {"customerId": "c", "yourBalance": 1, "theirBalance": 1, "startingCheckpoint": "chk_1", "period": "2026-04"}
    with pytest.raises(InvalidScopeCombinationError):
        desk.sdk._client.post("/api/v1/balance/compare", body)
    for scope, code in (
        ({"period": "2026-05"}, "FUTURE_PERIOD"), ({"period": "2026-02"}, "EMPTY_SCOPE"),
        ({"period": "2026-13"}, "VALIDATION_ERROR"), ({"period": "April"}, "VALIDATION_ERROR"),
        ({"startDate": "2026-04-02", "endDate": "2026-04-02"}, "VALIDATION_ERROR"),
        ({"startDate": "2026-04-01", "endDate": "2027-04-01"}, "VALIDATION_ERROR"),
    ):
        with pytest.raises(PacSpaceError) as refused:
            desk.sdk.balance.checkpoint("c", scope)
        assert (refused.value.status_code, refused.value.code) == (400, code), scope
    with pytest.raises(NotFoundError):
        desk.sdk.balance.checkpoint("nobody", APRIL)


def test_a_wrong_key_is_no_key(desk: Desk) -> None:
    with pytest.raises(InvalidApiKeyError):
        sdk_over(desk.api.client, "pk_test_abc.def").balance.usage()
    with pytest.raises(PacSpaceError) as refused:
        desk.client_of("viewer").balance.emit("c", 1, "x")
    assert refused.value.status_code == 403
    assert desk.client_of("ingest").balance.emit_and_wait("c", 1, "x")["status"] == "VERIFIED"
