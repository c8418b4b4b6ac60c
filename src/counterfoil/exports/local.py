"""Dates, numbers and money as people of a language write them, with the rules of CLDR (through babel).

Babel's own formatting parses its patterns again on every call, which costs more than typesetting the invoice; here the
pattern is read once per language and currency and applied to exact decimals. Tests hold the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval
from babel.numbers import get_currency_symbol

from counterfoil.core.basis.money import EXACT, exponent, to_major
from counterfoil.core.basis.period import Period
from counterfoil.core.basis.quantity import MAX_SCALE
from counterfoil.exports.words import WORDS

_LETTERS_NEED_A_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A CLDR number pattern, ready to use: what stands around the digits, and how they are grouped."""

    before: str
    after: str
    minus_before: str
    minus_after: str
    point: str
    group: str
    first_group: int
    next_groups: int

    def apply(self, value: Decimal, least_places: int, most_places: int | None = None) -> str:
        """`value` with at least `least_places` decimals and no digit lost unless `most_places` is given (half up)."""
        if most_places is not None:
            with localcontext(EXACT):
                value = value.quantize(Decimal(1).scaleb(-most_places))
        negative = value < 0
        whole, _, fraction = format(abs(value), "f").partition(".")
        fraction = fraction.rstrip("0").ljust(least_places, "0")
        digits = self._grouped(whole) + (self.point + fraction if fraction else "")
        if negative:
            return f"{self.minus_before}{digits}{self.minus_after}"
        return f"{self.before}{digits}{self.after}"

    def _grouped(self, whole: str) -> str:
        size = self.first_group
        if size <= 0 or len(whole) <= size:
            return whole
        groups, rest = [whole[-size:]], whole[:-size]
        while rest:
            groups.append(rest[-self.next_groups :])
            rest = rest[: -self.next_groups]
        return self.group.join(reversed(groups))


@dataclass(frozen=True, slots=True)
class Local:
    """How one language writes. Made by `local_for`; amounts are minor units, percentages 0 to 100."""

    language: str
    locale: Locale
    date_style: str = "medium"

    def word(self, key: str, **values: str | int) -> str:
        """The document word `key`, with `{names}` filled in."""
        text = WORDS.get(self.language, WORDS["en"])[key]
        return text.format(**values) if values else text

    def has_word(self, key: str) -> bool:
        """Whether there is a document word `key`."""
        return key in WORDS["en"]

    def date(self, day: date) -> str:
        """A civil date: `Mar 1, 2026`, `01.03.2026` (the style of CLDR that was asked for, or ISO 8601)."""
        return _date(day, self.locale, self.date_style)

    def period(self, period: Period) -> str:
        """The first and the last day that a period holds: `Mar 1 – 31, 2026`."""
        return _interval(period.start, period.last_day, self.locale, self.date_style)

    def money(self, minor: int, currency: str) -> str:
        """An amount with its currency: `€1,234.50`, `1.234,50 €`."""
        return self.price(to_major(minor, currency), currency)

    def price(self, value: Decimal, currency: str) -> str:
        """An exact price with its currency: at least the currency's decimals, and as many more as it has."""
        return _currency_pattern(self.locale, currency).apply(value, exponent(currency))

    def amount(self, minor: int, currency: str) -> str:
        """An amount without its currency, for tables whose heading names it."""
        return self.number(to_major(minor, currency), exponent(currency))

    def number(self, value: Decimal, least_places: int = 0) -> str:
        """An exact decimal with no digit lost, and at least so many decimals."""
        return _decimal_pattern(self.locale).apply(value, least_places)

    def working(self, value: Decimal, currency: str) -> str:
        """A term of a working: like `number`, but a value that does not end is shown to 12 decimals."""
        return _decimal_pattern(self.locale).apply(value, exponent(currency), _ending(value))

    def working_quantity(self, value: Decimal) -> str:
        """A quantity in a working, to 12 decimals at most (a prorating share need not end)."""
        return _decimal_pattern(self.locale).apply(value, 0, _ending(value))

    def percent(self, percent: Decimal) -> str:
        """`Decimal(19)` is `19%` in English and `19 %` in German."""
        return _percent_pattern(self.locale).apply(percent, 0)


@lru_cache(maxsize=256)
def local_for(language: str, date_style: str = "medium") -> Local:
    """The way of writing of a language tag such as `de` or `en-GB`; English for one that CLDR does not know.

    `date_style`: `short`, `medium`, `long` or `full` as CLDR has them, or `iso`.
    """
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        locale = Locale("en")
    return Local(locale.language, locale, date_style)


@lru_cache(maxsize=4096)
def _date(day: date, locale: Locale, style: str) -> str:
    return day.isoformat() if style == "iso" else format_date(day, style, locale=locale)


@lru_cache(maxsize=4096)
def _interval(first: date, last: date, locale: Locale, style: str) -> str:
    if first == last:
        return _date(first, locale, style)
    if style != "medium":
        return f"{_date(first, locale, style)} – {_date(last, locale, style)}"
    return format_interval(first, last, "yMMMd", locale=locale)


def _ending(value: Decimal) -> int | None:
    """How many decimals to cut a value to so that it ends on paper; None where it ends by itself."""
    scale = value.as_tuple().exponent
    return MAX_SCALE if isinstance(scale, int) and -scale > MAX_SCALE else None


def _symbol(locale: Locale, name: str) -> str:
    symbols = locale.number_symbols
    return str(symbols.get("latn", {}).get(name) or symbols[locale.default_numbering_system][name])


def _pattern(locale: Locale, raw: object, sign: str, percent: str = "") -> _Pattern:
    prefix: tuple[str, str] = raw.prefix  # type: ignore[attr-defined]
    suffix: tuple[str, str] = raw.suffix  # type: ignore[attr-defined]
    grouping: tuple[int, int] = raw.grouping  # type: ignore[attr-defined]
    minus = _symbol(locale, "minusSign")

    def dressed(text: str) -> str:
        return text.replace("¤", sign).replace("%", percent).replace("-", minus)

    return _Pattern(
        dressed(prefix[0]), dressed(suffix[0]), dressed(prefix[1]), dressed(suffix[1]),
        _symbol(locale, "decimal"), _symbol(locale, "group"), grouping[0], grouping[1],
    )


@lru_cache(maxsize=256)
def _decimal_pattern(locale: Locale) -> _Pattern:
    return _pattern(locale, locale.decimal_formats[None], "")


@lru_cache(maxsize=256)
def _percent_pattern(locale: Locale) -> _Pattern:
    return _pattern(locale, locale.percent_formats[None], "", _symbol(locale, "percentSign"))


@lru_cache(maxsize=1024)
def _currency_pattern(locale: Locale, currency: str) -> _Pattern:
    sign = get_currency_symbol(currency, locale)
    raw = locale.currency_formats["standard"]
    pattern = _pattern(locale, raw, sign)
    if sign[-1:].isalpha() and pattern.before.endswith(sign):
        # "CHF 12.00", not "CHF12.00": CLDR's currencySpacing puts a no-break space after a sign of letters.
        fill = _LETTERS_NEED_A_SPACE
        return replace(pattern, before=pattern.before + fill, minus_before=pattern.minus_before + fill)
    return pattern
