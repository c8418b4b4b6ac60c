"""Amendments and cancellations: how a new version changes the segments of a contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem
from counterfoil.core.contracts.calendar import anchor_after, anchor_of, period_containing
from counterfoil.core.contracts.terms import Contract, ProductTerms, Segment

_ONE_DAY = timedelta(days=1)


def first_segments(products: Iterable[ProductTerms]) -> tuple[Segment, ...]:
    """The segments of a contract's first version."""
    return tuple(Segment(p, 1, p.start, p.end, anchor_of(p)) for p in products)


def effective_date(segment: Segment, wanted_on: date, *, include_current: bool) -> date:
    """When a change takes effect for a product: on the day itself when it includes the current invoice, otherwise with the
    first period that begins on that day or later ("from the next invoice on")."""
    if include_current:
        return max(wanted_on, segment.since)
    running = period_containing(segment, wanted_on)
    if running is None or running.period.start == wanted_on:
        return max(wanted_on, segment.since)
    return running.period.end


def amend(
    contract: Contract, products: Sequence[ProductTerms], effective_on: date, *, include_current: bool
) -> Contract:
    """The next version of an active contract, with `products` as its terms from `effective_on` on.

    A product keeps its place by `product_ref`: what is new starts with its own start, what is missing ends. The day of the
    change belongs to the new version (`change_day=billed_to_new_plan`). A product whose terms stay the same keeps its
    segment. Refusals: Conflict `contract.not_active`; Invalid that names `products[i]`.
    """
    _active(contract)
    version = contract.version + 1
    wanted = {p.product_ref: (i, p) for i, p in enumerate(products)}
    segments: list[Segment] = []
    for product_ref, history in by_product(contract.segments).items():
        change_on = _change_on(history, effective_on, include_current=include_current)
        if product_ref in wanted:
            i, terms = wanted.pop(product_ref)
            segments.extend(_next_history(history, terms, version, change_on, f"products[{i}]"))
        else:
            segments.extend(_cut(history, change_on))
    for _i, terms in wanted.values():
        segments.append(Segment(terms, version, terms.start, terms.end, anchor_of(terms)))
    return replace(contract, version=version, segments=tuple(segments))


def cancel(contract: Contract, on: date, *, include_current: bool) -> Contract:
    """The contract ended: with the current period, or on the day itself, which is still billed (`termination_day=billed`).

    Refusals: Conflict `contract.not_active`.
    """
    _active(contract)
    version = contract.version + 1
    segments: list[Segment] = []
    for history in by_product(contract.segments).values():
        governing = _governing(history, on)
        if include_current:
            end = on + _ONE_DAY
        else:
            running = period_containing(governing, on)
            end = running.period.end if running is not None else max(on, governing.since)
        segments.extend(_cut(history, end))
    return replace(contract, version=version, state="cancelled", segments=tuple(segments))


def by_product(segments: Iterable[Segment]) -> dict[Ref, list[Segment]]:
    """Each product's segments, in date order."""
    found: dict[Ref, list[Segment]] = {}
    for segment in segments:
        found.setdefault(segment.terms.product_ref, []).append(segment)
    for history in found.values():
        history.sort(key=lambda s: (s.since, s.version))
    return found


def segment_at(segments: Iterable[Segment], product_ref: Ref, day: date) -> Segment | None:
    """The segment that governs a product on `day`; None when the product does not run then."""
    for segment in segments:
        if (
            segment.terms.product_ref == product_ref
            and segment.since <= day
            and (segment.until is None or day < segment.until)
        ):
            return segment
    return None


def terms_problems(products: Sequence[ProductTerms]) -> Iterable[Problem]:
    """What is wrong with the terms of a contract's products; fields are named as `products[i].field`."""
    if not products:
        yield Problem("products", "a contract needs at least one product")
    for i, p in enumerate(products):
        for problem in _problems(p):
            yield problem.under(f"products[{i}]")
    currencies = {p.currency for p in products}
    if len(currencies) > 1:
        yield Problem("products", f"one contract has one currency, not {', '.join(sorted(currencies))}")


def _problems(p: ProductTerms) -> Iterable[Problem]:
    if p.end is not None and p.end <= p.start:
        yield Problem("billing_end_date", "must not be before billing_start_date")
    if not date(2000, 1, 1) <= p.start <= date(2200, 1, 1):
        yield Problem("billing_start_date", "must be between 2000 and 2200")
    if p.end is not None and p.end > date(2300, 1, 1):
        yield Problem("billing_end_date", "must be before 2300")
    if not 1 <= p.cycle.count <= 120:
        yield Problem("billing_cycle.cycle", "must be between 1 and 120")
    if p.cycle.unit == "ONE_TIME" and p.cycle.count != 1:
        yield Problem("billing_cycle.cycle", "a one-time cycle has no count")
    if p.issue_day is not None and not date(2000, 1, 1) <= p.issue_day <= date(2200, 1, 1):
        yield Problem("issue_day", "must be between 2000 and 2200")
    for name, value in (("tax_percent", p.tax_percent), ("discount_percent", p.discount_percent)):
        if not 0 <= value <= 100:
            yield Problem(name, "must be between 0 and 100")
    for name, amount in (
        ("discount_fixed", p.discount_fixed),
        ("minimum_fee", p.minimum_fee),
        ("maximum_fee", p.maximum_fee),
    ):
        if amount is not None and not 0 <= amount < 10**12:
            yield Problem(name, "must be between 0 and 10^12")
    if not 0 <= p.net_days <= 3650:
        yield Problem("net_days", "must be between 0 and 3650 days")
    if any(q < 0 for _ref, q in p.quantities):
        yield Problem("quantities", "must not be negative")


def _governing(history: Sequence[Segment], day: date) -> Segment:
    """The segment that a change on `day` changes: the last one that has begun by then, or the first one. Later segments,
    agreed before for days to come, give way to the change."""
    begun = [s for s in history if s.since <= day]
    return begun[-1] if begun else history[0]


def _change_on(history: Sequence[Segment], wanted_on: date, *, include_current: bool) -> date:
    """When a change takes effect for a product. One that has ended as agreed is taken up again where it ended; one that
    was dropped before its end is not billed for the time between."""
    governing = _governing(history, wanted_on)
    change_on = effective_date(governing, wanted_on, include_current=include_current)
    if governing.until is not None and governing.until == governing.terms.end:
        return min(change_on, governing.until)
    return change_on


def _next_history(
    history: list[Segment], terms: ProductTerms, version: int, change_on: date, field: str
) -> list[Segment]:
    last = history[-1]
    terms = replace(terms, start=last.terms.start)
    if last.since <= change_on and terms == last.terms and terms.end == last.until:
        return history
    if terms.end is not None and terms.end < change_on:
        why = f"must not be before the change takes effect on {change_on}"
        raise Invalid.of([Problem(f"{field}.billing_end_date", why)])
    governing = _governing(history, change_on)
    new = Segment(terms, version, change_on, terms.end, anchor_after(governing, terms, change_on))
    kept = _cut(history, change_on)
    return [*kept, new] if new.until is None or new.since < new.until else kept


def _cut(history: Sequence[Segment], end: date) -> list[Segment]:
    kept = []
    for s in history:
        if s.since >= end:
            continue
        kept.append(s if s.until is not None and s.until <= end else replace(s, until=end))
    return kept


def _active(contract: Contract) -> None:
    if contract.state != "active":
        raise Conflict(
            "contract.not_active", f"contract {contract.number} is {contract.state}; only an active one can be changed"
        )
