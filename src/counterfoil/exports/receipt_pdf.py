"""A receipt as PDF/A-3a, the same bytes for the same receipt.

Nothing of a receipt is ever part of the template's code: it goes in as one JSON text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import typst

from counterfoil.core.invoicing.layout import STANDARD, Layout
from counterfoil.core.receipts.payment import PaymentReceipt
from counterfoil.exports import fonts
from counterfoil.exports.pdf import Attachment, attached, compiler, mapped, qr_svg
from counterfoil.exports.receipt_view import receipt_view
from counterfoil.flows.sealed_receipts import Receipt

_TEMPLATE = Path(__file__).parent / "templates" / "receipt.typ"


def receipt_pdf(
    receipt: Receipt,
    *,
    url: str,
    language: str = "en",
    attachments: Sequence[Attachment] = (),
    layout: Layout = STANDARD,
    is_draft: bool = False,
) -> bytes:
    """The receipt as PDF/A-3a, tagged. Its creation date is the instant of its seal (of a draft: of its figures; of a
    payment: when it came in), so bytes depend on nothing else.

    `url` is printed as a QR code and as a link; "" leaves both out. Attachments need names of their own. Characters
    without a glyph in our fonts show as a white square.
    """
    view = msgspec.to_builtins(receipt_view(receipt, language=language, layout=layout, is_draft=is_draft))
    logo = view["layout"].pop("logo")
    shown = mapped({**view, "url": url}, fonts.showable)
    inputs = {
        "receipt": msgspec.json.encode(shown).decode(),
        "logo": logo,
        "qr": qr_svg(url) if url else "",
        "attachments": msgspec.json.encode(attached(attachments)).decode(),
    }
    stamp = _stamp(receipt, is_draft)
    try:
        return _typeset(inputs, stamp)
    except typst.TypstError as error:
        # Each character has a glyph, yet a letter and its accents may have them in different fonts only.
        if "could not be displayed" not in error.message:
            raise
    return _typeset({**inputs, "receipt": msgspec.json.encode(mapped(shown, fonts.plainest)).decode()}, stamp)


def _typeset(inputs: dict[str, str], stamp: datetime) -> bytes:
    pdf = compiler(_TEMPLATE).compile(format="pdf", sys_inputs=inputs, pdf_standards=["a-3a"], timestamp=stamp)
    assert isinstance(pdf, bytes), "a PDF is one file"
    return pdf


def _stamp(receipt: Receipt, is_draft: bool) -> datetime:
    if isinstance(receipt, PaymentReceipt):
        at = receipt.issued_at
    else:
        at = receipt.generated_at if is_draft and hasattr(receipt, "generated_at") else receipt.sealed_at
    return at.astimezone(UTC).replace(microsecond=0)
