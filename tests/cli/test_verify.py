"""`counterfoil verify` over bundles of every kind, and `counterfoil witness`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterfoil.core.tlog.note import COSIGNATURE_V1
from tests.cli.conftest import Cli
from tests.core.receipts import build, receipts
from tests.core.receipts.receipt_lies import told_balance

KEY = build.LOG.verifier()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    made = {
        "invoice": build.invoice_bundle(5), "january": receipts.balance_bundle(1, 20), "february": receipts.balance_bundle(21, 5),
        "april": receipts.balance_bundle(40, 5), "payment": receipts.payment_bundle(), "value": receipts.value_bundle(9),
        "lie": told_balance("ending_balance", "1000"), "cut": receipts.payment_bundle()[:300], "empty": b"",
    }  # fmt: skip
    for name, data in made.items():
        (tmp_path / f"{name}.json").write_bytes(data)
    return {name: str(tmp_path / f"{name}.json") for name in made}


def test_bundles_of_every_kind_are_checked_and_named_in_plain_words(cli: Cli, files: dict[str, str]) -> None:
    kinds = ("invoice", "january", "february", "payment", "value")
    said = cli("verify", *(files[k] for k in kinds), "--key", KEY)
    assert said.code == 0
    for words in (
        "Balance receipt, from JFK to United Air Lines Inc.: 20 deltas", "0 to 22.0625 credits",
        "Payment receipt R-2013-0007 of 2013-01-01, from JFK to United Air Lines Inc., over 1,240.50 USD",
        "Value receipt, from JFK to United Air Lines Inc.: 9 events", "That the money arrived is what the issuer says",
        "JOINED", "january.json and february.json: the second starts from 22.0625 credits",
    ):  # fmt: skip
        assert words in said.out


@pytest.mark.parametrize(
    ("danger", "names", "code", "words"),
    [
        ("a lie", ("january", "lie"), 1, "give 22.0625 credits, the record says 1000"),
        ("a file that ends early", ("cut",), 1, "the file is cut off"),
        ("an empty file", ("empty",), 1, "the file is empty"),
        ("a receipt that is missing between", ("january", "april"), 0, "deltas 21 to 39 are in neither"),
    ],
)
def test_what_is_wrong_is_named_and_the_exit_code_tells(
    cli: Cli, files: dict[str, str], danger: str, names: tuple[str, ...], code: int, words: str
) -> None:
    said = cli("verify", *(files[n] for n in names))
    assert said.code == code, danger
    assert words in said.out, danger


def test_a_machine_reads_the_verdicts_and_what_they_say_together(cli: Cli, files: dict[str, str]) -> None:
    found = cli("verify", files["january"], files["february"], "--json").json
    assert [x["ok"] for x in found] == [True, True, True]
    assert found[2]["checks"][0]["name"] == "january.json and february.json"
    assert cli("verify", files["january"], "--key", build.Key(build.LOG.name, 9).verifier(), "--json").json[0]["ok"] is False


def test_witnesses_are_kept_on_the_command_line(cli: Cli, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_WEBHOOK_ALLOW", "127.0.0.1")
    of = ("--tenant", opened.ref)
    key = cli("witness", "key", "--json", *of).json
    assert key["verifier_key"].partition("+")[0].endswith(f"/witness/{opened.ref}")
    assert cli("witness", "key", *of).out.count(key["verifier_key"]) == 1
    w = build.Key("witness.example/w", 9).verifier(COSIGNATURE_V1)
    assert "is shown every new checkpoint" in cli("witness", "add", "http://127.0.0.1:9/w", w, *of).out
    assert cli("witness", "add", "http://127.0.0.1:9/w", w, *of).code == 1
    assert cli("witness", "add", "http://10.0.0.1/w", build.WITNESS_KEY, *of).code == 1
    assert "is cosigned from 0 records on" in cli("witness", "watch", KEY, *of).out
    assert cli("witness", "watch", w, *of).code == 1
    listed = cli("witness", "list", "--json", *of).json
    assert [x["name"] for x in listed["witnesses"]] == ["witness.example/w"]
    assert [x["origin"] for x in listed["witnessed_logs"]] == [build.LOG.name]
