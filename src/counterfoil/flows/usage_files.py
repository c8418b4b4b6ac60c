"""Usage files: CSV of any usual delimiter and JSON lines, in UTF-8, UTF-16 or Windows-1252, plain or as gz or xz."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import re
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, BinaryIO

from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.flows.import_usage import Line, Reject
from counterfoil.flows.usage_reports import ALIASES, FIELDS, NOT_JSON, PROPERTY, json_values

DELIMITERS = ",;\t|"
_PACKED: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", lambda packed: gzip.GzipFile(fileobj=packed)),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)
_NO_TEXT = re.compile("[\udc80-\udcff]")
_SAMPLE = 65_536
_MAX_ROW = 1_048_576
"""Characters of a row beyond which it is no row of usage."""


def read_usage_file(
    stream: BinaryIO, *, columns: Mapping[str, str] | None = None, constants: Mapping[str, str] | None = None
) -> Iterator[Line]:
    """The rows of a file, one at a time; a row that cannot be read is a line with a fault.

    `columns` maps our fields (`key`, `customer`, `usage_product`, `at`, `quantity`, `property.*`) to the file's names
    for them; other columns are then left out on purpose. Without it a column of another name is refused. `constants`
    are fields with the same value in every row. Invalid when the file as a whole is nothing that can be read.
    """
    text = _text(stream)
    fixed = dict(constants or {})
    first = _skip_blank(text)
    if first is None:
        return
    number, head = first
    if head.lstrip().startswith("{"):
        yield from _json_lines(number, head, text, columns, fixed)
    elif head.lstrip().startswith("["):
        raise Invalid.field("", "is a JSON array; put one object on each line instead", "usage.malformed")
    else:
        yield from _csv_rows(number, head, text, columns, fixed)


def write_rejects(out: IO[str]) -> Any:
    """A taker of rejects for `import_usage` that writes them as CSV: line, code, reason, and the row as it stood."""
    writer = csv.writer(out)
    writer.writerow(("line", "code", "reason", "row"))

    def take(reject: Reject) -> None:
        reason = "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in reject.problems)
        writer.writerow((reject.line, reject.code, reason, reject.raw.encode(errors="replace").decode()))

    return take


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    """The file's text: decompressed by its first bytes, decoded by its byte order mark or by what it looks like."""
    plain: Any = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)
    magic = plain.peek(6)[:6]
    for begins, unpacked in _PACKED:
        if magic.startswith(begins):
            plain = io.BufferedReader(unpacked(plain))
    sample = plain.peek(_SAMPLE)
    return io.TextIOWrapper(plain, encoding=_encoding(sample), errors="surrogateescape", newline="")


def _encoding(sample: bytes) -> str:
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # A character may be cut at the sample's end, which is not the file's fault.
        sample[: max(0, len(sample) - 4)].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _skip_blank(text: io.TextIOWrapper) -> tuple[int, str] | None:
    for number, line in enumerate(text, 1):
        if line.strip():
            return number, line
    return None


def _json_lines(
    number: int, head: str, text: io.TextIOWrapper, columns: Mapping[str, str] | None, fixed: dict[str, str]
) -> Iterator[Line]:
    for n, raw in enumerate(_chain(head, text), number):
        if not raw.strip():
            continue
        line = raw.rstrip("\r\n")
        try:
            values = json_values(line.encode())
        except (*NOT_JSON, UnicodeError) as error:
            yield Line(n, fault=f"is not JSON: {error}", raw=line)
            continue
        if not isinstance(values, dict):
            yield Line(n, fault="must be an object", raw=line)
            continue
        if columns is not None:
            values = {ours: values[theirs] for ours, theirs in columns.items() if theirs in values}
        yield Line(n, {**values, **fixed}, raw=line)


def _chain(head: str, text: io.TextIOWrapper) -> Iterator[str]:
    yield head
    yield from text


class _Kept:
    """Lines as the CSV reader takes them, kept until the row they make is whole."""

    def __init__(self, head: str, text: io.TextIOWrapper) -> None:
        self.lines = _chain(head, text)
        self.taken: list[str] = []
        self.size = 0

    def __iter__(self) -> _Kept:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.taken.append(line)
        self.size += len(line)
        if self.size > _MAX_ROW:
            raise csv.Error("a row is longer than a million characters: is a quote not closed?")
        return line

    def row(self) -> str:
        """The text of the row, which is then forgotten."""
        text = "".join(self.taken).rstrip("\r\n")
        self.taken.clear()
        self.size = 0
        return text


def _csv_rows(
    number: int, head: str, text: io.TextIOWrapper, columns: Mapping[str, str] | None, fixed: dict[str, str]
) -> Iterator[Line]:
    delimiter = max(DELIMITERS, key=head.count)
    kept = _Kept(head, text)
    rows = csv.reader(kept, delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows)]
    except csv.Error as error:
        raise Invalid.field("", f"has no header that can be read: {error}", "usage.malformed") from None
    ours = _our_names(header, columns, fixed)
    n = number + len(kept.taken)
    kept.row()
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            count = len(kept.taken)
            yield Line(n, fault=f"is not a row of CSV: {error}", raw=kept.row())
            n += count
            # The broken row may have left the old reader inside a quote.
            rows = csv.reader(kept, delimiter=delimiter, strict=True)
            continue
        count, raw = len(kept.taken), kept.row()
        if len(row) != len(header):
            if row:
                yield Line(n, fault=f"has {len(row)} fields, the header has {len(header)}", raw=raw)
        elif _NO_TEXT.search(raw):
            yield Line(n, fault="has bytes that are no text", raw=raw)
        else:
            values = {name: value for name, value in zip(ours, row, strict=True) if name is not None}
            yield Line(n, {**values, **fixed}, raw=raw)
        n += count


def _our_names(header: list[str], columns: Mapping[str, str] | None, fixed: Mapping[str, str]) -> list[str | None]:
    """Which of our fields each column is; None for one that is left out."""
    problems = []
    names: list[str | None]
    if columns is not None:
        problems += [
            Problem(c, f"is the column for {o}, but is not in the file") for o, c in columns.items() if c not in header
        ]
        of_theirs = {theirs: mine for mine, theirs in columns.items()}
        names = [of_theirs.get(name) for name in header]
    else:
        names = [ALIASES.get(name.lower(), name if name.startswith(PROPERTY) else name.lower()) for name in header]
        problems += [
            Problem(theirs, f"is not one of {', '.join(FIELDS[:-1])} or property.*")
            for theirs, name in zip(header, names, strict=True)
            if name is not None and name not in FIELDS[:-1] and not name.startswith(PROPERTY)
        ]
    there = {n for n in names if n} | set(fixed)
    needed = ("customer", "usage_product", "at")
    problems += [Problem(f, "is missing: there is no such column") for f in needed if f not in there]
    doubled = {n for n in names if n and names.count(n) > 1}
    problems += [Problem(n, "is there twice") for n in sorted(doubled)]
    refuse_if(problems, "usage.columns")
    return names
