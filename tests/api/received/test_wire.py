"""Laws of this wire: a form says what the same JSON says, and money is written as it is."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.api.received.contract_wire import ContractIn
from counterfoil.api.received.errors import Unreadable
from counterfoil.api.received.invoices import DocumentFilter
from counterfoil.api.received.wire import Money, Output, encoder, money, read_body, read_day, read_query, read_time
from counterfoil.core.basis.money import CURRENCIES, exponent
from counterfoil.core.basis.refusals import Invalid, Problem

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(
    lambda t: t[0] not in "{["
)
products = st.fixed_dictionaries(
    {"product_pricing_ref": words, "billing_start_date": words, "billing_end_date": words},
    optional={
        "tax": st.decimals(0, 100, places=2).map(str), "note": words, "net_terms": st.sampled_from(["DUE_UPON_RECEIPT", "30"]),
        "line_items": st.lists(st.fixed_dictionaries({"line_item_id": words}), min_size=1, max_size=3),
        "billing_cycle": st.fixed_dictionaries({"unit": st.just("YEARLY"), "cycle": st.integers(1, 9).map(str)}),
        "billing_crypto_details": st.fixed_dictionaries({"tokens": st.lists(words, min_size=1, max_size=3)}),
    },
)
contracts = st.fixed_dictionaries(
    {"customer_ref": words, "products": st.lists(products, min_size=1, max_size=3)}, optional={"po_number": words}
)


def pairs(value: Any, name: str = "") -> list[tuple[str, str]]:
    """A form that spells an object."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in pairs(v, f"{name}[{k}]" if name else k)]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in pairs(v, f"{name}[{i}]")]
    return [(name, value)]


@given(contracts)
@settings(max_examples=80, deadline=None)
def test_a_form_says_what_the_same_json_says(body: dict[str, Any]) -> None:
    as_json, ignored = read_body(ContractIn, json.dumps(body).encode(), "")
    as_form, also = read_body(ContractIn, urlencode(pairs(body)).encode(), "application/x-www-form-urlencoded")
    assert as_json == as_form and ignored == also == ()


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    for kind in ("", "application/x-www-form-urlencoded"):
        with contextlib.suppress(Invalid, Unreadable):
            read_body(ContractIn, data, kind)
        with contextlib.suppress(Invalid):
            read_query(DocumentFilter, data)


class Sum(Output):
    """An amount."""

    total: Money


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(CURRENCIES)))
@settings(max_examples=100, deadline=None)
def test_money_is_written_with_its_digits_and_read_back_exactly(minor: int, currency: str) -> None:
    text = encoder()(Sum(total=money(minor, currency)))
    read = msgspec.json.Decoder(float_hook=Decimal).decode(text)["total"]
    assert Decimal(read).scaleb(exponent(currency)) == minor and b"E" not in text.upper()
    places = text.decode().rstrip("}").partition(".")[2]
    assert len(places) == exponent(currency)


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-01-31", "2026-01-31"), ("2024-02-01T12:05:23.613Z", "2024-02-01"), ("2024-02-01T23:30:00-11:00", "2024-02-01"),
     ("2024-02-01 10:00:00", "2024-02-01")],
)
def test_of_a_time_the_date_is_taken_as_it_is_written(text: str, day: str) -> None:
    problems: list[Problem] = []
    assert read_day(text, "day", problems).isoformat() == day and not problems


@pytest.mark.parametrize("text", ["", "2026-02-30", "2026-1-1", "1999-12-31", "2026-01-31T25:00Z", "٢٠٢٦-01-01", "x"])
def test_what_is_no_date_is_a_problem(text: str) -> None:
    problems: list[Problem] = []
    read_day(text, "day", problems)
    assert [p.field for p in problems] == ["day"]


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_time(text, "paid_date")
