"""When documents of a contract fall due: its segments with the pricings that shape their charges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import midnight
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.charges import Shape, next_charge_on
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.rating import items_of, shape_of
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.flows.ports import Tx


def pricings_of(tx: Tx, contracts: Iterable[Contract]) -> Mapping[tuple[Ref, int], Pricing]:
    """The pricings that the segments of these contracts use."""
    return tx.pricings(list({(s.terms.pricing_ref, s.terms.pricing_version) for c in contracts for s in c.segments}))


def shapes_of(contract: Contract, pricings: Mapping[tuple[Ref, int], Pricing]) -> list[tuple[Segment, Shape]]:
    """Each segment with the kinds of line items it bills; one-time items belong to the segment that has them first."""
    found = []
    for history in by_product(contract.segments).values():
        seen: frozenset[Ref] = frozenset()
        for segment in history:
            pricing = pricings[(segment.terms.pricing_ref, segment.terms.pricing_version)]
            once = {i.ref for i in items_of(segment.terms, pricing) if i.kind == "one_time"}
            found.append((segment, shape_of(segment.terms, pricing, one_time=bool(once - seen))))
            seen |= once
    return found


def next_issue_at(contract: Contract, pricings: Mapping[tuple[Ref, int], Pricing], after: date) -> datetime | None:
    """When the contract's first document later than `after` falls due."""
    instants = []
    for segment, shape in shapes_of(contract, pricings):
        on = next_charge_on(segment, shape, after)
        if on is not None:
            instants.append(midnight(on, segment.terms.time_zone))
    return min(instants, default=None)
