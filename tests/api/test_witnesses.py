"""`/v1/witnesses` and `/v1/witnessed-logs`: who cosigns, whose logs are cosigned, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.core.tlog.note import COSIGNATURE_V1, read_verifier_key
from tests.api.native import Api
from tests.core.receipts.build import LOG, WITNESS, WITNESS_KEY, Key

LOG_KEY = LOG.verifier()
PUBLIC = "https://93.184.215.14/w1/"
"""An address that is public, and never called here."""


def test_witnesses_are_kept_and_dropped(api: Api) -> None:
    made = api.post("/v1/witnesses", {"url": PUBLIC, "verifier_key": WITNESS_KEY})
    assert (made["name"], made["url"], made["witnessed"], made["last_error"]) == (WITNESS.name, PUBLIC.rstrip("/"), 0, None)
    assert [w["key_id"] for w in api.get("/v1/witnesses")["data"]] == [made["key_id"]]
    assert api("POST", "/v1/witnesses", {"url": PUBLIC, "verifier_key": WITNESS_KEY}).status_code == 409
    assert api("DELETE", f"/v1/witnesses/{made['key_id']}").json()["name"] == WITNESS.name
    assert api("DELETE", f"/v1/witnesses/{made['key_id']}").status_code == 404
    assert api.get("/v1/witnesses")["data"] == []


def test_logs_are_watched_and_left(api: Api) -> None:
    made = api.post("/v1/witnessed-logs", {"verifier_key": LOG_KEY})
    assert (made["origin"], made["size"], made["checkpoint"]) == (LOG.name, 0, None)
    again = api.post("/v1/witnessed-logs", {"verifier_key": LOG_KEY})
    assert again["key_id"] == made["key_id"] == read_verifier_key(LOG_KEY).key_id.hex()
    assert [x["origin"] for x in api.get("/v1/witnessed-logs")["data"]] == [LOG.name]
    assert api("DELETE", f"/v1/witnessed-logs/{made['key_id']}").json()["origin"] == LOG.name
    assert api("DELETE", f"/v1/witnessed-logs/{made['key_id']}").status_code == 404


def test_the_witness_key_is_a_key_of_its_own(api: Api, new_api: Callable[..., Api]) -> None:
    found = api.get("/v1/witness-key")
    key, own = read_verifier_key(found["verifier_key"]), read_verifier_key(api.get("/v1/log/verifier-key")["verifier_key"])
    assert key.algorithm == COSIGNATURE_V1
    assert key.public_key != own.public_key
    assert found == api.get("/v1/witness-key")
    assert found["url"].endswith("/witness/" + api.get("/v1/tenant")["tenant_ref"])
    assert new_api().get("/v1/witness-key")["verifier_key"] != found["verifier_key"]


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("a log's key as a witness", "/v1/witnesses", {"url": PUBLIC, "verifier_key": LOG_KEY}, "verifier_key"),
    ("a witness's key as a log", "/v1/witnessed-logs", {"verifier_key": WITNESS_KEY}, "verifier_key"),
    ("no key at all", "/v1/witnesses", {"url": PUBLIC, "verifier_key": "x"}, "verifier_key"),
    ("a key whose id does not fit", "/v1/witnessed-logs", {"verifier_key": LOG_KEY.replace("+1", "+2", 1)}, "verifier_key"),
    ("a witness on this machine", "/v1/witnesses", {"url": "https://127.0.0.1/w", "verifier_key": WITNESS_KEY}, "url"),
    ("a witness in our network", "/v1/witnesses", {"url": "https://10.1.2.3/w", "verifier_key": WITNESS_KEY}, "url"),
    ("the cloud's secrets as a witness", "/v1/witnesses", {"url": "http://169.254.169.254/", "verifier_key": WITNESS_KEY}, "url"),
    ("a witness without TLS", "/v1/witnesses", {"url": "http://93.184.215.14/w", "verifier_key": WITNESS_KEY}, "url"),
    ("a name with a space", "/v1/witnesses", {"url": PUBLIC, "verifier_key": WITNESS_KEY, "name": "a b"}, "name"),
]


@pytest.mark.parametrize(("danger", "path", "body", "field"), REFUSED)
def test_what_is_no_witness_and_no_log_is_refused(danger: str, path: str, body: dict[str, Any], field: str, api: Api) -> None:
    answer = api("POST", path, body)
    assert answer.status_code == 422, danger
    assert field in answer.text, danger


def test_only_administrators_choose_witnesses(new_api: Callable[..., Api]) -> None:
    finance = new_api(role="finance")
    assert finance("POST", "/v1/witnesses", {"url": PUBLIC, "verifier_key": WITNESS_KEY}).status_code == 403
    assert finance("POST", "/v1/witnessed-logs", {"verifier_key": Key("a.example/b", 3).verifier()}).status_code == 403
