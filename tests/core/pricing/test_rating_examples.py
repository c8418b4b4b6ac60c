"""Worked examples: tiers, splits, steps and commitments, as rows that read like the contract."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.money import to_minor
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.pricing.model import Conversion, LineItem, Position, PriceModel
from counterfoil.core.pricing.models.dynamic import Dynamic
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.graduated_percentage import GraduatedPercentage, PercentTier
from counterfoil.core.pricing.models.graduated_prorated_events import GraduatedProratedEvents
from counterfoil.core.pricing.models.matrix import Cell, Matrix
from counterfoil.core.pricing.models.multi_unit_block import MultiUnitBlock
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.percentage import Percentage
from counterfoil.core.pricing.models.stairstep import StairStep, Step
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.models.windowed_commitment import WindowedCommitment
from counterfoil.core.pricing.rate import rate, rerate
from counterfoil.core.pricing.tiers import BlockTier, Tier

D = Decimal


def usage_item(model: PriceModel) -> LineItem:
    return LineItem("item", "item", "usage", model)  # type: ignore[arg-type]


def amount(model: PriceModel, quantity: str, prior: str = "0", position: Position = "single") -> Decimal:
    return rate(usage_item(model), Measured(D(quantity), prior_quantity=D(prior)), position=position).amount


CALLS = Graduated((Tier(D(5), D(0), D(100)), Tier(D(10), None, D(50)), Tier(D(15), D(5)), Tier(None, D(1))))
FONTS = Volume((Tier(D(5), D(7), D(3)), Tier(D(10), D("6.5")), Tier(None, D(6))))


@pytest.mark.parametrize(
    ("units", "before", "position", "due"),
    [
        ("0", "0", "single", "100"),  # the first tier's flat fee is due at zero usage
        ("5", "0", "single", "100"),  # a bound belongs to the tier below it
        ("5.001", "0", "single", "150"),  # the first fraction above it reaches the next tier
        ("22", "0", "single", "182"),
        ("10", "12", "mid_split", "22"),  # only what the split adds
        ("1", "7", "mid_split", "0"),  # the flat fee was billed when the tier was reached
        ("0", "0", "last_split", "0"),  # the first document billed the first tier's fee
        ("-4", "12", "last_split", "-10"),  # units taken back return what they cost
    ],
)
def test_graduated_tiers(units: str, before: str, position: Position, due: str) -> None:
    assert amount(CALLS, units, before, position) == D(due)


@pytest.mark.parametrize(
    ("units", "before", "position", "due"),
    [
        ("0", "0", "single", "3"),
        ("5", "0", "single", "38"),
        ("6", "0", "single", "39"),
        ("6", "0", "first_split", "0"),  # the price of these units is not known yet
        ("6", "0", "mid_split", "0"),
        ("6", "6", "last_split", "72"),  # all twelve at the price of twelve
    ],
)
def test_volume_waits_for_the_last_split(units: str, before: str, position: Position, due: str) -> None:
    rated = rate(usage_item(FONTS), Measured(D(units), prior_quantity=D(before)), position=position)
    assert rated.amount == D(due)
    assert rated.quantity == (D(units) + D(before) if position in ("single", "last_split") else 0)


def test_a_prorated_volume_is_chosen_by_full_units() -> None:
    used = Measured(D("198.6"), prorated=((D(300), D("198.6")),))
    tiers = (Tier(D(100), D(2), D(10)), Tier(D(200), D(1)), Tier(None, D("0.5"), D(50)))
    assert rate(usage_item(Volume(tiers)), used).amount == D("149.3")


def test_a_tier_cap_holds_over_splits() -> None:
    capped = Graduated((Tier(D(10), D(1), cap=D(7)), Tier(None, D(2))))
    assert [amount(capped, *split, position="mid_split") for split in (("5", "0"), ("4", "5"), ("3", "9"))] == [5, 2, 4]
    assert amount(capped, "12") == 11


@pytest.mark.parametrize("model", [CALLS, FONTS, StairStep((Step(D(1), None),))])
def test_a_total_below_zero_is_refused_where_tiers_begin_at_zero(model: PriceModel) -> None:
    with pytest.raises(Invalid) as refused:
        amount(model, "-1")
    assert refused.value.code == "pricing.below_first_tier"


def test_a_quantity_beyond_a_bounded_last_tier_is_refused_not_billed_in_part() -> None:
    for model in (Graduated((Tier(D(10), D(5)),)), Volume((Tier(D(10), D(5)),))):
        assert amount(model, "10") == 50
        with pytest.raises(Invalid):
            amount(model, "10.01")


@pytest.mark.parametrize(
    ("units", "before", "partial", "due"),
    [("121", "0", "up", "1200"), ("121", "0", "down", "1100"), ("10", "0", "up", "0"), ("5", "17", "up", "100"),
     ("-5", "0", "up", "0"), ("0.5", "10", "up", "100"), ("0.5", "10.5", "up", "0")],
)  # fmt: skip
def test_packages_of_ten_after_ten_free_units(units: str, before: str, partial: str, due: str) -> None:
    assert amount(Package(D(10), D(100), D(10), partial), units, before) == D(due)  # type: ignore[arg-type]


def test_flat_is_billed_once_in_a_split_period() -> None:
    positions: tuple[Position, ...] = ("first_split", "mid_split", "last_split")
    assert [amount(Flat(D(9)), "0", position=p) for p in positions] == [9, 0, 0]
    assert [amount(Flat(D(9), "in_arrears"), "0", position=p) for p in positions] == [0, 0, 9]


@pytest.mark.parametrize(
    ("free_count", "free_amount", "due"),
    [
        (0, "0", "18.4"),  # 800 at 1.3 % and four fees of 2
        (0, "250", "11.15"),  # 550 at 1.3 %; the third transaction is charged for what did not fit
        (3, "0", "7.2"),  # 400 at 1.3 % and one fee
        (3, "500", "7.2"),  # the transactions run out first
        (3, "250", "11.15"),  # the amount runs out first
        (0, "150", "12.45"),  # a transaction that fits exactly is free
        (5, "0", "0"),
    ],
)
def test_percentage_is_free_while_both_allowances_last(free_count: int, free_amount: str, due: str) -> None:
    model = Percentage(D("1.3"), D(2), free_count, D(free_amount))
    values = (D(50), D(100), D(250), D(400))
    assert rate(usage_item(model), Measured(D(800), 4, values=values)).amount == D(due)


@pytest.mark.parametrize(
    ("fixed", "free_count", "free_amount", "due"),
    [("0", 0, "0", "16.142"), ("2", 0, "0", "18.691"), ("0", 2, "0", "12"), ("0", 0, "30", "13.794")],
)
def test_limits_per_transaction(fixed: str, free_count: int, free_amount: str, due: str) -> None:
    model = Percentage(D("2.99"), D(fixed), free_count, D(free_amount), D("1.75"), D(12))
    used = Measured(D(10090), 3, values=(D(10), D(80), D(10000)))
    assert rate(usage_item(model), used).amount == D(due)


def test_graduated_percentage_of_nothing_costs_nothing() -> None:
    model = GraduatedPercentage((PercentTier(D(1), D(10), D(200)), PercentTier(D(2), None, D(300))))
    assert [amount(model, q) for q in ("0", "10", "11")] == [0, D("200.1"), D("500.12")]
    assert amount(model, "1", "10") == D("300.02")


TWO = (Tier(D(5), D(10), D(100)), Tier(None, D(5), D(50)))


@pytest.mark.parametrize(
    ("events", "due"),
    [
        ((), "100"),
        ((("2", "1.4"), ("5", "2.66667"), ("10", "2"), ("-6", "-2.2")), "184.33"),
        ((("4", "2.8"), ("2", "1"), ("-3", "-0.6")), "180.5"),
        ((("1", "0.7097"), ("4", "1.54839"), ("1", "0.2258"), ("-5", "-0.80645"), ("-1", "-0.0645")), "165.81"),
        ((("5", "2"), ("-100", "-33.33")), "0"),  # more taken away than added
        ((("7", "0"), ("5", "3.5")), "135"),  # never active, so no second tier
    ],
)
def test_prorated_events_are_placed_by_full_units(events: tuple[tuple[str, str], ...], due: str) -> None:
    prorated = tuple((D(u), D(p)) for u, p in events)
    used = Measured(sum((p for _, p in prorated), ZERO), len(events), prorated=prorated)
    assert to_minor(rate(usage_item(GraduatedProratedEvents(TWO)), used).amount, "EUR") == 100 * D(due)


def test_a_matrix_prices_by_properties_and_refuses_what_it_does_not_know() -> None:
    model = Matrix((Cell(("eu", "gold"), D(2)), Cell(("us", "gold"), D(3))))
    groups = (('["eu","gold"]', Measured(D(4))), ('["us","gold"]', Measured(D(1))))
    assert rate(usage_item(model), Measured(D(5), groups=groups)).amount == 11
    without = Matrix((Cell(("",), D(7)),))
    assert rate(usage_item(without), Measured(D(1), groups=(("[null]", Measured(D(1))),))).amount == 7
    unknown = Measured(D(1), groups=(('["ap","gold"]', Measured(D(1))),))
    with pytest.raises(Invalid, match="ap / gold"):
        rate(usage_item(model), unknown)
    assert rate(usage_item(replace(model, default_unit_price=D(9))), unknown).amount == 9


def test_prices_carried_by_events_are_ignored_without_units() -> None:
    assert rate(usage_item(Dynamic()), Measured(D(20), event_amount=D("0.402"))).amount == D("0.402")
    assert rate(usage_item(Dynamic()), Measured(ZERO, event_amount=D("0.402"))).amount == 0


def test_usage_of_a_unit_without_a_price_is_refused() -> None:
    model = MultiUnitBlock({"minutes": (BlockTier(D(1000), D("0.5")),)})
    with pytest.raises(Invalid, match="megabytes"):
        rate(usage_item(model), Measured(quantities={"megabytes": D(1)}))


def test_several_units_in_splits() -> None:
    foo = (BlockTier(D(1), D(1), 10), BlockTier(D(1), D(10), 50), BlockTier(D(1), D(100)))
    bar = (BlockTier(D(1), D(2), 100), BlockTier(D(1), D(20)))
    used = Measured(quantities={"FOO": D(20), "BAR": D(120)}, prior_quantities={"FOO": D(50), "BAR": D(80)})
    assert rate(usage_item(MultiUnitBlock({"FOO": foo, "BAR": bar})), used).amount == 3140


@pytest.mark.parametrize(("true_up", "due"), [(True, "42"), (False, "36")])
def test_a_window_below_its_commitment_is_trued_up_only_where_agreed(true_up: bool, due: str) -> None:
    model = WindowedCommitment(PerUnit(D(2)), D(5), "quantity", D(2), true_up)
    assert rate(usage_item(model), Measured(D(15), windows=(D(2), D(8), D(5)))).amount == D(due)


CAPPED = replace(usage_item(PerUnit(D(10))), maximum_fee=D(100))
FLOORED = replace(usage_item(CALLS), minimum_fee=D(1000))


def test_a_maximum_counts_what_earlier_documents_billed() -> None:
    used = Measured(D(5), prior_quantity=D(7))
    assert rate(CAPPED, used, previously_billed=D(70), position="mid_split").amount == 30
    assert rate(CAPPED, used, previously_billed=D(100), position="mid_split").amount == 0


@pytest.mark.parametrize(("position", "due"), [("mid_split", "0"), ("last_split", "900")])
def test_a_minimum_waits_for_the_last_split(position: Position, due: str) -> None:
    assert rate(FLOORED, Measured(), previously_billed=D(100), position=position).amount == D(due)


@pytest.mark.parametrize(
    ("reported", "before", "splits", "billed"),
    [
        ("1400", "0", "cumulative", "1.5"),  # 1.4 is 2, less half a unit: not the next unit above 0.9
        ("1300", "1400", "cumulative", "1"),  # 2.7 in all is 3, of which 2 were billed
        ("1300", "1400", "each", "2"),
    ],
)
def test_convert_then_round_then_take_off_included_units(reported: str, before: str, splits: str, billed: str) -> None:
    conversion = Conversion("divide", D(1000), "up", 0, splits)  # type: ignore[arg-type]
    item = replace(usage_item(PerUnit(D(10))), conversion=conversion, included_units=D("0.5"))
    used = Measured(D(reported), prior_quantity=D(before))
    assert rate(item, used, position="mid_split").amount == 10 * D(billed)


def test_a_minimum_is_shared_by_days_and_usage_is_not() -> None:
    item = replace(usage_item(PerUnit(D(1))), minimum_fee=D(10))
    rated = rate(item, Measured(D(8)), share=Fraction(25, 28))
    assert rated.amount.quantize(D("0.0001")) == D("8.9286")
    assert [p.why for p in rated.parts] == ["unit", "minimum"]


def test_a_recurring_item_bills_its_own_quantity() -> None:
    item = LineItem("seat", "Seat", "recurring", PerUnit(D(12)), quantity=D(5))  # type: ignore[arg-type]
    assert rate(item, NOTHING).amount == 60
    assert rate(item, NOTHING, share=Fraction(1, 4)).amount == 15
    assert rate(item, Measured(D(2))).amount == 24


def test_a_fraction_of_a_cent_is_not_billed_twice() -> None:
    item = usage_item(PerUnit(D("0.067")))
    assert rerate(item, Measured(D(55)), "USD", previously_billed=D("3.69")).amount == 0
    assert rerate(item, Measured(D(60)), "USD", previously_billed=D("3.69")).amount == D("0.33")
    assert rerate(item, Measured(D(50)), "USD", previously_billed=D("3.69")).amount == D("-0.34")
