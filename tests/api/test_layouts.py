"""Layouts over the API: tried before they are used, never changing what a document says, and not lost while in use."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from counterfoil.app import House
from tests.api.native import Api, Shop, bad, good, invoice, key_of

NOBODY = "00000000-0000-4000-8000-000000000000"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0 0h10v10z" fill="#7a1f5c"/></svg>'
LOGO = base64.b64encode(SVG).decode()
SHORT: dict[str, Any] = {
    "name": "Short", "columns": ["quantity"], "titles": {"INVOICE": "Tax invoice"}, "accent": "#7a1f5c",
    "footer": "Acme Europe, HRB 12345", "date_style": "iso", "logo": LOGO,
}


def text_of(answer: Any) -> str:
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf", answer.text
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)


def test_a_layout_is_made_changed_and_taken_away(api: Api) -> None:
    made = api.post("/v1/layouts", SHORT)
    ref = made["layout_ref"]
    assert (made["columns"], made["logo_bytes"], made["is_default"]) == (["quantity"], len(SVG), False)
    assert api.get(f"/v1/layouts/{ref}") == made and api.get("/v1/layouts")["data"] == [made]
    logo = api("GET", f"/v1/layouts/{ref}/logo")
    assert (logo.content, logo.headers["content-type"]) == (SVG, "image/svg+xml")
    assert logo.headers["content-disposition"].startswith("attachment")
    changed = good(api("PATCH", f"/v1/layouts/{ref}", {"name": "Brief", "is_default": True}))
    assert changed == {**made, "name": "Brief", "is_default": True}, "what is left out stays, the logo too"
    other = api.post("/v1/layouts", {"name": "Other", "is_default": True})
    assert api.get(f"/v1/layouts/{ref}")["is_default"] is False, "there is one default"
    bad(api("GET", f"/v1/layouts/{other['layout_ref']}/logo"), 404, code="logo.not_found")
    assert good(api("DELETE", f"/v1/layouts/{ref}")) == {"layout_ref": ref, "deleted": True}
    for method, path, body in (
        ("GET", ref, None), ("PATCH", ref, {"accent": ""}), ("DELETE", ref, None), ("GET", "x", None),
    ):
        bad(api(method, f"/v1/layouts/{path}", body), 404, code="layout.not_found")
    assert [x["name"] for x in api.get("/v1/layouts")["data"]] == ["Other"]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no name", {"name": " "}, "name"),
    ("a column that does not exist", {"columns": ["colour"]}, "columns[0]"),
    ("a column twice", {"columns": ["period", "period"]}, "columns[1]"),
    ("hiding everything", {"hidden_products": ["*"]}, "hidden_products[0]"),
    ("a product hidden and folded", {"hidden_products": ["A"], "folded_products": ["A"]}, "folded_products[0]"),
    ("a title of nothing", {"titles": {"TOTAL": "x"}}, "titles.TOTAL"),
    ("a colour by name", {"accent": "red"}, "accent"),
    ("a colour that cannot be read", {"accent": "#ffff00"}, "accent"),
    ("five lines of footer", {"footer": "1\n2\n3\n4\n5"}, "footer"),
    ("a style of dates that does not exist", {"date_style": "roman"}, "date_style"),
    ("a logo that is not Base64", {"logo": "***"}, "logo"),
    ("a logo that is no picture", {"logo": base64.b64encode(b"GIF89a").decode()}, "logo"),
    ("a logo with a script", {"logo": base64.b64encode(SVG.replace(b"path", b"script")).decode()}, "logo"),
    ("an unknown field", {"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("what", "change", "field"), WRONG, ids=[w[0] for w in WRONG])
def test_a_layout_that_cannot_be_meant_is_refused_wherever_it_comes_in(
    stocked: tuple[Api, Shop], what: str, change: dict[str, Any], field: str
) -> None:
    api, _shop = stocked
    known = {x["name"]: x["layout_ref"] for x in api.get("/v1/layouts")["data"]}
    ref = known.get("Kept") or api.post("/v1/layouts", {"name": "Kept"})["layout_ref"]
    before = api.get("/v1/layouts")
    bad(api("POST", "/v1/layouts", {**SHORT, **change}), 422, field)
    bad(api("PATCH", f"/v1/layouts/{ref}", change), 422, field)
    bad(api("POST", "/v1/layouts/preview", {"layout": {**SHORT, **change}}), 422, f"layout.{field}")
    assert api.get("/v1/layouts") == before


def test_a_preview_shows_a_document_in_a_layout_that_is_not_stored(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    document = api.post("/v1/invoices", invoice(shop.customer, "12.34"))
    ref = document["document_ref"]
    shown = text_of(api("POST", "/v1/layouts/preview", {"layout": SHORT, "document_ref": ref}))
    assert "Tax invoice" in shown and "HRB 12345" in shown and document["total"] in shown
    sample = text_of(api("POST", "/v1/layouts/preview", {"layout": {**SHORT, "name": "Other"}}))
    assert "Tax invoice" in sample and "Sample customer" in sample
    assert api.get("/v1/layouts")["data"] == [] and "Tax invoice" not in text_of(api("GET", f"/v1/documents/{ref}/pdf"))
    bad(api("POST", "/v1/layouts/preview", {"layout": SHORT, "document_ref": NOBODY}), 404, code="document.not_found")
    bad(api("POST", "/v1/layouts/preview", {"layout": SHORT, "document_ref": "x"}), 422, "document_ref")


def test_a_preview_under_a_key_is_given_again_as_the_pdf_that_it_was(api: Api) -> None:
    key = {"Idempotency-Key": "look"}
    first, again = (api("POST", "/v1/layouts/preview", {"layout": SHORT}, headers=key) for _ in range(2))
    assert (first.content, first.headers["content-type"]) == (again.content, again.headers["content-type"])
    assert again.headers["idempotency-replayed"] == "true"


def test_a_customers_documents_are_shown_in_its_layout_which_is_not_lost_while_in_use(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    path = f"/v1/customers/{shop.customer}/layout"
    assert api.get(path) == {"customer_ref": shop.customer, "layout": None, "shown_in": "Standard"}
    layout = api.post("/v1/layouts", SHORT)["layout_ref"]
    document = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    assert good(api("PUT", path, {"layout": "Short"}))["shown_in"] == "Short"
    assert "Tax invoice" in text_of(api("GET", f"/v1/documents/{document}/pdf"))
    bad(api("DELETE", f"/v1/layouts/{layout}"), 409, code="layout.in_use")
    bad(api("PATCH", f"/v1/layouts/{layout}", {"name": "Brief"}), 409, code="layout.in_use")
    good(api("PATCH", f"/v1/customers/{shop.customer}", {"net_days": 7}))
    assert api.get(path)["layout"] == "Short", "a change of the customer keeps its layout"
    bad(api("PUT", path, {"layout": "Long"}), 422, "layout")
    bad(api("PUT", path, {}), 422, "layout")
    bad(api("PUT", f"/v1/customers/{NOBODY}/layout", {"layout": "Short"}), 404, code="customer.not_found")
    assert api.get(path)["layout"] == "Short"
    assert good(api("PUT", path, {"layout": None}))["shown_in"] == "Standard"
    good(api("DELETE", f"/v1/layouts/{layout}"))


def test_a_name_is_given_once_and_a_key_makes_one_layout(api: Api) -> None:
    key = {"Idempotency-Key": "layout-1"}
    first = api("POST", "/v1/layouts", SHORT, headers=key)
    again = api("POST", "/v1/layouts", SHORT, headers=key)
    assert (first.status_code, first.content) == (201, again.content)
    bad(api("POST", "/v1/layouts", SHORT), 409, code="layout.exists")
    assert len(api.get("/v1/layouts")["data"]) == 1


def test_layouts_are_the_administrators_and_choosing_is_finances(house: House, fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    layout = api.post("/v1/layouts", SHORT)["layout_ref"]
    finance, viewer = (Api(api.client, key_of(house, api.tenant, role)) for role in ("finance", "viewer"))
    for method, path, body in (
        ("POST", "/v1/layouts", SHORT), ("PATCH", f"/v1/layouts/{layout}", {"accent": ""}),
        ("DELETE", f"/v1/layouts/{layout}", None),
    ):
        bad(finance(method, path, body), 403, code="role.missing")
    choice = f"/v1/customers/{shop.customer}/layout"
    bad(viewer("PUT", choice, {"layout": "Short"}), 403, code="role.missing")
    assert finance("PUT", choice, {"layout": "Short"}).status_code == 200
    assert viewer("POST", "/v1/layouts/preview", {"layout": SHORT}).status_code == 200


def test_nobody_sees_or_takes_anothers_layout(api: Api, new_api: Callable[..., Api]) -> None:
    ref = api.post("/v1/layouts", SHORT)["layout_ref"]
    other = new_api()
    assert other.get("/v1/layouts")["data"] == []
    bad(other("GET", f"/v1/layouts/{ref}/logo"), 404)
    bad(other("DELETE", f"/v1/layouts/{ref}"), 404)
