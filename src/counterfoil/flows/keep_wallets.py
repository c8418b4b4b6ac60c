"""Keep wallets: make them, grant to them, sell what fills them, and top them up by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import get_args

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import CURRENCIES, MAX_MINOR, to_major
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.core.invoicing.document import Document, LineKind
from counterfoil.flows.fill_wallets import add_granted
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.ports import Tx
from counterfoil.flows.wallet_rows import LotRow, PurchaseRow, WalletRow

KINDS: tuple[str, ...] = get_args(LineKind)
MOST_WALLETS = 20
"""Wallets of one customer."""
PREPAID = "Prepaid credit"
"""What the line of a purchase is called."""


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet as it is asked for; entity and currency are the customer's where they are left out."""

    customer_ref: Ref
    entity_ref: Ref | None = None
    currency: str | None = None
    name: str = ""
    priority: int = 0
    pays: tuple[str, ...] | None = None
    top_up: tuple[int, int] | None = None


def find_wallet(tx: Tx, ref: str) -> WalletRow:
    """A wallet with what it holds; NotFound `wallet.not_found`."""
    rows = tx.wallet_rows([ref])
    if not rows:
        raise NotFound("wallet.not_found", f"there is no wallet {ref}")
    return rows[0]


def create_wallet(tx: Tx, new: NewWallet) -> WalletRow:
    """Make an empty wallet. Invalid names what is wrong; Conflict `wallet.too_many`."""
    customer = tx.customers([new.customer_ref], living=True).get(new.customer_ref)
    if customer is None:
        raise NotFound("customer.not_found", f"there is no customer {new.customer_ref}")
    entity = new.entity_ref or customer.entity_ref
    if entity not in tx.entities([entity]):
        raise NotFound("entity.not_found", f"there is no entity {entity}")
    below, amount = new.top_up or (None, None)
    row = WalletRow(
        tx.new_ref(), customer.ref, entity, new.currency or customer.currency, new.name.strip(), new.priority, new.pays, below,
        amount, tx.now, None,
    )
    refuse_if(_problems(row), "wallet.bad")
    if len(tx.lock_wallets(customers=[customer.ref])) >= MOST_WALLETS:
        raise Conflict("wallet.too_many", f"a customer has at most {MOST_WALLETS} wallets")
    tx.add_wallet(row)
    tx.audit("create", "wallet", row.ref, after=row)
    return find_wallet(tx, row.ref)


def change_wallet(
    tx: Tx, ref: str, *, name: str | None = None, priority: int | None = None,
    top_up: tuple[int, int] | tuple[()] | None = None, closed: bool | None = None,
) -> WalletRow:
    """Change what is given; `top_up=()` ends it. A closed wallet pays nothing and keeps what it holds."""
    _held(tx, ref)
    before = find_wallet(tx, ref)
    row = replace(
        before, name=before.name if name is None else name.strip(), priority=before.priority if priority is None else priority
    )
    if top_up is not None:
        below, amount = top_up or (None, None)
        row = replace(row, top_up_below_minor=below, top_up_minor=amount)
    if closed is not None:
        row = replace(row, closed_at=(before.closed_at or tx.now) if closed else None)
    refuse_if(_problems(row), "wallet.bad")
    tx.change_wallet(row)
    tx.audit("change", "wallet", row.ref, before=before, after=row)
    return find_wallet(tx, ref)


def grant(
    tx: Tx, wallet_ref: str, amount_minor: int, *, reason: str, priority: int = 0, expires_at: datetime | None = None
) -> LotRow:
    """Give a customer credit. Invalid names what is wrong; Conflict `wallet.closed`."""
    problems = list(_lot_problems(tx, amount_minor, priority, expires_at))
    if not (reason.strip() and len(reason) <= 500):
        problems.append(Problem("reason", "must have 1 to 500 characters"))
    w = _open(_held(tx, wallet_ref))
    refuse_if(problems, "wallet.bad_lot")
    lot = add_granted(tx, w, amount_minor, priority=priority, expires_at=expires_at, reason=reason.strip())
    tx.audit("grant", "wallet", w.ref, after={"lot_ref": lot.ref, "amount_minor": amount_minor}, why=reason)
    return lot


def purchase(
    tx: Tx, wallet_ref: str, amount_minor: int, *, priority: int = 0, expires_at: datetime | None = None,
    net_days: int | None = None,
) -> Document:
    """Issue an invoice whose payment fills the wallet with its amount. It has no tax: that is due when the credit is used
    (a multi-purpose voucher, Directive 2006/112/EC, article 30b). No wallet pays it."""
    w = _open(find_wallet(tx, wallet_ref))  # not held: its lock comes after the counters of numbers
    refuse_if(_lot_problems(tx, amount_minor, priority, expires_at), "wallet.bad_lot")
    (document,) = invoice_ad_hoc(tx, [_order(w, amount_minor, net_days)], prepaid=False)
    tx.add_purchases([PurchaseRow(document.ref, w.ref, None, None, priority, expires_at, False, "open", tx.now)])
    tx.audit("purchase", "wallet", w.ref, after={"document_ref": document.ref, "amount_minor": amount_minor})
    return document


def purchase_credits(
    tx: Tx, customer_ref: Ref, currency_key: str, credits: Decimal, unit_price: Decimal, *, currency: str | None = None,
    priority: int = 0, expires_at: datetime | None = None, net_days: int | None = None,
) -> Document:
    """Issue an invoice over credits at a price each (main unit, exact), whose payment grants them."""
    unit = next((c for c in tx.credit_currencies() if c.key == currency_key and c.archived_at is None), None)
    if unit is None:
        raise NotFound("credit_currency.not_found", f"there is no active credit currency {currency_key[:100]!r}")
    problems = list(_lot_problems(tx, 1, priority, expires_at))
    if not 0 < credits < 10**15:
        problems.append(Problem("credits", "must be more than 0"))
    if not 0 < unit_price < 10**15:
        problems.append(Problem("unit_price", "must be more than 0: grant what is given away"))
    refuse_if(problems, "credits.bad")
    line = AdHocLine(unit.name, unit_price, credits, unit="credit")
    order = AdHocInvoice(customer_ref, (line,), currency=currency, net_days=net_days)
    (document,) = invoice_ad_hoc(tx, [order], prepaid=False)
    tx.add_purchases([PurchaseRow(document.ref, None, unit.ref, credits, priority, expires_at, False, "open", tx.now)])
    tx.audit("purchase", "credits", document.ref, after={"credits": credits, "key": unit.key})
    return document


def top_up_wallets(tx: Tx, limit: int) -> list[Document]:
    """Issue invoices that top up wallets which hold less than they should, one at a time for each: there is no further one
    until that is paid or credited in full."""
    if not tx.wallets_to_top_up(1):
        return []
    tx.lock("wallet top-ups")
    found = tx.wallets_to_top_up(limit)
    living = tx.customers(list({w.customer_ref for w in found}), living=True)
    due = [(w, w.top_up_minor) for w in found if w.top_up_minor is not None and w.customer_ref in living]
    made = invoice_ad_hoc(tx, [_order(w, minor) for w, minor in due], prepaid=False) if due else []
    tx.add_purchases([
        PurchaseRow(d.ref, w.ref, None, None, 0, None, True, "open", tx.now) for d, (w, _minor) in zip(made, due, strict=True)
    ])
    tx.audit_all("top_up", "wallet", [(w.ref, {"document_ref": d.ref}) for d, (w, _minor) in zip(made, due, strict=True)])
    return made


def _order(w: WalletRow, amount_minor: int, net_days: int | None = None) -> AdHocInvoice:
    line = AdHocLine(PREPAID + (f": {w.name}" if w.name else ""), to_major(amount_minor, w.currency), tax_percent=ZERO)
    return AdHocInvoice(w.customer_ref, (line,), entity_ref=w.entity_ref, currency=w.currency, net_days=net_days)


def _held(tx: Tx, ref: str) -> WalletRow:
    rows = tx.lock_wallets([ref])
    if not rows:
        raise NotFound("wallet.not_found", f"there is no wallet {ref}")
    return rows[0]


def _open(w: WalletRow) -> WalletRow:
    if w.closed_at is not None:
        raise Conflict("wallet.closed", f"the wallet {w.ref} is closed")
    return w


def _problems(w: WalletRow) -> Iterator[Problem]:
    if w.currency not in CURRENCIES:
        yield Problem("currency", f"{w.currency[:40]!r} is not an ISO 4217 currency code such as EUR")
    if len(w.name) > 200:
        yield Problem("name", "must not have more than 200 characters")
    if not 0 <= w.priority <= 1000:
        yield Problem("priority", "must be from 0 to 1000")
    for n, kind in enumerate(w.pays or ()):
        if kind not in KINDS:
            yield Problem(f"pays[{n}]", f"must be one of {', '.join(KINDS)}")
    for name, minor in (("below", w.top_up_below_minor), ("amount", w.top_up_minor)):
        if minor is not None and not 0 < minor < MAX_MINOR:
            yield Problem(f"top_up.{name}", "must be more than 0")


def _lot_problems(tx: Tx, amount_minor: int, priority: int, expires_at: datetime | None) -> Sequence[Problem]:
    problems = []
    if not 0 < amount_minor < MAX_MINOR:
        problems.append(Problem("amount", "must be more than 0, and not beyond what money is counted to"))
    if not 0 <= priority <= 1000:
        problems.append(Problem("priority", "must be from 0 to 1000"))
    if expires_at is not None and expires_at <= tx.now:
        problems.append(Problem("expires_at", "must lie in the future"))
    return problems
