"""What money settles: open documents oldest first, and what is freed when a document asks for less than was settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from counterfoil.core.basis.ids import Ref

Part = tuple[Ref, int]
"""A document, and what of a payment settles it, in minor units."""


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document that asks for money: `open_minor` is what is left of it."""

    ref: Ref
    number: str
    due_on: date
    open_minor: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a document asks for and what became of it, in minor units; all are at least zero."""

    total_minor: int
    credited_minor: int = 0
    paid_minor: int = 0
    written_off_minor: int = 0

    @property
    def open_minor(self) -> int:
        """What is left to pay; never below zero."""
        return max(0, self.total_minor - self.credited_minor - self.paid_minor - self.written_off_minor)

    @property
    def needed_minor(self) -> int:
        """How much of what was paid is still needed: at most what the document asks for after its credit notes."""
        return min(self.paid_minor, max(0, self.total_minor - self.credited_minor))

    @property
    def freed_minor(self) -> int:
        """What was paid beyond what the document asks for now."""
        return self.paid_minor - self.needed_minor

    @property
    def unneeded_write_off_minor(self) -> int:
        """What was written off beyond what the document asks for now, once freed payments are gone from it."""
        left = max(0, self.total_minor - self.credited_minor) - self.needed_minor
        return max(0, self.written_off_minor - left)


def oldest_first(amount_minor: int, documents: Sequence[OpenDocument]) -> tuple[Part, ...]:
    """How `amount_minor` settles open documents: by due date, then number, each as far as the money goes. What is left
    after the last stays unapplied."""
    parts: list[Part] = []
    for d in sorted(documents, key=lambda x: (x.due_on, x.number, x.ref)):
        part = min(amount_minor, d.open_minor)
        if part > 0:
            parts.append((d.ref, part))
            amount_minor -= part
    return tuple(parts)


def newest_first(amount_minor: int, held: Sequence[Part]) -> tuple[Part, ...]:
    """What to take back of what is held, from the last one on, until `amount_minor` is reached or nothing is left."""
    parts: list[Part] = []
    for ref, minor in reversed(held):
        part = min(amount_minor, minor)
        if part > 0:
            parts.append((ref, part))
            amount_minor -= part
    return tuple(parts)


def together(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same parts with every document once, in the order of their first mention; those that come to zero are gone."""
    sums: dict[Ref, int] = {}
    for ref, minor in parts:
        sums[ref] = sums.get(ref, 0) + minor
    return tuple((ref, minor) for ref, minor in sums.items() if minor)
