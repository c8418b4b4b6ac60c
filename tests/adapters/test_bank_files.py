"""Files of banks: signs turned twice, years that end between two days, lines lost, files that bite. Read against files that
others published, where those are there, and against small ones of our own always."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.adapters.bank import read_statements
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.bank_port import Statement
from tests.adapters.bank_files import ACCOUNT, CAMT053, CSV, MT940, OFX

SHARED = Path(__file__).parents[3] / "shared" / "data" / "statements"


def read(data: bytes | str, name: str = "file", **more: str) -> list[Statement]:
    return read_statements(data.encode() if isinstance(data, str) else data, name, **more)


def added(s: Statement) -> Decimal:
    return sum((x.amount for x in s.lines), Decimal(0))


def test_mt940_turns_the_sign_of_reversals_and_finds_the_year_of_the_entry() -> None:
    [s] = read(MT940)
    assert (s.account, s.currency, s.opening, s.closing) == (ACCOUNT, "EUR", Decimal("1000.00"), Decimal("1126.50"))
    paid, fee, back = s.lines
    assert (paid.amount, paid.value_on, paid.booked_on) == (Decimal("119.00"), date(2025, 12, 31), date(2026, 1, 2))
    assert (paid.party_name, paid.party_account, paid.bank_ref) == ("Globex GmbH", "DE89370400440532013000", "B100001")
    assert paid.text == "Rechnung: JFK-INV-000001 vom 1.12."
    assert (fee.amount, back.amount, back.reversal) == (Decimal("-12.50"), Decimal("20.00"), True)
    assert s.opening is not None and s.opening + added(s) == s.closing


def test_camt_keeps_the_sign_of_reversals_and_the_payments_of_a_line() -> None:
    [s] = read(CAMT053)
    assert (s.format, s.overlaps) == ("camt.053.001.08", False)
    assert s.notes == ("1 announced lines are left out until they are booked",)
    both, back = s.lines
    assert [p.amount for p in both.parts] == [Decimal("119.00"), Decimal("50.00")]
    assert (both.parts[0].end_to_end, both.parts[1].end_to_end, both.parts[1].references) == ("E-1", "", ("RF18539007547034",))
    assert (back.amount, back.reversal) == (Decimal("-50.00"), True)
    assert s.opening is not None and s.opening + added(s) == s.closing


def test_ofx_takes_a_decimal_comma_and_elements_that_are_not_closed() -> None:
    [s] = read(OFX)
    assert [(x.amount, x.bank_ref, x.party_name) for x in s.lines] == [
        (Decimal("119.00"), "F-1", "Globex & Co"), (Decimal("-12.50"), "F-2", "Bank")]
    assert (s.account, s.closing, s.overlaps) == (ACCOUNT, Decimal("1126.50"), True)


def test_csv_is_read_by_what_its_columns_are_called() -> None:
    [s] = read(CSV)
    paid, fee = s.lines
    assert (s.account, paid.amount, paid.booked_on, paid.at_line) == (ACCOUNT, Decimal("1119.00"), date(2026, 1, 2), 4)
    assert (paid.party_name, paid.party_account, paid.text) == ("Globex GmbH", "DE89370400440532013000", "JFK-INV-000001")
    assert fee.amount == Decimal("-12.50")


def test_an_english_csv_without_account_and_currency_is_told_them() -> None:
    text = "Date,Description,Paid in,Paid out\n2026-01-02,JFK-INV-000001,\"1,119.00\",\n2026-01-03,fee,,12.50\n"
    with pytest.raises(Invalid, match="line 2: the file does not say whose account"):
        read(text)
    with pytest.raises(Invalid, match="currency"):
        read(text, account=ACCOUNT)
    [s] = read(text, account="DE02 1203 0000 0000 2020 51", currency="EUR")
    assert [x.amount for x in s.lines] == [Decimal("1119.00"), Decimal("-12.50")] and s.account == ACCOUNT


@pytest.mark.parametrize(
    ("days", "first"),
    [(("13/02/2026", "01/02/2026"), date(2026, 2, 13)), (("02/13/2026", "01/02/2026"), date(2026, 2, 13)), (("1/2/2026",), None)],
)  # fmt: skip
def test_days_between_slashes_are_told_by_their_neighbours_or_refused(days: Sequence[str], first: date | None) -> None:
    text = "date;amount\n" + "".join(f"{d};1.00\n" for d in days)
    if first is None:
        with pytest.raises(Invalid, match="day first or month first"):
            read(text, account=ACCOUNT, currency="EUR")
    else:
        assert read(text, account=ACCOUNT, currency="EUR")[0].lines[0].booked_on == first


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "line 1"), (b"<Document/>", "line 1"), (b"<Document><a></Document>", "line 1"), (b"a,b\n1,2\n", "line 1"),
        (MT940.replace("CR119,00", "CRabc"), "line 6"), (MT940.replace("2512310102", "2513310102"), "line 6"),
        (CAMT053.replace("169.00", "1x9"), "line 9"), (OFX.replace("119,00", "lots"), "line 9"),
        (CSV.replace(b"1.119,00", b"n/a"), "line 4"), (MT940.replace(":28C:12/1", ":25:DE00"), "line 4"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_its_line(data: bytes | str, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(data)
    assert refused.value.code == "statement.unreadable" and refused.value.problems[0].field == where, refused.value


@pytest.mark.parametrize(
    "head",
    ['<!DOCTYPE a [<!ENTITY x "y">]>', '<!DOCTYPE Document SYSTEM "file:///etc/passwd">',
     '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_are_not_taken(head: str, encoding: str) -> None:
    text = CAMT053.partition("\n")[2]
    declared = f'<?xml version="1.0" encoding="{encoding.upper()}"?>{head}{text}'
    with pytest.raises(Invalid, match="not taken"):
        read(declared.encode(encoding))


def test_xml_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match="nested too deeply"):
        read("<Document>" + "<a>" * 5000)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([MT940.encode(), CAMT053.encode(), OFX.encode(), CSV]), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(data: bytes, draws: st.DataObject) -> None:
    at = draws.draw(st.integers(0, len(data) - 1))
    length = draws.draw(st.integers(0, 40))
    broken = data[:at] + draws.draw(st.binary(max_size=8)) + data[at + length :]
    try:
        read(broken)
    except Invalid as refused:
        assert refused.code == "statement.unreadable"


# against files that others published ------------------------------------------------------------------------------------

PUBLISHED: dict[str, list[dict[str, Any]]] = {}
if SHARED.is_dir():
    for one in json.loads((SHARED / "expected_summary.json").read_text()):
        PUBLISHED.setdefault(one["file"], []).append(one)
BROKEN = {"permissive/mt940/betterplace/sepa_snippet_broken.sta", "permissive/camt/camt053.v2.wrong.xml"}
"""Meant to be refused: an account in the middle of a statement, and no statement at all."""


@pytest.mark.skipif(not PUBLISHED, reason="the published sample statements are not beside this folder")
@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - BROKEN) or ["none"])
def test_published_statements_are_read_as_an_independent_reader_did(name: str) -> None:
    found = read((SHARED / name).read_bytes(), name)
    assert len(found) == len(PUBLISHED[name])
    for s, known in zip(found, PUBLISHED[name], strict=True):
        if any("announced" in note for note in s.notes):  # lines that are not booked yet are left out
            assert not s.lines and known["entry_count"] == 1
            continue
        assert [x.amount for x in s.lines] == [Decimal(e["amount"]) for e in known["entries"]]
        for line, entry in zip(s.lines, known["entries"], strict=True):
            assert line.reversal == entry.get("reversal", entry.get("mark", "").startswith("R"))
            day = entry.get("booking_date") or entry.get("value_date")
            told = line.booked_on if "booking_date" in entry else line.value_on
            assert day is None or told == (date(2016, 2, 29) if day == "2016-02-30" else date.fromisoformat(day))
        for balance, text in ((s.opening, known["opening"]), (s.closing, known["closing"])):
            assert text is None or balance == Decimal(text)
        if known["balanced"] is not None:
            assert (s.opening is not None and s.closing == s.opening + added(s)) == known["balanced"]


@pytest.mark.skipif(not PUBLISHED, reason="the published sample statements are not beside this folder")
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_published_broken_files_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="line"):
        read((SHARED / name).read_bytes(), name)
