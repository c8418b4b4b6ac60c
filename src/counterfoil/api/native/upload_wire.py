"""Uploads on the wire: files of usage, how they are written and read, and how far they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.native.format_wire import (
    FormatName,
    Mapping,
    NewFormat,
    SuggestedMapping,
    Why,
    mapping_out,
    suggestion_out,
)
from counterfoil.api.native.wire import Input, Instant, Output, RefText
from counterfoil.flows.upload_rows import MAX_SKIPPED
from counterfoil.flows.upload_rows import Shape as CoreShape
from counterfoil.flows.upload_usage import MAX_FILE_NAME, Counts, Look, State
from counterfoil.flows.upload_usage import Upload as CoreUpload

Encoding = Literal[
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1", "iso-8859-2", "iso-8859-15",
    "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "big5", "euc_kr", "mac_roman",
]
Delimiter = Annotated[Literal[",", ";", "\t", "|", "tab"], Meta(description="`tab` is another word for U+0009")]
Quote = Literal['"', "'"]
SkipLines = Annotated[int, Meta(ge=0, le=MAX_SKIPPED, description="Lines before the header, or before the first row")]
FileName = Annotated[str, Meta(min_length=1, max_length=MAX_FILE_NAME)]


class ShapeIn(Input):
    """How a file is written; what is left out stays as it was found out."""

    encoding: Encoding | UnsetType = UNSET
    delimiter: Delimiter | UnsetType = UNSET
    quote: Quote | UnsetType = UNSET
    header: bool | UnsetType = UNSET
    skip_lines: SkipLines | UnsetType = UNSET
    json_lines: bool | UnsetType = UNSET


class Shape(Output):
    """How a file is written. `json_lines`: one object on each line; delimiter, quote and header then mean nothing."""

    encoding: str
    delimiter: str
    quote: str
    header: bool
    skip_lines: int
    json_lines: bool


class NewUpload(Input):
    """What the file is called; of a form it is the name that comes with the file."""

    file_name: FileName | None = None


class LookQuery(Input):
    """Tries another way to read the file; `time_zone` is taken for times without an offset."""

    time_zone: Annotated[str, Meta(max_length=64, description="IANA time zone", examples=["Europe/Berlin"])] = "UTC"
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    quote: Quote | None = None
    header: bool | None = None
    skip_lines: SkipLines | None = None
    json_lines: bool | None = None


class UploadMapping(Input):
    """How the rows are read: by a named format as it is now, or by a mapping for this file alone.

    `same_rows`: rows that say the same are one report, in this file and among files.
    """

    format_name: FormatName | None = None
    mapping: Mapping | None = None
    shape: ShapeIn | None = None
    same_rows: bool = False


class Start(Input):
    """`again`: a file that was stored before counts once more."""

    again: bool = False


class UploadDeletion(Input):
    """Why the upload is forgotten."""

    why: Why = ""


class DeletedUpload(Output):
    """The file and its results are gone; the events that it stored stay."""

    upload_ref: RefText
    deleted: bool = True


class UploadCounts(Output):
    """What became of the rows so far, or in a dry run would become of them."""

    rows: int
    accepted: int
    duplicates: int
    refused: int
    skipped: int


class UploadProblem(Output):
    """What is wrong with the row on a line; `field` is ours."""

    line: int
    field: str
    message: str


class Upload(Output):
    """A file of usage and how far it is.

    `received` → `checking` → `dry_run` → `running` → `done`, or `failed` as `fault` says. `counts` are those of the last
    dry run or of the run, `problems` the first 50; the results have them all.
    """

    upload_ref: RefText
    file_name: str
    created_at: Instant
    created_by: str
    state: State
    size_bytes: Annotated[int, Meta(description="Unpacked")]
    bytes_done: int
    percent: int
    sha256: str
    shape: Shape
    mapping: NewFormat | None
    format_ref: RefText | None
    format_version: int | None
    same_rows: bool
    counts: UploadCounts
    problems: list[UploadProblem]
    fault: str
    started_at: Instant | None
    ended_at: Instant | None


class SeenRow(Output):
    """A row: the line that it begins on, its values without the empty ones, or what is wrong with it."""

    line: int
    values: dict[str, Any]
    fault: str


class UploadSuggestion(Output):
    """A guess that a person confirms or mends: `unsettled` are the fields that must be decided, `notes` say what was
    assumed."""

    mapping: SuggestedMapping
    unsettled: list[str]
    notes: list[str]


class UploadLook(Output):
    """What is in a file: its columns, its first rows, and how it may be mapped (null for JSON lines: they need a format)."""

    shape: Shape
    columns: list[str]
    rows: list[SeenRow]
    suggestion: UploadSuggestion | None


_SHAPE = ("encoding", "delimiter", "quote", "header", "skip_lines", "json_lines")


def shape_out(shape: CoreShape) -> Shape:
    """How a file is written, as the wire shows it."""
    return Shape(**{name: getattr(shape, name) for name in _SHAPE})


def shape_in(given: Any, found: CoreShape) -> CoreShape | None:
    """The shape that was found with what is said of it; None where nothing is."""
    said = {name: v for name in _SHAPE if (v := getattr(given, name, None)) is not None and v is not UNSET}
    if said.get("delimiter") == "tab":
        said["delimiter"] = "\t"
    return replace(found, **said) if said else None


def upload_out(u: CoreUpload) -> Upload:
    """An upload as the wire shows it."""
    return Upload(
        upload_ref=u.ref, file_name=u.file_name, created_at=u.created_at, created_by=u.created_by, state=u.state,
        size_bytes=u.size_bytes, bytes_done=u.bytes_done, percent=u.percent, sha256=u.sha256, shape=shape_out(u.shape),
        mapping=None if u.mapping is None else mapping_out(u.mapping), format_ref=u.format_ref,
        format_version=u.format_version, same_rows=u.same_rows, counts=_counts(u.counts),
        problems=[UploadProblem(line=p.line, field=p.field, message=p.message) for p in u.problems], fault=u.fault,
        started_at=u.started_at, ended_at=u.ended_at,
    )


def _counts(c: Counts) -> UploadCounts:
    return UploadCounts(**{name: getattr(c, name) for name in UploadCounts.__struct_fields__})


def look_out(look: Look) -> UploadLook:
    """What is in a file, as the wire shows it."""
    guess = look.suggestion
    shown = UploadLook(
        shape=shape_out(look.shape), columns=list(look.columns),
        rows=[SeenRow(line=r.line, values=dict(r.values), fault=r.fault) for r in look.rows],
        suggestion=None if guess is None else UploadSuggestion(
            mapping=suggestion_out(guess.format), unsettled=list(guess.unsettled), notes=list(guess.notes)
        ),
    )
    if all(map(_is_text, look.columns)):
        return shown
    # Columns whose names are no text in the file's encoding cannot be spelled in JSON, nor mapped.
    rows = [SeenRow(line=r.line, values={_text(k): v for k, v in r.values.items()}, fault=r.fault) for r in shown.rows]
    return UploadLook(shape=shown.shape, columns=[_text(c) for c in shown.columns], rows=rows, suggestion=None)


def _is_text(text: str) -> bool:
    return text == _text(text)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
