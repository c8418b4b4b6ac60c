"""Vectors of accounts, prepaid balances, grants, retries and dunning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.invoicing.document import Party
from counterfoil.core.invoicing.draw_up import ad_hoc_draft, draw_up
from counterfoil.core.payments import dunning, grants, wallet
from counterfoil.core.payments.allocation import OpenDocument, oldest_first
from tests.vectors.dunning_tax_credit_reading import (
    Case,
    minor,
    text,
)

ON_INVOICE = {
    "charge": 1, "external_charge": 1, "repair": -1, "adjustment": -1, "item_adjustment": -1, "credit_adjustment": -1,
    "payment": -1, "refund": 1, "chargeback": 1, "credit_generated": 1, "credit_used": -1,
}
"""Which way a movement changes what an invoice asks for."""
ON_CREDIT = {"credit_generated": 1, "credit_used": -1, "credit": 1, "credit_granted": 1, "account_credit": 1}
"""Which way it changes what is unapplied."""


def account_balance(case: Case) -> Case:
    currency, credit, used = case["currency"], 0, 0
    invoices: dict[str, int] = {}
    for row in case["ledger"]:
        amount, op, name = abs(minor(row["amount"], currency)), row["op"], row.get("invoice", "")
        if op in ON_INVOICE:
            less = abs(minor(row["with_item_adjustment"], currency)) if row.get("with_item_adjustment") else 0
            invoices[name] = invoices.get(name, 0) + ON_INVOICE[op] * amount - less
        credit += ON_CREDIT.get(op, 0) * amount
        used += amount if op == "credit_used" else 0
    asking = [OpenDocument(Ref(name), f"{n:09}", date.min, asked) for n, (name, asked) in enumerate(invoices.items())]
    applied = oldest_first(credit, asking)
    for ref, part in applied:
        invoices[ref] -= part
    taken = sum(part for _ref, part in applied)
    return {
        "account_balance": text(sum(invoices.values()) - (credit - taken), currency),
        "account_credit": text(credit - taken, currency),
        "invoice_balances": {name: text(minor, currency) for name, minor in invoices.items()},
        "credit_used": text(used + taken, currency),
    }


def wallet_drawdown(case: Case) -> Case:
    wallets = [
        wallet.Wallet(
            id=w["id"],
            balance_minor=int(w["balance_minor"]),
            currency=w["currency"],
            priority=w.get("priority", 0),
            seq=w.get("seq", 0),
            fee_types=None if w.get("fee_types") is None else frozenset(w["fee_types"]),
            is_active=w.get("status", "active") == "active",
        )
        for w in case["wallets"]
    ]
    fees = [wallet.Fee(f["type"], int(Decimal(f["amount"]) + Decimal(f.get("tax", 0)))) for f in case["fees_minor"]]
    return {"drawn_minor": wallet.draw_down(wallets, fees, case["currency"])}


def wallet_payment(case: Case) -> Case:
    currency = case["currency"]
    wallets = [
        wallet.Wallet(
            id=w["id"],
            balance_minor=minor(w["balance"], w["currency"]),
            currency=w["currency"],
            seq=i,
            is_active=w.get("status", "active") == "active",
            fee_types=frozenset() if w.get("type") == "prepaid" else None,  # pays no invoice by itself
        )
        for i, w in enumerate(case["wallets"])
    ]
    due = minor(case["amount_due"], currency)
    drawn = wallet.draw_down(wallets, [wallet.Fee("invoice", due)], currency)
    paid = sum(drawn.values())
    return {
        "paid": text(paid, currency),
        "wallets_used": list(drawn),
        "remaining": text(due - paid, currency),
    }


def wallet_top_up(case: Case) -> Case:
    currency, nobody = case["currency"], Party(Ref("0"), "")
    line = ad_hoc_draft("Prepaid credit", Decimal(case["credits"]), Decimal(case.get("rate", 1)))
    sold = draw_up(
        ref=Ref("0"), kind="INVOICE", number="", currency=currency, issued_on=date(2026, 1, 1), net_days=0, seller=nobody,
        buyer=nobody, drafts=[line],
    )
    return {"credits": case["credits"], "amount": text(sold.total_minor, currency), "balance_minor": sold.total_minor}


def credit_lot_consumption(case: Case) -> Case:
    lots = [
        wallet.Lot(x["id"], Decimal(x["amount"]), x["kind"], x.get("priority", 0), x.get("seq", 0), x.get("expires_at"))
        for x in case["lots"]
    ]
    try:
        taken = wallet.consume(lots, Decimal(case["spend"]), case.get("from_lot"))
    except Conflict as refusal:
        return {"error": refusal.code}
    return {"consumed": {name: format(amount, "f") for name, amount in taken.items()}}


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _at(text: str) -> datetime:
    at = _instant(text)
    assert at is not None
    return at


def _grant(row: Case) -> grants.Grant:
    recurrence = None
    if row.get("recurrence"):
        r = row["recurrence"]
        recurrence = grants.Recurrence(r["interval"], _at(r["anchor"]), r.get("interval_count", r.get("count", 1)))
    return grants.Grant(
        id=row["id"],
        amount=Decimal(row.get("amount", 0)),
        effective_at=_at(row.get("effective_at", "2000-01-01T00:00:00Z")),
        priority=row.get("priority", 0),
        expires_at=_instant(row.get("expires_at")),
        voided_at=_instant(row.get("voided_at")),
        created_at=_instant(row.get("created_at")),
        recurrence=recurrence,
        rollover_max=Decimal(row.get("rollover_max", row.get("max_rollover", 0))),
        rollover_min=Decimal(row.get("rollover_min", row.get("min_rollover", 0))),
    )


def grant_burn_down(case: Case) -> Case:
    burnt = grants.burn_down(
        [_grant(g) for g in case["grants"]],
        {name: Decimal(amount) for name, amount in case["starting_balances"].items()},
        [(_at(u["at"]), Decimal(u["value"])) for u in case["usage"]],
        _at(case["start"]),
        _at(case["until"]),
        overage=Decimal(case.get("starting_overage", 0)),
        resets=[_at(r["at"] if isinstance(r, dict) else r) for r in case.get("resets", ())],
        preserve_overage=case.get("preserve_overage", False),
    )
    return {
        "balances": {name: format(amount, "f") for name, amount in burnt.balances.items()},
        "overage": format(burnt.overage, "f"),
    }


def grant_order(case: Case) -> Case:
    return {"order": [g.id for g in grants.order([_grant(g) for g in case["grants"]])]}


def retry_schedule(case: Case) -> Case:
    dates = dunning.retry_dates(date.fromisoformat(case["first_failure"]), case["intervals_days"])
    return {"retries": [d.isoformat() for d in dates], "attempts_total": len(dates) + 1}


def retry_outcome(case: Case) -> Case:
    done = dunning.attempts(case["intervals_days"], [o == "success" for o in case["outcomes"]])
    return {"attempts": len(done.states), "states": list(done.states), "next_retry": done.next_retry_days}


def overdue_state(case: Case) -> Case:
    stages = [(s["state"], s["days_since_earliest_unpaid"]) for s in case["stages"]]
    return {"state": dunning.overdue_state(stages, case["days_since_earliest_unpaid"])}


def dunning_campaign(case: Case) -> Case:
    campaign = dunning.Campaign(
        case["max_attempts"],
        case["days_between_attempts"],
        {currency: minor(amount, currency) for currency, amount in case["thresholds"].items()},
    )
    invoices = [
        dunning.Overdue(
            i["currency"],
            minor(i["amount"], i["currency"]),
            _at(i["overdue_from"]) if "overdue_from" in i else _at(i["due"]) + timedelta(days=1),
        )
        for i in case["invoices"]
    ]
    state, answers, finished = dunning.NOT_STARTED, [], None
    for run in case["runs"]:
        asked, state = dunning.requests(campaign, state, invoices, _at(run))
        answers.append([{"currency": c, "amount": text(minor, c)} for c, minor in asked.items()])
        if finished is None and asked and state.is_finished(campaign):
            finished = instant_text(_at(run))
    return {"requests": answers, "finished_event_at": finished}
