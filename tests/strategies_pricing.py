"""Hypothesis words of pricing: every price model, usage that fits it, and line items with steps around it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.pricing.model import Conversion, LineItem, PriceModel
from counterfoil.core.pricing.models.block_graduated import BlockGraduated
from counterfoil.core.pricing.models.block_volume import BlockVolume
from counterfoil.core.pricing.models.bucketed import Bucketed
from counterfoil.core.pricing.models.cumulative_commitment import CumulativeCommitment
from counterfoil.core.pricing.models.dynamic import Dynamic
from counterfoil.core.pricing.models.dynamic_multiplier import DynamicMultiplier
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.formula import Formula
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.graduated_percentage import GraduatedPercentage, PercentTier
from counterfoil.core.pricing.models.graduated_prorated_events import GraduatedProratedEvents
from counterfoil.core.pricing.models.grouped import Grouped
from counterfoil.core.pricing.models.matrix import Cell, Matrix
from counterfoil.core.pricing.models.multi_unit_block import MultiUnitBlock
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.percentage import Percentage
from counterfoil.core.pricing.models.stairstep import StairStep, Step
from counterfoil.core.pricing.models.stairstep_multi import CapacityStep, StairStepMulti
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.models.windowed_commitment import WindowedCommitment
from counterfoil.core.pricing.tiers import BlockTier, Tier

PRODUCT = derived_ref("usage product", "api calls")
REGIONS = ("eu", "us", "ap")


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), allow_nan=False, allow_infinity=False, places=places)


prices = st.one_of(st.just(ZERO), decimals("0", "50", 4))
fees = st.one_of(st.just(ZERO), decimals("0", "200", 2))
sizes = st.one_of(st.integers(1, 100).map(Decimal), decimals("0.1", "50", 1))
quantities = st.one_of(st.integers(0, 300).map(Decimal), decimals("0", "300", 3), st.just(ZERO))
signed = st.one_of(quantities, decimals("-50", "50", 2))


@st.composite
def bounds(draw: st.DrawFn) -> tuple[Decimal | None, ...]:
    """Rising inclusive bounds, the last one open."""
    rising = sorted(draw(st.sets(sizes, max_size=3)))
    return (*rising, None)


@st.composite
def tiers(draw: st.DrawFn, capped: bool = True) -> tuple[Tier, ...]:
    caps = st.none() | fees if capped else st.none()
    return tuple(Tier(b, draw(st.none() | prices), draw(fees), draw(caps)) for b in draw(bounds()))


@st.composite
def block_tiers(draw: st.DrawFn) -> tuple[BlockTier, ...]:
    bounded = draw(st.lists(st.builds(BlockTier, sizes, prices, st.integers(1, 5)), max_size=2))
    return (*bounded, BlockTier(draw(sizes), draw(prices)))


@st.composite
def stairsteps(draw: st.DrawFn) -> StairStep:
    """Steps whose price does not fall."""
    reached = draw(bounds())
    costs = sorted(draw(st.lists(prices, min_size=len(reached), max_size=len(reached))))
    return StairStep(tuple(Step(p, b) for p, b in zip(costs, reached, strict=True)))


@st.composite
def capacities(draw: st.DrawFn) -> StairStepMulti:
    costs = sorted(draw(st.lists(prices, min_size=2, max_size=2)))
    limits = {"seats": draw(sizes), "storage": draw(sizes)}
    return StairStepMulti((CapacityStep(costs[0], limits), CapacityStep(costs[1], {})))


@st.composite
def percentages(draw: st.DrawFn) -> Percentage:
    low = draw(st.none() | decimals("0", "2", 2))
    high = draw(st.none() | decimals("2", "20", 2))
    return Percentage(draw(prices), draw(fees), draw(st.integers(0, 3)), draw(fees), low, high)


rising = st.one_of(
    st.builds(PerUnit, prices),
    st.builds(Graduated, tiers()),
    st.builds(Package, sizes, prices, st.sampled_from((ZERO, Decimal(10)))),
    st.builds(BlockGraduated, block_tiers()),
)
"""Models over one quantity that bill each split of a period."""
simple = rising | st.builds(Volume, tiers())
"""Models over one quantity, which may stand inside others."""

FORMULAS = (
    "=quantity * 0.25",
    "=ROUND(MIN(quantity, 100) * 0.25 + MAX(quantity - 100, 0) * 0.1, 2)",
    "=IF(prior_quantity + quantity > 50, CEILING(quantity, 10), FLOOR(quantity)) ^ 2 / 3",
    "=count * 5% + (quantity >= 10) * 7",
)

BY_KIND: dict[str, st.SearchStrategy[PriceModel]] = {
    "flat": st.builds(Flat, fees, st.sampled_from(("in_advance", "in_arrears"))),
    "per_unit": st.builds(PerUnit, prices),
    "graduated": st.builds(Graduated, tiers()),
    "volume": st.builds(Volume, tiers()),
    "package": st.builds(Package, sizes, prices, fees, st.sampled_from(("up", "down"))),
    "block_graduated": st.builds(BlockGraduated, block_tiers()),
    "block_volume": st.builds(BlockVolume, block_tiers()),
    "multi_unit_block": st.builds(
        MultiUnitBlock,
        st.fixed_dictionaries({"seats": block_tiers(), "storage": block_tiers()}),
        st.sampled_from(("graduated", "volume")),
    ),
    "stairstep": stairsteps(),
    "stairstep_multi": capacities(),
    "percentage": percentages(),
    "graduated_percentage": bounds().flatmap(
        lambda bs: st.builds(
            GraduatedPercentage, st.tuples(*(st.builds(PercentTier, prices, st.just(b), fees) for b in bs))
        )
    ),
    "graduated_prorated_events": st.builds(GraduatedProratedEvents, tiers(capped=False)),
    "matrix": st.lists(prices, min_size=2, max_size=2).flatmap(
        lambda ps: st.builds(Matrix, st.just(tuple(Cell((r,), p) for r, p in zip(REGIONS, ps, strict=False))), prices)
    ),
    "dynamic": st.builds(Dynamic, prices),
    "dynamic_multiplier": st.builds(DynamicMultiplier, prices),
    "bucketed": st.builds(Bucketed, simple),
    "grouped": st.builds(Grouped, simple),
    "windowed_commitment": st.builds(
        WindowedCommitment, simple, sizes, st.sampled_from(("amount", "quantity")), prices, st.booleans()
    ),
    "cumulative_commitment": st.builds(CumulativeCommitment, rising, sizes, prices),
    "formula": st.builds(Formula, st.sampled_from(FORMULAS)),
}
"""A strategy for each kind of the registry."""

models: st.SearchStrategy[PriceModel] = st.one_of(*BY_KIND.values())


@st.composite
def usage(draw: st.DrawFn, quantity: st.SearchStrategy[Decimal] = quantities) -> Measured:
    """Usage with every finer field that a model may read, all of them about the same events."""
    values = tuple(draw(st.lists(quantity, max_size=4)))
    total = sum(values, ZERO)
    named = zip(REGIONS, values, strict=False)
    shares = draw(st.lists(st.sampled_from(("0", "0.25", "0.5", "1")), min_size=4, max_size=4))
    return Measured(
        quantity=total,
        count=len(values),
        event_amount=draw(fees),
        values=values,
        windows=values,
        groups=tuple((f'["{name}"]', Measured(q, 1)) for name, q in named),
        quantities=dict(zip(("seats", "storage"), values, strict=False)),
        prorated=tuple((q, q * Decimal(s)) for q, s in zip(values, shares, strict=False)),
    )


def fitting(model: PriceModel, used: Measured) -> Measured:
    """`used` with only the fields that the model reads, and the quantity they add up to."""
    kept = {f: getattr(used, f) for f in model.needs if f != "event_amount"}
    covered: dict[str, Callable[[], Decimal]] = {
        "groups": lambda: sum((m.quantity for _, m in used.groups), ZERO),
        "quantities": lambda: sum(used.quantities.values(), ZERO),
        "prorated": lambda: sum((p for _, p in used.prorated), ZERO),
    }
    quantity = next((covered[f]() for f in kept if f in covered), used.quantity)
    return Measured(quantity, used.count, event_amount=used.event_amount, **kept)


conversions = st.builds(
    Conversion,
    st.sampled_from(("multiply", "divide")),
    st.sampled_from((Decimal(3), Decimal("0.001"), Decimal(1000), Decimal("1.2"))),
    st.sampled_from(("up", "down", "half_up")),
    st.none() | st.integers(0, 3),
)


@st.composite
def items(draw: st.DrawFn, model: st.SearchStrategy[PriceModel] = models) -> LineItem:
    """A usage item with any steps around its model."""
    chosen = draw(model)
    low, high = draw(st.none() | fees), draw(st.none() | fees)
    if low is not None and high is not None and low > high:
        low, high = high, low
    return LineItem(
        ref=derived_ref("item", "1"),
        item=draw(st.sampled_from(("API calls", "Läuft & läuft", "数量"))),
        kind="usage",
        model=chosen,
        unit=draw(st.sampled_from(("", "call"))),
        usage_product_ref=Ref(PRODUCT),
        included_units=ZERO if chosen.needs else draw(fees),
        conversion=draw(st.none() | conversions),
        minimum_fee=low,
        maximum_fee=high,
        prorate=draw(st.sampled_from(("day", "second", "none"))),
    )
