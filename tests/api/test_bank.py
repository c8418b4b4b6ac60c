"""Bank statements over the API: who may decide, what is posted by itself, and decisions that came second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.adapters.bank_files import ACCOUNT, CSV, MT940
from tests.api.native import Api, Shop, bad, good, invoice

STATEMENTS, LINES = "/v1/bank/statements", "/v1/bank/lines"
NOBODY = "00000000-0000-4000-8000-000000000000"
FILE = MT940.replace("JFK-INV", "EU-INV").replace("?21SVWZ+Rechnung:", "?21SVWZ+Rechnung: ")


@pytest.fixture
def shop(fresh: tuple[Api, Shop]) -> tuple[Api, str]:
    """A tenant with an open invoice over 119.00 EUR, and its reference."""
    api, made = fresh
    ref = api.post("/v1/invoices", invoice(made.customer, "100.00"))["document_ref"]
    return api, ref


def sent(api: Api, data: bytes | str = FILE, name: str = "week.sta", **more: Any) -> Any:
    content = data.encode() if isinstance(data, str) else data
    return good(api("POST", STATEMENTS, content=content, params={"file_name": name, **more}))


def test_a_file_is_imported_once_and_its_certain_line_pays_the_invoice(shop: tuple[Api, str]) -> None:
    api, ref = shop
    done = sent(api)
    assert (done["new_lines"], done["known_lines"]) == (3, 0)
    assert done["matching"] == {"lines": 2, "posted": 1, "suggested": 0, "silent": 1}
    [statement] = done["statements"]
    assert (statement["account"], statement["opening"], statement["difference"]) == (ACCOUNT, "1000.00", "0.00")
    assert api.get(f"/v1/documents/{ref}")["state"] == "PAID"
    again = sent(api)
    assert (again["new_lines"], again["known_lines"]) == (0, 3)
    [line] = api.get(LINES, state="matched")["data"]
    assert (line["amount"], line["party_name"], line["booked_on"]) == ("119.00", "Globex GmbH", "2026-01-02")
    [decision] = line["decisions"]
    assert decision["by"] == "rule" and "EU-INV-000001" in decision["why"][0]
    assert api.get(f"/v1/payments/{decision['payments'][0]}")["amount"] == "119.00"
    assert len(api.get(STATEMENTS)["data"]) == 1
    assert api.get(f"{STATEMENTS}/{statement['statement_ref']}") == api.get(STATEMENTS)["data"][0]


def test_pages_of_lines_and_filters(shop: tuple[Api, str]) -> None:
    api, _ref = shop
    sent(api, match=False)
    first = api.get(LINES, limit=2)
    rest = api.get(LINES, limit=2, after=first["next"])
    assert len({x["line_ref"] for x in first["data"] + rest["data"]}) == 3 and rest["next"] is None
    assert [x["amount"] for x in api.get(LINES, direction="out")["data"]] == ["-12.50"]
    assert api.get(LINES, state="ignored")["data"] == []


def test_a_person_decides_takes_back_and_decides_again(shop: tuple[Api, str]) -> None:
    api, ref = shop
    sent(api, match=False)
    line = next(x for x in api.get(LINES)["data"] if x["amount"] == "119.00")
    one = f"{LINES}/{line['line_ref']}"
    bad(api("POST", f"{one}/match", {"to": [{"document_ref": ref, "amount": "50.00"}], "fee": "0.001"}), 422, "fee")
    bad(api("POST", f"{one}/match", {"to": [{"document_ref": NOBODY, "amount": "1.00"}]}), 404)
    matched = api.post(f"{one}/match", {"to": [{"document_ref": ref}], "why": "as told"})
    assert matched["state"] == "matched" and matched["decisions"][0]["why"] == ["as told"]
    bad(api("POST", f"{one}/match", {"to": [{"document_ref": ref}]}), 409, code="bank_line.decided")
    undone = api.post(f"{one}/undo", {"why": "the other one"})
    assert undone["state"] == "open" and api.get(f"/v1/documents/{ref}")["state"] != "PAID"
    assert api.post("/v1/bank/match")["posted"] == 1, "what is certain posts again"


def test_ignoring_and_payouts(shop: tuple[Api, str]) -> None:
    api, _ref = shop
    sent(api)
    out, back = api.get(LINES, state="open")["data"]
    if out["amount"] == "20.00":
        out, back = back, out
    bad(api("POST", f"{LINES}/{out['line_ref']}/ignore", {}), 422, "reason")
    assert api.post(f"{LINES}/{out['line_ref']}/ignore", {"reason": "bank charges"})["state"] == "ignored"
    paid_out = api.post(f"{LINES}/{back['line_ref']}/payout", {"provider": "stripe", "provider_ref": "po_1", "fee": "1.00"})
    assert paid_out["decisions"][-1]["payout"] == "stripe po_1"


@pytest.mark.parametrize(
    ("data", "status", "field"),
    [("", 422, "line 1"), ("hello", 422, "line 1"), (MT940.replace("CR119,00", "CR119,005"), 422, "line 6")],
)
def test_a_file_that_cannot_be_read_stores_nothing(shop: tuple[Api, str], data: str, status: int, field: str) -> None:
    api, _ref = shop
    bad(api("POST", STATEMENTS, content=data.encode(), params={"file_name": "x"}), status, field)
    assert api.get(STATEMENTS)["data"] == []


def test_a_csv_as_a_form_and_an_entity_of_ones_own(shop: tuple[Api, str]) -> None:
    api, _ref = shop
    bad(api("POST", STATEMENTS, content=CSV, params={"file_name": "x.csv", "entity_ref": NOBODY}), 404)
    done = good(api("POST", STATEMENTS, files={"file": ("umsatz.csv", CSV, "text/csv")}))
    assert done["statements"][0]["file_name"] == "umsatz.csv" and done["new_lines"] == 2


def test_who_only_looks_decides_nothing(new_api: Callable[..., Api]) -> None:
    viewer = new_api("viewer")
    assert viewer.get(LINES)["data"] == []
    bad(viewer("POST", STATEMENTS, content=CSV, params={"file_name": "x"}), 403)
    bad(viewer("POST", f"{LINES}/{NOBODY}/ignore", {"reason": "x"}), 403)
    bad(viewer("GET", f"{LINES}/{NOBODY}"), 404)
    bad(viewer("GET", f"{LINES}/../x"), 404)
