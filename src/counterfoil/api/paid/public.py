"""`/api/public/value-receipts/…`: a value receipt as JSON for whoever has its link, and, while it is private, a token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from counterfoil.api.dialect import Answer, Call, Route, token_of
from counterfoil.api.wire import Output, instant, number
from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.receipts.value import ValueReceipt
from counterfoil.flows.sharing import Share, share_at
from counterfoil.flows.shown_value_receipt import shown_value_receipt


class Metric(Output):
    """What one value metric gave: how many events, how much of its unit, and what that was worth."""

    slug: str
    name: str
    unit: str
    occurrences: int
    quantity: Decimal
    value: Decimal


class Billed(Output):
    """A document issued to the customer in the period; `amount` is without tax, negative for a credit note."""

    number: str
    amount: Decimal


class Links(Output):
    """Where it is seen. Files exist once it is sealed."""

    permalink: str
    pdf: str | None
    bundle: str | None


class PublicValueReceipt(Output):
    """A value receipt for its reader. `totalBilled` stands beside `totalDeliveredValue` where anything was billed in the
    period. `display`: the same as finished text in the customer's language, for who renders it as it comes."""

    id: str
    status: str
    public_url_token: str
    public_url: str
    is_published: bool
    allow_embed: bool
    issuer: str
    customer_id: str
    customer_external_id: str | None
    customer_name: str
    scope: str | None
    currency: str
    start_date: str | None
    end_date: str | None
    total_delivered_value: Decimal
    total_billed: Decimal | None
    metrics: list[Metric]
    billed: list[Billed]
    model_version: int | None
    events_count: int
    events_root: str
    generated_at: str | None
    sealed_at: str | None
    links: Links
    display: Mapping[str, Any]


def get_public(call: Call) -> Answer:
    """A value receipt by its share token."""
    house: Any = call.house
    share_token = call.param("share_token")
    known = house.find_handle(share_token)
    if known is None or known[1] != "value_receipt":
        raise NotFound("value_receipt.not_found", "there is no such receipt")
    with house.tx(known[0], "page") as tx:
        share = share_at(tx, known[2])
        house.admit(tx, share, _token(call))
        shown = _shown(house, tx, share, shown_value_receipt(tx, share))
    headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    if share.is_published:
        headers["Access-Control-Allow-Origin"] = "*"  # what anybody may read, scripts of any page may
    return Answer(shown, headers=headers)


def _token(call: Call) -> str:
    headers = call.request.headers
    return token_of({"authorization": headers.get("authorization", "")})


def _shown(house: Any, tx: Any, share: Share, receipt: ValueReceipt) -> PublicValueReceipt:
    url = f"{house.settings.public_url}/public/value-receipts/{share.token}"
    sealed: datetime | None = receipt.sealed_at if share.is_sealed else None
    billed = sum(x.net_minor for x in receipt.billed)
    return PublicValueReceipt(
        id=display_id("vr", receipt.ref), status="posted" if share.is_sealed else "draft", public_url_token=share.token,
        public_url=url, is_published=share.is_published, allow_embed=share.allow_embed, issuer=receipt.issuer_name,
        customer_id=display_id("cus", receipt.customer_ref), customer_external_id=receipt.customer_id,
        customer_name=receipt.customer_name, scope=None if receipt.scope is None else receipt.scope.name,
        currency=receipt.currency, start_date=instant(receipt.starts_at), end_date=instant(receipt.ends_at),
        total_delivered_value=number(receipt.total),
        total_billed=number(to_major(billed, receipt.currency)) if receipt.billed else None,
        metrics=[
            Metric(slug=x.slug, name=x.name, unit=x.unit, occurrences=x.occurrences, quantity=number(x.quantity),
                   value=number(x.value))
            for x in receipt.metrics
        ],
        billed=[Billed(number=x.number, amount=number(to_major(x.net_minor, receipt.currency))) for x in receipt.billed],
        model_version=receipt.model_version, events_count=receipt.events_count, events_root=receipt.events_root,
        generated_at=instant(receipt.generated_at), sealed_at=instant(sealed),
        links=Links(
            permalink=url, pdf=f"{url}/receipt.pdf" if share.is_sealed else None,
            bundle=f"{url}/bundle.json" if share.is_sealed else None,
        ),
        display=house.receipt_display(tx, receipt, is_draft=not share.is_sealed),
    )


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/public/value-receipts/{share_token}", get_public, answer=PublicValueReceipt, by="anybody",
          tag="Value receipts", summary="A value receipt by its link, with a token while it is private"),
)
