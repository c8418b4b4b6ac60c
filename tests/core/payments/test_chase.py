"""Dangers of a dunning calendar: a step twice, out of order, on another day than was said, or by another clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.payments.chase import (
    LETTERS,
    Policy,
    Standing,
    Step,
    at_hour,
    calendar,
    foreseen,
    next_look,
    policy_problems,
    state_of,
)
from counterfoil.core.payments.dunning import NOT_STARTED, Campaign, Overdue, requests

BASE = date(2026, 1, 15)
steps = st.lists(
    st.one_of(
        st.builds(Step, st.just("mail"), st.integers(-90, 730), st.sampled_from(LETTERS)),
        st.builds(Step, st.sampled_from(["retry", "pause", "cancel"]), st.integers(1, 730)),
        st.builds(lambda d: Step("state", d, state="LATE"), st.integers(1, 730)),
    ), max_size=12, unique_by=lambda s: s.key,
).map(tuple)  # fmt: skip
policies = st.builds(Policy, steps, st.lists(st.integers(1, 90), max_size=5).map(tuple), hour=st.integers(0, 23))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"])


@given(policies, zones, st.one_of(st.none(), st.just(BASE)), st.data())
def test_doing_what_is_first_again_and_again_does_everything_once_in_the_order_that_was_foreseen(
    policy: Policy, zone: str, failed_on: date | None, data: st.DataObject
) -> None:
    standing = Standing(BASE, failed_on=failed_on)
    plan = calendar(policy, standing, zone)
    done: list[str] = []
    while due := calendar(policy, standing, zone, done):
        done.append(due[0].key)
    assert done == [d.key for d in plan] and len(set(done)) == len(done)
    assert len(done) == len(policy.steps) + (len(policy.retry_days) if failed_on else 0)
    assert all(a.at <= b.at for a, b in pairwise(plan))
    since = data.draw(st.sampled_from([d.at for d in plan])) if plan else None
    later = calendar(policy, Standing(BASE, failed_on=failed_on, since=since), zone)
    assert later == tuple(d for d in plan if since is None or d.at >= since)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 23), zones)
def test_a_step_is_on_its_civil_day_whatever_the_clocks_do(day: date, hour: int, zone: str) -> None:
    from zoneinfo import ZoneInfo

    if zone == "Pacific/Apia" and day == date(2011, 12, 30):
        return  # a day that was skipped there
    local = at_hour(day, hour, zone).astimezone(ZoneInfo(zone))
    assert local.date() == day and local.hour in (hour, hour + 1)


def test_a_contract_is_touched_after_the_mail_of_the_same_hour() -> None:
    policy = Policy((Step("cancel", 30), Step("mail", 30, "final")))
    assert [d.step.kind for d in calendar(policy, Standing(BASE), "UTC")] == ["mail", "cancel"]


@pytest.mark.parametrize(
    ("from_day", "left"), [(0, ["mail:first@3", "mail:second@10"]), (10, ["mail:second@10"]), (-90, None), (11, [])]
)
def test_after_a_chargeback_only_steps_from_the_named_day_on_are_left(from_day: int, left: list[str] | None) -> None:
    policy = Policy((Step("mail", -3, "upcoming"), Step("mail", 3, "first"), Step("mail", 10, "second")))
    found = [d.key for d in calendar(policy, Standing(BASE, from_day), "UTC")]
    assert found == (left if left is not None else [s.key for s in policy.steps])


@given(
    st.integers(1, 4), st.integers(1, 20), st.integers(1, 200),
    st.lists(st.builds(
        Overdue, st.sampled_from(["EUR", "USD"]), st.integers(1, 100),
        st.integers(0, 60).map(lambda d: datetime(2026, 1, 1, 9, tzinfo=UTC) + timedelta(days=d)),
    ), max_size=6),
)  # fmt: skip
def test_looking_only_when_it_is_time_asks_for_the_same_as_looking_every_day(
    most: int, pause: int, threshold: int, invoices: list[Overdue]
) -> None:
    campaign = Campaign(most, pause, {"EUR": threshold, "USD": threshold})
    start, end = datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 12, 31, 9, tzinfo=UTC)
    state, daily, day = NOT_STARTED, [], start
    while day <= end:
        asked, state = requests(campaign, state, invoices, day)
        daily += [(day, c, minor, state.attempts[c]) for c, minor in asked.items()]
        day += timedelta(days=1)
    first = min((i.overdue_from for i in invoices), default=None)
    planned = [(r.at, r.currency, r.amount_minor, r.n) for r in foreseen(campaign, NOT_STARTED, invoices, first, end)]
    assert sorted(planned) == sorted(daily)
    assert next_look(campaign, state, invoices, end) is None or end < max(i.overdue_from for i in invoices) + timedelta(400)


def test_the_state_is_the_furthest_that_was_reached() -> None:
    policy = Policy((Step("state", 5, state="LATE"), Step("mail", 7, "first"), Step("state", 15, state="BLOCKED")))
    assert [state_of(policy, d) for d in (None, 0, 4, 5, 14, 15, 400)] == [
        "CLEAR", "CLEAR", "CLEAR", "LATE", "LATE", "BLOCKED", "BLOCKED"
    ]


def test_the_policy_of_the_guide_is_a_policy() -> None:
    policy = Policy(
        (Step("mail", -3, "upcoming"), Step("mail", 3, "first"), Step("state", 20, state="WARNED"), Step("cancel", 60)),
        (3, 5, 7), Campaign(3, 14, {"EUR": 5000}),
    )
    assert list(policy_problems(policy)) == []
