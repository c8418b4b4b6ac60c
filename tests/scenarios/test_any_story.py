"""Stories that nobody thought of: whatever happens in whatever order, the audit holds after every line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.core.basis.refusals import Refusal
from counterfoil.settings import Settings
from tests.scenarios.play import Story

SETTING = """
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=19
meter calls
price std EUR; Licence recurring 31; Setup once 9; Calls usage=calls graduated 100@0.1 *@0.07
price alt EUR; Licence recurring 62.05; Calls usage=calls each 0.5
price flat EUR; Base recurring 10
"""
START = date(2025, 1, 1)


@st.composite
def terms(draw: st.DrawFn, prices: tuple[str, ...] = ("std", "alt")) -> str:
    """A product of a contract with everything that changes what is billed when."""
    start = START + timedelta(days=draw(st.integers(0, 40)))
    words = [draw(st.sampled_from(prices)), f"from={start}"]
    if draw(st.booleans()):
        words.append(f"to={start + timedelta(days=draw(st.integers(20, 250)))}")
    pay = draw(st.sampled_from(("before", "before", "after", "after", "during")))
    words.append(f"pay={pay}")
    words.append(f"cycle={draw(st.sampled_from(('month', 'month', 'month', 'quarter', '2week')))}")
    if draw(st.booleans()):
        words.append(f"issue-day={start + timedelta(days=draw(st.integers(-20, 40)))}")
    for option, values in (("min", (20, 200)), ("max", (15, 60)), ("discount", ("10%", "33.3%")), ("off", (3,))):
        if draw(st.integers(0, 3)) == 0:
            words.append(f"{option}={draw(st.sampled_from(values))}")
    return " ".join(words)


@st.composite
def happenings(draw: st.DrawFn) -> list[str]:
    """Lines of a story after its setting, without what comes of them."""
    lines = ["contract k0 bolt; " + draw(terms())]
    if draw(st.booleans()):
        lines.append(f"contract k1 bolt; {draw(terms())}; {draw(terms(('flat',)))}")
    today, events = START, 0
    for _ in range(draw(st.integers(3, 9))):
        verb = draw(
            st.sampled_from(("usage", "usage", "advance", "advance", "correct", "delete", "amend", "cancel", "credit", "paid"))
        )
        key = f"e{draw(st.integers(0, max(0, events - 1)))}"
        contract = draw(st.sampled_from(("k0", "k0", "k1")))
        on = today + timedelta(days=draw(st.integers(-40, 25)))
        if verb == "advance":
            today += timedelta(days=draw(st.integers(1, 45)))
            lines.append(f"advance {today}")
        elif verb == "usage":
            for _ in range(draw(st.integers(1, 3))):
                at = today - timedelta(days=draw(st.integers(0, 50)))
                lines.append(f"usage e{events} bolt calls {draw(st.integers(0, 150))} at={at}")
                events += 1
        elif verb == "correct":
            lines.append(f"correct {key} {draw(st.integers(0, 200))}")
        elif verb == "delete":
            lines.append(f"delete {key}")
        elif verb == "amend":
            lines.append(f"amend {contract} {draw(st.sampled_from(('now', 'next')))} on={on}; {draw(terms())}")
        elif verb == "cancel" and draw(st.booleans()):
            lines.append(f"cancel {contract} {draw(st.sampled_from(('now', 'end')))} on={on}")
        elif verb == "credit":
            lines.append(f"credit DE-INV-{draw(st.integers(1, 4))} 1={draw(st.integers(1, 9))}")
        elif verb == "paid":
            lines += draw(money())
    return [*lines, f"advance {today + timedelta(days=draw(st.integers(1, 70)))}"]


@st.composite
def money(draw: st.DrawFn) -> list[str]:
    """Money comes in, settles this and that, goes back, is disputed or given up, in any order."""
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        p, document = f"p{draw(st.integers(0, 2))}", f"DE-INV-{draw(st.integers(1, 4))}"
        amount = draw(st.integers(1, 60))
        lines.append(draw(st.sampled_from((
            f"pay {p} bolt {amount} EUR oldest named=stripe:{p}", f"pay {p} bolt {amount} EUR for={document}",
            f"allocate {p}", f"allocate {p} {document} {amount}", f"takeback {p} {document}", f"refund {p} {amount}",
            f"refund {p} {amount} given named=re_{p}", f"refund {p} {amount} from={document}:{amount}",
            f"refund {p} {amount} asked", f"dispute {p} {amount}", f"lost {p}", f"won {p}", f"writeoff {document} {amount}",
            f"writeoff {document} -{amount}", f"credit {document} 1={amount}", f"credit {document} all",
        ))))  # fmt: skip
    return lines


class AnyStory(Story):
    """A story whose documents nobody foretold, and whose refusals are as good as anything else."""

    def line(self, verb: str, words: list[list[str]]) -> None:
        with suppress(Refusal, KeyError):
            super().line(verb, words)
        self.untold.clear()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(happenings())
@example(happened=[  # an amendment bills more on a date whose document is issued already
    "contract k1 bolt; std from=2025-01-01 pay=before cycle=month min=200 off=3; "
    "flat from=2025-01-20 pay=before cycle=2week min=20 off=3",
    "advance 2025-02-07",
    "amend k1 now on=2025-02-03; std from=2025-01-01 pay=before cycle=month issue-day=2025-02-08 max=15 off=3",
    "advance 2025-02-14",
])
def test_whatever_happens_the_audit_holds(
    open_tenants: Callable[..., Any], db: Any, log_keys: LogKeys, happened: list[str]
) -> None:
    house = House(Settings(home=None), db, log_keys, db.clock, page_key=bytes(32))  # type: ignore[arg-type]
    story = AnyStory(house, open_tenants()[0].tenant)
    note("\n".join(happened))
    story.play(SETTING + "\n".join(happened))


INVOICES = """
clock 2025-01-01
entity DE currency=EUR
customer bolt tax=19
adhoc bolt; Chair 20; Lamp 10
adhoc bolt; Desk 40
adhoc bolt; Bench 7
"""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(money())
def test_whatever_money_does_what_is_owed_is_what_the_books_say(
    open_tenants: Callable[..., Any], db: Any, log_keys: LogKeys, happened: list[str]
) -> None:
    house = House(Settings(home=None), db, log_keys, db.clock, page_key=bytes(32))  # type: ignore[arg-type]
    story = AnyStory(house, open_tenants()[0].tenant)
    note("\n".join(happened))
    story.play(INVOICES + "\n".join(happened))
