"""Reading the inputs of `pricing_models.json`: vectors' words to price models, line items and measured usage."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.pricing.model import Conversion, LineItem, PriceModel
from counterfoil.core.pricing.models.block_graduated import BlockGraduated
from counterfoil.core.pricing.models.block_volume import BlockVolume
from counterfoil.core.pricing.models.bucketed import Bucketed
from counterfoil.core.pricing.models.dynamic import Dynamic
from counterfoil.core.pricing.models.dynamic_multiplier import DynamicMultiplier
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.graduated_percentage import GraduatedPercentage, PercentTier
from counterfoil.core.pricing.models.graduated_prorated_events import GraduatedProratedEvents
from counterfoil.core.pricing.models.grouped import Grouped
from counterfoil.core.pricing.models.multi_unit_block import MultiUnitBlock
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.stairstep_multi import CapacityStep, StairStepMulti
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.tiers import BlockTier, Tier

Case = dict[str, Any]


def number(value: Any, default: Decimal = ZERO) -> Decimal:
    return default if value is None else Decimal(str(value))


def optional(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def tiers(rows: Iterable[Case]) -> tuple[Tier, ...]:
    return tuple(
        Tier(optional(r.get("up_to")), optional(r.get("unit_price")), number(r.get("flat_fee")), optional(r.get("cap")))
        for r in rows
    )


def block_tiers(rows: Iterable[Case]) -> tuple[BlockTier, ...]:
    return tuple(
        BlockTier(
            number(r["block_size"]),
            number(r["block_price"]),
            None if r.get("max_blocks") is None else int(r["max_blocks"]),
        )
        for r in rows
    )


def model_of(case: Case) -> PriceModel:
    match case["model"]:
        case "flat":
            return Flat(number(case["flat_amount"]), case["payment_term"])
        case "per_unit":
            return PerUnit(number(case["unit_price"]))
        case "graduated":
            return Graduated(tiers(case["tiers"]))
        case "volume":
            return Volume(tiers(case["tiers"]))
        case "package":
            return Package(
                number(case["package_size"]),
                number(case.get("package_price"), ONE),
                number(case.get("free_units")),
                case.get("partial_package", "up"),
            )
        case "block_graduated":
            return BlockGraduated(block_tiers(case["tiers"]))
        case "block_volume":
            return BlockVolume(block_tiers(case["tiers"]))
        case "multi_unit_block":
            units = {unit: block_tiers(rows) for unit, rows in case["units"].items()}
            return MultiUnitBlock(units, case.get("mode", "graduated"))
        case "stairstep_multi":
            return StairStepMulti(
                tuple(
                    CapacityStep(number(r["price"]), {u: number(x) for u, x in (r.get("max") or {}).items()})
                    for r in case["tiers"]
                )
            )
        case "graduated_percentage":
            return GraduatedPercentage(
                tuple(
                    PercentTier(number(r["percent"]), optional(r.get("up_to")), number(r.get("flat_fee")))
                    for r in case["tiers"]
                )
            )
        case "graduated_prorated_events":
            return GraduatedProratedEvents(tiers(case["tiers"]))
        case "dynamic_event_priced":
            return Dynamic()
        case "dynamic_multiplier":
            return DynamicMultiplier(number(case["multiplier"]))
        case "bucketed":
            return Bucketed(model_of(case["inner"]))
        case "grouped":
            return Grouped(model_of(case["inner"]))
    raise LookupError(f"no model for {case['model']!r}")


def conversion_of(case: Case, decimals: int = 0) -> Conversion:
    modes = {"ceiling": "up", "ceil": "up", "up": "up", "floor": "down", "down": "down"}
    mode = case.get("rounding_mode") or "none"
    places = None if mode == "none" else int(case.get("precision") or decimals)
    rounding: Any = modes.get(mode, "half_up")
    return Conversion(case["operation"], number(case["factor"]), rounding, places, "each")


def item_of(case: Case, model: PriceModel | None = None) -> LineItem:
    model = model or model_of(case)
    return LineItem(
        ref=Ref("vector"),
        item="vector",
        kind="usage",
        model=model,
        included_units=ZERO if isinstance(model, Package) else number(case.get("free_units")),
        conversion=conversion_of(case["conversion"]) if case.get("conversion") else None,
        minimum_fee=optional(case.get("minimum_spend")),
        maximum_fee=optional(case.get("maximum_spend")),
        prorate="none",
    )


def measured(usage: Case) -> Measured:
    events = usage.get("events") or ()
    prorated: tuple[tuple[Decimal, Decimal], ...] = ()
    if events and isinstance(events[0], dict):
        prorated = tuple((number(e["units"]), number(e["prorated_units"])) for e in events)
        events = [p for _, p in prorated]
    quantity = number(usage.get("quantity"), sum((number(e) for e in events), ZERO))
    if "tier_selection_quantity" in usage:
        prorated = ((number(usage["tier_selection_quantity"]), quantity),)
    windows = (number(w["quantity"] if isinstance(w, dict) else w) for w in usage.get("windows") or ())
    groups = usage.get("groups") or ()
    named = groups.items() if isinstance(groups, dict) else enumerate(groups, 1)
    return Measured(
        quantity=quantity,
        prior_quantity=number(usage.get("prior_quantity_in_period")),
        event_amount=number(usage.get("total_event_amount")),
        windows=tuple(windows),
        groups=tuple((f'["{key}"]', Measured(number(q))) for key, q in named),
        quantities={unit: number(q) for unit, q in (usage.get("quantities") or {}).items()},
        prorated=prorated,
    )
