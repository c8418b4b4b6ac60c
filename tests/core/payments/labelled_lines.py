"""Bank lines with the truth about them: what customers really write, from a seed.

Each line is of one kind of mess; its label says what it really pays, or that it pays nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.payments.creditor_reference import printed, reference_of
from counterfoil.core.payments.open_book import Book, Incoming, OpenItem

_FIRST = "Aero Alpin Atlas Baltic Bergmann Blau Cargo Castell Delta Dupont Elb Fischer Garcia Hansa Iber Jansen Kowalski " \
         "Lehmann Linde Lopez Meyer Nord Novak Ostsee Petit Rhein Rossi Schmidt Silva Sorensen Tessin Ulmer Vogel Weber " \
         "Zeller".split()
_SECOND = "Analytics Bau Catering Design Energie Foods Garten Handel Ingenieure Jets Kapital Logistik Maschinen Netze Optik " \
          "Pharma Reisen Systeme Technik Umwelt Verlag Werft Zentrum Airlines Textil Druck Metall Labor Medien Software".split()
_FORMS = ("GmbH", "AG", "Ltd", "S.L.", "B.V.", "SAS", "Inc.", "Sp. z o.o.", "GmbH & Co. KG", "ApS")
_LEADS = ("", "", "Rechnung ", "RE ", "Re-Nr. ", "Invoice ", "Inv. ", "Factura n.o ", "Facture ", "betreft factuur ", "Zahlung ",
          "payment for ", "za fakturę ", "請求書 ", "оплата счета ", "SVWZ+", "/INV/")
_TAILS = ("", "", " vom 03.02.2026", " dated 2026-02-03", " Kd-Nr 4711", " thank you", " vielen Dank", " / abzgl. nichts",
          " gracias", " Auftrag 2026-8891", " TAN 553322", " 15.02.")
_PRICES = (9900, 9900, 19900, 49900, 4900)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A line, the kind of its mess, and the truth: what it pays of which documents (nothing: it is no customer's)."""

    line: Incoming
    kind: str
    pays: tuple[tuple[Ref, int], ...]


@dataclass
class World:
    """Customers with their open documents, and lines that pay them."""

    seed: int
    customers: int = 400
    documents: int = 3000
    prefix: str = "EU"
    random: random.Random = field(init=False)
    names: dict[Ref, str] = field(default_factory=dict)
    accounts: dict[Ref, str] = field(default_factory=dict)
    items: list[OpenItem] = field(default_factory=list)
    unpaid: dict[Ref, list[OpenItem]] = field(default_factory=dict)
    learnt: dict[str, frozenset[Ref]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        r = self.random
        for n in range(self.customers):
            ref = derived_ref("customer", self.seed, n)
            self.names[ref] = f"{r.choice(_FIRST)} {r.choice(_SECOND)} {r.choice(_FORMS)}"
            self.accounts[ref] = f"DE{r.randrange(10**19, 10**20)}"
            if r.random() < 0.5:
                self.learnt[self.accounts[ref]] = frozenset((ref,))
        everybody = list(self.names)
        for n in range(1, self.documents + 1):
            customer = r.choice(everybody)
            minor = r.choice(_PRICES) if r.random() < 0.4 else r.randrange(500, 2_000_000)
            number = f"{self.prefix}-INV-{n:06}"
            item = OpenItem(derived_ref("document", self.seed, n), number, customer, "EUR", minor, n)
            self.items.append(item)
            self.unpaid.setdefault(customer, []).append(item)

    def book(self) -> Book:
        """Everything open, indexed."""
        book = Book(payers=self.learnt)
        for item in self.items:
            book.add(item)
        for ref, name in self.names.items():
            book.name(ref, name)
        return book

    def lines(self) -> Iterator[Labelled]:
        """Lines until every document is paid, or meant to be."""
        kinds: dict[str, tuple[int, Callable[[], Labelled | None]]] = {
            "clean": (30, self._clean), "several": (12, self._several),
            "no prefix": (12, self._no_prefix),
            "slip": (6, self._slip), "fee stated": (2, self._fee_stated), "fee withheld": (4, self._fee),
            "wrong cents": (2, self._cents),
            "another payer": (5, self._other_payer), "collective": (3, self._collective), "cut off": (6, self._cut),
            "structured": (6, self._structured), "no reference": (8, self._silent), "part": (2, self._part),
            "no customer": (6, self._stranger),
        }
        names = list(kinds)
        weights = [kinds[n][0] for n in names]
        for _ in count():
            if not self.unpaid:
                return
            kind = self.random.choices(names, weights)[0]
            found = kinds[kind][1]()
            if found is not None:
                yield Labelled(found.line, kind, found.pays)

    def _take(self, most: int = 1) -> list[OpenItem]:
        customer = self.random.choice(list(self.unpaid))
        mine = self.unpaid[customer]
        taken = [mine.pop(self.random.randrange(len(mine))) for _ in range(min(most, len(mine)))]
        if not mine:
            del self.unpaid[customer]
        return taken

    def _spelled(self, number: str) -> str:
        r = self.random
        prefix, word, serial = number.split("-")
        short = serial.lstrip("0")
        return r.choice((
            number, number, number.lower(), f"{prefix}{word}{serial}", f"{prefix} {word} {short}", f"{prefix}-{word}-{short}",
            f"{prefix}/{word}/{serial}", f"{prefix}.{word}.{serial}", f"{prefix}_{word}_{serial}", f"{prefix}-{word} {serial}",
            f"{prefix}-{word}-{serial[:3]} {serial[3:]}",
        ))

    def _text(self, *numbers: str) -> str:
        r = self.random
        return r.choice(_LEADS) + r.choice((", ", " + ", " ", " und ", ";", " / ")).join(numbers) + r.choice(_TAILS)

    def _paid(self, items: list[OpenItem], text: str, *, minor: int | None = None, charges: int = 0, payer: bool = True,
              structured: tuple[str, ...] = (), pays: tuple[tuple[Ref, int], ...] | None = None) -> Labelled:
        r = self.random
        customer = items[0].customer_ref
        name = self.names[customer]
        spelled = r.choice((name, name.upper(), name.rpartition(" ")[0], name[:20], "")) if payer else ""
        account = self.accounts[customer] if payer and r.random() < 0.9 else ""
        total = sum(i.open_minor for i in items)
        line = Incoming(total if minor is None else minor, "EUR", (text,), structured, spelled, account, charges)
        return Labelled(line, "", tuple((i.ref, i.open_minor) for i in items) if pays is None else pays)

    def _clean(self) -> Labelled:
        items = self._take()
        return self._paid(items, self._text(self._spelled(items[0].number)))

    def _several(self) -> Labelled:
        items = self._take(self.random.randrange(2, 6))
        return self._paid(items, self._text(*(self._spelled(i.number) for i in items)))

    def _no_prefix(self) -> Labelled:
        items = self._take(self.random.choice((1, 1, 1, 2)))
        serials = [i.number.rpartition("-")[2] for i in items]
        return self._paid(items, self._text(*(self.random.choice((s, s.lstrip("0"), f"INV{s}", f"INV-{s}")) for s in serials)))

    def _slip(self) -> Labelled:
        r = self.random
        items = self._take()
        head, _dash, serial = items[0].number.rpartition("-")
        at = r.randrange(2, 6)
        wrong = r.choice((
            serial[:at] + r.choice("0123456789") + serial[at + 1 :], serial[:at] + serial[at + 1 :],
            serial[: at - 1] + serial[at] + serial[at - 1] + serial[at + 1 :],
        ))
        return self._paid(items, self._text(f"{head}-{wrong}"))

    def _fee_stated(self) -> Labelled:
        items = self._take()
        fee = self.random.choice((250, 500, 750, 1500))
        if items[0].open_minor <= fee:
            return self._paid(items, self._text(items[0].number))
        return self._paid(items, self._text(items[0].number), minor=items[0].open_minor - fee, charges=fee)

    def _fee(self) -> Labelled:
        items = self._take()
        fee = min(self.random.choice((250, 500, 750, 1500)), items[0].open_minor // 25)
        return self._paid(items, self._text(self._spelled(items[0].number)), minor=items[0].open_minor - fee)

    def _cents(self) -> Labelled:
        items = self._take()
        return self._paid(items, self._text(items[0].number), minor=items[0].open_minor - self.random.randrange(1, 60))

    def _other_payer(self) -> Labelled:
        """A parent company, a person or another customer pays."""
        items = self._take()
        found = self._paid(items, self._text(self._spelled(items[0].number)), payer=False)
        who = self.random.choice(("M. Huber", "Treuhand Services", self.names[self.random.choice(list(self.names))]))
        return Labelled(Incoming(found.line.amount_minor, "EUR", found.line.texts, (), who, ""), "", found.pays)

    def _collective(self) -> Labelled:
        items = [i for _ in range(self.random.randrange(2, 4)) if self.unpaid for i in self._take()]
        found = self._paid(items, self._text(*(i.number for i in items)), payer=False)
        return Labelled(Incoming(found.line.amount_minor, "EUR", found.line.texts, (), "Zahlstelle West", ""), "", found.pays)

    def _cut(self) -> Labelled:
        r = self.random
        items = self._take(r.randrange(1, 9))
        text = r.choice(("Rechnungen laut Avis ", "Sammelzahlung ", "Our ref 88/2026, invoices ")) + ", ".join(
            self._spelled(i.number) for i in items
        )
        return self._paid(items, text[: r.choice((35, 35, 140, 27))].rstrip())

    def _structured(self) -> Labelled:
        items = self._take()
        reference = reference_of(items[0].ref, items[0].number)
        if self.random.random() < 0.5:
            return self._paid(items, "", structured=(reference,))
        return self._paid(items, self.random.choice((printed(reference), reference.lower(), f"Ref {printed(reference)} danke")))

    def _silent(self) -> Labelled:
        return self._paid(self._take(self.random.choice((1, 1, 2))), self.random.choice(("", "Zahlung", "invoice", "see advice")))

    def _part(self) -> Labelled:
        items = self._take()
        minor = max(1, items[0].open_minor * self.random.choice((3, 5, 8)) // 10)
        return self._paid(items, self._text(items[0].number), minor=minor, pays=((items[0].ref, minor),))

    def _stranger(self) -> Labelled:
        r = self.random
        minor = r.choice(_PRICES) if r.random() < 0.3 else r.randrange(100, 900_000)
        text = r.choice(("Steuererstattung 2025", "Miete Untermieter 03/26", "STRIPE PAYOUT 00023", "refund 00812", "INV 000077"))
        return Labelled(Incoming(minor, "EUR", (text,), (), r.choice(("Finanzamt Mitte", "Stripe", "A. Jensen", "")), ""), "", ())
