"""The end of `counterfoil demo`: receipts of every kind, each with its page, its bundle, and its verdict."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from counterfoil.core.basis.ids import Ref
    from counterfoil.demo.scope import Scope

SEAL, REPORT, DELIVER, CHECK = (
    "Seal balance receipts",
    "Report calls",
    "Seal value receipts",
    "Verify every receipt",
)
PAYMENTS_SHOWN = 3
KINDS = {"balance": "Balances of the year", "payment": "Payments", "value": "What two assistants were worth"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A receipt that was handed out: who it is for, its page, its bundle, what it says, and the key that its log is signed
    with."""

    kind: str
    customer: str
    url: str
    bundle: Path
    says: str
    key: str


@dataclass(slots=True)
class Receipts:
    """One telling of the receipts. `took`: seconds by step; `done`: what was not there before, by step."""

    out: Console
    folder: Path
    took: dict[str, float] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    handles: dict[str, str] = field(default_factory=dict)
    """A public id of each kind, for the gallery."""

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Note how long a step takes."""
        started = time.perf_counter()
        yield
        self.took[step] = self.took.get(step, 0.0) + time.perf_counter() - started

    def of_year(self, house: Any, tenant: int, scope: Scope) -> None:
        """The airlines' balance receipts, and some receipts of their payments."""
        from counterfoil.demo.receipts import let_frame, payment_receipts, seal_year

        with self.timing(SEAL):
            with house.tx(tenant, "demo") as tx:
                let_frame(tx, house.settings.public_url)
                refs, self.done[SEAL] = seal_year(tx, scope)
            house.integrate(tenant)
        with self.timing(CHECK), house.tx(tenant, "demo") as tx:
            for ref in refs:
                self._hand_out(house, tx, "balance", ref)
            paid, count = payment_receipts(tx, PAYMENTS_SHOWN)
            for ref in paid:
                self._hand_out(house, tx, "payment", ref)
        self._show("balance", "what was billed and paid; the end is what is owed")
        self._show("payment", f"the newest of {count:,}")

    def of_calls(self, house: Any, scope: Scope) -> None:
        """The value receipts of those who called the two assistants."""
        from counterfoil.demo.assistants import deliver_value, report_calls
        from counterfoil.demo.receipts import let_frame

        with self.timing(REPORT):
            told = report_calls(house, scope)
            with house.tx(told.tenant, "demo") as tx:
                let_frame(tx, house.settings.public_url)
            self.done[REPORT] = told.reported
        with self.timing(DELIVER):
            deliver_value(house, told)
            self.done[DELIVER] = told.made
        with self.timing(CHECK), house.tx(told.tenant, "demo") as tx:
            for d in told.receipts:
                self._hand_out(house, tx, "value", d.ref)
        billed = sum(d.billed for d in told.receipts)
        worth = sum(d.total for d in told.receipts)
        calls = sum(d.calls for d in told.receipts)
        self._show("value", f"{calls:,} calls, worth {worth:,.2f} USD for {billed:,.2f} USD; Patel et al., CC BY 4.0")

    def changed(self) -> None:
        """A value receipt with one byte changed is refused."""
        from counterfoil.cli.demo import change_one_byte
        from counterfoil.cli.show import verdict_lines
        from counterfoil.cli.verify import check

        good = next(k for k in reversed(self.kept) if k.kind == "value")
        data, said = change_one_byte(good.bundle.read_bytes(), b'"total":"')
        changed = good.bundle.with_name(good.bundle.name.replace(".bundle", ".changed.bundle"))
        changed.write_bytes(data)
        self.out.print(f"\n[dim]Now one byte of the last is changed: {said}[/]")
        verdict, about = check(changed, [good.key])
        for text in verdict_lines(changed.name, verdict, about, at_most=1):
            self.out.print(text, soft_wrap=True)
        assert not verdict.ok, f"{changed} should fail"

    def _hand_out(self, house: Any, tx: Any, kind: str, ref: Ref) -> None:
        """Write a receipt's bundle, verify it as its customer would, and note where its page is."""
        from counterfoil.cli.verify import check
        from counterfoil.flows.prove import bundle_of
        from counterfoil.flows.sealed_receipts import sealed_receipt

        receipt = sealed_receipt(tx, ref).receipt
        name = f"{kind}-{receipt.customer_name.lower().replace(' ', '-').replace('.', '')}-{ref[-6:]}"
        path = self.folder / "receipts" / f"{name}.bundle.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle_of(tx, ref))
        key = tx.this_tenant().log_public
        verdict, _about = check(path, [key])
        assert verdict.ok, f"{path} should hold: {[c for c in verdict.checks if not c.ok]}"
        url = house.receipt_url(tx, ref)
        self.handles.setdefault(kind, url.rpartition("/")[2])
        self.kept.append(Kept(kind, receipt.customer_name, url, path, _says(receipt), key))

    def _show(self, kind: str, more: str = "") -> None:
        rows = [k for k in self.kept if k.kind == kind]
        if not rows:
            return
        self.out.print(f"\n[bold]{KINDS[kind]}[/]{f'  [dim]{more}[/]' if more else ''}")
        for k in rows:
            self.out.print(f"[green]✓[/] {k.customer:28} {k.says}", soft_wrap=True, highlight=False)
            self.out.print(f"  [cyan]{k.url}[/]", soft_wrap=True, highlight=False)

    def steps(self) -> Sequence[tuple[str, float, int | None]]:
        """(step, seconds, how many things it did) of each."""
        return [(step, self.took[step], self.done.get(step)) for step in (SEAL, REPORT, DELIVER, CHECK)]


def _says(receipt: Any) -> str:
    """What a receipt comes to, in a few words."""
    from counterfoil.core.basis.money import to_major
    from counterfoil.core.receipts.balance import BalanceReceipt
    from counterfoil.core.receipts.payment import PaymentReceipt

    if isinstance(receipt, BalanceReceipt):
        changes = receipt.last_sequence - receipt.first_sequence + 1
        return f"{changes:4} changes, from {receipt.starting_balance:,.2f} to {receipt.ending_balance:,.2f} {receipt.unit}"
    if isinstance(receipt, PaymentReceipt):
        return f"{receipt.number}, {to_major(receipt.amount_minor, receipt.currency):,f} {receipt.currency}"
    return f"{receipt.events_count:,} calls, worth {receipt.total:,.2f} {receipt.currency}"
