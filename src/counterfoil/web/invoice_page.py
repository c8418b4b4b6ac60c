"""Pages about documents: the hosted invoice with its proof, the list of documents, errors, and the way in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.invoicing.document import Document, DocumentKind
from counterfoil.core.invoicing.layout import STANDARD, Layout
from counterfoil.exports.local import local_for
from counterfoil.exports.view import NO_NUMBERS, Ways, document_view
from counterfoil.web.assets import asset_url


@dataclass(frozen=True, slots=True)
class InvoiceLinks:
    """Where the files of a document are; "" for one that does not exist.

    `trusted_keys`: verifier keys of the tenant's log (`name+id+key`), as the tenant publishes them. `pay`: where `pay_minor` is
    paid online; `receipt`: the page of the last payment; `under_way`: money is on its way.
    """

    pdf: str
    usage_csv: str = ""
    bundle: str = ""
    trusted_keys: tuple[str, ...] = ()
    pay: str = ""
    receipt: str = ""
    pay_minor: int = 0
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One row of the list of documents. `href` is its hosted page."""

    href: str
    number: str
    kind: DocumentKind
    buyer: str
    issued_on: date
    due_on: date
    total_minor: int
    currency: str
    state: str


_PAGE_WORDS = (
    "downloads", "pay_receipt", "get_pdf", "get_usage", "get_bundle", "proof", "proof_intro", "proof_key", "proof_running",
    "proof_ok", "proof_bad", "proof_failed", "proof_later", "proof_script", "not_proved", "passed", "failed", "again", "checks",
    "web_crypto",
)
_OVERRIDES = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
SCRIPT_WORDS = (
    "proof_running", "proof_ok", "proof_bad", "proof_failed", "not_proved", "passed", "failed", "checks", "web_crypto",
)


def invoice_page(
    document: Document, state: str, links: InvoiceLinks, *, numbers: Mapping[Ref, str] = NO_NUMBERS,
    layout: Layout = STANDARD, ways: Ways = (),
) -> str:
    """The hosted page of a document: all that its PDF says, its files, and its proof, checked by the reader's browser.

    `state` is a word of the wire (SENT, LATE, PAID, ...), shown in the document's language. `layout` chooses
    columns, rows, titles and dates as in the PDF, and the footer; accent and logo are the PDF's alone.
    """
    local = local_for(document.language, layout.date_style)
    words = {key: local.word(key) for key in _PAGE_WORDS}
    due = "" if document.kind == "CREDIT" else local.word("due_by", due=local.date(document.due_on))
    return environment().get_template("invoice.html").render(
        view=document_view(document, numbers=numbers, layout=layout, ways=ways),
        words=words,
        state=_state(state, document.language),
        state_class=state.lower().replace("_", "-"),
        due_by=due if document.total_minor > 0 and state not in ("PAID", "CANCELLED", "WRITTEN_OFF") else "",
        links=links,
        pay_word=local.word("pay_open", amount=local.money(links.pay_minor, document.currency)) if links.pay else "",
        paying=local.word("pay_under_way") if links.under_way else "",
        trusted_keys=json.dumps(links.trusted_keys),
        shown=json.dumps(_shown(document)),
        script_words=json.dumps({key: words[key] for key in SCRIPT_WORDS}),
    )


def _shown(document: Document) -> dict[str, object]:
    """The fields that tie this page to its sealed record, as the record spells them (docs/formats/invoice.md)."""
    return {
        "document_ref": document.ref,
        "number": document.number,
        "currency": document.currency,
        "issued_on": document.issued_on.isoformat(),
        "due_on": document.due_on.isoformat(),
        "sub_total_minor": document.sub_total_minor,
        "total_discount_minor": document.total_discount_minor,
        "total_tax_minor": document.total_tax_minor,
        "credits_minor": document.credits_minor,
        "total_minor": document.total_minor,
        "lines": [line.amount_minor for line in document.lines],
    }


def documents_page(
    rows: Sequence[DocumentRow], next_cursor: str | None, *, title: str = "Documents", language: str = "en"
) -> str:
    """A tenant's documents, newest first as given; `next_cursor` leads to the rest."""
    local = local_for(language)
    shown = [
        {
            "href": row.href,
            "number": row.number or local.word("preview"),
            "kind": local.word(row.kind),
            "buyer": row.buyer,
            "issued_on": local.date(row.issued_on),
            "due_on": "" if row.kind == "CREDIT" else local.date(row.due_on),
            "total": local.money(row.total_minor, row.currency),
            "state": _state(row.state, language),
            "state_class": row.state.lower().replace("_", "-"),
        }
        for row in rows
    ]
    next_url = f"?cursor={quote(next_cursor, safe='')}" if next_cursor else ""
    return environment().get_template("documents.html").render(rows=shown, next_url=next_url, title=title)


def error_page(status: int, title: str, message: str, problems: Sequence[Problem] = ()) -> str:
    """What went wrong, in the words of the refusal, with the fields that it names."""
    return environment().get_template("error.html").render(
        status=status, title=title, message=message, problems=problems
    )


def landing_page(*, api_docs_url: str = "/docs", openapi_url: str = "/openapi.json", documents_url: str = "") -> str:
    """The page at `/`: what this is, and where the API, its description and the documents are."""
    return environment().get_template("landing.html").render(
        api_docs_url=api_docs_url, openapi_url=openapi_url, documents_url=documents_url
    )


def _state(state: str, language: str) -> str:
    local = local_for(language)
    word = f"state_{state}"
    return local.word(word) if local.has_word(word) else state.replace("_", " ").capitalize()


def _without_overrides(value: object) -> object:
    """Text without direction overrides, so that a name cannot turn the amount beside it around."""
    return value.translate(_OVERRIDES) if isinstance(value, str) else value


@cache
def environment() -> Environment:
    """The templates of all pages: everything that is filled in is escaped."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_without_overrides,
    )
    made.globals["asset_url"] = asset_url
    return made
