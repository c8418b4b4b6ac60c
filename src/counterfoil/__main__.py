"""The `counterfoil` command: plugs the house into the command line. What a command does not need is not loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from counterfoil.cli.entrance import Outside
from counterfoil.cli.root import run


def _settings(home: Path | None) -> Any:
    from counterfoil.settings import read_settings

    found = read_settings()
    return found if home is None else replace(found, home=home.expanduser())


def _open_house(settings: Any) -> AbstractContextManager[Any]:
    from counterfoil.app import open_house

    return open_house(settings)


def _serve(house: Any, host: str, port: int) -> None:
    from counterfoil.server import serve

    serve(house, host, port)


def _run_worker(house: Any, stop: Any, once: bool) -> int:
    from counterfoil.jobs.worker import run_worker

    return run_worker(house, stop, once=once)


def _migrate(settings: Any) -> list[str]:
    from counterfoil.app import administrator_url
    from counterfoil.store.database import migrate

    return migrate(administrator_url(settings))


def _survey(settings: Any) -> Any:
    from counterfoil.app import administrator_url
    from counterfoil.store.database import survey

    return survey(administrator_url(settings))


OUTSIDE = Outside(_settings, _open_house, _serve, _run_worker, _migrate, _survey)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that was typed."""
    sys.exit(run(OUTSIDE, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    main()
