"""Webhooks from the command line: subscribed, tried out, looked at, sent again."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.flows.announce import News, announce
from tests.adapters.receivers import receiving
from tests.cli.conftest import Cli

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_a_webhook_is_added_tried_out_and_looked_at(
    cli: Cli, db: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = ("--tenant", opened.ref)
    monkeypatch.setenv("COUNTERFOIL_WEBHOOK_ALLOW", "127.0.0.1")
    with receiving() as receiver:
        made = cli("webhook", "add", receiver.url, "--event", "invoice.paid", "--json", *of).json
        assert made["secret"].startswith("whsec_") and made["events"] == ["invoice.paid"]
        assert "answered 200" in cli("webhook", "test", made["webhook_ref"], *of).out
        receiver.status = 500
        failed = cli("webhook", "test", made["webhook_ref"], "--json", *of)
        assert failed.code == 1 and failed.json["status"] == 500
    [listed] = cli("webhook", "list", "--json", *of).json
    assert (listed["successes"], listed["failures"]) == (1, 1) and "secret" not in listed
    assert "failing" in cli("webhook", "list", *of).out
    with db.tx(opened.tenant) as tx:
        announce(tx, [News("invoice.paid", {})])
    [waiting] = cli("webhook", "deliveries", "--state", "waiting", "--json", *of).json
    assert waiting["type"] == "invoice.paid" and len(cli("webhook", "deliveries", "--json", *of).json) == 3
    assert "invoice.paid" in cli("webhook", "deliveries", "--event", "invoice.paid", *of).out
    assert cli("webhook", "retry", waiting["delivery_ref"], *of).code == 0


WRONG: list[tuple[tuple[str, ...], str]] = [
    (("add", "http://127.0.0.1/x"), "https://"),
    (("add", "https://93.184.215.14/x", "--event", "invoice.eaten"), "--event[0]"),
    (("test", NOBODY), "there is no webhook"),
    (("test", "x"), "there is no webhook"),
    (("retry", NOBODY), "there is no delivery"),
    (("deliveries", "--state", "eaten"), "--state"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w[0])[:40] for w in WRONG])
def test_what_cannot_be_meant_is_said_in_one_line(cli: Cli, opened: Any, words: tuple[str, ...], said: str) -> None:
    refused = cli("webhook", *words, "--tenant", opened.ref)
    assert refused.code == 1 and said in refused.err and refused.err.count("\n") == 1
