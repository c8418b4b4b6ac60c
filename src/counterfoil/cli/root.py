"""The command line as a whole: its commands, and how errors reach a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli import (
    advance,
    bank,
    chain,
    demo,
    doctor,
    dunning,
    export,
    gateway,
    key,
    mail,
    migrate,
    payment,
    plan,
    sandbox,
    serve,
    tenant,
    trace,
    usage,
    verify,
    wallet,
    webhook,
    witness,
    worker,
)
from counterfoil.cli.entrance import Entrance, Outside
from counterfoil.core.basis.refusals import Refusal

_SETUP, _DAILY, _PROOF = "Set up and run", "Every day", "Proof and books"
_ANYWHERE = {"--home": True, "--debug": False}
"""Options of every command, which may stand anywhere (and whether they have a value)."""


def command_line(outside: Outside) -> typer.Typer:
    """All commands, in the order in which `--help` teaches them."""
    app = typer.Typer(
        name="counterfoil",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        ctx: typer.Context,
        home: Annotated[
            Path | None,
            typer.Option(
                "--home", metavar="DIR", help="Where data lives (default: COUNTERFOIL_HOME or ~/.counterfoil)."
            ),
        ] = None,
        debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    ) -> None:
        """Contract to cash, and every number proves itself.

        Begin with [bold]counterfoil demo[/bold], then [bold]counterfoil serve[/bold].
        Every command explains itself with --help.
        """
        ctx.obj = Entrance(outside, home)

    for group, commands in (
        (_SETUP, (demo.demo, serve.serve, worker.worker, migrate.migrate, doctor.doctor, sandbox.sandbox)),
        (_DAILY, (advance.advance,)),
        (_PROOF, (verify.verify, trace.trace)),
    ):
        for command in commands:
            app.command(rich_help_panel=group)(command)
    app.add_typer(tenant.app, rich_help_panel=_SETUP)
    app.add_typer(key.app, rich_help_panel=_SETUP)
    app.add_typer(usage.app, rich_help_panel=_DAILY)
    app.add_typer(bank.app, rich_help_panel=_DAILY)
    app.add_typer(chain.app, rich_help_panel=_DAILY)
    app.add_typer(mail.app, rich_help_panel=_DAILY)
    app.add_typer(payment.app, rich_help_panel=_DAILY)
    app.add_typer(gateway.app, rich_help_panel=_DAILY)
    app.add_typer(plan.app, rich_help_panel=_DAILY)
    app.add_typer(wallet.app, rich_help_panel=_DAILY)
    app.add_typer(dunning.app, rich_help_panel=_DAILY)
    app.add_typer(webhook.app, rich_help_panel=_DAILY)
    app.add_typer(witness.app, rich_help_panel=_PROOF)
    app.add_typer(export.app, rich_help_panel=_PROOF)
    return app


def run(outside: Outside, arguments: Sequence[str]) -> int:
    """Run one command; its exit code. An error is one line, unless `--debug` asks for all of it."""
    given = options_first(arguments)
    try:
        result = typer.main.get_command(command_line(outside))(
            args=given, prog_name="counterfoil", standalone_mode=False
        )
    except Exception as error:
        if "--debug" in given:
            raise
        return _say(error)
    except KeyboardInterrupt:
        typer.echo("counterfoil: stopped", err=True)
        return 130
    return result if isinstance(result, int) else 0


def options_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the options of every command in front, where the root looks for them."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument.split("=", 1)[0] not in _ANYWHERE:
            rest.append(argument)
        elif "=" not in argument and _ANYWHERE[argument]:
            first += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        else:
            first.append(argument)
    return first + rest


def _say(error: Exception) -> int:
    if hasattr(error, "format_message"):  # what was typed is wrong, and the parser says how
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
        else:
            asked = getattr(error, "ctx", None)
            path = "counterfoil" if asked is None else asked.command_path
            typer.echo(f"counterfoil: {error.format_message()} (see {path} --help)", err=True)
        return int(getattr(error, "exit_code", 2))
    if isinstance(error, typer.Abort):
        typer.echo("counterfoil: stopped", err=True)
        return 130
    if isinstance(error, Refusal):
        text = error.message
    elif isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    elif type(error).__name__ == "OperationalError":  # of psycopg, which is not loaded for its name alone
        text = f"the database did not answer: {error}; counterfoil doctor says what to do"
    else:
        what = f"{type(error).__name__}: {error}"
        text = f"this should not have happened ({what}); run it again with --debug and report it"
    typer.echo(f"counterfoil: {' '.join(text.split())}", err=True)
    return 1
