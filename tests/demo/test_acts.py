"""What people do during the year happens once, however often the story is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counterfoil.app import open_house
from counterfoil.demo.acts import ACTS
from counterfoil.demo.scope import Scope, begins
from counterfoil.demo.setting import set_scene
from counterfoil.demo.story import MORNING, OPENS_ON
from counterfoil.settings import read_settings
from tests.cli.conftest import Cli


@pytest.fixture
def told(cli: Cli) -> Any:
    """A house with the scene set for the airlines that act, and its tenant."""
    with open_house(read_settings()) as house:
        (opened,) = house.open_company("Acts", ("test",))
        house.advance(opened.tenant, to=begins(OPENS_ON) + MORNING)
        with house.tx(opened.tenant) as tx:
            set_scene(tx, Scope(airlines=frozenset(("UA", "B6", "DL"))))
        yield house, opened.tenant


def kinds(house: Any, tenant: int) -> dict[str, int]:
    with house.tx(tenant) as tx:
        rows = tx.totals_by_entity()
    found: dict[str, int] = {}
    for row in rows:
        found[row["kind"]] = found.get(row["kind"], 0) + row["documents"]
    return found


def test_acts_happen_once(told: Any) -> None:
    house, tenant = told
    for act in ACTS:
        done = house.advance(tenant, to=begins(act.on) + MORNING)
        assert done.parked == ()
        with house.tx(tenant) as tx:
            assert act.does(tx), act.says
        before = kinds(house, tenant)
        with house.tx(tenant) as tx:
            assert not act.does(tx), f"{act.says}: done twice"
        assert kinds(house, tenant) == before
    house.advance(tenant, to=begins(ACTS[-1].on) + timedelta(days=30))
    found = kinds(house, tenant)
    assert found["CREDIT"] == 2, "United's May and Delta's hangar"
    with house.tx(tenant) as tx:
        versions = {c.po_number: (c.version, c.state) for c in tx.contract_page(None, 1000)}
        assert sum(minor for *_, minor in tx.balances()) == 0
    assert versions["EWR-UA-2013"] == (2, "active")
    assert versions["JFK-B6-2013"] == (2, "active")
    assert versions["JFK-DL-2013-HANGAR"] == (2, "cancelled")


def test_the_hangar_is_credited_from_the_day_after_it_is_given_up(told: Any) -> None:
    house, tenant = told
    act = next(a for a in ACTS if "hangar" in a.says)
    house.advance(tenant, to=begins(act.on) + MORNING)
    with house.tx(tenant) as tx:
        act.does(tx)
        (note,) = tx.document_page(None, 10, kind="CREDIT")
    # 15 August is still billed: 46 of the quarter's 92 days are left of 3 × 26,800.00, with 8.875 % tax
    assert note.total_minor == 4_376_775
