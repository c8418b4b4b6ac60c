"""Plays `.story` files: what happened, line by line, with everything audited after each line.

A line is a verb and words; `;` separates groups of words, `#` begins a comment, quotes hold words together, and
`name=value` are options. Days are civil dates; a `to` date is the last day that is billed. Times are UTC; a date alone
is its noon. Amounts are in the currency's main unit, document numbers are short (`DE-INV-1` is `DE-INV-000001`).

    clock 2025-01-01                                  the tenant's time, forward only; nothing is issued
    entity DE currency=EUR zone=Europe/Berlin         a legal entity; its name is its number prefix
    customer bolt tax=19 net=14 entity=DE             options: currency, entity
    meter calls aggregation=max                       a usage product; sums quantities unless told otherwise
    price std EUR; Licence recurring 100; Setup once 50; Calls usage=calls graduated 1000@0.01 *@0.008
    reprice std EUR; Licence recurring 110            the next version; items keep their place by name
    contract k1 bolt; std from=2025-01-10 to=2025-12-31 pay=after cycle=quarter min=120 discount=10% off=5
    contract k1 bolt; used from=2025-01-01 billed=as-it-comes       each run bills the usage that came
    contract k2 bolt each; std ...; other ...         `each`: one document per product; `draft`: not in force
    publish k2                                        puts a draft into force
    amend k1 on=2025-04-15 now; std from=... as=std   `now`: including the current invoice, `next`: from the next one
    cancel k1 on=2025-04-15 end                       `now`: on that day, `end`: with the running period
    usage e1 bolt calls 500 at=2025-01-12             a report with its key; it must be accepted
    again e1 bolt calls 500 at=2025-01-12             the same report once more; it must be a duplicate
    correct e1 700 at=2025-01-13 | delete e1          a report is put right, or taken back
    advance 2025-02-01                                moves the clock and does whatever has become due
    issued DE-INV-1 2025-01-10 154.20; Licence 70.97; Setup 50; discount 12.10; tax 20.69
    issued DE-CN-1 2025-02-01 11.90 of=DE-INV-1       the next document that was issued: number, date, total; its lines,
                                                      where given, must be all; options: of, due, partial
    issued 36 invoices 4284.00                        the next so many documents and what they come to together
    upcoming k1; 2025-02-01 119.00; 2025-03-01 119    the next documents as they would be now
    credit DE-INV-1 all | credit DE-INV-1 1=10 2=5    a credit note over all that is left, or amounts by line
    paid DE-INV-1 154.20 | paid DE-INV-1 0            marks as paid; so much was booked
    is DE-INV-1 paid | cancelled | unpaid             what became of a document
    adhoc bolt; Consulting 120.50 qty=2 tax=7         an invoice without a contract
    pay p1 bolt 154.20 EUR for=DE-INV-1,DE-INV-2:50   money came in; options: `oldest` (what is open, the oldest first),
                                                      named=stripe:pi_1, fee=, by=, `bank` (not by a provider), entity=
    crash pay ...                                     the same, and the server stops before it is written
    allocate p1 DE-INV-1 50 | allocate p1             so much of it settles a document, or the oldest open ones
    takeback p1 DE-INV-1 50                           so much no longer does
    refund p1 30 from=DE-INV-1:20 named=re_1          given back; `given`: by the provider, whatever is free; `asked`: on
                                                      its way; `failed`: and it did not go
    dispute p1 154.20 fee=15 named=dp_1 | won p1 | lost p1    the customer's bank takes it back; how it ended
    writeoff DE-INV-1 10 | writeoff DE-INV-1 -10      will not be paid; is asked for again
    payout 151 EUR po_1                               a provider pays out to the bank
    bank l1 92.50 EUR "JFK INV 1" charges=7.50 from=DE89 name=Bolt    a line of the bank comes in and is matched; `sentagain l1`
    line l1 open part | line l1 matched               how it stands, and how its first suggestion came about
    matchline l1 DE-INV-1 50 fee=2 customer=bolt | accept l1 | undoline l1 | ignoreline l1 ours   a person decides
    payoutline l2 po_1 5 | returnline l3 l1           it is a provider's payout, less a fee; it gave back what l1 paid
    open DE-INV-1 50 | unapplied p1 30                what is left of a document, and of a payment
    receipt p1 Payment of DE-INV-000001               what the receipt of a payment says it was for
    atonce CODE; allocate p1 ...; allocate p1 ...     at the same moment: all but one are refused with this code
    books receivable:bolt 154.20 EUR DE               a balance: debit positive, credit negative; currency and entity
                                                      where there are several
    balances invoices payments usage=calls            documents, payments and usage of days write deltas; options: unit
    delta bolt -12.5 calls                            a signed change of a customer's record, and its reason
    balance bolt 141.70                               where the record stands
    seal bolt 2025-01 3 0 141.70                      seals a month: so many deltas, the balance before it and after
    wallet w1 bolt | grant w1 50 | sell w1 200 | holds w1 31.50       prepaid balances: see `prepaid.py`
    parked k1 | retry k1                              a contract that could not be billed waits; try again
    dunning Standard default chargeback=10 retries=3,5 campaign=2,14,EUR:100; mail:first@3 state:WARNED@9 cancel@30
    dunned k1 Patient | dunned k1 never               the policy of a contract
    chased DE-INV-1; mail:first@3 2025-01-18 promised what was done: step, day it was due, outcome unless it was skipped
    chases DE-INV-1; cancel@30 2025-02-14             what will be, when nobody pays
    asked bolt; 2025-01-16 200 EUR                    what campaigns asked for
    hold DE-INV-1 | unhold DE-INV-1                   nothing is done for a while
    plan team trial=14 cycle=year; std qty=2; base fixed      what people subscribe to; `fixed`: not by their quantity
    subscribe s1 bolt team 3                          a customer subscribes; what is due is issued at once
    change s1 now plan=other qty=5 | change s1 end qty=1      and its preview says the same, document by document
    unsubscribe s1 now | unsubscribe s1 end           cancelled today, or with the running period
    subscription s1 trialing trial=2025-06-15         how it stands: trialing, active, ending, ended
    refuse CODE ...                                   the rest of the line is refused with this code and changes nothing

Documents that a line issued must be told by the `issued` lines after it, in order, before anything else happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major, to_minor
from counterfoil.core.basis.period import midnight
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import Invalid, Refusal
from counterfoil.core.invoicing.document import Document
from counterfoil.core.ledger.accounts import CLEARING, receivable
from counterfoil.flows.advance import move_clock, retry_parked
from counterfoil.flows.credit_document import credit_document, mark_paid
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.project import upcoming
from tests.scenarios import audit
from tests.scenarios.banked import Banked
from tests.scenarios.chased import Chased
from tests.scenarios.prepaid import Prepaid, moved_by_wallets, wallets_are_whole
from tests.scenarios.recorded import balances_are_whole
from tests.scenarios.settled import money_is_whole, written_off
from tests.scenarios.subscribed import Subscribed
from tests.scenarios.words import (
    full_number,
    groups,
    morning,
    options,
)

KINDS = {"invoices": "INVOICE", "credits": "CREDIT", "debits": "DEBIT"}
STATE_TABLES = (
    "document", "document_line", "entry", "posting", "record", "usage_event", "contract", "contract_version",
    "billing_period", "document_mark", "audit", "parked", "pricing", "entity", "customer", "coverage",
    "balance_delta", "wallet", "wallet_lot", "wallet_move", "prepaid_purchase", "balance_checkpoint",
    "balance_usage_day", "payment", "allocation", "refund", "dispute", "write_off", "payment_receipt",
    "bank_line", "bank_match",
)


class Story(Subscribed, Chased, Prepaid, Banked):
    """One company's story so far: what its things are called, and what was issued and not yet told."""

    def __init__(self, house: House, tenant: int) -> None:
        super().__init__(house, tenant)
        self.parked: list[str] = []
        self.by_hand: set[Ref | None] = set()

    def play(self, text: str) -> None:
        """Every line of a story; an AssertionError names the line that does not hold."""
        for n, line in enumerate(text.splitlines(), 1):
            try:
                if words := groups(line)[0]:
                    self.line(words[0], groups(line))
            except (AssertionError, Refusal, ValueError, LookupError) as error:
                said = f"{error.code}: {error}" if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
                raise AssertionError(f"line {n}: {line.strip()}\n{said}") from error
        assert not self.untold, f"the story ends before it tells of {self._untold()}"
        with self.house.tx(self.tenant) as tx:
            audit.documents_prove_themselves(tx, audit.documents_of(tx))

    def line(self, verb: str, words: list[list[str]]) -> None:
        """One line, and the audit."""
        act: Callable[[list[str], list[list[str]]], None] | None = getattr(self, f"do_{verb}", None)
        assert act is not None, f"there is no verb {verb!r}"
        assert verb == "issued" or not self.untold, f"nobody told of {self._untold()}"
        act(words[0][1:], words[1:])
        self.audit(verb)

    def audit(self, verb: str) -> None:
        """Everything that must be true now."""
        self.house.integrate(self.tenant)
        with self.house.tx(self.tenant) as tx:
            documents = audit.documents_of(tx)
            new = [ref for ref in documents if ref not in self.seen]
            told = {d.ref for d in self.untold}
            audit.books_follow_documents(tx, documents, _added(self.moved, written_off(tx), moved_by_wallets(tx)))
            wallets_are_whole(tx)
            money_is_whole(tx, documents)
            audit.numbers_have_no_gap(tx)
            audit.no_line_is_below_zero(documents)
            audit.periods_are_billed_once(tx)
            audit.log_is_whole(tx, documents)
            balances_are_whole(tx)
            assert set(new) <= told, "a document was issued and not returned"
            audit.documents_prove_themselves(tx, documents if len(documents) <= 6 and verb != "issued" else new)
            if self.settled and verb == "advance":
                for ref in self.names["contract"].values():
                    contract = tx.contract(ref)
                    mine = [d for d in documents.values() if d.contract_ref == ref]
                    if contract.state != "draft" and ref not in self.by_hand and not (
                        contract.ref in self.parked or self.is_paused(tx, ref)
                    ):
                        audit.billed_is_what_was_agreed(tx, contract, mine)
            self.seen |= set(documents)

    # time

    def do_clock(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            move_clock(tx, morning(words[0]))

    def do_advance(self, words: list[str], _: list[list[str]]) -> None:
        to = morning(words[0])
        projected = self._projected()
        with self.house.tx(self.tenant) as tx:
            if tx.now > to:
                raise Invalid.field("to", "the clock only goes forward")

        def seen(documents: list[Document], _at: Any) -> None:
            self.untold += documents

        done = self.house.advance(self.tenant, to=to, actor="story", seen=seen)
        assert done.issued + done.notes == len(self.untold)
        self.parked += [ref for ref, _reason in done.parked]
        self.settled = True
        self._keep_promises(projected)

    def _projected(self) -> dict[Ref, list[Document]]:
        with self.house.tx(self.tenant) as tx:
            live = [ref for ref in self.names["contract"].values() if tx.contract(ref).state != "draft"]
            found = {}
            for ref in live:
                with suppress(Refusal):  # what cannot be priced is not projected: it will be parked
                    found[ref] = upcoming(tx, ref, limit=3)
            return found

    def _keep_promises(self, projected: dict[Ref, list[Document]]) -> None:
        """What was projected just before is what was issued: the same references, dates and totals."""
        with self.house.tx(self.tenant) as tx:
            now, chased = tx.now, self.chased_contracts(tx)
        for contract, documents in projected.items():
            if contract in self.parked or contract in chased:
                continue
            promised = [
                (d.ref, d.issued_on, d.total_minor + d.credits_minor)
                for d in documents
                if midnight(d.issued_on, d.time_zone) <= now
                and any(x.amount_minor or (x.usage and x.usage.count) for x in d.lines)
            ]
            issued = [
                (d.ref, d.issued_on, d.total_minor + d.credits_minor) for d in self.untold if d.contract_ref == contract
            ]
            told = [x for x in issued if x[0] in {p[0] for p in promised}]
            assert told == promised, f"promised {promised}, issued {issued}"

    # documents

    def do_issued(self, words: list[str], rows: list[list[str]]) -> None:
        if words[0].isdigit():
            count, kind, total = words
            mine, self.untold = self.untold[: int(count)], self.untold[int(count) :]
            assert len(mine) == int(count) and {d.kind for d in mine} <= {KINDS[kind]}, f"there were {self._told(mine)}"
            found = sum((to_major(d.total_minor, d.currency) for d in mine), Decimal(0))
            assert found == Decimal(total), f"they come to {found}"
            return
        assert self.untold, "nothing else was issued"
        d = self.untold.pop(0)
        (number, on, total), opts = options([w for w in words if w != "partial"])
        expected = (full_number(number), date.fromisoformat(on), to_minor(Decimal(total), d.currency))
        assert (d.number, d.issued_on, d.total_minor) == expected, self._told([d])
        assert not rows or _lines(d) == _said(rows, d.currency), self._told([d])
        assert "partial" not in words or d.is_partial_period, "the period is whole"
        if "of" in opts:
            with self.house.tx(self.tenant) as tx:
                assert d.corrects == tx.document_by_number(full_number(opts["of"])), "it corrects another document"
        if "due" in opts:
            assert d.due_on == date.fromisoformat(opts["due"]), f"due on {d.due_on}"

    def do_upcoming(self, words: list[str], rows: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            found = upcoming(tx, self.names["contract"][words[0]], limit=max(1, len(rows)))
        expected = [(date.fromisoformat(on), Decimal(total)) for on, total in rows]
        assert [(d.issued_on, to_major(d.total_minor, d.currency)) for d in found] == expected, self._told(found)

    def do_credit(self, words: list[str], _: list[list[str]]) -> None:
        (number, *_all), amounts = options(words)
        with self.house.tx(self.tenant) as tx:
            ref = self._document(tx, number)
            row = tx.document_row(ref)
            minor = {int(n): to_minor(Decimal(a), row.currency) for n, a in amounts.items()}
            self.untold.append(credit_document(tx, ref, minor or None, reason="goodwill"))
            self.by_hand.add(row.contract_ref)

    def do_adhoc(self, words: list[str], rows: list[list[str]]) -> None:
        (customer,), opts = options(words)
        lines = []
        for row in rows:
            (item, price), how = options(row)
            tax = Decimal(how["tax"]) if "tax" in how else None
            lines.append(AdHocLine(item, Decimal(price), Decimal(how.get("qty", ONE)), tax_percent=tax))
        entity = self.names["entity"][opts["entity"]] if "entity" in opts else None
        with self.house.tx(self.tenant) as tx:
            order = AdHocInvoice(self.names["customer"][customer], tuple(lines), entity, opts.get("currency"))
            self.untold += invoice_ad_hoc(tx, [order])

    def do_paid(self, words: list[str], _: list[list[str]]) -> None:
        number, amount = words
        with self.house.tx(self.tenant) as tx:
            ref = self._document(tx, number)
            before = _cleared(tx)
            row = mark_paid(tx, ref)
            booked = _cleared(tx) - before
        assert booked == to_minor(Decimal(amount), row.currency), f"{booked} minor units were booked"
        self.moved[row.entity_ref, row.currency, CLEARING] += booked
        self.moved[row.entity_ref, row.currency, receivable(row.customer_ref)] -= booked

    def do_is(self, words: list[str], _: list[list[str]]) -> None:
        number, state = words
        with self.house.tx(self.tenant) as tx:
            row = tx.document_row(self._document(tx, number))
        found = {"paid": row.paid_at is not None, "cancelled": row.cancelled_at is not None}
        assert found.get(state, not row.paid_at), f"{number} is not {state}: {row}"

    def do_books(self, words: list[str], _: list[list[str]]) -> None:
        account, amount, *books = words
        name, _colon, whose = account.partition(":")
        if name in ("receivable", "customer_credit"):
            account = f"{name}:{self.names['customer'][whose]}"
        entities = {ref: entity for entity, ref in self.names["entity"].items()}
        with self.house.tx(self.tenant) as tx:
            found = [
                to_major(minor, currency)
                for entity, currency, name, minor in tx.balances()
                if name == account and set(books) <= {currency, entities[entity]}
            ]
        assert found == [Decimal(amount)], f"the balance is {found}"

    # what could not be done

    def do_parked(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            waiting = [p["ref"] for p in tx.parked()]
        assert waiting == [self.names["contract"][w] for w in words], f"parked: {waiting}"

    def do_retry(self, words: list[str], _: list[list[str]]) -> None:
        ref = self.names["contract"][words[0]]
        with self.house.tx(self.tenant) as tx:
            self.untold += retry_parked(tx, ref)
        self.parked = [p for p in self.parked if p != ref]
        self.settled = False

    def do_refuse(self, words: list[str], rows: list[list[str]]) -> None:
        code, verb, *rest = words
        before, names = self._state(), {kind: dict(known) for kind, known in self.names.items()}
        try:
            getattr(self, f"do_{verb}")(rest, rows)
        except Refusal as refusal:
            assert refusal.code == code, f"refused with {refusal.code}: {refusal.message}"
        else:
            raise AssertionError("it was not refused")
        assert (self._state(), self.names) == (before, names), "the refused line changed something"

    # inside

    def _state(self) -> Sequence[Any]:
        count = ", ".join(f"(SELECT count(*) FROM {t} WHERE tenant = {self.tenant})" for t in STATE_TABLES)
        with self.house.tx(self.tenant) as tx:
            return [tx.one(f"SELECT {count}"), tx.this_tenant(), tx.balances()]

    def _untold(self) -> str:
        return self._told(self.untold)

    @staticmethod
    def _told(documents: Sequence[Document]) -> str:
        return "\n".join(
            f"{d.number} {d.issued_on} {to_major(d.total_minor, d.currency)}: "
            + "; ".join(f"{n} {a}" for n, a in _lines(d))
            for d in documents
        )


def _lines(d: Document) -> list[tuple[str, Decimal]]:
    """Items with their amounts, then discount, tax and credits where there are any."""
    sums = (("discount", d.total_discount_minor), ("tax", d.total_tax_minor), ("credits", d.credits_minor))
    rows = [*((x.item, x.amount_minor) for x in d.lines), *((name, minor) for name, minor in sums if minor)]
    return [(name, to_major(minor, d.currency)) for name, minor in rows]


def _said(rows: list[list[str]], currency: str) -> list[tuple[str, Decimal]]:
    return [(" ".join(row[:-1]), to_major(to_minor(Decimal(row[-1]), currency), currency)) for row in rows]


def _added(*counts: Counter[tuple[Ref, str, str]]) -> Counter[tuple[Ref, str, str]]:
    total: Counter[tuple[Ref, str, str]] = Counter()
    for count in counts:
        total.update(count)
    return total


def _cleared(tx: Any) -> int:
    return sum(minor for _entity, _currency, account, minor in tx.balances() if account == CLEARING)
