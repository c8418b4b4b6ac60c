"""Bespoke formats: a named mapping from any key-value event to ours, with what is read from where and how.

An event is flattened first: nested objects and lists become dotted paths (`account.id`, `items.0.sku`), a row of CSV is
flat already and its columns are the paths. Whatever a format does not mention is treated as its `rest` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.usage.event import NO_PROPERTIES

MAX_DEPTH = 16
"""Objects within objects that an event may have."""
MAX_LEAVES = 1000
"""Values that an event may have in all."""

Leaf = str | int | Decimal
"""What stands at a path: a text, a number, or (as an int) true or false."""
Flat = Mapping[str, Leaf]
"""An event by dotted path; what is null is not there."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: the first of `paths` that is there and not empty, else `default`; or a `constant`.

    `join`: the values of all paths with this text between them (a date and a time in two columns); one that is missing
    makes the whole missing. `values` turn texts of theirs into texts of ours; one not in the map stays as it is, or
    with `other="refuse"` is a problem. Constant and default are in our terms and pass no map.
    """

    paths: tuple[str, ...] = ()
    constant: str | None = None
    default: str | None = None
    join: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    other: Literal["keep", "refuse"] = "keep"


TimeForm = Literal["iso", "seconds", "milliseconds", "microseconds", "nanoseconds", "excel", "pattern"]


@dataclass(frozen=True, slots=True)
class Times:
    """How an instant is spelled: ISO 8601, a count since 1970 in UTC, Excel's count of days, or a strptime `pattern`.

    `time_zone` (IANA) is that of times without an offset; without it such a time is a problem. In the hour that a clock
    change repeats the first pass is meant; a time that a clock change skips is a problem. What is finer than a
    microsecond is cut off; Excel's days are read to the nearest millisecond, below which they are noise.
    """

    form: TimeForm = "iso"
    pattern: str = ""
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """A column that says which way a quantity goes: with a text of `negative` it is negated, with any other than those
    of `positive` it is a problem. Texts are compared without regard to case."""

    path: str
    negative: tuple[str, ...]
    positive: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a quantity is spelled and in which unit: read, times `multiply`, divided by `divide`, exactly.

    A `thousands` separator must stand between groups of three digits or not at all. Without `places` a quotient that
    does not come out even in 12 decimal places is a problem; with it, it is rounded to so many, half away from zero.
    """

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    multiply: Decimal = ONE
    divide: Decimal = ONE
    places: int | None = None
    sign: Sign | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Events that are left out, and why. Exactly one condition: the text at `path` is one of `is_in`, is none of
    `not_in`, or is missing or empty (`empty` true) or not (`empty` false)."""

    path: str
    because: str = ""
    is_in: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()
    empty: bool | None = None

    @property
    def reason(self) -> str:
        """What is said of an event that is left out."""
        if self.because:
            return self.because
        if self.empty is not None:
            return f"{self.path} is {'' if self.empty else 'not '}empty"
        joint, texts = ("is", self.is_in) if self.is_in else ("is not", self.not_in)
        return f"{self.path} {joint} {' or '.join(repr(t) for t in texts)}"


Rest = Literal["keep", "drop", "refuse"]


@dataclass(frozen=True, slots=True)
class Format:
    """A named format.

    `customer` and `usage_product` end in what reports know them by: reference, external id or name. `spread`: objects
    whose entries are properties under their own names. `keep` and `drop` say of single paths (or whole objects) whether
    they become properties under their path; `rest` says it of all others.
    """

    name: str
    customer: Source
    usage_product: Source
    at: Source
    quantity: Source
    time: Times = Times()
    number: Numbers = Numbers()
    key: Source = Source()
    properties: tuple[tuple[str, Source], ...] = ()
    spread: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rest: Rest = "keep"
    skip: tuple[Skip, ...] = ()


DEFAULT_FORMAT = Format(
    name="Default Format",
    customer=Source(("customer_ref", "customer_name", "customer")),
    usage_product=Source(("usage_product_ref", "usage_product_name", "usage_product")),
    at=Source(("timestamp", "at")),
    quantity=Source(("quantity",)),
    key=Source(("external_event_id", "key")),
    spread=("additional_report_data", "properties", "property"),
    drop=("validations",),
    rest="refuse",
)
"""Reads an event of the standard form; `validations` are the door's to check."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """An event in our terms. Whether customer and usage product exist is not decided here."""

    customer: str
    usage_product: str
    at: datetime
    quantity: Decimal
    properties: Mapping[str, str] = field(default_factory=lambda: NO_PROPERTIES)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update says of an event; None where it says nothing."""

    customer: str | None = None
    usage_product: str | None = None
    at: datetime | None = None
    quantity: Decimal | None = None
    properties: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An event that its format leaves out on purpose."""

    reason: str


Problems = tuple[Problem, ...]
Outcome = Mapped | Skipped | Problems


def flatten(raw: Mapping[str, Any]) -> Flat | Problems:
    """The event by dotted path. A problem where two values stand at one path, or it is nested or wide beyond reason."""
    flat: dict[str, Leaf] = {}
    problems: list[Problem] = []
    _flatten(raw, "", 1, flat, problems)
    return tuple(problems) or MappingProxyType(flat)


def _flatten(value: Any, path: str, depth: int, into: dict[str, Leaf], problems: list[Problem]) -> None:
    if value is None or problems:
        return
    if isinstance(value, str | int | Decimal):
        if path in into:
            problems.append(Problem(path[:200], "is there twice"))
        elif len(into) >= MAX_LEAVES:
            problems.append(Problem("", f"must not have more than {MAX_LEAVES} values"))
        else:
            into[path] = value
        return
    entries: Any
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list | tuple):
        entries = enumerate(value)
    else:
        kind = type(value).__name__
        problems.append(Problem(path[:200], f"must be a text, a number, an object or a list, not {kind}"))
        return
    if depth > MAX_DEPTH:
        problems.append(Problem(path[:200], f"must not be nested deeper than {MAX_DEPTH} levels"))
        return
    for name, inner in entries:
        _flatten(inner, f"{path}.{name}" if path else str(name), depth + 1, into, problems)
