"""What is true of every pool of credits and every wallet, whatever happened."""

from __future__ import annotations

from collections import Counter
from typing import Any


def pools_are_whole(house: Any, tenant: int) -> None:
    """What is left of grants is what their moves come to, and nothing waits while something is left."""
    with house.tx(tenant) as tx:
        rows = tx.all(
            "SELECT g.balance, (SELECT sum(m.amount) FROM credit_move m WHERE m.tenant = g.tenant AND m.grant_ref = g.grant_ref) "
            "FROM credit_grant g WHERE g.tenant = %s", tx.tenant,
        )
        assert all(balance == moved for balance, moved in rows), rows
        both = tx.all(
            "SELECT 1 FROM credit_pending w JOIN credit_grant g USING (tenant, customer_ref, currency_ref) "
            "WHERE w.tenant = %s AND g.balance > 0", tx.tenant,
        )
        assert not both, "credits are left while a use waits for them"


def wallets_are_whole(tx: Any) -> None:
    """What is left of lots is what their moves come to, and what the books owe customers as credit; what documents say that
    prepaid balances paid is what was drawn for them."""
    rows = tx.all(
        "SELECT l.lot_ref, l.left_minor, coalesce((SELECT sum(m.amount_minor) FROM wallet_move m WHERE m.tenant = l.tenant "
        "AND m.lot_ref = l.lot_ref), 0) FROM wallet_lot l WHERE l.tenant = %s", tx.tenant,
    )
    assert all(left == moved for _lot, left, moved in rows), rows
    held: Counter[tuple[str, str, str]] = Counter()
    for entity, currency, customer, left in tx.all(
        "SELECT w.entity_ref::text, w.currency, w.customer_ref::text, sum(l.left_minor)::bigint FROM wallet w JOIN wallet_lot l "
        "USING (tenant, wallet_ref) WHERE w.tenant = %s GROUP BY 1, 2, 3", tx.tenant,
    ):
        held[entity, currency, f"customer_credit:{customer}"] += left
    owed = {(e, c, a): -minor for e, c, a, minor in tx.balances() if a.startswith("customer_credit:") and minor}
    assert owed == {key: left for key, left in held.items() if left}, "the books owe other credit than wallets hold"
    wrong = tx.all(
        "SELECT d.number, d.credits_minor, m.moved FROM document d LEFT JOIN LATERAL ("
        "SELECT coalesce(sum(abs(m.amount_minor)), 0) AS moved FROM wallet_move m WHERE m.tenant = d.tenant "
        "AND m.document_ref = d.document_ref "
        "AND m.kind IN ('draw', 'return')) m ON true WHERE d.tenant = %s AND d.credits_minor <> m.moved", tx.tenant,
    )
    assert not wrong, wrong
