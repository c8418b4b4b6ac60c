"""The request samples of the Received documents, mended where they are not valid JSON: trailing commas dropped, template
braces and example references replaced by `<name>`s, which a test fills in; and the fields of their answers."""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """A sample: its name, the call, its body as text, and the fields that the documents show of the answer.

    `keep`: what a field of the answer is called in later samples.
    """

    name: str
    method: str
    path: str
    body: str = ""
    fields: str = ""
    keep: tuple[tuple[str, str], ...] = ()
    by: str = "token"


CUSTOMER_NAMES = "customer_ref customer_name customer_legal_name"
INVOICE = (
    "invoice_ref document_number customer state created_at issue_date due_date submission_date paid_date "
    "is_partial_period accounting_event_type currency net_terms sub_total total_discount total_tax credits_amount total "
    "products contract number_in_contract total_in_contract billing_bank_transfer_details billing_online_payment_details "
    "billing_crypto_details entity"
)
PRODUCT = (
    "product_pricing_ref billing_start_date billing_end_date line_items entity_ref billing_cycle issue_day payment_time tax "
    "discount net_terms note billing_bank_transfer_details billing_online_payment_details billing_crypto_details"
)

AUTHENTICATION = (
    Sample("Admin Login", "POST", "/auth/login", '{ "email": "<admin_email>", "password": "<admin_password>" }', by="nobody"),
    Sample("Generating API key", "POST", "/auth/keys/generate",
           '{ "api_key": "<api_key>", "password": "<api_password>" }', by="cookie"),
    Sample("List API Keys", "GET", "/auth/keys/list", fields="[] api_key_ref api_key", by="cookie"),
    Sample("API Login", "POST", "/auth/login", '{ "api_key": "<api_key>", "password": "<api_password>" }', by="nobody"),
)
AFTERWARDS = (
    Sample("Delete API key", "DELETE", "/auth/user/<api_key_ref>", by="cookie"),
    Sample("Admin Logout", "POST", "/auth/logout", by="cookie"),
)

CATALOGUE = (
    Sample("Get Products", "GET", "/api/products", fields="[] pricing_ref product_name pricing_name line_items"),
    Sample("Get Entities", "GET", "/api/entities/names", fields="entities"),
    Sample("Get Entity", "GET", "/api/entities/<entity_ref>", fields="entity_ref name legal_name email "
           "registration_number billing_details country country_state city address phone zip_code"),
)

CUSTOMERS = (
    Sample("Mandatory request", "POST", "/api/customers", """
    {
      "name": "Acme",
      "email": "ap@acme.example, cfo@acme.example"
    }""", "customer_ref"),
    Sample("Extensive request", "POST", "/api/customers", """
    {
      "name": "Acme",
      "legal_name": "Acme Inc.",
      "email": "ap@acme.example, cfo@acme.example",
      "ein": "12-3456789",
      "phone": {
        "countryCode": "1",
        "phone": "2121234567"
      },
      "country": "United States",
      "country_state": "NY",
      "city": "New York",
      "zip_code": "13601",
      "billing_address": "643 Mundy St, Watertown",
      "shipping_address": "643 Mundy St, Watertown",
      "currency": "USD",
      "tax": 17,
      "entity_ref": "<entity_ref>",
      "net_terms": 30,
      "billing_bank_transfer_details": {
        "billing_account_id": "12345678-1234-1234-1234-1234567890ab"
      },
      "billing_online_payment_details": {
        "auto_charge": true,
        "payment_gateway_id": "87654321-4321-4321-4321-0987654321ba",
        "payment_gateway_card_id": "card_abcdef1234567890"
      },
      "billing_crypto_details": {
        "address": "0x1234567890abcdef1234567890abcdef12345678",
        "tokens": ["BTC", "ETH"]
      },
      "settings": {
        "attach_usage_logs_csv": false,
        "attach_usage_logs_pdf": true
      }
    }""", "customer_ref", (("customer_ref", "customer_ref"),)),
    Sample("New Customer, in the guide to subscriptions", "POST", "/api/customers", """
    {
      "name": "Received",
      "legal_name": "Received ltd.",
      "email": "ap@received.example, cfo@received.example",
      "ein": "12-3456789",
      "phone": {
        "countryCode": "1",
        "phone": "2121234567"
      },
      "country": "United States",
      "city": "New York",
      "zip_code": "string",
      "billing_address": "643 Mundy St, Watertown, New York(NY), 13601",
      "shipping_address": "643 Mundy St, Watertown, New York(NY), 13601",
      "country_state": "NY",
      "currency": "USD",
      "tax": 17,
      "entity_ref": "<entity_ref>",
      "entity_name": "Acme Inc",
      "net_terms": 30,
      "settings": {
        "attach_usage_logs_csv": false,
        "attach_usage_logs_pdf": true
      },
      "icon_data": "string"
    }""", "customer_ref"),
    Sample("All Customers", "GET", "/api/customers/names", fields="customers"),
    Sample("Filter list of customers", "GET", "/api/customers/names/filter?customer_name=Acme&orderBy=name&order=ASC",
           fields="customers count total"),
)

CONTRACTS = (
    Sample("Create Contract", "POST", "/api/contracts/", """
    {
      "customer_ref": "<customer_ref>",
      "po_number": "PO123456",
      "products": [
        {
          "product_pricing_ref": "<pricing_ref>",
          "billing_start_date": "2023-01-01",
          "billing_end_date": "2023-12-31",
          "line_items": [
            {
              "line_item_id": "<line_item_ref>"
            }
          ]
        }
      ]
    }""", "contract_ref", (("contract_ref", "contract_ref"),)),
    Sample("Create Contract, extensive", "POST", "/api/contracts/", """
    {
      "customer_ref": "<customer_ref>",
      "po_number": "PO123456",
      "products": [
        {
          "product_pricing_ref": "<pricing_ref>",
          "billing_start_date": "2023-01-01",
          "billing_end_date": "2023-12-31",
          "line_items": [
            {
              "line_item_id": "<line_item_ref>"
            }
          ],
          "entity_ref": "<entity_ref>",
          "billing_cycle": {
              "unit": "MONTHLY",
              "cycle": 1
          },
          "issue_day": "2023-01-10",
          "payment_time": "<payment_time>",
          "tax": 17,
          "discount": 10,
          "net_terms": "DUE_UPON_RECEIPT",
          "note": "Special offer",
          "billing_bank_transfer_details": {
              "billing_account_id": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"
          },
          "billing_online_payment_details": {
              "auto_charge": true,
              "payment_gateway_id": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f",
              "payment_gateway_card_id": "card_abcdef1234567890"
          },
          "billing_crypto_details": {
              "address": "1Lbcfr7sAHTD9CgdQo3HTMTkV8LK4ZnX71",
              "tokens": ["USDC", "USDT"]
          }
        }
      ]
    }""", "contract_ref", (("contract_ref", "extensive_ref"),)),
    Sample("Get Contract", "GET", "/api/contracts/<extensive_ref>", fields="contract_ref customer_ref po_number products"),
    Sample("Get Customer Contracts", "GET",
           "/api/contracts/filter?pageSize=20&pageNumber=0&customer_ref=<customer_ref>",
           fields="[] contract_ref customer_ref po_number products"),
    Sample("Get Current Invoices", "GET", "/api/contracts/invoices/current/<contract_ref>", fields=f"[] {INVOICE}",
           keep=(("invoice_ref", "invoice_ref"),)),
    Sample("Get Next Invoices", "GET", "/api/contracts/invoices/next/<contract_ref>", fields=f"[] {INVOICE}"),
    Sample("Edit Contract", "POST", "/api/contracts/edit/<contract_ref>", """
    {
      "include_current_invoice": false,

      "customer_ref": "<customer_ref>",
      "po_number": "PO123456",
      "products": [
        {
          "product_pricing_ref": "<pricing_ref>",
          "billing_start_date": "2023-01-01",
          "billing_end_date": "2023-12-31",
          "line_items": [
            {
              "line_item_id": "<line_item_ref>"
            }
          ]
        }
      ]
    }""", "contract_ref customer_ref po_number products"),
    Sample("Cancel Contract", "POST", "/api/contracts/cancel/<contract_ref>", """
    {
      "include_current_invoice": false
    }""", "contract_ref customer_ref po_number products"),
    Sample("New Subscription", "POST", "/api/contracts/subscriptions", """
    {
      "customer_ref": "<customer_ref>",
      "entity_ref": "<entity_ref>",
      "po_number": "string",
      "billing_start_date": "2024-02-01T12:05:23.613Z",
      "billing_end_date": "2024-02-01T12:05:23.613Z",
      "issue_day": "2023-07-13",
      "payment_time": "AFTER_USE",
      "tax": 17,
      "discount": 0,
      "net_terms": "DUE_UPON_RECEIPT",
      "note": "string",
      "billing_online_payment_details": {
        "auto_charge": true,
        "payment_gateway_id": "string",
        "payment_gateway_card_id": "string"
      },
      "products": [
        {
          "product_pricing_ref": "<pricing_ref>",
          "line_items": [
            {
              "line_item_id": "<line_item_ref>"
            }
          ]
        }
      ]
    }""", "subscription_ref"),
)

INVOICES = (
    Sample("Get Invoice", "GET", "/api/invoices/<invoice_ref>", fields=INVOICE),
    Sample("Get Customer / Contract Invoices", "GET",
           "/api/documents/filter?customer_refs=<customer_ref>&contract_refs=<contract_ref>&limit=50&page=0",
           fields=f"[] {INVOICE}"),
    Sample("Reconcile Invoice / Mark Paid Invoice", "GET", "/api/invoices/reconcile", """
    {
      "invoice_ref": "<invoice_ref>",
      "paid_date": "2023-06-02T14:36:36.630Z"
    }""", INVOICE),
)
