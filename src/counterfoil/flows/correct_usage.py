"""Correct usage: an edit or a deletion is a new record in the place of the old one, with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.event import Event
from counterfoil.flows.record_usage import Report, check_usage
from counterfoil.flows.usage_catalogue import Catalogue

MAX_WHY = 500


class StoredEvent(Protocol):
    """A stored event with its story."""

    @property
    def event(self) -> Event:
        """The event itself."""
        ...

    @property
    def superseded_by(self) -> Ref | None:
        """What took its place."""
        ...


class CorrectionTx(Protocol):
    """What correcting usage needs of the store."""

    @property
    def now(self) -> datetime:
        """The tenant's time."""
        ...

    def new_ref(self) -> Ref:
        """A fresh reference."""
        ...

    def event(self, ref: Ref) -> StoredEvent:
        """The event of that reference; NotFound without one."""
        ...

    def supersede(self, old: Ref, new: Event, why: str) -> None:
        """Put a new record in the place of the old one; Conflict when something took it already."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None, why: str = "") -> None:
        """Write the change down."""
        ...


def edit_usage(
    tx: CorrectionTx, ref: str, catalogue: Catalogue, *, why: str, at: datetime | None = None,
    quantity: Decimal | None = None, properties: Mapping[str, str] | None = None, customer: str | None = None,
    usage_product: str | None = None,
) -> Event:
    """Replace what a report said; what is not given stays as it was. The new record.

    It is checked as a new report is. Conflict when the event was corrected before (correct what took its place), or
    deleted. The late usage that results is billed or credited where its periods were already billed.
    """
    old = _standing(tx, ref, why)
    report = Report(
        customer=old.customer_ref if customer is None else customer,
        usage_product=old.usage_product_ref if usage_product is None else usage_product,
        at=old.at if at is None else at,
        quantity=old.quantity if quantity is None else quantity,
        properties=old.properties if properties is None else properties,
    )
    checked = check_usage([report], catalogue, tx.now)
    if checked.refused:
        code, problems = checked.refused[0]
        raise Invalid.of(problems, code)
    fresh = tx.new_ref()
    new = Event(
        ref=fresh, customer_ref=checked.named[0][0], usage_product_ref=checked.named[0][1], at=report.at,
        quantity=report.quantity, properties=report.properties, key=fresh, supersedes=old.ref,
    )
    tx.supersede(old.ref, new, why.strip())
    after = {"event_ref": fresh, **_said(new)}
    tx.audit("edit", "usage_event", old.ref, before=_said(old), after=after, why=why.strip())
    return new


def delete_usage(tx: CorrectionTx, ref: str, *, why: str) -> Event:
    """Take a report away: it stays readable, and counts no more. The record of the deletion."""
    old = _standing(tx, ref, why)
    fresh = tx.new_ref()
    gone = replace(old, ref=fresh, key=fresh, supersedes=old.ref, void=True)
    tx.supersede(old.ref, gone, why.strip())
    tx.audit("delete", "usage_event", old.ref, before=_said(old), after={"event_ref": fresh}, why=why.strip())
    return gone


def _standing(tx: CorrectionTx, ref: str, why: str) -> Event:
    if not why.strip() or len(why) > MAX_WHY or not why.isprintable():
        raise Invalid.field("why", f"must say in 1 to {MAX_WHY} printable characters why the usage is corrected")
    if not is_ref(ref):
        raise NotFound("usage.not_found", f"there is no usage event {ref!r}")
    stored = tx.event(Ref(ref))
    if stored.superseded_by is not None:
        raise Conflict(
            "usage.superseded", f"usage event {ref} was superseded by {stored.superseded_by} already; correct that one"
        )
    if stored.event.void:
        raise Conflict("usage.deleted", f"usage event {ref} is the deletion of another; report a new event instead")
    return stored.event


def _said(event: Event) -> dict[str, Any]:
    return {
        "customer_ref": event.customer_ref,
        "usage_product_ref": event.usage_product_ref,
        "at": instant_text(event.at),
        "quantity": decimal_text(event.quantity),
        "properties": dict(event.properties),
    }
