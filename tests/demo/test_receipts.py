"""The receipts of the demonstration: each has a page that opens and a bundle that holds; one changed byte is found."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from litestar.testing import TestClient

from counterfoil.app import open_house
from counterfoil.demo.assistants import CORNER, CUSTOMERS, PRICE
from counterfoil.server import asgi
from counterfoil.settings import read_settings
from tests.cli.conftest import Cli, Said
from tests.demo.test_demo import tell

PAGE = re.compile(r"^  (https?://\S+)$", re.M)


@pytest.fixture
def told(cli: Cli, tmp_path: Path) -> tuple[Said, Path]:
    out = tmp_path / "out"
    return tell(cli, out), out / "receipts"


def test_every_receipt_has_a_page_that_opens_and_says_whose_it_is(told: tuple[Said, Path]) -> None:
    said, _folder = told
    shown = re.findall(r"^✓ (.{28}) .*\n  (https?://\S+)$", said.out, re.M)
    kinds = [urlsplit(url).path.split("/")[1] for _name, url in shown]
    assert kinds.count("public") == len(CUSTOMERS) and kinds.count("receipt") >= 3
    with open_house(read_settings()) as house, TestClient(asgi(house)) as client:  # type: ignore[arg-type]
        for name, url in shown:
            at = urlsplit(url)
            page = client.get(f"{at.path}?{at.query}" if at.query else at.path)
            assert page.status_code == 200, url
            assert name.strip().replace("&", "&amp;") in page.text, (name, url)
        gallery = re.search(r"https?://\S+/gallery\?receipt=\S+", said.out)
        assert gallery is not None
        at = urlsplit(gallery[0])
        assert "frame" in client.get(f"{at.path}?{at.query}").text


def test_bundles_hold_for_anybody_and_a_changed_byte_is_found(cli: Cli, told: tuple[Said, Path]) -> None:
    _said, folder = told
    bundles = sorted(folder.iterdir())
    verdicts = {v["file"]: v for v in cli("verify", *bundles, "--json").json if "file" in v}
    assert len(verdicts) == len(bundles) >= len(CUSTOMERS) + 4
    for file, verdict in verdicts.items():
        assert verdict["ok"] == (".changed." not in file), verdict


def test_the_price_stands_beside_the_value(told: tuple[Said, Path]) -> None:
    said, _folder = told
    (line,) = re.findall(r"([\d,]+) calls, worth ([\d,.]+) USD for ([\d,.]+)", said.out)
    assert (line[0], line[2]) == (f"{CORNER:,}", f"{CORNER * PRICE:,.2f}")


def test_balances_are_what_was_billed_and_paid(told: tuple[Said, Path]) -> None:
    said, _folder = told
    assert re.search(r"Virgin America +\d+ changes, from 0\.00 to [\d,.]+ USD", said.out)
    assert "the newest of" in said.out
