"""`/v1/journal`, `/v1/balances` and `/v1/totals`: the books."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, page_of_all, position
from counterfoil.api.native.wire import Amount, Day, Output, RefText, amount
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.ledger.accounts import account_type
from counterfoil.core.ledger.entry import Entry


class PostingOut(Output):
    """An amount on an account; one of `debit` and `credit` is zero. `line`: the document line that it books."""

    account: str
    debit: Amount
    credit: Amount
    line: int | None


class EntryOut(Output):
    """A balanced journal entry of one entity in one currency; it never changes."""

    entry_ref: RefText
    entity_ref: RefText
    booked_on: Day
    currency: str
    kind: str
    document_ref: RefText | None
    memo: str
    postings: list[PostingOut]


class JournalFilter(Paging):
    """Which entries; `since` and `until` are included."""

    entity_ref: RefText | None = None
    document_ref: RefText | None = None
    since: Day | None = None
    until: Day | None = None


class BalanceFilter(Paging):
    """Which balances: of an entity, at the end of a day."""

    entity_ref: RefText | None = None
    until: Day | None = None


class Balance(Output):
    """The balance of an account: it stands on one side, the other is zero."""

    entity_ref: RefText
    currency: str
    account: str
    type: str
    debit: Amount
    credit: Amount


class EntityTotals(Output):
    """Documents of an entity by kind and currency: how many, and their sums."""

    entity: str
    kind: str
    currency: str
    documents: int
    net: Amount
    tax: Amount
    total: Amount


def entry_out(e: Entry) -> EntryOut:
    """A journal entry as the wire shows it."""
    return EntryOut(
        entry_ref=e.ref, entity_ref=e.entity_ref, booked_on=e.booked_on, currency=e.currency, kind=e.kind,
        document_ref=e.document_ref, memo=e.memo,
        postings=[
            PostingOut(account=p.account, debit=amount(max(p.amount_minor, 0), e.currency),
                       credit=amount(max(-p.amount_minor, 0), e.currency), line=p.line)
            for p in e.postings
        ],
    )


def list_entries(call: Call) -> Page[EntryOut]:
    """The journal in booking order."""
    q: JournalFilter = call.query
    if q.since is not None and q.until is not None and q.until < q.since:
        raise Invalid.field("until", "must not be before since")
    rows = call.tx.journal_page(
        position(q.after, date, datetime, RefText), q.limit + 1, entity_ref=q.entity_ref, document_ref=q.document_ref,
        since=q.since, until=q.until,
    )
    return page(rows, q.limit, lambda r: (r[0].booked_on, r[1], r[0].ref), lambda r: entry_out(r[0]))


def list_balances(call: Call) -> Page[Balance]:
    """The trial balance."""
    q: BalanceFilter = call.query
    rows: list[tuple[str, str, str, int]] = call.tx.balances(entity_ref=q.entity_ref, until=q.until)
    return page_of_all(rows, q, lambda r: (r[0], r[1], r[2]), _balance)


def _balance(row: tuple[str, str, str, int]) -> Balance:
    entity, currency, account, minor = row
    return Balance(
        entity_ref=entity, currency=currency, account=account, type=account_type(account),
        debit=amount(max(minor, 0), currency), credit=amount(max(-minor, 0), currency),
    )


def list_totals(call: Call) -> Page[EntityTotals]:
    """Sums of documents."""
    rows: list[dict[str, Any]] = call.tx.totals_by_entity()
    return page_of_all(rows, call.query, lambda r: (r["entity"], r["kind"], r["currency"]), _totals)


def _totals(r: dict[str, Any]) -> EntityTotals:
    c = r["currency"]
    return EntityTotals(
        entity=r["entity"], kind=r["kind"], currency=c, documents=r["documents"], net=amount(r["net_minor"], c),
        tax=amount(r["tax_minor"], c), total=amount(r["total_minor"], c),
    )


ROUTES = (
    Route("GET", "/v1/journal", "Books", "Journal entries, in booking order", list_entries, Page[EntryOut],
          query=JournalFilter),
    Route("GET", "/v1/balances", "Books", "The balance of every account", list_balances, Page[Balance],
          query=BalanceFilter),
    Route("GET", "/v1/totals", "Books", "Sums of documents by entity, kind and currency", list_totals,
          Page[EntityTotals], query=Paging),
)
