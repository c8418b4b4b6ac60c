"""An invoice, credit note or debit note as PDF/A-3b, the same bytes for the same document.

Nothing of a document is ever part of the template's code: it goes in as one JSON text.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import groupby
from pathlib import Path
from typing import Literal

import msgspec
import segno
import typst

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.layout import STANDARD, Layout
from counterfoil.exports import fonts
from counterfoil.exports.view import NO_NUMBERS, Ways, document_view

Relationship = Literal["source", "data", "alternative", "supplement"]
_TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"
_MANY_LINES = 60
_QR_MASK = 3
"""Any mask can be read. Fixing one saves rating all eight, which took longer than typesetting the page."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF, such as the sealed record. `relationship` is the AFRelationship of ISO 32000-2 §7.11.3."""

    name: str
    data: bytes
    mime_type: str = "application/json"
    description: str = ""
    relationship: Relationship = "data"


def invoice_pdf(
    document: Document,
    *,
    hosted_url: str,
    attachments: Sequence[Attachment] = (),
    numbers: Mapping[Ref, str] = NO_NUMBERS,
    layout: Layout = STANDARD,
    ways: Ways = (),
) -> bytes:
    """The document as PDF/A-3b. The creation date is midnight UTC of the issue date, so bytes depend on nothing else.

    `hosted_url` is printed as a QR code and as a link; "" leaves both out. `numbers`: the numbers of documents that it
    refers to; `layout`: what is shown, and how; `ways`: where it can be paid. Attachments need names of their own.
    Characters without a glyph in our fonts show as a white square.
    """
    inputs = invoice_inputs(
        document, hosted_url=hosted_url, attachments=attachments, numbers=numbers, layout=layout, ways=ways
    )
    try:
        return typeset(inputs, document)
    except typst.TypstError as error:
        # Each character has a glyph, yet a letter and its accents may have them in different fonts only.
        if "could not be displayed" not in error.message:
            raise
    values = msgspec.json.decode(inputs["document"])
    return typeset({**inputs, "document": msgspec.json.encode(mapped(values, fonts.plainest)).decode()}, document)


def invoice_inputs(
    document: Document,
    *,
    hosted_url: str,
    attachments: Sequence[Attachment] = (),
    numbers: Mapping[Ref, str] = NO_NUMBERS,
    layout: Layout = STANDARD,
    ways: Ways = (),
) -> dict[str, str]:
    """What the template reads: texts only, as `typeset` takes them."""
    view = msgspec.to_builtins(document_view(document, numbers=numbers, layout=layout, ways=ways))
    logo = view["layout"].pop("logo")
    shown = mapped({**view, "url": hosted_url}, fonts.showable)
    return {
        "document": msgspec.json.encode(shown).decode(),
        "logo": logo,
        "qr": qr_svg(hosted_url) if hosted_url else "",
        "attachments": msgspec.json.encode(attached(attachments)).decode(),
    }


def typeset(inputs: dict[str, str], document: Document) -> bytes:
    """The bare typst step: inputs to bytes."""
    stamp = datetime.combine(document.issued_on, time.min, UTC)
    pdf = compiler(_TEMPLATE).compile(format="pdf", sys_inputs=inputs, pdf_standards=["a-3b"], timestamp=stamp)
    assert isinstance(pdf, bytes), "a PDF is one file"
    if len(document.lines) > _MANY_LINES:
        _forget()
    return pdf


def _forget() -> None:
    """Let typst drop what it remembers of a long document, some 160 KB a line.

    It keeps layouts until they went unused for ten compilations, so that ten long invoices in a row would hold
    gigabytes; ten compilations of nothing take less than a millisecond.
    """
    nothing = typst.Compiler(b"", font_paths=fonts.fonts(), ignore_system_fonts=True)
    for _ in range(11):
        nothing.compile(b"", format="svg")


class _Compilers(threading.local):
    """Compilers for each thread: they keep inputs between calls, and parsing a template again costs a third."""

    def __init__(self) -> None:
        self.by_template: dict[Path, typst.Compiler] = {}


_compilers = _Compilers()


def compiler(template: Path) -> typst.Compiler:
    """This thread's compiler of a template."""
    found = _compilers.by_template.get(template)
    if found is None:
        found = typst.Compiler(template, root=template.parent, font_paths=fonts.fonts(), ignore_system_fonts=True)
        _compilers.by_template[template] = found
    return found


def mapped(value: object, change: object) -> object:
    """`value` with every text changed; keys are ours and stay."""
    if isinstance(value, str):
        return change(value)  # type: ignore[operator]
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mapped(item, change) for item in value]
    return value


def qr_svg(url: str) -> str:
    """The code as SVG without a border, one unit a module, a rectangle for each run of dark modules."""
    matrix = segno.make_qr(url, error="m", mask=_QR_MASK, boost_error=False).matrix
    runs = []
    for y, row in enumerate(matrix):
        x = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                runs.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    size = len(matrix)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"><path d="{"".join(runs)}"/></svg>'


def attached(attachments: Sequence[Attachment]) -> list[dict[str, object]]:
    """Attachments as a template reads them; Invalid for a name that is not a plain one, or is there twice."""
    names = [a.name for a in attachments]
    if len(set(names)) < len(names):
        raise Invalid.field("attachments", "two attachments have the same name")
    rows: list[dict[str, object]] = []
    for a in attachments:
        if not a.name or "/" in a.name or "\\" in a.name or a.name.startswith("."):
            raise Invalid.field("attachments", f"{a.name!r} is not a plain file name")
        try:
            content: object = a.data.decode()
        except UnicodeDecodeError:
            content = list(a.data)
        rows.append({
            "name": a.name, "content": content, "mime": a.mime_type, "description": a.description or a.name,
            "relationship": a.relationship,
        })
    return rows
