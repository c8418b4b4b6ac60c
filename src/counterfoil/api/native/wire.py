"""What crosses the wire: words that every resource shares, exact reading, and names for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from counterfoil.api.native.errors import Unreadable
from counterfoil.api.reading import as_problem, content_problems, where_broken
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import Period, instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Invalid

T = TypeVar("T")

UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
NUMBER = r"^-?\d{1,20}(\.\d{1,12})?$"
"""A decimal as a text, in OpenAPI."""
RefText = Annotated[str, Meta(pattern=UUID, examples=["0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"])]
"""A reference: a UUID in lower case."""
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]
ShortText = Annotated[str, Meta(max_length=200)]
CurrencyText = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]
Instant = Annotated[datetime, Meta(tz=True, examples=["2026-03-01T00:00:00Z"])]
Day = Annotated[date, Meta(examples=["2026-03-01"])]
Amount = Annotated[
    str, Meta(description="In the currency's main unit, with all digits of its minor unit", examples=["12.50"])
]
Exact = Annotated[str, Meta(description="An exact decimal number", examples=["0.0125"])]
Percent = Annotated[Decimal, Meta(description="0 to 100", examples=["19"])]


class Input(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What comes in: unknown fields are refused."""


class Output(msgspec.Struct, kw_only=True):
    """What goes out."""


class Span(Output):
    """Days, both included: `end_date` is the last one."""

    start_date: Day
    end_date: Day


def span(period: Period | None) -> Span | None:
    """A period with its last day included."""
    return None if period is None else Span(start_date=period.start, end_date=period.last_day)


def amount(minor: int, currency: str) -> str:
    """Minor units as the wire shows them: 1250 EUR is "12.50"."""
    return format(to_major(minor, currency), "f")


def exact(value: Decimal | None) -> str | None:
    """A decimal as the wire shows it; None stays."""
    return None if value is None else decimal_text(value)


def read(kind: Any, data: bytes) -> Any:
    """The value of type `kind` that these JSON bytes spell, with decimals exact.

    `Unreadable` with the byte where the JSON breaks off; `Invalid` that names the field for anything of another type,
    unknown, missing, or out of every bound that a column has.
    """
    try:
        value = decoder(kind).decode(data)
        problems = list(content_problems(value))
    except msgspec.ValidationError as error:
        raise Invalid.of([as_problem(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("json.malformed", where_broken(error, data)) from None
    except RecursionError:
        raise Unreadable("json.malformed", "the JSON is nested too deeply") from None
    if problems:
        raise Invalid.of(problems)
    return value


def read_query(kind: Any, query: bytes) -> Any:
    """The parameters of a query string as a Struct; `Invalid` names each unknown, repeated or malformed one."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        if name in given:
            raise Invalid.field(name, "is given twice")
        given[name] = value
    for name, value in given.items():
        if not value.isprintable():
            raise Invalid.field(_ascii(name), "must not have control characters")
    try:
        found = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid.of([as_problem(_ascii(str(error)))]) from None
    problems = list(content_problems(found))
    if problems:
        raise Invalid.of(problems)
    return found


@lru_cache(maxsize=256)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a type; fractions inside untyped values are decimals too."""
    return msgspec.json.Decoder(kind, float_hook=Decimal)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


@lru_cache(maxsize=1)
def encoder() -> Callable[[Any], bytes]:
    """Writes an answer: decimals and instants in their one spelling."""
    return msgspec.json.Encoder(enc_hook=_plain_value, decimal_format="string").encode


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def instant(at: datetime | None) -> str | None:
    """An instant as the wire shows it; None stays."""
    return None if at is None else instant_text(at)
