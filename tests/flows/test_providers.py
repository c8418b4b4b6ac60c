"""Money through providers: nothing is charged, settled or given back twice, whatever comes late, twice, or never."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid
from counterfoil.core.contracts.payment import NO_METHODS, OnlinePayment, PaymentMethods
from counterfoil.flows.charge import promise_charge, promise_refund
from counterfoil.flows.check_out import check_out, payable
from counterfoil.flows.deliver import LEASE, MAX_TRIES
from counterfoil.flows.gateway_port import CHARGE, Charged, ChargeOrder, Forged, GatewayFault, ProviderEvent
from counterfoil.flows.keep_gateways import add_gateway, change_gateway
from counterfoil.flows.keep_methods import remove_method, set_default
from counterfoil.flows.reconcile_payouts import match_payout
from tests.flows.cash_desk import Till, opened_till
from tests.flows.office import MARCH, MINUTE, Office

DAY = timedelta(days=1)


@pytest.fixture
def till(trial: Office) -> Till:
    return opened_till(trial)


class Dies:
    """A provider after whose answer the process is killed."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.provider = inner, inner.provider

    def charge(self, order: ChargeOrder) -> Charged:
        self.inner.charge(order)
        raise SystemExit("killed between the provider and the books")


class Down:
    provider = "fake"

    def charge(self, order: ChargeOrder) -> Charged:
        raise GatewayFault("provider.down", "it does not answer")


def due(till: Till) -> int:
    return till.office.house.advance(till.office.tenant).charges


def pay_on_page(till: Till, ref: str, token: str = "tok_ok") -> None:
    page = open_page(till, ref)
    till.fake.complete(page, token)
    till.tell(till.fake.take_events())


def open_page(till: Till, ref: str) -> str:
    return check_out(till.tx, lambda row: till.fake, ref, back_url="https://us.example/b", cancel_url="https://us.example/c",
                     wall=till.office.house.clock()).provider_ref


def test_an_invoice_is_charged_on_its_due_date_once_and_has_its_receipt(till: Till) -> None:
    till.save()
    ref = till.invoice("100", net_days=5)
    assert due(till) == 0
    till.office.wait(5 * DAY)
    assert due(till) == 1 and due(till) == 0
    till.work()
    [payment] = till.payments()
    row = till.document(ref)
    assert (payment.state, payment.amount_minor, payment.provider, row.open_minor, row.paid_at is not None) == (
        "posted", 100_00, "fake", 0, True)
    assert till.balances() == {"clearing": 96_80, "payment_fee": 3_20, "contract_liability": -100_00}
    till.work()
    assert due(till) == 0 and len(till.payments()) == 1 and till.events("waiting") == []
    with till.tx() as tx:
        assert tx.receipt_of_payment_ref(payment.ref) is not None


@pytest.mark.parametrize("payment", [NO_METHODS, PaymentMethods(online=OnlinePayment()), PaymentMethods(
    online=OnlinePayment(auto_charge=True, payment_gateway_id="another"))])
def test_nobody_is_charged_who_did_not_agree_to_it_or_not_through_this_provider(trial: Office, payment: PaymentMethods) -> None:
    till = opened_till(trial, payment)
    till.save()
    till.invoice()
    assert due(till) == 0


def test_a_declined_card_leaves_the_invoice_open_and_says_why(till: Till) -> None:
    till.save("tok_no_funds")
    ref = till.invoice()
    due(till)
    till.work()
    [payment] = till.payments()
    with till.tx() as tx:
        [attempt] = tx.payment_attempts(payment.ref)
    assert (payment.state, attempt.state, attempt.code) == ("failed", "failed", "insufficient_funds")
    assert "too little money" in attempt.message and till.document(ref).open_minor == 100_00
    assert till.balances() == {"receivable": 100_00, "contract_liability": -100_00}
    with till.tx() as tx:  # whoever chases it may try again
        promise_charge(tx, ref)
        assert [a.n for a in tx.charge_asks_of(ref)] == [1, 2]
        with pytest.raises(Conflict, match="is being charged"):
            promise_charge(tx, ref)


def test_killed_between_the_provider_and_the_books_the_same_charge_is_settled_once(till: Till) -> None:
    till.save()
    ref = till.invoice()
    due(till)
    with pytest.raises(SystemExit):
        till.work(Dies(till.fake), collect=False)
    assert till.document(ref).open_minor == 100_00
    till.work(collect=False)  # somebody else has it still
    assert till.document(ref).open_minor == 100_00
    till.office.wait(LEASE + MINUTE)
    till.work(collect=False)
    assert till.document(ref).open_minor == 0 and len(till.payments()) == 1
    before = till.balances()
    till.work()  # the events come last
    assert till.balances() == before and len(till.payments()) == 1


def test_an_event_that_comes_before_the_answer_settles_the_charge_once(till: Till) -> None:
    till.save()
    ref = till.invoice()
    due(till)
    with pytest.raises(SystemExit):
        till.work(Dies(till.fake), collect=False)
    till.tell(till.fake.take_events())
    assert till.document(ref).open_minor == 0
    before = till.balances()
    till.office.wait(LEASE + MINUTE)
    till.work()
    assert till.balances() == before and len(till.payments()) == 1


def test_a_provider_that_does_not_answer_is_asked_again_and_then_parked(till: Till) -> None:
    till.save()
    till.invoice()
    due(till)
    for _ in range(MAX_TRIES + 1):
        till.work(Down())
        till.office.wait(timedelta(hours=13))
    with till.tx() as tx:
        [parked] = [p for p in tx.parked() if p["work"] == CHARGE]
    assert parked["reason"].startswith(f"after {MAX_TRIES} tries: provider.down")
    assert [p.state for p in till.payments()] == ["processing"]


def test_a_page_is_paid_once_and_the_receipt_is_there(till: Till) -> None:
    ref = till.invoice()
    with till.tx() as tx:
        assert payable(tx, ref).why == ""
    assert open_page(till, ref) == open_page(till, ref), "a customer who goes back gets the same page"
    pay_on_page(till, ref)
    assert till.document(ref).open_minor == 0
    with till.tx() as tx:
        assert payable(tx, ref).why == "not_open" and tx.open_checkouts(ref) == []
        assert [m.last4 for m in tx.methods_of(till.customer)] == ["4242"], "the contract lets us charge it from now on"


def test_a_card_that_is_declined_on_the_page_leaves_it_open_for_another(till: Till) -> None:
    ref = till.invoice()
    pay_on_page(till, ref, "tok_declined")
    assert till.payments() == [] and till.document(ref).open_minor == 100_00
    pay_on_page(till, ref)
    assert till.document(ref).open_minor == 0 and len(till.payments()) == 1


def test_a_page_paid_before_a_promised_charge_is_made_cancels_the_charge(till: Till) -> None:
    till.save()
    ref = till.invoice()
    page = open_page(till, ref)
    due(till)
    till.fake.complete(page)
    till.tell(till.fake.take_events())
    till.work()
    assert sorted(p.state for p in till.payments()) == ["canceled", "posted"]
    assert till.document(ref).open_minor == 0 and till.balances()["clearing"] == 96_80


def test_a_page_paid_while_a_charge_is_on_its_way_leaves_one_of_the_two_unapplied(till: Till) -> None:
    till.save("tok_debit")
    ref = till.invoice()
    page = open_page(till, ref)
    due(till)
    till.work()
    with till.tx() as tx:
        assert payable(tx, ref).why == "under_way", "the page offers no second payment"
    till.fake.complete(page)
    till.tell(till.fake.take_events())
    [debit] = [p for p in till.payments() if p.state == "processing"]
    till.fake.arrive(debit.provider_ref)
    till.tell(till.fake.take_events())
    assert sorted((p.state, p.unapplied_minor) for p in till.payments()) == [("posted", 0), ("posted", 100_00)]
    assert till.balances() == {"clearing": 193_60, "payment_fee": 6_40, "receivable": -100_00, "contract_liability": -100_00}


def test_what_is_told_twice_is_settled_once_and_what_is_forged_not_at_all(till: Till) -> None:
    ref = till.invoice()
    till.fake.complete(open_page(till, ref))
    calls = till.fake.take_events()
    assert set(till.tell(calls)) == {True}
    before, events = till.balances(), till.events()
    assert set(till.tell(calls)) == {False} and (till.balances(), till.events()) == (before, events)
    [(headers, body)] = [c for c in calls if b"charge.posted" in c[1]]
    with pytest.raises(Forged):
        till.tell([(headers, body.replace(b"10000", b"90000"))])
    with pytest.raises(Forged):
        till.tell([({}, body)])
    assert (till.balances(), till.events()) == (before, events)


def test_events_come_to_the_same_in_whatever_order(trial: Office) -> None:
    """Refund before its charge, end of a dispute before its beginning: the books are the same after each order."""
    orders = list(permutations(range(4)))
    outcomes = set()
    till = opened_till(trial)
    for n, order in enumerate(orders):
        ref, charge = till.invoice(), f"ch_{n}"
        about = {"customer_ref": till.customer, "document_ref": ref}
        before = till.balances()

        def event(kind: Any, object_id: str, minor: int, fee: int | None = None, n: int = n, charge: str = charge,
                  about: Any = about) -> ProviderEvent:
            return ProviderEvent(f"{kind} {n}", kind, MARCH, charge, object_id, minor, "USD", fee, metadata=about)

        events = [event("charge.posted", charge, 100_00, 3_00), event("refund.posted", f"re_{n}", 30_00),
                  event("dispute.opened", f"dp_{n}", 40_00, 15_00), event("dispute.lost", f"dp_{n}", 40_00, 15_00)]
        for k in order:
            till.tell([till.fake.signed(events[k])])
        after = till.balances()
        outcomes.add(tuple(sorted((k, after.get(k, 0) - before.get(k, 0)) for k in {*after, *before})))
        assert till.document(ref).open_minor == 70_00, order
    assert till.events("parked") == [] and till.events("waiting") == []
    [only] = outcomes
    assert {k: v for k, v in only if v} == {"clearing": 100_00 - 3_00 - 30_00 - 40_00 - 15_00, "payment_fee": 18_00,
                                            "receivable": -30_00}


def test_an_event_that_makes_no_sense_is_parked_alone(till: Till) -> None:
    ref = till.invoice()
    about = {"customer_ref": till.customer, "document_ref": ref}
    sound = ProviderEvent("a", "charge.posted", MARCH, "ch_a", "ch_a", 100_00, "USD", metadata=about)
    nonsense = [ProviderEvent("b", "charge.posted", MARCH, "ch_b", "ch_b", 0, "USD", metadata=about),
                ProviderEvent("c", "charge.posted", MARCH, "ch_c", "ch_c", 5, "XXX", metadata=about),
                ProviderEvent("d", "method.saved", MARCH, object_id="pm_1")]
    till.tell([till.fake.signed(e) for e in (*nonsense, sound)])
    assert till.document(ref).open_minor == 0 and len(till.payments()) == 1
    assert [(state, why.partition(":")[0]) for _kind, state, why in till.events("parked")] == [
        ("parked", "AssertionError"), ("parked", "payment.bad"), ("parked", "payment.bad")]


def test_a_provider_that_is_switched_off_charges_nobody(till: Till) -> None:
    till.save()
    ref = till.invoice()
    due(till)
    vault = till.office.house.vault
    with till.tx() as tx:
        change_gateway(tx, vault.encrypt, vault.decrypt, till.gateway.ref, enabled=False)
    till.work()
    [payment] = till.payments()
    assert payment.state == "failed" and till.document(ref).open_minor == 100_00


def test_what_names_an_unknown_charge_waits_with_its_reason(till: Till) -> None:
    till.tell([till.fake.signed(ProviderEvent("e1", "refund.posted", MARCH, "ch_nowhere", "re_1", 500, "USD"))])
    assert till.events() == [("refund.posted", "parked", "the charge ch_nowhere is no payment yet")]
    till.tell([till.fake.signed(ProviderEvent("e2", "charge.posted", MARCH, "ch_strange", "ch_strange", 500, "USD"))])
    assert ("charge.posted", "parked", "the charge names no customer of ours") in till.events() and till.payments() == []


def test_a_payment_in_the_wrong_currency_settles_nothing_and_is_kept(till: Till) -> None:
    ref = till.invoice()
    about = {"customer_ref": till.customer, "document_ref": ref}
    till.tell([till.fake.signed(ProviderEvent("e", "charge.posted", MARCH, "ch_e", "ch_e", 100_00, "EUR", metadata=about))])
    [payment] = till.payments()
    assert (payment.currency, payment.unapplied_minor, till.document(ref).open_minor) == ("EUR", 100_00, 100_00)
    assert till.events() == [("charge.posted", "settled", "unapplied: paid in EUR, and the document is in USD")]


def test_a_refund_goes_through_the_provider_once_and_never_beyond_what_is_free(till: Till) -> None:
    ref = till.invoice()
    pay_on_page(till, ref)
    [payment] = till.payments()
    with till.tx() as tx, pytest.raises(Conflict, match="can be given back"):
        promise_refund(tx, payment.ref, 40_00)
    with till.tx() as tx:
        promise_refund(tx, payment.ref, 40_00, reason="too much", from_documents=((ref, 40_00),))
    assert till.document(ref).open_minor == 40_00
    till.work()
    till.work()
    [payment] = till.payments()
    assert (payment.refunded_minor, payment.refunding_minor) == (40_00, 0)
    assert till.balances()["clearing"] == 96_80 - 40_00


def test_a_payout_is_booked_once_with_its_fees_and_a_chargeback_after_it_comes_off_the_next(till: Till) -> None:
    first, second = till.invoice(), till.invoice("50")
    pay_on_page(till, first)
    till.fake.pay_out("USD", date(2026, 3, 11))
    assert till.read_payouts() == 1 and till.read_payouts() == 0
    assert till.balances() == {"bank": 96_80, "payment_fee": 3_20, "receivable": 50_00, "contract_liability": -150_00}
    [charge] = till.payments()
    dispute = till.fake.dispute(charge.provider_ref)
    till.tell(till.fake.take_events())
    till.fake.decide(dispute, won=False)
    till.tell(till.fake.take_events())
    assert till.document(first).open_minor == 100_00
    pay_on_page(till, second)
    till.fake.pay_out("USD", date(2026, 3, 18))
    till.read_payouts()
    assert till.balances() == {"bank": 96_80 - 100_00 - 15_00 + 48_25, "payment_fee": 3_20 + 15_00 + 1_75, "receivable": 100_00,
                               "contract_liability": -150_00}
    with till.tx() as tx:
        [latest, earliest] = tx.payouts(None, 10)
        assert (earliest.amount_minor, earliest.fee_minor, earliest.unknown_minor) == (96_80, 3_20, 0)
        assert match_payout(tx, latest.ref, latest.ref).line_ref == latest.ref
        with pytest.raises(Conflict, match="another bank line"):
            match_payout(tx, latest.ref, earliest.ref)
        assert [p.ref for p in tx.payouts(None, 10, unmatched=True)] == [earliest.ref]


def test_secrets_are_encrypted_and_never_shown(till: Till) -> None:
    with till.tx() as tx:
        entity = till.gateway.entity_ref
        vault = till.office.house.vault
        row = add_gateway(tx, vault.encrypt, entity_ref=entity, provider="stripe", api_key="sk_test_abcdefghijklmnop",
                          webhook_secret="whsec_abcdefghijklmnop")
        assert b"abcdefghijk" not in row.secret and "abcdefghijk" not in str(row.hints)
        changed = change_gateway(tx, vault.encrypt, vault.decrypt, row.ref, enabled=False)
        assert not changed.is_enabled and changed.secret == row.secret
        rows = tx.all("SELECT coalesce(before::text, '') || coalesce(after::text, '') FROM audit WHERE tenant = %s", tx.tenant)
        assert rows and not any("abcdefghijklm" in r[0] for r in rows)


@pytest.mark.parametrize(("fields", "says"), [
    ({"provider": "stripe", "api_key": "sk_live_abcdefghijklmnop", "webhook_secret": "whsec_x"}, "test mode"),
    ({"provider": "stripe", "api_key": "sk_test_abcdefghijklmnop", "webhook_secret": "x"}, "whsec_"),
])
def test_keys_of_the_other_mode_are_refused(till: Till, fields: Any, says: str) -> None:
    with till.tx() as tx, pytest.raises(Invalid, match=says):
        add_gateway(tx, till.office.house.vault.encrypt, entity_ref=till.gateway.entity_ref, **fields)


def test_a_live_tenant_has_no_fake_provider(office: Office) -> None:
    with pytest.raises(Forbidden, match="test tenants"):
        opened_till(office)


def test_another_method_becomes_the_default_when_it_is_gone(till: Till) -> None:
    first, second = till.save(), till.save("tok_debit")
    assert (first.is_default, second.is_default) == (True, False)
    with till.tx() as tx:
        assert set_default(tx, second.ref).is_default
    remove_method(till.tx, lambda row: till.fake, second.ref)
    with till.tx() as tx:
        assert [(m.ref, m.is_default) for m in tx.methods_of(till.customer)] == [(first.ref, True)]
    till.tell(till.fake.take_events())  # what was saved before it was removed does not bring it back
    with till.tx() as tx:
        assert [m.ref for m in tx.methods_of(till.customer)] == [first.ref]
