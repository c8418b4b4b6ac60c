"""How a format reads single values: exact quantities, and instants in whatever spelling and time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from counterfoil.core.basis.quantity import MAX_QUANTITY, MAX_SCALE, decimal_text, out_of_bounds
from counterfoil.core.usage.formats import Leaf, Numbers, Times

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL_EPOCH = datetime.combine(date(1899, 12, 30), time.min)
"""Day 0 of Excel's 1900 date system, for every day after its false 29 February 1900."""
_EXCEL_DAYS = range(61, 2_958_466)
_MICROSECONDS: Mapping[str, Fraction] = {
    "seconds": Fraction(10**6), "milliseconds": Fraction(10**3), "microseconds": Fraction(1),
    "nanoseconds": Fraction(1, 1000),
}
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2009\u202f", " "))
_FAR = 60
"""Powers of ten beyond which a number is refused before it is computed with."""
_SHOWN = 60


def shown(value: Leaf) -> str:
    """A value as a message shows it."""
    text = str(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def text_of(value: Leaf) -> str:
    """The text of a value: plain decimals, true and false in words. ValueError for a number out of bounds."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = Decimal(value)
    fault = out_of_bounds(number)
    if fault:
        raise ValueError(fault)
    return decimal_text(number)


def number_reader(how: Numbers) -> Callable[[Leaf], Decimal]:
    """What reads a quantity so spelled, converted to our unit; it raises ValueError saying what is wrong."""
    read = _speller(how)
    if how.multiply == how.divide and how.places is None:
        return lambda value: _bounded(read(value))
    factor = Fraction(*how.multiply.as_integer_ratio()) / Fraction(*how.divide.as_integer_ratio())
    places = MAX_SCALE if how.places is None else how.places

    def converted(value: Leaf) -> Decimal:
        exact = Fraction(*read(value).as_integer_ratio()) * factor * 10**places
        whole, left = divmod(abs(exact.numerator), exact.denominator)
        if how.places is None and left:
            raise ValueError(
                f"{shown(value)} does not come out even in {MAX_SCALE} decimal places; "
                "let the format say how many `places` to round to"
            )
        if 2 * left >= exact.denominator:
            whole += 1
        if whole >= MAX_QUANTITY * 10**places:
            raise ValueError("must be below 10^20 in size")
        # Built from its digits: arithmetic would round to the context.
        return Decimal((int(exact < 0 < whole), tuple(map(int, str(whole))), -places))

    return converted


def _bounded(value: Decimal) -> Decimal:
    fault = out_of_bounds(value)
    if fault:
        raise ValueError(fault)
    return value


def _speller(how: Numbers) -> Callable[[Leaf], Decimal]:
    whole = r"\d+" if not how.thousands else rf"(?:\d{{1,3}}(?:{re.escape(how.thousands)}\d{{3}})+|\d+)"
    point = re.escape(how.decimal)
    spelled = re.compile(rf"[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d{{1,2}})?", re.ASCII)

    def read(value: Leaf) -> Decimal:
        if isinstance(value, bool):
            raise ValueError("must be a number, not true or false")
        if isinstance(value, str):
            text = value.strip()
            if how.thousands == " ":
                text = text.translate(_SPACES)
            if len(text) > 2 * _FAR or not spelled.fullmatch(text):
                raise ValueError(f"{shown(value)} is not a number such as {_example(how)}")
            if how.thousands:
                text = text.replace(how.thousands, "")
            number = Decimal(text.replace(",", ".") if how.decimal == "," else text)
        else:
            number = Decimal(value)
        return _near(number)

    return read


def _near(number: Decimal) -> Decimal:
    """The number, unless its size alone makes it useless: exact arithmetic with it would take for ever."""
    if not number.is_finite():
        raise ValueError("must be a finite number")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if number == 0:
        return Decimal(0)
    if abs(number.adjusted()) > _FAR or exponent < -2 * _FAR:
        raise ValueError("must be below 10^20 in size, and have no more than 12 decimal places")
    return number


def _example(how: Numbers) -> str:
    return f"1{how.thousands}234{how.decimal}5"


def time_reader(how: Times) -> Callable[[Leaf], datetime]:
    """What reads an instant so spelled, as UTC; it raises ValueError saying what is wrong."""
    zone = ZoneInfo(how.time_zone) if how.time_zone else None
    if how.form == "iso":
        return lambda value: _iso(value, zone)
    if how.form == "pattern":
        return lambda value: _patterned(value, how.pattern, zone)
    number = _speller(Numbers())
    if how.form == "excel":
        assert zone is not None, "a format that counts civil days has a time zone"
        return lambda value: _excel(number(value), zone)
    scale = _MICROSECONDS[how.form]

    def counted(value: Leaf) -> datetime:
        exact = Fraction(*number(value).as_integer_ratio()) * scale
        try:
            return _EPOCH + timedelta(microseconds=exact.numerator // exact.denominator)
        except OverflowError:
            raise ValueError(f"{shown(value)} {how.form} since 1970 are beyond the year 9999") from None

    return counted


def _iso(value: Leaf, zone: ZoneInfo | None) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be an instant such as 2026-01-31T12:00:00Z; say so if it counts seconds or milliseconds")
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{shown(value)} is not an instant such as 2026-01-31T12:00:00Z") from None
    return _in_zone(at, zone)


def _patterned(value: Leaf, pattern: str, zone: ZoneInfo | None) -> datetime:
    try:
        at = datetime.strptime(text_of(value).strip(), pattern)  # noqa: DTZ007 (its zone is the format's)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a time of the form {pattern}") from None
    return _in_zone(at, zone)


def _excel(days: Decimal, zone: ZoneInfo) -> datetime:
    if int(days) not in _EXCEL_DAYS:
        raise ValueError(f"{shown(days)} is not a day of Excel's calendar after February 1900")
    exact = Fraction(*days.as_integer_ratio()) * 86_400_000
    milliseconds = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return _in_zone(_EXCEL_EPOCH + timedelta(milliseconds=milliseconds), zone)


def _in_zone(at: datetime, zone: ZoneInfo | None) -> datetime:
    try:
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        if zone is None:
            raise ValueError("has no UTC offset; end it with Z or +02:00, or give the format a time zone")
        utc = at.replace(tzinfo=zone).astimezone(UTC)
        if utc.astimezone(zone).replace(tzinfo=None) != at:
            raise ValueError(f"{shown(at.isoformat(' '))} does not exist in {zone.key}: the clocks went forward")
    except OverflowError:
        raise ValueError("must be in the years 1 to 9999") from None
    return utc
