"""Money: integer minor units in documents and books, exact Decimals before that.

Rounding happens once per line, half away from zero, to the currency's minor unit; whatever is shared out is split by
largest remainder, so that parts always add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from math import lcm

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
"""The context of every price computation: 60 digits, far beyond what a column can hold."""

MAX_MINOR = 10**15
"""Amounts are refused from this many minor units on, in either direction: every reader of JSON holds them exactly."""

_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
                     "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

CURRENCIES = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF "
    "CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK "
    "MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UYW "
    "UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG".split()
)
"""ISO 4217 codes in circulation."""


def exponent(currency: str) -> int:
    """Digits of the currency's minor unit (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def to_minor(major: Decimal, currency: str) -> int:
    """Minor units of an exact amount, rounded half away from zero: 10.275 USD is 1028."""
    with localcontext(EXACT):
        return int(major.scaleb(exponent(currency)).to_integral_value(rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    """The amount in the currency's main unit, with all its digits: 1050 EUR is Decimal('10.50')."""
    return Decimal(minor).scaleb(-exponent(currency))


def share(amount: Decimal, fraction: Fraction) -> Decimal:
    """`amount` times an exact fraction, to 60 digits."""
    with localcontext(EXACT):
        return amount * fraction.numerator / fraction.denominator


def split_minor(total: int, weights: Sequence[Decimal | int]) -> tuple[int, ...]:
    """Integer parts of `total` in proportion to `weights`, adding up to it: largest remainder, ties to the earlier.

    Weights are not negative; with all of them zero the whole goes to the first part.
    """
    if not weights:
        raise ValueError("nothing to split over")
    if any(w < 0 for w in weights):
        raise ValueError("weights must not be negative")
    units = _whole_units(weights)
    whole = sum(units)
    if whole == 0:
        return (total, *([0] * (len(weights) - 1)))
    sign, size = (-1, -total) if total < 0 else (1, total)
    parts = [size * w // whole for w in units]
    missing = size - sum(parts)
    if missing:
        order = sorted(range(len(parts)), key=lambda i: (-(size * units[i] % whole), i))
        for i in order[:missing]:
            parts[i] += 1
    return tuple([sign * p for p in parts])


def _whole_units(weights: Sequence[Decimal | int]) -> Sequence[int]:
    """The weights times their common denominator: integers divide exactly and much faster than fractions."""
    if all(type(w) is int for w in weights):
        return [int(w) for w in weights]
    ratios = [w.as_integer_ratio() for w in weights]
    common = lcm(*(d for _, d in ratios))
    return [n * (common // d) for n, d in ratios]


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` counts the currency's smallest unit: Money(1050, "EUR") is 10.50 EUR."""

    minor: int
    currency: str

    @classmethod
    def rounded(cls, major: Decimal, currency: str) -> Money:
        """The only way from an exact price to an amount: half away from zero, once, at the end."""
        return cls(to_minor(major, currency), currency)

    @property
    def major(self) -> Decimal:
        """The amount in the main unit, as an exact decimal."""
        return to_major(self.minor, self.currency)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def split(self, weights: Sequence[Decimal | int]) -> tuple[Money, ...]:
        """Parts that add up to self: largest remainder, ties to the earlier part."""
        return tuple(Money(p, self.currency) for p in split_minor(self.minor, weights))

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts of one currency; zero when there are none."""
    acc = Money(0, currency)
    for amount in amounts:
        acc = acc + amount
    return acc
