"""Bank statements from the command line: several files at once, each line once, and the work list."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.bank_files import CAMT053, MT940
from tests.cli.conftest import Cli


def test_files_are_imported_and_what_waits_is_listed(cli: Cli, tmp_path: Path) -> None:
    tenant = cli("sandbox", "--example", "--json").json["tenant_ref"]
    week, other = tmp_path / "week.sta", tmp_path / "week.xml"
    week.write_text(MT940)
    other.write_text(CAMT053)
    done = cli("bank", "import", week, other, "--tenant", tenant, "--json").json
    assert [f["new_lines"] for f in done["files"]] == [3, 2] and done["matching"]["lines"] == 3
    again = cli("bank", "import", week, "--tenant", tenant)
    assert "0 new lines, 3 there already" in again.out
    listed = cli("bank", "list", "--tenant", tenant, "--json").json
    assert len(listed) == 5 and listed[0]["state"] == "open"
    assert "JFK-INV" in cli("bank", "list", "--tenant", tenant).out
    assert "waiting lines" in cli("bank", "match", "--tenant", tenant).out
    refused = cli("bank", "list", "--state", "nope", "--tenant", tenant)
    assert refused.code != 0 and "must be open" in refused.err


def test_a_file_that_cannot_be_read_says_where(cli: Cli, tmp_path: Path) -> None:
    tenant = cli("sandbox", "--example", "--json").json["tenant_ref"]
    file = tmp_path / "x.sta"
    file.write_text(MT940.replace("CR119,00", "CRabc"))
    said = cli("bank", "import", file, "--tenant", tenant)
    assert said.code != 0 and "line 6" in said.err
