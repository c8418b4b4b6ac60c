"""Dangers of prepaid balances: one drawn beyond what it holds, the wrong one first, usage that nobody covered lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.invoicing.document import Document, Party
from counterfoil.core.invoicing.draw_up import ad_hoc_draft, draw_up
from counterfoil.core.payments.grants import Grant, Recurrence, burn_down, order
from counterfoil.core.payments.prepaid import attributed, drawn_on, draws, expiry_after_return, fees_of
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


@given(grants, usage)
def test_what_moved_is_what_the_balances_came_to(held: list[Grant], used: list[tuple[datetime, Decimal]]) -> None:
    opening = {g.id: g.amount if g.is_active(START) else Decimal(0) for g in held}
    burnt = burn_down(held, opening, used, START, START + 15 * DAY)
    for g in held:
        moved = sum((m.amount for m in burnt.moved if m.grant == g.id), Decimal(0))
        assert opening[g.id] + moved == burnt.balances[g.id]
    spent = -sum((m.amount for m in burnt.moved if m.kind == "spend"), Decimal(0))
    asked = [(f"u{n}", value) for n, (_at, value) in enumerate(used)]
    assert spent + burnt.overage == sum(value for _name, value in asked)
    taken, waiting = attributed(burnt.moved, asked)
    assert sum(part for _m, _name, part in taken) == spent and sum(part for _name, part in waiting) == burnt.overage


kinds = st.sampled_from(("usage", "recurring", "ad_hoc"))
lines = st.lists(st.tuples(kinds, st.integers(0, 5000), st.sampled_from((0, 7, 19))), min_size=1, max_size=5)
def invoice_of(asked: list[tuple[str, int, int]]) -> Document:
    """An invoice with lines of these kinds, amounts in cents and tax rates."""
    nobody = Party(Ref("0"), "")
    drafts = [
        replace(ad_hoc_draft("x", Decimal(1), Decimal(minor).scaleb(-2), tax_percent=Decimal(tax)), kind=kind)  # type: ignore[arg-type]
        for kind, minor, tax in asked
    ]
    return draw_up(ref=Ref("0"), kind="INVOICE", number="", currency="EUR", issued_on=date(2026, 1, 1), net_days=0,
                   seller=nobody, buyer=nobody, drafts=drafts)  # fmt: skip


def test_what_comes_back_to_a_lot_that_ended_may_be_used_for_thirty_days() -> None:
    assert expiry_after_return(None, START) is None
    assert expiry_after_return(START + DAY, START) == START + DAY
    assert expiry_after_return(START, START) == START + 30 * DAY


lots = st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 2), st.booleans()), max_size=4)


@given(lines, st.lists(st.tuples(lots, st.none() | kinds, st.integers(0, 2)), max_size=3))
def test_prepaid_balances_pay_no_more_than_there_is_and_than_is_asked(
    asked: list[tuple[str, int, int]], wallets: list[tuple[list[tuple[int, int, bool]], str | None, int]]
) -> None:
    document = invoice_of(asked)
    fees = fees_of(document)
    assert sum(f.amount_minor for f in fees) == document.total_minor and all(f.amount_minor >= 0 for f in fees)
    held, of = [], dict[str, list[Lot]]()
    for n, (parts, pays, priority) in enumerate(wallets):
        of[f"w{n}"] = [Lot(f"w{n}l{i}", Decimal(minor), "purchased" if bought else "granted", p, i)
                       for i, (minor, p, bought) in enumerate(parts)]  # fmt: skip
        balance = int(sum(x.amount for x in of[f"w{n}"]))
        held.append(Wallet(f"w{n}", balance, "EUR", priority, n, None if pays is None else frozenset({pays})))
    drawn = dict(draws(document, held, of))
    assert all(0 < minor <= next(x.amount for x in of[name[:2]] if x.id == name) for name, minor in drawn.items())
    paid = drawn_on(document, sum(drawn.values()))
    assert paid.total_minor >= 0 and paid.total_minor + paid.credits_minor == document.total_minor
    free = sum(w.balance_minor for w in held if w.fee_types is None)
    assert paid.credits_minor >= min(free, document.total_minor)
