"""Keep formats: named mappings from foreign events to ours. Each change is a version of its own; old ones stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, derived_ref, is_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.format_codec import format_to_json
from counterfoil.core.usage.format_reader import FormatReader
from counterfoil.core.usage.formats import DEFAULT_FORMAT, Changes, Format, Mapped, Skipped
from counterfoil.flows.record_usage import Report


@dataclass(frozen=True, slots=True)
class FormatRow:
    """A version of a format: since when, and by whom. `built_in`: it is the house's and cannot be changed."""

    ref: Ref
    version: int
    format: Format
    created_at: datetime
    actor: str
    built_in: bool = False


_MADE_AT = datetime(2000, 1, 1, tzinfo=UTC)
DEFAULT = FormatRow(
    derived_ref("usage-format", DEFAULT_FORMAT.name), 1, DEFAULT_FORMAT, _MADE_AT, "counterfoil", built_in=True
)
"""The format of standard events, which every tenant has."""


class FormatTx(Protocol):
    """What keeping formats needs of the store."""

    @property
    def now(self) -> datetime:
        """The tenant's time."""
        ...

    def new_ref(self) -> Ref:
        """A fresh reference."""
        ...

    def put_format(self, ref: Ref, version: int, format: Format) -> None:
        """Store a version of a format as its current one; Conflict where another one has the name."""
        ...

    def remove_format(self, ref: Ref) -> None:
        """Let the format's name be known no more."""
        ...

    def format_row(self, *, ref: Ref | None = None, name: str | None = None, lock: bool = False) -> FormatRow | None:
        """The current version of a format that is there."""
        ...

    def formats(self) -> Sequence[FormatRow]:
        """The current version of every format that is there, by name."""
        ...

    def format_versions(self, ref: Ref) -> Sequence[FormatRow]:
        """Every version of a format, deleted or not, first to last."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None, why: str = "") -> None:
        """Write the change down."""
        ...


def create_format(tx: FormatTx, format: Format) -> FormatRow:
    """Add a format. Conflict `format.name_taken` where another one has its name."""
    _refuse_taken(format.name)
    ref = tx.new_ref()
    tx.put_format(ref, 1, format)
    tx.audit("create", "usage_format", ref, after=format_to_json(format))
    return find_format(tx, ref)


def change_format(tx: FormatTx, ref: str, format: Format) -> FormatRow:
    """Make `format` the next version; the same again changes nothing. Events that were read stay as they were read."""
    before = _own(tx, ref)
    if before.format == format:
        return before
    _refuse_taken(format.name)
    tx.put_format(before.ref, before.version + 1, format)
    after = {"version": before.version + 1, **format_to_json(format)}
    tx.audit(
        "change", "usage_format", before.ref, before={"version": before.version, **format_to_json(before.format)},
        after=after,
    )
    return find_format(tx, before.ref)


def delete_format(tx: FormatTx, ref: str, *, why: str = "") -> None:
    """Take a format away; its versions stay readable, its name is free."""
    before = _own(tx, ref)
    tx.remove_format(before.ref)
    tx.audit("delete", "usage_format", before.ref, before=format_to_json(before.format), why=why)


def list_formats(tx: FormatTx) -> list[FormatRow]:
    """Every format in its current version, the built-in one first, then by name."""
    return [DEFAULT, *tx.formats()]


def find_format(tx: FormatTx, ref: str) -> FormatRow:
    """The current version of a format; NotFound without one."""
    if ref == DEFAULT.ref:
        return DEFAULT
    row = tx.format_row(ref=Ref(ref)) if is_ref(ref) else None
    if row is None:
        raise NotFound("format.not_found", f"there is no format {ref!r}")
    return row


def format_history(tx: FormatTx, ref: str) -> list[FormatRow]:
    """Every version of a format, also of one that was deleted, first to last; NotFound without any."""
    rows = [DEFAULT] if ref == DEFAULT.ref else list(tx.format_versions(Ref(ref))) if is_ref(ref) else []
    if not rows:
        raise NotFound("format.not_found", f"there is no format {ref!r}")
    return rows


def format_named(tx: FormatTx, name: str) -> FormatRow:
    """The current version of the format of that name; Invalid on `format_name` without one."""
    row = DEFAULT if name == DEFAULT_FORMAT.name else tx.format_row(name=name)
    if row is None:
        raise Invalid.field("format_name", f"there is no format {name[:200]!r}", "format.unknown")
    return row


def read_formatted(tx: FormatTx, format_name: str, event: Mapping[str, Any]) -> Report:
    """The report that an event is under a named format, to be recorded as any other.

    Invalid names each field and the path it is read from (`usage.skipped` where the format leaves such events out).
    """
    outcome = FormatReader(format_named(tx, format_name).format).read(event)
    if isinstance(outcome, Skipped):
        raise Invalid.field("event", f"is left out by the format: {outcome.reason}", "usage.skipped")
    if not isinstance(outcome, Mapped):
        raise Invalid.of(outcome, "usage.invalid")
    return report_of(outcome)


def read_formatted_changes(tx: FormatTx, format_name: str, event: Mapping[str, Any]) -> Changes:
    """What an update under a named format says; what the event does not say stays as it was. Invalid as above."""
    outcome = FormatReader(format_named(tx, format_name).format).changes(event)
    if not isinstance(outcome, Changes):
        raise Invalid.of(outcome, "usage.invalid")
    return outcome


def report_of(mapped: Mapped) -> Report:
    """The report that a mapped event is; its limits are checked where it is recorded."""
    return Report(mapped.customer, mapped.usage_product, mapped.at, mapped.quantity, mapped.key, mapped.properties)


def _own(tx: FormatTx, ref: str) -> FormatRow:
    if ref == DEFAULT.ref:
        raise Conflict("format.built_in", f"{DEFAULT_FORMAT.name} is built in; make a format of your own instead")
    row = tx.format_row(ref=Ref(ref), lock=True) if is_ref(ref) else None
    if row is None:
        raise NotFound("format.not_found", f"there is no format {ref!r}")
    return row


def _refuse_taken(name: str) -> None:
    if name == DEFAULT_FORMAT.name:
        raise Conflict("format.name_taken", f"there is a format {name!r} already: it is built in")
