"""Every story in `cases/`, and proof that a story which does not hold fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.settings import Settings
from tests.scenarios.play import Story

CASES = sorted((Path(__file__).parent / "cases").glob("*.story"))


@pytest.fixture(scope="session")
def house(db: Any, log_keys: LogKeys, tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(Settings(home=tmp_path_factory.mktemp("home")), db, log_keys, db.clock, page_key=bytes(32))


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_story(path: Path, house: House, tenant: int) -> None:
    Story(house, tenant).play(path.read_text())


def test_the_story_in_the_guide_is_true(house: House, tenant: int) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "stories.md").read_text()
    told = next(block for block in guide.split("```") if block.lstrip().startswith("clock"))
    Story(house, tenant).play(told)


BEGINNING = """
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=19
price std EUR; Licence recurring 100
contract k1 bolt; std from=2025-01-01 to=2025-12-31 issue-day=2025-01-01
advance 2025-01-01
"""


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("issued DE-INV-1 2025-01-01 119.01", "DE-INV-000001 2025-01-01 119"),
        ("issued DE-INV-2 2025-01-01 119", "DE-INV-000001"),
        ("issued DE-INV-1 2025-01-01 119; Licence 99; tax 20", "Licence 100"),
        ("issued DE-INV-1 2025-01-01 119\nissued DE-INV-2 2025-01-01 119", "nothing else was issued"),
        ("", "ends before it tells of DE-INV-000001"),
        ("advance 2025-02-01", "nobody told of DE-INV-000001"),
        ("issued DE-INV-1 2025-01-01 119\nbooks receivable:bolt 118 EUR", "the balance is"),
        ("issued DE-INV-1 2025-01-01 119\nrefuse clock.live paid DE-INV-1 119", "it was not refused"),
        ("issued DE-INV-1 2025-01-01 119\nrefuse absent amend k1 now; std from=2025-01-01 tax=101", "refused with"),
        ("issued DE-INV-1 2025-01-01 119\npaid DE-INV-1 118", "11900 minor units were booked"),
        ("issued DE-INV-1 2025-01-01 119\nupcoming k1; 2025-02-01 118", "119"),
        ("issued 1 invoices 120", "they come to 119"),
        ("sing k1", "there is no verb 'sing'"),
    ],
)
def test_a_story_that_is_not_what_happened_fails(wrong: str, why: str, house: House, tenant: int) -> None:
    with pytest.raises(AssertionError) as failed:
        Story(house, tenant).play(BEGINNING + wrong)
    assert why in str(failed.value)


def break_numbers(story: Story) -> None:
    with story.house.tx(story.tenant) as tx:
        (entity,) = tx.entities()
        tx.take_numbers(entity, "INVOICE", 1)


def forget_a_payment(story: Story) -> None:
    story.moved.clear()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (break_numbers, "leaves a gap"),
        (forget_a_payment, "the books are not what the documents say"),
    ],
)
def test_the_audit_finds_what_is_broken(damage: Callable[[Story], None], why: str, house: House, tenant: int) -> None:
    story = Story(house, tenant)
    story.play(BEGINNING + "issued DE-INV-1 2025-01-01 119\npaid DE-INV-1 119")
    damage(story)
    with pytest.raises(AssertionError) as failed:
        story.play("adhoc bolt; Consulting 100\nissued DE-INV-3 2025-01-01 119")
    assert why in str(failed.value)
