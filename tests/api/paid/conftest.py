"""The published Paid clients, in the release of today and in that of the guides' time, over the running application."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import paid as newest
import pytest
import uvicorn

from counterfoil.server import asgi
from tests.api.native import Api

OLD_HOME = Path(sys.prefix) / "clients" / "paid-1.9.0" / "paid"
BASE = "/api/v2"
ONCE: Any = {"max_retries": 0}
"""`request_options=ONCE`: a refusal (409) at once, not after the three seconds in which the client repeats the call."""


@lru_cache(maxsize=1)
def old_release() -> ModuleType:
    """paid-python 1.9.0 under a name of its own, so that it lives beside the newest release in one process.

    `old_release().core.ApiError` and `old_release().NotFoundError` are what its calls raise.
    """
    assert OLD_HOME.is_dir(), "paid-python 1.9.0 is not there: make setup"
    spec = importlib.util.spec_from_file_location(
        "paid_1_9_0", OLD_HOME / "__init__.py", submodule_search_locations=[str(OLD_HOME)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def over(release: Any, api: Api) -> Any:
    """A client of that release, called with the key of `api`."""
    return release.Paid(token=api.token, base_url=f"http://testserver.local{BASE}", httpx_client=api.client)


@pytest.fixture
def paid(api: Api) -> newest.Paid:
    """The newest client; its tenant is that of the fixture `api`."""
    client: newest.Paid = over(newest, api)
    return client


@pytest.fixture
def old_paid(api: Api) -> Any:
    """The client 1.9.0; its tenant is that of the fixture `api`."""
    return over(old_release(), api)


@pytest.fixture(params=["1.12.0", "1.9.0"])
def any_paid(request: pytest.FixtureRequest, api: Api) -> Any:
    """Either client: for calls that both have."""
    return over(newest if request.param == "1.12.0" else old_release(), api)


@pytest.fixture
def new_paid(new_api: Callable[..., Api]) -> Callable[..., Any]:
    """Opens another tenant and gives the newest client of it."""
    return lambda **about: over(newest, new_api(**about))


@pytest.fixture
def raw(api: Api) -> Callable[..., Any]:
    """Calls what no client sends: method, path below /api/v2, JSON body."""
    return lambda method, path, body=None, **more: api(method, BASE + path, body, **more)


def refused(answer: Any, status: int, field: str | None = None) -> dict[str, str]:
    """The error of a refusal: texts alone, which the old client insists on. `field` is named in it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    error: dict[str, str] = answer.json()
    assert set(error) <= {"error", "code", "details"} and all(isinstance(v, str) and v for v in error.values()), error
    if field is not None:
        assert field in error["error"] or field in error.get("details", ""), error
    return error


@pytest.fixture(scope="session")
def served(house: Any) -> Iterator[str]:
    """The address of a real server over the same house, for what only a socket shows."""
    server = uvicorn.Server(uvicorn.Config(asgi(house), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)
