"""Keep the value model: what events are worth, in versions of which one is active, whole or one metric at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, refuse_if
from counterfoil.core.value.content import Content
from counterfoil.core.value.metrics import metric_of, with_changes, with_metric
from counterfoil.core.value.sound import content_problems
from counterfoil.flows.value_rows import ModelRow, ValueTx

LOCK = "value model"


def put_model(
    tx: ValueTx, content: Content, effective_from: datetime | None = None, effective_to: datetime | None = None
) -> ModelRow:
    """Make this the active version; the one before is archived. Invalid names everything that is wrong with it."""
    refuse_if([p.under("content") for p in content_problems(content)], "value_model.invalid")
    if effective_from is not None and effective_to is not None and effective_to <= effective_from:
        raise Invalid.field("effectiveTo", "must be after effectiveFrom")
    tx.lock(LOCK)
    return _published(tx, content, effective_from, effective_to)


def active_model(tx: ValueTx) -> ModelRow:
    """The active version; NotFound before the first."""
    row = tx.value_model()
    if row is None:
        raise NotFound("value_model.not_found", "there is no value model yet")
    return row


def model_version(tx: ValueTx, version: int) -> ModelRow:
    """A version by its number; NotFound without it."""
    row = tx.value_model(version)
    if row is None:
        raise NotFound("value_model.not_found", f"the value model has no version {version}")
    return row


def add_metric(tx: ValueTx, given: Mapping[str, Any], expected: int | None = None) -> tuple[Content, int]:
    """Add a metric and publish a version with it; the metric and that version's number.

    Its event must be known: something was counted under that name, or may be. `expected`: the version that the caller
    knows to be active; Conflict `value_model.changed` where it is not.
    """
    before, _version = _current(tx, expected)
    content, slug = with_metric(before, given, instant_text(tx.now))
    event = given["signal"]["eventName"]
    if not tx.is_event_known(event):
        raise Invalid.field(
            "signal.eventName", f"no event {event[:200]!r} was ever sent, and no usage pricing counts it", "value_metric.event"
        )
    return _with(tx, content, slug)


def change_metric(
    tx: ValueTx, slug: str, changes: Mapping[str, Any], expected: int | None = None
) -> tuple[Content, int]:
    """Change what `changes` names of a metric and publish a version with it."""
    before, _version = _current(tx, expected)
    return _with(tx, with_changes(before, slug, changes), slug)


def archive_metric(tx: ValueTx, slug: str, expected: int | None = None) -> tuple[Content, int]:
    """Take a metric out of lists. Its events still have their value, and what was sealed stays as it is; nothing changes
    for one that is archived already."""
    before, version = _current(tx, expected)
    kind = metric_of(before, slug)
    if kind.get("archivedAt") is not None:
        return kind, version
    return _with(tx, with_changes(before, slug, {"archivedAt": instant_text(tx.now)}), slug)


def _current(tx: ValueTx, expected: int | None) -> tuple[Content | None, int]:
    tx.lock(LOCK)
    row = tx.value_model()
    if expected is not None and expected != (row.version if row is not None else 0):
        there = "there is none" if row is None else f"version {row.version} is active"
        raise Conflict("value_model.changed", f"expectedActiveVersion is {expected}, but {there}; read it and try again")
    return (None, 0) if row is None else (row.content, row.version)


def _with(tx: ValueTx, content: Content, slug: str) -> tuple[Content, int]:
    refuse_if([p.under("content") for p in content_problems(content)], "value_model.invalid")
    row = _published(tx, content, None, None)
    return metric_of(content, slug), row.version


def _published(
    tx: ValueTx, content: Content, effective_from: datetime | None, effective_to: datetime | None
) -> ModelRow:
    row = ModelRow(
        tx.last_value_model() + 1, "active", content, effective_from, effective_to, created_at=tx.now, activated_at=tx.now
    )
    tx.add_value_model(row)
    tx.audit("publish", "value_model", str(row.version), after=_told(content))
    return row


def _told(content: Content) -> Json:
    return {"currency": content.get("currency"), "metrics": [kind["slug"] for kind in content["valueTypes"]]}
