"""Hand-made documents for whatever shows one: their figures are worked out here, and add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import to_minor
from counterfoil.core.basis.period import Period, Window
from counterfoil.core.invoicing.document import (
    Correction,
    Discount,
    Document,
    DocumentKind,
    Line,
    Party,
    TaxTotal,
    UsageProof,
)
from counterfoil.core.pricing.model import Part
from counterfoil.core.pricing.totals import DiscountTerm, totals

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))

SELLER = Party(
    ref=derived_ref("entity", "northwind"),
    name="Northwind Field Services",
    legal_name="Northwind Field Services GmbH",
    address=("Speicherstraße 14", "20457 Hamburg"),
    country="DE",
    tax_id="DE123456789",
    email="billing@northwind.example",
    bank=(
        ("Bank", "Hanseatische Handelsbank AG"),
        ("IBAN", "DE02 1203 0000 0000 2020 51"),
        ("BIC", "BYLADEM1001"),
    ),
)

BUYER = Party(
    ref=derived_ref("customer", "acme"),
    name="Acme Logistics Europe",
    legal_name="Acme Logistics Europe B.V.",
    address=("Accounts Payable", "Herengracht 182", "1016 BR Amsterdam"),
    country="NL",
    tax_id="NL004495445B01",
    email="ap@acme.example",
)


def window() -> Window:
    return Window(datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))


def with_totals(document: Document, credits_minor: int = 0) -> Document:
    """The document with discounts shared out, taxes and totals as the core computes them."""
    terms = [
        DiscountTerm(d.percent, None if d.fixed is None else to_minor(d.fixed, document.currency), d.lines)
        for d in document.discounts
    ]
    sums = totals([(x.tax_category, x.tax_percent, x.amount_minor) for x in document.lines], terms, credits_minor)
    return replace(
        document,
        lines=tuple(
            replace(line, discount_minor=d) for line, d in zip(document.lines, sums.line_discounts_minor, strict=True)
        ),
        taxes=tuple(TaxTotal(t.category, t.percent, t.base_minor, t.tax_minor) for t in sums.taxes),
        sub_total_minor=sums.sub_total_minor,
        total_discount_minor=sums.total_discount_minor,
        total_tax_minor=sums.total_tax_minor,
        credits_minor=sums.credits_minor,
        total_minor=sums.total_minor,
    )


def document(kind: DocumentKind = "INVOICE", number: str = "DE-INV-000123", **fields: object) -> Document:
    """A document without lines; `fields` replace any of it."""
    blank = Document(
        ref=derived_ref("document", number), kind=kind, number=number, currency="EUR",
        issued_on=date(2026, 4, 1), due_on=date(2026, 5, 1), net_days=30, seller=SELLER, buyer=BUYER,
        lines=(), discounts=(), taxes=(), sub_total_minor=0, total_discount_minor=0, total_tax_minor=0,
        credits_minor=0, total_minor=0, contract_ref=derived_ref("contract", "acme"), contract_number=17,
        contract_version=2, number_in_contract=3, period=MARCH, po_number="PO-88213", time_zone="Europe/Berlin",
    )
    return replace(blank, **fields)  # type: ignore[arg-type]


def line(n: int, item: str, amount: str, *, currency: str = "EUR", **fields: object) -> Line:
    """One line of `amount` in the main unit."""
    blank = Line(
        n=n, item=item, product_name="Tracking platform", kind="recurring", period=MARCH, quantity=D(1), unit="month",
        amount_minor=to_minor(D(amount), currency), tax_percent=D(19),
    )
    return replace(blank, **fields)  # type: ignore[arg-type]


def usage_lines(first: int) -> tuple[Line, ...]:
    """A graduated fee over 12,345.5 calls and a package price, both with the events they counted."""
    tiers = (
        Part(D(1000), D("0.01"), D("10.00"), "tier", "tier 1: units 1 to 1,000"),
        Part(D(9000), D("0.008"), D("72.000"), "tier", "tier 2: units 1,001 to 10,000"),
        Part(D("2345.5"), D("0.0065"), D("15.24575"), "tier", "tier 3: units from 10,001"),
        Part(D(0), None, D("25"), "flat_fee", "tier 3: flat fee"),
    )
    packages = (
        Part(D(100), None, D(0), "included", "free units"),
        Part(D(1250), None, D("65.00"), "package", "13 × 100 units at 5"),
    )
    sealed = UsageProof("9f" * 32, 4211, window(), {"aggregation": "sum"})
    return (
        line(first, "API calls", "122.25", kind="usage", quantity=D("12345.5"), unit="calls", parts=tiers,
             usage=sealed),
        line(first + 1, "Push messages", "65.00", kind="usage", quantity=D(1350), unit="messages", parts=packages,
             usage=replace(sealed, root="3c" * 32, count=1)),
    )


def invoice(language: str = "en") -> Document:
    """One page: a licence with a stub, seats, usage in tiers and packages, a reduced rate, two discounts, a credit."""
    lines = (
        line(1, "Platform licence", "499.00", parts=(Part(D(1), D("499"), D("499"), "flat", ""),)),
        line(2, "Seats", "331.45", quantity=D(35), unit="seats",
             parts=(Part(D(35), D("9.47"), D("331.45"), "unit", ""),)),
        *usage_lines(3),
        line(5, "Onboarding handbook, printed", "74.85", kind="one_time", quantity=D(3), unit="copies", period=None,
             product_name="Onboarding", tax_percent=D(7),
             parts=(Part(D(3), D("24.95"), D("74.85"), "unit", ""),)),
        line(6, "Minimum commitment", "57.45", kind="minimum", unit="", quantity=D(1),
             parts=(Part(D(1), None, D("57.45"), "minimum", "up to the monthly minimum of 1,075.15"),)),
    )
    discounts = (Discount("Partner discount", percent=D("7.5")), Discount("Goodwill, January outage", fixed=D("25.00")))
    note = "Thank you for your business.\nQuestions about usage? The event log is on the hosted page."
    return with_totals(document(lines=lines, discounts=discounts, language=language, note=note), credits_minor=5000)


def long_invoice(lines: int = 200) -> Document:
    """Many sites, each with a working of two rows."""
    rows = tuple(
        line(n, f"Site {n:03d}, metered transfers", str(D(2 * n) * D("0.35") + D("1.5")), kind="usage",
             unit="transfers",
             quantity=D(2 * n), parts=(
                 Part(D(2 * n), D("0.35"), D(2 * n) * D("0.35"), "unit", "each transfer"),
                 Part(D(0), None, D("1.5"), "flat_fee", "base fee"),
             ))
        for n in range(1, lines + 1)
    )
    return with_totals(document(number="DE-INV-000200", lines=rows))


def credit_note(language: str = "en") -> Document:
    """A correction downwards of two lines of the invoice; its number is `DE-CRN-000007`."""
    of = derived_ref("document", "DE-INV-000123")
    rows = (
        line(1, "API calls", "3.25", kind="correction", quantity=D(500), unit="calls",
             correction=Correction(of, 3, 12225, 11900, "500 calls of 12 March were reported twice")),
        line(2, "Seats", "18.94", kind="correction", quantity=D(2), unit="seats",
             correction=Correction(of, 2, 33145, 31251, "Two seats were closed on 1 March")),
    )
    return with_totals(document("CREDIT", "DE-CRN-000007", lines=rows, corrects=of, language=language, net_days=0))


def yen_invoice() -> Document:
    """No minor unit, and names in Japanese."""
    buyer = Party(derived_ref("customer", "kk"), "株式会社サンプル", address=("東京都千代田区1-1",), country="JP")
    rows = (line(1, "利用料", "123456", currency="JPY", tax_percent=D(10)),)
    return with_totals(document(number="JP-INV-000001", currency="JPY", language="ja", buyer=buyer, lines=rows))


HOSTILE = (
    "#panic(\"x\") $ x^2 $ *b* _i_ `c` @ref <lbl> \\ // ]] }} #eval",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "W" * 400,
    "שלום עולם مرحبا بالعالم",
    "😀👩‍👩‍👧 \U000e0041 \x00\x07 \ufffe \ue000",
    "\u202egnp.exe\u2066 株\u0301 x\u0338\u0489",
    "=HYPERLINK(\"http://evil\")",
    "../../../etc/passwd #read(\"/etc/passwd\")",
)


def hostile_invoice(text: str) -> Document:
    """Every text that a tenant or a customer can type is `text`."""
    party = Party(derived_ref("p"), text, text, (text, text), text, text, text, ((text, text),))
    part = Part(D(1), D(1), D(1), text, text)
    row = line(1, text, "1", product_name=text, unit=text, parts=(part, replace(part, amount=D(0))), tax_category=text,
               correction=Correction(Ref(text), 1, 0, 100, text))
    return with_totals(document(number=text, lines=(row,), seller=party, buyer=party, note=text, po_number=text,
                                corrects=Ref(text), discounts=(Discount(text, fixed=D("0.10")),)))
