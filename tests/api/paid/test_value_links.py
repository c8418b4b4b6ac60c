"""Whether a link is open, and what is said natively; errors as the client of the guides' time reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counterfoil.core.basis.ids import read_id
from tests.api.native import Api, bad
from tests.api.paid.conftest import old_release
from tests.api.paid.valued import QUARTER, claims, minutes_metric, receipt_of


def test_a_link_closes_by_itself_when_its_time_is_over(paid: Any, raw: Any, api: Api) -> None:
    claims(raw, [20])
    id = receipt_of(paid).id
    until = datetime.now(UTC) + timedelta(days=3)
    assert paid.value_receipts.publish_value_receipt(id, publish_expires_at=until).is_published is True
    first = paid.value_receipts.get_value_receipt_by_id(id).published_at
    assert paid.value_receipts.publish_value_receipt(id, publish_expires_at=until).published_at == first
    api.post("/v1/clock/advance", {"to": (until + timedelta(seconds=1)).isoformat()})
    late = paid.value_receipts.get_value_receipt_by_id(id)
    assert (late.is_published, late.publish_expires_at is not None) == (False, True)
    assert paid.value_receipts.list_value_receipts().data[0].is_published is False


@pytest.mark.parametrize("body", ['{"publishExpiresAt": null}', "{}", ""])
def test_no_expiry_however_it_is_said_is_none(raw: Any, paid: Any, body: str) -> None:
    claims(raw, [20])
    id = receipt_of(paid).id
    answer = raw("POST", f"/value-receipts/{id}/publish", content=body)
    assert (answer.status_code, answer.json()["isPublished"], answer.json()["publishExpiresAt"]) == (200, True, None)


def test_the_native_door_tells_the_metrics_and_whether_it_may_be_embedded(paid: Any, raw: Any, api: Api) -> None:
    claims(raw, [20, 0])
    minutes_metric(raw, expression="60 / minutes")
    ref = read_id(receipt_of(paid).id)
    said = api.get(f"/v1/value-receipts/{ref}")
    assert said["total"] == "150" and said["metrics"] == [{
        "slug": "time-saved", "name": "Time saved", "unit": "hours", "occurrences": 1, "unvalued": 1, "quantity": "3",
        "value": "150"}]
    assert [(w["slug"], w["count"]) for w in said["without_value"]] == [("time-saved", 1)] and said["allow_embed"] is True
    changed = api("PATCH", f"/v1/value-receipts/{ref}", {"allow_embed": False}).json()
    assert changed["allow_embed"] is False and changed["events"] == 2
    assert paid.value_receipts.get_value_receipt_by_id(receipt_of(paid).id).allow_embed is False
    bad(api("PATCH", f"/v1/value-receipts/{ref}", {"allow_embed": "maybe"}), 422, "allow_embed")
    bad(api("GET", "/v1/value-receipts/0190b2f4-7c5e-7d11-8f5a-3c2b1a0d9e8f"), 404)


def test_a_new_link_leaves_the_receipt_as_it_is(paid: Any, raw: Any, api: Api) -> None:
    claims(raw, [20])
    made = receipt_of(paid)
    paid.value_receipts.seal_value_receipt(made.id)
    url = api.post("/v1/sharing-settings/rotate-link", {"receipt": made.id})["public_url"]
    again = paid.value_receipts.get_value_receipt_by_id(made.id)
    assert again.public_url == url != made.public_url and url.endswith(again.public_url_token)
    paid.value_receipts.publish_value_receipt(made.id)
    assert api.post("/v1/sharing-settings/unpublish-all")["unpublished"] == 1
    assert paid.value_receipts.get_value_receipt_by_id(made.id).is_published is False


def test_the_old_client_reads_every_error(old_paid: Any, raw: Any) -> None:
    old = old_release()
    once = {"max_retries": 0}
    with pytest.raises(old.NotFoundError):
        old_paid.value_receipts.get_value_receipt_by_id("vr_none", request_options=once)
    with pytest.raises(old.BadRequestError):
        old_paid.value_receipts.sync_value_receipt(**QUARTER, request_options=once)
    claims(raw, [20])
    id = receipt_of(old_paid).id
    old_paid.value_receipts.seal_value_receipt(id)
    with pytest.raises(old.core.ApiError) as caught:
        old_paid.value_receipts.refresh_value_receipt(id, request_options=once)
    assert caught.value.status_code == 409
