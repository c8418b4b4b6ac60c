"""Vectors of the kinds in `dunning_tax_credit.json`, run through the documents, notes and balances that bill.

Only conversion: each function reads an input, calls the core, and writes what it answers under the vector's keys.
Exact shares of a discount come out with seven decimals, each discount for itself, as the vectors write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import EXACT, Money, exponent, split_minor, to_major, to_minor, total
from counterfoil.core.basis.period import Period, instant_text
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.invoicing import en16931
from counterfoil.core.invoicing.coupon import Coupon, Redeemed, redeem
from counterfoil.core.invoicing.credit import credit_note, effective_tax_percent
from counterfoil.core.invoicing.document import Discount, Document, Party
from counterfoil.core.invoicing.draw_up import LineDraft, draw_up
from counterfoil.core.invoicing.offset import (
    Payable,
    apply_credits,
    credit_limit_minor,
    credit_type_of,
    in_proportion,
    settle_credit,
    type_of_credit,
)
from counterfoil.core.invoicing.termination import paid_beyond_use_minor, unused_minor, unused_share
from counterfoil.core.payments import dunning, grants, wallet
from counterfoil.core.payments.account import Moved, Movement, account_of
from counterfoil.core.pricing.totals import (
    DiscountTerm,
    discount_lines,
    discount_steps,
    exact_discount_shares,
    percent_of,
    taxes,
)

Case = dict[str, Any]

SELLER, BUYER = Party(Ref("seller"), "Seller"), Party(Ref("buyer"), "Buyer")
ISSUED = date(2024, 1, 1)


def _text(minor: int, currency: str) -> str:
    return format(to_major(minor, currency), "f")


def _minor(amount: str | None, currency: str) -> int:
    return to_minor(Decimal(amount or 0), currency)


def _exact_minor(amount: str, currency: str) -> int | Decimal:
    with localcontext(EXACT):
        minor = Decimal(amount).scaleb(exponent(currency))
    return int(minor) if minor == int(minor) else minor


def _decimals(value: Fraction, places: int) -> str:
    with localcontext(EXACT):
        exact = Decimal(value.numerator) / value.denominator
        return format(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), "f")


def _term(discount: Case, currency: str, lines: tuple[int, ...] | None = None) -> DiscountTerm:
    if discount["type"] == "percentage":
        return DiscountTerm(percent=Decimal(discount["value"]), lines=lines)
    return DiscountTerm(fixed_minor=_minor(discount["value"], currency), lines=lines)


def _draft(item: str, amount: Decimal, tax_percent: Decimal = ZERO) -> LineDraft:
    return LineDraft(item, "", "ad_hoc", amount, tax_percent=tax_percent)


def _invoice(
    currency: str, drafts: Sequence[LineDraft], discounts: Iterable[Discount] = (), credits_minor: int = 0
) -> Document:
    return draw_up(
        ref=Ref("invoice"),
        kind="INVOICE",
        number="INV-000001",
        currency=currency,
        issued_on=ISSUED,
        net_days=30,
        seller=SELLER,
        buyer=BUYER,
        drafts=drafts,
        discounts=tuple(discounts),
        credits_minor=credits_minor,
    )


def _credit(invoice: Document, prior: Sequence[Document], amounts_minor: dict[int, int]) -> Document:
    n = len(prior) + 1
    return credit_note(
        invoice, prior, ref=Ref(f"note-{n}"), number=f"CN-{n:06d}", issued_on=ISSUED, amounts_minor=amounts_minor
    )


def money_rounding(case: Case) -> Case:
    return {"amount": _text(_minor(case["amount"], case["currency"]), case["currency"])}


def rounding_order(case: Case) -> Case:
    currency, components = case["currency"], [Decimal(c) for c in case["components"]]
    rounded = total((Money.rounded(c, currency) for c in components), currency)
    return {
        "sum_then_round": _text(to_minor(sum(components, ZERO), currency), currency),
        "round_then_sum": _text(rounded.minor, currency),
    }


def discount_sequence(case: Case) -> Case:
    currency, amount = case["currency"], _exact_minor(case["amount"], case["currency"])
    rows = discount_steps([amount], [_term(d, currency) for d in case["discounts"]])
    taken = sum(row[0] for row in rows)
    return {
        "discounts": [_text(row[0], currency) for row in rows],
        "total_discount": _text(taken, currency),
        "net": format(Decimal(amount - taken).scaleb(-exponent(currency)), "f"),
    }


def line_discounts(case: Case) -> Case:
    currency, lines = case["currency"], case["lines"]
    place = {line["id"]: i for i, line in enumerate(lines)}
    terms = [
        _term(c, currency, tuple(place[x] for x in c["lines"]) if c.get("lines") is not None else None)
        for c in case["coupons"]
    ]
    off = discount_lines([_minor(line["amount"], currency) for line in lines], terms)
    return {"line_discounts": {line["id"]: _text(d, currency) for line, d in zip(lines, off, strict=True)}}


def allocate_discount(case: Case) -> Case:
    lines = case["lines_minor"]
    if "percent" in case:
        term = DiscountTerm(percent=Decimal(case["percent"]))
    else:
        term = DiscountTerm(fixed_minor=case["discount_minor"])
    off = discount_lines(lines, [term])
    return {
        "discount_per_line_minor": list(off),
        "taxable_minor": [amount - d for amount, d in zip(lines, off, strict=True)],
    }


def tax(case: Case) -> Case:
    currency = case["currency"]
    base = _exact_minor(case["amount"], currency)
    each = [percent_of(base, Decimal(rate)) for rate in case["rates"]]
    return {"taxes": [_text(t, currency) for t in each], "total_tax": _text(sum(each), currency)}


def invoice_totals(case: Case) -> Case:
    currency, lines = case["currency"], case["lines"]
    terms = [_term(d, currency) for d in case.get("discounts", ())]
    amounts = [_minor(line["amount"], currency) for line in lines]
    off = discount_lines(amounts, terms)
    bases = [amount - d for amount, d in zip(amounts, off, strict=True)]
    rates = [[Decimal(rate) for rate in line.get("tax_rates", ())] for line in lines]
    tax_minor = sum(
        t for _, _, _, t in taxes(("S", r, base) for base, of in zip(bases, rates, strict=True) for r in of)
    )
    with_tax = sum(bases) + tax_minor
    prepaid = sum(apply_credits(with_tax, [_minor(case.get("prepaid_credits"), currency)]))
    shares = exact_discount_shares(amounts, terms)
    coupons = _coupons(amounts, terms, currency)
    unit = 10 ** exponent(currency)
    return {
        "subtotal": _text(sum(amounts), currency),
        "discount": _text(sum(off), currency),
        "taxable": _text(sum(bases), currency),
        "tax": _text(tax_minor, currency),
        "total": _text(with_tax, currency),
        "subtotal_with_tax": _text(with_tax, currency),
        "total_due": _text(with_tax - prepaid, currency),
        "sum_of_rounded_line_taxes": _text(
            sum(percent_of(base, r) for base, of in zip(bases, rates, strict=True) for r in of), currency
        ),
        "lines": {
            line["id"]: {
                "coupon": coupon,
                "tax": _decimals((amount - share) * Fraction(sum(of, ZERO)) / 100 / unit, 7),
            }
            for line, amount, share, coupon, of in zip(lines, amounts, shares, coupons, rates, strict=True)
        },
    }


def _coupons(amounts: Sequence[int], terms: Sequence[DiscountTerm], currency: str) -> list[str]:
    """The discounts of each line, every one rounded to seven decimals before they are added."""
    ordered, unit = sorted(terms, key=lambda t: t.percent is None), 10 ** exponent(currency)
    upto = [exact_discount_shares(amounts, ordered[:k]) for k in range(len(ordered) + 1)]
    steps = [[(b - a) / unit for a, b in zip(old, new, strict=True)] for old, new in pairwise(upto)]
    return [str(sum((Decimal(_decimals(row[i], 7)) for row in steps), ZERO)) for i in range(len(amounts))]


def _coupon(case: Case, currency: str = "EUR") -> Coupon:
    periods = case.get("frequency_duration_remaining", case.get("periods_remaining", case.get("duration")))
    percent = fixed = None
    if case["type"] == "percentage":
        percent = Decimal(case["value"])
    else:
        fixed = case["value_minor"] if "value_minor" in case else _minor(case["value"], currency)
        fixed = case.get("remaining_minor", fixed)
    return Coupon(percent, fixed, case.get("frequency", "once"), periods)


def apply_coupon(case: Case) -> Case:
    done = redeem(_coupon(case["coupon"], case["currency"]), case["fees_minor"])
    recurring = done.coupon.frequency == "recurring"
    return {
        "credit_minor": done.discount_minor,
        "per_fee_minor": [_decimals(s, 7) for s in done.exact_shares],
        "coupon_terminated": done.coupon.ended,
        "remaining_after": done.coupon.periods_left if recurring else done.coupon.fixed_minor,
    }


def coupon_redemptions(case: Case) -> Case:
    limit, currency = case.get("max_redemptions"), case.get("currency", "USD")
    terms = _coupon({"frequency": "forever", **case["coupon"]}, currency)
    coupon = Coupon(terms.percent, terms.fixed_minor, terms.frequency, terms.periods_left, limit)
    discounts, after = [], []
    for amount in case["invoices"]:
        done: Redeemed = redeem(coupon, [_minor(amount, currency)])
        coupon = done.coupon
        discounts.append(_text(done.discount_minor, currency))
        after.append(coupon.redemptions)
    return {"discounts": discounts, "redemptions_after": after, "application_records": coupon.redemptions}


def credit_note_unused(case: Case) -> Case:
    currency, unused = case["currency"], Fraction(case["unused_days"], case["period_days"])
    invoice = _invoice(currency, [_draft("fee", Decimal(case["paid_fee"]), Decimal(case["tax_rate"]))])
    amount = unused_minor(invoice.sub_total_minor, unused, currency)
    note = _credit(invoice, (), {1: amount})
    return {
        "item": _text(note.sub_total_minor, currency),
        "tax": _text(note.total_tax_minor, currency),
        "total": _text(note.total_minor, currency),
    }


def termination_credit_note(case: Case) -> Case:
    currency, rate = case["currency"], Decimal(case["tax_rate"])
    fees = [Decimal(case["fee"]), *(Decimal(f) for f in case.get("other_fees", ()))]
    coupon = [Discount("coupon", fixed=Decimal(case["coupon"]))] if case.get("coupon") else []
    invoice = _invoice(currency, [_draft("fee", f, rate) for f in fees], coupon)
    prior_minor = _minor(case.get("prior_credited_item"), currency)
    prior = [_credit(invoice, (), {1: prior_minor})] if prior_minor else []
    start, end = date.fromisoformat(case["period_start"]), date.fromisoformat(case["period_end"])
    share = unused_share(
        Period(start, end),
        date.fromisoformat(case["terminated_on"]),
        termination_day_billed=case["termination_day_billed"],
    )
    fee = invoice.lines[0]
    unused = unused_minor(fee.amount_minor, share, currency)
    item = unused_minor(fee.amount_minor, share, currency, prior_minor)
    nothing = dict.fromkeys(("item", "tax", "total", "credit", "refund", "offset", "coupon_share"), _text(0, currency))
    if not item:
        return {**nothing, "credit_note": None}
    note = _credit(invoice, prior, {1: item})
    paid_parts = split_minor(_minor(case.get("invoice_paid"), currency), [x.amount_minor for x in invoice.lines])
    whole = _credit(invoice, (), {1: fee.amount_minor}).total_minor
    used = whole - (_credit(invoice, (), {1: unused}).total_minor if unused else 0)
    settled = settle_credit(
        note.total_minor,
        case.get("mode", "credit"),
        whole - paid_parts[0],
        paid_beyond_use_minor(paid_parts[0], used),
    )
    return {
        "item": _text(note.sub_total_minor, currency),
        "tax": _text(note.total_tax_minor, currency),
        "total": _text(note.total_minor, currency),
        "credit": _text(settled.credit_minor, currency),
        "refund": _text(settled.refund_minor, currency),
        "offset": _text(settled.offset_minor, currency),
        "coupon_share": _text(note.total_discount_minor, currency),
        "credit_note": note.number,
    }


def credit_note_sequence(case: Case) -> Case:
    currency, given = case["currency"], case["invoice"]
    lines = given["lines"]
    place = {line["id"]: n for n, line in enumerate(lines, 1)}
    discounts = [
        Discount("coupon", fixed=Decimal(line["coupon"]), lines=(place[line["id"]],))
        for line in lines
        if line.get("coupon")
    ]
    if given.get("discount"):
        discounts.append(Discount("discount", fixed=Decimal(given["discount"])))
    drafts = [_draft(x["id"], Decimal(x["amount"]), Decimal(x.get("tax_rate", 0))) for x in lines]
    invoice = _invoice(currency, drafts, discounts)
    notes: list[Document] = []
    answers = []
    payable = Payable(invoice.total_minor, _minor(given.get("paid"), currency))
    for request in case["credit_notes"]:
        wanted = {place[k]: _minor(v, currency) for k, v in request["items"].items()}
        note = _credit(invoice, notes, wanted)
        notes.append(note)
        answers.append(
            {
                "coupon_share": _text(note.total_discount_minor, currency),
                "subtotal": _text(note.sub_total_minor - note.total_discount_minor, currency),
                "tax": _text(note.total_tax_minor, currency),
                "total": _text(note.total_minor, currency),
                "max_refundable": _text(min(note.total_minor, payable.refundable_minor), currency),
                "max_creditable": _text(note.total_minor, currency),
            }
        )
    return {
        "invoice": {
            "subtotal": _text(invoice.sub_total_minor, currency),
            "discount": _text(invoice.total_discount_minor, currency),
            "taxable": _text(invoice.sub_total_minor - invoice.total_discount_minor, currency),
            "tax": _text(invoice.total_tax_minor, currency),
            "total": _text(invoice.total_minor, currency),
            "effective_tax_rate": format(effective_tax_percent(invoice), "f"),
        },
        "credit_notes": answers,
    }


def apply_credit_notes(case: Case) -> Case:
    balances = case.get("credit_notes_minor")
    if balances is None:
        notes = [n for n in case["credit_notes"] if n.get("currency", case.get("currency")) == case.get("currency")]
        balances = [n["balance_minor"] if "balance_minor" in n else n["amount_minor"] for n in notes]
    applied = apply_credits(case["invoice_minor"], balances)
    return {
        "applied_minor": list(applied),
        "total_applied_minor": sum(applied),
        "remaining_due_minor": case["invoice_minor"] - sum(applied),
        "per_fee_minor": [_decimals(s, 7) for s in in_proportion(sum(applied), case["fees_minor"])],
    }


def apply_credit_notes_concurrent(case: Case) -> Case:
    left, used = list(case["credit_notes_minor"]), 0
    for due in case["invoices_minor"]:
        applied = apply_credits(due, left)
        left = [balance - part for balance, part in zip(left, applied, strict=True)]
        used += sum(applied)
    return {"total_applied_minor": used, "note_balances_minor": left}


def credit_note_limit(case: Case) -> Case:
    currency, given = case.get("currency", "USD"), case["invoice"]
    paid = _minor(given.get("paid"), currency)
    payable = Payable(
        total_minor=_minor(given["total"], currency),
        paid_minor=paid,
        credited_minor=_minor(given["total"], currency) - paid - _minor(given["remaining"], currency)
        if "remaining" in given
        else 0,
        refunded_minor=_minor(given.get("refunded"), currency),
    )
    lines = given.get("lines", {"all": given["total"]})
    place = {name: n for n, name in enumerate(lines, 1)}
    invoice = _invoice(currency, [_draft(name, Decimal(amount)) for name, amount in lines.items()])
    prior: list[Document] = []
    for earlier in case.get("prior_credits", ()):
        items = earlier if isinstance(earlier, dict) else {next(iter(lines)): earlier}
        prior.append(_credit(invoice, prior, {place[k]: _minor(v, currency) for k, v in items.items()}))
    request = case.get("request")
    try:
        if request is not None:
            _credit(invoice, prior, {place[k]: _minor(v, currency) for k, v in request.items()})
    except (Invalid, Conflict):
        return {"accepted": False}
    asked = sum(_minor(v, currency) for v in request.values()) if request else 0
    asked = max(asked, _minor(case.get("request_total"), currency))
    limit = credit_limit_minor(payable) - sum(n.total_minor for n in prior)
    return {"accepted": asked <= limit, "type": credit_type_of(payable)}


def credit_note_type(case: Case) -> Case:
    return {"type": type_of_credit(case["payment_status"])}


MOVEMENTS: dict[str, Movement] = {
    "charge": "charge",
    "external_charge": "charge",
    "repair": "adjustment",
    "adjustment": "adjustment",
    "item_adjustment": "adjustment",
    "credit_adjustment": "adjustment",
    "payment": "payment",
    "refund": "refund",
    "chargeback": "refund",
    "credit_generated": "credit_generated",
    "credit_used": "credit_used",
    "credit": "credit_granted",
    "credit_granted": "credit_granted",
    "account_credit": "credit_granted",
}


def account_balance(case: Case) -> Case:
    currency, moved = case["currency"], []
    for row in case["ledger"]:
        invoice = row.get("invoice", "")
        moved.append(Moved(MOVEMENTS[row["op"]], abs(_minor(row["amount"], currency)), invoice))
        if row.get("with_item_adjustment"):
            moved.append(Moved("adjustment", abs(_minor(row["with_item_adjustment"], currency)), invoice))
    account = account_of(moved)
    return {
        "account_balance": _text(account.balance_minor, currency),
        "account_credit": _text(account.credit_minor, currency),
        "invoice_balances": {name: _text(minor, currency) for name, minor in account.invoices_minor},
        "credit_used": _text(account.credit_used_minor, currency),
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
            balance_minor=_minor(w["balance"], w["currency"]),
            currency=w["currency"],
            seq=i,
            is_active=w.get("status", "active") == "active",
            settles_invoices=w.get("type") != "prepaid",
        )
        for i, w in enumerate(case["wallets"])
    ]
    due = _minor(case["amount_due"], currency)
    drawn = wallet.draw_down(wallets, [wallet.Fee("invoice", due)], currency)
    paid = sum(drawn.values())
    return {
        "paid": _text(paid, currency),
        "wallets_used": list(drawn),
        "remaining": _text(due - paid, currency),
    }


def wallet_top_up(case: Case) -> Case:
    currency = case["currency"]
    amount = to_minor(Decimal(case["credits"]) * Decimal(case.get("rate", 1)), currency)
    return {"credits": case["credits"], "amount": _text(amount, currency), "balance_minor": amount}


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
        {currency: _minor(amount, currency) for currency, amount in case["thresholds"].items()},
    )
    invoices = [
        dunning.Overdue(
            i["currency"],
            _minor(i["amount"], i["currency"]),
            _at(i["overdue_from"]) if "overdue_from" in i else _at(i["due"]) + timedelta(days=1),
        )
        for i in case["invoices"]
    ]
    state, answers, finished = dunning.NOT_STARTED, [], None
    for run in case["runs"]:
        asked, state = dunning.requests(campaign, state, invoices, _at(run))
        answers.append([{"currency": c, "amount": _text(minor, c)} for c, minor in asked.items()])
        if finished is None and asked and state.is_finished(campaign):
            finished = instant_text(_at(run))
    return {"requests": answers, "finished_event_at": finished}


def _optional(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _rate(row: Case) -> Decimal:
    return Decimal(str(row.get("rate") or 0))


def _rows(case: Case) -> list[en16931.AllowanceCharge]:
    return [
        en16931.AllowanceCharge(r["charge"], Decimal(r["amount"]), r.get("category", "S"), _rate(r))
        for r in case.get("allowance_charges") or ()
    ]


def _total_with_vat(case: Case) -> bool:
    return en16931.is_total_with_vat(
        case["currency"],
        [(t["currency"], Decimal(t["amount"])) for t in case["tax_totals"]],
        Decimal(case["total_without_vat"]),
        Decimal(case["total_with_vat"]),
    )


def _category_base(case: Case) -> bool:
    return en16931.is_category_base(
        [(x["category"], _rate(x), Decimal(x["amount"])) for x in case["lines"]],
        _rows(case),
        [(x["category"], _rate(x), Decimal(x["taxable"])) for x in case["categories"]],
        case["rule"].split("-")[1],
    )


RULES: dict[str, Callable[[Case], bool]] = {
    "BR-CO-10": lambda c: en16931.is_line_total(map(Decimal, c["lines"]), Decimal(c["line_total"])),
    "BR-CO-11": lambda c: en16931.is_allowance_total(_rows(c), _optional(c["stated_total"])),
    "BR-CO-12": lambda c: en16931.is_charge_total(_rows(c), _optional(c["stated_total"])),
    "BR-CO-13": lambda c: en16931.is_total_without_vat(
        Decimal(c["line_total"]),
        _optional(c.get("allowances")),
        _optional(c.get("charges")),
        Decimal(c["total_without_vat"]),
    ),
    "BR-CO-14": lambda c: en16931.is_total_tax(map(Decimal, c["category_taxes"]), Decimal(c["total_tax"])),
    "BR-CO-15": _total_with_vat,
    "BR-CO-16": lambda c: en16931.is_payable(
        Decimal(c["total_with_vat"]), _optional(c.get("prepaid")), _optional(c.get("rounding")), Decimal(c["payable"])
    ),
    "BR-CO-17": lambda c: en16931.is_category_tax(
        Decimal(c["taxable"]), Decimal(c["rate"]), Decimal(c["tax"]), c.get("currency") or "EUR"
    ),
    "BR-S-08": _category_base,
}


def en16931_check(case: Case) -> Case:
    return {"valid": RULES[case["rule"]](case)}


KINDS: dict[str, Callable[[Case], Case]] = {
    f.__name__: f
    for f in (
        money_rounding,
        rounding_order,
        discount_sequence,
        line_discounts,
        allocate_discount,
        tax,
        invoice_totals,
        apply_coupon,
        coupon_redemptions,
        credit_note_unused,
        termination_credit_note,
        credit_note_sequence,
        apply_credit_notes,
        apply_credit_notes_concurrent,
        credit_note_limit,
        credit_note_type,
        account_balance,
        wallet_drawdown,
        wallet_payment,
        wallet_top_up,
        credit_lot_consumption,
        grant_burn_down,
        grant_order,
        retry_schedule,
        retry_outcome,
        overdue_state,
        dunning_campaign,
        en16931_check,
    )
}
"""By `input.kind`: what the core answers, under the same keys as `expected`."""

NOT_YET: frozenset[str] = frozenset()
"""Kinds that wait for a later feature."""
