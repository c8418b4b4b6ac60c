"""Formats on the wire: how events of another form are read (docs/guide/formats.md)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.native.errors import FieldError
from counterfoil.api.native.wire import Exact, Input, Instant, Output, RefText
from counterfoil.core.basis.canonical import Json
from counterfoil.core.usage.format_codec import MAX_ENTRIES, MAX_TEXT, format_to_json
from counterfoil.core.usage.formats import Format as CoreFormat
from counterfoil.core.usage.formats import Rest, TimeForm
from counterfoil.flows.keep_formats import FormatRow

FormatName = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
FormatText = Annotated[str, Meta(max_length=MAX_TEXT)]
Path = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT, description="A dotted path, or a column")]
Paths = Annotated[list[Path], Meta(max_length=MAX_ENTRIES)]
Texts = Annotated[list[FormatText], Meta(max_length=MAX_ENTRIES)]
Why = Annotated[str, Meta(max_length=500)]


class Source(Input, rename={"from_": "from"}):
    """Where a value comes from: the first of the paths of `from` that has one, else `default`; or a `constant`. `join`:
    all of them with this text between. `values`: texts of yours and what they are called here."""

    from_: Path | Paths | UnsetType = UNSET
    constant: FormatText | UnsetType = UNSET
    default: FormatText | UnsetType = UNSET
    join: FormatText | UnsetType = UNSET
    values: dict[str, FormatText] | UnsetType = UNSET
    other: Literal["keep", "refuse"] | UnsetType = UNSET


class TimeSource(Source, rename={"from_": "from"}):
    """Where the instant comes from and how it is spelled. `pattern`: of strptime's directives; `time_zone`: that of times
    without an offset."""

    read: TimeForm | UnsetType = UNSET
    pattern: FormatText | UnsetType = UNSET
    time_zone: FormatText | UnsetType = UNSET


class SignSource(Input, rename={"from_": "from"}):
    """A column that says which way a quantity goes."""

    from_: Path
    negative: Texts
    positive: Texts | UnsetType = UNSET


class QuantitySource(Source, rename={"from_": "from"}):
    """Where the quantity comes from and how it is spelled: read, times `multiply`, divided by `divide`, exactly."""

    decimal: Literal[".", ","] | UnsetType = UNSET
    thousands: Literal["", ",", ".", " ", "'"] | UnsetType = UNSET
    multiply: Decimal | UnsetType = UNSET
    divide: Decimal | UnsetType = UNSET
    places: Annotated[int, Meta(ge=0, le=12)] | UnsetType = UNSET
    sign: SignSource | UnsetType = UNSET


class SkipRule(Input, rename={"from_": "from", "is_": "is"}):
    """Events that are left out, by exactly one of `is`, `is_not` and `empty`."""

    from_: Path
    is_: Texts | UnsetType = UNSET
    is_not: Texts | UnsetType = UNSET
    empty: bool | UnsetType = UNSET
    because: FormatText | UnsetType = UNSET


class Mapping(Input):
    """How foreign events are read. `rest`: what becomes of whatever is not mentioned."""

    customer: Source
    usage_product: Source
    at: TimeSource
    quantity: QuantitySource
    name: FormatName | UnsetType = UNSET
    key: Source | UnsetType = UNSET
    properties: dict[str, Source] | UnsetType = UNSET
    spread: Paths | UnsetType = UNSET
    keep: Paths | UnsetType = UNSET
    drop: Paths | UnsetType = UNSET
    rest: Rest | UnsetType = UNSET
    skip: Annotated[list[SkipRule], Meta(max_length=MAX_ENTRIES)] | UnsetType = UNSET


class NewFormat(Mapping):
    """A named mapping."""

    name: FormatName


class SuggestedMapping(Output):
    """A mapping as far as it could be guessed: what was not found is missing."""

    customer: Source | UnsetType = UNSET
    usage_product: Source | UnsetType = UNSET
    at: TimeSource | UnsetType = UNSET
    quantity: QuantitySource | UnsetType = UNSET
    key: Source | UnsetType = UNSET
    rest: Rest | UnsetType = UNSET


class UsageFormat(Output):
    """A version of a format: since when, and by whom. `built_in`: it is ours and cannot be changed."""

    format_ref: RefText
    version: int
    format: NewFormat
    created_at: Instant
    actor: str
    built_in: bool


class DeletedFormat(Output):
    """The format is gone; its versions stay readable."""

    format_ref: RefText
    deleted: bool = True


class FormatDeletion(Input):
    """Why the format is taken away."""

    why: Why = ""


Event = Annotated[dict[str, Any], Meta(description="An event of yours, of any form")]


class FormatTrial(Input):
    """Sample events, and what to read them with: a format, or one that is stored."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=100)]
    format: Mapping | UnsetType = UNSET
    format_ref: RefText | UnsetType = UNSET


class ReadEvent(Output):
    """An event in our terms."""

    customer: str
    usage_product: str
    at: Instant
    quantity: Exact
    properties: dict[str, str]
    key: str


class TriedEvent(Output):
    """What would become of an event: `accepted`, `refused` with what is wrong, or `skipped` on purpose. `event` is null
    where it cannot be read."""

    status: Literal["accepted", "refused", "skipped"]
    event: ReadEvent | None = None
    reason: str = ""
    errors: list[FieldError] = msgspec.field(default_factory=list)


class TriedFormat(Output):
    """What would become of each event."""

    accepted: int
    refused: int
    skipped: int
    results: list[TriedEvent]


def mapping_json(body: Any) -> Json:
    """A mapping as the core reads it."""
    said: Json = msgspec.to_builtins(body)
    return said


def mapping_out(format: CoreFormat) -> NewFormat:
    """A format as the wire shows it."""
    return msgspec.convert(format_to_json(format), NewFormat)


def suggestion_out(format: CoreFormat) -> SuggestedMapping:
    """A suggested mapping as the wire shows it."""
    return msgspec.convert(format_to_json(format), SuggestedMapping)


def format_out(row: FormatRow) -> UsageFormat:
    """A version of a format as the wire shows it."""
    return UsageFormat(
        format_ref=row.ref, version=row.version, format=mapping_out(row.format), created_at=row.created_at,
        actor=row.actor, built_in=row.built_in,
    )
