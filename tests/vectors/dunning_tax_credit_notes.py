"""Vectors of credit notes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from counterfoil.core.basis.money import split_minor
from counterfoil.core.basis.period import Period
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.invoicing.credit import effective_tax_percent
from counterfoil.core.invoicing.document import Discount, Document
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
from tests.vectors.dunning_tax_credit_reading import (
    Case,
    credit_of,
    decimals,
    draft,
    invoice_of,
    minor,
    text,
)


def credit_note_unused(case: Case) -> Case:
    currency, unused = case["currency"], Fraction(case["unused_days"], case["period_days"])
    invoice = invoice_of(currency, [draft("fee", Decimal(case["paid_fee"]), Decimal(case["tax_rate"]))])
    amount = unused_minor(invoice.sub_total_minor, unused, currency)
    note = credit_of(invoice, (), {1: amount})
    return {
        "item": text(note.sub_total_minor, currency),
        "tax": text(note.total_tax_minor, currency),
        "total": text(note.total_minor, currency),
    }


def termination_credit_note(case: Case) -> Case:
    currency, rate = case["currency"], Decimal(case["tax_rate"])
    fees = [Decimal(case["fee"]), *(Decimal(f) for f in case.get("other_fees", ()))]
    coupon = [Discount("coupon", fixed=Decimal(case["coupon"]))] if case.get("coupon") else []
    invoice = invoice_of(currency, [draft("fee", f, rate) for f in fees], coupon)
    prior_minor = minor(case.get("prior_credited_item"), currency)
    prior = [credit_of(invoice, (), {1: prior_minor})] if prior_minor else []
    start, end = date.fromisoformat(case["period_start"]), date.fromisoformat(case["period_end"])
    share = unused_share(
        Period(start, end),
        date.fromisoformat(case["terminated_on"]),
        termination_day_billed=case["termination_day_billed"],
    )
    fee = invoice.lines[0]
    unused = unused_minor(fee.amount_minor, share, currency)
    item = unused_minor(fee.amount_minor, share, currency, prior_minor)
    nothing = dict.fromkeys(("item", "tax", "total", "credit", "refund", "offset", "coupon_share"), text(0, currency))
    if not item:
        return {**nothing, "credit_note": None}
    note = credit_of(invoice, prior, {1: item})
    paid_parts = split_minor(minor(case.get("invoice_paid"), currency), [x.amount_minor for x in invoice.lines])
    whole = credit_of(invoice, (), {1: fee.amount_minor}).total_minor
    used = whole - (credit_of(invoice, (), {1: unused}).total_minor if unused else 0)
    settled = settle_credit(
        note.total_minor,
        case.get("mode", "credit"),
        whole - paid_parts[0],
        paid_beyond_use_minor(paid_parts[0], used),
    )
    return {
        "item": text(note.sub_total_minor, currency),
        "tax": text(note.total_tax_minor, currency),
        "total": text(note.total_minor, currency),
        "credit": text(settled.credit_minor, currency),
        "refund": text(settled.refund_minor, currency),
        "offset": text(settled.offset_minor, currency),
        "coupon_share": text(note.total_discount_minor, currency),
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
    drafts = [draft(x["id"], Decimal(x["amount"]), Decimal(x.get("tax_rate", 0))) for x in lines]
    invoice = invoice_of(currency, drafts, discounts)
    notes: list[Document] = []
    answers = []
    payable = Payable(invoice.total_minor, minor(given.get("paid"), currency))
    for request in case["credit_notes"]:
        wanted = {place[k]: minor(v, currency) for k, v in request["items"].items()}
        note = credit_of(invoice, notes, wanted)
        notes.append(note)
        answers.append(
            {
                "coupon_share": text(note.total_discount_minor, currency),
                "subtotal": text(note.sub_total_minor - note.total_discount_minor, currency),
                "tax": text(note.total_tax_minor, currency),
                "total": text(note.total_minor, currency),
                "max_refundable": text(min(note.total_minor, payable.refundable_minor), currency),
                "max_creditable": text(note.total_minor, currency),
            }
        )
    return {
        "invoice": {
            "subtotal": text(invoice.sub_total_minor, currency),
            "discount": text(invoice.total_discount_minor, currency),
            "taxable": text(invoice.sub_total_minor - invoice.total_discount_minor, currency),
            "tax": text(invoice.total_tax_minor, currency),
            "total": text(invoice.total_minor, currency),
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
        "per_fee_minor": [decimals(s, 7) for s in in_proportion(sum(applied), case["fees_minor"])],
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
    paid = minor(given.get("paid"), currency)
    payable = Payable(
        total_minor=minor(given["total"], currency),
        paid_minor=paid,
        credited_minor=minor(given["total"], currency) - paid - minor(given["remaining"], currency)
        if "remaining" in given
        else 0,
        refunded_minor=minor(given.get("refunded"), currency),
    )
    lines = given.get("lines", {"all": given["total"]})
    place = {name: n for n, name in enumerate(lines, 1)}
    invoice = invoice_of(currency, [draft(name, Decimal(amount)) for name, amount in lines.items()])
    prior: list[Document] = []
    for earlier in case.get("prior_credits", ()):
        items = earlier if isinstance(earlier, dict) else {next(iter(lines)): earlier}
        prior.append(credit_of(invoice, prior, {place[k]: minor(v, currency) for k, v in items.items()}))
    request = case.get("request")
    try:
        if request is not None:
            credit_of(invoice, prior, {place[k]: minor(v, currency) for k, v in request.items()})
    except (Invalid, Conflict):
        return {"accepted": False}
    asked = sum(minor(v, currency) for v in request.values()) if request else 0
    asked = max(asked, minor(case.get("request_total"), currency))
    limit = credit_limit_minor(payable) - sum(n.total_minor for n in prior)
    return {"accepted": asked <= limit, "type": credit_type_of(payable)}


def credit_note_type(case: Case) -> Case:
    return {"type": type_of_credit(case["payment_status"])}
