"""ISO 11649 references: vectors from outside, round trips, what payers and banks do to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.creditor_reference import decode, encode, found_in, printed, reference_of

DOCUMENT = Ref("01890a5d-ac96-774b-bcce-b302099a8057")
BODIES = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=21)


@pytest.mark.parametrize("reference", ["RF18539007547034", "RF712348231", "RF45G72UUR"])
def test_references_that_others_publish_are_made_the_same(reference: str) -> None:
    assert decode(reference) == reference[4:]
    assert encode(reference[4:]) == reference


@pytest.mark.parametrize(
    "text",
    ["", "RF", "RF18", "RF19539007547034", "RF18539007547043", "XX18539007547034", "RF18" + "0" * 22, "RF1é39", "RF١٨539007547"],
)
def test_what_is_no_reference_or_was_mistyped_is_none(text: str) -> None:
    assert decode(text) is None


@given(BODIES)
def test_every_body_comes_back_however_it_is_printed(body: str) -> None:
    reference = encode(body)
    assert decode(reference) == decode(printed(reference).lower()) == body
    assert reference in found_in(f"invoice {printed(reference)}, thanks")


@given(BODIES, st.data())
def test_one_mistyped_character_is_noticed(body: str, data: st.DataObject) -> None:
    reference = encode(body)
    at = data.draw(st.integers(4, len(reference) - 1))
    other = data.draw(st.sampled_from("0123456789")) if reference[at].isdigit() else data.draw(st.sampled_from("QXZ"))
    if other != reference[at]:
        assert decode(reference[:at] + other + reference[at + 1 :]) is None


@pytest.mark.parametrize(
    ("number", "body"),
    [
        ("INV-2026-0007", "INV20260007"),
        ("inv/7", "INV7"),
        ("7", "7"),
        ("Nº 7 — ÄÖ", "0IMRC9B6ZAD2DLLBRWHIR"),
        ("-", None),
        ("A" * 22, None),
    ],
)
def test_a_document_has_the_reference_of_its_number(number: str, body: str | None) -> None:
    reference = reference_of(DOCUMENT, number)
    assert reference == reference_of(DOCUMENT, number)
    assert len(reference) <= 25
    assert decode(reference) is not None
    if body is not None and body.startswith(("I", "7")):
        assert decode(reference) == body


def test_a_document_without_a_number_has_none() -> None:
    assert reference_of(DOCUMENT, "") == ""


@pytest.mark.parametrize(
    "text",
    [
        "RF18539007547034",
        "Payment for RF18 5390 0754 7034 of March",
        "rf18 5390 0754 70\n34",
        "/RFS/RF18539007547034/",
        "RF18-5390-0754-7034",
        "RF 18 5390 0754 7034",
    ],
)
def test_a_reference_is_found_in_what_banks_print(text: str) -> None:
    assert "RF18539007547034" in found_in(text)


@pytest.mark.parametrize("text", ["surf18539007547034", "RF19 5390 0754 7034", "RFP 12", ""])
def test_what_only_looks_like_one_is_not_found(text: str) -> None:
    assert found_in(text) == ()


@given(st.text(max_size=200))
def test_running_text_never_fails(text: str) -> None:
    assert all(decode(r) is not None for r in found_in(text))
