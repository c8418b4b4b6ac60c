"""Import usage from files, in chunks: each chunk is one transaction, and running it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

from counterfoil.core.basis.refusals import Problem
from counterfoil.flows.record_usage import Refused, Report, UsageTx, record_usage
from counterfoil.flows.usage_catalogue import Catalogue, CatalogueTx, read_catalogue
from counterfoil.flows.usage_reports import report_from_values

CHUNK = 5000
"""Rows of one transaction."""


class ImportTx(UsageTx, CatalogueTx, Protocol):
    """What an import needs of the store."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: its line number (from 1), its values or why there are none, its text as it stands there."""

    number: int
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken: where it stands, why, and its text."""

    line: int
    code: str
    problems: tuple[Problem, ...]
    raw: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows so far."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


OpenTx = Callable[[], AbstractContextManager[ImportTx]]


def import_usage(
    open_tx: OpenTx,
    source: Iterable[Line | Mapping[str, Any]],
    progress: Callable[[ImportReport], None] = lambda report: None,
    reject: Callable[[Reject], None] = lambda reject: None,
    *,
    name: str = "",
    chunk: int = CHUNK,
) -> ImportReport:
    """Record every row of `source` that is well; give the others to `reject`, and how far it is to `progress`.

    A row without a key gets one from `name` (say, the file's) and its line number, so that an import that was broken
    off is simply run again. Without a name such a row is refused, for nothing could tell it from its repetition.
    """
    done = ImportReport()
    known: Catalogue | None = None
    lines = (row if isinstance(row, Line) else Line(n, row) for n, row in enumerate(source, 1))
    while some := list(islice(lines, chunk)):
        reports: list[Report] = []
        taken: list[Line] = []
        rejects: list[Reject] = []
        for line, read in _read(some, name):
            if isinstance(read, Report):
                reports.append(read)
                taken.append(line)
            else:
                rejects.append(Reject(line.number, *read, line.raw))
        with open_tx() as tx:
            known = read_catalogue(tx, known)
            answers = record_usage(tx, reports, known)
        for line, answer in zip(taken, answers, strict=True):
            if answer.status == "refused":
                rejects.append(Reject(line.number, answer.code, answer.problems, line.raw))
        for each in sorted(rejects, key=lambda r: r.line):
            reject(each)
        statuses = [answer.status for answer in answers]
        done = replace(
            done,
            rows=done.rows + len(some),
            accepted=done.accepted + statuses.count("accepted"),
            duplicates=done.duplicates + statuses.count("duplicate"),
            refused=done.refused + len(rejects),
        )
        progress(done)
    return done


def _read(lines: list[Line], name: str) -> Iterator[tuple[Line, Report | Refused]]:
    for line in lines:
        if line.fault:
            yield line, ("usage.malformed", (Problem("", line.fault),))
            continue
        read = report_from_values(line.values)
        if isinstance(read, Report) and not read.key:
            if not name:
                yield line, ("usage.invalid", (Problem("key", "is required: an import may be run again"),))
                continue
            read.key = f"{name}#{line.number}"
        yield line, read
