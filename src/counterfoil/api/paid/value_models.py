"""The value model whole: its versions, and working drafts out again."""

from __future__ import annotations

from typing import Any

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import Nothing, Page, Paging, page
from counterfoil.api.paid.value_wire import Instant, ValueModelContent, plain
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.keep_value_models import active_model, model_version, put_model
from counterfoil.flows.value_receipts import refresh_drafts
from counterfoil.flows.value_rows import ModelRow


class ValueModelIn(Input):
    """A new version. `effectiveFrom` and `effectiveTo` are kept and shown; from when on a calculation holds is said by the
    timeline of each metric."""

    content: ValueModelContent
    effective_from: Instant | None = None
    effective_to: Instant | None = None


class ValueModelSummary(Output):
    """A version of the value model: `draft`, `active` or `archived`."""

    id: str
    version: int
    status: str
    created_at: str | None
    activated_at: str | None
    archived_at: str | None
    effective_from: str | None
    effective_to: str | None


class ValueModelDetail(ValueModelSummary):
    """A version with its content."""

    content: ValueModelContent


class Backfill(Output):
    """The version under which drafts were worked out again, how many were, and how many could not be since their currency is
    another than the model's."""

    value_model_id: str
    version: int
    receipts: int
    left: int


def get_current_value_model(call: Call) -> ValueModelDetail:
    """The active version."""
    return _detail(active_model(call.tx))


def update_value_model(call: Call) -> ValueModelDetail:
    """Make a version active."""
    body: ValueModelIn = call.body
    return _detail(put_model(call.tx, plain(body.content), body.effective_from, body.effective_to))


def list_value_model_versions(call: Call) -> Page[ValueModelSummary]:
    """Versions, newest first."""
    rows, total = call.tx.value_model_page(call.query.offset, call.query.size)
    return page(call.query, rows, total, lambda row: ValueModelSummary(**_summary(row)))


def get_value_model_version(call: Call) -> ValueModelDetail:
    """One version."""
    text = call.param("version")
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
        raise Invalid.field("version", "must be a whole number from 1 on")
    return _detail(model_version(call.tx, int(text)))


def refresh_value_model_backfill(call: Call) -> Backfill:
    """Work every draft out again under the active version."""
    tenant, actor = call.auth.tenant, call.auth.actor
    with call.house.tx(tenant, actor) as tx:
        row = active_model(tx)
    done, left = refresh_drafts(lambda: call.house.tx(tenant, actor))
    return Backfill(value_model_id=_id(row), version=row.version, receipts=done, left=left)


def _id(row: ModelRow) -> str:
    return f"vm_{row.version}"


def _summary(row: ModelRow) -> dict[str, Any]:
    return {
        "id": _id(row), "version": row.version, "status": row.state, "created_at": instant(row.created_at),
        "activated_at": instant(row.activated_at), "archived_at": instant(row.archived_at),
        "effective_from": instant(row.effective_from), "effective_to": instant(row.effective_to),
    }


def _detail(row: ModelRow) -> ValueModelDetail:
    content: Any = dict(row.content)  # as it was stored
    return ValueModelDetail(**_summary(row), content=content)


def _route(method: Any, rest: str, do: Any, answer: Any, summary: str, **more: Any) -> Route:
    return Route(method, f"/api/v2/value-models{rest}", do, answer, tag="Value models", summary=summary, **more)


ROUTES = (
    _route("GET", "", get_current_value_model, ValueModelDetail, "The active version"),
    _route("PUT", "", update_value_model, ValueModelDetail, "Make a version active; the one before is archived",
           body=ValueModelIn, roles=FINANCE),
    _route("GET", "/versions", list_value_model_versions, Page[ValueModelSummary], "Versions, newest first", query=Paging),
    _route("GET", "/versions/{version}", get_value_model_version, ValueModelDetail, "One version"),
    _route("POST", "/backfill", refresh_value_model_backfill, Backfill, "Work every draft out again under the active version",
           body=Nothing, roles=FINANCE, spans=True),
)
