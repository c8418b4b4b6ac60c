"""The demonstration from end to end, on a corner of the year: told once, it changes nothing when told again."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from counterfoil.app import open_house
from counterfoil.settings import read_settings
from tests.cli.conftest import Cli, Said

CORNER = ("--months", "2", "--airline", "B6", "--airline", "VX")
COMPANY = "Port of New York (demo: 2 months, B6+VX)"


def tell(cli: Cli, out: Path) -> Said:
    said = cli("demo", *CORNER, "--out", out)
    assert said.code == 0, said.err + said.out
    return said


def found() -> tuple[dict[str, int], list[tuple[str, int]]]:
    """Everything that is counted, and every document with its total."""
    with open_house(read_settings()) as house:
        (number,) = [t for t, _ref, name, _mode in house.tenant_list() if name == COMPANY]
        with house.tx(number) as tx:
            return tx.counts(), sorted((d.number, d.total_minor) for d in tx.document_page(None, 1000))


def test_told_twice_it_does_nothing_twice(cli: Cli, tmp_path: Path) -> None:
    first = tell(cli, tmp_path / "first")
    before = found()
    assert before[0]["events"] == 9_117 + 8 and before[0]["pending"] == 0 and before[0]["parked"] == 0
    again = tell(cli, tmp_path / "again")
    assert "All of it is there already" in again.out
    assert found() == before
    for text in ("credit notes", "debit notes", "bean-check", "PROVED", "FAILED", "journal entry", "/docs"):
        assert text in first.out or text in again.out, text


@pytest.fixture
def out(cli: Cli, tmp_path: Path) -> Path:
    tell(cli, tmp_path / "out")
    return tmp_path / "out"


def the(folder: Path, ending: str) -> Path:
    (path,) = [p for p in folder.iterdir() if p.name.endswith(ending) and ".changed." not in p.name]
    return path


def test_the_files_of_one_invoice_are_what_they_seem(out: Path) -> None:
    assert the(out, ".pdf").read_bytes().startswith(b"%PDF-1.7")
    with the(out, ".usage.csv").open(newline="") as text:
        assert len(list(csv.DictReader(text))) > 200
    assert "balance Assets:JFK:Receivable:B6" in (out / "books.beancount").read_text()


def test_a_bundle_verifies_without_database_or_server(cli: Cli, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    said = cli("verify", the(out, ".bundle.json"), "--kept", out / "first-checkpoint.txt")
    assert said.code == 0 and "PROVED" in said.out
    assert "Not proved:" in said.out and "whose key it is" in said.out


def test_one_changed_byte_is_found_and_named(cli: Cli, out: Path) -> None:
    (changed,) = out.glob("*.changed.bundle.json")
    good = the(out, ".bundle.json")
    assert sum(a != b for a, b in zip(changed.read_bytes(), good.read_bytes(), strict=True)) == 1
    said = cli("verify", good, changed, "--json")
    assert said.code == 1
    assert [v["ok"] for v in said.json] == [True, False]
    assert {"inclusion", "totals"} <= {c["name"] for c in said.json[1]["checks"] if not c["ok"]}


def test_another_key_does_not_verify(cli: Cli, out: Path) -> None:
    other = "example.com/log+c7d8f9aa+AQ3C8YNbvFOO6CbJvQwFGp1EfK+t5h7jedAzr3JIOM7H"
    said = cli("verify", the(out, ".bundle.json"), "--key", other)
    assert said.code == 1 and "not a key that you trust" in said.out


def test_a_line_is_traced_to_its_events_and_its_entries(cli: Cli, out: Path) -> None:
    number = the(out, ".pdf").name.removesuffix(".pdf")
    found: Any = cli("trace", number, "1", "--tenant", COMPANY, "--events", "100000", "--json").json
    assert found["event_count"] == len(found["events"]) > 200
    booked = [p for e in found["entries"] for p in e["postings"] if p["line"] == 1 and p["amount_minor"] < 0]
    assert -sum(p["amount_minor"] for p in booked) == found["amount_minor"]
    assert cli("trace", number, "99", "--tenant", COMPANY).code == 1
    assert cli("trace", "JFK-INV-999999", "1", "--tenant", COMPANY).err.count("\n") == 1


def test_the_journal_balances_and_lists_every_document(cli: Cli, out: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("export", "journal", "--tenant", COMPANY).out)))
    minor = [int(r["amount"].replace(".", "")) for r in rows]
    assert rows and sum(minor) == 0
    documents = list(csv.DictReader(io.StringIO(cli("export", "documents", "--tenant", COMPANY).out)))
    assert {r["document_ref"] for r in rows} == {d["document_ref"] for d in documents}
    assert {d["kind"] for d in documents} == {"INVOICE", "CREDIT", "DEBIT"}
