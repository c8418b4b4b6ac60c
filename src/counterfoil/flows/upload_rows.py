"""The rows of an uploaded file: how it is written is found out; every row comes with its line, whole or with a fault."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.flows.usage_reports import NOT_JSON, json_values

DELIMITERS = (",", ";", "\t", "|")
QUOTES = ('"', "'")
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1", "iso-8859-2", "iso-8859-15",
    "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "big5", "euc_kr", "mac_roman",
)
_WIDE = frozenset(("utf-16", "utf-16-le", "utf-16-be", "cp932", "gb18030", "big5", "euc_kr"))
SAMPLE_BYTES = 262_144
MAX_ROW = 100_000
"""Characters of a row beyond which it is no row of usage: a quote was not closed."""
MAX_COLUMNS = 1000
MAX_SKIPPED = 1000
_SAMPLE_ROWS = 200
_NO_TEXT = re.compile("[\udc80-\udcff\ufffd\x00]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_CELL_OF_DATA = re.compile(r"\s*[-+]?[\d.,:/\-TZ ]*\d[\d.,:/\-TZ ]*\s*", re.ASCII)
_SEP_LINE = re.compile(r'"?sep=([,;|\t])"?\s*')

_FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive: save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook: save the sheet as CSV"),
    (b"%PDF", "a PDF"),
    (b"\x00\x00\xfe\xff", "UTF-32: save it as UTF-8"),
    (b"\xff\xfe\x00\x00", "UTF-32: save it as UTF-8"),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is written. `skip_lines`: lines before the header, or before the first row of a file without one.

    A column without a name is called by its place (`column_3`), a second one of the same name by its turn (`amount_2`).
    `json_lines`: one object on each line; delimiter, quote and header then mean nothing.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    skip_lines: int = 0
    json_lines: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line that it begins on (from 1), its values without the empty ones, or what is wrong with it."""

    line: int
    values: Mapping[str, Any]
    fault: str = ""


def shape_problems(shape: Shape) -> list[Problem]:
    """What is wrong with a shape that somebody wrote by hand."""
    allowed: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("encoding", shape.encoding, ENCODINGS),
        ("delimiter", shape.delimiter, DELIMITERS),
        ("quote", shape.quote, QUOTES),
    )
    problems = [
        Problem(f"shape.{name}", "must be one of " + ", ".join(map(repr, choices)))
        for name, value, choices in allowed if value not in choices
    ]
    if not 0 <= shape.skip_lines <= MAX_SKIPPED:
        problems.append(Problem("shape.skip_lines", f"must be from 0 to {MAX_SKIPPED}"))
    return problems


def detect_shape(sample: bytes, later: bytes = b"") -> Shape:
    """How a file that begins with `sample` is written. `later`: its first bytes that are not ASCII, where they come later.

    Invalid `upload.unreadable` for what is no text, saying what it is.
    """
    for magic, name in _FOREIGN:
        if sample.startswith(magic):
            raise Invalid.field("file", f"is {name}", "upload.unreadable")
    encoding = _encoding(sample, later)
    text = sample.decode(encoding, errors="replace").lstrip("\ufeff")
    if not text.strip():
        return Shape(encoding)
    if len(_CONTROLS.findall(text)) * 100 > len(text):
        raise Invalid.field("file", "is not a text", "upload.unreadable")
    lines = list(io.StringIO(text, newline=""))
    if len(sample) >= SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut
    skip = next(n for n, line in enumerate(lines) if line.strip())
    if lines[skip].lstrip().startswith("{"):
        return Shape(encoding, json_lines=True)
    said = _SEP_LINE.fullmatch(lines[skip])
    if said:
        skip += 1
    lines = lines[skip:]
    quote = _quote("".join(lines[:_SAMPLE_ROWS]))
    delimiter = said[1] if said else _delimiter(lines, quote)
    try:
        first = next((r for r in csv.reader(lines[:_SAMPLE_ROWS], delimiter=delimiter, quotechar=quote) if any(r)), [])
    except csv.Error:
        first = []
    header = not any(_CELL_OF_DATA.fullmatch(cell) for cell in first)
    return Shape(encoding, delimiter, quote, header, skip)


def _encoding(sample: bytes, later: bytes) -> str:
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    zeros = [sample[start:4000:2].count(0) for start in (0, 1)]
    if max(zeros) * 4 > len(sample[:4000:2]) and min(zeros) * 4 < max(zeros):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    # A character may be cut at the end of a sample, which is not the file's fault.
    looked_at = (later if sample.isascii() else sample)[:SAMPLE_BYTES]
    text = looked_at[: -3 if len(looked_at) == SAMPLE_BYTES else None].decode(errors="surrogateescape")
    bad = sum("\udc80" <= c <= "\udcff" for c in text)
    # Text in another encoding hardly ever looks like UTF-8: a few bad bytes in it spoil their rows, not the whole file.
    return "utf-8" if bad == 0 or sum(c > "\x7f" for c in text) > 2 * bad else "cp1252"


def _quote(text: str) -> str:
    if '"' in text:
        return '"'
    edges = len(re.findall(r"(?:^|[,;|\t])'", text, re.MULTILINE)), len(re.findall(r"'(?:[,;|\t\r\n]|$)", text))
    return "'" if edges[0] > 1 and edges[0] == edges[1] else '"'


def _delimiter(lines: Sequence[str], quote: str) -> str:
    """The delimiter under which most rows are as wide as the first one; among equals, the one that makes it widest."""
    best, best_score = ",", (0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = [len(r) for r in csv.reader(lines[:_SAMPLE_ROWS], delimiter=delimiter, quotechar=quote) if r]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = (1000 * widths.count(widths[0]) // len(widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


class Pieces(io.RawIOBase):
    """A file in pieces as a stream of bytes; `piece(n)` gives the n-th from 0, empty after the last."""

    def __init__(self, piece: Callable[[int], bytes]) -> None:
        self._piece = piece
        self._n = 0
        self._rest = b""
        self.given = 0
        """Bytes that were read."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        if not self._rest:
            self._rest = self._piece(self._n)
            self._n += 1
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self.given += count
        return count


def read_rows(stream: io.RawIOBase, shape: Shape) -> tuple[list[str], Iterator[Row]]:
    """The columns of a file (none of JSON lines), and its rows one at a time. Empty lines are no rows.

    Memory does not grow with the file, nor with a line that never ends. Invalid `upload.unreadable` without a header
    that can be read.
    """
    # What is no text must be seen in its row; only encodings of single bytes and UTF-8 can always carry it there as it was.
    errors = "replace" if shape.encoding in _WIDE else "surrogateescape"
    text = io.TextIOWrapper(
        io.BufferedReader(stream, 65_536), encoding=shape.encoding, errors=errors, newline=""
    )
    lines = _Lines(text)
    for _ in range(shape.skip_lines):
        next(lines, None)
        lines.row_done()
    if shape.json_lines:
        return [], _json_rows(lines)
    return _csv_rows(lines, shape)


class _Lines:
    """Lines with their numbers, each cut where it is longer than a row may be; those of an open row are kept."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._back: list[str] = []
        self.number = 1
        """The line that the next row begins on."""
        self.taken: list[str] = []
        self._size = 0
        self.too_long = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self._read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_ROW or self.too_long:
            raise csv.Error(f"is longer than {MAX_ROW:,} characters")
        return line

    def _read(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        if len(line) > MAX_ROW and line[-1] not in "\r\n":
            self.too_long = True
            while (more := self._text.readline(MAX_ROW)) and more[-1] not in "\r\n":
                pass
        return line

    def row_done(self) -> None:
        """Forget the lines of the row that was read."""
        self.number += len(self.taken)
        self.taken.clear()
        self._size = 0
        self.too_long = False

    def only_first(self) -> None:
        """Give all lines but the first of the broken row back: what an open quote swallowed are rows of their own."""
        self._back.extend(reversed(self.taken[1:]))
        del self.taken[1:]
        self.row_done()


def _json_rows(lines: _Lines) -> Iterator[Row]:
    while True:
        try:
            line = next(lines, None)
        except csv.Error as error:
            yield Row(lines.number, {}, f"the row {error}")
            lines.row_done()
            continue
        if line is None:
            return
        number = lines.number
        lines.row_done()
        if line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: str) -> Row:
    try:
        values = json_values(line.encode())
    except (*NOT_JSON, UnicodeError) as error:
        return Row(number, {}, f"the line is not JSON: {error}")
    return Row(number, values) if isinstance(values, dict) else Row(number, {}, "the line is not a JSON object")


def _csv_rows(lines: _Lines, shape: Shape) -> tuple[list[str], Iterator[Row]]:
    raw = _raw_rows(lines, shape)
    first = next(raw, None)
    if first is None:
        return [], iter(())
    number, cells, fault = first
    if fault and shape.header:
        raise Invalid.field("file", f"has no header that can be read: {fault}", "upload.unreadable")
    if len(cells) > MAX_COLUMNS:
        raise Invalid.field("file", f"must not have more than {MAX_COLUMNS} columns", "upload.unreadable")
    columns = column_names(cells if shape.header else [""] * len(cells))
    return columns, _named(columns, raw if shape.header else _chained((number, cells, fault), raw))


_Raw = tuple[int, list[str], str]


def _chained(first: _Raw, rest: Iterator[_Raw]) -> Iterator[_Raw]:
    yield first
    yield from rest


def column_names(header: Sequence[str]) -> list[str]:
    """A name of its own for each column: as it is headed, by its place, or by its turn among columns of one name."""
    names: list[str] = []
    taken = {cell.strip() for cell in header}
    for n, cell in enumerate(header, 1):
        name = wanted = cell.strip() or f"column_{n}"
        turn = 1
        while name in names or (turn > 1 and name in taken):
            turn += 1
            name = f"{wanted}_{turn}"
        names.append(name)
    return names


def _raw_rows(lines: _Lines, shape: Shape) -> Iterator[_Raw]:
    """(line, cells, fault) of every row that is not empty."""
    reader = csv.reader(lines, delimiter=shape.delimiter, quotechar=shape.quote, strict=True)
    taken = lines.taken
    while True:
        number = lines.number
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            open_quote = len(taken) > 1 and (lines.too_long or "unexpected end" in str(error) or "longer" in str(error))
            if open_quote:
                lines.only_first()
                yield number, [], "a quote is opened and never closed"
            else:
                lines.row_done()
                yield number, [], f"the row is not CSV: {error}"
            # The broken row may have left the old reader inside a quote.
            reader = csv.reader(lines, delimiter=shape.delimiter, quotechar=shape.quote, strict=True)
            continue
        lines.row_done()
        if any(cells):
            yield number, cells, ""


def _named(columns: list[str], rows: Iterator[_Raw]) -> Iterator[Row]:
    width = len(columns)
    for number, cells, fault in rows:
        if fault:
            yield Row(number, {}, fault)
            continue
        if len(cells) != width and (len(cells) < width or any(cells[width:])):
            yield Row(number, {}, f"the row has {len(cells)} fields, the header has {width}")
            continue
        values = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
        if any(not cell.isascii() or "\x00" in cell for cell in cells) and _NO_TEXT.search("".join(cells)):
            yield Row(number, {}, "the row has bytes that are no text in the file's encoding")
        else:
            yield Row(number, values)


def checked_shape(shape: Shape) -> Shape:
    """The shape, if it can be meant; Invalid otherwise."""
    refuse_if(shape_problems(shape), "upload.shape")
    return shape
