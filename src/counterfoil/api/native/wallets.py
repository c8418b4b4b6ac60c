"""`/v1/wallets`: prepaid balances of customers, what fills them and what they paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.wire import (
    Amount,
    CurrencyText,
    Input,
    Instant,
    Output,
    RefText,
    ShortText,
    amount,
)
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import exponent, to_minor
from counterfoil.core.basis.quantity import out_of_bounds
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.invoicing.document import Document, LineKind
from counterfoil.core.payments.wallet import LotKind
from counterfoil.flows.keep_wallets import (
    NewWallet,
    change_wallet,
    create_wallet,
    find_wallet,
    grant,
    purchase,
)
from counterfoil.flows.wallet_rows import LotRow, MoveKind, MoveRow, WalletRow

Money = Annotated[Decimal, Meta(description="In the currency's main unit, exact", examples=["500.00"])]
Priority = Annotated[int, Meta(ge=0, le=1000, description="Lower is used first")]
Days = Annotated[int, Meta(ge=0, le=3650)]


class TopUp(Input):
    """When the wallet holds less than `below`, an invoice over `amount` is issued; its payment fills the wallet."""

    below: Money
    amount: Money


class NewWalletIn(Input):
    """A wallet; entity and currency are the customer's own where they are left out. `pays`: kinds of document lines that it
    may pay, all where it is left out."""

    customer_ref: RefText
    entity_ref: RefText | None = None
    currency: CurrencyText | None = None
    name: ShortText = ""
    priority: Priority = 0
    pays: list[LineKind] | None = None
    top_up: TopUp | None = None


class WalletChange(Input):
    """What is to change; `top_up: null` ends it. A closed wallet pays nothing and keeps what it holds."""

    name: ShortText | None = None
    priority: Priority | None = None
    top_up: TopUp | UnsetType | None = UNSET
    closed: bool | None = None


class TopUpOut(Output):
    """When and with how much it is topped up."""

    below: Amount
    amount: Amount


class WalletOut(Output):
    """A wallet. `balance`: what may be used now; `held`: what was bought by an invoice whose payment was taken back."""

    wallet_ref: RefText
    customer_ref: RefText
    entity_ref: RefText
    currency: str
    name: str
    priority: int
    pays: list[str] | None
    balance: Amount
    held: Amount
    top_up: TopUpOut | None
    created_at: Instant
    closed_at: Instant | None


class LotOut(Output):
    """Money that came into a wallet together. `document_ref`: the invoice that bought it."""

    lot_ref: RefText
    wallet_ref: RefText
    kind: LotKind
    priority: int
    amount: Amount
    left: Amount
    expires_at: Instant | None
    reason: str
    document_ref: RefText | None
    created_at: Instant


class WalletDetail(WalletOut):
    """A wallet with its lots, the newest first."""

    lots: list[LotOut]


class MoveOut(Output):
    """What changed a lot: above zero something came, below it went. `document_ref` and `number`: the document that it paid
    (`draw`), that gave it back (`return`, `revoke`) or that bought it (`purchase`)."""

    move_ref: RefText
    wallet_ref: RefText
    lot_ref: RefText
    kind: MoveKind
    amount: Amount
    document_ref: RefText | None
    number: str | None
    at: Instant
    actor: str
    why: str


class Drawn(Output):
    """What prepaid balances paid of a document, or got back by it, lot by lot."""

    data: list[MoveOut]


class WalletFilter(Input):
    """Whose wallets."""

    customer_ref: RefText


class Wallets(Output):
    """A customer's wallets, in the order in which they are used."""

    data: list[WalletOut]


class NewLot(Input):
    """Credit that is given away."""

    amount: Money
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    priority: Priority = 0
    expires_at: Instant | None = None


class NewPurchase(Input):
    """Credit that is sold: an invoice over `amount` is issued, and its payment fills the wallet."""

    amount: Money
    priority: Priority = 0
    expires_at: Instant | None = None
    net_days: Days | None = None


class Sold(Output):
    """The invoice whose payment fills it."""

    document_ref: RefText
    number: str
    total: Amount
    currency: str


def post_wallet(call: Call) -> WalletDetail:
    """Make a wallet."""
    b: NewWalletIn = call.body
    currency = b.currency
    if currency is None and b.top_up is not None:
        customer = call.tx.customers([b.customer_ref], living=True).get(b.customer_ref)
        if customer is None:
            raise NotFound("customer.not_found", f"there is no customer {b.customer_ref}")
        currency = customer.currency
    made = create_wallet(call.tx, NewWallet(
        Ref(b.customer_ref), None if b.entity_ref is None else Ref(b.entity_ref), currency, b.name, b.priority,
        None if b.pays is None else tuple(b.pays), _top_up(b.top_up, currency or ""),
    ))  # fmt: skip
    return _detail(call, made)


def list_wallets(call: Call) -> Wallets:
    """A customer's wallets."""
    return Wallets(data=[WalletOut(**_head(w)) for w in call.tx.wallet_rows(customer_ref=call.query.customer_ref)])


def get_prepaid_wallet(call: Call) -> WalletDetail:
    """One wallet with its lots."""
    return _detail(call, find_wallet(call.tx, call.ref("wallet_ref")))


def patch_wallet(call: Call) -> WalletDetail:
    """Change a wallet."""
    b: WalletChange = call.body
    w = find_wallet(call.tx, call.ref("wallet_ref"))
    top_up: tuple[int, int] | tuple[()] | None = None
    if not isinstance(b.top_up, UnsetType):
        top_up = _top_up(b.top_up, w.currency) or ()
    changed = change_wallet(call.tx, w.ref, name=b.name, priority=b.priority, top_up=top_up, closed=b.closed)
    return _detail(call, changed)


def post_grant(call: Call) -> LotOut:
    """Give a customer credit."""
    b: NewLot = call.body
    w = find_wallet(call.tx, call.ref("wallet_ref"))
    lot = grant(call.tx, w.ref, minor_of(b.amount, w.currency, "amount"), reason=b.reason, priority=b.priority,
                expires_at=b.expires_at)  # fmt: skip
    return _lot(lot, w.currency)


def post_purchase(call: Call) -> Sold:
    """Sell a customer credit."""
    b: NewPurchase = call.body
    w = find_wallet(call.tx, call.ref("wallet_ref"))
    return sold(purchase(
        call.tx, w.ref, minor_of(b.amount, w.currency, "amount"), priority=b.priority, expires_at=b.expires_at,
        net_days=b.net_days,
    ))  # fmt: skip


def list_moves(call: Call) -> Page[MoveOut]:
    """What moved a wallet, the latest first."""
    q: Paging = call.query
    w = find_wallet(call.tx, call.ref("wallet_ref"))
    before = position(q.after, int)
    rows = call.tx.wallet_moves(w.ref, None if before is None else min(max(before[0], 0), 2**62), q.limit + 1)
    return page(rows, q.limit, lambda m: (m.seq,), lambda m: move_out(m, w.currency))


def get_draws(call: Call) -> Drawn:
    """What prepaid balances paid of a document."""
    row = call.tx.document_row(call.ref("document_ref"))
    if row is None:
        raise NotFound("document.not_found", f"there is no document {call.ref('document_ref')}")
    return Drawn(data=[move_out(m, row.currency) for m in call.tx.moves_on([row.ref])])


def minor_of(value: Decimal, currency: str, field: str) -> int:
    """Minor units of an amount; Invalid for more decimals than the currency has."""
    value = bounded(value, field)
    minor = to_minor(value, currency)
    if value.scaleb(exponent(currency)) != minor:
        raise Invalid.field(field, f"has more decimals than {currency}")
    return minor


def bounded(value: Decimal, field: str) -> Decimal:
    """The decimal, where a column can hold it."""
    fault = out_of_bounds(value)
    if fault:
        raise Invalid.field(field, fault)
    return value


def _top_up(t: TopUp | None, currency: str) -> tuple[int, int] | None:
    if t is None:
        return None
    return minor_of(t.below, currency, "top_up.below"), minor_of(t.amount, currency, "top_up.amount")


def _head(w: WalletRow) -> dict[str, Any]:
    top_up = None
    if w.top_up_below_minor is not None and w.top_up_minor is not None:
        top_up = TopUpOut(below=amount(w.top_up_below_minor, w.currency), amount=amount(w.top_up_minor, w.currency))
    return {
        "wallet_ref": w.ref, "customer_ref": w.customer_ref, "entity_ref": w.entity_ref, "currency": w.currency,
        "name": w.name, "priority": w.priority, "pays": None if w.pays is None else list(w.pays),
        "balance": amount(w.balance_minor, w.currency), "held": amount(w.held_minor, w.currency), "top_up": top_up,
        "created_at": w.created_at, "closed_at": w.closed_at,
    }


def _detail(call: Call, w: WalletRow) -> WalletDetail:
    return WalletDetail(**_head(w), lots=[_lot(x, w.currency) for x in call.tx.wallet_lots(w.ref)])


def _lot(x: LotRow, currency: str) -> LotOut:
    return LotOut(
        lot_ref=x.ref, wallet_ref=x.wallet_ref, kind=x.kind, priority=x.priority, amount=amount(x.amount_minor, currency),
        left=amount(x.left_minor, currency), expires_at=x.expires_at, reason=x.reason, document_ref=x.document_ref,
        created_at=x.created_at,
    )


def move_out(m: MoveRow, currency: str) -> MoveOut:
    """A move as it is shown."""
    return MoveOut(
        move_ref=m.ref, wallet_ref=m.wallet_ref, lot_ref=m.lot_ref, kind=m.kind, amount=amount(m.amount_minor, currency),
        document_ref=m.document_ref, number=m.number or None, at=m.at, actor=m.actor, why=m.why,
    )


def sold(d: Document) -> Sold:
    """The invoice of a purchase, as it is shown."""
    return Sold(document_ref=d.ref, number=d.number, total=amount(d.total_minor, d.currency), currency=d.currency)


_ONE = "/v1/wallets/{wallet_ref}"
_NEW = {"customer_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11", "currency": "EUR", "name": "Prepaid",
        "top_up": {"below": "100.00", "amount": "500.00"}}  # fmt: skip

ROUTES = (
    Route("POST", "/v1/wallets", "Prepaid", "Make a wallet", post_wallet, WalletDetail, body=NewWalletIn, roles=FINANCE,
          status=201, errors=(404, 409), example=_NEW,
          about="A customer's documents are paid from its wallets before anything else pays them: `credits` on the document."),
    Route("GET", "/v1/wallets", "Prepaid", "A customer's wallets", list_wallets, Wallets, query=WalletFilter),
    Route("GET", _ONE, "Prepaid", "A wallet with its lots", get_prepaid_wallet, WalletDetail, errors=(404,)),
    Route("PATCH", _ONE, "Prepaid", "Change a wallet: its name, priority and top-up, or close it", patch_wallet, WalletDetail,
          body=WalletChange, roles=FINANCE, errors=(404,),
          example={"priority": 1, "top_up": {"below": "100.00", "amount": "500.00"}}),
    Route("POST", f"{_ONE}/grants", "Prepaid", "Give a customer credit", post_grant, LotOut, body=NewLot, roles=FINANCE,
          status=201, errors=(404, 409), example={"amount": "25.00", "reason": "Welcome"}),
    Route("POST", f"{_ONE}/purchases", "Prepaid", "Sell a customer credit", post_purchase, Sold, body=NewPurchase,
          roles=FINANCE, status=201, errors=(404, 409), example={"amount": "500.00"},
          about="Issues an invoice without tax; when it is paid, its amount becomes a lot of the wallet."),
    Route("GET", f"{_ONE}/moves", "Prepaid", "What moved a wallet, the latest first", list_moves, Page[MoveOut],
          query=Paging, errors=(404,)),
    Route("GET", "/v1/documents/{document_ref}/draws", "Prepaid", "What prepaid balances paid of a document", get_draws,
          Drawn, errors=(404,)),

)
