"""The walk-through of the guide, run line by line over HTTP."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from counterfoil.app import House
from counterfoil.cli.sandbox import make_sandbox
from counterfoil.server import asgi

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "api.md"
WORDS = r"""
set -eo pipefail
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
call() { curl --silent --show-error --fail-with-body -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" "$@"; }
"""


@pytest.fixture
def address(house: House) -> Iterator[str]:
    """Where a real server answers."""
    server = uvicorn.Server(uvicorn.Config(asgi(house), port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="the guide is written for bash and curl"
)
def test_the_guide_runs_as_it_stands(house: House, address: str, tmp_path: Path) -> None:
    assert httpx.get(f"{address}/healthz").status_code == 200
    blocks = re.findall(r"^```bash run\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    made = make_sandbox(house)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "API": address,
        "TOKEN": made["token"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
    }
    script = WORDS + "".join(f"{block}\necho\n" for block in blocks)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((tmp_path / "invoice.bundle.json").read_text())["record"]
    # 49.00 + 1000 × 0.02 + 250.5 × 0.015 = 72.7575 in two lines, and 8.25 % of 72.76
    assert (record["sub_total_minor"], record["total_tax_minor"], record["total_minor"]) == (7276, 600, 7876)
    assert '"accepted":2,"duplicates":1,"refused":1' in ran.stdout
