"""Quantities and prices as exact decimals: reading them, bounding them, writing them one way."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

MAX_DIGITS = 38
"""Significant digits a quantity or price may have (numeric(38, 12) in the database)."""
MAX_SCALE = 12
"""Decimal places a quantity or price may have."""
MAX_QUANTITY = Decimal(10) ** 20
"""Quantities and prices are refused from here on, in either direction."""

ZERO = Decimal(0)
ONE = Decimal(1)


def decimal_text(value: Decimal) -> str:
    """The one spelling of a decimal: no exponent, no trailing zeros, no minus zero. 1E+2 is "100", 1.50 is "1.5"."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_decimal(text: str) -> Decimal:
    """The decimal that `text` spells; ValueError for anything that is not a finite plain decimal within bounds."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number") from None
    fault = out_of_bounds(value)
    if fault:
        raise ValueError(fault)
    return value


def out_of_bounds(value: Decimal) -> str | None:
    """Why the value cannot be stored exactly (not finite, 20 or more digits before the point, over 12 after it)."""
    _sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return "must be a finite number"
    if value.copy_abs() >= MAX_QUANTITY:  # abs() would round to the digits of the context
        return "must be below 10^20 in size"
    beyond = -exponent - MAX_SCALE
    if beyond > 0 and any(digits[-beyond:]):
        return f"must not have more than {MAX_SCALE} decimal places"
    return None
