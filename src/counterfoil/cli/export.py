"""`counterfoil export`: books, documents and usage as files."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from counterfoil.cli.entrance import TenantOption, entrance, fail, tenant_named
from counterfoil.cli.trace import document_ref
from counterfoil.core.basis.refusals import Conflict, Invalid

app = typer.Typer(name="export", help="Write books, documents and usage to files.", no_args_is_help=True)

Out = Annotated[
    Path | None, typer.Option("--out", "-o", dir_okay=False, help="The file to write (default: standard output).")
]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, included.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")]
EntityOption = Annotated[
    str, typer.Option("--entity", help="Only of this entity: its name, number prefix or reference.")
]
PAGE = 1000


@app.command("journal", epilog="Example: counterfoil export journal --from 2026-01-01 --to 2026-01-31 -o january.csv")
def journal(
    ctx: typer.Context,
    tenant: TenantOption = "",
    entity: EntityOption = "",
    since: Since = None,
    until: Until = None,
    out: Out = None,
) -> None:
    """Every journal entry as CSV, a row for each posting: debits positive, credits negative."""
    from counterfoil.core.basis.money import to_major

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        names = {ref: e.name for ref, e in tx.entities().items()}
        rows = (
            (
                e.booked_on,
                names[e.entity_ref],
                e.kind,
                e.memo,
                p.account,
                f"{to_major(p.amount_minor, e.currency):f}",
                e.currency,
                e.document_ref or "",
                "" if p.line is None else p.line,
                e.ref,
            )
            for e in tx.journal(entity_ref=_entity(tx, entity), since=_day(since), until=_day(until))
            for p in e.postings
        )
        heading = (
            "booked_on",
            "entity",
            "kind",
            "memo",
            "account",
            "amount",
            "currency",
            "document_ref",
            "line",
            "entry_ref",
        )
        _write_csv(out, heading, rows)


@app.command(
    "beancount", epilog="Example: counterfoil export beancount -o books.beancount && bean-check books.beancount"
)
def beancount(ctx: typer.Context, tenant: TenantOption = "", entity: EntityOption = "", out: Out = None) -> None:
    """The books as a beancount ledger with every balance asserted: bean-check holds the two against each other."""
    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx, _opened(out) as file:
            file.writelines(books_of(tx, of.name, _entity(tx, entity)))


def books_of(tx: Any, title: str, entity_ref: str | None = None) -> Iterator[str]:
    """The ledger's text: entries under their short names, balances as the database sums them."""
    from counterfoil.core.ledger.balances import Books
    from counterfoil.exports.beancount import beancount_ledger

    names = {ref: e.number_prefix for ref, e in tx.entities().items()}
    names |= {ref: external_id or name for ref, name, external_id in tx.reporters()}
    names |= {d.ref: d.number for d in _documents(tx)}
    expected: dict[Books, dict[str, int]] = {}
    for entity, currency, account, minor in tx.balances(entity_ref=entity_ref):
        expected.setdefault(Books(entity, currency), {})[account] = minor
    return beancount_ledger(
        tx.journal(entity_ref=entity_ref), title=title, name_of=lambda ref: names.get(ref, ref), expected=expected
    )


@app.command("documents", epilog="Example: counterfoil export documents --entity US -o documents.csv")
def documents(
    ctx: typer.Context,
    tenant: TenantOption = "",
    entity: EntityOption = "",
    since: Since = None,
    until: Until = None,
    out: Out = None,
) -> None:
    """Invoices, credit and debit notes as CSV, one row each."""
    from counterfoil.core.basis.money import to_major

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        names = {ref: e.name for ref, e in tx.entities().items()}
        filters = {"entity_ref": _entity(tx, entity), "issued_from": _day(since), "issued_to": _day(until)}
        rows = (
            (
                d.number,
                d.kind,
                names[d.entity_ref],
                d.customer_name,
                d.issued_on,
                d.due_on,
                f"{to_major(d.total_minor, d.currency):f}",
                d.currency,
                d.paid_at or "",
                d.cancelled_at or "",
                d.corrects or "",
                d.contract_ref or "",
                d.ref,
            )
            for d in _documents(tx, **filters)
        )
        heading = (
            "number",
            "kind",
            "entity",
            "customer",
            "issued_on",
            "due_on",
            "total",
            "currency",
            "paid_at",
            "cancelled_at",
            "corrects",
            "contract_ref",
            "document_ref",
        )
        _write_csv(out, heading, rows)


@app.command(
    "usage",
    epilog="Example: counterfoil export usage --customer acme --product 'API calls' --from 2026-01-01 -o calls.csv",
)
def usage(
    ctx: typer.Context,
    tenant: TenantOption = "",
    customer: Annotated[str, typer.Option(help="Only of this customer: its external id, name or reference.")] = "",
    product: Annotated[str, typer.Option(help="Only of this usage product: its name or reference.")] = "",
    since: Since = None,
    until: Until = None,
    out: Out = None,
) -> None:
    """Usage events that stand as CSV, in order of time. Days are UTC."""
    from counterfoil.exports.usage_csv import usage_csv

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        filters = {
            "customer": _customer(tx, customer),
            "stream": _stream(tx, product),
            "since": _midnight(since),
            "until": _midnight(until, plus=1),
        }
        with _opened(out) as file:
            for data in usage_csv(_events(tx, filters)):
                file.write(data.decode())


@app.command("document", epilog="Example: counterfoil export document US-INV-000123 --dir january")
def document(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The document's number or reference.", show_default=False)],
    tenant: TenantOption = "",
    folder: Annotated[Path, typer.Option("--dir", file_okay=False, help="Where the files go.")] = Path("."),
) -> None:
    """The files of one document: PDF, usage log as CSV, proof bundle."""
    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            ref = document_ref(tx, number)
            for path in document_files(house, tx, ref, folder):
                typer.echo(path)


def document_files(house: Any, tx: Any, ref: str, folder: Path, *, since: int | None = None) -> list[Path]:
    """Write PDF, usage CSV and proof bundle of a document; their paths. `since`: the size of the log that the bundle is
    to show the continuation of."""
    from counterfoil.core.usage.event import event_from_json
    from counterfoil.exports.usage_csv import usage_csv
    from counterfoil.flows.credit_document import document_of
    from counterfoil.flows.prove import bundle_of

    found = document_of(tx, ref)
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / found.number
    pdf = base.with_name(base.name + ".pdf")
    pdf.write_bytes(house.document_pdf(tx, ref))
    try:
        bundle = bundle_of(tx, found.ref, since=since)
    except Conflict as pending:
        fail(f"{pending.message} (counterfoil worker --once does it now)")
    written = [pdf, base.with_name(base.name + ".bundle.json")]
    written[1].write_bytes(bundle)
    counted = _counted(bundle)
    if counted:
        written.insert(1, base.with_name(base.name + ".usage.csv"))
        with written[1].open("wb") as file:
            file.writelines(usage_csv(map(event_from_json, counted)))
    return written


def _counted(bundle: bytes) -> list[Any]:
    """The events of all lines, each once, as the bundle carries them."""
    from counterfoil.core.receipts.bundle import read_bundle

    events = {e["event_ref"]: e for _root, listed in read_bundle(bundle).usage for e in listed}
    return sorted(events.values(), key=lambda e: (e["at"], e["event_ref"]))


def _documents(tx: Any, **filters: Any) -> Iterator[Any]:
    after = None
    while page := tx.document_page(after, PAGE, **filters):
        yield from page
        after = (page[-1].issued_on, page[-1].ref)


def _events(tx: Any, filters: dict[str, Any]) -> Iterator[Any]:
    after = None
    while page := tx.event_page(after, 5 * PAGE, **filters):
        for row in page:
            yield row.event
        after = (page[-1].event.at, page[-1].event.ref)


def _entity(tx: Any, text: str) -> str | None:
    if not text:
        return None
    entities = tx.entities()
    for ref, e in entities.items():
        if text in (ref, e.name, e.number_prefix):
            return str(ref)
    known = ", ".join(e.name for e in entities.values()) or "none yet"
    raise Invalid.field("--entity", f"there is no entity {text!r}; there are: {known}")


def _customer(tx: Any, text: str) -> str | None:
    if not text:
        return None
    found = {ref for ref, name, external_id in tx.reporters() if text in (ref, name, external_id)}
    if len(found) != 1:
        raise Invalid.field(
            "--customer", f"{'several customers answer' if found else 'no customer answers'} to {text!r}"
        )
    return str(found.pop())


def _stream(tx: Any, text: str) -> str | None:
    if not text:
        return None
    meters = tx.meters()
    for ref, meter in meters.items():
        if text in (ref, meter.name):
            return str(meter.stream_ref)
    raise Invalid.field(
        "--product", f"there is no usage product {text!r}; there are: {', '.join(m.name for m in meters.values())}"
    )


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()


def _midnight(at: datetime | None, plus: int = 0) -> datetime | None:
    from datetime import UTC, timedelta

    return None if at is None else at.replace(tzinfo=UTC) + timedelta(days=plus)


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    with out.open("w", newline="", encoding="utf-8") as file:
        yield file


def _write_csv(out: Path | None, heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with _opened(out) as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(rows)
