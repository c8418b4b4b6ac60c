"""How documents, verdicts and traces look in a terminal; the demonstration shows them the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import instant_text

if TYPE_CHECKING:
    from rich.tree import Tree

    from counterfoil.core.receipts.verify import Verdict
    from counterfoil.core.receipts.verify_together import Together
    from counterfoil.flows.trace import Trace

KINDS = {"INVOICE": "invoices", "CREDIT": "credit notes", "DEBIT": "debit notes"}


def money(minor: int, currency: str) -> str:
    """`1,234.50 USD`."""
    return f"{to_major(minor, currency):,f} {currency}"


def _number(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def record_line(record: Any) -> str:
    """What a sealed record says about itself, in one line; "" for a record of another type."""
    try:
        return _SAYS[record["type"]](record)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def _document(record: Any) -> str:
    totals = money(record["total_minor"], record["currency"])
    seller, buyer = record["seller"]["name"], record["buyer"]["name"]
    return f"{record['number']} of {record['issued_on']}, from {seller} to {buyer}, over {totals}"


def _balance(record: Any) -> str:
    window, unit = record["window"], record["unit"]
    return (
        f"Balance receipt, from {record['issuer']['name']} to {record['customer']['name']}: {record['delta_count']:,} deltas "
        f"from {window['start']} to {window['end']}, {record['starting_balance']} to {record['ending_balance']} {unit}"
    )


def _payment(record: Any) -> str:
    paid = money(record["amount_minor"], record["currency"])
    return (
        f"Payment receipt {record['number']} of {record['issued_at'][:10]}, from {record['issuer']['name']} to "
        f"{record['customer']['name']}, over {paid}"
    )


def _value(record: Any) -> str:
    period = record["period"]
    return (
        f"Value receipt, from {record['issuer']['name']} to {record['customer']['name']}: {record['events']['count']:,} events "
        f"from {period['start']} to {period['end']}, worth {record['total']} {record['currency']}"
    )


_SAYS: dict[str, Callable[[Any], str]] = {
    "invoice/v1": _document, "credit-note/v1": _document, "debit-note/v1": _document,
    "balance-receipt/v1": _balance, "payment-receipt/v1": _payment, "value-receipt/v1": _value,
}


def verdict_lines(name: str, verdict: Verdict, about: str, *, at_most: int = 0) -> Iterable[str]:
    """A verdict in plain words, with rich's markup; `at_most` so many checks that hold (0: all)."""
    from rich.markup import escape

    held = [c for c in verdict.checks if c.ok]
    failed = [c for c in verdict.checks if not c.ok]
    if verdict.ok:
        yield f"[bold green]PROVED[/]  {escape(name)}: all {len(held)} checks hold"
    else:
        yield f"[bold red]FAILED[/]  {escape(name)}: {len(failed)} of {len(verdict.checks)} checks do not hold"
    if about:
        yield f"        {escape(about)}"
    for check in failed:
        yield f"  [red]✗ {escape(check.name)}[/]: {escape(check.says)}"
    shown = held if not at_most else held[:at_most]
    for check in shown:
        yield f"  [green]✓[/] {escape(check.name)}: {escape(check.says)}"
    if len(shown) < len(held):
        yield f"  [green]✓[/] and {len(held) - len(shown)} more"
    if verdict.ok and verdict.not_proved:
        yield "  Not proved:"
        yield from (f"  [yellow]·[/] {escape(text)}" for text in verdict.not_proved)


def together_lines(found: Together) -> Iterable[str]:
    """What bundles say about each other."""
    from rich.markup import escape

    if found.checks:
        yield "[bold green]JOINED[/]" if found.ok else "[bold red]FAILED[/]  the receipts contradict each other"
    for check in found.checks:
        sign = "[green]✓[/]" if check.ok else "[red]✗[/]"
        yield f"  {sign} {escape(check.name)}: {escape(check.says)}"
    if found.not_proved:
        yield "  Not proved:"
        yield from (f"  [yellow]·[/] {escape(text)}" for text in found.not_proved)


def trace_tree(found: Trace, *, shown: int = 5) -> Tree:
    """A line, down to the events it counted and up to the entries it made."""
    from rich.markup import escape
    from rich.tree import Tree

    d, line = found.document, found.line
    tree = Tree(
        f"[bold]{d.number}[/], line {line.n}: [bold]{escape(line.item)}[/], "
        f"{_number(line.quantity)} {escape(line.unit)}, [bold]{money(line.amount_minor, d.currency)}[/]"
    )
    why = tree.add("[cyan]How the amount came about[/]")
    for part in line.parts[: 4 * shown]:
        price = "" if part.unit_price is None else f"{_number(part.covers)} × {_number(part.unit_price)} = "
        why.add(f"{price}{_number(part.amount)}  {escape(part.note or part.why)}")
    if found.contract is not None:
        order = f", {escape(found.contract.po_number)}" if found.contract.po_number else ""
        agreed = tree.add(f"[cyan]What was agreed[/]: contract {found.contract.number}{order}")
        if found.segment is not None:
            t = found.segment.terms
            agreed.add(
                f"version {found.segment.version}, in force from {found.segment.since}: {escape(t.name)}, "
                f"{t.cycle.count if t.cycle.count > 1 else ''}"
                f"{t.cycle.unit.lower()}, {t.payment_time.replace('_', ' ').lower()}, "
                f"version {t.pricing_version} of its prices"
            )
    if line.usage is not None:
        root = f"{line.usage.root[:16]}…"
        down = tree.add(f"[cyan]Down: {found.event_count:,} events[/], sealed under the root {root}")
        for event in found.events[:shown]:
            said = " ".join(f"{k}={v}" for k, v in event.properties.items())
            down.add(escape(f"{instant_text(event.at)}  {event.key}  {said}"))
        if found.event_count > shown:
            down.add(f"and {found.event_count - shown:,} more")
    up = tree.add(f"[cyan]Up: {len(found.entries)} journal {'entry' if len(found.entries) == 1 else 'entries'}[/]")
    for entry in found.entries:
        node = up.add(f"{entry.booked_on}  {escape(entry.memo)}")
        for p in entry.postings:
            if p.line in (None, line.n):
                side = "debit " if p.amount_minor > 0 else "credit"
                account = p.account.replace(d.buyer.ref, d.buyer.name)
                node.add(f"{side}  {escape(account)}  {money(abs(p.amount_minor), entry.currency)}")
    for note in found.notes:
        tree.add(f"[cyan]Corrected by[/] {note.number} of {note.issued_on}: {money(note.total_minor, note.currency)}")
    for m in found.draws:
        verb = "Paid by" if m.kind == "draw" else "Given back to" if m.kind == "return" else f"Prepaid {m.kind} of"
        tree.add(f"[cyan]{verb}[/] lot {m.lot_ref} of wallet {m.wallet_ref}: {money(abs(m.amount_minor), d.currency)}")
    return tree
