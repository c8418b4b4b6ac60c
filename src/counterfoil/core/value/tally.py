"""A tally of events: what they gave to each metric, how many they are, and the Merkle root over them. It takes one event
after the other and keeps none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.tlog.tree import EMPTY_ROOT, leaf_hash, node_hash
from counterfoil.core.usage.event import Event
from counterfoil.core.value.attribution import is_of
from counterfoil.core.value.deliver import SUMS, rounded, under
from counterfoil.core.value.model import Model, Rule


@dataclass(frozen=True, slots=True)
class Products:
    """What a receipt is narrowed to: events of these products (references, and external ids as senders give them)."""

    refs: frozenset[str]
    external_ids: frozenset[str]


@dataclass(slots=True)
class Sum:
    """What came together under one metric and unit. `reasons`: why events gave it nothing, and how many did."""

    slug: str
    name: str
    unit: str
    occurrences: int = 0
    exact_quantity: Decimal = ZERO
    exact_value: Decimal = ZERO
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def quantity(self) -> Decimal:
        """The quantity, rounded once."""
        return rounded(self.exact_quantity)

    @property
    def value(self) -> Decimal:
        """The money, rounded once."""
        return rounded(self.exact_value)

    @property
    def unvalued(self) -> int:
        """How many events have no value here."""
        return sum(self.reasons.values())


class Tally:
    """Takes events in the order of (instant, reference)."""

    def __init__(self, model: Model, products: Products | None) -> None:
        self.model = model
        self.products = products
        self.count = 0
        self._about = {name: rules_about(model, name) for name in model.streams.values()}
        self._sums: dict[tuple[str, str], Sum] = {}
        self._peaks: list[tuple[int, bytes]] = []

    def takes(self, event: Event) -> bool:
        """Whether the event counts: a rule is about it, and it is of the products that the receipt is narrowed to."""
        name = self.model.streams.get(event.usage_product_ref)
        if name is None or not any(rule.applies(event.at) for rule in self._about[name]):
            return False
        return _is_of(self.products, event)

    def add(self, event: Event, data: bytes | None = None) -> bool:
        """Count an event if it is one that counts; `data`: its canonical bytes, for the root. Whether it did."""
        if not self.takes(event):
            return False
        self.count_taken(event, data)
        return True

    def count_taken(self, event: Event, data: bytes | None = None) -> None:
        """Count an event that is known to count."""
        self.count += 1
        if data is not None:
            self._grow(leaf_hash(data))
        rules = self._about[self.model.streams[event.usage_product_ref]]
        for gave in (under(rule, event.properties) for rule in rules if rule.applies(event.at)):
            key = (gave.rule.metric, gave.rule.unit)
            line = self._sums.setdefault(key, Sum(gave.rule.metric, gave.rule.name, gave.rule.unit))
            if gave.reason is not None:
                line.reasons[gave.reason] = line.reasons.get(gave.reason, 0) + 1
                continue
            line.occurrences += 1
            line.exact_quantity = SUMS.add(line.exact_quantity, gave.quantity)
            line.exact_value = SUMS.add(line.exact_value, gave.value)

    def lines(self) -> list[Sum]:
        """The metrics that events came for, in the order of the model's rules."""
        order = {key: n for n, key in reversed(list(enumerate((r.metric, r.unit) for r in self.model.rules)))}
        return [self._sums[key] for key in sorted(self._sums, key=order.__getitem__)]

    def total(self) -> Decimal:
        """The money of all metrics: the sum of what their lines say."""
        with localcontext(SUMS):
            return sum((line.value for line in self._sums.values()), ZERO)

    def root(self) -> bytes:
        """The RFC 9162 root over the events that counted."""
        if not self._peaks:
            return EMPTY_ROOT
        _, root = self._peaks[-1]
        for _, left in reversed(self._peaks[:-1]):
            root = node_hash(left, root)
        return root

    def _grow(self, leaf: bytes) -> None:
        """Add a leaf: of the perfect trees over the leaves so far only the roots are kept, the largest first."""
        height = 0
        while self._peaks and self._peaks[-1][0] == height:
            leaf = node_hash(self._peaks.pop()[1], leaf)
            height += 1
        self._peaks.append((height, leaf))


def takes(model: Model, products: Products | None, event: Event) -> bool:
    """Whether an event counts under a model and what a receipt is narrowed to."""
    name = model.streams.get(event.usage_product_ref)
    if name is None or not any(rule.applies(event.at) for rule in rules_about(model, name)):
        return False
    return _is_of(products, event)


def rules_about(model: Model, event: str) -> tuple[Rule, ...]:
    """The rules for events of that name."""
    return tuple(rule for rule in model.rules if rule.event == event)


def products_of(scope: Mapping[str, Sequence[str]] | None) -> Products | None:
    """The products of a sealed `scope`; None where there is none."""
    if scope is None:
        return None
    return Products(frozenset(scope["product_refs"]), frozenset(scope["external_ids"]))


def _is_of(products: Products | None, event: Event) -> bool:
    return products is None or is_of(event.properties, products.refs, products.external_ids)
