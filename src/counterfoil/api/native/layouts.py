"""`/v1/layouts`: how documents look, tried on one before it is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, get_args

from msgspec import UNSET, Meta, UnsetType, field

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, File, Route
from counterfoil.api.native.paging import Page, Paging, page_of_all
from counterfoil.api.native.wire import Input, Output, RefText
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.invoicing.layout import MAX_FOOTER, MAX_NAME, MAX_NAMED, MAX_TITLE, Column, DateStyle
from counterfoil.core.invoicing.layout import Layout as CoreLayout
from counterfoil.core.invoicing.logo import is_png
from counterfoil.flows.keep_layouts import (
    SETTING,
    change_layout,
    choose_layout,
    create_layout,
    drop_layout,
    layout_of,
)

LayoutName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=MAX_NAMED)]
Columns = Annotated[
    list[Column], Meta(max_length=len(get_args(Column)), description="Shown beside the item and its amount")
]
Titles = Annotated[
    dict[str, Annotated[str, Meta(max_length=MAX_TITLE)]],
    Meta(description="Other words for INVOICE, CREDIT, DEBIT, item, quantity, unit_price, amount, notes, payment"),
]
Accent = Annotated[str, Meta(max_length=7, description="A colour, dark enough for white paper", examples=["#1d4f7c"])]
Footer = Annotated[str, Meta(max_length=MAX_FOOTER, description="Up to four lines, on every page")]
Logo = Annotated[bytes, Meta(description="PNG or SVG of 200 kB at the most, in Base64; empty for none")]
Hidden = Annotated[Names, Meta(description="Their lines are summed in one row of further items")]
Folded = Annotated[Names, Meta(description="Products whose lines are one row each; `*` for every product")]


class NewLayout(Input):
    """How documents look. It chooses what is shown, never what it comes to."""

    name: LayoutName
    columns: Columns = field(default_factory=lambda: list(get_args(Column)))
    hidden_products: Hidden = field(default_factory=list)
    hidden_items: Hidden = field(default_factory=list)
    folded_products: Folded = field(default_factory=list)
    titles: Titles = field(default_factory=dict)
    accent: Accent = ""
    footer: Footer = ""
    date_style: DateStyle = "medium"
    logo: Logo = b""
    is_default: Annotated[bool, Meta(description="For customers without a layout of their own")] = False


class LayoutChange(Input):
    """What to change of a layout; what is left out stays."""

    name: LayoutName | UnsetType = UNSET
    columns: Columns | UnsetType = UNSET
    hidden_products: Hidden | UnsetType = UNSET
    hidden_items: Hidden | UnsetType = UNSET
    folded_products: Folded | UnsetType = UNSET
    titles: Titles | UnsetType = UNSET
    accent: Accent | UnsetType = UNSET
    footer: Footer | UnsetType = UNSET
    date_style: DateStyle | UnsetType = UNSET
    logo: Logo | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET


class Layout(Output):
    """How documents look. The logo is at `…/logo`; `logo_bytes` is 0 without one."""

    layout_ref: RefText
    name: str
    columns: list[Column]
    hidden_products: list[str]
    hidden_items: list[str]
    folded_products: list[str]
    titles: dict[str, str]
    accent: str
    footer: str
    date_style: DateStyle
    logo_bytes: int
    is_default: bool


class LayoutPreview(Input):
    """A layout that need not be stored, and the document to show in it; without one, a sample of an invoice."""

    layout: NewLayout
    document_ref: RefText | None = None


class LayoutChoice(Input):
    """The name of a layout; null for the tenant's default."""

    layout: LayoutName | None


class ChosenLayout(Output):
    """Which layout a customer asks for (null: none), and in which one its documents are shown."""

    customer_ref: RefText
    layout: str | None
    shown_in: str


class DroppedLayout(Output):
    """The layout is gone."""

    layout_ref: RefText
    deleted: bool = True


_LISTS = ("columns", "hidden_products", "hidden_items", "folded_products")


def layout_out(layout: CoreLayout) -> Layout:
    """A layout as the wire shows it."""
    return Layout(
        layout_ref=layout.ref, name=layout.name, columns=list(layout.columns),
        hidden_products=list(layout.hidden_products), hidden_items=list(layout.hidden_items),
        folded_products=list(layout.folded_products), titles=dict(layout.titles), accent=layout.accent,
        footer=layout.footer, date_style=layout.date_style, logo_bytes=len(layout.logo), is_default=layout.is_default,
    )


def _given(body: NewLayout | LayoutChange) -> dict[str, Any]:
    found = {name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET}
    return found | {name: tuple(found[name]) for name in _LISTS if name in found}


def list_layouts(call: Call) -> Page[Layout]:
    """Layouts by name."""
    return page_of_all(call.tx.layouts(), call.query, lambda x: (x.name, x.ref), layout_out)


def post_layout(call: Call) -> Layout:
    """Make a layout."""
    return layout_out(create_layout(call.tx, CoreLayout(Ref(""), **_given(call.body))))


def get_layout(call: Call) -> Layout:
    """One layout."""
    return layout_out(_layout(call))


def get_logo(call: Call) -> File:
    """A layout's logo."""
    layout = _layout(call)
    if not layout.logo:
        raise NotFound("logo.not_found", f"the layout {layout.name!r} has no logo")
    kind, ending = ("image/png", "png") if is_png(layout.logo) else ("image/svg+xml", "svg")
    return File(layout.logo, kind, f"logo.{ending}")


def patch_layout(call: Call) -> Layout:
    """Change a layout."""
    return layout_out(change_layout(call.tx, replace(_layout(call), **_given(call.body))))


def delete_layout(call: Call) -> DroppedLayout:
    """Take a layout away."""
    ref = call.ref("layout_ref")
    drop_layout(call.tx, ref)
    return DroppedLayout(layout_ref=ref)


def preview(call: Call) -> File:
    """A document in a layout."""
    layout = CoreLayout(Ref(""), **_given(call.body.layout))
    try:
        return File(call.house.preview_layout(call.tx, layout, call.body.document_ref), "application/pdf", "preview.pdf")
    except Invalid as refusal:
        raise Invalid.of((p.under("layout") for p in refusal.problems), refusal.code) from None


def get_choice(call: Call) -> ChosenLayout:
    """A customer's layout."""
    return _chosen(call, call.ref("customer_ref"))


def put_choice(call: Call) -> ChosenLayout:
    """Give a customer a layout."""
    ref = call.ref("customer_ref")
    choose_layout(call.tx, ref, call.body.layout)
    return _chosen(call, ref)


def _chosen(call: Call, ref: str) -> ChosenLayout:
    customer = call.tx.customers([ref], living=True).get(Ref(ref))
    if customer is None:
        raise NotFound("customer.not_found", f"there is no customer {ref}")
    name = customer.settings.get(SETTING)
    return ChosenLayout(
        customer_ref=ref, layout=name if isinstance(name, str) else None, shown_in=layout_of(call.tx, ref).name
    )


def _layout(call: Call) -> CoreLayout:
    ref = call.ref("layout_ref")
    found: CoreLayout | None = call.tx.layout(ref)
    if found is None:
        raise NotFound("layout.not_found", f"there is no layout {ref}")
    return found


_LAYOUT = "/v1/layouts/{layout_ref}"
_CHOICE = "/v1/customers/{customer_ref}/layout"
_EXAMPLE = {
    "name": "Short", "columns": ["period", "quantity"], "hidden_items": ["Internal adjustment"],
    "folded_products": ["Platform"], "titles": {"INVOICE": "Tax invoice"}, "accent": "#7a1f5c",
    "footer": "Northwind GmbH, HRB 12345, Hamburg", "date_style": "long",
}

ROUTES = (
    Route("GET", "/v1/layouts", "Layouts", "Layouts, by name", list_layouts, Page[Layout], query=Paging),
    Route("POST", "/v1/layouts", "Layouts", "Make a layout", post_layout, Layout, body=NewLayout, roles=ADMIN,
          status=201, errors=(409,), example=_EXAMPLE),
    Route("POST", "/v1/layouts/preview", "Layouts", "A document in a layout that need not be stored", preview,
          body=LayoutPreview, errors=(404,), media="application/pdf", example={"layout": _EXAMPLE},
          about="Nothing is stored. Without `document_ref` a sample of an invoice is shown."),
    Route("GET", _LAYOUT, "Layouts", "One layout", get_layout, Layout, errors=(404,)),
    Route("PATCH", _LAYOUT, "Layouts", "Change a layout", patch_layout, Layout, body=LayoutChange, roles=ADMIN,
          errors=(404, 409), example={"accent": "#1d4f7c", "is_default": True},
          about="Documents look like it from now on, also those that were issued before: what they say stays. 409 when "
          "its name is to change while customers refer to it."),
    Route("DELETE", _LAYOUT, "Layouts", "Take a layout away", delete_layout, DroppedLayout, roles=ADMIN,
          errors=(404, 409), about="409 while customers refer to it."),
    Route("GET", f"{_LAYOUT}/logo", "Layouts", "Its logo, as it was given", get_logo, errors=(404,),
          media="image/*"),
    Route("GET", _CHOICE, "Layouts", "Which layout a customer has", get_choice, ChosenLayout, errors=(404,)),
    Route("PUT", _CHOICE, "Layouts", "Choose a customer's layout", put_choice, ChosenLayout, body=LayoutChoice,
          roles=FINANCE, errors=(404,), example={"layout": "Short"}),
)
