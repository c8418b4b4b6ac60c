"""Plans and subscriptions by themselves: what is wrong with a plan, which plan governs a day, how a subscription stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.contracts.amend import cancel, first_segments
from counterfoil.core.contracts.plan import (
    Agreed,
    Plan,
    PlanItem,
    agreed_next,
    agreed_on,
    item_quantities,
    last_day,
    places,
    plan_problems,
    quantity_problems,
    state_of,
    takes_effect,
)
from counterfoil.core.contracts.terms import Contract, Cycle, ProductTerms
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.sheet import Pricing

JUNE = date(2026, 6, 1)
TEAM = Plan(Ref("p"), "Team", Ref("e"), "EUR", (PlanItem(Ref("a"), 1),))


def contract(*pricings: str, start: date = JUNE, **more: Any) -> Contract:
    terms = (
        ProductTerms(Ref(f"place {p}"), Ref(p), 1, p, start, None, Ref("e"), "EUR", "UTC", **more) for p in pricings or ("a",)
    )
    return Contract(Ref("k"), 1, Ref("c"), "active", "subscription", 1, "", True, first_segments(terms))


@pytest.mark.parametrize(("change", "field"), [
    ({"name": " "}, "name"), ({"trial_days": -1}, "trial_days"), ({"trial_days": 731}, "trial_days"),
    ({"net_days": 3651}, "net_days"), ({"tax_percent": Decimal("100.1")}, "tax_percent"), ({"pay_by": ()}, "pay_by"),
    ({"auto_charge": True}, "auto_charge"), ({"min_quantity": 0}, "min_quantity"),
    ({"min_quantity": 3, "max_quantity": 2}, "max_quantity"), ({"cycle": Cycle("MONTHLY", 0)}, "billing_cycle.cycle"),
    ({"cycle": Cycle("ONE_TIME", 2)}, "billing_cycle.cycle"),
    ({"items": (PlanItem(Ref("a"), 1), PlanItem(Ref("a"), 2))}, "items[1].pricing_ref"),
    ({"items": (PlanItem(Ref("a"), 1, Decimal(0)),)}, "items[0].quantity"),
])
def test_what_is_wrong_with_a_plan_is_named(change: dict[str, Any], field: str) -> None:
    assert not list(plan_problems(TEAM))
    assert [p.field for p in plan_problems(replace(TEAM, **change))] == [field]


@pytest.mark.parametrize(("least", "most", "quantity", "fine"), [
    (1, None, 1, True), (1, None, 1_000_000, True), (1, None, 1_000_001, False),
    (2, 5, 1, False), (2, 5, 5, True), (2, 5, 6, False),
])
def test_a_plan_is_had_in_its_quantities_alone(least: int, most: int | None, quantity: int, fine: bool) -> None:
    assert (not list(quantity_problems(replace(TEAM, min_quantity=least, max_quantity=most), quantity))) is fine


def test_fees_are_multiplied_and_usage_is_not() -> None:
    seat = LineItem(Ref("seat"), "Seat", "recurring", PerUnit(Decimal(10)), Decimal(2))
    calls = LineItem(Ref("calls"), "Calls", "usage", PerUnit(Decimal(1)), usage_product_ref=Ref("u"))
    pricing = Pricing(Ref("a"), Ref("x"), "", "", 1, "EUR", (seat, calls))
    assert item_quantities(PlanItem(Ref("a"), 1, Decimal("1.5")), pricing, 3) == ((Ref("seat"), Decimal("9.0")),)
    assert item_quantities(PlanItem(Ref("a"), 1, Decimal(5), scales=False), pricing, 3) == ((Ref("seat"), Decimal(10)),)


@pytest.mark.parametrize(("today", "when", "on"), [
    (date(2026, 6, 16), "now", date(2026, 6, 16)), (date(2026, 6, 16), "period_end", date(2026, 7, 1)),
    (JUNE, "period_end", date(2026, 7, 1)), (date(2026, 6, 30), "period_end", date(2026, 7, 1)),
    (date(2026, 5, 20), "now", JUNE), (date(2026, 5, 20), "period_end", JUNE),
])
def test_a_change_takes_effect_at_once_with_the_next_period_or_after_the_trial(today: date, when: Any, on: date) -> None:
    assert takes_effect(contract(), today, when) == on


def test_what_was_cancelled_before_it_began_cannot_change() -> None:
    gone = cancel(contract(), date(2026, 5, 20), include_current=True)
    assert state_of(gone, JUNE) == "ended" and last_day(gone) is None
    with pytest.raises(Conflict):
        takes_effect(gone, JUNE, "now")


@pytest.mark.parametrize(("held", "wanted", "found"), [
    (("a",), ("a",), ["a"]), (("a",), ("b",), ["a"]), (("a", "b"), ("b", "c"), ["b", "a"]), (("a",), ("b", "a"), [None, "a"]),
    (("a", "b"), ("c",), ["a"]), (("a",), ("b", "c"), ["a", None]),
])
def test_pricings_take_the_places_of_those_before_them(held: Any, wanted: Any, found: list[str | None]) -> None:
    got = places(contract(*held), JUNE, [Ref(w) for w in wanted])
    assert got == [None if f is None else f"place {f}" for f in found]


def test_a_subscription_stands_as_its_days_say() -> None:
    running = contract()
    assert [state_of(running, d) for d in (date(2026, 5, 31), JUNE)] == ["trialing", "active"]
    ending = cancel(running, date(2026, 6, 10), include_current=False)
    assert last_day(ending) == date(2026, 6, 30)
    assert [state_of(ending, d) for d in (date(2026, 6, 30), date(2026, 7, 1))] == ["ending", "ended"]


HISTORIES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=12).map(
    lambda drawn: tuple(
        Agreed(n, date.fromordinal(JUNE.toordinal() + (0 if n == 1 else days)), Ref(str(n)), quantity)
        for n, (days, quantity) in enumerate(drawn, 1)
    )
)


@given(HISTORIES, st.integers(0, 80))
def test_the_latest_version_that_has_begun_governs_a_day(history: tuple[Agreed, ...], days: int) -> None:
    day = date.fromordinal(JUNE.toordinal() + days)
    now, later = agreed_on(history, day), agreed_next(history, day)
    assert now is not None and now.since <= day
    assert all(a.version <= now.version for a in history if a.since <= day)
    assert later is None or (later.version == len(history) and later.since > day)
    assert agreed_on(reversed(history), day) == now
