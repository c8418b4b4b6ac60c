"""Value metrics: single parts of the value model, each write of which publishes a version."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import Page, Pagination
from counterfoil.api.paid.value_wire import (
    UNSET,
    Category,
    Clock,
    FormulaVariable,
    Instant,
    Long,
    Name,
    Part,
    Short,
    Source,
    Texts,
    Unit,
    Unset,
    plain,
)
from counterfoil.api.wire import Input, Output
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.value.metrics import bindings_of, calculation_of, conversion_of, formula_of, metric_of
from counterfoil.core.value.sound import is_number
from counterfoil.flows.keep_value_models import active_model, add_metric, archive_metric, change_metric

MAX_METRICS = 200
Version = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class MetricFormula(Part):
    """What one occurrence gives; without variables a number."""

    expression: Long
    variables: list[FormulaVariable]
    label: Short | None = None


class MetricSignal(Part):
    """The event that feeds a metric, and what each variable is where the event does not say."""

    event_name: Name
    label: Short | None = None
    defaults: dict[str, Decimal] | None = None
    description: Long | None = None
    labels: Texts | None = None
    tags: Texts | None = None


class FlatRate(Part):
    """Money for one unit."""

    value_per_unit: Decimal
    label: Short | None = None


class MetricIn(Part):
    """A new metric. `slug` is made of the name where it is left out."""

    name: Name
    unit: Unit
    formula: MetricFormula
    signal: MetricSignal
    slug: str | None = None
    monetary_conversion: FlatRate | None = None
    category: Category | None = None
    description: Long | None = None
    long_description: Long | None = None
    sources: list[Source] | None = None
    expected_active_version: Version | None = None


class VariableEdit(Part):
    """What is to change of a variable."""

    value: Decimal | Unset | None = UNSET
    label: Short | Unset | None = UNSET
    format: str | Unset | None = UNSET
    format_unit: Clock | Unset | None = UNSET


class MetricChange(Part):
    """What is to change of a metric; what is left out stays. Neither its expression nor its signal can change."""

    name: Name | Unset = UNSET
    unit: Unit | Unset = UNSET
    monetary_conversion: FlatRate | Unset | None = UNSET
    variables: dict[str, VariableEdit] | Unset = UNSET
    archived_at: Instant | Unset | None = UNSET
    category: Category | Unset | None = UNSET
    description: Long | Unset | None = UNSET
    long_description: Long | Unset | None = UNSET
    sources: list[Source] | Unset | None = UNSET
    expected_active_version: Version | Unset | None = UNSET
    formula: msgspec.Raw | Unset = UNSET
    signal: msgspec.Raw | Unset = UNSET


class MetricFilter(Input):
    """Which metrics: up to `limit` (10 unless told, 200 at most) from `offset` on."""

    limit: int | None = None
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    include_archived: bool = False


class ExpectedVersion(Input):
    """The version that the caller knows to be active."""

    expected_active_version: Version | None = None


class WriteAck(Output):
    """The metric, and the version of the value model that it is in."""

    slug: str
    name: str
    version: int


class ValueMetricSummary(Output):
    """A metric without its formula."""

    slug: str
    name: str
    category: str | None
    unit: dict[str, Any]
    description: str | None
    archived_at: str | None
    monetary_conversion: dict[str, Any] | None


class ValueMetricDetail(ValueMetricSummary):
    """A metric with its formula and signals."""

    long_description: str | None
    sources: list[dict[str, str]] | None
    formula: dict[str, Any] | None
    signals: list[dict[str, Any]]


def list_value_metrics(call: Call) -> Page[ValueMetricSummary]:
    """The metrics of the active version."""
    q: MetricFilter = call.query
    model = call.tx.value_model()
    kinds = [] if model is None else model.content["valueTypes"]
    shown = [k for k in kinds if q.include_archived or k.get("archivedAt") is None]
    size = 10 if q.limit is None else min(max(q.limit, 1), MAX_METRICS)
    some = shown[q.offset : q.offset + size]
    return Page(
        data=[ValueMetricSummary(**_summary(k)) for k in some],
        pagination=Pagination(limit=size, offset=q.offset, total=len(shown), has_more=q.offset + len(some) < len(shown)),
    )


def get_value_metric(call: Call) -> ValueMetricDetail:
    """One metric."""
    content = active_model(call.tx).content
    kind = metric_of(content, call.param("slug"))
    formula = formula_of(content, kind)
    return ValueMetricDetail(
        **_summary(kind), long_description=kind.get("longDescription"), sources=kind.get("sources"),
        formula=None if formula is None else {
            "id": formula["id"], "label": formula["label"], "expression": formula["expression"],
            "variables": [_filled(v, "id", "label", "type", "description", "format", "formatUnit")
                          for v in formula["variables"]],
        },
        signals=[
            _filled(s, "eventName", "label", "description", "labels", "tags")
            | {"defaults": {name: value for name, value in (s.get("defaults") or {}).items() if is_number(value)}}
            for s in bindings_of(content, kind)
        ],
    )


def create_value_metric(call: Call) -> WriteAck:
    """Add a metric."""
    body: MetricIn = call.body
    kind, version = add_metric(call.tx, plain(body), body.expected_active_version)
    return WriteAck(slug=kind["slug"], name=kind["name"], version=version)


def update_value_metric(call: Call) -> WriteAck:
    """Change a metric."""
    for name, value in (("formula", call.body.formula), ("signal", call.body.signal)):
        if value is not UNSET:
            raise Invalid.field(name, "cannot be changed: make another metric, or write the whole value model")
    changes = plain(call.body)
    expected = changes.pop("expectedActiveVersion", None)
    kind, version = change_metric(call.tx, call.param("slug"), changes, expected)
    return WriteAck(slug=kind["slug"], name=kind["name"], version=version)


def archive_value_metric(call: Call) -> WriteAck:
    """Archive a metric."""
    kind, version = archive_metric(call.tx, call.param("slug"), call.query.expected_active_version)
    return WriteAck(slug=kind["slug"], name=kind["name"], version=version)


def _summary(kind: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "slug": kind["slug"],
        "name": kind["name"],
        "category": kind.get("category"),
        "unit": _filled(calculation_of(kind)["unit"], "type", "durationUnit", "unit", "unitDisplay"),
        "description": kind.get("description"),
        "archived_at": kind.get("archivedAt"),
        "monetary_conversion": conversion_of(kind),
    }


def _filled(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: part.get(name) for name in names}


ROUTES = (
    Route("GET", "/api/v2/value-metrics", list_value_metrics, Page[ValueMetricSummary], query=MetricFilter, tag="Value metrics",
          summary="The metrics of the active value model"),
    Route("POST", "/api/v2/value-metrics", create_value_metric, WriteAck, body=MetricIn, roles=FINANCE, status=201,
          tag="Value metrics", summary="Add a metric"),
    Route("GET", "/api/v2/value-metrics/{slug}", get_value_metric, ValueMetricDetail, tag="Value metrics", summary="One metric"),
    Route("PATCH", "/api/v2/value-metrics/{slug}", update_value_metric, WriteAck, body=MetricChange, roles=FINANCE,
          tag="Value metrics", summary="Change what is sent of a metric"),
    Route("DELETE", "/api/v2/value-metrics/{slug}", archive_value_metric, WriteAck, query=ExpectedVersion, roles=FINANCE,
          tag="Value metrics", summary="Archive a metric"),
)
