"""`counterfoil verify`: check proof bundles offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, console, print_json

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", exists=True, dir_okay=False, readable=True, show_default=False, help="Proof bundles."
    ),
]


def verify(
    files: Files,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", help="A key of the seller's log (or of a witness) that you have from elsewhere. May be repeated."
        ),
    ] = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option(
            "--kept", exists=True, dir_okay=False, help="A checkpoint of this log that you kept. May be repeated."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check proof bundles of invoices, notes, and receipts of balances, payments and value: signature, place in the log,
    what they count, and every number again. Balance receipts of one customer are also held together: whether each starts
    where the other ended.

    Needs no database, no server and no network. It says what is proved and, as plainly, what is not. The exit code is 0
    when all bundles hold, 1 when any fails or two contradict each other.

    Example: [bold]counterfoil verify JFK-INV-000042.bundle.json --key "$(cat sellers-key.txt)"[/bold]
    """
    from counterfoil.core.receipts.verify_together import verify_together

    answers = [(file, *check(file, key or (), kept or ())) for file in files]
    together = verify_together([(file.name, file.read_bytes()) for file, verdict, _ in answers if verdict.ok])
    if as_json:
        found = [_json(file, verdict, about) for file, verdict, about in answers]
        if together.checks or together.not_proved:
            found.append(_json("together", together, "what these receipts say about each other"))
        print_json(found)
    else:
        from counterfoil.cli.show import together_lines, verdict_lines

        out = console()
        for file, verdict, about in answers:
            for text in verdict_lines(file.name, verdict, about):
                out.print(text, soft_wrap=True)
        for text in together_lines(together):
            out.print(text, soft_wrap=True)
    if not (together.ok and all(verdict.ok for _file, verdict, _about in answers)):
        raise typer.Exit(1)


def check(file: Path, keys: Any = (), kept: Any = ()) -> tuple[Any, str]:
    """The verdict over a file, and what its record says about itself."""
    from counterfoil.cli.show import record_line
    from counterfoil.core.receipts.verify import record_of, verify_bundle

    data = file.read_bytes()
    trusted = [k.strip() for k in keys]
    verdict = verify_bundle(data, trusted_keys=trusted, kept_checkpoints=[k.read_bytes() for k in kept])
    try:
        return verdict, record_line(record_of(data))
    except ValueError:
        return verdict, ""


def _json(file: Path | str, verdict: Any, about: str) -> dict[str, Any]:
    checks = [{"name": c.name, "ok": c.ok, "says": c.says} for c in verdict.checks]
    return {
        "file": str(file),
        "ok": verdict.ok,
        "about": about,
        "checks": checks,
        "not_proved": list(verdict.not_proved),
    }
