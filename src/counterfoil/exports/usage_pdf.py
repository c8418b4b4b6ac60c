"""The usage log of a document as PDF, for readers who want paper: in pages, and never more than a mail can carry.

Nothing of an event is ever part of the template's code: it goes in as one JSON text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import typst

from counterfoil.core.basis.ids import Ref
from counterfoil.core.invoicing.document import Document
from counterfoil.core.usage.event import Event
from counterfoil.exports import fonts
from counterfoil.exports.local import Local, local_for

MAX_ROWS = 10_000
"""Rows that are set: some 150 pages, a megabyte and a half, and less than 100 MB of memory while they are."""
ROWS_ON_A_PAGE = 66
_LONGEST = 160
"""Characters of a cell that are kept; what does not fit its column is cut off, and in the CSV."""
_MOST_QUANTITY = 19
_TEMPLATE = Path(__file__).parent / "templates" / "usage.typ"


def usage_pdf(
    document: Document,
    events: Iterable[Event],
    *,
    total: int,
    names: Mapping[Ref, str],
    url: str,
    max_rows: int = MAX_ROWS,
) -> bytes:
    """The log as PDF/A-2b: time (in the document's zone), what, quantity, key and properties of every event.

    `total` events there are; when they are more than `max_rows`, the first ones are shown, and a note says so and
    where (`url`) all of them are. `names`: of the usage products. Bytes depend on nothing else.
    """
    local = local_for(document.language)
    zone = ZoneInfo(document.time_zone)
    sheets: list[list[str]] = []
    source = iter(islice(events, max_rows))
    while rows := [_row(event, local, zone, names) for event in islice(source, ROWS_ON_A_PAGE)]:
        sheets.append(["\n".join(column) for column in zip(*rows, strict=True)])
    inputs = {"log": msgspec.json.encode(_log(document, local, sheets, total, min(total, max_rows), url)).decode()}
    try:
        return _typeset(inputs, document)
    except typst.TypstError as error:
        # Each character has a glyph, yet a letter and its accents may have them in different fonts only.
        if "could not be displayed" not in error.message:
            raise
    plain = [[fonts.plainest(column) for column in sheet] for sheet in sheets]
    log = _log(document, local, plain, total, min(total, max_rows), url)
    texts = {key: fonts.plainest(value) if isinstance(value, str) else value for key, value in log.items()}
    return _typeset({"log": msgspec.json.encode(texts).decode()}, document)


def _log(
    document: Document, local: Local, sheets: list[list[str]], total: int, shown: int, url: str
) -> dict[str, object]:
    def count(n: int) -> str:
        return local.number(Decimal(n))

    number = document.number or local.word("preview")
    return {
        "title": local.word("usage_log"),
        "number": _one_line(number),
        "of": _one_line(local.word("usage_to", title=local.word(document.kind), number=number)),
        "language": str(local.locale).replace("_", "-"),
        "seller": _one_line(document.seller.name),
        "buyer": _one_line(document.buyer.name),
        "period": local.period(document.period) if document.period else "",
        "count": local.word("usage_all", n=count(total)),
        "heads": [
            local.word("usage_at", zone=document.time_zone), local.word("usage_what"), local.word("quantity"),
            local.word("usage_key"), local.word("usage_details"),
        ],
        "sheets": sheets,
        "note": local.word("usage_some", shown=count(shown), n=count(total)) if shown < total else "",
        "url": url,
        "page": local.word("page", n="{n}", total="{total}"),
    }


def _row(event: Event, local: Local, zone: ZoneInfo, names: Mapping[Ref, str]) -> tuple[str, ...]:
    at = event.at.astimezone(zone)
    moment = f"{at:%Y-%m-%d %H:%M:%S}" + (f".{at.microsecond:06d}".rstrip("0") if at.microsecond else "")
    quantity = local.number(event.quantity)
    if len(quantity) > _MOST_QUANTITY:
        quantity = f"{quantity[: _MOST_QUANTITY - 1]}…"
    details = ", ".join(f"{key}={value}" for key, value in event.properties.items())
    return (
        moment, _one_line(names.get(event.usage_product_ref, event.usage_product_ref)), _one_line(quantity),
        _one_line(event.key), _one_line(details),
    )


def _one_line(text: str) -> str:
    """A text that cannot break out of its row: in one line, without an end of it, and not longer than can be seen."""
    shown = fonts.showable(text[:_LONGEST])
    return " ".join(shown.split()) or " "


def _typeset(inputs: dict[str, str], document: Document) -> bytes:
    """The bare typst step, with a compiler of its own: what it remembers of thousands of rows goes with it."""
    compiler = typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=fonts.fonts(), ignore_system_fonts=True)
    stamp = datetime.combine(document.issued_on, time.min, UTC)
    try:
        pdf = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=["a-2b"], timestamp=stamp)
    finally:
        forget()
    assert isinstance(pdf, bytes), "a PDF is one file"
    return pdf


def forget() -> None:
    """Let typst drop what it remembers; see `pdf._forget`, which does the same for long invoices."""
    nothing = typst.Compiler(b"", font_paths=fonts.fonts(), ignore_system_fonts=True)
    for _ in range(11):
        nothing.compile(b"", format="svg")
