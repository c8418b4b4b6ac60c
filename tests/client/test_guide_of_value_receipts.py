"""The guide of value receipts, snippet by snippet: as it is written, but for the import line, the key and the ids of things
that exist."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.client import Conflict, Paid
from tests.live import Key

IMPORT = "from counterfoil.client import Paid"
CLIENT = 'client = Paid(token="YOUR_PAID_API_KEY")'

SYNC = """
result = client.value_receipts.sync(
  external_customer_id="acme_123",
  start_date="2026-01-01T00:00:00Z",
  end_date="2026-03-31T23:59:59Z",
)

print(result.id) # value receipt ID
print(result.status) # "draft" or "posted"
print(result.public_url) # share URL
"""
PRODUCT = """
result = client.value_receipts.sync(
  external_customer_id="acme_123",
  start_date="2026-01-01T00:00:00Z",
  end_date="2026-03-31T23:59:59Z",
  product={"product_id": "prod_xyz", "currency": "USD"},
)
"""
ORDER = """
result = client.value_receipts.sync(
  external_customer_id="acme_123",
  start_date="2026-01-01T00:00:00Z",
  end_date="2026-03-31T23:59:59Z",
  order_id="ord_abc123",
)
"""
LIST = """
# List all value receipts
receipts = client.value_receipts.list()

for vr in receipts.data:
  print(f"{vr.customer_name}: {vr.total_delivered_value} ({vr.status})")

# Filter by customer
receipts = client.value_receipts.list(
  external_customer_id="acme_123",
  limit=10,
  offset=0,
)

# Include archived receipts
receipts = client.value_receipts.list(archived="true")
"""
GET = """
vr = client.value_receipts.get(id="vr_abc123")

print(vr.status) # "draft" or "posted"
print(vr.is_published) # True or False
print(vr.published_at) # timestamp or None
print(vr.publish_expires_at) # expiry timestamp or None
"""
REFRESH = """
result = client.value_receipts.refresh(id="vr_abc123")
print(result.status) # "draft"
"""
SEAL = """
client.value_receipts.seal(id="vr_abc123")
"""
PUBLISH = """
# Publish with no expiry (permanent until unpublished)
vr = client.value_receipts.publish(id="vr_abc123")
print(vr.public_url) # share this URL

# Publish with an expiry
vr = client.value_receipts.publish(
  id="vr_abc123",
  publish_expires_at="2026-06-30T23:59:59Z",
)

# Unpublish (revert to JWT-gated)
vr = client.value_receipts.unpublish(id="vr_abc123")
"""
ARCHIVE = """
# Archive
client.value_receipts.archive(id="vr_abc123")

# Unarchive
client.value_receipts.unarchive(id="vr_abc123")
"""


@pytest.fixture
def run(new_key: Callable[..., Key], monkeypatch: pytest.MonkeyPatch, house: Any) -> Callable[..., dict[str, Any]]:
    """Runs snippets, one after another in one program; gives the names that they left. The tenant has what they name."""
    key = new_key()
    monkeypatch.setenv("COUNTERFOIL_URL", key.address)
    left: dict[str, Any] = {}
    exec(f"{IMPORT}\n{CLIENT}".replace("YOUR_PAID_API_KEY", key.token), left)
    client: Paid = left["client"]
    acme = client.customers.create(name="Acme", external_id="acme_123", default_currency="USD")
    client.products.create(name="Claims agent", external_id="prod_xyz", active=True)
    client.signals.send([
        {"event_name": "claim_reviewed", "customer": {"external_customer_id": "acme_123"},
         "attribution": {"external_product_id": "prod_xyz"}, "timestamp": "2026-02-03T04:05:06Z",
         "data": {"minutes_saved": 30}, "idempotency_key": f"claim-{n}"}
        for n in range(4)
    ])
    client.value_metrics.create(
        name="Time saved", unit={"type": "duration", "duration_unit": "minutes"},
        formula={"expression": "minutes_saved", "variables": [{"id": "minutes_saved", "label": "Minutes saved"}]},
        signal={"event_name": "claim_reviewed", "defaults": {"minutes_saved": 5}},
        monetary_conversion={"value_per_unit": 0.75},
    )  # fmt: skip
    left["acme"] = acme

    def ran(*snippets: str, receipt: str = "") -> dict[str, Any]:
        for snippet in snippets:
            exec(textwrap.dedent(snippet).replace("vr_abc123", receipt or "vr_abc123"), left)
        return left

    return ran


def test_sync_finds_or_makes_and_says_where_it_is_shared(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(SYNC)["result"]
    assert run(SYNC)["result"].id == first.id
    assert capsys.readouterr().out.split("\n")[:3] == [first.id, "draft", first.public_url]
    assert first.public_url.endswith(first.public_url_token)


def test_a_receipt_is_scoped_to_a_product_or_an_order(run: Any) -> None:
    whole, product = run(SYNC)["result"].id, run(PRODUCT)["result"].id
    client: Paid = run()["client"]
    client.orders.create(customer_id=run()["acme"].id, external_id="ord_abc123", name="Claims 2026",
                         start_date="2026-01-01T00:00:00Z", lines=[{"product_id": "prod_xyz"}])  # fmt: skip
    order = run(ORDER)["result"].id
    assert len({whole, product, order}) == 3
    assert client.value_receipts.get(id=product).product_id == client.products.get_by_external_id("prod_xyz").id


def test_the_list_tells_what_was_delivered(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = run(SYNC)["result"]
    capsys.readouterr()
    left = run(LIST)
    assert "Acme: 90 (draft)" in capsys.readouterr().out  # 4 x 30 minutes at 0.75
    assert [vr.id for vr in left["receipts"].data] == [made.id] and left["receipts"].total == 1


def test_a_receipt_lives(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = run(SYNC)["result"].id
    capsys.readouterr()
    run(GET, receipt=made)
    assert capsys.readouterr().out == "draft\nFalse\nNone\nNone\n"
    assert run(REFRESH, receipt=made)["result"].status == "draft"
    run(SEAL, receipt=made)
    with pytest.raises(Conflict):
        run(REFRESH, receipt=made)
    run(ARCHIVE, receipt=made)
    assert run()["client"].value_receipts.get(id=made).archived_at is None


def test_a_receipt_is_published_and_taken_back(run: Any) -> None:
    made = run(SYNC)["result"].id
    assert run(PUBLISH, receipt=made)["vr"].is_published is False
    published = run()["client"].value_receipts.publish(id=made, publish_expires_at="2190-06-30T23:59:59Z")
    assert published.is_published and published.publish_expires_at is not None
