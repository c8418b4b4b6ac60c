"""Which open documents a line of a bank pays: found by reference, amount and payer, said in words, with a confidence.

What is certain is certain by rule, not by score (`Suggestion.certain`): the amount is what is asked for to the cent, less
charges that the bank itself states, and the documents are named by references that cannot be another's slip. Everything else
is a suggestion for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.payments.creditor_reference import reference_of
from counterfoil.core.payments.open_book import MAX_BUCKET, Book, Incoming, OpenItem
from counterfoil.core.payments.remittance import Mentioned, mentioned, name_words, neighbours, number_keys, serial_of

ALMOST_MINOR = 100
"""A difference up to this is taken for a slip (wrong cents), not for a part."""
FEE_PART = 20
"""A short payment is taken for bank fees up to a twentieth of the sum, ..."""
FEE_MINOR = 5000
"""... and never over this many minor units."""
MIN_SERIAL = 3
"""Digits from which on a bare number may be a document's."""
MAX_TOGETHER = 12
"""So many open documents of a customer are tried for sums; with more, only the oldest ones in a row."""
_SAME_NAME = Decimal("0.6")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a line may pay. `parts`: of which document how much; `fee_minor` of them did not arrive; `rest_minor` arrived and
    settles nothing yet, and is `customer_ref`'s. `why`: in words. `certain`: by rule; else a person says so."""

    parts: tuple[tuple[Ref, int], ...]
    customer_ref: Ref | None
    confidence: Decimal
    rule: str
    why: tuple[str, ...]
    fee_minor: int = 0
    rest_minor: int = 0
    certain: bool = False


@dataclass(frozen=True, slots=True)
class _Payer:
    """Who seems to have paid: customers by a learnt account, and by name with how like it is."""

    by_account: frozenset[Ref]
    by_name: Mapping[Ref, Decimal]

    def says(self, customer: Ref) -> str:
        """What speaks for this customer; "" when nothing does."""
        if self.by_account == {customer}:
            return "account"
        return "name" if self.by_name.get(customer, Decimal(0)) >= _SAME_NAME else ""

    def against(self, customers: frozenset[Ref]) -> bool:
        """Whether the account or the name is known to be somebody else's."""
        if self.by_account:
            return not self.by_account & customers
        return bool(self.by_name) and not any(c in customers for c in self.by_name)


def suggest(line: Incoming, book: Book, limit: int = 5) -> list[Suggestion]:
    """What a line may pay, the likeliest first; a certain one stands alone."""
    payer = _payer(line, book)
    said = mentioned((*line.structured, *line.texts), book.by_key)
    found: list[Suggestion] = []
    named = _named(said, book)
    if named:
        sure, suggestion = _by_reference(line, book, payer, said, named)
        if sure:
            return [suggestion]
        found.append(suggestion)
    by_serial = _by_serial(line, book, payer, said)
    if by_serial is not None:
        if by_serial.certain and not named:
            return [by_serial]
        found.append(replace(by_serial, certain=False))
    found += _by_slip(line, book, payer, said) if not named else ()
    found += _by_amount(line, book, payer)
    found += _by_customer(line, book, payer)
    return _best(found, limit)


def _best(found: Iterable[Suggestion], limit: int) -> list[Suggestion]:
    best: dict[tuple[tuple[Ref, int], ...], Suggestion] = {}
    for s in found:
        key = tuple(sorted(s.parts))
        if key not in best or s.confidence > best[key].confidence:
            best[key] = s
    return sorted(best.values(), key=lambda s: -s.confidence)[:limit]


# who paid ---------------------------------------------------------------------------------------------------------------


def _payer(line: Incoming, book: Book) -> _Payer:
    by_account = book.payers.get(line.party_account, frozenset()) if line.party_account else frozenset()
    words = name_words(line.party_name)
    near: dict[Ref, Decimal] = {}
    if words:
        rare = sorted((w for w in words if w in book.by_word), key=lambda w: len(book.by_word[w]))
        for word in rare[:3]:
            customers = book.by_word[word]
            for customer in customers if len(customers) <= MAX_BUCKET else ():
                near[customer] = max(
                    (Decimal(len(words & own)) / len(words | own) for own in book.words[customer]), default=Decimal(0)
                )
    return _Payer(by_account, {c: likeness for c, likeness in near.items() if likeness >= Decimal("0.5")})


def _who(payer: _Payer, customer: Ref, book: Book) -> str:
    says = payer.says(customer)
    if says == "account":
        return f"the account is {book.names.get(customer, customer)}'s, as known from earlier payments"
    return f"the payer is called like {book.names.get(customer, customer)}" if says == "name" else ""


# by reference -----------------------------------------------------------------------------------------------------------


def _named(said: Mentioned, book: Book) -> list[Ref]:
    """The documents that the text names, each once; those of an ambiguous number are all of them."""
    refs: dict[Ref, None] = {}
    for key in (*said.checked, *said.keys):
        for ref in book.by_key.get(key, ()):
            refs[ref] = None
    return list(refs)


def _by_reference(
    line: Incoming, book: Book, payer: _Payer, said: Mentioned, named: Sequence[Ref]
) -> tuple[bool, Suggestion]:
    items = [book.items[r] for r in named if book.left[r] > 0]
    numbers = ", ".join(book.items[r].number for r in named)
    if not items:
        only = book.items[named[0]].customer_ref
        return False, Suggestion((), only, Decimal("0.6"), "paid_before", (f"names {numbers}, which is paid already",),
                                 rest_minor=line.amount_minor)
    other = [i for i in items if i.currency != line.currency]
    if other:
        return False, Suggestion(
            (), None, Decimal("0.2"), "currency",
            (f"names {numbers}, which asks for {other[0].currency}, and {line.currency} came in",),
        )
    asked = sum(book.left[i.ref] for i in items)
    customers = frozenset(i.customer_ref for i in items)
    customer = items[0].customer_ref if len(customers) == 1 else None
    parts = tuple((i.ref, book.left[i.ref]) for i in items)
    why = [f"names {', '.join(i.number for i in items)}"]
    why += [w for c in sorted(customers) if (w := _who(payer, c, book))]
    exact = asked == line.amount_minor
    charged = bool(line.charges_minor) and asked == line.amount_minor + line.charges_minor
    if exact or charged:
        words = f"{_money(asked, line.currency)} is exactly what {'it asks' if len(items) == 1 else 'they ask'} for"
        if charged and not exact:
            words += f", with the charges of {_money(line.charges_minor, line.currency)} that the bank states"
        why.append(words)
        doubt = _doubt(book, payer, said, items, customers)
        suggestion = Suggestion(
            parts, customer, Decimal("0.9") if doubt else Decimal(1), "reference" if exact else "reference_less_charges",
            (*why, *([doubt] if doubt else [])), fee_minor=0 if exact else line.charges_minor, certain=not doubt,
        )
        return not doubt, suggestion
    return False, _not_exact(line, parts, asked, customer, why)


def _doubt(
    book: Book, payer: _Payer, said: Mentioned, items: Sequence[OpenItem], customers: frozenset[Ref]
) -> str:
    """Why an exact amount with a reference is still not certain; "" when it is."""
    if any(len(book.by_key[k]) > 1 for k in (*said.keys, *said.checked)):
        return "but the number is not one document's alone"
    if payer.against(customers):
        return "but the payer is known as somebody else"
    if said.cut & {*said.keys}:
        return "but the text may be cut off in the number"
    if len(customers) > 1 and any(payer.says(c) for c in customers):
        return "but the documents are of several customers, and the payer is known as one of them"
    return _slip(items, book, payer, said.checked)


def _slip(items: Sequence[OpenItem], book: Book, payer: _Payer, checked: Sequence[str] = ()) -> str:
    """Whether a slip in a number may have been made: another open document over the same amount is one away. Where the payer
    is known, only the same customer's count; check digits rule it out."""
    refs = {i.ref for i in items}
    for item in items:
        key = number_keys(item.number)[0]
        if len(book.by_amount.get((item.currency, item.open_minor), ())) < 2 or reference_of(item.ref, item.number) in checked:
            continue
        known = payer.says(item.customer_ref)
        for other in neighbours(key):
            for ref in book.by_key.get(other, ()):
                near = book.items[ref]
                if ref in refs or book.left[ref] != book.left[item.ref] or near.currency != item.currency:
                    continue
                if not known or near.customer_ref == item.customer_ref:
                    return f"but {near.number} is one slip away and asks for the same"
    return ""


def _not_exact(
    line: Incoming, parts: tuple[tuple[Ref, int], ...], asked: int, customer: Ref | None, why: Sequence[str]
) -> Suggestion:
    """A reference is right and the amount is not: too little, too much, or a little beside it."""
    short = asked - line.amount_minor
    gap = _money(abs(short), line.currency)
    if short < 0:
        if customer is None:
            return Suggestion((), None, Decimal("0.3"), "over_many", (*why, f"{gap} more than they ask for, of several payers"))
        confidence = Decimal("0.85") if -short <= ALMOST_MINOR else Decimal("0.75")
        return Suggestion(parts, customer, confidence, "over", (*why, f"{gap} more than is asked for: it stays unapplied"),
                          rest_minor=-short)
    if short <= min(FEE_MINOR, asked // FEE_PART) and line.currency and short > 0:
        slip = short <= ALMOST_MINOR
        return Suggestion(
            parts, customer, Decimal("0.8"), "short_fee",
            (*why, f"{gap} less than is asked for: {'wrong cents, or ' if slip else ''}bank fees withheld on the way"),
            fee_minor=short,
        )
    return Suggestion(_filled(parts, line.amount_minor), customer, Decimal("0.7"), "part",
                      (*why, f"{gap} less than is asked for: a part payment"))


def _filled(parts: Sequence[tuple[Ref, int]], amount_minor: int) -> tuple[tuple[Ref, int], ...]:
    filled = []
    for ref, minor in parts:
        part = min(minor, amount_minor)
        if part:
            filled.append((ref, part))
            amount_minor -= part
    return tuple(filled)


# by a number without its prefix, or with a slip in it -------------------------------------------------------------------


def _by_serial(line: Incoming, book: Book, payer: _Payer, said: Mentioned) -> Suggestion | None:
    """The text names serials alone ("Rechnung 122"). Certain where the payer is known, every serial of at least three digits
    is one open document's of that payer, they add up exactly, and no slip is near."""
    known = [c for c in {*payer.by_account, *payer.by_name} if payer.says(c)]
    if len(known) != 1:
        return None
    items: list[OpenItem] = []
    for serial in said.serials:
        own = [book.items[r] for r in book.by_serial.get(serial, ()) if len(serial) >= MIN_SERIAL and book.left[r] > 0
               and book.items[r].customer_ref == known[0] and book.items[r].currency == line.currency]
        if len(own) > 1:
            return None
        items += own
    if not items:
        return None
    asked = sum(book.left[i.ref] for i in items)
    why = [f"names the last digits of {', '.join(i.number for i in items)}", _who(payer, known[0], book)]
    parts = tuple((i.ref, book.left[i.ref]) for i in items)
    if asked == line.amount_minor:
        doubt = _slip(items, book, payer)
        if said.cut & {serial_of(i.number) for i in items}:
            doubt = "but the text may be cut off in the number"
        return Suggestion(parts, known[0], Decimal("0.85") if doubt else Decimal("0.95"), "serial",
                          (*why, f"{_money(asked, line.currency)} is exactly what is asked for", *([doubt] if doubt else [])),
                          certain=not doubt)
    found = _not_exact(line, parts, asked, known[0], why)
    return replace(found, confidence=found.confidence - Decimal("0.1"))


def _by_slip(line: Incoming, book: Book, payer: _Payer, said: Mentioned) -> list[Suggestion]:
    """A number in the text is one slip away from that of a document that asks for exactly this amount."""
    found = []
    same = book.of_amount(line.currency, line.amount_minor)
    serials = {s for s in said.serials if len(s) >= 2}
    for ref in same if serials else ():
        item = book.items[ref]
        own = serial_of(item.number)
        if any(own == s or own in neighbours(s) for s in serials):
            says = payer.says(item.customer_ref)
            confidence = Decimal("0.9") if says else Decimal("0.7") if len(same) == 1 else Decimal("0.55")
            why = (f"a number in the text is, or nearly is, that of {item.number}", "the amount is exactly what it asks for",
                   *filter(None, (_who(payer, item.customer_ref, book),)))
            found.append(Suggestion(((ref, line.amount_minor),), item.customer_ref, confidence, "slip", why))
    return found


# by amount, by payer ----------------------------------------------------------------------------------------------------


def _by_amount(line: Incoming, book: Book, payer: _Payer) -> list[Suggestion]:
    same = book.of_amount(line.currency, line.amount_minor)
    found = []
    for ref in same:
        item = book.items[ref]
        says = payer.says(item.customer_ref)
        if len(same) > 1 and not says:
            continue
        mine = sum(1 for r in same if book.items[r].customer_ref == item.customer_ref)
        confidence = {"account": Decimal("0.9"), "name": Decimal("0.8"), "": Decimal("0.5")}[says]
        if says and mine > 1:
            confidence -= Decimal("0.2")
        only = "the only open document" if len(same) == 1 else "an open document"
        why = (f"{item.number} is {only} over exactly {_money(line.amount_minor, line.currency)}",
               *filter(None, (_who(payer, item.customer_ref, book),)))
        found.append(Suggestion(((ref, line.amount_minor),), item.customer_ref, confidence, "amount", why))
    return found


def _by_customer(line: Incoming, book: Book, payer: _Payer) -> list[Suggestion]:
    """The payer is known: several documents that add up, or else the oldest first."""
    found = []
    for customer in sorted({*payer.by_account, *(c for c in payer.by_name if payer.says(c))}):
        items = book.open_of(customer, line.currency)
        if not items:
            continue
        who = _who(payer, customer, book) or "the account has paid for several customers"
        together = _adding_up(items, book, line.amount_minor)
        if together:
            parts = tuple((i.ref, book.left[i.ref]) for i in together)
            why = (who, f"{', '.join(i.number for i in together)} add up to exactly this amount")
            found.append(Suggestion(parts, customer, Decimal("0.75"), "sum", why))
            continue
        parts = _filled([(i.ref, book.left[i.ref]) for i in items], line.amount_minor)
        rest = line.amount_minor - sum(minor for _ref, minor in parts)
        why = (who, "no documents add up to this amount: the oldest first")
        found.append(Suggestion(parts, customer, Decimal("0.4"), "oldest", why, rest_minor=rest))
    return found[:3]


def _adding_up(items: Sequence[OpenItem], book: Book, amount_minor: int) -> Sequence[OpenItem]:
    """Open documents that add up: the oldest in a row, or any two or three where there are few."""
    total = 0
    for n, item in enumerate(items, 1):
        total += book.left[item.ref]
        if total == amount_minor:
            return items[:n]
        if total > amount_minor:
            break
    if len(items) <= MAX_TOGETHER:
        sets = [c for n in (2, 3) for c in combinations(items, n) if sum(book.left[i.ref] for i in c) == amount_minor]
        if len(sets) == 1:
            return sets[0]
    return ()


def _money(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):f} {currency}"
