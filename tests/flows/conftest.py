"""Tenants that send mail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.adapters.signing import LogKeys
from counterfoil.flows.deliver import (
    set_mail_policy,
)
from counterfoil.flows.promises import MailPolicy
from tests.adapters.mail_server import Server, serving
from tests.flows.office import Office, opened


@pytest.fixture
def office(pool: Any, open_tenants: Any, log_keys: LogKeys, tmp_path: Path) -> Office:
    """A live tenant that sends."""
    office = opened(pool, open_tenants(modes=("live",))[0].tenant, log_keys, tmp_path)
    with office.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=True))
    return office


@pytest.fixture
def trial(pool: Any, open_tenants: Any, log_keys: LogKeys, tmp_path: Path) -> Office:
    """A test tenant that sends."""
    office = opened(pool, open_tenants(modes=("test",))[0].tenant, log_keys, tmp_path)
    with office.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=True))
    return office


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server
