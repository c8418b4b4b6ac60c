"""Preview a pricing: what quantities would cost, by the very rating that bills. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.money import MAX_MINOR, to_minor
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.pricing.model import LineItem, Rated
from counterfoil.core.pricing.rate import rate
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.flows.ports import Tx


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A line item as it would be billed: the exact rating, and its amount rounded once."""

    item: LineItem
    rated: Rated
    amount_minor: int


def preview_pricing(
    tx: Tx, ref: str, used: Mapping[Ref, Measured], *, version: int | None = None
) -> tuple[Pricing, list[PreviewLine]]:
    """Price one full period of a pricing's version (default: the latest) with these measurements by line item.

    Items that are not named bill their own quantity, or no usage. Refusals: NotFound for the pricing or version;
    Invalid that names `quantities[i]` for an item it does not have, or an amount beyond what a document holds.
    """
    versions = tx.pricing_versions(ref)
    if not versions:
        raise NotFound("pricing.not_found", f"there is no pricing {ref}")
    wanted = [v.pricing for v in versions if version is None or v.pricing.version == version]
    if not wanted:
        raise NotFound("version.not_found", f"there is no version {version} of this pricing")
    pricing = wanted[-1]
    known = {i.ref for i in pricing.items}
    places = {item: f"quantities[{n}]" for n, item in enumerate(used)}
    unknown = [ref for ref in used if ref not in known]
    refuse_if(Problem(f"{places[ref]}.line_item_ref", "is not a line item of this pricing") for ref in unknown)
    refuse_if(Problem(f"{places[i]}.quantity", "must not be negative") for i, m in used.items() if m.quantity < 0)
    lines = []
    for item in pricing.items:
        where = places.get(item.ref, "quantities")
        try:
            rated = rate(item, used.get(item.ref, NOTHING))
        except Invalid as refusal:
            raise Invalid.of((p.under(where) for p in refusal.problems), refusal.code) from None
        minor = to_minor(rated.amount, pricing.currency)
        if abs(minor) >= MAX_MINOR:
            raise Invalid.field(where, "comes to more than a document can hold", "invoice.out_of_range")
        lines.append(PreviewLine(item, rated, minor))
    return pricing, lines
