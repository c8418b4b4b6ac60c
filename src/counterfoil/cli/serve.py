"""`counterfoil serve`: the server and its worker."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from counterfoil.cli.entrance import entrance


def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
) -> None:
    """Serve the API, the hosted invoice pages and Swagger UI, with a worker beside.

    Ready when GET /healthz answers. Stop it with Ctrl-C: what is open is finished first.

    Example: [bold]counterfoil serve --port 8080[/bold], then open http://127.0.0.1:8080
    """
    here = entrance(ctx)
    # The server hands the signal on when it has stopped; dying of it would leave the embedded database running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with here.house(port=port) as house:
        here.outside.serve(house, host, port)
