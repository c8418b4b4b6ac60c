"""`counterfoil trace`: where a number comes from, and what it does to the books."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named


def trace(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The document's number or reference.", show_default=False)],
    line: Annotated[int, typer.Argument(min=1, help="The line, counted from 1.")] = 1,
    tenant: TenantOption = "",
    events: Annotated[int, typer.Option(min=0, max=100_000, help="How many of its events to show.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Trace a line down to the events it counted, and up to the journal entries it made.

    Example: [bold]counterfoil trace JFK-INV-000042 3 --events 20[/bold]
    """
    from counterfoil.flows.trace import trace_line

    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            ref = document_ref(tx, number)
            found = trace_line(tx, ref, line, events=events)
    if as_json:
        print_json(_json(found))
        return
    from counterfoil.cli.show import trace_tree

    console().print(trace_tree(found, shown=events))


def document_ref(tx: Any, number: str) -> str:
    """The reference of a document that is named by number or reference; NotFound without one."""
    from counterfoil.core.basis.ids import is_ref
    from counterfoil.core.basis.refusals import NotFound

    found: str | None = tx.document_by_number(number)
    if found is not None:
        return found
    if not is_ref(number):
        raise NotFound(
            "document.not_found", f"there is no document {number!r}; counterfoil export documents lists them"
        )
    return number


def _json(found: Any) -> dict[str, Any]:
    from counterfoil.core.basis.quantity import decimal_text
    from counterfoil.core.usage.event import event_json

    d, line = found.document, found.line
    return {
        "document_ref": d.ref,
        "number": d.number,
        "line": line.n,
        "item": line.item,
        "quantity": decimal_text(line.quantity),
        "amount_minor": line.amount_minor,
        "currency": d.currency,
        "parts": [
            {
                "covers": decimal_text(p.covers),
                "amount": decimal_text(p.amount),
                "why": p.why,
                "note": p.note,
                "unit_price": None if p.unit_price is None else decimal_text(p.unit_price),
            }
            for p in line.parts
        ],
        "contract_ref": d.contract_ref,
        "contract_version": None if found.segment is None else found.segment.version,
        "pricing_ref": None if found.segment is None else found.segment.terms.pricing_ref,
        "pricing_version": None if found.segment is None else found.segment.terms.pricing_version,
        "usage_root": None if line.usage is None else line.usage.root,
        "event_count": found.event_count,
        "events": [event_json(e) for e in found.events],
        "entries": [
            {
                "entry_ref": e.ref,
                "booked_on": e.booked_on,
                "memo": e.memo,
                "postings": [
                    {"account": p.account, "amount_minor": p.amount_minor, "line": p.line} for p in e.postings
                ],
            }
            for e in found.entries
        ],
        "notes": [{"number": n.number, "total_minor": n.total_minor} for n in found.notes],
        "draws": [
            {"wallet_ref": m.wallet_ref, "lot_ref": m.lot_ref, "kind": m.kind, "amount_minor": m.amount_minor, "at": m.at}
            for m in found.draws
        ],
    }
