"""The page of a receipt, whole or as an embed, and what a private one shows of itself: nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.invoicing.layout import STANDARD, Layout
from counterfoil.core.receipts.balance import BalanceReceipt
from counterfoil.core.receipts.value import ValueReceipt
from counterfoil.exports.local import local_for
from counterfoil.exports.receipt_view import ReceiptView, receipt_view
from counterfoil.flows.sealed_receipts import Receipt
from counterfoil.web.assets import CONTENT_SECURITY_POLICY
from counterfoil.web.invoice_page import SCRIPT_WORDS, environment
from counterfoil.web.look import Look, look_of

_PAGE_WORDS = (
    "downloads", "get_pdf", "get_bundle", "proof", "proof_key", "proof_running", "proof_ok", "proof_bad", "proof_failed",
    "proof_later", "proof_script", "not_proved", "passed", "failed", "again", "checks", "web_crypto",
    "receipt_json", "receipt_verify",
    "receipt_proof_intro", "receipt_waiting", "receipt_link_to",
)


@dataclass(frozen=True, slots=True)
class ReceiptLinks:
    """Where the files of a receipt are; "" for one that does not exist. `permalink` is absolute."""

    permalink: str
    pdf: str = ""
    json: str = ""
    bundle: str = ""
    verify: str = ""
    trusted_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Embed:
    """How a page sits in a frame: the origin of the page around it ("" refuses the handshake), where its data are fetched
    with a token, and where the page around it gets a new one."""

    parent: str
    data: str = ""
    refresh: str = ""
    is_private: bool = False
    had_token: bool = False


def receipt_page(
    receipt: Receipt, links: ReceiptLinks, *, language: str, layout: Layout = STANDARD, tenant_ref: str = "",
    is_draft: bool = False, embed: Embed | None = None,
) -> str:
    """The page of a receipt: all that its PDF says, its files, and its proof, checked by the reader's browser."""
    local = local_for(language, layout.date_style)
    words = {key: local.word(key) for key in _PAGE_WORDS}
    return environment().get_template("receipt.html").render(
        view=receipt_view(receipt, language=language, layout=layout, is_draft=is_draft),
        links=links,
        words=words,
        look=look_of(layout, tenant_ref),
        embed=embed,
        trusted_keys=json.dumps(links.trusted_keys),
        shown=json.dumps(_shown(receipt)),
        script_words=json.dumps({key: words[key] for key in SCRIPT_WORDS}),
    )


def embed_shell(embed: Embed) -> str:
    """A frame that waits for a token: nothing of any receipt is in it."""
    return environment().get_template("embed.html").render(embed=embed, look=Look("", ""), words={
        "receipt_waiting": local_for("en").word("receipt_waiting"),
    })


def display_of(
    receipt: Receipt, *, language: str, layout: Layout = STANDARD, tenant_ref: str = "", is_draft: bool = False
) -> Mapping[str, Any]:
    """A receipt as finished text for who renders it elsewhere: what the page says, in the order in which it says it."""
    view = receipt_view(receipt, language=language, layout=layout, is_draft=is_draft)
    look = look_of(layout, tenant_ref)
    shown: dict[str, Any] = msgspec.to_builtins(_without_pictures(view))
    shown["layout"] = {"style": look.style, "logo": look.logo, "footer": shown["layout"]["footer"]}
    return shown


def _without_pictures(view: ReceiptView) -> ReceiptView:
    return replace(view, layout=replace(view.layout, logo=""))


def policy(frame_ancestors: Sequence[str] = (), *, forms: bool = False) -> str:
    """The Content-Security-Policy of a page that these origins may frame; `forms`: it posts to its own origin."""
    said = CONTENT_SECURITY_POLICY
    if frame_ancestors:
        said = said.replace("frame-ancestors 'none'", f"frame-ancestors {' '.join(frame_ancestors)}")
    return said.replace("form-action 'none'", "form-action 'self'") if forms else said


def _shown(receipt: Receipt) -> dict[str, object]:
    """The fields that tie this page to its sealed record, as the record spells them."""
    if isinstance(receipt, BalanceReceipt):
        return {
            "receipt_ref": receipt.ref, "unit": receipt.unit, "starting_balance": decimal_text(receipt.starting_balance),
            "ending_balance": decimal_text(receipt.ending_balance), "delta_count": receipt.delta_count,
            "root": receipt.root,
        }
    if isinstance(receipt, ValueReceipt):
        return {"receipt_ref": receipt.ref, "currency": receipt.currency, "total": decimal_text(receipt.total)}
    return {
        "receipt_ref": receipt.ref, "revision": receipt.revision, "number": receipt.number, "currency": receipt.currency,
        "amount_minor": receipt.amount_minor,
    }
