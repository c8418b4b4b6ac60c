"""Reading uploaded files: whatever dress a table comes in, its rows arrive whole, with their lines, or with a fault."""

from __future__ import annotations

import csv
import io
import random
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.upload_rows import Pieces, Row, Shape, column_names, detect_shape, read_rows


def rows_of(content: bytes, shape: Shape | None = None, size: int = 7) -> tuple[list[str], list[Row]]:
    """The rows of a file whose pieces are odd and small."""
    shape = shape or detect_shape(content)
    columns, rows = read_rows(Pieces(lambda n: content[n * size : (n + 1) * size]), shape)
    return columns, list(rows)


def test_a_german_file_with_semicolons_commas_and_latin_1() -> None:
    content = "Kunde;Datum;Menge\r\nMüller;31.01.2026;1.234,5\r\nGrün;01.02.2026;2,0\r\n".encode("latin-1")
    shape = detect_shape(content)
    assert (shape.encoding, shape.delimiter, shape.header) == ("cp1252", ";", True)
    columns, rows = rows_of(content)
    assert columns == ["Kunde", "Datum", "Menge"]
    assert rows[0] == Row(2, {"Kunde": "Müller", "Datum": "31.01.2026", "Menge": "1.234,5"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_dress_gives_the_same_rows(encoding: str, delimiter: str) -> None:
    lines = [["who", "what, or; not", "n"], ["Zoë", 'say "hi"', "1"], ["Ænima", "line\nbreak", "2.5"]]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(lines)
    columns, rows = rows_of(out.getvalue().encode(encoding))
    assert columns == lines[0]
    assert [list(r.values.values()) for r in rows] == lines[1:]
    assert [r.line for r in rows] == [2, 3]


@pytest.mark.parametrize(
    ("says", "content", "columns", "expected"),
    [
        (
            "empty lines are no rows, and count as lines",
            b"\n\na,b\n\n1,2\n\r\n,\n3,4\n",
            ["a", "b"],
            [(5, {"a": "1", "b": "2"}), (8, {"a": "3", "b": "4"})],
        ),
        (
            "a short row is not guessed at",
            b"a,b,c\n1,2\n1,2,3\n",
            ["a", "b", "c"],
            [(2, "has 2 fields, the header has 3"), (3, {"a": "1", "b": "2", "c": "3"})],
        ),
        ("a long row is not cut", b"a,b\n1,2,3\n", ["a", "b"], [(2, "has 3 fields")]),
        ("empty cells at the end are no fields", b"a,b\n1,2,,\n", ["a", "b"], [(2, {"a": "1", "b": "2"})]),
        ("an empty cell is not there", b"a,b,c\n1,,3\n", ["a", "b", "c"], [(2, {"a": "1", "c": "3"})]),
        (
            "columns of one name stay apart",
            b"n,n,,n_2\nx,y,z,w\n",
            ["n", "n_3", "column_3", "n_2"],
            [(2, {"n": "x", "n_3": "y", "column_3": "z", "n_2": "w"})],
        ),
        (
            "no header",
            b"acme,2026-01-01T00:00:00Z,5\n",
            ["column_1", "column_2", "column_3"],
            [(1, {"column_1": "acme", "column_2": "2026-01-01T00:00:00Z", "column_3": "5"})],
        ),
        ("Excel says its delimiter", b"sep=;\na;b\n1,0;2,0\n", ["a", "b"], [(3, {"a": "1,0", "b": "2,0"})]),
        ("single quotes", b"'a','b'\n'x,y','2'\n", ["a", "b"], [(2, {"a": "x,y", "b": "2"})]),
        (
            "lines of an old Macintosh",
            b"a,b\r1,2\r3,4\r",
            ["a", "b"],
            [(2, {"a": "1", "b": "2"}), (3, {"a": "3", "b": "4"})],
        ),
        ("the last line need not end", b"a,b\n1,2", ["a", "b"], [(2, {"a": "1", "b": "2"})]),
        (
            "text after a closing quote",
            b'a,b\n"x"y,2\n3,4\n',
            ["a", "b"],
            [(2, "is not CSV"), (3, {"a": "3", "b": "4"})],
        ),
        (
            "a quote that is never closed takes its own line alone",
            b'a,b\n"x,2\n3,4\n5,6\n',
            ["a", "b"],
            [(2, "never closed"), (3, {"a": "3", "b": "4"}), (4, {"a": "5", "b": "6"})],
        ),
        (
            "a bad byte spoils its row alone",
            "a,b\nzoë,1\nzoë,2\nzoë,3\n".encode() + b"zo\xeb,4\nx,5\n",
            ["a", "b"],
            [
                (2, {"a": "zoë", "b": "1"}),
                (3, {"a": "zoë", "b": "2"}),
                (4, {"a": "zoë", "b": "3"}),
                (5, "bytes that are no text"),
                (6, {"a": "x", "b": "5"}),
            ],
        ),
        ("a zero byte is no text", b"a,b\n" + b"x,1\n" * 40 + b"x\x00,2\n", ["a", "b"], [(42, "no text")]),
        ("one column", b"customer\nacme\n", ["customer"], [(2, {"customer": "acme"})]),
        (
            "objects line by line",
            b'{"a": {"b": 1.50}}\n\nnope\n[1]\n',
            [],
            [(1, {"a": {"b": Decimal("1.50")}}), (3, "not JSON"), (4, "not a JSON object")],
        ),
        ("nothing but a header", b"a,b\n", ["a", "b"], []),
    ],
)
def test_odd_files(says: str, content: bytes, columns: list[str], expected: list[tuple[int, Any]]) -> None:
    found_columns, rows = rows_of(content)
    rows = rows[-len(expected) :] if expected else rows
    assert found_columns == columns
    assert [r.line for r in rows] == [line for line, _ in expected]
    for row, (_, wanted) in zip(rows, expected, strict=True):
        if isinstance(wanted, str):
            assert wanted in row.fault and not row.values
        else:
            assert (row.values, row.fault) == (wanted, "")


@pytest.mark.parametrize("closed", [True, False])
def test_a_huge_field_is_refused_and_the_rest_is_read(closed: bool) -> None:
    huge = b"x" * 3_000_000
    content = b'a,b\n1,2\n"' + huge + (b'"' if closed else b"") + b",2\n3,4\n"
    _, rows = rows_of(content, size=65_536)
    assert [(r.line, bool(r.fault)) for r in rows] == [(2, False), (3, True), (4, False)]


def test_a_file_that_is_one_line_without_end_does_not_fill_memory() -> None:
    given = 0

    def piece(n: int) -> bytes:
        nonlocal given
        given += 1
        return b"x" * 65_536 if n < 800 else b""  # 50 MB

    with pytest.raises(Invalid, match="no header"):
        read_rows(Pieces(piece), Shape())
    assert given > 800
    _, rows = read_rows(Pieces(piece), Shape(header=False))
    assert [bool(r.fault) for r in rows] == [True]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04...", "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0...", "Excel workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"),
        (bytes(range(256)) * 9, "not a text"),
    ],
)
def test_what_is_no_table_says_what_to_do(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        detect_shape(content)


def test_the_encoding_is_seen_where_the_first_odd_letter_comes_late() -> None:
    plain = b"a,b\n" + b"x,1\n" * 100
    assert detect_shape(plain, "zoë".encode()).encoding == "utf-8"
    assert detect_shape(plain, "zoë".encode("cp1252")).encoding == "cp1252"


def test_every_column_has_a_name_of_its_own() -> None:
    chance = random.Random(7)
    for _ in range(300):
        header = [chance.choice(("", "a", "a_2", "a_3", "column_1", " a ")) for _ in range(chance.randint(1, 8))]
        names = column_names(header)
        assert len(set(names)) == len(header) and all(names)
