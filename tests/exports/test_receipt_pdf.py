"""A receipt on paper: nothing missing, the same bytes every time, one look with the invoices, and made of data only."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from pypdf import PdfReader

from counterfoil.core.basis.ids import Ref
from counterfoil.core.invoicing.layout import Layout
from counterfoil.core.receipts.balance import ReasonLine
from counterfoil.core.receipts.value import MetricLine
from counterfoil.exports.pdf import Attachment
from counterfoil.exports.receipt_pdf import receipt_pdf
from counterfoil.exports.receipt_view import receipt_view
from tests.exports.sample_documents import HOSTILE
from tests.exports.sample_receipts import balance, payment, value
from tests.exports.test_invoice_pdf import squeezed

URL = "https://billing.example/receipt/chk_0b3038f5651582c6b741b5be527523bf"
RECORD = Attachment("record.json", b'{"type":"balance-receipt/v1"}', description="The sealed record", relationship="source")
KINDS = [balance, value, payment]


def read(receipt: Any, **more: Any) -> PdfReader:
    return PdfReader(io.BytesIO(receipt_pdf(receipt, url=URL, **more)))


def text_of(receipt: Any, **more: Any) -> str:
    return squeezed("".join(page.extract_text() for page in read(receipt, **more).pages))


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("make", KINDS)
def test_everything_the_page_says_is_on_the_paper(make: Any, language: str) -> None:
    view = receipt_view(make(), language=language)
    text = text_of(make(), language=language)
    said = [
        view.title, view.number, view.issuer, view.customer, *view.customer_rows, view.headline.value, view.due.label,
        *(x for row in (*view.facts, *view.sums) for x in (row.label, row.value)),
        *(x for table in view.tables for row in table.rows for x in row),
        *(x for table in view.tables for x in (table.title, *(c.label for c in table.columns))),
        *(x for step in view.how for x in (step.of, step.says)), *view.roots,
    ]
    missing = [x for x in said if squeezed(x) not in text]
    assert not missing


@pytest.mark.parametrize(
    ("receipt", "language", "said"),
    [
        (balance(), "en", ["Closing balance", "-812.25 credits", "Apr 1 – 30, 2026", "gpu_minutes", "1 – 64"]),
        (balance(), "de", ["Endsaldo", "-812,25 credits", "1.–30. Apr. 2026"]),
        (balance(starts_at=datetime(2026, 4, 1, 6, tzinfo=UTC)), "en", ["Apr 1, 2026, 06:00 – May 1, 2026, 00:00"]),
        (value(), "en", ["€18,240.50", "€1,199.00", "15.2 times what was billed", "Value model, version 3", "1,912 events",
                         "minutes / 60 → unit_value * rate, rate = 55", "amount > 1000: 1000; amount", "310.5 hours"]),
        (value(ends_at=datetime(2026, 6, 30, 23, 59, 58, tzinfo=UTC)), "en", ["Jun 30, 2026, 23:59:58"]),
        (value(billed=()), "en", ["Value delivered"]),
        (payment(), "en", ["R-000017", "€1,426.81", "Bank transfer", "DE-INV-000123", "May 4, 2026, 09:12:30"]),
        (payment(revision=2, state="cancelled"), "en", ["Revision 2"]),
        (payment(currency="JPY", amount_minor=1200, items=(), documents=(), description="Deposit"), "en", ["¥1,200", "Deposit"]),
    ],
)
def test_a_receipt_says_what_its_reader_looks_for(receipt: Any, language: str, said: list[str]) -> None:
    text = text_of(receipt, language=language)
    assert [x for x in said if squeezed(x) not in text] == []


def test_what_was_not_billed_is_not_compared() -> None:
    text = text_of(value(billed=()))
    assert "billed" not in text and "times" not in text
    assert "times" not in text_of(value(total=D(0), metrics=()))


@pytest.mark.parametrize("make", KINDS)
def test_the_same_receipt_gives_the_same_bytes_in_every_thread(make: Any) -> None:
    once = receipt_pdf(make(), url=URL, attachments=[RECORD])
    with ThreadPoolExecutor(2) as pool:
        again = [pool.submit(receipt_pdf, make(), url=URL, attachments=[RECORD]) for _ in range(3)]
    assert {x.result() for x in again} == {once}


@pytest.mark.parametrize("make", KINDS)
def test_it_is_archivable_and_can_be_read_aloud_and_carries_its_record(make: Any) -> None:
    pdf = read(make(), language="de", attachments=[RECORD])
    assert pdf.attachments == {"record.json": [RECORD.data]}
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "de" and "/StructTreeRoot" in root
    assert b"pdfaid:conformance>A<" in root["/Metadata"].get_object().get_data().replace(b" ", b"")
    assert make().issuer_name in str((pdf.metadata or {}).get("/Author"))


def test_the_code_and_its_link_lead_to_the_page_and_can_be_left_out() -> None:
    links = [a.get_object()["/A"]["/URI"] for a in read(balance()).pages[0]["/Annots"]]  # type: ignore[attr-defined]
    assert links == [URL]
    assert "/Annots" not in PdfReader(io.BytesIO(receipt_pdf(balance(), url=""))).pages[0]


def test_it_wears_the_look_of_the_tenants_layout() -> None:
    layout = Layout(Ref(""), "House", accent="#7a1f5c", footer="Contoso GmbH, HRB 12345", date_style="iso")
    text = text_of(balance(), layout=layout)
    assert squeezed("Contoso GmbH, HRB 12345") in text and squeezed("2026-04-01 – 2026-04-30") in text


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("make", KINDS)
def test_a_hostile_name_is_text_on_paper_too(make: Any, hostile: str) -> None:
    change: dict[str, Any] = {"issuer_name": hostile, "customer_name": hostile}
    if make is balance:
        change |= {"lines": (ReasonLine(hostile, 1, D(1)),), "unit": hostile[:12], "customer_id": hostile}
    elif make is value:
        change |= {"metrics": (MetricLine("m", hostile, hostile[:12], 1, D(1), D(1)),)}
    else:
        change |= {"items": (replace(payment().items[0], description=hostile),), "number": hostile, "customer_email": hostile}
    text = text_of(make(**change))
    assert squeezed(receipt_view(make(**change)).title) in text
    if hostile.isascii():
        assert text.count(squeezed(hostile)) >= 3


def test_hundreds_of_reasons_keep_their_heading_on_every_page() -> None:
    many = tuple(ReasonLine(f"reason {n}", 1, D(n)) for n in range(1, 301))
    pages = [page.extract_text() for page in read(balance(lines=many)).pages]
    assert len(pages) > 5 and all(f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, 1))
    assert sum(len(re.findall(r"reason \d+", page)) for page in pages) == 300


def test_a_draft_says_that_it_is_one() -> None:
    text = text_of(value(), is_draft=True)
    assert "Adraft" in text and squeezed("As of (UTC)") in text and "Sealed" not in text
