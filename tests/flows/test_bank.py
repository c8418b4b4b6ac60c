"""Bank lines: each once, certain ones posted, the rest waiting, nothing decided twice, and everything can be taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Conflict, Invalid, Refusal
from counterfoil.flows.bank_port import Transfer
from counterfoil.flows.reconcile import (
    accept_suggestion,
    ignore_line,
    match_line,
    reconcile_payout,
    return_payment,
    undo_match,
)
from counterfoil.store.tx import Database
from tests.flows.treasury import DAY, Treasury, line, numbers_of, statement

IBAN = "DE89370400440532013000"


@pytest.fixture
def bank(db: Database, tenant: int) -> Treasury:
    """A company with two customers."""
    found = Treasury(db, tenant)
    found.open("Globex GmbH", "Initech Ltd")
    return found


# each line once


def test_the_same_file_twice_is_nothing_new(bank: Treasury) -> None:
    same = statement(line("10.00", "thanks"), line("10.00", "thanks"), line("-3.00", "fee"))
    assert bank.load(same).new == 3, "two equal lines of one statement are two"
    again = bank.load(same)
    assert (again.new, again.known) == (0, 3)
    assert len(bank.lines()) == 3


def test_interim_reports_and_the_statement_tell_of_one_line(bank: Treasury) -> None:
    paid, other = line("10.00", "invoice 1", end_to_end="E1"), line("10.00", "invoice 1", end_to_end="E1")
    assert bank.load(statement(paid, overlaps=True, number="052-1"), source="a").new == 1
    assert bank.load(statement(paid, other, overlaps=True, number="052-2"), source="b").new == 1
    assert bank.load(statement(paid, other, number="053")).new == 0
    assert bank.load(statement(paid, overlaps=True, number="late"), source="c").new == 0
    assert numbers_of(bank.lines()) == [1000, 1000]


def test_pages_that_follow_one_another_lose_no_equal_line(bank: Treasury) -> None:
    """Two payments of ten without any reference, one on each page: not the same money."""
    assert bank.load(statement(line("10.00", "donation"), number="5/1")).new == 1
    assert bank.load(statement(line("10.00", "donation"), number="5/2")).new == 1
    assert bank.load(statement(line("10.00", "donation"), number="5/1")).new == 0
    assert len(bank.lines()) == 2


def test_the_banks_own_reference_names_a_line_wherever_it_is_told_of(bank: Treasury) -> None:
    paid = line("10.00", "a text", bank_ref="B-77")
    assert bank.load(statement(paid, number="1")).new == 1
    assert bank.load(statement(replace(paid, text="the text as camt has it"), number="2")).new == 0
    assert bank.load(statement(replace(paid, amount=Decimal("-10.00")), number="3")).new == 1, "its reversal is another line"


def test_a_statement_that_does_not_add_up_is_kept_with_its_difference(bank: Treasury) -> None:
    [row] = bank.load(statement(line("10.00"), opening=Decimal("1.00"), closing=Decimal("12.50"))).statements
    assert row.difference_minor == 150 and "1.50 EUR" in row.notes[0]


def test_an_amount_with_more_decimals_than_money_has_names_its_line(bank: Treasury) -> None:
    with pytest.raises(Invalid, match=r"line 17: 10\.005 has more decimals than EUR has"):
        bank.load(statement(line("10.005", at=17)))
    assert not bank.lines(), "nothing of it is kept"


def test_an_account_of_nobody_known_asks_whose_it_is(bank: Treasury) -> None:
    with bank.tx() as tx:
        from counterfoil.core.basis.ids import Ref
        from counterfoil.core.contracts.parties import Entity
        from counterfoil.flows.keep_parties import create_entity

        create_entity(tx, Entity(Ref(""), "Second", "SEC", currency="EUR"))
    with pytest.raises(Invalid, match="entity_ref"):
        bank.load(statement(line("1.00"), account="NL91ABNA0417164300"))
    assert bank.load(statement(line("1.00"))).new == 1, "the first entity prints this account on its documents"


# what is certain


@pytest.mark.parametrize("spelling", ["JFK-INV-000001", "jfk inv 1", "Rechnung JFKINV000001 vom 1.3.", "Re.:JFK/INV/000001"])
def test_a_reference_in_any_spelling_with_its_amount_posts_by_itself(bank: Treasury, spelling: str) -> None:
    bank.invoice("Globex GmbH", "100.00")
    assert bank.told(line("100.00", spelling)).posted == 1
    assert bank.open_minor("JFK-INV-000001") == 0
    assert bank.books()["bank"] == 10000
    assert bank.match().lines == 0, "a second run finds nothing to do"


def test_one_line_for_several_documents_that_add_up(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00", "50.00", "7.00")
    assert bank.told(line("150.00", "JFK-INV-000001 + JFK-INV-000002")).posted == 1
    assert [bank.open_minor(f"JFK-INV-00000{n}") for n in (1, 2, 3)] == [0, 0, 700]


def test_one_line_for_documents_of_several_customers_is_a_payment_of_each(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    bank.invoice("Initech Ltd", "50.00")
    assert bank.told(line("150.00", "JFK-INV-000001 JFK-INV-000002")).posted == 1
    with bank.tx() as tx:
        assert sorted(p.amount_minor for p in tx.payment_page(None, 10)) == [5000, 10000]
    assert bank.books()["bank"] == 15000


def test_a_collective_line_is_posted_once_and_matched_payment_by_payment(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    bank.invoice("Initech Ltd", "50.00")
    parts = (Transfer(Decimal("100.00"), "EUR", end_to_end="JFK-INV-000001"), Transfer(Decimal("50.00"), "EUR", text="JFKINV2"))
    assert bank.told(line("150.00", "collective", parts=parts)).posted == 1
    assert bank.books()["bank"] == 15000


def test_charges_that_the_bank_states_are_a_fee(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    assert bank.told(line("92.50", "JFK-INV-000001", charges=Decimal("7.50"))).posted == 1
    assert bank.open_minor("JFK-INV-000001") == 0
    books = bank.books()
    assert (books["bank"], books["payment_fee"]) == (9250, 750)


def test_a_document_paid_twice_in_one_file_is_posted_once(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    done = bank.told(line("100.00", "JFK-INV-000001", bank_ref="a"), line("100.00", "JFK-INV-000001", bank_ref="b"))
    assert done.posted == 1
    [waiting] = bank.lines("open")
    assert waiting.suggestions[0].rule == "paid_before"
    with bank.tx() as tx:
        accept_suggestion(tx, waiting.ref, 0)
    assert bank.books()["bank"] == 20000, "what is paid twice is the customer's, unapplied"


# what waits


def test_an_amount_alone_is_a_suggestion_and_no_more(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "123.45")
    assert bank.told(line("123.45", "thank you")).posted == 0
    [waiting] = bank.lines("open")
    assert waiting.suggestions[0].confidence == Decimal("0.5")
    assert "the only open document over exactly 123.45 EUR" in waiting.suggestions[0].why[0]


def test_an_account_is_learnt_from_a_match_and_forgotten_with_it(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "10.00", "20.00", "20.00")
    bank.told(line("10.00", "JFK-INV-000001", party_account=IBAN))
    bank.told(line("20.00", "no words", party_account=IBAN))
    [waiting] = bank.lines("open")
    assert "as known from earlier payments" in " ".join(waiting.suggestions[0].why)
    [first] = bank.lines("matched")
    with bank.tx() as tx:
        undo_match(tx, first.ref)
        assert not tx.payers()


def test_another_currency_pays_nothing(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00", currency="USD")
    assert bank.told(line("100.00", "JFK-INV-000001")).posted == 0
    [waiting] = bank.lines("open")
    assert waiting.suggestions[0].rule == "currency" and not waiting.suggestions[0].parts
    with bank.tx() as tx, pytest.raises(Conflict, match="no suggestion"):
        accept_suggestion(tx, waiting.ref, 0)
    with bank.tx() as tx, pytest.raises(Invalid, match="asks for USD"):
        match_line(tx, waiting.ref, bank.parts("JFK-INV-000001"))


def test_a_payer_known_as_somebody_else_is_not_certain(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00", "10.00")
    bank.invoice("Initech Ltd", "11.00")
    assert bank.told(line("11.00", "JFK-INV-000003", party_account=IBAN)).posted == 1
    assert bank.told(line("100.00", "JFK-INV-000001", party_account=IBAN)).posted == 0
    assert "known as somebody else" in " ".join(bank.lines("open")[0].suggestions[0].why)


# by hand


def waiting_line(bank: Treasury, amount: str = "100.00", text: str = "no reference", **more: Any) -> str:
    """The reference of a line that waits."""
    bank.told(line(amount, text, **more))
    return bank.lines("open")[-1].ref


def test_a_short_payment_with_fees_withheld_closes_the_document(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    ref = waiting_line(bank, "97.00", "JFK-INV-000001")
    [waiting] = bank.lines("open")
    assert waiting.suggestions[0].fee_minor == 300
    with bank.tx() as tx:
        accept_suggestion(tx, ref, 0)
    assert bank.open_minor("JFK-INV-000001") == 0 and bank.books()["payment_fee"] == 300


def test_a_part_payment_leaves_the_rest_open_and_two_lines_close_one_document(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    ref = waiting_line(bank, "40.00", "JFK-INV-000001")
    with bank.tx() as tx:
        match_line(tx, ref, [(bank.numbers["JFK-INV-000001"], 4000)])
    assert bank.open_minor("JFK-INV-000001") == 6000
    assert bank.told(line("60.00", "JFK-INV-000001 rest")).posted == 1
    assert bank.open_minor("JFK-INV-000001") == 0


def test_more_than_is_asked_for_stays_unapplied(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    ref = waiting_line(bank, "130.00")
    with bank.tx() as tx:
        match_line(tx, ref, bank.parts("JFK-INV-000001"))
        [account] = tx.accounts_in_money(bank.customers["Globex GmbH"])
    assert (account.open_minor, account.unapplied_minor) == (0, 3000)


def test_money_of_a_customer_without_documents_needs_its_name(bank: Treasury) -> None:
    ref = waiting_line(bank)
    with bank.tx() as tx, pytest.raises(Invalid, match="customer_ref"):
        match_line(tx, ref, [])
    with bank.tx() as tx:
        match_line(tx, ref, [], customer_ref=bank.customers["Initech Ltd"])
    assert bank.books() == {"bank": 10000, "receivable": -10000}


@pytest.mark.parametrize("more", [{"fee_minor": -1}, {"parts": [("x", 1)]}])
def test_nonsense_by_hand_is_refused(bank: Treasury, more: dict[str, Any]) -> None:
    bank.invoice("Globex GmbH", "100.00")
    ref = waiting_line(bank)
    with bank.tx() as tx, pytest.raises(Refusal):
        match_line(tx, ref, more.pop("parts", bank.parts("JFK-INV-000001")), **more)


def test_more_than_arrived_or_than_is_open_is_refused(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "150.00", "40.00")
    ref = waiting_line(bank)
    with bank.tx() as tx, pytest.raises(Invalid, match=r"50\.00 EUR more than arrived"):
        match_line(tx, ref, bank.parts("JFK-INV-000001"))
    with bank.tx() as tx, pytest.raises(Conflict, match=r"40\.00 EUR of JFK-INV-000002 are open"):
        match_line(tx, ref, [(bank.numbers["JFK-INV-000002"], 5000)])


def test_of_two_people_matching_the_same_line_the_second_is_refused(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    bank.invoice("Initech Ltd", "100.00")
    ref = waiting_line(bank)

    def decide(number: str) -> str:
        try:
            with bank.tx(number) as tx:
                match_line(tx, ref, [(bank.numbers[number], 10000)])
            return "matched"
        except Conflict as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as two:
        assert sorted(two.map(decide, ("JFK-INV-000001", "JFK-INV-000002"))) == ["bank_line.decided", "matched"]
    assert bank.books()["bank"] == 10000


# taking back


def test_a_match_taken_back_leaves_books_and_documents_as_before(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    bank.invoice("Initech Ltd", "100.10")
    before = bank.books()
    bank.told(line("92.50", "JFK-INV-000001", charges=Decimal("7.50")))
    [matched] = bank.lines("matched")
    with bank.tx() as tx:
        undo_match(tx, matched.ref, "paid for the other one")
    assert bank.books() == before
    assert bank.open_minor("JFK-INV-000001") == 10000
    with bank.tx() as tx:
        match_line(tx, matched.ref, bank.parts("JFK-INV-000002"), fee_minor=760)
    assert bank.open_minor("JFK-INV-000002") == 0 and bank.books()["bank"] == 9250
    with bank.tx() as tx:
        assert [m.what for m in tx.matches_of([matched.ref])[matched.ref]] == ["matched", "undone", "matched"]
        undo_match(tx, matched.ref)
    assert bank.books() == before
    with bank.tx() as tx, pytest.raises(Conflict, match="nothing was decided"):
        undo_match(tx, matched.ref)


def test_an_ignored_line_keeps_its_reason_and_can_be_taken_up(bank: Treasury) -> None:
    ref = waiting_line(bank, "-12.00", "office supplies")
    with bank.tx() as tx, pytest.raises(Conflict, match="took money out"):
        match_line(tx, ref, [])
    with bank.tx() as tx, pytest.raises(Invalid, match="reason"):
        ignore_line(tx, ref, " ")
    with bank.tx() as tx:
        ignore_line(tx, ref, "our own expenses")
        assert tx.matches_of([ref])[ref][-1].why == ("our own expenses",)
    with bank.tx() as tx, pytest.raises(Conflict, match="ignored already"):
        ignore_line(tx, ref, "again")
    with bank.tx() as tx:
        assert undo_match(tx, ref).state == "open"


def test_a_returned_payment_opens_its_document_again(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    bank.told(line("100.00", "JFK-INV-000001"))
    with bank.tx() as tx:
        [payment] = tx.payment_page(None, 5)
    ref = waiting_line(bank, "-100.00", "RETOURE", reversal=True)
    other = waiting_line(bank, "-1.00", "once more", booked_on=date(2026, 3, 12))
    with bank.tx() as tx:
        assert return_payment(tx, ref, payment.ref).state == "matched"
    assert bank.open_minor("JFK-INV-000001") == 10000 and "bank" not in bank.books()
    with bank.tx() as tx, pytest.raises(Conflict):
        return_payment(tx, other, payment.ref)
    with bank.tx() as tx, pytest.raises(Conflict, match="refunds stay"):
        undo_match(tx, ref)
    with bank.tx() as tx, pytest.raises(Refusal):
        undo_match(tx, next(x.ref for x in bank.lines("matched") if x.amount_minor > 0))


# payouts


def test_a_payout_moves_clearing_to_the_bank_less_its_fee_once(bank: Treasury) -> None:
    ref = waiting_line(bank, "970.00", "STRIPE PAYOUT po_1")
    with bank.tx() as tx:
        reconcile_payout(tx, ref, provider="stripe", provider_ref="po_1", fee_minor=500)
    assert bank.books() == {"bank": 97000, "payment_fee": 500, "clearing": -97500}
    other = waiting_line(bank, "970.00", "the same again", booked_on=date(2026, 3, 11))
    with bank.tx() as tx, pytest.raises(Conflict, match="another line already"):
        reconcile_payout(tx, other, provider="stripe", provider_ref="po_1")
    with bank.tx() as tx:
        undo_match(tx, ref)
    assert bank.books() == {}
    with bank.tx() as tx:
        reconcile_payout(tx, ref, provider="stripe", provider_ref="po_1")
    assert bank.books() == {"bank": 97000, "clearing": -97000}


def test_a_payout_that_the_provider_told_of_is_not_booked_again(bank: Treasury) -> None:
    from counterfoil.flows.settle_payment import book_payout

    ref = waiting_line(bank, "970.00", "STRIPE PAYOUT po_1")
    with bank.tx() as tx:
        assert book_payout(tx, bank.entity, "EUR", 97000, tx.now, provider="stripe", provider_ref="po_1")
        assert book_payout(tx, bank.entity, "EUR", 5000, tx.now, provider="stripe", provider_ref="po_2")
    with bank.tx() as tx, pytest.raises(Conflict, match=r"50\.00 EUR"):
        reconcile_payout(tx, ref, provider="stripe", provider_ref="po_2")
    with bank.tx() as tx:
        reconcile_payout(tx, ref, provider="stripe", provider_ref="po_1")
    assert bank.books()["bank"] == 102000
    with bank.tx() as tx:
        undo_match(tx, ref)
    assert bank.books()["bank"] == 102000, "what the provider told of stays booked"


def test_a_payout_knows_the_line_that_it_arrived_with(bank: Treasury) -> None:
    ref = waiting_line(bank, "970.00", "STRIPE PAYOUT po_1")
    with bank.tx() as tx:
        gateway, payout = tx.new_ref(), tx.new_ref()
        tx.conn.execute("INSERT INTO gateway (tenant, gateway_ref, entity_ref, provider, name, secret, created_at) "
                        "VALUES (%s, %s, %s, 'stripe', 'Cards', '', now())", [bank.tenant, gateway, bank.entity])
        tx.conn.execute("INSERT INTO payout (tenant, payout_ref, gateway_ref, provider_ref, currency, amount_minor, "
                        "arrives_on, state, created_at) VALUES (%s, %s, %s, 'po_1', 'EUR', 97000, '2026-03-10', 'paid', now())",
                        [bank.tenant, payout, gateway])

    def arrived_with() -> str | None:
        with bank.tx() as tx:
            found: str | None = tx.payouts_called("stripe", "po_1")[0][2]
            return found

    with bank.tx() as tx, pytest.raises(Invalid, match="one word"):
        reconcile_payout(tx, ref, provider="my stripe", provider_ref="po_1")
    with bank.tx() as tx:
        reconcile_payout(tx, ref, provider="stripe", provider_ref="po_1")
    assert arrived_with() == ref
    with bank.tx() as tx:
        undo_match(tx, ref)
    assert arrived_with() is None and bank.books() == {}


def test_the_day_of_a_line_is_the_day_of_its_entry(bank: Treasury) -> None:
    bank.invoice("Globex GmbH", "100.00")
    bank.told(line("100.00", "JFK-INV-000001"))
    with bank.tx() as tx:
        [payment] = tx.payment_page(None, 5)
        assert {e.booked_on for e in tx.entries_of_payment(payment.ref)} == {DAY}
        assert payment.source_ref == bank.lines("matched")[0].ref
