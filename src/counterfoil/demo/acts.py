"""What happens during the year besides flying: amendments, a cancellation, an invoice without a contract, corrections.

Each act looks first whether it was done before, so that telling the story again does nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal as D
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.terms import Contract, ProductTerms
from counterfoil.core.usage.event import event_ref_of
from counterfoil.demo.flights import Flight, Year
from counterfoil.demo.parties import TAX_PERCENT
from counterfoil.demo.prices import AIRFIELD, TERMINAL, airfield_from_july
from counterfoil.demo.scope import YEAR
from counterfoil.demo.setting import airports
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, amend_contract, cancel_contract
from counterfoil.flows.correct_usage import delete_usage, edit_usage
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_catalogue import draft_pricing, publish_pricing
from counterfoil.flows.usage_catalogue import read_catalogue

DEICING = "Winter operations, December"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that people do on a day. `does` gives whether it did anything: not, when it was done before."""

    on: date
    says: str
    does: Callable[[Any], bool]


def more_gates(tx: Any) -> bool:
    """United takes two more gates at Newark from today on: the rest of the month is credited and billed anew."""
    contract = _contract(tx, f"EWR-UA-{YEAR}")
    if contract is None or contract.version > 1:
        return False
    products = []
    for p in _products(contract):
        if p.name == TERMINAL:
            ((gates, count),) = p.quantities
            p = replace(p, quantities=((gates, count + 2),))
        products.append(_ordered(p))
    _amend(tx, contract, products, on=None, include_current=True, why="two more gates in terminal C")
    return True


def new_prices(tx: Any) -> bool:
    """JetBlue agrees new landing fees at Kennedy, a published version of the prices, from July on."""
    contract = _contract(tx, f"JFK-B6-{YEAR}")
    if contract is None or contract.version > 1:
        return False
    products = []
    for p in _products(contract):
        if p.name == AIRFIELD:
            current = tx.pricing_versions(p.pricing_ref)[-1].pricing
            next_one = publish_pricing(tx, draft_pricing(tx, airfield_from_july(current)).ref)
            p = replace(p, pricing_version=next_one.version, discount_percent=D("6"))
        products.append(_ordered(p))
    _amend(tx, contract, products, on=date(YEAR, 7, 1), include_current=False, why="volume agreement of June 2013")
    return True


def hangar_given_up(tx: Any) -> bool:
    """Delta gives up its hangar at Kennedy: what it paid for the rest of the quarter is credited."""
    contract = _contract(tx, f"JFK-DL-{YEAR}-HANGAR")
    if contract is None or contract.state == "cancelled":
        return False
    cancel_contract(tx, contract.ref, include_current=True, why="lease ended by agreement")
    return True


def deicing(tx: Any) -> bool:
    """LaGuardia bills de-icing, which no contract foresaw, to whoever it has a contract with first."""
    entity = airports(tx)["LGA"]
    there = [c for c in tx.contract_page(None, 1000) if c.po_number.startswith("LGA-")]
    if not there:
        return False
    done = tx.document_page(None, 1000, entity_ref=entity, issued_from=date(YEAR, 12, 17), issued_to=date(YEAR, 12, 17))
    if any(d.contract_ref is None for d in done):
        return False
    tax = TAX_PERCENT["LGA"]
    lines = (
        AdHocLine("Type I de-icing fluid", D("14.80"), D("2650"), "gallon", tax),
        AdHocLine("Crew and truck", D("1850.00"), D("3.5"), "hour", tax),
    )
    invoice_ad_hoc(tx, [AdHocInvoice(there[0].customer_ref, lines, entity, note=DEICING)])
    return True


ACTS: tuple[Act, ...] = (
    Act(date(YEAR, 5, 15), "United takes two more gates at EWR in mid-month", more_gates),
    Act(date(YEAR, 6, 17), "JetBlue agrees new prices at JFK from July on", new_prices),
    Act(date(YEAR, 8, 15), "Delta gives up its hangar at JFK", hangar_given_up),
    Act(date(YEAR, 12, 17), "De-icing at LGA is invoiced without a contract", deicing),
)


def correct(tx: Any, year: Year) -> int:
    """Two reports turn out to be wrong after everything was billed; how many events that changes now.

    The busiest airline at its airport in the last month: three flights were reported twice and are deleted, which makes
    a credit note. The next busiest: five flights were a thousand miles longer, which makes a debit note.
    """
    flights = year.months[max(year.months)]
    pairs = [pair for pair, _n in Counter((f.origin, f.carrier) for f in flights).most_common(2)]
    if len(pairs) < 2:
        return 0
    tenant = tx.this_tenant().ref
    twice = _of(flights, pairs[0])[100:103]
    short = _of(flights, pairs[1])[100:105]
    refs = [event_ref_of(tenant, f.key) for f in (*twice, *short)]
    if tx.event(refs[-1]).superseded_by is not None:
        return 0
    for ref in refs[: len(twice)]:
        delete_usage(tx, ref, why="reported twice under two flight numbers")
    catalogue = read_catalogue(tx)
    for ref, flight in zip(refs[len(twice) :], short, strict=True):
        miles = str(int(flight.miles) + 1000)
        edit_usage(
            tx, ref, catalogue, properties={**flight.properties, "miles": miles}, why="route was longer than filed"
        )
    return len(refs)


def _of(flights: Sequence[Flight], pair: tuple[str, str]) -> list[Flight]:
    return [f for f in flights if (f.origin, f.carrier) == pair]


def _contract(tx: Any, po_number: str) -> Contract | None:
    found: list[Contract] = [c for c in tx.contract_page(None, 1000) if c.po_number == po_number]
    return found[0] if found else None


def _products(contract: Contract) -> list[ProductTerms]:
    """The terms that are in force."""
    return [history[-1].terms for history in by_product(contract.segments).values()]


def _ordered(p: ProductTerms) -> ProductOrder:
    return ProductOrder(
        pricing_ref=p.pricing_ref,
        start=p.start,
        end=p.end,
        product_ref=p.product_ref,
        pricing_version=p.pricing_version,
        line_items=p.line_items,
        quantities=p.quantities,
        entity_ref=p.entity_ref,
        time_zone=p.time_zone,
        cycle=p.cycle,
        issue_day=p.issue_day,
        payment_time=p.payment_time,
        tax_percent=p.tax_percent,
        tax_category=p.tax_category,
        discount_percent=p.discount_percent,
        discount_fixed=p.discount_fixed,
        minimum_fee=p.minimum_fee,
        maximum_fee=p.maximum_fee,
        net_days=p.net_days,
        due_upon_usage=p.due_upon_usage,
        note=p.note,
    )


def _amend(
    tx: Any, contract: Contract, products: Sequence[ProductOrder], *, on: date | None, include_current: bool, why: str
) -> None:
    order = ContractOrder(
        contract.customer_ref, tuple(products), contract.po_number, contract.kind, contract.collective
    )
    amend_contract(tx, contract.ref, order, effective_on=on, include_current=include_current, why=why)


def contract_of(tx: Any, airport: str, airline: str) -> Ref | None:
    """The contract of an airline with an airport."""
    found = _contract(tx, f"{airport}-{airline}-{YEAR}")
    return None if found is None else found.ref
