"""Files of any form from the command line: read by a format or a mapping, each row answered, none counted twice unawares."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

MAPPING = {
    "customer": {"from": "Kunde", "values": {"K1": "example-customer"}},
    "usage_product": {"constant": "API calls"},
    "at": {"from": "Datum", "read": "pattern", "pattern": "%d.%m.%Y %H:%M", "time_zone": "Europe/Berlin"},
    "quantity": {"from": "Menge", "decimal": ",", "thousands": "."},
}


@pytest.fixture
def shop(cli: Cli) -> Any:
    made = cli("sandbox", "--example", "--json").json
    cli("advance", "--tenant", made["tenant_ref"], "--to", "2031-01-15")
    return made


def test_a_german_file_is_tried_stored_and_not_stored_again(cli: Cli, shop: Any, tmp_path: Path) -> None:
    file, mapping = tmp_path / "januar.csv", tmp_path / "mapping.json"
    rows = ["Kunde;Datum;Menge;Ort", "K1;02.01.2031 10:00;1.000;Köln", "K2;02.01.2031 10:00;5;Köln"]
    file.write_text("\r\n".join(rows), "cp1252")
    mapping.write_text(json.dumps(MAPPING))
    arguments = ("usage", "import", file, "--tenant", shop["tenant_ref"], "--map", mapping, "--json")
    dry, done = cli(*arguments, "--dry-run"), cli(*arguments)
    for said in (dry, done):
        assert said.code == 1
        assert (said.json["accepted"], said.json["refused"]) == (1, 1)
        assert said.json["problems"][0] == {
            "line": 3, "field": "customer", "message": "there is no customer 'K2' (from Kunde)",
        }  # fmt: skip
    assert (dry.json["state"], done.json["state"]) == ("dry_run", "done")
    with (tmp_path / "januar.csv.results.csv").open(newline="") as text:
        assert [(r["line"], r["status"]) for r in csv.DictReader(text)] == [("2", "accepted"), ("3", "refused")]
    again = cli(*arguments)
    assert again.code != 0 and "the same file was stored" in again.err
    twice = cli(*arguments, "--again")
    assert twice.json["accepted"] == 1


def test_standard_events_line_by_line_need_no_mapping(cli: Cli, shop: Any, tmp_path: Path) -> None:
    event = {"timestamp": "2031-01-02T10:00:00Z", "customer_name": "example-customer", "usage_product_name": "API calls",
             "quantity": 5, "external_event_id": "e-1"}  # fmt: skip
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(event) + "\n" + json.dumps(event) + "\n")
    arguments = ("usage", "import", file, "--tenant", shop["tenant_ref"], "--format", "Default Format", "--json")
    said = cli(*arguments).json
    assert (said["accepted"], said["duplicates"], said["refused"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--format", "No such"), "there is no format 'No such'"),
        (("--format", "Default Format", "--set", "customer=x"), "leaves nothing for"),
        (("--map", "{mapping}"), "not JSON"),
    ],
)
def test_what_cannot_be_meant_stores_nothing(
    cli: Cli, shop: Any, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    file, mapping = tmp_path / "calls.csv", tmp_path / "mapping.json"
    file.write_text("customer,at\nexample-customer,2031-01-02T10:00:00Z\n")
    mapping.write_text("{")
    told = cli("usage", "import", file, "--tenant", shop["tenant_ref"], *(o.format(mapping=mapping) for o in options))
    assert told.code != 0 and says in told.err
