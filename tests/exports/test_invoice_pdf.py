"""What a finance department receives: complete, archivable, the same every time, and made of data only."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.invoicing.document import Document
from counterfoil.core.pricing.model import Part
from counterfoil.exports.fonts import NO_GLYPH, showable
from counterfoil.exports.local import local_for
from counterfoil.exports.pdf import Attachment, invoice_pdf
from tests.exports.sample_documents import HOSTILE, credit_note, hostile_invoice, invoice, long_invoice, yen_invoice

URL = "https://billing.example/i/0b3038f5-6515-82c6-b741-b5be527523bf"
NUMBERS = {derived_ref("document", "DE-INV-000123"): "DE-INV-000123"}
RECORD = Attachment("record.json", b'{"type":"invoice/v1"}', description="The sealed record")


def pages(document: Document, url: str = URL) -> list[str]:
    pdf = PdfReader(io.BytesIO(invoice_pdf(document, hosted_url=url, numbers=NUMBERS)))
    return [page.extract_text() for page in pdf.pages]


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\u200c]+", "", text)


def amounts(document: Document) -> set[str]:
    """Every amount that the document states, as its reader writes it."""
    local = local_for(document.language)
    minors = [
        document.sub_total_minor, document.total_tax_minor if len(document.taxes) == 1 else document.total_minor,
        document.total_minor, *(line.amount_minor for line in document.lines),
        *(x for tax in document.taxes for x in (tax.base_minor, tax.tax_minor)),
        *(x for line in document.lines if line.correction
          for x in (line.correction.before_minor, line.correction.after_minor)),
    ]
    terms = [local.working(part.amount, document.currency) for line in document.lines for part in line.parts]
    return {local.amount(minor, document.currency) for minor in minors} | set(terms)


@pytest.mark.parametrize(
    "document", [invoice(), invoice("de"), invoice("fr"), invoice("es"), credit_note(), yen_invoice(), long_invoice()],
    ids=["en", "de", "fr", "es", "credit note", "yen", "200 lines"],
)
def test_no_amount_of_the_document_is_missing(document: Document) -> None:
    text = squeezed("".join(pages(document)))
    missing = {amount for amount in amounts(document) if squeezed(amount) not in text}
    assert not missing
    for party in (document.seller, document.buyer):
        for said in (party.name, *party.address, party.tax_id):
            assert squeezed(said) in text


def test_an_invoice_says_what_a_finance_team_looks_for() -> None:
    [page] = pages(invoice())
    for said in ("Invoice", "DE-INV-000123", "Apr 1, 2026", "May 1, 2026", "17, version 2", "PO-88213",
                 "1,000 × 0.01", "2,345.5 × 0.0065", "15.24575", "units 1,001 to 10,000", "Partner discount 7.5%",
                 "-€86.25", "-€25.00", "€1,178.00", "DE02 1203 0000 0000 2020 51", "Page 1 of 1",
                 "Payable within 30 days", "4,211 usage events"):
        assert squeezed(said) in squeezed(page), said


def test_a_credit_note_names_what_it_corrects_and_asks_for_no_money() -> None:
    [page] = pages(credit_note())
    for said in ("Credit note", "Corrects", "Line 3 of DE-INV-000123", "Before 122.25 → After 119.00",
                 "500 calls of 12 March were reported twice", "Amount credited", "€26.41"):
        assert squeezed(said) in squeezed(page), said
    assert "IBAN" not in page


def test_two_hundred_lines_keep_their_heading_and_their_working_on_every_page() -> None:
    found = pages(long_invoice())
    assert len(found) > 5
    for n, page in enumerate(found, 1):
        assert f"Page {n} of {len(found)}" in page
        assert "Unit price" in page
        assert len(re.findall(r"Site \d{3},", page)) == page.count("base fee")
    assert sum(len(re.findall(r"Site \d{3},", page)) for page in found) == 200


def test_hundreds_of_terms_do_not_bury_the_invoice_and_none_is_left_out_of_the_sum() -> None:
    parts = tuple(Part(Decimal(1), Decimal("0.5"), Decimal("0.5"), "overage", f"hour {n}") for n in range(744))
    odd = replace(invoice(), lines=(replace(invoice().lines[0], parts=parts, amount_minor=37200),))
    text = squeezed("".join(pages(odd)))
    assert text.count("1×0.50") == 39
    assert squeezed("705 further terms together 352.50") in text


def test_the_same_document_gives_the_same_bytes_in_every_process_and_thread() -> None:
    once = invoice_pdf(invoice(), hosted_url=URL, attachments=[RECORD])
    invoice_pdf(long_invoice(), hosted_url=URL)
    assert invoice_pdf(invoice(), hosted_url=URL, attachments=[RECORD]) == once
    with ThreadPoolExecutor(2) as pool:
        elsewhere = [pool.submit(invoice_pdf, invoice(), hosted_url=URL, attachments=[RECORD]) for _ in range(4)]
    assert {thread.result() for thread in elsewhere} == {once}
    code = (
        "import hashlib; from tests.exports.test_invoice_pdf import *;"
        "print(hashlib.sha256(invoice_pdf(invoice(), hosted_url=URL, attachments=[RECORD])).hexdigest())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8"},
    )
    assert ran.stdout.strip() == hashlib.sha256(once).hexdigest()


def test_long_invoices_one_after_another_do_not_fill_the_memory() -> None:
    code = (
        "from tests.exports.test_invoice_pdf import *; import resource;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "draw = lambda n: invoice_pdf(replace(long_invoice(300), number=str(n)), hosted_url=URL);"
        "[draw(n) for n in range(2)]; first = peak(); [draw(n) for n in range(2, 8)]; print(peak() / first)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 1.3


def test_it_is_pdf_a_3b_dated_by_its_issue_and_carries_the_record() -> None:
    reader = PdfReader(io.BytesIO(invoice_pdf(invoice("de"), hosted_url=URL, attachments=[RECORD])))
    catalog = reader.root_object
    xmp = catalog["/Metadata"].get_object().get_data().decode()  # type: ignore[union-attr]
    assert re.search(r"pdfaid:part>3<", xmp) and re.search(r"pdfaid:conformance>B<", xmp)
    assert reader.metadata is not None and reader.metadata.title == "Rechnung DE-INV-000123"
    made = reader.metadata.creation_date
    assert made is not None and made.date() == date(2026, 4, 1)
    assert catalog["/Lang"] == "de"
    assert reader.attachments["record.json"] == [RECORD.data]
    assert len(catalog["/AF"]) == 1  # type: ignore[arg-type]


def test_an_attachment_of_arbitrary_bytes_comes_out_as_it_went_in() -> None:
    data = bytes(range(256))
    reader = PdfReader(io.BytesIO(invoice_pdf(invoice(), hosted_url=URL, attachments=[Attachment("b.bin", data)])))
    assert reader.attachments["b.bin"] == [data]


@pytest.mark.parametrize("names", [("../up.json",), ("a", "a"), ("",), (".hidden",)])
def test_an_attachment_without_a_name_of_its_own_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="attachments"):
        invoice_pdf(invoice(), hosted_url=URL, attachments=[Attachment(name, b"x") for name in names])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_shown_as_typed_and_runs_nothing(text: str) -> None:
    found = squeezed("".join(pages(hostile_invoice(text))))
    assert squeezed(local_for("en").money(hostile_invoice(text).total_minor, "EUR")) in found
    if text.isascii():
        assert found.count(squeezed(text)) >= 8


def test_a_letter_with_an_accent_from_another_font_does_not_stop_the_invoice() -> None:
    odd = replace(invoice(), note="株\u0308\u0301 ש\u0308 \u0489\u20dd")
    assert squeezed("€1,178.00") in squeezed("".join(pages(odd)))


@pytest.mark.parametrize(
    ("danger", "typed", "shown"),
    [
        ("a name that turns the amount after it around", "abc\u202e 00.1", "abc 00.1"),
        ("a picture that no font has", "a😀b", f"a{NO_GLYPH}b"),
        ("a control character", "a\x00\x07b", "ab"),
        ("an accent written apart", "u\u0308", "ü"),
        ("names in other scripts", "株式会社 שלום مرحبا Ελλάδα Київ €", "株式会社 שלום مرحبا Ελλάδα Київ €"),
        ("lines of an address", "a\nb", "a\nb"),
    ],
)
def test_text_is_shown_without(danger: str, typed: str, shown: str) -> None:
    assert showable(typed) == shown


def test_without_a_hosted_page_there_is_no_code_to_scan() -> None:
    assert "online" in "".join(pages(invoice()))
    assert "online" not in "".join(pages(invoice(), url=""))
