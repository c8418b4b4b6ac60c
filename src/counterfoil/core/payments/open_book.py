"""Everything that is open, indexed for lines of a bank: by number, serial, amount, customer, name and payer's account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.creditor_reference import reference_of
from counterfoil.core.payments.remittance import name_words, number_keys, serial_of

MAX_BUCKET = 50
"""Documents of one amount, and customers of one word, beyond which neither says anything."""


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A document that asks for money, and whose. `order`: the earlier, the older."""

    ref: Ref
    number: str
    customer_ref: Ref
    currency: str
    open_minor: int
    order: int = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """Money that came in: its amount in minor units above zero, what the payer wrote (`texts`; `structured` apart), who paid.
    `charges_minor`: what the bank says it kept of it."""

    amount_minor: int
    currency: str
    texts: tuple[str, ...] = ()
    structured: tuple[str, ...] = ()
    party_name: str = ""
    party_account: str = ""
    charges_minor: int = 0


@dataclass(slots=True)
class Book:
    """Everything open, indexed: by number, by serial, by amount, by customer, by words of names, by payer's account."""

    items: dict[Ref, OpenItem] = field(default_factory=dict)
    left: dict[Ref, int] = field(default_factory=dict)
    by_key: dict[str, list[Ref]] = field(default_factory=dict)
    by_serial: dict[str, list[Ref]] = field(default_factory=dict)
    by_amount: dict[tuple[str, int], list[Ref]] = field(default_factory=dict)
    by_customer: dict[Ref, list[Ref]] = field(default_factory=dict)
    by_word: dict[str, list[Ref]] = field(default_factory=dict)
    words: dict[Ref, tuple[frozenset[str], ...]] = field(default_factory=dict)
    names: dict[Ref, str] = field(default_factory=dict)
    payers: Mapping[str, frozenset[Ref]] = field(default_factory=dict)

    def add(self, item: OpenItem) -> None:
        """Take an open document in."""
        self.items[item.ref] = item
        self.left[item.ref] = item.open_minor
        for key in (*number_keys(item.number), reference_of(item.ref, item.number)):
            self.by_key.setdefault(key, []).append(item.ref)
        serial = serial_of(item.number)
        if serial:
            self.by_serial.setdefault(serial, []).append(item.ref)
        self.by_amount.setdefault((item.currency, item.open_minor), []).append(item.ref)
        self.by_customer.setdefault(item.customer_ref, []).append(item.ref)

    def name(self, customer: Ref, *names: str) -> None:
        """Take the names of a customer in."""
        self.names[customer] = names[0]
        sets = tuple({words: None for name in names if (words := name_words(name))})
        self.words[customer] = sets
        for word in {w for words in sets for w in words}:
            self.by_word.setdefault(word, []).append(customer)

    def take(self, parts: Iterable[tuple[Ref, int]]) -> None:
        """Note that these parts are paid: a further line finds what is left."""
        for ref, minor in parts:
            self.left[ref] -= minor

    def open_of(self, customer: Ref, currency: str) -> list[OpenItem]:
        """What is open of a customer in a currency, oldest first."""
        found = [self.items[r] for r in self.by_customer.get(customer, ()) if self.left[r] > 0]
        return sorted((i for i in found if i.currency == currency), key=lambda i: (i.order, i.number))

    def of_amount(self, currency: str, minor: int) -> list[Ref]:
        """Documents that ask for exactly that; none where too many do."""
        refs = self.by_amount.get((currency, minor), ())
        return [r for r in refs if self.left[r] == minor] if len(refs) <= MAX_BUCKET else []
