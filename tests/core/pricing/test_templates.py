"""Templates: every one can be published as it is, once its usage products are named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.pricing.codec import item_from_json, item_to_json
from counterfoil.core.pricing.sheet import Pricing, problems_of
from counterfoil.core.pricing.templates import TEMPLATES, Template, usable

USED = [derived_ref("usage", i) for i in range(3)]


def named(template: Template) -> Pricing:
    items = tuple(replace(i, ref=derived_ref("item", n)) for n, i in enumerate(usable(template, USED)))
    return Pricing(derived_ref("p"), derived_ref("product"), template.title, "Product", 1, "EUR", items)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.name)
def test_a_template_can_be_published_once_its_usage_products_are_named(template: Template) -> None:
    pricing = named(template)
    assert list(problems_of(pricing)) == []
    assert tuple(item_from_json(item_to_json(i)) for i in pricing.items) == pricing.items


def test_a_usage_item_without_a_usage_product_is_not_published_by_mistake() -> None:
    (pay_as_you_go,) = [t for t in TEMPLATES if t.name == "pay_as_you_go"]
    open_item = replace(pay_as_you_go.items[0], ref=derived_ref("item"))
    pricing = replace(named(pay_as_you_go), items=(open_item,))
    assert [p.field for p in problems_of(pricing)] == ["items[0].usage_product_ref"]


def test_names_are_unique() -> None:
    assert len({t.name for t in TEMPLATES}) == len(TEMPLATES)
