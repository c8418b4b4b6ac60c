"""`counterfoil demo`: a real year, from contract to a proved invoice."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterfoil.cli.entrance import console, entrance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress

    from counterfoil.cli.demo_receipts import Receipts
    from counterfoil.core.receipts.verify import Verdict
    from counterfoil.demo.scope import Scope
    from counterfoil.demo.story import Told

OPEN, FILES, PROOF, BOOKS = (
    "Open the database",
    "Write the files of one invoice",
    "Verify offline, twice",
    "Export and check the books",
)
CHECKS_SHOWN = 9


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where the files of one invoice and the books go.")] = Path(
        "demo-out"
    ),
    months: Annotated[int, typer.Option(min=1, max=12, hidden=True)] = 12,
    airline: Annotated[list[str] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Bill a real year: 336,776 flights, three airports, sixteen airlines; then prove it.

    Agrees contracts, imports the flights of 2013, moves a test clock through the year, issues every document, corrects
    mistakes with credit and debit notes, books payments, publishes checkpoints, verifies an invoice offline (and catches a
    changed byte), traces a line from events to journal, and has bean-check look at the books. Then receipts: balances of
    the year, payments, and what 28,185 calls of language models were worth, each with a page and a proof. It lives in
    test tenants of its own, and running it again does nothing twice.

    Example: [bold]counterfoil demo --home .home --out demo-out[/bold], then counterfoil serve --home .home
    """
    from counterfoil.demo.scope import Scope

    scope = Scope(months, frozenset(airline) if airline else None)
    telling = Telling(console(), scope, out)
    here = entrance(ctx)
    telling.out.print(
        f"[bold]Counterfoil demo[/]: New York's flights of 2013, billed. Data lives in {here.settings.home}."
    )
    with telling.timing(OPEN), here.house() as house:
        telling.opened()
        telling.tell(house)
        telling.totals(house)
        ref = telling.files(house)
        telling.proof()
        telling.trace(house, ref)
        well = telling.books(house)
        telling.receipts(house)
        telling.times()
        telling.next_steps(house, ref)
    if not well:
        raise typer.Exit(1)


@dataclass(slots=True)
class Telling:
    """One run of the demonstration, as a person watches it."""

    out: Console
    scope: Scope
    folder: Path
    took: dict[str, float] = field(default_factory=dict)
    told: Told | None = None
    number: str = ""
    written: list[Path] = field(default_factory=list)
    verifier_key: str = ""
    of_receipts: Receipts | None = None
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Note how long a step takes; one that was noted while it ran keeps that time."""
        started = time.perf_counter()
        yield
        self.took.setdefault(step, time.perf_counter() - started)

    def opened(self) -> None:
        """The database is there and migrated."""
        self.took[OPEN] = time.perf_counter() - self.started

    def rule(self, title: str) -> None:
        """A new chapter."""
        self.out.print()
        self.out.rule(f"[bold]{title}[/]", align="left")

    def tell(self, house: Any) -> None:
        """The year, with two bars: flights and months."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        from counterfoil.demo.story import IMPORT, READ, tell

        self.rule("The year")
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.out, transient=False) as bars:
            self.told = told = tell(house, self.scope, _Bars(bars))
        if told.changed:
            self.out.print(
                f"{told.steps[IMPORT].done:,} flights imported." if IMPORT in told.steps else "No flight was missing."
            )
        else:
            flights = told.steps[READ].done
            self.out.print(
                f"[green]All of it is there already[/]: {flights:,} flights, every document. Nothing was done twice."
            )
        for ref, why in told.parked:
            self.out.print(f"[red]parked[/] contract {ref}: {why}")

    def totals(self, house: Any) -> None:
        """Documents and amounts by entity and kind."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Column, Table

        from counterfoil.cli.show import KINDS
        from counterfoil.core.basis.money import to_major

        assert self.told is not None
        with house.tx(self.told.tenant, "demo") as tx:
            rows, counts = tx.totals_by_entity(), tx.counts()
            heads = len(tx.checkpoints(0, 10_000))
            self.verifier_key = tx.this_tenant().log_public
        self.rule("What was billed")
        currency = "/".join(sorted({r["currency"] for r in rows}))
        table = Table(
            "From",
            Column("Kind", no_wrap=True),
            *_right("Documents", f"Net {currency}", f"Tax {currency}", f"Total {currency}"),
            box=SIMPLE_HEAD,
            padding=(0, 1),
            pad_edge=False,
        )
        sums = [0, 0, 0, 0]
        before = ""
        for r in rows:
            if before and before != r["entity"]:
                table.add_section()
            sign = -1 if r["kind"] == "CREDIT" else 1
            amounts = [sign * r[k] for k in ("net_minor", "tax_minor", "total_minor")]
            shown = (f"{to_major(a, currency):,f}" for a in amounts)
            table.add_row(r["entity"] if before != r["entity"] else "", KINDS[r["kind"]], f"{r['documents']:,}", *shown)
            sums = [x + y for x, y in zip(sums, (r["documents"], *amounts), strict=True)]
            before = r["entity"]
        table.add_section()
        table.add_row("All", "", f"{sums[0]:,}", *(f"{to_major(a, currency):,f}" for a in sums[1:]), style="bold")
        self.out.print(table)
        self.out.print(
            f"{counts['contracts']} contracts, {counts['events']:,} usage records, {counts['entries']:,} journal "
            f"entries; {counts['records']:,} sealed records in the log under {heads} signed checkpoints."
        )

    def files(self, house: Any) -> str:
        """PDF, usage log and bundle of one invoice; its reference."""
        from counterfoil.cli.export import document_files

        assert self.told is not None
        self.rule("One invoice")
        with self.timing(FILES), house.tx(self.told.tenant, "demo") as tx:
            row = _sample(tx, self.scope)
            self.number = row.number
            first = tx.checkpoint_at_least(1)
            self.written = document_files(house, tx, row.ref, self.folder, since=first.size)
            kept = self.folder / "first-checkpoint.txt"
            kept.write_bytes(first.note)
            self.written.append(kept)
        for path in self.written:
            self.out.print(f"{path}  [dim]{path.stat().st_size:,} bytes[/]", soft_wrap=True)
        return str(row.ref)

    def proof(self) -> None:
        """The bundle as it is, and with one byte changed."""
        self.rule("Verified offline, with the key and the first checkpoint that the customer kept")
        bundle = next(p for p in self.written if p.name.endswith(".bundle.json"))
        kept = self.written[-1]
        with self.timing(PROOF):
            self._verify(bundle, kept, well=True)
            changed = bundle.with_name(f"{self.number}.changed.bundle.json")
            data, said = change_one_byte(bundle.read_bytes())
            changed.write_bytes(data)
            self.out.print(f"\n[dim]Now one byte is changed: {said}[/]")
            self._verify(changed, kept, well=False)

    def _verify(self, file: Path, kept: Path, *, well: bool) -> None:
        from counterfoil.cli.show import verdict_lines
        from counterfoil.cli.verify import check

        verdict: Verdict
        verdict, about = check(file, [self.verifier_key], [kept])
        for text in verdict_lines(file.name, verdict, about, at_most=CHECKS_SHOWN if well else 1):
            self.out.print(text, soft_wrap=True)
        assert verdict.ok == well, f"{file} should {'hold' if well else 'fail'}"

    def trace(self, house: Any, ref: str) -> None:
        """A line down to its events and up to its journal entries."""
        from counterfoil.cli.show import trace_tree
        from counterfoil.flows.credit_document import document_of
        from counterfoil.flows.trace import trace_line

        assert self.told is not None
        self.rule("Where a number comes from")
        with house.tx(self.told.tenant, "demo") as tx:
            line = next(x.n for x in document_of(tx, ref).lines if x.usage is not None)
            self.out.print(trace_tree(trace_line(tx, ref, line, events=3), shown=3))

    def books(self, house: Any) -> bool:
        """The books as beancount, and what bean-check says about them; whether it found nothing."""
        from counterfoil.cli.export import books_of

        assert self.told is not None
        self.rule("The books")
        ledger = self.folder / "books.beancount"
        with self.timing(BOOKS):
            with house.tx(self.told.tenant, "demo") as tx, ledger.open("w", encoding="utf-8") as file:
                file.writelines(books_of(tx, self.scope.company))
            program = _bean_check()
            if program is None:
                self.out.print(f"{ledger} is written. Install beancount to check it: bean-check {ledger}")
                return True
            checked = subprocess.run([program, str(ledger)], capture_output=True, text=True, check=False)
        if checked.returncode:
            self.out.print(f"[red]bean-check objects[/]: {(checked.stdout + checked.stderr).strip()[:2000]}")
            return False
        self.out.print(
            f"[green]✓[/] bean-check {ledger} finds nothing: every entry balances, every balance is as asserted."
        )
        return True

    def receipts(self, house: Any) -> None:
        """Receipts of every kind, handed out and verified."""
        from counterfoil.cli.demo_receipts import Receipts

        assert self.told is not None
        self.rule("Receipts")
        self.of_receipts = Receipts(self.out, self.folder)
        self.of_receipts.of_year(house, self.told.tenant, self.scope)
        self.of_receipts.of_calls(house, self.scope)
        self.of_receipts.changed()

    def times(self) -> None:
        """How long each step took, and how much it did in a second."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        assert self.told is not None
        self.rule("Time")
        units = {
            "Import usage": "events",
            "Issue documents": "documents",
            "Integrate the log": "records",
            "Read flights": "flights",
        }
        table = Table("Step", *_right("Seconds", "Done", "Per second"), box=SIMPLE_HEAD)
        table.add_row(OPEN, f"{self.took[OPEN]:.2f}", "", "")
        for step, timed in self.told.steps.items():
            unit = units.get(step, "things")
            rate = (
                f"{timed.done / timed.seconds:,.0f} {unit}"
                if timed.done > 1 and timed.seconds > 0.001 and step in units
                else ""
            )
            table.add_row(step, f"{timed.seconds:.2f}", f"{timed.done:,}" if timed.done else "there already", rate)
        for step in (FILES, PROOF, BOOKS):
            table.add_row(step, f"{self.took[step]:.2f}", "", "")
        assert self.of_receipts is not None
        for step, seconds, done in self.of_receipts.steps():
            table.add_row(step, f"{seconds:.2f}", "" if done is None else f"{done:,}" if done else "there already", "")
        table.add_section()
        table.add_row("[bold]All of it[/]", f"[bold]{time.perf_counter() - self.started:.2f}[/]", "", "")
        self.out.print(table)

    def next_steps(self, house: Any, ref: str) -> None:
        """What to do now."""
        assert self.told is not None
        program, home = _typed(), _short(house.settings.home)
        public = house.settings.public_url
        tenant = self.told.tenant_ref
        bundle = next(p for p in self.written if p.name.endswith(".bundle.json"))
        self.rule("Next")
        for what, how in (
            ("Serve it", f"{program} serve --home {home}"),
            ("This invoice", house.hosted_url(tenant, ref)),
            ("Receipts, embedded", f"{public}/gallery?receipt={next(iter(self._handles()), '')}"),
            ("Verify page", f"{public}/verify"),
            ("Swagger UI", f"{public}/docs"),
            ("A key for the API", f"{program} key create --tenant {tenant} --home {home}"),
            ("Verify it again", f"{program} verify {bundle}"),
            ("Trace it again", f"{program} trace {self.number} 1 --tenant {tenant} --home {home}"),
        ):
            self.out.print(f"{what:18} [cyan]{how}[/]", soft_wrap=True)


    def _handles(self) -> list[str]:
        """Public ids of receipts, a balance's first."""
        found = {} if self.of_receipts is None else self.of_receipts.handles
        return [found[kind] for kind in ("balance", "value") if kind in found]


class _Bars:
    """Shows the story's progress as bars."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.tasks: dict[str, Any] = {}

    def begins(self, step: str, total: int = 0) -> None:
        """A bar for what is counted."""
        if total:
            shown = {"Issue documents": "Months billed", "Import usage": "Flights"}.get(step, step)
            self.tasks[step] = self.bars.add_task(shown, total=total)

    def goes_on(self, step: str, by: int) -> None:
        """The bar grows."""
        self.bars.advance(self.tasks[step], by)

    def says(self, text: str) -> None:
        """A line above the bars."""
        self.bars.console.print(f"  {text}")


def change_one_byte(bundle: bytes, mark: bytes = b'"total_minor":') -> tuple[bytes, str]:
    """The bundle with the first digit of its record's total changed, and what was done."""
    at = bundle.index(mark) + len(mark)
    digit = b"2" if bundle[at : at + 1] != b"2" else b"3"
    said = f"byte {at:,} of {len(bundle):,}, a {bundle[at : at + 1].decode()} of the total, is now a {digit.decode()}."
    return bundle[:at] + digit + bundle[at + 1 :], said


def _sample(tx: Any, scope: Scope) -> Any:
    """The invoice that is looked at closely: Virgin America's last month at Kennedy, or the first one with usage."""
    from counterfoil.demo.acts import contract_of
    from counterfoil.demo.contracts import deals

    chosen = next((d for d in deals(scope) if (d.airport, d.airline) == ("JFK", "VX")), deals(scope)[0])
    page = tx.document_page(
        None,
        1000,
        contract_refs=[contract_of(tx, chosen.airport, chosen.airline)],
        kind="INVOICE",
        issued_from=scope.usage_ends_on,
        issued_to=scope.usage_ends_on,
    )
    return page[0]


def _typed() -> str:
    """The program as a person can type it here."""
    if shutil.which("counterfoil"):
        return "counterfoil"
    beside = Path(sys.executable).with_name("counterfoil")
    return str(_short(beside)) if beside.exists() else f"{sys.executable} -m counterfoil"


def _short(path: Path) -> Path:
    """A path from here where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _bean_check() -> str | None:
    beside = Path(sys.executable).with_name("bean-check")
    return str(beside) if beside.exists() else shutil.which("bean-check")


def _right(*titles: str) -> list[Any]:
    from rich.table import Column

    return [Column(title, justify="right", no_wrap=True) for title in titles]
