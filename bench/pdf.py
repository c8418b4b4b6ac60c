"""Invoices as PDF: our whole path against a bare typst loop over the same template and data.

    python -m bench.pdf [--documents 60]
"""

from __future__ import annotations

import argparse
from datetime import date
from decimal import Decimal

from bench.house import head, line, peak_mib, timed
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.period import Period
from counterfoil.core.invoicing.document import Document, Party
from counterfoil.core.invoicing.draw_up import LineDraft, draw_up
from counterfoil.core.pricing.model import Part
from counterfoil.exports.pdf import invoice_inputs, invoice_pdf, typeset

URL = "https://counterfoil.example/i/1"


def document(i: int) -> Document:
    """A one-page invoice with six explained lines."""
    month = Period(date(2025, 1, 1), date(2025, 2, 1))
    price = Decimal("0.01")
    drafts = [
        LineDraft(
            f"Item {n}", "Platform", "usage", price * (1000 * n + i), Decimal(1000 * n + i), "calls", month, Decimal(19),
            parts=(Part(Decimal(1000 * n + i), price, price * (1000 * n + i), "tier", "units 1 and up"),),
        )
        for n in range(1, 7)
    ]
    return draw_up(
        ref=derived_ref("bench", i), kind="INVOICE", number=f"B-INV-{i:06d}", currency="EUR",
        issued_on=date(2025, 2, 1), net_days=30,
        seller=Party(derived_ref("seller"), "Bench Ltd", "Bench Ltd", ("Street 1", "20457 Hamburg"), "Germany",
                     bank=(("IBAN", "DE02 1203 0000 0000 2020 51"),)),
        buyer=Party(derived_ref("buyer", i), f"Customer {i}", "", ("Road 2", "1016 BR Amsterdam"), "Netherlands"),
        drafts=drafts, period=month,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=60)
    args = parser.parse_args()
    documents = [document(i) for i in range(1, args.documents + 1)]
    invoice_pdf(documents[0], hosted_url=URL)
    took: dict[str, float] = {}
    inputs = [invoice_inputs(d, hosted_url=URL) for d in documents]
    with timed(took, "bare"):
        for i, d in zip(inputs, documents, strict=True):
            typeset(i, d)
    with timed(took, "ours"):
        for d in documents:
            invoice_pdf(d, hosted_url=URL)
    head(f"PDF/A-3 invoices ({args.documents}, one page each, one core)")
    ours, bare = args.documents / took["ours"], args.documents / took["bare"]
    line("invoices a second", f"{ours:.0f}/s", f"{bare:.0f}/s", f"{ours / bare:.2f} (>= 0.85)")
    line("memory of this process", f"{peak_mib()} MiB")


if __name__ == "__main__":
    main()
