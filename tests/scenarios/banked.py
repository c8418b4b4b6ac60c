"""The verbs of a story about a bank account: lines come in, find what they pay, and are decided about."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from functools import partial

from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major, to_minor
from counterfoil.core.ledger.accounts import BANK, CLEARING, PAYMENT_FEE, receivable
from counterfoil.flows.bank_port import Statement, StatementLine
from counterfoil.flows.bank_rows import LineRow
from counterfoil.flows.import_statements import import_statements
from counterfoil.flows.match_entries import match_waiting
from counterfoil.flows.reconcile import (
    accept_suggestion,
    find_line,
    ignore_line,
    match_line,
    reconcile_payout,
    return_payment,
    undo_match,
)
from tests.scenarios.settled import Settled
from tests.scenarios.words import options

ACCOUNT = "DE02120300000000202051"


class Banked(Settled):
    """A company with a bank account. `statements`: what was sent, by the name of its one line."""

    def __init__(self, house: House, tenant: int) -> None:
        super().__init__(house, tenant)
        self.statements: dict[str, Statement] = {}
        self.names["line"] = {}

    def do_bank(self, words: list[str], _: list[list[str]]) -> None:
        (name, amount, currency, *text), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            day = tx.now.date()
        line = StatementLine(
            1, day, day, Decimal(amount), currency, text=" ".join(text), charges=Decimal(opts.get("charges", 0)),
            party_account=opts.get("from", ""), party_name=opts.get("name", ""),
        )
        self.statements[name] = Statement("MT940", 1, ACCOUNT, currency, name, (line,))
        assert self._send(name) == 1
        self._match()

    def do_sentagain(self, words: list[str], _: list[list[str]]) -> None:
        """The same statement, and an interim report of the same line: nothing is new."""
        name = words[0]
        assert self._send(name) == 0
        self.statements[name] = replace(self.statements[name], overlaps=True, number="interim")
        assert self._send(name) == 0
        self._match()

    def do_matchline(self, words: list[str], _: list[list[str]]) -> None:
        (name, *parts), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            line = find_line(tx, self.names["line"][name])
            named = [(self._document(tx, number), to_minor(Decimal(amount), line.currency))
                     for number, amount in zip(parts[::2], parts[1::2], strict=True)]
            customer = self.names["customer"][opts["customer"]] if "customer" in opts else None
            fee = to_minor(Decimal(opts.get("fee", 0)), line.currency)
            match_line(tx, line.ref, named, customer_ref=customer, fee_minor=fee)
        self._booked(name, 1)

    def do_accept(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            accept_suggestion(tx, self.names["line"][words[0]], 0)
        self._booked(words[0], 1)

    def do_undoline(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            undo_match(tx, self.names["line"][words[0]])
        self._booked(words[0], -1)

    def do_ignoreline(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            ignore_line(tx, self.names["line"][words[0]], " ".join(words[1:]))

    def do_payoutline(self, words: list[str], _: list[list[str]]) -> None:
        name, provider_ref, *fee = words
        with self.house.tx(self.tenant) as tx:
            line = find_line(tx, self.names["line"][name])
            minor = to_minor(Decimal(fee[0]), line.currency) if fee else 0
            reconcile_payout(tx, line.ref, provider="stripe", provider_ref=provider_ref, fee_minor=minor)
        self._moved(line, (BANK, line.amount_minor), (CLEARING, -line.amount_minor), (PAYMENT_FEE, minor), (CLEARING, -minor))

    def do_returnline(self, words: list[str], _: list[list[str]]) -> None:
        name, paid_by = words
        with self.house.tx(self.tenant) as tx:
            payment = tx.payment_rows(tx.matches_of([self.names["line"][paid_by]])[self.names["line"][paid_by]][-1].payments)
            (row,) = payment.values()
            line = return_payment(tx, self.names["line"][name], row.ref)
        self._moved(line, (BANK, line.amount_minor), (receivable(row.customer_ref), -line.amount_minor))

    def do_line(self, words: list[str], _: list[list[str]]) -> None:
        """`line l1 matched`, `line l1 open currency`: how it stands, and by which rule its first suggestion came about."""
        name, state, *rule = words
        with self.house.tx(self.tenant) as tx:
            line = find_line(tx, self.names["line"][name])
        assert line.state == state, f"{name} is {line.state}"
        assert not rule or [s.rule for s in line.suggestions[:1]] == rule, line.suggestions

    def _send(self, name: str) -> int:
        statement = self.statements[name]
        digest = hashlib.sha256(repr(statement).encode()).digest()
        with self.house.tx(self.tenant) as tx:
            entity = next(iter(self.names["entity"].values()))
            done = import_statements(tx, [statement], file_name=name, sha256=digest, entity_ref=entity)
            known = set(self.names["line"].values())
            for line in tx.bank_line_page(None, 1000):
                if line.ref not in known:
                    self.names["line"][name] = line.ref
        return done.new

    def _match(self) -> None:
        before = self._states()
        match_waiting(partial(self.house.tx, self.tenant))
        for name, state in self._states().items():
            if state != before[name]:
                self._booked(name, 1)

    def _states(self) -> dict[str, str]:
        with self.house.tx(self.tenant) as tx:
            return {name: find_line(tx, ref).state for name, ref in self.names["line"].items()}

    def _booked(self, name: str, times: int) -> None:
        """What the line did to the books by its last decision: as much to the bank as came in, the rest of its payments a fee."""
        with self.house.tx(self.tenant) as tx:
            line = find_line(tx, self.names["line"][name])
            payments = tx.payment_rows(tx.matches_of([line.ref])[line.ref][-1].payments)
        self._moved(line, (BANK, times * line.amount_minor))
        fee = sum(p.amount_minor for p in payments.values()) - line.amount_minor
        assert fee >= 0, f"{to_major(-fee, line.currency)} of a line went nowhere"
        self._moved(line, (PAYMENT_FEE, times * fee),
                    *((receivable(p.customer_ref), -times * p.amount_minor) for p in payments.values()))

    def _moved(self, line: LineRow, *postings: tuple[str, int]) -> None:
        for account, minor in postings:
            self.moved[Ref(line.entity_ref), line.currency, account] += minor
