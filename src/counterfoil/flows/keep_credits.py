"""Keep credits: the units that they are counted in, what is granted of them, and what a customer has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.quantity import ZERO, out_of_bounds
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.flows.ports import Tx
from counterfoil.flows.spend_credits import NewGrant, add_grants, stands
from counterfoil.flows.wallet_rows import CreditCurrency, CreditGrant, CreditUse

PLACES = 6
"""Decimals that credits may have."""
SMALLEST = Decimal(1).scaleb(-PLACES)


@dataclass(frozen=True, slots=True)
class Held:
    """What a customer has in one unit now: grants as they stand, and what waits for credits."""

    currency: CreditCurrency
    grants: tuple[CreditGrant, ...]
    waiting: tuple[CreditUse, ...]

    @property
    def available(self) -> Decimal:
        """What may be spent."""
        return sum((g.balance for g in self.grants), ZERO)

    @property
    def overage(self) -> Decimal:
        """What was used beyond it."""
        return sum((u.credits for u in self.waiting), ZERO)


def create_currency(tx: Tx, name: str, key: str, description: str | None) -> CreditCurrency:
    """Make a unit. Invalid names what is wrong: a key that is taken, too."""
    problems = []
    if not (name.strip() and len(name) <= 200):
        problems.append(Problem("name", "must have 1 to 200 characters"))
    if not (key.strip() == key and key and len(key) <= 100 and key.isprintable()):
        problems.append(Problem("key", "must have 1 to 100 characters, and none around them"))
    if description is not None and len(description) > 2000:
        problems.append(Problem("description", "must not have more than 2000 characters"))
    tx.lock("credit currencies")
    if any(c.key == key for c in tx.credit_currencies()):
        problems.append(Problem("key", f"another credit currency has the key {key[:100]!r}"))
    refuse_if(problems, "credit_currency.bad")
    made = CreditCurrency(tx.new_ref(), name.strip(), key, description, tx.now, tx.now)
    tx.put_credit_currency(made)
    tx.audit("create", "credit_currency", made.ref, after=made)
    return made


def find_currency(tx: Tx, ref: str | None) -> CreditCurrency:
    """The unit of that reference; NotFound `credit_currency.not_found`."""
    found = next((c for c in tx.credit_currencies() if c.ref == ref), None)
    if found is None:
        raise NotFound("credit_currency.not_found", "there is no such credit currency")
    return found


def change_currency(tx: Tx, ref: str | None, description: str | None, archived: bool | None) -> CreditCurrency:
    """Change what may change of a unit: its description, and whether it is archived."""
    tx.lock("credit currencies")
    before = find_currency(tx, ref)
    if description is not None and len(description) > 2000:
        raise Invalid.field("description", "must not have more than 2000 characters")
    made = replace(before, description=description, updated_at=tx.now)
    if archived is not None:
        made = replace(made, archived_at=(before.archived_at or tx.now) if archived else None)
    tx.put_credit_currency(made)
    tx.audit("change", "credit_currency", made.ref, before=before, after=made)
    return made


def grant_credits(
    tx: Tx, customer: Ref, key: str, amount: Decimal, *, starts_at: datetime | None = None,
    expires_at: datetime | None = None, priority: int = 0, names: Sequence[str] = ("key", "amount", "starts_at", "expires_at"),
) -> tuple[CreditCurrency, CreditGrant]:
    """Give a customer credits; what waits takes from them at once. `names`: what the caller calls the four fields.

    Invalid for an amount that is not above zero or has more than six decimals, for a start in the future and an end that is
    not in it; NotFound for a customer who is not there, and for a unit that is archived or not there.
    """
    if customer not in tx.customers([customer], living=True):
        raise NotFound("customer.not_found", f"there is no customer {customer}")
    problems = []
    if out_of_bounds(amount) or amount <= 0 or amount != amount.quantize(SMALLEST, context=EXACT):
        problems.append(Problem(names[1], f"must be more than 0, with at most {PLACES} decimals"))
    if starts_at is not None and starts_at > tx.now:
        problems.append(Problem(names[2], "must not lie in the future"))
    if expires_at is not None and expires_at <= tx.now:
        problems.append(Problem(names[3], "must lie in the future"))
    if not 0 <= priority <= 1000:
        problems.append(Problem("priority", "must be from 0 to 1000"))
    refuse_if(problems, "credits.bad")
    currency = next((c for c in tx.credit_currencies() if c.key == key and c.archived_at is None), None)
    if currency is None:
        raise NotFound("credit_currency.not_found", f"there is no active credit currency {key[:100]!r} ({names[0]})")
    (made,) = add_grants(tx, [NewGrant((customer, currency.ref), amount, starts_at, expires_at, priority)])
    tx.audit("grant", "credits", made.ref, after={"customer_ref": customer, "key": key, "amount": amount})
    return currency, made


def credits_of(tx: Tx, customer: Ref) -> list[Held]:
    """What a customer has in each unit as it stands now, whether or not anybody brought it up to date."""
    if customer not in tx.customers([customer]):
        raise NotFound("customer.not_found", f"there is no customer {customer}")
    pools = tx.pools_of(customer)
    if not pools:
        return []
    currencies = {c.ref: c for c in tx.credit_currencies()}
    grants, waiting = tx.credit_grants(list(pools)), tx.credit_waiting(list(pools))
    found = []
    for pool, as_of in pools.items():
        mine = [g for g in grants if g.pool == pool]
        now = stands(mine, as_of, tx.now)
        found.append(Held(
            currencies[pool[1]], tuple(replace(g, balance=now.balances[g.ref]) for g in mine),
            tuple(u for u in waiting if u.pool == pool),
        ))
    return found
