"""How an event says which product it is of: two properties beside those of its data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

PRODUCT = "$product"
"""The product's reference, where it was known when the event came."""
EXTERNAL_PRODUCT = "$external_product"
"""The external id that the sender gave, known or not."""


def is_of(properties: Mapping[str, str], product_refs: Collection[str], external_ids: Collection[str]) -> bool:
    """Whether an event with these properties is of one of the products."""
    return properties.get(PRODUCT) in product_refs or properties.get(EXTERNAL_PRODUCT) in external_ids
