"""`counterfoil sandbox`: a fresh test tenant, ready for use."""

from __future__ import annotations

import secrets
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, entrance, print_json


def sandbox(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="The company's name (default: one of its own).")] = "",
    example: Annotated[
        bool, typer.Option("--example", help="Add a customer with a contract, so that usage is taken at once.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a fresh test tenant that is ready for use.

    It has an entity with a bank account and a payment gateway, an administrator, an API key, a key that tokens for shared
    receipts are signed with, a webhook that waits for an address, and published pricings in USD: one fixed, one metered, plans
    to choose from, and usage in tiers. Secrets are shown once, now. Each call makes another one.

    Example: [bold]TOKEN=$(counterfoil sandbox --json | jq -r .token)[/bold]
    """
    with entrance(ctx).house() as house:
        made = make_sandbox(house, name, example=example)
    if as_json:
        print_json(made)
        return
    width = max(map(len, made))
    for key, value in made.items():
        typer.echo(f"{key:{width}}  {value}")
    typer.echo("\nKeep the secrets now: they are not shown again. Next: counterfoil serve, then open /docs")


def make_sandbox(house: Any, name: str = "", *, example: bool = False) -> dict[str, Any]:
    """A test tenant with an entity, an administrator, a key and two pricings; what a caller needs to know of it."""
    from argon2 import PasswordHasher

    from counterfoil.core.basis.ids import Ref
    from counterfoil.core.contracts.parties import Entity
    from counterfoil.flows.add_person import add_person
    from counterfoil.flows.keep_parties import create_entity
    from counterfoil.flows.keys import create_key

    mark = secrets.token_hex(4)
    company = name.strip() or f"Sandbox {mark}"
    email, password = f"admin@sandbox-{mark}.example", secrets.token_urlsafe(18)
    (opened,) = house.open_company(company, ("test",))
    with house.tx(opened.tenant, "sandbox") as tx:
        entity = create_entity(
            tx,
            Entity(
                Ref(""),
                company,
                "SB",
                "UTC",
                "USD",
                legal_name=f"{company} Inc.",
                email=email,
                country="US",
                address=("1 Sandbox Street", "Springfield"),
                bank=(("Bank", "Example Bank"), ("Account number", "000123456")),
                settings=_paid_at(tx.new_ref(), tx.new_ref(), company),
            ),
        )
        add_person(tx, PasswordHasher().hash, email=email, name="Administrator", password=password, role="admin")
        key = create_key(tx, secrets.token_bytes, name="sandbox", role="admin")
        priced = _price(tx)
        made = {
            "tenant_ref": opened.ref,
            "tenant_name": company,
            "mode": "test",
            "verifier_key": opened.verifier_key,
            "admin_email": email,
            "admin_password": password,
            "api_key": key.api_key,
            "api_secret": key.api_secret,
            "token": key.token,
            "entity_ref": entity.ref,
            "share_signing_key": house.rotate_share_key(tx),
            **_webhook(tx, house.webhook_safe),
            **priced,
        }
        if example:
            made |= _agree(tx, entity.ref, priced)
    return made


def _webhook(tx: Any, safe: Any) -> dict[str, str]:
    """A webhook that is told nothing until it is given an address of yours and switched on."""
    from counterfoil.flows.keep_webhooks import create_webhook

    webhook, secret = create_webhook(
        tx, safe, dialect="native", url="https://example.com/webhooks", enabled=False, backfill=False,
        description="Give it an address of yours and switch it on: PATCH /v1/webhooks/{webhook_ref}",
    )
    return {"webhook_ref": webhook.ref, "webhook_secret": secret}


def _paid_at(account: str, gateway: str, company: str) -> dict[str, Any]:
    """Where the entity is: its town, its bank account and its payment gateway."""
    return {
        "city": "Springfield", "country_state": "NY", "zip_code": "10001",
        "billing_details": {
            "billing_accounts": [
                {"billing_account_id": account, "bank_name": "Example Bank", "account": "000123456", "account_name": company}
            ],
            "payment_gateways": [
                {"payment_gateway_id": gateway, "provider": "STRIPE", "payment_gateway_card_id": "acct_example",
                 "account_name": company}
            ],
        },
    }


def _price(tx: Any) -> dict[str, str]:
    """A fixed pricing (49.00 a month), a metered one (0.02 a call), plans to choose from, and usage in tiers to choose
    from; all published."""
    from counterfoil.core.basis.ids import Ref
    from counterfoil.core.pricing.model import LineItem
    from counterfoil.core.pricing.models.flat import Flat
    from counterfoil.core.pricing.models.per_unit import PerUnit
    from counterfoil.core.pricing.sheet import Pricing
    from counterfoil.core.usage.meter import Meter
    from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing

    def publish(product: str, pricing: str, *items: LineItem) -> tuple[Ref, Ref]:
        product_ref = create_product(tx, product)
        draft = draft_pricing(tx, Pricing(Ref(""), product_ref, pricing, "", 1, "USD", items))
        return product_ref, publish_pricing(tx, draft.ref).ref

    meter = create_usage_product(tx, Meter(Ref(""), "API calls", "sum", "call"))
    fixed_product, fixed = publish(
        "Platform", "Monthly", LineItem(Ref(""), "Platform fee", "recurring", Flat(Decimal("49.00")), unit="month")
    )
    usage_product, metered = publish(
        "API",
        "Pay as you go",
        LineItem(Ref(""), "API calls", "usage", PerUnit(Decimal("0.02")), unit="call", usage_product_ref=meter.ref),
    )
    units = create_usage_product(tx, Meter(Ref(""), "Units", "sum", "unit"))
    plans = {"Starter": ("3000", "10"), "Professional": ("6000", "9"), "Organization": ("9000", "8")}
    _, subscriptions = publish("Subscriptions", "Plans", *(
        LineItem(Ref(""), name, "recurring", Flat(Decimal(fee)), unit="month") for name, (fee, _unit) in plans.items()
    ))
    _, tiered = publish("Pay-as-you-go", "Tiered", *(
        LineItem(Ref(""), name, "usage", PerUnit(Decimal(price)), unit="unit", usage_product_ref=units.ref)
        for name, (_fee, price) in plans.items()
    ))
    return {
        "plans_pricing_ref": subscriptions,
        "tiered_pricing_ref": tiered,
        "units_usage_product_ref": units.ref,
        "product_ref": fixed_product,
        "pricing_ref": fixed,
        "usage_priced_product_ref": usage_product,
        "usage_pricing_ref": metered,
        "usage_product_ref": meter.ref,
        "usage_product_name": meter.name,
    }


def _agree(tx: Any, entity_ref: str, priced: dict[str, str]) -> dict[str, str]:
    """A customer with a contract over both pricings, from the first of this month on."""
    from counterfoil.core.basis.ids import Ref
    from counterfoil.core.contracts.parties import Customer
    from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
    from counterfoil.flows.keep_parties import create_customers

    (customer,) = create_customers(
        tx,
        [
            Customer(
                Ref(""),
                "Example Customer Ltd.",
                Ref(entity_ref),
                external_id="example-customer",
                country="US",
                email="payables@example-customer.example",
                address=("2 Customer Road", "Springfield"),
            )
        ],
    )
    start: date = tx.now.date().replace(day=1)
    products = (
        ProductOrder(Ref(priced["pricing_ref"]), start),
        ProductOrder(Ref(priced["usage_pricing_ref"]), start, payment_time="AFTER_USE"),
    )
    (draft,) = draft_contracts(tx, [ContractOrder(customer.ref, products)])
    publish_contracts(tx, [draft.ref])
    return {"customer_ref": customer.ref, "customer_external_id": "example-customer", "contract_ref": draft.ref}
