"""Work that could not be done and waits: what it is called, why, and how it is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Refusal
from counterfoil.core.contracts.terms import Contract
from counterfoil.core.invoicing.document import Document
from counterfoil.flows.bill_upon_usage import settle_contract
from counterfoil.flows.fall_due import next_issue_at, pricings_of
from counterfoil.flows.issue_documents import due_charges, not_billed
from counterfoil.flows.ports import Tx
from counterfoil.flows.restate import restate

ISSUE = "issue"
RESTATE = "restate"
"""Kinds of work that may be parked for a contract."""
CANNOT_BE_BILLED = (Refusal, AssertionError, ArithmeticError, LookupError, TypeError, ValueError)
"""A contract over which rating fails in one of these ways is parked; a database that does not answer is not its fault."""
LATE_USAGE = "usage reported or corrected after the document was issued"
_ONE_DAY = timedelta(days=1)


def retry_parked(tx: Tx, contract_ref: str) -> list[Document]:
    """Try again what was parked for a contract: restate what was billed, and put it back into the calendar, so that the
    next advance bills it. The notes that restating made. Refused for the same reason while that lasts."""
    contract = tx.contract(contract_ref, lock=True)
    to_issue, to_restate = tx.unpark(ISSUE, contract_ref), tx.unpark(RESTATE, contract_ref)
    if contract is None or not (to_issue or to_restate):
        raise Conflict("parked.none", f"nothing is parked for {contract_ref}")
    if to_issue:
        tx.save_contract(contract, next_issue_at=_first_not_billed(tx, contract))
    made = settle_contract(tx, contract, contract, LATE_USAGE) if to_restate else []
    made += restate(tx, tx.billed_parts([contract.ref]), LATE_USAGE) if to_restate else []
    tx.audit("retry", "contract", contract_ref)
    return made


def reason_of(error: Exception) -> str:
    """Why it failed, for whoever reads the list of parked work."""
    return f"{error.code}: {error.message}" if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"


def _first_not_billed(tx: Tx, contract: Contract) -> datetime | None:
    """When the first document falls due that was not issued yet. An amendment may have been billed since, so that every
    date from the beginning is looked at."""
    pricings = pricings_of(tx, [contract])
    zone = contract.segments[0].terms.time_zone
    after = min(s.since for s in contract.segments) - _ONE_DAY
    while (at := next_issue_at(contract, pricings, after)) is not None:
        if not_billed(tx, due_charges(contract, pricings, at), today=True):
            break
        after = max(after + _ONE_DAY, local_date(at, zone))
    return at
