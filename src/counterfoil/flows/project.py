"""Projections: the documents that a contract will get, with the usage so far. Nothing is stored."""

from __future__ import annotations

from datetime import date, timedelta

from counterfoil.core.basis.period import local_date, midnight
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.invoicing.document import Document
from counterfoil.flows import issue_documents as issuing
from counterfoil.flows.fall_due import next_issue_at, pricings_of
from counterfoil.flows.ports import Tx


def upcoming(tx: Tx, contract_ref: str, *, limit: int = 2) -> list[Document]:
    """The next documents of a contract as they would be today: without number, with the references they will have."""
    contract = tx.contract(contract_ref)
    if contract is None:
        raise NotFound("contract.not_found", f"there is no contract {contract_ref}")
    if not contract.segments:
        return []  # cancelled before it began
    pricings = pricings_of(tx, [contract])
    found: list[Document] = []
    zone = contract.segments[0].terms.time_zone
    after: date = local_date(tx.now, zone) - timedelta(days=1)
    if contract.state == "draft":
        after = min(s.since for s in contract.segments) - timedelta(days=1)
    for _ in range(limit * 4):
        at = next_issue_at(contract, pricings, after)
        if at is None or len(found) >= limit:
            break
        due = issuing.not_billed(tx, issuing.due_charges(contract, pricings, at), today=True)
        documents, _parts = issuing.draw_up_all(tx, [contract], due, keep_empty=True)
        found.extend(documents)
        after = local_date(at, zone)
        assert midnight(after, zone) <= at
    return found[:limit]
