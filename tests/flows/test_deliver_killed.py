"""A worker that is killed while it sends: nothing is lost, and what went out twice can be told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope, Session

from counterfoil.app import open_house, wall_clock
from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.deliver import LEASE, set_mail_policy
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.promises import MailPolicy
from counterfoil.settings import Settings
from tests.adapters.mail_server import Server, serving
from tests.conftest import TEST_SECRET

WORKER = """
import sys, threading
from datetime import timedelta
from pathlib import Path
from counterfoil.app import open_house, wall_clock
from counterfoil.settings import Settings
home, url, secret, smtp, tenant, later = sys.argv[1:]
clock = lambda: wall_clock() + timedelta(seconds=int(later))
with open_house(Settings(Path(home), database_url=url, secret=secret, smtp_url=smtp), clock=clock) as house:
    [deliver] = [job for job in house.timetable if job.name == "deliver"]
    print("sent", deliver.run(int(tenant), lambda: False))
"""


@dataclass
class Killer(Server):
    """Takes the mail, and kills who brought it before saying so."""

    child: int = 0
    kills_at: int = 0

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        if len(self.taken) == self.kills_at:
            os.kill(self.child, signal.SIGKILL)
        return answer


@pytest.mark.parametrize("kills_at", [1, 3])
def test_a_worker_killed_after_the_server_took_a_mail_loses_none_and_repeats_one(
    kills_at: int, admin_url: str, open_tenants: Any, tmp_path: Path
) -> None:
    tenant = open_tenants(modes=("live",))[0].tenant
    secret = TEST_SECRET.hex()
    with (
        serving(Killer(kills_at=kills_at)) as server,
        open_house(Settings(tmp_path, database_url=admin_url, secret=secret), clock=wall_clock) as house,
    ):
        assert isinstance(server, Killer)
        smtp = f"smtp://127.0.0.1:{server.port}?from=billing@host.example"

        def work(later: timedelta) -> tuple[int, str]:
            child = subprocess.Popen(
                [sys.executable, "-c", WORKER, str(tmp_path), admin_url, secret, smtp, str(tenant),
                 str(int(later.total_seconds()))],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            server.child = child.pid
            said, _ = child.communicate(timeout=120)
            return child.returncode, said.strip()

        with house.tx(tenant, "test") as tx:
            set_mail_policy(tx, MailPolicy(sends=True))
            entity = create_entity(tx, Entity(Ref(""), "Newark", "EWR"))
            [customer] = create_customers(tx, [Customer(Ref(""), "Acme", entity.ref, email="ap@acme.example")])
            order = AdHocInvoice(customer.ref, (AdHocLine("Consulting", Decimal(10)),))
            documents = invoice_ad_hoc(tx, [order] * 5)

        def sent() -> int:
            with house.tx(tenant) as tx:
                return sum(tx.document_row(d.ref).sent_at is not None for d in documents)

        assert work(timedelta(0)) == (-signal.SIGKILL, "")
        assert sent() == kills_at - 1
        assert work(timedelta(0)) == (0, "sent 0"), "what was claimed belongs to the dead until its lease is over"
        assert work(LEASE + timedelta(minutes=1)) == (0, f"sent {6 - kills_at}")
        assert sent() == 5
        names = [mail["Message-ID"] for mail in server.mails]
        assert len(names) == 6 and len(set(names)) == 5
        assert names[kills_at - 1] in names[kills_at:]
