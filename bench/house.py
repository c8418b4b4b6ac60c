"""A house for a bench: an embedded database in a scratch folder, a test tenant, and how figures are printed."""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from counterfoil.app import House, administrator_url, open_house
from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.settings import Settings

START = datetime(2025, 1, 1, tzinfo=UTC)


@contextmanager
def scratch_house() -> Iterator[tuple[House, str]]:
    """A house with its administrator's connection string; everything is removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="counterfoil-bench-"))
    home.chmod(0o755)
    try:
        settings = Settings(home=home)
        with open_house(settings) as house:
            yield house, administrator_url(settings)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def new_tenant(house: House, at: datetime = START) -> int:
    """A test tenant whose clock stands at `at`."""
    tenant = house.open_company("Bench", modes=("test",))[0].tenant
    house.advance(tenant, to=at)
    return tenant


def parties(house: House, tenant: int, customers: int, *, tax: Decimal = Decimal(0)) -> list[Ref]:
    """An entity and so many customers; the customers' references."""
    with house.tx(tenant) as tx:
        create_entity(tx, Entity(Ref(""), "Bench Ltd", "B", currency="EUR"))
    made: list[Ref] = []
    for first in range(0, customers, 5000):
        with house.tx(tenant) as tx:
            block = [
                Customer(Ref(""), f"Customer {i:07d}", Ref(""), currency="EUR", tax_percent=tax)
                for i in range(first, min(first + 5000, customers))
            ]
            made.extend(c.ref for c in create_customers(tx, block))
    return made


@contextmanager
def timed(into: dict[str, float], name: str) -> Iterator[None]:
    """Note how long the block took, in seconds."""
    started = time.perf_counter()
    yield
    into[name] = time.perf_counter() - started


def peak_mib() -> int:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def line(what: str, ours: str, floor: str = "", ratio: str = "") -> None:
    """Print one row of a bench."""
    print(f"{what:<58} {ours:>18} {floor:>18} {ratio:>14}", flush=True)


def head(title: str) -> None:
    """Print a bench's title and columns."""
    print(f"\n{title}")
    line("", "ours", "floor", "ratio")
