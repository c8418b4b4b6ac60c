"""`counterfoil worker`: what is done by itself, without a server."""

from __future__ import annotations

import signal
from threading import Event
from typing import Annotated

import typer

from counterfoil.cli.entrance import entrance


def worker(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do everything that is due one time, then end.")] = False,
) -> None:
    """Issue what falls due and take sealed records into the log, for every tenant, until stopped.

    `serve` runs one of these itself. Any number may run at once, on any number of machines.

    Example: [bold]counterfoil worker --once[/bold] (from cron; exit code 1 when a job failed)
    """
    here = entrance(ctx)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with here.house() as house:
        failed = here.outside.run_worker(house, stop, once)
    if once and failed:
        raise typer.Exit(1)
