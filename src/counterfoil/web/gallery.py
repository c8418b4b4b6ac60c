"""The gallery: each way to embed a receipt, live, with what to copy."""

from __future__ import annotations

from counterfoil.web.invoice_page import environment

KINDS = ("balance_receipt", "value_receipt")
"""What has links that anybody may open."""


def gallery_page(*, asked: str, base: str, noun: str = "", own: str = "", framed: bool = False) -> str:
    """The gallery of a receipt, or, without one (`noun` is ""), a field to name it. `own`: the origin at which it is seen;
    `framed`: whether that may frame the receipt. `asked` that names nothing public is said to be unknown."""
    is_balance = noun != "value_receipt"
    at = f"/receipt/{asked}" if is_balance else f"/public/value-receipts/{asked}"
    return environment().get_template("gallery.html").render(
        asked=asked, found=bool(noun), is_balance=is_balance, base=base, own=own, framed=framed, at=at,
        data=data_path(asked, noun), pdf=f"/api/v1/receipt/{asked}.pdf" if is_balance else f"{at}/receipt.pdf",
        embed=at if is_balance else f"{at}?mode=embed&parent_origin={own}",
    )


def app_page(*, receipt: str, invoice: str, noun: str) -> str:
    """A page such as an application of your own would have for the receipt of an invoice."""
    return environment().get_template("gallery_app.html").render(
        receipt=receipt, invoice=invoice, data=data_path(receipt, noun)
    )


def data_path(receipt: str, noun: str) -> str:
    """Where the public JSON of a receipt is."""
    return f"/api/public/value-receipts/{receipt}" if noun == "value_receipt" else f"/api/v1/receipt/{receipt}"
