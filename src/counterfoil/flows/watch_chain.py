"""Watch a chain: what was seen of it becomes transfers, and transfers become payments, each once.

A look has three steps. `plan` says, in a transaction, what to ask; the job asks the node; `apply` writes down, in another, what
came of it. A look is thrown away when anything that it was planned on has changed. Everything up to the final block was read when
it had its confirmations; younger blocks are read again with every look, so what a node answers too early is put right later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.payments.tokens import (
    REASONS,
    Sight,
    Token,
    after,
    is_final,
    minor_of,
    payment_name,
    shown_units,
    why_ignored,
    why_waiting,
)
from counterfoil.flows.chain_port import Block, TransferLog
from counterfoil.flows.dispute_payment import close_dispute, open_dispute
from counterfoil.flows.payment_rows import NewPayment
from counterfoil.flows.settle_payment import draft_payments, move_payment, settle_payments
from counterfoil.flows.token_rows import ChainRow, Mark, TokenRow, TokenTx, TransferRow

PARKED = "token_transfer"
"""What transfers that wait, or were taken back, are called in the work list; the reference is that of the transfer."""
STOPPED = "watch_chain"
"""What a chain that cannot be read on is called in the work list; the reference is its id."""
RETRIED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What a look asks: transfers to `addresses` from after `final` on. `marks`: earlier blocks to go back to, the last first.
    `unchecked`: tokens whose decimals are to be asked for."""

    chain: ChainRow
    addresses: tuple[str, ...]
    marks: tuple[Mark, ...]
    unchecked: tuple[TokenRow, ...]

    @property
    def final(self) -> Mark | None:
        """The last block that was read for good."""
        c = self.chain
        return None if c.final_block is None or c.final_hash is None else (c.final_block, c.final_hash)


@dataclass(frozen=True, slots=True)
class Look:
    """What a node answered. `since`: the block after which was read, one of those planned; `last`: the last that was read;
    `final`: the last of those read that has its confirmations (None: none has). `blocks`: those that logs are in."""

    plan: Plan
    head: Block
    since: Mark
    last: int
    final: Mark | None
    logs: tuple[TransferLog, ...] = ()
    blocks: Mapping[int, Block] = field(default_factory=dict)
    decimals: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def at_head(self) -> bool:
        """Whether everything up to the head was read: what was not found is gone."""
        return self.last >= self.head.number


@dataclass(frozen=True, slots=True)
class Applied:
    """What a look came to: `stale` when it was thrown away; `more`: whether there is more to read at once."""

    stale: bool = False
    more: bool = False
    transfers: int = 0


def plan(tx: TokenTx, chain_id: int) -> Plan | None:
    """What to ask of a chain now; None when it is not watched, or waits in the work list."""
    chain = tx.chain_row(chain_id)
    if chain is None or not chain.is_on or tx.is_stopped(chain_id, STOPPED):
        return None
    return Plan(
        chain, tuple(a.address for a in tx.token_addresses()), tuple(tx.chain_marks(chain_id)),
        tuple(t for t in tx.chain_tokens(chain_id) if t.checked_at is None),
    )


def failed(tx: TokenTx, chain_id: int, reason: str) -> None:
    """A look came to nothing; it is tried again."""
    tx.chain_looked(chain_id, error=reason[:500])


def stopped(tx: TokenTx, chain_id: int, reason: str) -> None:
    """A chain cannot be read on without somebody: it waits in the work list."""
    tx.lock(f"chain {chain_id}")
    tx.chain_looked(chain_id, error=reason[:500])
    tx.park(STOPPED, str(chain_id), reason)


def apply(tx: TokenTx, look: Look) -> Applied:
    """Write down what a look found, and settle what is final. All of it, or nothing."""
    chain_id = look.plan.chain.chain_id
    tx.lock(f"chain {chain_id}")
    chain = tx.chain_row(chain_id)
    same = (
        chain is not None and chain.is_on
        and (chain.final_block, chain.final_hash, chain.confirmations) == (
            look.plan.chain.final_block, look.plan.chain.final_hash, look.plan.chain.confirmations)
        and tx.token_address_count() == len(look.plan.addresses)
    )
    if not same:
        return Applied(stale=True)
    _check_tokens(tx, look)
    if look.plan.final is not None and look.since != look.plan.final:
        tx.rewind_chain(chain_id, look.since)
        tx.audit("rewind", "chain", str(chain_id), before=look.plan.final, after=look.since, why=REASONS["reorganised"])
    changed = _sighted(tx, look)
    tx.put_transfers(changed)
    final = look.final or look.since
    tx.chain_looked(chain_id, final=final, head=look.head.number)
    if final != look.plan.final:
        tx.add_chain_mark(chain_id, final)
    return Applied(more=not look.at_head, transfers=len(changed))


def _check_tokens(tx: TokenTx, look: Look) -> None:
    """Take what contracts told of their decimals: a token that says others than we were told settles nothing."""
    for row in look.plan.unchecked:
        if row.token.address not in look.decimals:
            continue
        told = look.decimals[row.token.address]
        ref = f"{row.chain_id}:{row.token.address}"
        if told == row.token.decimals:
            tx.put_chain_token(replace(row, checked_at=tx.now))
            tx.unpark("chain_token", ref)
        else:
            said = "there is no such token contract" if told is None else f"its contract tells {told} decimals"
            tx.park("chain_token", ref, f"{row.token.symbol} with {row.token.decimals} decimals: {said}; nothing settles with it")


def _sighted(tx: TokenTx, look: Look) -> list[TransferRow]:
    """The transfers that a look found, or did not find any more, as they are after it."""
    chain = look.plan.chain
    tokens = {t.token.address: t.token for t in tx.chain_tokens(chain.chain_id) if t.checked_at is not None}
    known = tx.transfers_named(chain.chain_id, [(x.tx_hash, x.log_index) for x in look.logs])
    fresh = [x for x in look.logs if (x.tx_hash, x.log_index) not in known]
    tx.put_transfers([_new(tx, look, x, tokens) for x in fresh])
    known |= tx.transfers_named(chain.chain_id, [(x.tx_hash, x.log_index) for x in fresh])
    missing = [r for r in tx.transfers_after(chain.chain_id, look.since[0], look.last) if r.key not in known]
    _hold_accounts(tx, [*known.values(), *missing])
    found: list[TransferRow] = []
    for row in missing:
        found.append(_moved(tx, row, "gone", tokens) if look.at_head else replace(row, is_missing=True))
    for x in look.logs:
        row = known[(x.tx_hash, x.log_index)]
        sight: Sight = "final" if is_final(x.block_number, look.head.number, chain.confirmations) else "young"
        at = look.blocks[x.block_number].at
        row = replace(
            row, block_number=x.block_number, block_hash=x.block_hash, at=at, is_missing=False,
            times=row.times + (row.state in ("dropped", "reversed")),
        )
        found.append(_moved(tx, row, sight, tokens))
    return found


def _hold_accounts(tx: TokenTx, rows: Sequence[TransferRow]) -> None:
    """All accounts that money may move of, at once: taken one by one, two transactions could wait for each other."""
    tx.lock_accounts([row.customer_ref for row in rows if row.customer_ref])


def _new(tx: TokenTx, look: Look, x: TransferLog, tokens: Mapping[str, Token]) -> TransferRow:
    reason = why_ignored(x.amount, tokens.get(x.token))
    return TransferRow(
        look.plan.chain.chain_id, x.tx_hash, x.log_index, x.block_number, x.block_hash, look.blocks[x.block_number].at, x.token,
        x.sender, x.to, x.amount, "ignored" if reason else "pending", reason, False, 1, None, tx.now,
    )


# what follows of a transfer ---------------------------------------------------------------------------------------------


def _moved(tx: TokenTx, row: TransferRow, sight: Sight, tokens: Mapping[str, Token]) -> TransferRow:
    """A transfer after it was found so: its payment is begun, posted, canceled or taken back with it."""
    token = tokens.get(row.token)
    if row.state == "ignored":
        return row
    if sight == "gone":
        return _gone(tx, row)
    if row.state in ("settled", "waiting"):
        return row
    if token is None:  # it does not count as money any more
        _cancel(tx, row, "unknown_token")
        return replace(row, state="ignored", reason="unknown_token", payment_ref=None)
    minor = minor_of(row.amount, token)
    why = why_waiting(minor, token, row.document_currency) or ("not_payable" if row.document_kind == "CREDIT" else "")
    state = after(row.state, sight, known=not why)
    if state == "waiting":
        return _waits(tx, replace(row, state=state, reason=why))
    if why:
        return replace(row, state=state, reason=why, payment_ref=None)
    payment = _payment(row, token, minor)
    try:
        [paid] = settle_payments(tx, [payment]) if state == "settled" else draft_payments(tx, [payment], "processing")
    except (Conflict, Invalid, NotFound):  # what refuses, does so before anything is written
        return _waits(tx, replace(row, state="waiting", reason="refused", times=row.times + 1, payment_ref=None))
    tx.unpark(PARKED, row.id)
    return replace(row, state=state, reason="", payment_ref=paid.ref)


def _payment(
    row: TransferRow, token: Token, minor: int, *, customer: Ref | None = None, document: Ref | None = None
) -> NewPayment:
    document = document or row.document_ref
    customer = customer or row.customer_ref
    assert customer is not None and row.entity_ref is not None
    return NewPayment(
        customer_ref=customer, entity_ref=row.entity_ref, currency=token.currency, amount_minor=minor, method="token",
        received_at=row.at, provider=f"evm:{row.chain_id}", provider_ref=payment_name(row.tx_hash, row.log_index, row.times),
        reference=row.tx_hash, memo=f"{shown_units(row.amount, token.decimals)} {token.symbol} from {row.sender}",
        to=((document, minor),) if document else (), auto=False,
    )


def _waits(tx: TokenTx, row: TransferRow) -> TransferRow:
    tx.park(PARKED, row.id, f"{row.amount} units of {row.token} to {row.address}: {REASONS[row.reason]}")
    return row


def _gone(tx: TokenTx, row: TransferRow) -> TransferRow:
    """The chain was rewritten and no longer has it: a payment on its way is canceled, one that was posted is taken back."""
    state = after(row.state, "gone", known=True)
    if state == row.state:
        return replace(row, is_missing=False)
    if row.state == "pending":
        _cancel(tx, row, "reorganised")
    if row.state == "settled" and row.payment_ref is not None:
        _taken_back(tx, row, row.payment_ref)
    if row.state == "waiting":
        tx.unpark(PARKED, row.id)
    tx.audit("drop", "token_transfer", row.id, before={"state": row.state}, after={"state": state}, why=REASONS["reorganised"])
    return replace(row, state=state, reason="reorganised", is_missing=False)


def _cancel(tx: TokenTx, row: TransferRow, reason: str) -> None:
    """Cancel the payment that was on its way, unless somebody did."""
    if row.payment_ref is not None and tx.payment_rows([row.payment_ref])[row.payment_ref].state == "processing":
        move_payment(tx, row.payment_ref, "canceled", code=reason, message=REASONS[reason])


def _taken_back(tx: TokenTx, row: TransferRow, payment: Ref) -> None:
    """What a vanished transfer settled is owed again, as if its bank had charged it back; somebody is to look at it."""
    name = payment_name(row.tx_hash, row.log_index, row.times)
    reason = REASONS["reorganised"]
    try:
        open_dispute(tx, payment, provider_ref=name, reason=reason)
        close_dispute(tx, payment, won=False, provider_ref=name)
    except (Conflict, Invalid) as error:  # such as one whose money was given back since
        reason = f"{reason}; its payment could not be taken back: {error.message}"
    tx.park(PARKED, row.id, reason)


# by hand ----------------------------------------------------------------------------------------------------------------


def find_transfer(tx: TokenTx, chain_id: int, tx_hash: str, log_index: int) -> TransferRow:
    """One transfer; NotFound `transfer.not_found`."""
    key = tx_hash.lower(), log_index
    row = tx.transfers_named(chain_id, [key]).get(key) if 0 < chain_id < 2**53 and 0 <= log_index < 2**53 else None
    if row is None:
        raise NotFound("transfer.not_found", f"no transfer {tx_hash[:80]}:{log_index} was seen on chain {chain_id}")
    return row


def settle_transfer(
    tx: TokenTx, row: TransferRow, *, document_ref: str | None = None, customer_ref: str | None = None
) -> TransferRow:
    """Say what a transfer that waits is for: a document, or a customer on account. Conflict `transfer.not_waiting` for one that
    does not; Invalid for a document of another entity or currency."""
    tx.lock(f"chain {row.chain_id}")
    row = find_transfer(tx, row.chain_id, row.tx_hash, row.log_index)
    if row.state != "waiting":
        raise Conflict("transfer.not_waiting", f"the transfer is {row.state}")
    token = _tokens(tx, row.chain_id).get(row.token)
    if token is None:
        raise Conflict("transfer.unknown_token", REASONS["unknown_token"])
    customer = None if customer_ref is None else Ref(customer_ref)
    document = None if document_ref is None else Ref(document_ref)
    if document is not None:
        found = tx.document_row(document)
        if found is None:
            raise NotFound("document.not_found", f"there is no document {document}")
        if customer not in (None, found.customer_ref):
            raise Invalid.field("document_ref", f"{found.number} is of another customer")
        customer = found.customer_ref
    if customer is None:
        raise Invalid.field("document_ref", "say which document it pays, or whose money it is")
    by_hand = replace(row, document_ref=None)
    [paid] = settle_payments(
        tx, [_payment(by_hand, token, minor_of(row.amount, token), customer=customer, document=document)]
    )
    settled = replace(row, state="settled", reason="", payment_ref=paid.ref)
    tx.put_transfers([settled])
    tx.unpark(PARKED, row.id)
    tx.audit("settle", "token_transfer", row.id, after={"document_ref": document, "customer_ref": customer})
    return settled


def retry_transfer(tx: TokenTx, row: TransferRow) -> TransferRow:
    """Judge a transfer that waits, or was ignored, again: a token may count as money by now, a wallet have been named.
    Conflict `transfer.not_waiting` for any other."""
    tx.lock(f"chain {row.chain_id}")
    row = find_transfer(tx, row.chain_id, row.tx_hash, row.log_index)
    if row.state not in ("waiting", "ignored"):
        raise Conflict("transfer.not_waiting", f"the transfer is {row.state}")
    tx.audit("retry", "token_transfer", row.id)
    return _again(tx, row)


def retry_waiting(tx: TokenTx) -> int:
    """Judge those again that somebody took out of the work list; how many they were."""
    rows = tx.transfers_unsettled(RETRIED_AT_ONCE)
    for chain_id in sorted({row.chain_id for row in rows}):
        tx.lock(f"chain {chain_id}")
    _hold_accounts(tx, rows)
    for row in rows:
        now = find_transfer(tx, row.chain_id, row.tx_hash, row.log_index)
        if now.state == "waiting":
            _again(tx, now)
    return len(rows)


def _again(tx: TokenTx, row: TransferRow) -> TransferRow:
    chain = tx.chain_row(row.chain_id)
    assert chain is not None
    tokens = _tokens(tx, row.chain_id)
    reason = why_ignored(row.amount, tokens.get(row.token))
    if reason:
        judged = replace(row, state="ignored", reason=reason)
        tx.unpark(PARKED, row.id)
    else:
        final = chain.final_block is not None and row.block_number <= chain.final_block
        judged = _moved(tx, replace(row, state="pending", reason=""), "final" if final else "young", tokens)
    tx.put_transfers([judged])
    return judged


def _tokens(tx: TokenTx, chain_id: int) -> dict[str, Token]:
    return {t.token.address: t.token for t in tx.chain_tokens(chain_id) if t.checked_at is not None}



def transfers(
    tx: TokenTx, before: tuple[datetime, str, int] | None, limit: int, *, state: str | None = None, chain_id: int | None = None,
    document_ref: str | None = None,
) -> list[TransferRow]:
    """Transfers, the latest seen first, by any of these filters."""
    return tx.transfer_page(before, limit, state=state, chain_id=chain_id, document_ref=document_ref)
