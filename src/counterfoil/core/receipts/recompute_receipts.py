"""Sealed receipts computed again from their own record and what stands under its root: balances, payments.

As in `recompute.py`, the record is read as JSON; each function tells what it found in plain words. What cannot be
computed is named in `stated`, never passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

from counterfoil.core.basis.canonical import Json, canonical
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import EXACT, to_minor
from counterfoil.core.basis.period import Window, read_instant
from counterfoil.core.basis.quantity import MAX_SCALE, ONE, decimal_text
from counterfoil.core.receipts.recompute import Events, Recomputed, guarded, money, require
from counterfoil.core.receipts.shapes import BALANCE, DELTA, PAYMENT, Shape, decimal_in, shaped
from counterfoil.core.tlog.tree import leaf_hashes, root_of

STATES = ("issued", "sent", "archived", "cancelled")

DELTAS_AS_RECORDED = (
    "The deltas are those that were sealed. That each of them is right, and that none was left out, is not something a "
    "signature can show: compare them with your own records."
)
STARTING_AS_STATED = (
    "The starting balance of {} {} is the sum of deltas 1 to {}, which are not in this bundle: it is taken as stated. "
    "The receipts before this one prove it: check them together."
)
MONEY_AS_STATED = (
    "That the money arrived is what the issuer says: compare it with your bank statement. So are the description, the "
    "method and the documents that it is said to have paid."
)
MAY_BE_REPLACED = "This is revision {}. A later one may have been issued since: ask for the newest."


def recompute_balance(record: Json, usage: Events) -> Recomputed:
    """A window of deltas: their root, numbers, instants, sum, and the lines by reason."""
    first = [guarded("record", lambda: has_fields(record, BALANCE)), guarded("usage", lambda: only_root(record["root"], usage))]
    if not all(c.ok for c in first):
        return Recomputed(tuple(first), ())
    deltas = usage[record["root"]]
    sealed = guarded("deltas", lambda: sealed_under(record["root"], record["delta_count"], deltas, DELTA, "deltas"))
    checks = [*first, sealed]
    if sealed.ok:
        checks += [
            guarded("sequence", lambda: _sequence(record, deltas)),
            guarded("window", lambda: _window(record, deltas)),
            guarded("balance", lambda: _balance(record, deltas)),
            guarded("reasons", lambda: _reasons(record, deltas)),
        ]
    before = record["first_sequence"] - 1
    stated = [STARTING_AS_STATED.format(record["starting_balance"], record["unit"], before)] if before > 0 else []
    return Recomputed(tuple(checks), (*stated, DELTAS_AS_RECORDED))


def recompute_payment(record: Json, usage: Events) -> Recomputed:
    """A payment receipt: its items, what it settled, and its place among its revisions."""
    checks = [guarded("record", lambda: has_fields(record, PAYMENT)), guarded("usage", lambda: no_usage(usage))]
    if not all(c.ok for c in checks):
        return Recomputed(tuple(checks), ())
    checks += [
        guarded("items", lambda: _items(record)),
        guarded("documents", lambda: _documents(record)),
        guarded("revision", lambda: _revision(record)),
    ]
    return Recomputed(tuple(checks), (MONEY_AS_STATED, MAY_BE_REPLACED.format(record["revision"])))


def no_usage(usage: Events) -> str:
    """Nothing stands under a record that commits to nothing."""
    require(not usage, "the bundle has events that its record does not commit to")
    return "no events, and none are needed"


def only_root(root: str, usage: Events) -> str:
    """What stands under the record's root is there, and nothing else: a stranger would be a byte that nothing binds."""
    require(list(usage) == [root], "what the record commits to is not in the bundle, or something else is")
    return f"{len(usage[root]):,} under the root {root[:16]}…"


def sealed_under(root: str, count: int, items: Sequence[Json], shape: Shape, what: str) -> str:
    """The items have this root, are so many, and each has exactly the fields of its format."""
    found = root_of(leaf_hashes(map(canonical, items))).hex()
    require(found == root, f"the {what} give the root {found[:16]}…, the record says {root[:16]}…")
    require(len(items) == count, f"there are {len(items):,} {what}, the record says {count:,}")
    for n, item in enumerate(items):
        shaped(item, shape, f"{what}.{n}")
    return f"{count:,} {what} have the root {root[:16]}…"


def has_fields(record: Json, shape: Shape) -> str:
    """The record has exactly the fields of its format."""
    shaped(record, shape)
    return f"has exactly the fields of {record['type']}"


def _sequence(record: Json, deltas: Sequence[Json]) -> str:
    first, last = record["first_sequence"], record["last_sequence"]
    require(first >= 1, "numbers begin with 1")
    require(last - first + 1 == len(deltas), f"numbers {first} to {last} are not {len(deltas):,} deltas")
    for n, delta in enumerate(deltas, first):
        require(delta["type"] == "balance-delta/v1", f"number {n} is not a delta")
        require(delta["customer_ref"] == record["customer"]["ref"], f"delta {n} is of another customer")
        require(delta["sequence"] == n, f"delta {n} is missing: number {delta['sequence']} is in its place")
        require(delta["amount"] != "0", f"delta {n} changes nothing")
    require(len({delta["delta_ref"] for delta in deltas}) == len(deltas), "a delta is there twice")
    return f"numbers {first:,} to {last:,} without a gap, all of this customer"


def _window(record: Json, deltas: Sequence[Json]) -> str:
    window = Window(read_instant(record["window"]["start"]), read_instant(record["window"]["end"]))
    require(window.start < window.end, "the window ends before it starts")
    before = window.start
    for delta in deltas:
        at = read_instant(delta["counts_at"])
        require(at in window, f"delta {delta['sequence']} counts at {delta['counts_at']}, outside of the window")
        require(at >= before, f"delta {delta['sequence']} counts earlier than the one before it")
        recorded = read_instant(delta["recorded_at"])
        require(at >= recorded, f"delta {delta['sequence']} counts before it was recorded")
        before = at
    return f"all count from {record['window']['start']} up to {record['window']['end']}, in their order"


def _balance(record: Json, deltas: Sequence[Json]) -> str:
    start, end, unit = decimal_in(record["starting_balance"]), decimal_in(record["ending_balance"]), record["unit"]
    require(record["first_sequence"] > 1 or start == 0, f"the first delta of all starts from 0, not from {start}")
    with localcontext(EXACT):
        change = sum((decimal_in(delta["amount"]) for delta in deltas), Decimal(0))
        again = start + change
    require(
        again == end,
        f"{decimal_text(start)} and deltas of {decimal_text(change)} give {decimal_text(again)} {unit}, the record says "
        f"{decimal_text(end)}",
    )
    return f"{decimal_text(start)} and deltas of {decimal_text(change)} give {decimal_text(end)} {unit}"


def _reasons(record: Json, deltas: Sequence[Json]) -> str:
    lines: dict[str, tuple[int, Decimal]] = {}
    with localcontext(EXACT):
        for delta in deltas:
            count, amount = lines.get(delta["reason"], (0, Decimal(0)))
            lines[delta["reason"]] = count + 1, amount + decimal_in(delta["amount"])
    again: list[dict[str, Json]] = [{"reason": r, "count": n, "amount": decimal_text(amount)} for r, (n, amount) in lines.items()]
    for told, found in zip(record["lines"], again, strict=False):
        require(
            told == found,
            f"{found['reason'][:60]!r} has {found['count']:,} deltas of {found['amount']}, the record says "
            f"{told['count']:,} of {told['amount']} for {told['reason'][:60]!r}",
        )
    require(len(again) == len(record["lines"]), f"there are {len(again)} reasons, the record says {len(record['lines'])}")
    return f"{len(again)} reasons, each with its count and sum"


def _items(record: Json) -> str:
    currency, said, items = record["currency"], record["amount_minor"], record["items"]
    require(said > 0, "a receipt is over more than nothing")
    if not items:
        return f"{money(said, currency)}, without items"
    with localcontext(EXACT):
        for n, item in enumerate(items, 1):
            exact = decimal_in(item["quantity"]) * decimal_in(item["unit_price"])
            amount = exact.quantize(ONE.scaleb(-MAX_SCALE), rounding=ROUND_HALF_UP)
            require(
                amount == decimal_in(item["amount"]),
                f"item {n}: {item['quantity']} × {item['unit_price']} is {decimal_text(amount)}, the record says "
                f"{item['amount']}",
            )
        together = to_minor(sum((decimal_in(item["amount"]) for item in items), Decimal(0)), currency)
    require(together == said, f"the items give {money(together, currency)}, the record says {money(said, currency)}")
    return f"{len(items)} items give {money(said, currency)}"


def _documents(record: Json) -> str:
    amounts = [x["amount_minor"] for x in record["documents"]]
    currency = record["currency"]
    require(all(amount > 0 for amount in amounts), "a document is paid with nothing, or with less")
    together = sum(amounts)
    require(
        together <= record["amount_minor"],
        f"documents take {money(together, currency)}, more than the {money(record['amount_minor'], currency)} paid",
    )
    return f"{len(amounts)} documents take {money(together, currency)}" if amounts else "no documents are named"


def _revision(record: Json) -> str:
    revision, receipt = record["revision"], Ref(record["receipt_ref"])
    require(revision >= 1, "revisions begin with 1")
    before = None if revision == 1 else receipt if revision == 2 else derived_ref("payment-receipt", receipt, revision - 1)
    require(record["supersedes"] == before, f"revision {revision} does not supersede the one before it")
    require(record["state"] in STATES, f"a sealed receipt is not {record['state'][:60]!r}")
    return f"revision {revision}, {record['state']}"

