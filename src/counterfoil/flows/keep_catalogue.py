"""Keep usage products, products and pricings; publish a pricing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.core.pricing.sheet import Pricing, problems_of
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.rules import meter_problems
from counterfoil.flows.ports import Tx


def create_usage_product(tx: Tx, meter: Meter) -> Meter:
    """Store a new usage product; its reference is given here."""
    known = tx.meters([p.meter.ref for p in meter.parts]) if meter.parts else {}
    unknown = [
        Problem(f"parts[{i}].usage_product_ref", f"there is no usage product {p.meter.ref}")
        for i, p in enumerate(meter.parts) if p.meter.ref not in known
    ]
    parts = tuple(replace(p, meter=known.get(p.meter.ref, p.meter)) for p in meter.parts)
    meter = replace(meter, ref=tx.new_ref(), parts=parts)
    problems = [*unknown, *meter_problems(meter)]
    if not meter.name.strip():
        problems.append(Problem("name", "must not be empty"))
    if meter.source_ref is not None and meter.source_ref not in tx.meters([meter.source_ref]):
        problems.append(Problem("source_ref", f"there is no usage product {meter.source_ref}"))
    refuse_if(problems)
    tx.add_usage_product(meter)
    tx.catalogue_changed()
    tx.audit("create", "usage_product", meter.ref, after={"name": meter.name, "aggregation": meter.aggregation})
    return meter


def create_product(tx: Tx, name: str) -> Ref:
    """Store a new product; gives its reference. Two products of one name are refused here, though other doors make them:
    a price list is read by its names."""
    refuse_if([] if name.strip() else [Problem("name", "must not be empty")])
    tx.lock("products")
    if tx.product_named(name.strip()) is not None:
        raise Conflict("product.exists", f"a product named {name.strip()!r} exists")
    ref = tx.new_ref()
    tx.add_product(ref, name.strip())
    tx.audit("create", "product", ref, after={"name": name.strip()})
    return ref


def draft_pricing(tx: Tx, pricing: Pricing) -> Pricing:
    """Store a pricing, or the next version of one, as a draft.

    Without a reference it is a new pricing of its product. A draft that exists is replaced; after a published version comes
    the next number. Line items without a reference get one; it should be kept over versions, so that amendments can tell
    which item is which.
    """
    product_name = tx.product_name(pricing.product_ref) if pricing.product_ref else None
    if product_name is None:
        raise NotFound("product.not_found", f"there is no product {pricing.product_ref}")
    version = 1
    if pricing.ref:
        versions = tx.pricing_versions(pricing.ref)
        if not versions:
            raise NotFound("pricing.not_found", f"there is no pricing {pricing.ref}")
        latest = versions[-1]
        version = latest.pricing.version + (latest.published_at is not None)
    else:
        pricing = replace(pricing, ref=tx.new_ref())
    items = tuple(i if i.ref else replace(i, ref=tx.new_ref()) for i in pricing.items)
    pricing = replace(pricing, product_name=product_name, version=version, items=items)
    refuse_if(_problems(tx, pricing))
    tx.add_pricing_version(pricing)
    tx.audit("draft", "pricing", pricing.ref, after={"name": pricing.name, "version": version})
    return pricing


def publish_pricing(tx: Tx, ref: str) -> Pricing:
    """Publish the latest version of a pricing: from now on it never changes, and contracts can take it."""
    versions = tx.pricing_versions(ref)
    if not versions:
        raise NotFound("pricing.not_found", f"there is no pricing {ref}")
    latest = versions[-1]
    if latest.published_at is not None:
        raise Conflict(
            "pricing.published", f"version {latest.pricing.version} is published already; draft a new version first"
        )
    refuse_if(_problems(tx, latest.pricing))
    tx.publish_pricing(ref, latest.pricing.version)
    tx.audit("publish", "pricing", ref, after={"version": latest.pricing.version})
    return latest.pricing


def _problems(tx: Tx, pricing: Pricing) -> Iterable[Problem]:
    yield from problems_of(pricing)
    if pricing.currency not in CURRENCIES:
        yield Problem("currency", f"{pricing.currency!r} is not an ISO 4217 currency code such as EUR")
    wanted = {i.usage_product_ref for i in pricing.items if i.usage_product_ref}
    known = tx.meters(list(wanted)) if wanted else {}
    for i, item in enumerate(pricing.items):
        if item.usage_product_ref and item.usage_product_ref not in known:
            yield Problem(f"items[{i}].usage_product_ref", f"there is no usage product {item.usage_product_ref}")
        elif item.usage_product_ref and known[item.usage_product_ref].parts and item.model.needs:
            built = "a usage product that is built of others has a quantity alone"
            yield Problem(f"items[{i}].model", f"does not go with it: {built}")
