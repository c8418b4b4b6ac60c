"""Ad-hoc invoices: N of them over 100 customers, each created, numbered, posted, sealed and committed.

    python -m bench.ad_hoc [--invoices 1000] [--chunk 250]

Invoice i has the lines 1 × 49.00, (1 + i mod 10) × 12.00 and ((37 i) mod 1000 + 1) × 0.07, with 17 % tax. The total with
tax is checked: 175,541.00 for 1,000 invoices, 526,623.00 for 3,000. The log is integrated and its checkpoint signed
within the time. `--chunk 1` commits every invoice by itself.
"""

from __future__ import annotations

import argparse
from decimal import Decimal

from bench.house import head, line, new_tenant, parties, peak_mib, scratch_house, timed
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc

KNOWN_TOTALS = {1000: Decimal("175541.00"), 3000: Decimal("526623.00")}
OTHERS = 14
"""Invoices per second of Odoo 17 on such a machine."""


def order(i: int, customers: list[Ref]) -> AdHocInvoice:
    """Invoice number i."""
    return AdHocInvoice(
        customers[i % len(customers)],
        (
            AdHocLine("Base", Decimal("49.00")),
            AdHocLine("Seats", Decimal("12.00"), Decimal(1 + i % 10)),
            AdHocLine("Calls", Decimal("0.07"), Decimal(37 * i % 1000 + 1)),
        ),
    )


def run(house: House, tenant: int, customers: list[Ref], invoices: int, chunk: int) -> tuple[float, Decimal]:
    """Seconds, and the total with tax, of issuing so many invoices in chunks."""
    took: dict[str, float] = {}
    total = 0
    with timed(took, "issue"):
        for first in range(0, invoices, chunk):
            with house.tx(tenant) as tx:
                orders = [order(i, customers) for i in range(first, min(first + chunk, invoices))]
                total += sum(d.total_minor for d in invoice_ad_hoc(tx, orders))
        house.integrate(tenant)
    return took["issue"], Decimal(total).scaleb(-2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=1000)
    parser.add_argument("--chunk", type=int, default=250, help="invoices in one transaction")
    args = parser.parse_args()
    with scratch_house() as (house, _admin):
        head(f"Ad-hoc invoices ({args.invoices} over 100 customers, in chunks of {args.chunk}, and one by one)")
        for chunk, count in ((args.chunk, args.invoices), (1, min(args.invoices, 1000))):
            tenant = new_tenant(house)
            customers = parties(house, tenant, 100, tax=Decimal(17))
            seconds, total = run(house, tenant, customers, count, chunk)
            if count in KNOWN_TOTALS:
                assert total == KNOWN_TOTALS[count], f"the total is {total}, not {KNOWN_TOTALS[count]}"
            name = f"invoices a second, {chunk} to a transaction, total {total:,}"
            line(name, f"{count / seconds:,.0f}/s", f"{OTHERS}/s (Odoo)", f"{count / seconds / OTHERS:,.0f} x")
        line("memory of this process", f"{peak_mib()} MiB")


if __name__ == "__main__":
    main()
