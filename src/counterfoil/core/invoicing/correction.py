"""Corrections of an issued invoice: what its lines should have been, as at most one credit and one debit note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import EXACT, split_minor, to_major, to_minor
from counterfoil.core.basis.refusals import Problem, refuse_if
from counterfoil.core.invoicing.credit import credit_of, note_of
from counterfoil.core.invoicing.document import Correction, Document, UsageProof
from counterfoil.core.invoicing.draw_up import CAP_NAME, Cap, LineDraft, discount_terms
from counterfoil.core.invoicing.standing import LineLeft, Standing, standing
from counterfoil.core.pricing.model import Part
from counterfoil.core.pricing.totals import discount_lines, over_cap_minor, percent_of

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class LineChange:
    """Line `n` of an invoice, rated again: `after` is its exact amount in the main unit before discounts, with the
    quantity, parts, inputs and usage proof of the new rating (parts add up to `after`, not to the difference).

    `inputs` is the object that the line item's terms were rated with (None: it was not measured again, so the note's
    line carries no terms). The note's line seals it with `before_minor` and `after_minor` added; their difference is
    always the line's amount, also where less was left to credit than the rating fell by.
    """

    n: int
    after: Decimal
    quantity: Decimal
    reason: str
    parts: tuple[Part, ...] = ()
    inputs: Json = None
    usage: UsageProof | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """One line that changes: by how much (minor units, positive), and the discount that goes with it."""

    line: LineLeft
    change: LineChange
    after_minor: int
    amount_minor: int
    discount_minor: int
    room_minor: int
    """How much further its discount could grow."""


def correction_notes(
    original: Document,
    prior_notes: Sequence[Document],
    changes: Sequence[LineChange],
    *,
    credit_ref: Ref,
    debit_ref: Ref,
    issued_on: date,
    caps: Sequence[Cap] = (),
    note: str = "",
) -> tuple[Document, ...]:
    """Nothing, a credit note, a debit note, or both, in that order, without numbers (see `numbered`).

    A line that was rated higher before is credited with the difference, at most with what is left of it; one that was
    rated lower is debited. The invoice's percentage discounts apply to the difference, its fixed ones stay as they are,
    and `caps` (those of the contract) still bind the corrected amounts. Tax has the lines' categories and rates.
    Refusals: as `standing`, and Invalid `document.bad_correction`.
    """
    left = standing(original, prior_notes)
    refuse_if(_problems(left, changes), "document.bad_correction")
    downs: list[_Step] = []
    ups: list[_Step] = []
    for change in sorted(changes, key=lambda c: c.n):
        step = _step(original, left.lines[change.n - 1], change)
        if step.amount_minor > 0:
            (ups if step.after_minor > step.line.rated_minor else downs).append(step)
    for cap in caps:
        downs, ups = _capped(original, left, downs, ups, cap)
    notes = []
    if downs:
        notes.append(
            credit_of(
                original,
                left,
                [_draft(original, s) for s in downs],
                [(s.line, s.amount_minor, s.discount_minor) for s in downs],
                ref=credit_ref,
                number="",
                issued_on=issued_on,
                note=note,
            )
        )
    if ups:
        drafts, discounts = [_draft(original, s) for s in ups], [s.discount_minor for s in ups]
        notes.append(
            note_of(original, "DEBIT", drafts, discounts, ref=debit_ref, number="", issued_on=issued_on, note=note)
        )
    return tuple(notes)


def _problems(left: Standing, changes: Sequence[LineChange]) -> list[Problem]:
    found, seen = [], set()
    for i, change in enumerate(changes):
        if not 1 <= change.n <= len(left.lines):
            found.append(Problem(f"changes[{i}].n", f"the document has lines 1 to {len(left.lines)}"))
        elif change.n in seen:
            found.append(Problem(f"changes[{i}].n", "is changed twice"))
        if not (change.after.is_finite() and change.after >= 0):
            found.append(Problem(f"changes[{i}].after", "must be a number from zero on"))
        seen.add(change.n)
    return found


def _step(original: Document, line: LineLeft, change: LineChange) -> _Step:
    after = to_minor(change.after, original.currency)
    rate = _discount_percent(original, line.n)
    if after >= line.rated_minor:
        amount = after - line.rated_minor
        discount = percent_of(amount, rate)
        return _Step(line, change, after, amount, discount, amount - discount)
    amount = min(line.rated_minor - after, line.amount_minor)
    most = min(line.discount_minor, amount)
    least = max(0, line.discount_minor - (line.amount_minor - amount))
    discount = max(least, min(most, percent_of(amount, rate)))
    return _Step(line, change, after, amount, discount, most - discount)


def _discount_percent(original: Document, n: int) -> Decimal:
    """The invoice's percentage discounts on line `n`, one upon the other, as a single percentage."""
    with localcontext(EXACT):
        kept = HUNDRED
        for d in original.discounts:
            if d.percent is not None and (d.lines is None or n in d.lines):
                kept = kept * (HUNDRED - d.percent) / HUNDRED
        return HUNDRED - kept


def _capped(
    original: Document, left: Standing, downs: list[_Step], ups: list[_Step], cap: Cap
) -> tuple[list[_Step], list[_Step]]:
    """The steps with discounts that keep the lines of `cap` at its maximum: what more goes over it is not debited, and
    what stays over it is not credited."""
    after = {s.line.n: s.after_minor for s in (*downs, *ups)}
    more = _over(original, left, {}, cap) - _over(original, left, after, cap)
    if more > 0:
        return _with_discount(downs, more, cap), ups
    return downs, _with_discount(ups, -more, cap)


def _over(original: Document, left: Standing, after: dict[int, int], cap: Cap) -> int:
    amounts = [after.get(line.n, line.rated_minor) for line in left.lines]
    off = discount_lines(
        amounts, discount_terms([d for d in original.discounts if d.name != CAP_NAME], original.currency)
    )
    scope = [line.n for line in left.lines] if cap.lines is None else cap.lines
    return over_cap_minor(cap.maximum, sum(amounts[n - 1] - off[n - 1] for n in scope), original.currency)


def _with_discount(steps: list[_Step], extra_minor: int, cap: Cap) -> list[_Step]:
    rooms = [s.room_minor if cap.lines is None or s.line.n in cap.lines else 0 for s in steps]
    extra = min(extra_minor, sum(rooms))
    if not extra:
        return steps
    parts = split_minor(extra, rooms)
    return [
        _Step(s.line, s.change, s.after_minor, s.amount_minor, s.discount_minor + part, s.room_minor - part)
        for s, part in zip(steps, parts, strict=True)
    ]


def _draft(original: Document, step: _Step) -> LineDraft:
    source, change = original.lines[step.line.n - 1], step.change
    before = step.after_minor + (step.amount_minor if step.after_minor <= step.line.rated_minor else -step.amount_minor)
    inputs: dict[str, Json] = {**(change.inputs or {}), "before_minor": before, "after_minor": step.after_minor}
    return LineDraft(
        item=source.item,
        product_name=source.product_name,
        kind="correction",
        amount=to_major(step.amount_minor, original.currency),
        quantity=change.quantity,
        unit=source.unit,
        period=source.period,
        tax_percent=source.tax_percent,
        tax_category=source.tax_category,
        parts=change.parts,
        product_ref=source.product_ref,
        line_item_ref=source.line_item_ref,
        terms=None if change.inputs is None else source.terms,
        inputs=inputs,
        usage=change.usage,
        correction=Correction(original.ref, source.n, before, step.after_minor, change.reason),
    )
