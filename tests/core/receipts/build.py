"""Documents, logs and bundles to test with: made by the functions that bill, signed by a real key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import to_minor
from counterfoil.core.basis.period import Period
from counterfoil.core.invoicing.document import Discount, Document, DocumentKind, Line, Party, TaxTotal, UsageProof
from counterfoil.core.pricing.codec import item_from_json, item_to_json, measured_to_json
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.rate import rate
from counterfoil.core.pricing.totals import DiscountTerm, totals, true_up_minor
from counterfoil.core.receipts.bundle import make_bundle
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.tlog import tree
from counterfoil.core.tlog.checkpoint import Checkpoint, sign_checkpoint, with_cosignatures
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.note import COSIGNATURE_V1, ED25519, VerifierKey, cosign
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.measure import measure
from counterfoil.core.usage.meter import Filter, Meter
from counterfoil.core.usage.meter_codec import meter_to_json
from counterfoil.core.usage.seal import event_bytes_in_order, usage_root

PERIOD = Period(date(2013, 1, 1), date(2013, 2, 1))
ZONE = "America/New_York"
STREAM = derived_ref("flights")
SELLER = Party(
    derived_ref("jfk"), "JFK", "John F. Kennedy Airport", ("Queens", "New York"), "US", "US-1", "", (("IBAN", "—"),)
)
BUYER = Party(derived_ref("ua"), "United Air Lines Inc.", country="US")


@dataclass(frozen=True)
class Key:
    """A signer over `cryptography`, as an adapter has it."""

    name: str
    seed: int = 1

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed.to_bytes(32, "big"))

    @property
    def public_key(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)

    def verifier(self, algorithm: int = ED25519) -> str:
        return VerifierKey(self.name, algorithm, self.public_key).text


LOG = Key("counterfoil.example/acme/live")
WITNESS = Key("witness.example/w1", 2)
WITNESS_KEY = WITNESS.verifier(COSIGNATURE_V1)


def flights(count: int, *, customer: Ref = BUYER.ref) -> tuple[Event, ...]:
    """`count` flights spread over the period, some of them on one instant."""
    window = PERIOD.window(ZONE)
    return tuple(
        Event(
            ref=derived_ref("flight", i),
            customer_ref=customer,
            usage_product_ref=STREAM,
            at=window.start
            + timedelta(seconds=window.seconds * (i // 2 * 2) // max(count, 1), microseconds=i % 3 // 2),
            quantity=Decimal(1),
            properties={"miles": str(100 + i * 37 % 2500), "tail": f"N{i % 17}", "hours": f"{i % 9}.{i % 4 * 25:02d}"},
            key=f"f-{i}",
        )
        for i in range(count)
    )


def meter(name: str, **terms: Any) -> Meter:
    return Meter(ref=derived_ref("meter", name), name=name, source_ref=STREAM, **terms)


COUNT = meter("landings", aggregation="count", unit="landing")
MILES = meter("miles", field="miles", unit="mile")
HOURS = meter("air time", field="hours", unit="hour", include=(Filter("tail", ("N1", "N2", "N3", "N4")),))
TAILS = meter("tails", aggregation="unique_count", field="tail", unit="aircraft")
LEVEL = meter("level", aggregation="time_weighted_sum", unit="mile", field="miles")


def item(name: str, kind: str, model: Mapping[str, Any], **terms: Any) -> LineItem:
    return item_from_json({"ref": derived_ref("item", name), "item": name, "kind": kind, "model": model, **terms})


GRADUATED = item(
    "Landing fee",
    "usage",
    {
        "kind": "graduated",
        "tiers": [
            {"up_to": "50", "unit_price": "12.345", "flat_fee": "10"},
            {"up_to": "90.5", "unit_price": "9.99", "cap": "300"},
            {"unit_price": "7.1"},
        ],
    },
    unit="landing",
    usage_product_ref=COUNT.ref,
)
VOLUME = item(
    "Distance",
    "usage",
    {
        "kind": "volume",
        "tiers": [{"up_to": "100000", "unit_price": "0.0123"}, {"unit_price": "0.0101", "flat_fee": "5"}],
    },
    unit="mile",
    usage_product_ref=MILES.ref,
    included_units="1000",
)
PACKAGE = item(
    "Air time",
    "usage",
    {"kind": "package", "package_size": "10", "package_price": "4.5", "free_units": "3"},
    unit="hour",
    usage_product_ref=HOURS.ref,
    minimum_fee="40",
)
PER_UNIT = item(
    "Aircraft",
    "usage",
    {"kind": "per_unit", "unit_price": "33.333"},
    unit="aircraft",
    maximum_fee="500",
    usage_product_ref=TAILS.ref,
)
WEIGHTED = item("Level", "usage", {"kind": "per_unit", "unit_price": "0.01"}, unit="mile", usage_product_ref=LEVEL.ref)
LICENCE = item("Licence", "recurring", {"kind": "flat", "amount": "1000"})
SEATS = item("Seats", "recurring", {"kind": "per_unit", "unit_price": "19.99"}, unit="seat")
SETUP = item("Set-up", "one_time", {"kind": "flat", "amount": "250"}, prorate="none")


def usage_line(n: int, terms: LineItem, counted: Meter, events: Sequence[Event], **more: Any) -> Line:
    window = PERIOD.window(ZONE)
    used = measure(counted, window, events, needs=terms.model.needs, time_zone=ZONE)
    rated = rate(terms, used)
    root, count = usage_root(events)
    return Line(
        n=n,
        item=terms.item,
        product_name="Airport",
        kind="usage",
        period=PERIOD,
        quantity=rated.quantity,
        unit=terms.unit,
        amount_minor=to_minor(rated.amount, "USD"),
        tax_percent=Decimal(8),
        parts=rated.parts,
        product_ref=derived_ref("product"),
        line_item_ref=terms.ref,
        terms=item_to_json(terms),
        inputs={"measured": measured_to_json(used), "share": [1, 1]},
        usage=UsageProof(root, count, window, meter_to_json(counted)),
        **more,
    )


def fixed_line(n: int, terms: LineItem, quantity: str, share: Fraction = Fraction(1), **more: Any) -> Line:
    rated = rate(terms, Measured(quantity=Decimal(quantity)), share=share)
    return Line(
        n=n,
        item=terms.item,
        product_name="Airport",
        kind="one_time" if terms.kind == "one_time" else "recurring",
        period=PERIOD,
        quantity=rated.quantity,
        unit=terms.unit,
        amount_minor=to_minor(rated.amount, "USD"),
        parts=rated.parts,
        terms=item_to_json(terms),
        inputs={"quantity": quantity, "share": [share.numerator, share.denominator]},
        **more,
    )


def lines(events: Sequence[Event]) -> tuple[Line, ...]:
    """One of every kind."""
    listed = [
        usage_line(1, GRADUATED, COUNT, events),
        usage_line(2, VOLUME, MILES, events),
        usage_line(3, PACKAGE, HOURS, [e for e in events if e.properties["tail"] in ("N1", "N2", "N3", "N4")]),
        usage_line(4, PER_UNIT, TAILS, events),
        fixed_line(5, LICENCE, "1", Fraction(17, 31), tax_percent=Decimal("8.875")),
        fixed_line(6, SEATS, "3", tax_percent=Decimal(8)),
        fixed_line(7, SETUP, "1", tax_category="E"),
    ]
    billed = sum(line.amount_minor for line in listed[:4])
    true_up = true_up_minor(Decimal(50_000), billed, "USD", Fraction(17, 31))
    listed.append(
        Line(
            n=8, item="Minimum", product_name="Airport", kind="minimum", period=PERIOD, quantity=Decimal(1), unit="",
            amount_minor=true_up,
            inputs={"minimum": "50000", "share": [17, 31], "billed_minor": billed, "lines": [1, 2, 3, 4]},
        )
    )  # fmt: skip
    listed.append(
        Line(
            n=9, item="Towing", product_name="", kind="ad_hoc", period=None, quantity=Decimal("1.5"), unit="hour",
            amount_minor=1503, inputs={"quantity": "1.5", "unit_price": "10.017"},
        )
    )  # fmt: skip
    return tuple(listed)


DISCOUNTS = (
    Discount("Goodwill", fixed=Decimal("12.34"), lines=(2, 3, 5)),
    Discount("Volume partner", percent=Decimal("7.5")),
)


def document(
    listed: Sequence[Line], discounts: Sequence[Discount] = (), kind: DocumentKind = "INVOICE", credits_minor: int = 0
) -> Document:
    """A document over these lines whose totals are those of the functions that bill."""
    terms = [
        DiscountTerm(
            d.percent,
            None if d.fixed is None else to_minor(d.fixed, "USD"),
            None if d.lines is None else tuple(n - 1 for n in d.lines),
        )
        for d in discounts
    ]
    sums = totals([(x.tax_category, x.tax_percent, x.amount_minor) for x in listed], terms, credits_minor)
    return Document(
        ref=derived_ref("document", kind),
        kind=kind,
        number="US-INV-000123",
        currency="USD",
        issued_on=date(2013, 2, 1),
        due_on=date(2013, 3, 3),
        net_days=30,
        seller=SELLER,
        buyer=BUYER,
        lines=tuple(replace(x, discount_minor=d) for x, d in zip(listed, sums.line_discounts_minor, strict=True)),
        discounts=tuple(discounts),
        taxes=tuple(TaxTotal(t.category, t.percent, t.base_minor, t.tax_minor) for t in sums.taxes),
        sub_total_minor=sums.sub_total_minor,
        total_discount_minor=sums.total_discount_minor,
        total_tax_minor=sums.total_tax_minor,
        credits_minor=sums.credits_minor,
        total_minor=sums.total_minor,
        contract_ref=derived_ref("contract"),
        contract_number=7,
        contract_version=2,
        number_in_contract=1,
        period=PERIOD,
        is_partial_period=True,
        po_number="PO “7” ü",
        time_zone=ZONE,
    )


def invoice(events: Sequence[Event]) -> Document:
    return document(lines(events), DISCOUNTS, credits_minor=500)


def sealed_usage(drawn: Document, events: Sequence[Event]) -> dict[str, list[bytes]]:
    """For each root, the canonical bytes of the events behind it."""
    found: dict[str, list[bytes]] = {}
    for line in drawn.lines:
        if line.usage is not None:
            tails = [f["values"] for f in line.usage.meter["include"]]
            counted = [e for e in events if all(e.properties["tail"] in values for values in tails)]
            found[line.usage.root] = list(event_bytes_in_order(counted))
    return found


def bundled(
    record: bytes,
    usage: Mapping[str, Sequence[bytes]] | None = None,
    *,
    size: int = 11,
    index: int = 4,
    witness: bool = False,
    older: int | None = None,
    key: Key = LOG,
    salt: bytes = bytes(range(32)),
) -> bytes:
    """A bundle over a log of `size` records in which `record` stands at `index`."""
    leaves = [tree.leaf_hash(b"other %d" % i) for i in range(size)]
    leaves[index] = record_leaf(salt, record)
    checkpoint = checkpoint_at(leaves, size, witness=witness, key=key)
    return make_bundle(
        record,
        salt=salt,
        index=index,
        proof=tree.inclusion_proof(leaves, index),
        checkpoint=checkpoint,
        verifier_key=key.verifier(),
        witness_keys=[WITNESS_KEY] if witness else [],
        consistency=None
        if older is None
        else (checkpoint_at(leaves, older, key=key), tree.consistency_proof(leaves, older)),
        usage=usage,
    )


def checkpoint_at(leaves: Sequence[bytes], size: int, *, witness: bool = False, key: Key = LOG) -> bytes:
    head = Checkpoint(key.name, size, tree.root_of(leaves[:size]))
    signed = sign_checkpoint(head, [key])
    at = int(datetime(2013, 2, 1, tzinfo=UTC).timestamp())
    return with_cosignatures(signed, [cosign(head.text, at, WITNESS)]) if witness else signed


def invoice_bundle(count: int = 40, **log: Any) -> bytes:
    """The bundle of an invoice with a line of every kind over `count` events."""
    events = flights(count)
    drawn = invoice(events)
    return bundled(invoice_record(drawn), sealed_usage(drawn, events), **log)
