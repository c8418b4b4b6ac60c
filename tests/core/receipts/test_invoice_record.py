"""The sealed record of a document: nothing is lost, nothing is added, one spelling."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import canonical, parse_canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.invoicing.document import Correction, Discount, Document, Line
from counterfoil.core.pricing.model import Part
from counterfoil.core.receipts.invoice import invoice_record, record_document
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.tlog.entry import commitment, record_leaf
from counterfoil.core.usage.seal import event_bytes
from tests.core.receipts import build

GOLDEN = Path(__file__).parent / "golden"

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
DECIMALS = st.decimals(-(10**9), 10**9, places=6)


def drawn(kind: Any = "INVOICE") -> Document:
    return replace(build.invoice(build.flights(9)), kind=kind)


@pytest.mark.parametrize(
    ("kind", "record_type"), [("INVOICE", "invoice/v1"), ("CREDIT", "credit-note/v1"), ("DEBIT", "debit-note/v1")]
)
def test_a_document_comes_back_from_its_record(kind: Any, record_type: str) -> None:
    document = replace(drawn(kind), corrects=derived_ref("old"), lines=(*drawn().lines, correcting()), credits_minor=-3)
    record = invoice_record(document)
    assert json.loads(record)["type"] == record_type
    assert record_document(record) == document
    assert invoice_record(record_document(record)) == record


def correcting() -> Line:
    return Line(
        10, "Fee", "", "correction", None, Decimal(-1), "", 5, correction=Correction(derived_ref("a"), 2, 9, 4, "late")
    )


@given(
    st.builds(
        Line,
        n=st.integers(1, 99),
        item=TEXT,
        product_name=TEXT,
        kind=st.sampled_from(["one_time", "recurring", "usage", "minimum", "ad_hoc", "correction"]),
        period=st.none() | st.just(build.PERIOD),
        quantity=DECIMALS,
        unit=TEXT,
        amount_minor=st.integers(-(10**17), 10**17).filter(lambda x: abs(x) < 2**53),
        discount_minor=st.integers(0, 10**9),
        tax_percent=DECIMALS,
        tax_category=TEXT,
        parts=st.lists(
            st.builds(Part, DECIMALS, st.none() | DECIMALS, DECIMALS, TEXT, TEXT), max_size=3
        ).map(tuple),
        product_ref=st.none() | st.just(derived_ref("p")),
        terms=st.none() | st.dictionaries(TEXT, TEXT, max_size=3),
        inputs=st.none() | st.dictionaries(TEXT, st.integers(-5, 5) | TEXT, max_size=3),
    ),
    st.lists(st.builds(Discount, TEXT, st.none() | DECIMALS, st.none() | DECIMALS), max_size=3).map(tuple),
    st.dates(date(2000, 1, 1), date(9999, 12, 30)),
    TEXT,
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_document_comes_back_and_has_one_record(line: Line, discounts: Any, day: date, text: str) -> None:
    document = replace(drawn(), lines=(line,), discounts=discounts, issued_on=day, note=text, period=None)
    record = invoice_record(document)
    assert record_document(record) == document
    assert canonical(parse_canonical(record)) == record


def changed(**fields: Any) -> bytes:
    return canonical({**json.loads(invoice_record(drawn())), **fields})


DISCOUNT = {"name": "", "percent": "5", "fixed": None, "lines": None}


@pytest.mark.parametrize(
    ("danger", "record"),
    [
        ("a type that is not a document", changed(type="payment-receipt/v1")),
        ("a field that nobody reads", changed(extra=1)),
        ("a date in another spelling", changed(issued_on="20130201")),
        ("a decimal in another spelling", changed(discounts=[DISCOUNT | {"percent": "5.0"}])),
        ("a decimal that is not a number", changed(discounts=[DISCOUNT | {"percent": "x"}])),
        ("lines that are not there", changed(lines=None)),
        ("a party without a name", changed(seller={"ref": "x"})),
        ("white space", invoice_record(drawn()) + b" "),
        ("not JSON", b"invoice"),
        ("a list", b"[]"),
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_record_is_refused(danger: str, record: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        record_document(record)


def test_a_missing_field_is_refused() -> None:
    whole = json.loads(invoice_record(drawn()))
    for name in whole:
        with pytest.raises(ValueError, match="not a document record"):
            record_document(canonical({k: v for k, v in whole.items() if k != name}))


# Golden files are bytes that customers hold: they are never edited, and every later version must read and verify them.
GOLDEN_FILES = {
    "invoice-v1.json": "cb53d84a09035142a8b6f8eca990799fc474a3f14204cf5d49a84ee8bbce38b0",
    "credit-note-v1.json": "853b7bf29079c802c96fb174fef67a94d62e5ff4da956b92c975f36a5b9a5b16",
    "debit-note-v1.json": "a1f72f3f0a2bc55511dce0d2f64de31ec862f9f39859a9b786e7cd6918aa8742",
    "bundle-v1.invoice.json": "04a3be3484b2b4c5533eea1657db6dd3c44d5c86bd88d59dbd51d3f376de1810",
    "bundle-v1.credit-note.json": "00d8a53dab18b4e9c7c2cb260a82e8529c9b27186ff9f190b05958eeae6a4da1",
    "bundle-v1.debit-note.json": "463168c7e2aae88a52e010336d86fb24a0b0ef241a33d9495133579bb67c7161",
}


@pytest.mark.parametrize(("name", "digest"), GOLDEN_FILES.items())
def test_bytes_that_customers_hold_are_read_and_verified_for_ever(name: str, digest: str) -> None:
    data = (GOLDEN / name).read_bytes()
    assert sha256(data).hexdigest() == digest, "a golden file was edited"
    if name.startswith("bundle"):
        verdict = verify_bundle(data, trusted_keys=[build.LOG.verifier()])
        assert [c.says for c in verdict.checks if not c.ok] == []
        data = canonical(json.loads(data)["record"])
    assert invoice_record(record_document(data)) == data


def test_no_golden_file_is_left_out() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == GOLDEN_FILES.keys()


def test_examples_in_the_format_documents_are_true() -> None:
    docs = Path(__file__).parents[3] / "docs" / "formats"
    salt, record = bytes(16), b'{"type":"invoice/v1"}'
    log = (docs / "log.md").read_text()
    assert commitment(salt, record).hex() in log
    assert record_leaf(salt, record).hex() in log
    assert event_bytes(build.flights(6)[2]).decode() in (docs / "usage-event.md").read_text()
    (usage,) = [x for x in json.loads((GOLDEN / "invoice-v1.json").read_bytes())["lines"] if x["item"] == "Air time"]
    assert usage["usage"]["root"] in (docs / "invoice.md").read_text()
