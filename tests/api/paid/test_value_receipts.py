"""Value receipts through the published clients: the guide's calls, the table of semantics, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from paid import BadRequestError, ConflictError, NotFoundError

from counterfoil.core.basis.canonical import canonical, parse_canonical
from counterfoil.core.basis.ids import read_id
from counterfoil.core.receipts.value import record_value
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.value.recompute import recompute_value
from counterfoil.exports.receipt_view import receipt_view
from counterfoil.flows.correct_usage import delete_usage
from counterfoil.flows.prove import bundle_of
from counterfoil.flows.value_receipts import find_receipt
from tests.api.native import Api, key_of
from tests.api.paid.conftest import ONCE, refused
from tests.api.paid.valued import CONTENT, QUARTER, claims, minutes_metric, receipt_of


def test_the_guide_runs_with_either_client(any_paid: Any, raw: Any, api: Api) -> None:
    """Sync, list, get, refresh, seal, publish with and without an expiry that lies in the past, unpublish, archive."""
    claims(raw, [20, 40])
    minutes_metric(raw)
    receipts = any_paid.value_receipts
    made = receipts.sync_value_receipt(external_customer_id="northwind", **QUARTER)
    assert (made.status, made.id[:3]) == ("draft", "vr_") and made.public_url.endswith(made.public_url_token)
    assert len(made.public_url_token) >= 32
    (listed,) = receipts.list_value_receipts().data
    assert (listed.id, listed.customer_external_id, listed.total_delivered_value) == (made.id, "northwind", 50.0)
    got = receipts.get_value_receipt_by_id(id=made.id)
    assert (got.is_published, got.published_at, got.publish_expires_at, got.allow_embed) == (False, None, None, True)
    assert receipts.refresh_value_receipt(id=made.id).status == "draft"
    assert receipts.seal_value_receipt(id=made.id).success is True
    assert receipts.get_value_receipt_by_id(id=made.id).status == "posted"
    assert receipts.publish_value_receipt(id=made.id).is_published is True
    late = receipts.publish_value_receipt(id=made.id, publish_expires_at="2026-06-30T23:59:59Z")
    assert late.is_published is False and late.publish_expires_at is not None and late.published_at is not None
    assert receipts.publish_value_receipt(id=made.id).publish_expires_at is None
    assert receipts.unpublish_value_receipt(id=made.id).is_published is False
    assert receipts.archive_value_receipt(id=made.id).success is True
    assert receipts.list_value_receipts().total == 0
    assert receipts.list_value_receipts(archived="true").total == 1
    assert receipts.unarchive_value_receipt(id=made.id).success is True
    assert receipts.list_value_receipts().total == 1


def test_a_second_sync_finds_the_receipt_though_the_instants_are_spelled_otherwise(paid: Any, raw: Any) -> None:
    claims(raw, [20])
    minutes_metric(raw)
    first = raw("POST", "/value-receipts/sync", {"externalCustomerId": "northwind", "startDate": "2026-04-01T00:00:00Z",
                                                 "endDate": "2026-06-30T23:59:59Z"})
    assert first.status_code == 201
    claims(raw, [40], start=1)
    again = raw("POST", "/value-receipts/sync/", {
        "externalCustomerId": "northwind", "startDate": "2026-04-01T02:00:00+02:00", "endDate": "2026-06-30T23:59:59.000Z",
    })
    assert again.status_code == 200 and again.json()["id"] == first.json()["id"]
    assert paid.value_receipts.get_value_receipt_by_id(again.json()["id"]).total_delivered_value == 50


def test_two_syncs_at_once_make_one_receipt(raw: Any) -> None:
    claims(raw, [20, 40])
    minutes_metric(raw)
    body = {"externalCustomerId": "northwind", "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _n: raw("POST", "/value-receipts/sync", body), range(6)))
    assert sorted(a.status_code for a in answers) == [200] * 5 + [201]
    assert len({a.json()["id"] for a in answers}) == 1


def test_a_sealed_receipt_never_changes_whatever_comes_later(paid: Any, raw: Any, house: Any, api: Api) -> None:
    claims(raw, [20, 40])
    minutes_metric(raw)
    id = receipt_of(paid).id
    paid.value_receipts.seal_value_receipt(id)
    before = raw("GET", f"/value-receipts/{id}").json()
    claims(raw, [500], start=2)
    paid.value_metrics.update_value_metric("time-saved", variables={"minutes": {"value": 99}})
    assert receipt_of(paid).id == id, "sync gives it back as it is"
    raw("POST", "/value-models/backfill", {})
    assert raw("GET", f"/value-receipts/{id}").json() == before
    with pytest.raises(ConflictError):
        paid.value_receipts.refresh_value_receipt(id, request_options=ONCE)
    with pytest.raises(ConflictError):
        paid.value_receipts.seal_value_receipt(id, request_options=ONCE)
    error = refused(raw("POST", f"/value-receipts/{id}/refresh"), 409)
    assert error["code"] == "VALUE_RECEIPT_SEALED"


def test_the_total_of_a_sealed_receipt_comes_out_of_its_bundle_alone(paid: Any, raw: Any, house: Any, api: Api) -> None:
    claims(raw, [20, 40, 35, 0, 7])
    minutes_metric(raw)
    id = receipt_of(paid).id
    paid.value_receipts.seal_value_receipt(id)
    claims(raw, [1000], start=5)  # what comes later is not in it
    house.integrate(api.tenant)
    bundle = bundle_for(house, api, id)
    record = bundle["record"]
    events = bundle["usage"][record["events"]["root"]]
    assert (record["type"], record["model_version"], len(events)) == ("value-receipt/v1", 1, 5)
    verdict = verify_bundle(canonical(bundle))
    assert verdict.ok, [c for c in verdict.checks if not c.ok]
    metrics, total = recompute_value(record, events)
    assert list(metrics) == record["metrics"] and total == record["total"] == "85"


def test_receipts_made_by_create_are_new_each_time_and_sync_finds_the_newest(paid: Any, raw: Any) -> None:
    claims(raw, [20])
    minutes_metric(raw)
    one, two = (paid.value_receipts.create_value_receipt(external_customer_id="northwind", **QUARTER) for _ in range(2))
    assert one.id != two.id and one.generated_at is not None
    assert receipt_of(paid).id == two.id
    paid.value_receipts.archive_value_receipt(two.id)
    assert receipt_of(paid).id == one.id
    with pytest.raises(ConflictError):
        paid.value_receipts.unarchive_value_receipt(two.id, request_options=ONCE)
    paid.value_receipts.archive_value_receipt(one.id)
    assert paid.value_receipts.archive_value_receipt(one.id).success, "a second time changes nothing"
    third = receipt_of(paid)
    assert third.id not in (one.id, two.id), "archived ones are not found"
    with pytest.raises(ConflictError):
        paid.value_receipts.publish_value_receipt(one.id, request_options=ONCE)
    assert paid.value_receipts.unpublish_value_receipt(one.id).archived_at is not None


def test_both_ends_of_the_period_belong_to_it_to_the_microsecond(paid: Any, raw: Any) -> None:
    at = ["2026-03-31T23:59:59.999999Z", "2026-04-01T00:00:00Z", "2026-06-30T23:59:59Z", "2026-06-30T23:59:59.000001Z"]
    claims(raw, [1, 20, 40, 8], at=at)
    minutes_metric(raw)
    receipt = receipt_of(paid)
    assert paid.value_receipts.get_value_receipt_by_id(receipt.id).total_delivered_value == 50


def test_nothing_delivered_is_zero_not_nothing(paid: Any, raw: Any) -> None:
    raw("POST", "/customers", {"name": "Quiet", "externalId": "northwind"})
    assert paid.value_receipts.get_value_receipt_by_id(receipt_of(paid).id).total_delivered_value == 0


def test_events_of_others_and_of_other_products_do_not_count(paid: Any, raw: Any) -> None:
    for name in ("agent", "other"):
        paid.products.create_product(name=name, external_id=name, active=True)
    claims(raw, [20], attribution={"externalProductId": "agent"})
    claims(raw, [40], start=1, attribution={"externalProductId": "other"})
    claims(raw, [60], start=2)
    claims(raw, [80], start=3, customer="southwind")
    minutes_metric(raw)
    whole = receipt_of(paid)
    agent = receipt_of(paid, product={"product_id": "agent", "currency": "EUR"})
    shown = {r.id: (r.total_delivered_value, r.currency) for r in paid.value_receipts.list_value_receipts().data}
    assert shown == {whole.id: (100.0, "USD"), agent.id: (pytest.approx(16.6666666667), "EUR")}
    only = paid.value_receipts.list_value_receipts(product_id="agent")
    assert [r.id for r in only.data] == [agent.id] and only.data[0].product_id.startswith("prod_")
    assert paid.value_receipts.list_value_receipts(external_customer_id="southwind").total == 0
    assert paid.value_receipts.list_value_receipts(external_customer_id="nobody").total == 0


def test_an_order_counts_the_events_of_its_products(paid: Any, raw: Any) -> None:
    made = {n: paid.products.create_product(name=n, external_id=n, active=True).id for n in ("agent", "helper", "other")}
    claims(raw, [20], attribution={"externalProductId": "agent"})
    claims(raw, [40], start=1, attribution={"productId": made["helper"]})
    claims(raw, [60], start=2, attribution={"productId": made["other"]})
    claims(raw, [10], customer="southwind")
    minutes_metric(raw)
    customer = paid.customers.get_customer_by_external_id("northwind").id
    order = paid.orders.create_order(
        customer_id=customer, name="Agents", currency="GBP", start_date="2026-01-01T00:00:00Z", external_id="o-1",
        lines=[{"productId": "agent"}, {"productId": made["helper"]}],
    )
    receipt = receipt_of(paid, order_id="o-1")
    got = paid.value_receipts.get_value_receipt_by_id(receipt.id)
    assert (got.total_delivered_value, got.currency, got.order_id, got.product_id) == (50, "GBP", order.id, None)
    assert [r.id for r in paid.value_receipts.list_value_receipts(order_id=order.id).data] == [receipt.id]
    body = {"externalCustomerId": "southwind", "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z"}
    refused(raw("POST", "/value-receipts/sync", body | {"orderId": "o-1"}), 400, "orderId")


def test_the_price_stands_beside_the_value(paid: Any, raw: Any, api: Api, house: Any) -> None:
    claims(raw, [20])
    minutes_metric(raw)
    ref = paid.customers.get_customer_by_external_id("northwind").id
    body = {"customer_ref": read_id(ref), "lines": [{"item": "Work", "unit_price": "30.00", "quantity": "2"}]}
    number = api.post("/v1/invoices", body)["number"]
    now = datetime.now(UTC)
    receipt = paid.value_receipts.sync_value_receipt(
        customer_id=ref, start_date=now.replace(month=1, day=1), end_date=now.replace(hour=23, minute=59)
    )
    paid.value_receipts.seal_value_receipt(receipt.id)
    house.integrate(api.tenant)
    (billed,) = bundle_for(house, api, receipt.id)["record"]["billed"]
    assert (billed["number"], billed["net_minor"]) == (number, 6000)


def bundle_for(house: Any, api: Api, id: str) -> Any:
    with house.tx(api.tenant) as tx:
        ref = read_id(id)
        assert ref is not None
        return parse_canonical(bundle_of(tx, ref))


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"customerId": "cus_1"}, 400, "customerId"),
        ({"externalCustomerId": None}, 400, "customerId"),
        ({"externalCustomerId": "nobody"}, 404, "nobody"),
        ({"product": {"productId": "x"}, "orderId": "y"}, 400, "orderId"),
        ({"product": {"productId": "x"}}, 404, "x"),
        ({"product": {}}, 400, "productId"),
        ({"orderId": "ord_1"}, 404, "ord_1"),
        ({"endDate": "2026-04-01T00:00:00Z"}, 400, "endDate"),
        ({"endDate": "2026-04-31T00:00:00Z"}, 400, "endDate"),
        ({"startDate": "2026-04-01T00:00:00"}, 400, "startDate"),
        ({"startDate": None}, 400, "startDate"),
        ({"startDate": "0001-01-01T00:00:00Z"}, 400, "startDate"),
        ({"externalCustomerId": 5}, 400, "externalCustomerId"),
        ({"externalCustomerId": "a\x00b"}, 400, "externalCustomerId"),
    ],
)
def test_what_is_wrong_with_a_sync_is_named(raw: Any, change: dict[str, Any], status: int, field: str) -> None:
    raw("POST", "/customers", {"name": "Northwind", "externalId": "northwind"})
    body = {"externalCustomerId": "northwind", "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z"}
    refused(raw("POST", "/value-receipts/sync", body | change), status, field)


def test_a_period_that_runs_is_synced_but_not_created(paid: Any, raw: Any) -> None:
    raw("POST", "/customers", {"name": "Northwind", "externalId": "northwind"})
    period = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2199-01-01T00:00:00Z"}
    assert paid.value_receipts.sync_value_receipt(external_customer_id="northwind", **period).status == "draft"
    with pytest.raises(BadRequestError):
        paid.value_receipts.create_value_receipt(external_customer_id="northwind", **period)


def test_money_of_another_currency_is_never_added_up_silently(paid: Any, raw: Any) -> None:
    claims(raw, [20])
    content = CONTENT | {"currency": "EUR"}
    assert raw("PUT", "/value-models", {"content": content}).status_code == 200
    error = refused(sync(raw), 400, "currency")
    assert "USD" in error["error"] and "EUR" in error["error"]
    assert raw("PUT", "/value-models", {"content": content | {"currency": "USD"}}).status_code == 200
    assert sync(raw).status_code == 201


def sync(raw: Any) -> Any:
    return raw("POST", "/value-receipts/sync", {
        "externalCustomerId": "northwind", "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z",
    })


@pytest.mark.parametrize("path", ["vr_1", "vr_" + "0" * 32, "nonsense", "..", "%00", "vr_" + "A" * 32])
def test_an_unknown_receipt_is_not_found_by_any_operation(raw: Any, path: str) -> None:
    refused(raw("GET", f"/value-receipts/{path}"), 404)
    for act in ("refresh", "seal", "archive", "unarchive", "publish", "unpublish"):
        refused(raw("POST", f"/value-receipts/{path}/{act}"), 404)


def test_receipts_of_another_tenant_do_not_exist(paid: Any, raw: Any, new_paid: Callable[..., Any]) -> None:
    claims(raw, [20])
    id = receipt_of(paid).id
    stranger = new_paid()
    for call in ("get_value_receipt_by_id", "seal_value_receipt", "publish_value_receipt", "archive_value_receipt"):
        with pytest.raises(NotFoundError):
            getattr(stranger.value_receipts, call)(id)
    assert stranger.value_receipts.list_value_receipts().total == 0


def test_lists_come_newest_first_in_parts_and_limits_are_clamped(paid: Any, raw: Any) -> None:
    raw("POST", "/customers", {"name": "Northwind", "externalId": "northwind"})
    made = [paid.value_receipts.create_value_receipt(external_customer_id="northwind", **QUARTER).id for _ in range(4)]
    page = paid.value_receipts.list_value_receipts(limit=2, offset=1)
    assert ([r.id for r in page.data], page.total) == (made[::-1][1:3], 4)
    assert len(paid.value_receipts.list_value_receipts(limit=100_000).data) == 4
    assert len(raw("GET", "/value-receipts?limit=0").json()["data"]) == 1
    refused(raw("GET", "/value-receipts/?offset=-1"), 400, "offset")
    refused(raw("GET", "/value-receipts?archived=maybe"), 400, "archived")


def test_a_viewer_reads_and_an_ingest_key_does_nothing(raw: Any, api: Api, house: Any) -> None:
    raw("POST", "/customers", {"name": "Northwind", "externalId": "northwind"})
    for role, reads in (("viewer", 200), ("ingest", 403)):
        other = Api(api.client, key_of(house, api.tenant, role))  # type: ignore[arg-type]
        assert other("GET", "/api/v2/value-receipts").status_code == reads
        assert other("POST", "/api/v2/value-receipts/sync", {}).status_code == 403


def test_an_event_without_a_value_is_counted_and_its_reason_is_kept(paid: Any, raw: Any, house: Any, api: Api) -> None:
    claims(raw, [0, 5])
    minutes_metric(raw, expression="100 / minutes")
    id = receipt_of(paid).id
    paid.value_receipts.seal_value_receipt(id)
    house.integrate(api.tenant)
    bundle = bundle_for(house, api, id)
    (metric,) = bundle["record"]["metrics"]
    assert (metric["occurrences"], metric["unvalued"], metric["quantity"]) == (1, 1, "20")
    assert recompute_value(bundle["record"], bundle["usage"][bundle["record"]["events"]["root"]])[0] == (metric,)
    with house.tx(api.tenant) as tx:
        row = find_receipt(tx, id)
    assert row.numbers.content["reasons"] == [
        {"slug": "time-saved", "reason": "100 / minutes has no value here (such as a division by 0)", "count": 1}
    ]
    told = [str(step) for step in receipt_view(record_value(canonical(bundle["record"]))).how]
    assert any("Time saved" in step and "1 have no value" in step for step in told), told


def test_corrections_after_the_seal_do_not_touch_the_bundle(paid: Any, raw: Any, house: Any, api: Api) -> None:
    claims(raw, [20, 40])
    minutes_metric(raw)
    id = receipt_of(paid).id
    paid.value_receipts.seal_value_receipt(id)
    signal = paid.signals.list_signals().data[0]
    with house.tx(api.tenant) as tx:
        ref = read_id(signal.id)
        assert ref is not None
        delete_usage(tx, ref, why="a mistake")
    house.integrate(api.tenant)
    bundle = bundle_for(house, api, id)
    assert len(bundle["usage"][bundle["record"]["events"]["root"]]) == 2
    assert Decimal(bundle["record"]["total"]) == 50


def test_the_guides_own_page_runs_as_it_is_written(paid: Any, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "docs/guide/value-receipts.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    exec(re.sub(r"^(from paid import|client = ).*$", "", code, flags=re.MULTILINE), {"client": paid})
    assert capsys.readouterr().out.startswith("https://counterfoil.example/public/value-receipts/")
    (listed,) = paid.value_receipts.list_value_receipts().data
    assert (listed.status, listed.currency, listed.is_published) == ("posted", "EUR", True)
    assert listed.total_delivered_value == pytest.approx(29.166666666667)
