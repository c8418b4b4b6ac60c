"""Pricing templates over the API: what is shown can be drafted as it is."""

from __future__ import annotations

from tests.api.native import Api


def test_every_template_is_drafted_and_published_as_it_is_shown(api: Api) -> None:
    product = api.post("/v1/products", {"name": "Templates"})
    meter = api.post("/v1/usage-products", {"name": "Units of templates"})
    shown = api.get("/v1/pricing-templates", usage_product_ref=meter["usage_product_ref"])["data"]
    assert len(shown) > 8
    for template in shown:
        body = {
            "product_ref": product["product_ref"], "name": template["title"], "currency": "EUR",
            "items": template["items"],
        }
        drafted = api.post("/v1/pricings", body)
        published = api.post(f"/v1/pricings/{drafted['pricing_ref']}/publish")
        assert published["published_at"] is not None, template["name"]
