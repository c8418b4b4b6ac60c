"""What a receipt shows, as finished text in its reader's language: the one source of its PDF, its page and its embeds.

Nothing is computed here that is not in the record: amounts are written, not derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Literal

from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.money import CURRENCIES, EXACT, exponent, to_minor
from counterfoil.core.basis.period import Period
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.invoicing.layout import STANDARD, Layout
from counterfoil.core.receipts.balance import BalanceReceipt
from counterfoil.core.receipts.payment import PaymentReceipt
from counterfoil.core.receipts.value import ValueReceipt
from counterfoil.core.value.model import Rule, model_from_json
from counterfoil.core.value.model import Step as ModelStep
from counterfoil.exports.layout import LayoutView, layout_view
from counterfoil.exports.local import Local, local_for
from counterfoil.exports.view import Row
from counterfoil.flows.sealed_receipts import Receipt

Kind = Literal["balance", "value", "payment"]

_LABELS = (
    "from", "receipt_for", "receipt_how", "receipt_empty", "receipt_online", "page", "receipt_root", "receipt_number",
    "downloads", "get_pdf", "get_bundle",
)
_SIGNS = {"gte": "≥", "gt": ">", "lt": "<", "lte": "≤", "eq": "=", "neq": "≠", "eq_string": "=", "eq_bool": "="}
MAX_STEPS = 60
"""Formulas that are written out; all of them are in the record."""
_TENTH = Decimal("0.1")
_THOUSANDTH = Decimal("0.001")
_LAST_SECOND = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and whether figures stand under it."""

    label: str
    is_figure: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first cell names the row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Something of the computation: what it is of, and the formula or sentence."""

    of: str
    says: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A receipt in words. `headline` is what it is about; `beside` stands next to it (what was billed beside the value
    delivered), None where there is nothing. `roots`: what proofs of its inputs start from, 64 hex digits each."""

    kind: Kind
    id: str
    language: str
    title: str
    number: str
    state: str
    state_class: str
    issuer: str
    customer: str
    customer_rows: tuple[str, ...]
    facts: tuple[Row, ...]
    headline: Row
    beside: Row | None
    beside_note: str
    tables: tuple[Table, ...]
    sums: tuple[Row, ...]
    due: Row
    how: tuple[Step, ...]
    note: str
    roots: tuple[str, ...]
    words: Mapping[str, str]
    layout: LayoutView


def receipt_id(receipt: Receipt) -> str:
    """What a receipt is called where people see it: `chk_…`, `vr_…`, `receipt_…`."""
    prefix = {BalanceReceipt: "chk", ValueReceipt: "vr", PaymentReceipt: "receipt"}[type(receipt)]
    return display_id(prefix, receipt.ref)


def receipt_view(
    receipt: Receipt, *, language: str = "en", layout: Layout = STANDARD, is_draft: bool = False
) -> ReceiptView:
    """The receipt as text. `is_draft`: a value receipt that is not sealed yet; its figures are those of now."""
    local = local_for(language, layout.date_style)
    if isinstance(receipt, BalanceReceipt):
        return _balance(receipt, local, layout)
    if isinstance(receipt, ValueReceipt):
        return _value(receipt, local, layout, is_draft)
    return _payment(receipt, local, layout)


def _balance(receipt: BalanceReceipt, local: Local, layout: Layout) -> ReceiptView:
    places = exponent(receipt.unit) if receipt.unit in CURRENCIES else 0

    def bare(value: Decimal) -> str:
        return local.number(value, places)

    def amount(value: Decimal) -> str:
        return f"{bare(value)} {receipt.unit}".rstrip()

    count = local.number(Decimal(receipt.delta_count))
    with localcontext(EXACT):
        net = receipt.ending_balance - receipt.starting_balance
    lines = Table(
        local.word("receipt_by_reason"),
        (Column(local.word("receipt_reason")), Column(local.word("receipt_changes"), True),
         Column(_headed(local, receipt.unit), True)),
        tuple((x.reason, local.number(Decimal(x.count)), bare(x.amount)) for x in receipt.lines),
    )
    span = half_open(receipt.starts_at, receipt.ends_at, local)
    numbers = f"{receipt.first_sequence} – {receipt.last_sequence}"
    rule = local.word("receipt_balance_rule", n=count, first=receipt.first_sequence, last=receipt.last_sequence)
    id = receipt_id(receipt)
    return ReceiptView(
        kind="balance", id=id, language=_tag(local), title=local.word("receipt_balance"), number=id,
        state=local.word("receipt_posted"), state_class="paid", issuer=receipt.issuer_name,
        customer=receipt.customer_name,
        customer_rows=_customer_rows(local, receipt.customer_name, receipt.customer_id),
        facts=_rows(
            local, receipt_window=span, receipt_changes=count, receipt_numbers=numbers,
            receipt_sealed_at=_moment(receipt.sealed_at, local),
        ),
        headline=Row(local.word("receipt_closing"), amount(receipt.ending_balance)), beside=None, beside_note="",
        tables=(lines,),
        sums=_rows(local, receipt_opening=amount(receipt.starting_balance), receipt_net=amount(net)),
        due=Row(local.word("receipt_closing"), amount(receipt.ending_balance)),
        how=(Step("", rule),), note="", roots=(receipt.root,), words=_words(local), layout=layout_view(layout),
    )


def _shown_quantity(local: Local, quantity: Decimal) -> str:
    """Three decimals, and a sign where that leaves something out: the record has all of them."""
    short = quantity.quantize(_THOUSANDTH)
    return local.number(Decimal(decimal_text(short))) if short == quantity else f"≈ {local.number(short)}"


def _value(receipt: ValueReceipt, local: Local, layout: Layout, is_draft: bool) -> ReceiptView:
    currency = receipt.currency
    metrics = Table(
        local.word("receipt_metrics"),
        (Column(local.word("receipt_metric")), Column(local.word("receipt_count"), True),
         Column(local.word("quantity"), True), Column(f"{local.word('receipt_value_of')} {currency}", True)),
        tuple(
            (x.name, local.number(Decimal(x.occurrences)), f"{_shown_quantity(local, x.quantity)} {x.unit}".rstrip(),
             local.working(x.value, currency))
            for x in receipt.metrics
        ),
    )
    billed = sum(x.net_minor for x in receipt.billed)
    documents = Table(
        local.word("receipt_billed"),
        (Column(local.word("receipt_document")), Column(f"{local.word('receipt_net_amount')} {currency}", True)),
        tuple((x.number, local.amount(x.net_minor, currency)) for x in receipt.billed),
    )
    total = local.money(to_minor(receipt.total, currency), currency)
    number = receipt_id(receipt)
    at = "receipt_generated_at" if is_draft else "receipt_sealed_at"
    facts = {
        "receipt_window": _closed(receipt.starts_at, receipt.ends_at, local),
        "receipt_scope": "" if receipt.scope is None else receipt.scope.name,
        at: _moment(receipt.generated_at if is_draft else receipt.sealed_at, local),
    }
    sums = [Row(local.word("receipt_billed"), local.money(billed, currency))] if receipt.billed else []
    return ReceiptView(
        kind="value", id=number, language=_tag(local), title=local.word("receipt_value"), number=number,
        state=local.word("receipt_draft" if is_draft else "receipt_posted"),
        state_class="upcoming" if is_draft else "paid", issuer=receipt.issuer_name, customer=receipt.customer_name,
        customer_rows=_customer_rows(local, receipt.customer_name, receipt.customer_id or ""),
        facts=_rows(local, **facts), headline=Row(local.word("receipt_delivered"), total),
        beside=Row(local.word("receipt_billed"), local.money(billed, currency)) if receipt.billed else None,
        beside_note=_times(to_minor(receipt.total, currency), billed, local),
        tables=(metrics, documents) if receipt.billed else (metrics,), sums=tuple(sums),
        due=Row(local.word("receipt_delivered"), total), how=_value_steps(receipt, local),
        note=local.word("receipt_draft_note") if is_draft else "", roots=(receipt.events_root,), words=_words(local),
        layout=layout_view(layout),
    )


def _value_steps(receipt: ValueReceipt, local: Local) -> tuple[Step, ...]:
    model = "" if receipt.model_version is None else local.word("receipt_model", n=receipt.model_version)
    events = local.word("receipt_events", n=local.number(Decimal(receipt.events_count)))
    head = Step(" · ".join(x for x in (model, events) if x), local.word("receipt_value_rule"))
    counted = {metric.slug for metric in receipt.metrics}
    without = [
        Step(x.name, local.word("receipt_unvalued", n=local.number(Decimal(x.unvalued)))) for x in receipt.metrics if x.unvalued
    ]
    try:
        rules = model_from_json(receipt.model).rules
    except (KeyError, TypeError, ValueError, AttributeError):
        rules = ()
    told = [Step(f"{rule.name} · {rule.event}", formula_text(rule), True) for rule in rules if rule.metric in counted]
    return (head, *without, *dict.fromkeys(told[:MAX_STEPS]))


def formula_text(rule: Rule) -> str:
    """The formula of a rule as its model writes it: `minutes / 60; × rate (rate = 55)`, conditions first."""
    text = _expression(rule.quantity)
    if rule.money is not None:
        constants = ", ".join(f"{name} = {decimal_text(value)}" for name, value in rule.money.constants)
        text += f" → {_expression(rule.money.step)}" + (f", {constants}" if constants else "")
    return text


def _expression(step: ModelStep) -> str:
    whens = [f"{c.field} {_SIGNS.get(c.operator, c.operator)} {c.value}: {c.then}" for c in step.when]
    return "; ".join([*whens, step.expression])


def _payment(receipt: PaymentReceipt, local: Local, layout: Layout) -> ReceiptView:
    currency = receipt.currency
    amount = local.money(receipt.amount_minor, currency)
    tables = []
    if receipt.items:
        tables.append(Table(
            local.word("receipt_items"),
            (Column(local.word("item")), Column(local.word("quantity"), True), Column(local.word("unit_price"), True),
             Column(_headed(local, currency), True)),
            tuple((x.description, local.number(x.quantity), local.working(x.unit_price, currency),
                   local.working(x.amount, currency)) for x in receipt.items),
        ))
    elif receipt.description:
        tables.append(Table(
            local.word("receipt_items"), (Column(local.word("item")), Column(_headed(local, currency), True)),
            ((receipt.description, local.amount(receipt.amount_minor, currency)),),
        ))
    if receipt.documents:
        tables.append(Table(
            local.word("receipt_settles"),
            (Column(local.word("receipt_document")), Column(f"{local.word('receipt_settled')} {currency}", True)),
            tuple((x.number, local.amount(x.amount_minor, currency)) for x in receipt.documents),
        ))
    method = "" if receipt.method is None else _known(local, f"method_{receipt.method}", receipt.method)
    tax_id = f"{local.word('tax_id')}: {receipt.customer_tax_id}" if receipt.customer_tax_id else ""
    number = receipt_id(receipt)
    return ReceiptView(
        kind="payment", id=number, language=_tag(local), title=local.word("receipt_payment"), number=receipt.number,
        state=_known(local, f"receipt_{receipt.state}", receipt.state), state_class=_PAYMENT_STATES[receipt.state],
        issuer=receipt.issuer_name, customer=receipt.customer_name,
        customer_rows=tuple(x for x in (receipt.customer_email, tax_id) if x),
        facts=_rows(
            local, receipt_issued_at=_day_or_moment(receipt.issued_at, local), receipt_method=method,
            receipt_revision=str(receipt.revision) if receipt.revision > 1 else "",
        ),
        headline=Row(local.word("receipt_paid"), amount), beside=None, beside_note="", tables=tuple(tables), sums=(),
        due=Row(local.word("receipt_paid"), amount), how=(),
        note=receipt.description or "" if receipt.items else "", roots=(), words=_words(local),
        layout=layout_view(layout),
    )


_PAYMENT_STATES = {"draft": "upcoming", "issued": "paid", "sent": "paid", "archived": "archived", "cancelled": "cancelled"}


def _known(local: Local, key: str, otherwise: str) -> str:
    return local.word(key) if local.has_word(key) else otherwise.replace("_", " ").capitalize()


def _times(value_minor: int, billed_minor: int, local: Local) -> str:
    """How many times the price the value was, to a tenth; "" where that says nothing."""
    if value_minor <= 0 or billed_minor <= 0:
        return ""
    with localcontext(EXACT):
        times = (Decimal(value_minor) / Decimal(billed_minor)).quantize(_TENTH)
    return local.word("receipt_return", n=local.number(times, 1))


def _headed(local: Local, unit: str) -> str:
    return f"{local.word('amount')} {unit}".rstrip()


def _customer_rows(local: Local, name: str, id: str) -> tuple[str, ...]:
    return (f"{local.word('receipt_customer_id')}: {id}",) if id and id != name else ()


def _rows(local: Local, **values: str) -> tuple[Row, ...]:
    return tuple(Row(local.word(key), value) for key, value in values.items() if value)


def _words(local: Local) -> dict[str, str]:
    return {key: local.word(key) for key in _LABELS}


def _tag(local: Local) -> str:
    return str(local.locale).replace("_", "-")


def _moment(at: datetime, local: Local) -> str:
    utc = at.astimezone(UTC)
    return f"{local.date(utc.date())}, {utc:%H:%M:%S}" if utc.second else f"{local.date(utc.date())}, {utc:%H:%M}"


def _day_or_moment(at: datetime, local: Local) -> str:
    """An instant that somebody gave as a day is shown as one."""
    utc = at.astimezone(UTC)
    return local.date(utc.date()) if utc.time() == time.min else _moment(utc, local)


def half_open(start: datetime, end: datetime, local: Local) -> str:
    """Whole days are shown by their first and last; anything else with its times."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    if first.time() == time.min and last.time() == time.min:
        return local.period(Period(first.date(), last.date()))
    return f"{_moment(first, local)} – {_moment(last, local)}"


def _closed(start: datetime, end: datetime, local: Local) -> str:
    """The same where the end is the last instant that counts."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    if first.time() == time.min and last.time() >= _LAST_SECOND:
        return local.period(Period(first.date(), last.date() + timedelta(days=1)))
    return f"{_moment(first, local)} – {_moment(last, local)}"
