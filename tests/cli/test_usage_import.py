"""Usage from files: what is good is kept once, what is bad is put aside with its reason."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def shop(cli: Cli) -> Any:
    made = cli("sandbox", "--example", "--json").json
    cli("advance", "--tenant", made["tenant_ref"], "--to", "2031-01-15")
    return made


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["who,when,calls", *rows]) + "\n")
    return path


COLUMNS = (
    "--column",
    "customer=who",
    "--column",
    "at=when",
    "--column",
    "quantity=calls",
    "--set",
    "usage_product=API calls",
)


def test_bad_rows_are_put_aside_and_never_take_good_ones_with_them(cli: Cli, shop: Any, tmp_path: Path) -> None:
    rows = [
        "example-customer,2031-01-02T10:00:00Z,5",
        "nobody,2031-01-02T10:00:00Z,5",
        "example-customer,2031-01-02T10:00:00Z,many",
    ]
    file = write(tmp_path / "january.csv", rows)
    said = cli("usage", "import", file, "--tenant", shop["tenant_ref"], *COLUMNS, "--json")
    assert said.code == 1
    assert {k: said.json[k] for k in ("rows", "accepted", "duplicates", "refused")} == {
        "rows": 3, "accepted": 1, "duplicates": 0, "refused": 2,
    }  # fmt: skip
    with (tmp_path / "january.csv.rejects.csv").open(newline="") as text:
        aside = list(csv.DictReader(text))
    assert [r["line"] for r in aside] == ["3", "4"]
    assert "nobody" in aside[0]["reason"] and "quantity" in aside[1]["reason"]


def test_a_file_that_is_imported_again_changes_nothing(cli: Cli, shop: Any, tmp_path: Path) -> None:
    file = write(
        tmp_path / "calls.csv", ["example-customer,2031-01-02T10:00:00Z,5", "example-customer,2031-01-02T10:00:00Z,5"]
    )
    first = cli("usage", "import", file, "--tenant", shop["tenant_ref"], *COLUMNS, "--json").json
    again = cli("usage", "import", file, "--tenant", shop["tenant_ref"], *COLUMNS, "--json").json
    assert (first["accepted"], again["accepted"], again["duplicates"]) == (2, 0, 2)


def test_a_dry_run_stores_nothing(cli: Cli, shop: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "calls.csv", ["example-customer,2031-01-02T10:00:00Z,5"])
    arguments = ("usage", "import", file, "--tenant", shop["tenant_ref"], *COLUMNS, "--json")
    dry = cli(*arguments, "--dry-run").json
    real = cli(*arguments).json
    assert (dry["accepted"], real["accepted"], real["duplicates"]) == (1, 1, 0)


def test_usage_that_was_imported_is_billed_and_exported(cli: Cli, shop: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "calls.csv", ["example-customer,2031-01-02T10:00:00Z,500"])
    cli("usage", "import", file, "--tenant", shop["tenant_ref"], *COLUMNS)
    issued = cli("advance", "--tenant", shop["tenant_ref"], "--to", "2031-02-01", "--json").json
    assert issued["issued"] >= 1 and issued["sealed"] >= 1 and issued["parked"] == []
    out = tmp_path / "events.csv"
    assert cli("export", "usage", "--tenant", shop["tenant_ref"], "--customer", "example-customer", "-o", out).code == 0
    with out.open(newline="") as text:
        (event,) = csv.DictReader(text)
    assert (event["at"], event["quantity"]) == ("2031-01-02T10:00:00Z", "500")
    listed = list(csv.DictReader(cli("export", "documents", "--tenant", shop["tenant_ref"]).out.splitlines()))
    assert "59.00" in [d["total"] for d in listed]  # 49.00 for February, 500 calls at 0.02 of January
