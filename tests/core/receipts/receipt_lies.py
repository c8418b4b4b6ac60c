"""What a dishonest issuer might seal and sign on receipts: one change each, and the check that finds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from counterfoil.core.balance.delta import delta_bytes
from counterfoil.core.basis.canonical import Json, canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.receipts.balance import balance_record
from counterfoil.core.receipts.payment import payment_record
from counterfoil.core.receipts.value import value_record
from counterfoil.core.tlog.tree import leaf_hash, root_of
from counterfoil.core.usage.seal import event_bytes_in_order
from tests.core.receipts import build, receipts

GONE: Any = ...


def changed(value: Json, path: str, new: Any) -> None:
    """Put `new` (a value, what makes it of the old one, or GONE) at a dotted path."""
    *way, last = path.split(".")
    for step in way:
        value = value[int(step) if isinstance(value, list) else step]
    key: Any = int(last) if isinstance(value, list) else last
    if new is GONE:
        del value[key]
    else:
        value[key] = new(value[key]) if isinstance(new, Callable) else new


def _swapped(items: list[Any]) -> list[Any]:
    return [items[1], items[0], *items[2:]]


BALANCE_LIES: list[tuple[str, str, Any, str]] = [
    ("the balance ends higher", "ending_balance", "1000", "balance"),
    ("the balance starts higher", "starting_balance", "1000", "balance"),
    ("the number of deltas is more", "delta_count", 21, "deltas"),
    ("the numbers begin elsewhere", "first_sequence", 2, "sequence"),
    ("the numbers begin with 0", "first_sequence", 0, "sequence"),
    ("the deltas are another customer's", "customer.ref", derived_ref("somebody else"), "sequence"),
    ("the window ends before the last delta", "window.end", "2013-01-01T10:00:00Z", "window"),
    ("the window begins after the first delta", "window.start", "2013-01-01T10:00:00Z", "window"),
    ("the window is turned around", "window.end", "2012-01-01T10:00:00Z", "window"),
    ("a reason is said to be more", "lines.0.amount", "99", "reasons"),
    ("a reason has fewer deltas", "lines.0.count", 1, "reasons"),
    ("a reason is hidden", "lines.1", GONE, "reasons"),
    ("reasons are in another order", "lines", _swapped, "reasons"),
    ("the root is of other deltas", "root", "00" * 32, "usage"),
    ("a decimal is spelled in another way", "ending_balance", "22.06250", "record"),
    ("a decimal has an exponent", "ending_balance", "1e999999999", "record"),
    ("a decimal is huge", "ending_balance", "9" * 5000, "record"),
    ("a field is missing", "unit", GONE, "record"),
    ("there is a field more", "unseen", "x", "record"),
    ("a name is a number", "customer.name", 7, "record"),
    ("a day does not exist", "sealed_at", "2013-02-30T00:00:00Z", "record"),
    ("a year does not exist", "sealed_at", "0000-02-20T00:00:00Z", "record"),
    ("an instant has an offset", "sealed_at", "2013-02-20T00:00:00+01:00", "record"),
    ("the lines are no lines", "lines", {"reason": "x"}, "record"),
]

DELTA_LIES: list[tuple[str, str, Any, str]] = [
    ("a delta is more than the sum says", "3.amount", "77", "balance"),
    ("a delta changes nothing", "3.amount", "0", "sequence"),
    ("a number is missing", "3.sequence", 5, "sequence"),
    ("a number is there twice", "3.sequence", 3, "sequence"),
    ("a delta is of somebody else", "3.customer_ref", derived_ref("x"), "sequence"),
    ("a delta is there twice", "3.delta_ref", derived_ref("delta", receipts.CUSTOMER, 1), "sequence"),
    ("a delta counts before the one before it", "3.counts_at", "2013-01-01T06:00:00Z", "window"),
    ("a delta counts before it was recorded", "3.recorded_at", "2013-01-02T06:00:00Z", "window"),
    ("a delta counts after the window", "19.counts_at", "2014-01-01T06:00:00Z", "window"),
    ("two deltas are swapped", "", _swapped, "sequence"),
    ("a delta has another reason", "3.reason", "payment of another", "reasons"),
    ("a delta is no delta", "3.type", "usage-event/v1", "sequence"),
    ("a delta has a field more", "3.x", 1, "deltas"),
    ("a delta is a text", "3", "x", "deltas"),
    ("an amount is a number", "3.amount", 5, "deltas"),
    ("an amount has thirteen places", "3.amount", "0.1234567890123", "deltas"),
    ("a delta is left out", "3", GONE, "deltas"),
]

PAYMENT_LIES: list[tuple[str, str, Any, str]] = [
    ("the amount is a cent more", "amount_minor", 124_051, "items"),
    ("the amount is nothing", "amount_minor", 0, "items"),
    ("an item costs more than its price", "items.0.amount", "1300", "items"),
    ("a price is raised", "items.0.unit_price", "401", "items"),
    ("an item is left out", "items.1", GONE, "items"),
    ("documents take more than was paid", "documents.0.amount_minor", 124_051, "documents"),
    ("a document gives back", "documents.0.amount_minor", -1, "documents"),
    ("a revision leaves out the one before", "revision", 3, "revision"),
    ("revision 0", "revision", 0, "revision"),
    ("it supersedes itself", "supersedes", derived_ref("receipt"), "revision"),
    ("a draft is sealed", "state", "draft", "revision"),
    ("an amount is negative", "amount_minor", -5, "record"),
    ("the currency has other digits", "currency", "JPY", "items"),
    ("the currency is none", "currency", "usd", "record"),
    ("an amount is a text", "amount_minor", "124050", "record"),
    ("a huge quantity", "items.0.quantity", "9" * 21, "record"),
    ("an item is a number", "items.0", 7, "record"),
]

VALUE_LIES: list[tuple[str, str, Any, str]] = [
    ("the total is higher", "total", "999999", "total"),
    ("a metric is worth more", "metrics.0.value", "999999", "values"),
    ("a metric has more occurrences", "metrics.0.occurrences", 61, "values"),
    ("what has no value is hidden", "metrics.0.unvalued", 0, "values"),
    ("a metric is left out", "metrics.1", GONE, "values"),
    ("metrics are in another order", "metrics", _swapped, "values"),
    ("the hourly rate is raised", "model.rules.0.money.constants.rate", "50", "values"),
    ("a formula is another", "model.rules.0.quantity.expression", "minutes", "values"),
    ("a formula is none", "model.rules.0.quantity.expression", "minutes +* 2", "values"),
    ("a segment is worth more", "model.rules.0.variables.1.rows.0.value", "2", "values"),
    ("a condition decides otherwise", "model.rules.0.money.when.0.value", "iron", "values"),
    ("a rule is forgotten", "model.rules.0", GONE, "values"),
    ("all rules are forgotten", "model.rules", [], "counted"),
    ("a stream is forgotten", "model.streams", {}, "counted"),
    ("an operator is unknown", "model.rules.0.money.when.0.operator", "like", "counted"),
    ("a divisor is 0", "model.rules.0.variables.0.divided_by", "0", "counted"),
    ("a number of the model is endless", "model.rules.0.variables.0.divided_by", "1e999999999", "record"),
    ("the model's money is another", "model.currency", "EUR", "counted"),
    ("the period ends earlier", "period.end", "2013-01-02T00:00:00Z", "counted"),
    ("the period begins later", "period.start", "2013-01-02T00:00:00Z", "counted"),
    ("the events are another customer's", "customer.ref", derived_ref("x"), "counted"),
    ("it is said to be of one product", "scope",
     {"kind": "product", "ref": derived_ref("x"), "name": "x", "product_refs": [derived_ref("x")], "external_ids": []},
     "counted"),
    ("there were more events", "events.count", 61, "events"),
    ("the events are others", "events.root", "00" * 32, "usage"),
    ("the scope is no scope", "scope", "all", "record"),
    ("a condition has no field", "model.rules.0.money.when.0.field", GONE, "record"),
    ("a billed amount is a text", "billed.0.net_minor", "124050", "record"),
]


def told_value(path: str, new: Any) -> bytes:
    """A lie in a value receipt."""
    receipt, counted = receipts.value()
    record = json.loads(value_record(receipt))
    changed(record, path, new)
    return build.bundled(canonical(record), {receipt.events_root: list(event_bytes_in_order(counted))})


def told_balance(path: str, new: Any) -> bytes:
    """A lie in the record: sealed, logged and signed as if it were true."""
    receipt, window = receipts.balance()
    record = json.loads(balance_record(receipt))
    changed(record, path, new)
    return build.bundled(canonical(record), {receipt.root: [delta_bytes(d) for d in window]})


def told_delta(path: str, new: Any) -> bytes:
    """A lie in the deltas, with the root that they have."""
    receipt, window = receipts.balance()
    listed = [json.loads(delta_bytes(d)) for d in window]
    if path:
        changed(listed, path, new)
    else:
        listed = new(listed)
    sealed = [canonical(d) for d in listed]
    record = json.loads(balance_record(receipt)) | {"root": root_of([leaf_hash(d) for d in sealed]).hex()}
    return build.bundled(canonical(record), {record["root"]: sealed})


def told_payment(path: str, new: Any) -> bytes:
    """A lie in a payment receipt."""
    record = json.loads(payment_record(receipts.payment()))
    changed(record, path, new)
    return build.bundled(canonical(record))
