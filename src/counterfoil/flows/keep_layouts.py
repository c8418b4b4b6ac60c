"""Keep layouts: how documents look, tried on one before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import Period, local_date
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, refuse_if
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.draw_up import LineDraft, draw_up
from counterfoil.core.invoicing.layout import STANDARD, Layout, layout_problems
from counterfoil.core.invoicing.parties import buyer, seller
from counterfoil.core.pricing.model import Part
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows.ports import Tx

SETTING = "layout"
"""Where a customer's settings name its layout."""
MAX_LAYOUTS = 500

Draw = Callable[[Document, Layout], bytes]
"""Typesets a document."""


def create_layout(tx: Tx, layout: Layout) -> Layout:
    """Store a new layout; its reference is given here. Invalid names each field that is wrong."""
    refuse_if(layout_problems(layout))
    if len(tx.layouts()) >= MAX_LAYOUTS:
        raise Conflict("layout.too_many", f"there are {MAX_LAYOUTS} layouts already")
    made = replace(layout, ref=tx.new_ref())
    tx.put_layout(made)
    tx.audit("create", "layout", made.ref, after=_told(made))
    return made


def change_layout(tx: Tx, layout: Layout) -> Layout:
    """Replace a layout: documents look like it from now on, also those that were issued before (what they say stays).

    Conflict when it would lose the name that customers refer to it by.
    """
    before = _found(tx, layout.ref)
    refuse_if(layout_problems(layout))
    if layout.name != before.name:
        _refuse_users(tx, before)
    tx.put_layout(layout)
    tx.audit("change", "layout", layout.ref, before=_told(before), after=_told(layout))
    return layout


def drop_layout(tx: Tx, ref: str) -> None:
    """Take a layout away. Conflict while customers refer to it."""
    before = _found(tx, ref)
    _refuse_users(tx, before)
    tx.drop_layout(ref)
    tx.audit("drop", "layout", before.ref, before=_told(before))


def choose_layout(tx: Tx, customer_ref: str, name: str | None) -> Customer:
    """Give a customer the layout of that name; None for the tenant's default."""
    customer = tx.customers([customer_ref], living=True).get(Ref(customer_ref))
    if customer is None:
        raise NotFound("customer.not_found", f"there is no customer {customer_ref}")
    if name is not None and tx.layout_named(name) is None:
        raise Invalid.field("layout", f"there is no layout {name!r}")
    rest = {key: value for key, value in customer.settings.items() if key != SETTING}
    changed = replace(customer, settings=rest if name is None else {**rest, SETTING: name})
    tx.put_customers([changed])
    tx.audit("change", "customer", customer.ref, before=customer, after=changed)
    return changed


def layout_of(tx: Tx, customer_ref: str, *, must_exist: bool = False) -> Layout:
    """What a customer's documents look like: its own layout, the tenant's default, or the standard one.

    A name without a layout counts as none; with `must_exist` it is a Conflict, so that a mail waits for it.
    """
    customer = tx.customers([customer_ref]).get(Ref(customer_ref))
    name = None if customer is None else customer.settings.get(SETTING)
    if isinstance(name, str) and name:
        own = tx.layout_named(name)
        if own is not None:
            return own
        if must_exist:
            raise Conflict("layout.not_found", f"the customer's settings ask for the layout {name!r}, which does not exist")
    return tx.default_layout() or STANDARD


def preview(tx: Tx, layout: Layout, document_ref: str | None, draw: Draw) -> bytes:
    """A document as it would look, as PDF, before the layout is stored; without a document, a sample of one.

    Invalid names each field of the layout that is wrong; nothing is stored.
    """
    refuse_if(layout_problems(layout))
    if document_ref is None:
        return draw(sample_document(tx), layout)
    sealed = tx.record(Ref(document_ref))
    if sealed is None:
        raise NotFound("document.not_found", f"there is no document {document_ref}")
    return draw(record_document(sealed.body), layout)


def sample_document(tx: Tx) -> Document:
    """An invoice that nobody owes, from the tenant's first entity: a fee, seats, and usage in tiers."""
    entity = next(iter(tx.entities().values()), Entity(Ref(""), "Your company", "XX"))
    customer = Customer(derived_ref("sample"), "Sample customer", entity.ref, address=("Example Street 1", "12345 Sample"))
    today = local_date(tx.now, entity.time_zone)
    period = Period((today.replace(day=1) - timedelta(days=1)).replace(day=1), today.replace(day=1))
    tiers = (
        Part(Decimal(1000), Decimal("0.01"), Decimal("10.00"), "tier", "tier 1: units 1 to 1,000"),
        Part(Decimal(4500), Decimal("0.008"), Decimal("36.000"), "tier", "tier 2: units from 1,001"),
    )
    tax = Decimal(10)
    drafts = [
        LineDraft("Platform fee", "Platform", "recurring", Decimal("499"), period=period, tax_percent=tax, unit="month",
                  parts=(Part(Decimal(1), Decimal("499"), Decimal("499"), "flat", ""),)),
        LineDraft("Seats", "Platform", "recurring", Decimal("120"), quantity=Decimal(12), unit="seats", period=period,
                  tax_percent=tax, parts=(Part(Decimal(12), Decimal("10"), Decimal("120"), "unit", ""),)),
        LineDraft("API calls", "Usage", "usage", Decimal("46"), quantity=Decimal(5500), unit="calls", period=period,
                  tax_percent=tax, parts=tiers),
        LineDraft("Set-up", "Services", "one_time", Decimal("250"), tax_percent=tax,
                  parts=(Part(Decimal(1), Decimal("250"), Decimal("250"), "flat", ""),)),
    ]  # fmt: skip
    return draw_up(
        ref=derived_ref("sample", tx.tenant), kind="INVOICE", number="", currency=entity.currency, issued_on=today,
        net_days=30, seller=seller(entity), buyer=buyer(customer), drafts=drafts, period=period,
        time_zone=entity.time_zone, language=entity.language,
    )  # fmt: skip


def _found(tx: Tx, ref: str) -> Layout:
    layout = tx.layout(ref)
    if layout is None:
        raise NotFound("layout.not_found", f"there is no layout {ref}")
    return layout


def _refuse_users(tx: Tx, layout: Layout) -> None:
    if tx.has_layout_users(layout.name):
        raise Conflict("layout.in_use", f"customers refer to the layout {layout.name!r}; give them another one first")


def _told(layout: Layout) -> Layout:
    """The layout as it is audited: its picture is not."""
    return replace(layout, logo=b"")
