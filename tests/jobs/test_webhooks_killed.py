"""A worker that is killed while it calls: nothing is lost, and what was told twice has the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from counterfoil.app import open_house, wall_clock
from counterfoil.flows.announce import News, announce
from counterfoil.flows.call_webhooks import LEASE
from counterfoil.flows.keep_webhooks import create_webhook
from counterfoil.settings import Settings
from tests.adapters.receivers import Got, Receiver, receiving
from tests.conftest import TEST_SECRET

WORKER = """
import sys
from datetime import timedelta
from pathlib import Path
from counterfoil.app import open_house, wall_clock
from counterfoil.settings import Settings
home, url, secret, tenant, later = sys.argv[1:]
clock = lambda: wall_clock() + timedelta(seconds=int(later))
with open_house(Settings(Path(home), database_url=url, secret=secret, webhook_allow="127.0.0.1"), clock=clock) as house:
    [job] = [job for job in house.timetable if job.name == "call_webhooks"]
    while job.run(int(tenant), lambda: False) or job.run._under_way:
        pass
"""


def test_a_worker_killed_after_a_receiver_took_an_event_loses_none(
    admin_url: str, open_tenants: Any, tmp_path: Path
) -> None:
    tenant = open_tenants()[0].tenant
    secret = TEST_SECRET.hex()
    child: list[int] = []

    def kill(got: Got) -> None:
        if len(receiver.got) == 11:
            os.kill(child[0], signal.SIGKILL)

    with (
        receiving(Receiver(before=kill)) as receiver,
        open_house(Settings(tmp_path, database_url=admin_url, secret=secret), clock=wall_clock) as house,
    ):

        def work(later: timedelta) -> int:
            arguments = [str(tmp_path), admin_url, secret, str(tenant), str(int(later.total_seconds()))]
            process = subprocess.Popen([sys.executable, "-c", WORKER, *arguments])
            child[:] = [process.pid]
            return process.wait(timeout=120)

        def states() -> Counter[str]:
            with house.tx(tenant) as tx:
                return Counter(d.state for d in tx.deliveries(None, 100))

        with house.tx(tenant, "test") as tx:
            create_webhook(tx, house.webhook_safe, dialect="native", url=receiver.url)
            announce(tx, [News("invoice.paid", {"n": n}) for n in range(24)])
        assert work(timedelta(0)) == -signal.SIGKILL
        told = len(receiver.got)
        assert 11 <= told <= 16 and 8 <= states()["delivered"] < told
        work(timedelta(0))
        assert 0 < states()["waiting"] <= 8, "what the killed one had claimed is left to it for a while"
        work(LEASE + timedelta(seconds=1))
        assert states() == Counter(delivered=24)
        ids = Counter(receiver.ids())
        assert len(ids) == 24 and 1 <= sum(ids.values()) - 24 <= 8, "all of them, few of them twice"
