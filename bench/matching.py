"""Match bank lines to open invoices: as it is thought out, and as it is kept, posted and receipted.

    python -m bench.matching [--documents 100000] [--lines 100000] [--kept 2000]

First the matching alone: every document indexed, every line (as payers really write them, from a seed) looked up, what is
certain taken off. The floor is one look-up of every line's text in a dictionary. Then `--kept` lines through the database:
imported, matched, and the certain ones posted with their receipts. Memory is measured before and after the lines.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import chain, islice

from bench.house import head, line, new_tenant, parties, peak_mib, scratch_house
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.matching import suggest
from counterfoil.core.payments.open_book import Incoming
from counterfoil.flows.bank_port import Statement, StatementLine
from counterfoil.flows.import_statements import import_statements
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.match_entries import match_waiting
from tests.core.payments.labelled_lines import Labelled, World

ACCOUNT = "DE02120300000000202051"
DAY = date(2025, 1, 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--kept", type=int, default=2_000, help="lines that go through the database")
    given = parser.parse_args()
    thought_out(given.documents, given.lines)
    with scratch_house() as (house, _admin):
        kept(house, given.kept)


def thought_out(documents: int, lines: int) -> None:
    """Matching alone."""
    world = World(7, customers=max(10, documents // 10), documents=documents)
    labelled = list(islice(_endless(world), lines))
    head(f"Matching {lines:,} lines against {documents:,} open documents, without a database")
    began = time.perf_counter()
    book = world.book()
    indexed = time.perf_counter() - began
    known = {item.number: item for item in world.items}
    began = time.perf_counter()
    for x in labelled:
        known.get(x.line.texts[0])
    floor = time.perf_counter() - began
    before, began = peak_mib(), time.perf_counter()
    posted = wrong = named = 0
    for x in labelled:
        found = suggest(x.line, book)
        if found and found[0].certain:
            good = tuple(sorted(found[0].parts)) == tuple(sorted(x.pays))
            posted, wrong = posted + good, wrong + (not good)
            book.take(found[0].parts)
        named += bool(found)
    took = time.perf_counter() - began
    line("documents indexed", f"{indexed:.2f} s")
    line("lines matched", f"{took:.2f} s", f"{floor:.2f} s", f"{lines / took:,.0f} lines/s")
    line("memory before and after the lines", f"{before} -> {peak_mib()} MiB")
    line("certain, right and wrong", f"{posted:,} and {wrong:,}")
    line("with a suggestion", f"{named:,}")
    assert not wrong, "what posts by itself is right"


def _endless(world: World) -> Iterator[Labelled]:
    """Lines until all documents are paid, then others that pay them once more, then those of strangers."""
    again = World(world.seed, customers=world.customers, documents=world.documents)
    again.random.seed(world.seed + 1)
    stranger = Labelled(Incoming(4_711_11, "EUR", ("refund 2025 see letter",), (), "City of Newark", ""), "no customer", ())
    return chain(world.lines(), again.lines(), iter(lambda: stranger, None))


def kept(house: House, lines: int) -> None:
    """Import, match and post in a database."""
    tenant = new_tenant(house)
    customers = parties(house, tenant, max(2, lines // 10))
    numbers: list[str] = []
    for first in range(0, lines, 500):
        with house.tx(tenant) as tx:
            orders = [_order(customers[n % len(customers)], n) for n in range(first, min(first + 500, lines))]
            numbers += [d.number for d in invoice_ad_hoc(tx, orders)]
    statement = Statement(
        format="MT940", at_line=1, account=ACCOUNT, currency="EUR", number="1",
        lines=tuple(
            StatementLine(n + 1, DAY, DAY, Decimal(1000 + n) / 100, "EUR", text=f"Rechnung {number}", bank_ref=f"B{n}")
            for n, number in enumerate(numbers)
        ),
    )
    head(f"{lines:,} lines in the database, all certain")
    began = time.perf_counter()
    with house.tx(tenant) as tx:
        import_statements(tx, [statement], file_name="bench.sta", sha256=hashlib.sha256(b"bench").digest())
    took = time.perf_counter() - began
    line("imported", f"{took:.2f} s", ratio=f"{lines / took:,.0f} lines/s")
    began = time.perf_counter()
    done = match_waiting(partial(house.tx, tenant))
    took = time.perf_counter() - began
    assert done.posted == lines, done
    line("matched, posted, with receipts", f"{took:.2f} s", ratio=f"{lines / took:,.0f} lines/s")
    line("peak memory", f"{peak_mib()} MiB")


def _order(customer: Ref, n: int) -> AdHocInvoice:
    return AdHocInvoice(customer, (AdHocLine("Work", Decimal(1000 + n) / 100),))


if __name__ == "__main__":
    main()
