"""Every price model there is. API schema, forms, documentation and invoice text derive from this tuple."""

from __future__ import annotations

from counterfoil.core.pricing.model import PriceModel
from counterfoil.core.pricing.models.block_graduated import BlockGraduated
from counterfoil.core.pricing.models.block_volume import BlockVolume
from counterfoil.core.pricing.models.bucketed import Bucketed
from counterfoil.core.pricing.models.cumulative_commitment import CumulativeCommitment
from counterfoil.core.pricing.models.dynamic import Dynamic
from counterfoil.core.pricing.models.dynamic_multiplier import DynamicMultiplier
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.formula import Formula
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.graduated_percentage import GraduatedPercentage
from counterfoil.core.pricing.models.graduated_prorated_events import GraduatedProratedEvents
from counterfoil.core.pricing.models.grouped import Grouped
from counterfoil.core.pricing.models.matrix import Matrix
from counterfoil.core.pricing.models.multi_unit_block import MultiUnitBlock
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.percentage import Percentage
from counterfoil.core.pricing.models.stairstep import StairStep
from counterfoil.core.pricing.models.stairstep_multi import StairStepMulti
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.models.windowed_commitment import WindowedCommitment

MODELS: tuple[type[PriceModel], ...] = (
    Flat,
    PerUnit,
    Graduated,
    Volume,
    Package,
    BlockGraduated,
    BlockVolume,
    MultiUnitBlock,
    StairStep,
    StairStepMulti,
    Percentage,
    GraduatedPercentage,
    GraduatedProratedEvents,
    Matrix,
    Dynamic,
    DynamicMultiplier,
    Bucketed,
    Grouped,
    WindowedCommitment,
    CumulativeCommitment,
    Formula,
)

BY_KIND: dict[str, type[PriceModel]] = {model.kind: model for model in MODELS}
