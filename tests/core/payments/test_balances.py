"""Dangers of prepaid balances: one drawn beyond what it holds, the wrong one first, usage that nobody covered lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.payments.account import Moved, account_of
from counterfoil.core.payments.grants import Grant, Recurrence, burn_down, order
from counterfoil.core.payments.wallet import Fee, Lot, Wallet, consume, draw_down

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

wallets = st.lists(
    st.builds(
        Wallet,
        id=st.just(""),
        balance_minor=st.integers(0, 500),
        currency=st.sampled_from(("EUR", "USD")),
        priority=st.integers(0, 2),
        seq=st.integers(0, 3),
        fee_types=st.sampled_from((None, frozenset({"usage"}), frozenset({"recurring"}))),
        is_active=st.booleans(),
    ),
    max_size=6,
).map(lambda ws: [Wallet(f"w{i}", *(getattr(w, f) for f in FIELDS)) for i, w in enumerate(ws)])
FIELDS = ("balance_minor", "currency", "priority", "seq", "fee_types", "is_active")
fees = st.lists(st.builds(Fee, st.sampled_from(("usage", "recurring")), st.integers(0, 600)), max_size=4)


@given(wallets, fees)
def test_no_wallet_is_overdrawn_and_no_fee_paid_twice(held: list[Wallet], due: list[Fee]) -> None:
    drawn = draw_down(held, due, "EUR")
    of = {w.id: w for w in held}
    assert all(0 < minor <= of[name].balance_minor for name, minor in drawn.items())
    assert sum(drawn.values()) <= sum(f.amount_minor for f in due)
    assert all(of[name].currency == "EUR" and of[name].is_active for name in drawn)


@given(wallets, st.integers(0, 2000))
def test_what_is_left_to_pay_means_that_every_fitting_wallet_is_empty(held: list[Wallet], due: int) -> None:
    usable = sum(
        w.balance_minor
        for w in held
        if w.is_active and w.currency == "EUR" and (w.fee_types is None or "usage" in w.fee_types)
    )
    assert sum(draw_down(held, [Fee("usage", due)], "EUR").values()) == min(usable, due)


def test_lots_are_used_by_priority_then_expiry_then_granted_then_age() -> None:
    lots = [
        Lot("old purchase", Decimal(10), "purchased", 1, 1),
        Lot("old grant", Decimal(10), "granted", 1, 2),
        Lot("expires", Decimal(10), "purchased", 1, 3, "2026-02-01T00:00:00Z"),
        Lot("urgent", Decimal(10), "purchased", 0, 4),
    ]
    assert list(consume(lots, Decimal(40))) == ["urgent", "expires", "old grant", "old purchase"]


@pytest.mark.parametrize(
    ("spend", "from_lot", "code"),
    [
        ("31", None, "insufficient_credits"),
        ("11", "a", "exceeds_remaining_lot_amount"),
        ("1", "z", "exceeds_remaining_lot_amount"),
    ],
)
def test_credits_that_are_not_there_are_not_spent(spend: str, from_lot: str | None, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        consume([Lot("a", Decimal(10)), Lot("b", Decimal(20))], Decimal(spend), from_lot)
    assert refused.value.code == code


grants = st.lists(
    st.tuples(
        st.integers(1, 100),
        st.integers(-3, 10),
        st.integers(1, 20),
        st.integers(0, 2),
        st.none() | st.tuples(st.sampled_from(("day", "week", "month")), st.integers(-40, 40)),
    ),
    max_size=4,
).map(
    lambda rows: [
        Grant(
            id=f"g{i}",
            amount=Decimal(amount),
            effective_at=START + since * DAY,
            priority=priority,
            expires_at=START + (since + days) * DAY,
            recurrence=None if again is None else Recurrence(again[0], START + again[1] * DAY),
        )
        for i, (amount, since, days, priority, again) in enumerate(rows)
    ]
)
usage = st.lists(st.tuples(st.integers(0, 14 * 24), st.integers(1, 80)), max_size=8).map(
    lambda rows: [(START + timedelta(hours=h), Decimal(v)) for h, v in rows]
)


@settings(max_examples=80)
@given(grants, usage, st.integers(1, 14 * 24))
def test_a_burn_down_in_two_steps_is_the_same_as_in_one(
    held: list[Grant], used: list[tuple[datetime, Decimal]], hours: int
) -> None:
    until, middle = START + 14 * DAY, START + timedelta(hours=hours)
    opening = {g.id: g.amount for g in held}
    once = burn_down(held, opening, used, START, until)
    half = burn_down(held, opening, used, START, middle)
    assert burn_down(held, half.balances, used, middle, until, overage=half.overage) == once


@given(grants, usage)
def test_usage_is_burnt_or_named_as_overage_while_nothing_renews(
    held: list[Grant], used: list[tuple[datetime, Decimal]]
) -> None:
    steady = [Grant(g.id, g.amount, START, g.priority) for g in held]
    burnt = burn_down(steady, {g.id: g.amount for g in steady}, used, START, START + 15 * DAY)
    granted = sum(g.amount for g in steady)
    assert granted - sum(burnt.balances.values()) + burnt.overage == sum(value for _, value in used)
    assert burnt.overage == 0 or not any(burnt.balances.values())


def test_a_monthly_grant_from_the_31st_is_renewed_on_the_last_day_of_short_months() -> None:
    monthly = Recurrence("month", datetime(2026, 1, 31, tzinfo=UTC))
    renewals = [monthly.anchor]
    for _ in range(3):
        renewals.append(monthly.next_after(renewals[-1]))
    assert [(r.month, r.day) for r in renewals] == [(1, 31), (2, 28), (3, 31), (4, 30)]


def test_an_expired_grant_and_a_reset_leave_only_what_may_roll_over() -> None:
    held = [Grant("keeps", Decimal(100), START, rollover_max=Decimal(30)), Grant("loses", Decimal(100), START)]
    burnt = burn_down(
        held, {"keeps": Decimal(80), "loses": Decimal(80)}, [], START, START + 2 * DAY, resets=[START + DAY]
    )
    assert burnt.balances == {"keeps": Decimal(30), "loses": Decimal(0)}


def test_grants_that_agree_in_all_else_are_ordered_by_age_then_name() -> None:
    young, old = START + DAY, START
    held = [Grant("c", Decimal(1), START, created_at=young), Grant("b", Decimal(1), START, created_at=old),
            Grant("a", Decimal(1), START, created_at=old)]  # fmt: skip
    assert [g.id for g in order(held)] == ["a", "b", "c"]


@given(
    st.lists(
        st.builds(
            Moved,
            st.sampled_from(("charge", "payment", "adjustment", "refund", "credit_generated", "credit_granted")),
            st.integers(0, 1000),
            st.sampled_from(("i1", "i2")),
        ),
        max_size=10,
    )
)
def test_credit_and_debt_never_stand_side_by_side(moved: list[Moved]) -> None:
    account = account_of(moved)
    assert account.credit_minor == 0 or all(minor <= 0 for _, minor in account.invoices_minor)
    assert account.balance_minor == sum(minor for _, minor in account.invoices_minor) - account.credit_minor
