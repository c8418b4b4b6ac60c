"""What is true after every line of every story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_minor
from counterfoil.core.basis.period import midnight
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.calendar import periods
from counterfoil.core.contracts.charges import charges_of
from counterfoil.core.contracts.terms import Contract
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.numbering import number_text
from counterfoil.core.invoicing.rating import items_of, shape_of
from counterfoil.core.invoicing.standing import standing
from counterfoil.core.invoicing.upon_usage import child_charge
from counterfoil.core.ledger.accounts import CONTRACT_LIABILITY, customer_credit, receivable, tax_payable
from counterfoil.core.receipts.invoice import record_document
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.flows.fall_due import pricings_of
from counterfoil.flows.issue_documents import DueCharge, rate_all
from counterfoil.flows.prove import bundle_of, verifier_key
from tests.logs import audit_log

Asked = Counter[tuple[Ref | None, Ref | None, str]]


def documents_of(tx: Any) -> dict[Ref, Document]:
    """Every issued document as it was sealed, in the order of issue."""
    rows = tx.all(
        "SELECT d.document_ref::text, r.body FROM document d JOIN record r ON r.tenant = d.tenant "
        "AND r.record_ref = d.document_ref WHERE d.tenant = %s ORDER BY d.seq",
        tx.tenant,
    )
    return {Ref(ref): record_document(body) for ref, body in rows}


def books_follow_documents(tx: Any, documents: Mapping[Ref, Document], moved: Counter[tuple[Ref, str, str]]) -> None:
    """Per entity and currency every account is the sum of the documents and of the money that `moved`, and the whole is zero."""
    expected: Counter[tuple[Ref, str, str]] = Counter(moved)
    for d in documents.values():
        sign = -1 if d.kind == "CREDIT" else 1
        books = (d.seller.ref, d.currency)
        expected[*books, receivable(d.buyer.ref)] += sign * d.total_minor
        expected[*books, customer_credit(d.buyer.ref)] += sign * d.credits_minor
        expected[*books, CONTRACT_LIABILITY] -= sign * (d.sub_total_minor - d.total_discount_minor)
        for t in d.taxes:
            expected[*books, tax_payable(t.category, t.percent)] -= sign * t.tax_minor
    found = {(entity, currency, account): minor for entity, currency, account, minor in tx.balances() if minor}
    assert found == {key: minor for key, minor in expected.items() if minor}, "the books are not what the documents say"
    trial: Counter[tuple[Ref, str]] = Counter()
    for (entity, currency, _account), minor in found.items():
        trial[entity, currency] += minor
    assert not any(trial.values()), "a trial balance is not zero"


def numbers_have_no_gap(tx: Any) -> None:
    """Serials of an entity and kind are 1, 2, 3, in the order in which they were issued, and printed as they count."""
    rows = tx.all(
        "SELECT d.entity_ref::text, d.kind, d.serial, d.number, e.number_prefix FROM document d JOIN entity e ON "
        "e.tenant = d.tenant AND e.entity_ref = d.entity_ref WHERE d.tenant = %s ORDER BY 1, 2, 3",
        tx.tenant,
    )
    series: dict[tuple[str, str], int] = {}
    for entity, kind, serial, number, prefix in rows:
        assert serial == series.get((entity, kind), 0) + 1, f"{number} leaves a gap"
        assert number == number_text(prefix, kind, serial)
        series[entity, kind] = serial


def no_line_is_below_zero(documents: Mapping[Ref, Document]) -> None:
    """An invoice with all its notes leaves nothing negative: no line, no discount, no tax."""
    notes: dict[Ref, list[Document]] = {}
    for d in documents.values():
        if d.corrects is not None:
            notes.setdefault(d.corrects, []).append(d)
    for d in documents.values():
        if d.kind == "INVOICE":
            left = standing(d, notes.get(d.ref, []))
            for line in left.lines:
                assert 0 <= line.discount_minor <= line.amount_minor, f"{d.number} stands below zero: {line}"
            assert all(tax >= 0 for tax in left.taxes_minor.values()), f"{d.number} stands with negative tax"
            assert left.asked_minor >= left.given_minor - left.returned_minor, f"{d.number} was credited too much"


def periods_are_billed_once(tx: Any) -> None:
    """Parts of one product that one version billed do not overlap, and every one names a document that exists."""
    rows = tx.all(
        "SELECT product_ref::text, version, part, starts, ends FROM billing_period WHERE tenant = %s "
        "ORDER BY 1, 2, 3, 4",
        tx.tenant,
    )
    for a, b in pairwise(rows):
        assert a[:3] != b[:3] or a[4] <= b[3], f"{b[3]} to {a[4]} was billed twice"


def documents_prove_themselves(tx: Any, refs: Iterable[Ref]) -> None:
    """Each document verifies offline under today's head, with the key of the tenant."""
    key = verifier_key(tx)
    for ref in refs:
        verdict = verify_bundle(bundle_of(tx, ref), trusted_keys=[key])
        assert verdict.ok, [f"{c.name}: {c.says}" for c in verdict.checks if not c.ok]


def log_is_whole(tx: Any, documents: Mapping[Ref, Document]) -> None:
    """Every sealed record has its place, every old head is continued by the next, and every document is sealed."""
    placed = audit_log(tx)
    assert not tx.has_pending() and set(documents) <= set(placed)


def billed_is_what_was_agreed(tx: Any, contract: Contract, documents: Iterable[Document]) -> None:
    """All that stands on a contract's documents is what its terms and usage, read afresh, ask for up to now."""
    asked, billed = _asked(tx, contract), _billed(documents)
    not_billed, too_much = dict(asked - billed), dict(billed - asked)
    assert asked == billed, f"contract {contract.number}: not billed {not_billed}, too much {too_much}"


def _asked(tx: Any, contract: Contract) -> Asked:
    pricings = pricings_of(tx, [contract])
    due: list[DueCharge] = []
    as_it_came = {c.period for c in tx.children_of(contract.ref)}
    for history in by_product(contract.segments).values():
        seen: set[Ref] = set()
        for segment in history:
            # usage that is billed as it comes adds up to what one document at the period's end would bill
            segment = replace(segment, terms=replace(segment.terms, due_upon_usage=False))
            terms = segment.terms
            pricing = pricings[(terms.pricing_ref, terms.pricing_version)]
            once = {i.ref for i in items_of(terms, pricing) if i.kind == "one_time"}
            shape = shape_of(terms, pricing, one_time=bool(once - seen))
            for billing in periods(segment):
                if midnight(billing.period.start, terms.time_zone) > tx.now:
                    break
                for charge in charges_of(segment, billing, shape):
                    if midnight(charge.issue_on, terms.time_zone) <= tx.now:
                        due.append(DueCharge(contract, charge, pricing, frozenset(seen)))
                    elif (terms.product_ref, billing.period.start, segment.version) in as_it_came and charge.usage:
                        due.append(DueCharge(contract, child_charge(segment, billing), pricing))
            seen |= once
    asked: Asked = Counter()
    for drafts in rate_all(tx, due):
        for x in drafts:
            asked[x.product_ref, x.line_item_ref, x.kind] += to_minor(x.amount, contract.segments[0].terms.currency)
    return Counter({key: minor for key, minor in asked.items() if minor})


def _billed(documents: Iterable[Document]) -> Asked:
    known = {d.ref: d for d in documents}
    billed: Asked = Counter()
    for d in known.values():
        for x in d.lines:
            kind, sign = x.kind, -1 if d.kind == "CREDIT" else 1
            if x.correction is not None:
                kind = known[x.correction.document_ref].lines[x.correction.line - 1].kind
            billed[x.product_ref, x.line_item_ref, kind] += sign * x.amount_minor
    return Counter({key: minor for key, minor in billed.items() if minor})
