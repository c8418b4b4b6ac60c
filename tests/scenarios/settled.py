"""The verbs of a story about money: what came in, what it settles, what went back, and what was given up.

Each verb says what it does to the books by itself, so that the audit can hold the books against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major, to_minor
from counterfoil.core.basis.refusals import Refusal
from counterfoil.core.ledger.accounts import BAD_DEBT, BANK, CLEARING, DISPUTED, PAYMENT_FEE, receivable
from counterfoil.flows.dispute_payment import close_dispute, open_dispute
from counterfoil.flows.payment_rows import NewPayment, PaymentRow
from counterfoil.flows.refund_payment import ask_refund, refund, settle_refund
from counterfoil.flows.settle_payment import allocate, book_payout, settle_payments, take_back
from counterfoil.flows.write_off import take_back_write_off, write_off
from tests.scenarios.recorded import Recorded
from tests.scenarios.words import full_number, options


class Crash(Exception):
    """The server stops in the middle of a transaction."""


class Settled(Recorded):
    """A company and its money. `moved`: what the verbs did to (entity, currency, account), apart from documents."""

    def __init__(self, house: House, tenant: int) -> None:
        super().__init__(house, tenant)
        self.moved: Counter[tuple[Ref, str, str]] = Counter()
        self.crashing = False

    def do_pay(self, words: list[str], _: list[list[str]]) -> None:
        (name, customer, amount, currency, *how), opts = options(words)
        entities = list(self.names["entity"].values())
        with self.house.tx(self.tenant) as tx:
            entity = self.names["entity"][opts["entity"]] if "entity" in opts else entities[0]
            minor = to_minor(Decimal(amount), currency)
            provider, _colon, provider_ref = opts.get("named", "").partition(":")
            known = bool(provider) and (provider, provider_ref) in tx.payments_named([(provider, provider_ref)])
            fee = to_minor(Decimal(opts.get("fee", 0)), currency)
            into: Any = "bank" if "bank" in how else "clearing"
            (row,) = settle_payments(tx, [NewPayment(
                self.names["customer"][customer], entity, currency, minor, opts.get("by", "card"), tx.now, provider, provider_ref,
                fee_minor=fee, to=self._parts(tx, opts.get("for", ""), currency, minor), into=into, auto="oldest" in how,
            )])  # fmt: skip
            if self.crashing:
                raise Crash
        self.names["payment"][name] = row.ref
        if not known:
            account = BANK if into == "bank" else CLEARING
            self._move(row, (account, minor), (receivable(row.customer_ref), -minor), (PAYMENT_FEE, fee), (account, -fee))

    def do_crash(self, words: list[str], rows: list[list[str]]) -> None:
        self.crashing = True
        try:
            getattr(self, f"do_{words[0]}")(words[1:], rows)
        except Crash:
            return
        finally:
            self.crashing = False
        raise AssertionError("it did not crash")

    def do_allocate(self, words: list[str], _: list[list[str]]) -> None:
        name, *rest = words
        with self.house.tx(self.tenant) as tx:
            row = tx.payment_rows([self.names["payment"][name]])[self.names["payment"][name]]
            named = zip(rest[::2], rest[1::2], strict=True)
            parts = [(self._document(tx, number), to_minor(Decimal(part), row.currency)) for number, part in named]
            allocate(tx, row.ref, parts or None)

    def do_takeback(self, words: list[str], _: list[list[str]]) -> None:
        name, number, *amount = words
        with self.house.tx(self.tenant) as tx:
            row = tx.payment_rows([self.names["payment"][name]])[self.names["payment"][name]]
            minor = to_minor(Decimal(amount[0]), row.currency) if amount else None
            take_back(tx, row.ref, self._document(tx, number), minor, "by mistake")

    def do_refund(self, words: list[str], _: list[list[str]]) -> None:
        (name, amount, *how), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            row = tx.payment_rows([self.names["payment"][name]])[self.names["payment"][name]]
            minor = to_minor(Decimal(amount), row.currency)
            parts = self._parts(tx, opts.get("from", ""), row.currency, minor)
            before = {r.ref for r in tx.refunds_of(row.ref) if r.state == "posted"}
            if {"asked", "failed"} & set(how):
                ref = ask_refund(tx, row.ref, minor, from_documents=parts).ref
                self.names["refund"][name] = ref
            else:
                ref = refund(
                    tx, row.ref, minor, provider_ref=opts.get("named", ""), from_documents=parts, given="given" in how
                ).ref
            if "failed" in how:
                settle_refund(tx, ref, ok=False)
        if ref not in before and not {"asked", "failed"} & set(how):
            self._move(row, (receivable(row.customer_ref), minor), (CLEARING, -minor))

    def do_dispute(self, words: list[str], _: list[list[str]]) -> None:
        (name, amount), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            row = tx.payment_rows([self.names["payment"][name]])[self.names["payment"][name]]
            minor, fee = to_minor(Decimal(amount), row.currency), to_minor(Decimal(opts.get("fee", 0)), row.currency)
            known = {x.ref for x in tx.disputes_of(row.ref)}
            made = open_dispute(tx, row.ref, minor, fee_minor=fee, provider_ref=opts.get("named", ""))
        if made.ref not in known:
            self._move(row, (DISPUTED, minor), (CLEARING, -minor), (PAYMENT_FEE, fee), (CLEARING, -fee))

    def do_won(self, words: list[str], _: list[list[str]]) -> None:
        self._close(words[0], won=True)

    def do_lost(self, words: list[str], _: list[list[str]]) -> None:
        self._close(words[0], won=False)

    def _close(self, name: str, *, won: bool) -> None:
        with self.house.tx(self.tenant) as tx:
            row = tx.payment_rows([self.names["payment"][name]])[self.names["payment"][name]]
            was_open = any(x.state == "open" for x in tx.disputes_of(row.ref))
            minor = close_dispute(tx, row.ref, won=won).amount_minor
        if was_open:
            self._move(row, (CLEARING if won else receivable(row.customer_ref), minor), (DISPUTED, -minor))

    def do_writeoff(self, words: list[str], _: list[list[str]]) -> None:
        number, amount = words
        with self.house.tx(self.tenant) as tx:
            row = tx.document_row(self._document(tx, number))
            minor = to_minor(Decimal(amount), row.currency)
            (write_off if minor > 0 else take_back_write_off)(tx, row.ref, abs(minor), "insolvent")

    def do_payout(self, words: list[str], _: list[list[str]]) -> None:
        (amount, currency, name), _opts = options(words)
        entity = next(iter(self.names["entity"].values()))
        with self.house.tx(self.tenant) as tx:
            minor = to_minor(Decimal(amount), currency)
            if book_payout(tx, entity, currency, minor, tx.now, provider="stripe", provider_ref=name):
                self.moved[entity, currency, BANK] += minor
                self.moved[entity, currency, CLEARING] -= minor

    def do_open(self, words: list[str], _: list[list[str]]) -> None:
        number, amount = words
        with self.house.tx(self.tenant) as tx:
            row = tx.document_row(self._document(tx, number))
        assert to_major(row.open_minor, row.currency) == Decimal(amount), f"{to_major(row.open_minor, row.currency)} is open"

    def do_unapplied(self, words: list[str], _: list[list[str]]) -> None:
        name, amount = words
        with self.house.tx(self.tenant) as tx:
            row = tx.payment_rows([self.names["payment"][name]])[self.names["payment"][name]]
        found = to_major(row.unapplied_minor, row.currency)
        assert found == Decimal(amount), f"{found} is unapplied"

    def do_receipt(self, words: list[str], rows: list[list[str]]) -> None:
        name, *text = words
        said_here = "; ".join(" ".join(row) for row in [text, *rows])
        with self.house.tx(self.tenant) as tx:
            ref = tx.receipt_of_payment_ref(self.names["payment"][name])
            said = tx.payment_receipt(ref).receipt
        assert said.description == said_here, f"the receipt says {said.description!r}"

    def do_atonce(self, words: list[str], rows: list[list[str]]) -> None:
        """Several lines at the same moment: all but one are refused with this code."""
        refused: list[str] = []

        def run(row: list[str]) -> None:
            try:
                getattr(self, f"do_{row[0]}")(row[1:], [])
            except Refusal as refusal:
                refused.append(refusal.code)

        with ThreadPoolExecutor(len(rows)) as pool:
            list(pool.map(run, rows))
        assert refused == [words[0]] * (len(rows) - 1), f"refused: {refused}"

    def _parts(self, tx: Any, text: str, currency: str, most: int) -> tuple[tuple[Ref, int], ...]:
        """`DE-INV-1:50,DE-INV-2`: documents with amounts; without one, what is open, as far as the money goes."""
        parts = []
        for part in filter(None, text.split(",")):
            number, _colon, amount = part.partition(":")
            ref = self._document(tx, number)
            part_minor = to_minor(Decimal(amount), currency) if amount else min(most, tx.document_row(ref).open_minor)
            parts.append((ref, part_minor))
            most -= part_minor
        return tuple(parts)

    def _move(self, row: PaymentRow, *postings: tuple[str, int]) -> None:
        for account, minor in postings:
            self.moved[row.entity_ref, row.currency, account] += minor

    @staticmethod
    def _document(tx: Any, number: str) -> Ref:
        ref: Ref | None = tx.document_by_number(full_number(number))
        if ref is None:
            raise KeyError(f"there is no {number}")
        return ref


def written_off(tx: Any) -> Counter[tuple[Ref, str, str]]:
    """What was written off by entity, currency and account, read from its own rows."""
    moved: Counter[tuple[Ref, str, str]] = Counter()
    for entity, currency, customer, minor in tx.all(
        "SELECT d.entity_ref::text, d.currency, d.customer_ref::text, w.amount_minor FROM write_off w JOIN document d ON "
        "d.tenant = w.tenant AND d.document_ref = w.document_ref WHERE w.tenant = %s", tx.tenant,
    ):
        moved[entity, currency, BAD_DEBT] += minor
        moved[entity, currency, receivable(customer)] -= minor
    return moved


def money_is_whole(tx: Any, documents: Iterable[Ref]) -> None:
    """The receivable of every customer is what its documents ask for less its unapplied money; nothing is settled beyond what
    it asks for; no payment gives more than came in; and a document is marked as paid when nothing of it is open."""
    owed: Counter[tuple[Ref, Ref, str]] = Counter()
    rows = tx.document_rows(list(documents))
    for d in rows.values():
        most = d.total_minor - d.credited_minor - d.written_off_minor
        assert d.kind == "CREDIT" or 0 <= d.paid_minor <= most, f"{d} is overpaid"
        assert d.written_off_minor >= 0 and 0 <= d.credited_minor <= d.total_minor, f"{d} is taken below zero"
        assert (d.paid_at is None) or d.open_minor == 0, f"{d} is marked as paid"
        assert d.open_minor or not d.paid_minor or d.paid_at is not None, f"{d} is paid and not marked"
        owed[d.entity_ref, d.customer_ref, d.currency] += d.open_minor
    payments = [r[0] for r in tx.all("SELECT payment_ref::text FROM payment WHERE tenant = %s", tx.tenant)]
    for p in tx.payment_rows(payments).values():
        if p.state != "posted":
            assert not (p.allocated_minor or p.refunded_minor or p.lost_minor), f"{p} is not here and was used"
            continue
        money = p.money
        assert money.unapplied_minor >= money.refunding_minor and money.allocated_minor >= 0, f"{p} gave more than came in"
        assert money.unapplied_minor + money.allocated_minor + money.refunded_minor + money.lost_minor == p.amount_minor
        owed[p.entity_ref, p.customer_ref, p.currency] -= money.unapplied_minor
        receipt = tx.payment_receipt(tx.receipt_of_payment_ref(p.ref)).receipt
        assert sum(x.amount_minor for x in receipt.documents) == p.allocated_minor, f"{receipt} says what is not so"
    books = {
        (entity, Ref(account.partition(":")[2]), currency): minor
        for entity, currency, account, minor in tx.balances() if account.startswith("receivable:") and minor
    }  # fmt: skip
    assert books == {key: minor for key, minor in owed.items() if minor}, "what is owed is not what the books say"
    for customer in {c for _e, c, _cur in owed}:
        for account in tx.accounts_in_money(customer):
            assert account.open_minor - account.unapplied_minor == account.books_minor, account
