"""Usage that is billed as it comes: what the next document of a period bills, and what is taken back of earlier ones.

A period's documents together bill what one document at its end would: of each item the running total is rated, and a
document bills what its units add to it. What comes to less than half a minor unit waits for more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import EXACT, to_major, to_minor
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.contracts.calendar import BillingPeriod
from counterfoil.core.contracts.charges import USAGE, Charge
from counterfoil.core.contracts.terms import ProductTerms, Segment
from counterfoil.core.invoicing.correction import LineChange
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.draw_up import LineDraft
from counterfoil.core.invoicing.rating import Used, items_of, rate_charge, share_of, splits_problems
from counterfoil.core.invoicing.standing import Standing, standing
from counterfoil.core.pricing.model import LineItem, Position
from counterfoil.core.pricing.rate import rate
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.meter import Meter


@dataclass(frozen=True, slots=True)
class Through:
    """What was billed of an item up to some document of the period: units, and their exact amount (main unit)."""

    quantity: Decimal
    amount: Decimal


NONE = Through(ZERO, ZERO)

PeriodKey = tuple[Ref, date, int]
"""A billing period: product, first day, version."""


@dataclass(frozen=True, slots=True)
class UsageChild:
    """The `n`-th document (from 1) of a period's usage. `parent_ref`: the document of the period itself, which may be
    issued later under this reference. `through`: what was billed of the period up to this document, by line item."""

    product_ref: Ref
    starts: date
    version: int
    n: int
    contract_ref: Ref
    document_ref: Ref
    parent_ref: Ref
    through: Mapping[Ref, Through]

    @property
    def period(self) -> PeriodKey:
        """Whose usage it bills."""
        return (self.product_ref, self.starts, self.version)


Totals = Mapping[Ref, Through]


def upon_usage_problems(
    terms: ProductTerms, items: Sequence[LineItem], meters: Mapping[Ref, Meter]
) -> Iterable[Problem]:
    """Why usage of these terms cannot be billed as it comes: its documents must add up to what one would bill."""
    if not terms.due_upon_usage:
        return
    for problem in splits_problems(items, meters):
        yield Problem("due_upon_usage", problem.message.replace("DURING_USE", "billing usage as it comes"))
    if terms.maximum_fee is not None:
        yield Problem("maximum_fee", "does not go with usage billed as it comes; give the line item a maximum fee")


def usage_items(terms: ProductTerms, pricing: Pricing) -> list[LineItem]:
    """The items whose usage is billed as it comes."""
    return [i for i in items_of(terms, pricing) if i.kind == "usage"]


def child_charge(segment: Segment, billing: BillingPeriod) -> Charge:
    """What a document of the period's usage bills: usage of any of its days, and nothing else."""
    return Charge(segment, billing, USAGE, billing.period.end, False, billing.period, None, closes=False)


def following(used: Used, before: Through | None, *, closes: bool = False) -> Used:
    """Usage that no document bills yet, as what comes after the documents that did. The first one bills what is charged
    even at zero usage; the last one also what waits for the end of the period."""
    position: Position = "last_split" if closes else "first_split" if before is None else "mid_split"
    billed = before or NONE
    measured = _counted_on(used.measured, billed.quantity)
    return Used(measured, used.proof, used.period_days, (position, billed.amount))


def child_drafts(charge: Charge, pricing: Pricing, fresh: Mapping[Ref, Used], before: Totals) -> tuple[LineDraft, ...]:
    """The lines of the next document: of the first one every usage item, of later ones those that were used."""
    drafts = rate_charge(charge, pricing, {ref: following(u, before.get(ref)) for ref, u in fresh.items()})
    used = {ref for ref, u in fresh.items() if u.measured.count}
    return tuple(d for d in drafts if not before or d.line_item_ref in used)


def comes_to_something(drafts: Sequence[LineDraft], currency: str) -> bool:
    """Whether a document of these lines asks for anything, and no line gives anything back."""
    minor = [to_minor(d.amount, currency) for d in drafts]
    return min(minor, default=0) >= 0 and sum(minor) > 0


def gives_back(drafts: Sequence[LineDraft], currency: str) -> bool:
    """Whether some line takes at least a minor unit off what was billed before."""
    return any(to_minor(d.amount, currency) < 0 for d in drafts)


def through(before: Totals, drafts: Iterable[LineDraft], fresh: Mapping[Ref, Used]) -> dict[Ref, Through]:
    """What was billed of each item when these lines are billed too."""
    found = dict(before)
    for d in drafts:
        assert d.line_item_ref is not None
        billed = found.get(d.line_item_ref, NONE)
        quantity = EXACT.add(billed.quantity, fresh[d.line_item_ref].measured.quantity)
        found[d.line_item_ref] = Through(quantity, EXACT.add(billed.amount, d.amount))
    return found


def counted_again(charge: Charge, item: LineItem, quantity: Decimal) -> Through:
    """What so many units of a period come to, as if its documents had billed them together before its end."""
    rated = rate(item, Measured(quantity=quantity), share=share_of(charge, item), position="first_split")
    return Through(quantity, rated.amount)


@dataclass(frozen=True, slots=True)
class Child:
    """A document of a period's usage with its notes. `touched`: events on it were corrected."""

    document: Document
    notes: tuple[Document, ...]
    touched: bool = False


def corrections(
    children: Sequence[Child], before: Totals, after: Totals, currency: str, reason: str
) -> dict[Ref, list[LineChange]]:
    """By document, what changes on its lines so that the period's documents come to `after` instead of `before`.

    More is added to the latest document whose events were corrected, less is taken off those first, then off the others,
    the latest first, from each at most what its line still asks for.
    """
    order = sorted(enumerate(children), key=lambda c: (c[1].touched, c[0]), reverse=True)
    left = {c.document.ref: standing(c.document, c.notes) for c in children}
    found: dict[Ref, list[LineChange]] = {}
    for ref in after:
        more = EXACT.subtract(after[ref].amount, before.get(ref, NONE).amount)
        minor = to_minor(more, currency)
        for _i, child in order:
            if not minor:
                break
            change, taken = _change(child.document, left[child.document.ref], ref, minor, currency, reason)
            if change is not None:
                found.setdefault(child.document.ref, []).append(change)
                minor -= taken
    return found


def _change(
    document: Document, left: Standing, item: Ref, minor: int, currency: str, reason: str
) -> tuple[LineChange | None, int]:
    for line in document.lines:
        if line.line_item_ref != item:
            continue
        stands = left.lines[line.n - 1]
        step = max(minor, -min(stands.rated_minor, stands.amount_minor))
        if step:
            after = to_major(stands.rated_minor + step, currency)
            return LineChange(line.n, after, line.quantity, reason), step
    return None, 0


def _counted_on(measured: Measured, prior: Decimal) -> Measured:
    return Measured(
        quantity=measured.quantity, count=measured.count, prior_quantity=prior, event_amount=measured.event_amount
    )
