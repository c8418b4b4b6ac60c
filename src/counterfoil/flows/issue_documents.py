"""Issue what falls due at one instant: measure, rate, draw up, number, book, seal. At most once per period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.period import Period, Window, local_date, midnight
from counterfoil.core.contracts import landing
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.charges import BilledPart, Charge, Shape, charges_of, charges_on
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.core.invoicing.document import Discount, Document, UsageProof
from counterfoil.core.invoicing.draw_up import Cap, LineDraft, draw_up
from counterfoil.core.invoicing.parties import buyer, seller
from counterfoil.core.invoicing.rating import Used, caps_of, discounts_of, items_of, needs_of, rate_charge
from counterfoil.core.invoicing.upon_usage import PeriodKey, UsageChild
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.ask import Ask
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.meter_codec import meter_to_json
from counterfoil.flows.bill_upon_usage import closing_used
from counterfoil.flows.fall_due import next_issue_at, pricings_of, shapes_of
from counterfoil.flows.ports import Tx
from counterfoil.flows.seal_documents import seal_documents

SWEEP_LOCK = "usage sweep"

Pricings = Mapping[tuple[Ref, int], Pricing]


@dataclass(frozen=True, slots=True)
class DueCharge:
    """A charge of a contract, with the pricing it is rated by and the one-time items that an earlier segment billed."""

    contract: Contract
    charge: Charge
    pricing: Pricing
    skip: frozenset[Ref] = frozenset()

    @property
    def usage_items(self) -> list[LineItem]:
        """The items that are measured for it."""
        return [i for i in items_of(self.charge.segment.terms, self.pricing) if i.kind == "usage"]


def issue_due(tx: Tx, at: datetime, limit: int) -> tuple[int, list[Document]]:
    """Issue the documents that fall due at exactly `at`, for up to `limit` contracts: one transaction, all or none.

    The number of contracts that were due, and the documents. A contract whose charges come to nothing gets none.
    """
    tx.lock(SWEEP_LOCK, shared=True)
    contracts = tx.due_contracts(at, limit)
    return (len(contracts), _issue(tx, contracts, at)) if contracts else (0, [])


def issue_now(tx: Tx, contract_ref: str) -> list[Document]:
    """Issue what is due of one contract by now, in the transaction that agreed it."""
    tx.lock(SWEEP_LOCK, shared=True)
    issued: list[Document] = []
    while (at := tx.next_issue_of(Ref(contract_ref))) is not None and at <= tx.now:
        contract = tx.contract(contract_ref, lock=True)
        assert contract is not None, "a contract that is due is there"
        issued.extend(_issue(tx, [contract], at))
    return issued


def _issue(tx: Tx, contracts: Sequence[Contract], at: datetime) -> list[Document]:
    pricings = pricings_of(tx, contracts)
    due = not_billed(tx, [d for c in contracts for d in due_charges(c, pricings, at)])
    documents, parts = _by_themselves(tx, *draw_up_all(tx, contracts, due))
    issued = seal_documents(tx, documents)
    tx.add_billed(parts)
    _tell_children(tx, due, parts)
    more: dict[Ref, int] = {}
    for document in issued:
        assert document.contract_ref is not None
        more[document.contract_ref] = more.get(document.contract_ref, 0) + 1
    tx.set_next_issue([(c.ref, _next_after(c, pricings, at), more.get(c.ref, 0)) for c in contracts])
    return issued


def _by_themselves(
    tx: Tx, documents: Sequence[Document], parts: Sequence[tuple[BilledPart, Window | None]]
) -> tuple[Sequence[Document], Sequence[tuple[BilledPart, Window | None]]]:
    """The same under references that no document has: an amendment from a day that is past may bill more on a date whose
    document is issued already, and what was issued stands."""
    while there := tx.numbers_of([d.ref for d in documents]) if documents else {}:
        again = {ref: derived_ref("document", ref, "again") for ref in there}
        documents = [replace(d, ref=again.get(d.ref, d.ref)) for d in documents]
        parts = [
            (p if p.document_ref is None else replace(p, document_ref=again.get(p.document_ref, p.document_ref)), window)
            for p, window in parts
        ]
    return documents, parts


def _tell_children(
    tx: Tx, due: Sequence[DueCharge], parts: Sequence[tuple[BilledPart, Window | None]]
) -> None:
    """Let usage that was billed as it came know the document of its period, where that is issued only now."""
    upon = {d.charge.key for d in due if d.charge.segment.terms.due_upon_usage}
    found: list[tuple[PeriodKey, Ref]] = [
        ((p.product_ref, p.starts, p.version), p.document_ref)
        for p, _window in parts if p.key in upon and p.document_ref is not None
    ]
    if found:
        tx.set_parents(found)


def due_charges(contract: Contract, pricings: Pricings, at: datetime) -> list[DueCharge]:
    """The charges of a contract whose issue date begins at `at` in their own time zone."""
    found: list[DueCharge] = []
    for segment, shape in shapes_of(contract, pricings):
        zone = segment.terms.time_zone
        day = local_date(at, zone)
        if midnight(day, zone) == at:
            pricing = pricings[(segment.terms.pricing_ref, segment.terms.pricing_version)]
            skip = billed_once_before(contract, segment, pricings) if segment.version > 1 else frozenset()
            found.extend(DueCharge(contract, c, pricing, skip) for c in charges_on(segment, shape, day))
    return found


def billed_once_before(contract: Contract, segment: Segment, pricings: Pricings) -> frozenset[Ref]:
    """One-time items that earlier segments of the same product had."""
    seen: set[Ref] = set()
    for earlier in by_product(contract.segments)[segment.terms.product_ref]:
        if earlier.version >= segment.version:
            break
        pricing = pricings[(earlier.terms.pricing_ref, earlier.terms.pricing_version)]
        seen.update(i.ref for i in items_of(earlier.terms, pricing) if i.kind == "one_time")
    return frozenset(seen)


def rate_all(tx: Tx, due: Sequence[DueCharge]) -> list[tuple[LineDraft, ...]]:
    """The line drafts of every charge: usage is measured for all of them at once."""
    wanted = {i.usage_product_ref for d in due if d.charge.usage for i in d.usage_items if i.usage_product_ref}
    meters = tx.meters(list(wanted)) if wanted else {}
    children = children_before(tx, due)
    asks: list[Ask] = []
    places: list[tuple[int, LineItem]] = []
    for n, d in enumerate(due):
        for item in d.usage_items if d.charge.usage and n not in children else ():
            assert item.usage_product_ref is not None
            asks.append(_ask(d, item, meters[item.usage_product_ref]))
            places.append((n, item))
    used: list[dict[Ref, Used]] = [{} for _ in due]
    for (n, item), ask, found in zip(places, asks, tx.measure(asks) if asks else (), strict=True):
        proof = UsageProof(found.root, found.count, ask.window, _meter_json(ask.meter))
        used[n][item.ref] = Used(found.measured, proof, ask.period_days)
    for n, mine in children.items():
        used[n] = closing_used(tx, due[n].contract, due[n].charge, due[n].pricing, meters, mine)
    return [_rate(d, u, children.get(n, ())) for n, (d, u) in enumerate(zip(due, used, strict=True))]


def children_before(tx: Tx, due: Sequence[DueCharge]) -> dict[int, list[UsageChild]]:
    """By place in `due`: the documents that billed usage of the same period as it came."""
    places = {
        (*d.charge.key[:2], d.charge.segment.version): n
        for n, d in enumerate(due) if d.charge.segment.terms.due_upon_usage and d.charge.usage is not None
    }
    found: dict[int, list[UsageChild]] = {}
    for child in tx.children(list(places)) if places else ():
        found.setdefault(places[child.period], []).append(child)
    return found


def document_ref(contract: Contract, charges: Sequence[Charge], group: str, issue_on: date) -> Ref:
    """The reference that a contract's document of a date has, from its projection on."""
    return landing.document_ref(contract.ref, group, issue_on, landing.latest_version(charges))


@lru_cache(maxsize=4096)
def _meter_json(meter: Meter) -> Json:
    return meter_to_json(meter)


def _ask(d: DueCharge, item: LineItem, meter: Meter) -> Ask:
    zone = d.charge.segment.terms.time_zone
    assert d.charge.usage is not None
    prior = None if d.charge.prior is None else d.charge.prior.window(zone)
    return Ask(
        d.contract.customer_ref, meter, d.charge.usage.window(zone), needs_of(item), prior, zone, _period_days(d, meter)
    )


def _period_days(d: DueCharge, meter: Meter) -> int | None:
    """The days of the whole period, which a prorated meter counts active days against."""
    return d.charge.billing.grid.days if meter.prorated else None



def _rate(d: DueCharge, used: Mapping[Ref, Used], children: Sequence[UsageChild] = ()) -> tuple[LineDraft, ...]:
    before: tuple[LineDraft, ...] = ()
    if d.charge.segment.terms.minimum_fee is not None:
        before = _earlier_parts(d, used) if d.charge.part else ()
        before += tuple(LineDraft("", "", "usage", t.amount) for c in children[-1:] for t in c.through.values())
    return rate_charge(d.charge, d.pricing, used, billed_before=before, skip=d.skip)


def _earlier_parts(d: DueCharge, used: Mapping[Ref, Used]) -> tuple[LineDraft, ...]:
    """What the parts before this one billed, rated again: it counts towards the minimum fee."""
    kinds = {i.kind for i in items_of(d.charge.segment.terms, d.pricing)}
    shape = Shape("one_time" in kinds, "recurring" in kinds, "usage" in kinds)
    drafts: list[LineDraft] = []
    for earlier in charges_of(d.charge.segment, d.charge.billing, shape):
        if earlier.part < d.charge.part:
            prior = {ref: Used(Measured(quantity=u.measured.prior_quantity), None) for ref, u in used.items()}
            drafts.extend(x for x in rate_charge(earlier, d.pricing, prior, skip=d.skip))
    return tuple(drafts)


def not_billed(tx: Tx, due: list[DueCharge], *, today: bool = False) -> list[DueCharge]:
    """Without what was billed before: only an amended contract comes to the same date twice, unless it is looked at
    on the very day (`today`), after its documents were issued."""
    again = [d.charge.key for d in due if today or d.contract.version > 1]
    billed = {b.key for b in tx.billed_parts_of(again)} if again else set()
    return [d for d in due if d.charge.key not in billed]


def _next_after(contract: Contract, pricings: Pricings, at: datetime) -> datetime | None:
    following = [
        next_issue_at(_only(contract, zone), pricings, local_date(at, zone))
        for zone in {s.terms.time_zone for s in contract.segments}
    ]
    return min((f for f in following if f is not None), default=None)


def _only(contract: Contract, zone: str) -> Contract:
    mine = tuple(s for s in contract.segments if s.terms.time_zone == zone)
    return contract if len(mine) == len(contract.segments) else replace(contract, segments=mine)


def draw_up_all(
    tx: Tx, contracts: Sequence[Contract], due: Sequence[DueCharge], *, keep_empty: bool = False
) -> tuple[list[Document], list[tuple[BilledPart, Window | None]]]:
    """The documents of these charges, without numbers, and the parts that they bill.

    Charges that come to nothing, with no usage counted, make no document unless `keep_empty`."""
    drafts = rate_all(tx, due)
    customers = tx.customers(list({c.customer_ref for c in contracts}))
    entities = tx.entities(list({d.charge.segment.terms.entity_ref for d in due})) if due else {}
    so_far = tx.documents_so_far([c.ref for c in contracts])
    documents: list[Document] = []
    parts: list[tuple[BilledPart, Window | None]] = []
    for contract, group, members in _grouped(due, drafts):
        charges = [d.charge for d, _lines in members]
        ref = None
        if (keep_empty and any(lines for _d, lines in members)) or any(
            x.amount or (x.usage and x.usage.count) for _d, lines in members for x in lines
        ):
            so_far[contract.ref] += 1
            entity = entities[charges[0].segment.terms.entity_ref]
            document = collect(contract, group, members, entity, customers[contract.customer_ref], so_far[contract.ref])
            documents.append(document)
            ref = document.ref
        parts.extend((_billed(contract, c, ref), _window(c)) for c in charges)
    return documents, parts


def _grouped(
    due: Sequence[DueCharge], drafts: Sequence[tuple[LineDraft, ...]]
) -> Iterable[tuple[Contract, str, list[tuple[DueCharge, tuple[LineDraft, ...]]]]]:
    """One document per contract or one per product, and in any case one per entity, net terms and time zone."""
    groups: dict[tuple[Ref, str], list[tuple[DueCharge, tuple[LineDraft, ...]]]] = {}
    for d, lines in zip(due, drafts, strict=True):
        group = landing.document_group(d.charge.segment.terms, collective=d.contract.collective)
        groups.setdefault((d.contract.ref, group), []).append((d, lines))
    for (_ref, group), members in groups.items():
        yield members[0][0].contract, group, members


def collect(
    contract: Contract,
    group: str,
    members: Sequence[tuple[DueCharge, tuple[LineDraft, ...]]],
    entity: Entity,
    customer: Customer,
    number_in_contract: int,
) -> Document:
    """The document, without its number, of charges that fall due together."""
    drafts: list[LineDraft] = []
    discounts: list[Discount] = []
    caps: list[Cap] = []
    for d, lines in members:
        numbers = tuple(range(len(drafts) + 1, len(drafts) + 1 + len(lines)))
        drafts.extend(lines)
        if numbers:
            discounts.extend(discounts_of(d.charge.segment.terms, numbers))
            caps.extend(caps_of(d.charge, numbers) if d.charge.closes else ())
    charges = [d.charge for d, _lines in members]
    terms = charges[0].segment.terms
    return draw_up(
        ref=document_ref(contract, charges, group, charges[0].issue_on),
        kind="INVOICE",
        number="",
        currency=terms.currency,
        issued_on=charges[0].issue_on,
        net_days=terms.net_days,
        seller=seller(entity, terms.payment.billing_account_id),
        buyer=buyer(customer),
        drafts=drafts,
        discounts=tuple(sorted(discounts, key=lambda x: x.percent is None)),
        caps=caps,
        contract_ref=contract.ref,
        contract_number=contract.number,
        contract_version=contract.version,
        number_in_contract=number_in_contract,
        period=_span(charges),
        is_partial_period=any(c.billing.is_partial for c in charges),
        po_number=contract.po_number,
        note="\n".join(dict.fromkeys(c.segment.terms.note for c in charges if c.segment.terms.note)),
        time_zone=terms.time_zone,
        language=customer.language,
    )


def _span(charges: Sequence[Charge]) -> Period:
    spans = [c.usage if c.usage is not None and not c.fees else c.billing.period for c in charges]
    return Period(min(s.start for s in spans), max(s.end for s in spans))


def _billed(contract: Contract, charge: Charge, document: Ref | None) -> BilledPart:
    product, starts, part, version = charge.key
    return BilledPart(
        contract.ref, product, starts, charge.billing.period.end, part, document, charge.issue_on, version
    )


def _window(charge: Charge) -> Window | None:
    return None if charge.usage is None else charge.usage.window(charge.segment.terms.time_zone)
