"""The letter that a document goes out with: subject, text and the same as HTML, in the document's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape

from counterfoil.core.invoicing.document import Document
from counterfoil.core.receipts.payment import PaymentReceipt
from counterfoil.exports.local import Local, local_for

_UNSEEN = dict.fromkeys(
    [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029], " "
)
"""Control characters and direction overrides: no name needs them, and headers are broken with them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in a mail. `subject` is one line; `html` says the same as `text`."""

    subject: str
    text: str
    html: str


def letter(
    document: Document,
    *,
    url: str,
    usage: int | None = None,
    usage_attached: bool = True,
    test_for: tuple[str, ...] = (),
) -> Letter:
    """The letter of a document. `url` leads to its hosted page.

    `usage`: how many events its log has, when the customer wants the log; `usage_attached` tells whether it is attached
    or too long for a mail. `test_for`: the addresses that a mail of a test tenant would have gone to.
    """
    local = local_for(document.language)
    number, seller = _plain(document.number), _plain(document.seller.name)
    title = local.word(document.kind)
    subject = local.word("mail_subject", title=title, number=number, seller=seller)
    said = [local.word("mail_hello"), local.word(f"mail_{document.kind}", number=number, seller=seller)]
    if usage is not None:
        count = local.number(Decimal(usage))
        said.append(local.word("mail_usage") if usage_attached else local.word("mail_usage_online", n=count))
    test = local.word("mail_test", to=", ".join(map(_plain, test_for))) if test_for else ""
    facts = _facts(document, local)
    return Letter(
        subject=f"[Test] {subject}" if test_for else subject,
        text=_text(local, test, said, facts, url, seller, local.word("mail_online")),
        html=_html(local, subject, test, said, facts, url, seller, local.word("mail_online")),
    )


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A document that asks for money: `open_minor` is what is left of it."""

    number: str
    due_on: date
    currency: str
    open_minor: int


def reminder(
    document: Document, stage: str, items: Sequence[OpenItem], *, url: str, test_for: tuple[str, ...] = ()
) -> Letter:
    """The letter that asks for money. `stage`: upcoming, first, second, final or card, about one document; campaign, about all
    `items`, with their sum in each currency. `url` leads to the hosted page of `document`, where it is paid."""
    local = local_for(document.language)
    seller = _plain(document.seller.name)
    names = {
        "title": local.word(document.kind), "number": _plain(document.number), "seller": seller,
        "due": local.date(document.due_on), "n": local.number(Decimal(len(items))),
    }
    subject = local.word(f"remind_subject_{stage}", **names)
    if stage == "campaign":
        facts = [
            (local.word("remind_row", number=_plain(x.number), due=local.date(x.due_on)), local.money(x.open_minor, x.currency))
            for x in items
        ]
        sums: dict[str, int] = {}
        for x in items:
            sums[x.currency] = sums.get(x.currency, 0) + x.open_minor
        facts += [(local.word("remind_sum", currency=c), local.money(minor, c)) for c, minor in sums.items()]
    else:
        facts = [*_facts(document, local)]
        if items[0].open_minor != document.total_minor:
            facts.append((local.word("remind_open"), local.money(items[0].open_minor, items[0].currency)))
    said = [local.word("mail_hello"), local.word(f"remind_{stage}", **names)]
    test = local.word("mail_test", to=", ".join(map(_plain, test_for))) if test_for else ""
    online = local.word("remind_online")
    return Letter(
        subject=f"[Test] {subject}" if test_for else subject,
        text=_text(local, test, said, tuple(facts), url, seller, online),
        html=_html(local, subject, test, said, tuple(facts), url, seller, online),
    )


def confirmation(
    document: Document, receipt: PaymentReceipt, *, url: str, test_for: tuple[str, ...] = ()
) -> Letter:
    """The letter that says that money came in. `url` leads to the hosted page of `document`, which it settles."""
    local = local_for(document.language)
    seller = _plain(document.seller.name)
    paid = local.money(receipt.amount_minor, receipt.currency)
    subject = local.word("confirm_subject", number=_plain(receipt.number), seller=seller)
    said = [local.word("mail_hello"), local.word("confirm_received", amount=paid, seller=seller)]
    facts = [(_plain(d.number), local.money(d.amount_minor, receipt.currency)) for d in receipt.documents[:50]]
    left = receipt.amount_minor - sum(d.amount_minor for d in receipt.documents)
    if left and receipt.documents:
        facts.append((local.word("confirm_left"), local.money(left, receipt.currency)))
    facts.append((local.word("confirm_sum"), paid))
    test = local.word("mail_test", to=", ".join(map(_plain, test_for))) if test_for else ""
    online = local.word("mail_online")
    return Letter(
        subject=f"[Test] {subject}" if test_for else subject,
        text=_text(local, test, said, tuple(facts), url, seller, online),
        html=_html(local, subject, test, said, tuple(facts), url, seller, online),
    )


def _facts(document: Document, local: Local) -> tuple[tuple[str, str], ...]:
    rows = [
        (local.word("number"), _plain(document.number)),
        (local.word("issued_on"), local.date(document.issued_on)),
        (local.word(f"due_{document.kind}"), local.money(document.total_minor, document.currency)),
    ]
    if document.kind != "CREDIT" and document.total_minor > 0:
        rows.append((local.word("due_on"), local.date(document.due_on)))
    if document.po_number:
        rows.append((local.word("po_number"), _plain(document.po_number)))
    return tuple(rows)


def _text(
    local: Local, test: str, said: list[str], facts: tuple[tuple[str, str], ...], url: str, seller: str, online: str
) -> str:
    rows = [f"{label}: {value}" for label, value in facts]
    blocks = [test, said[0], *said[1:], "\n".join(rows), f"{online}\n{url}" if url else "",
              f"{local.word('mail_regards')}\n{seller}"]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _html(
    local: Local, subject: str, test: str, said: list[str], facts: tuple[tuple[str, str], ...], url: str, seller: str,
    online: str,
) -> str:
    """Tables and inline styles, as mail programs want them; no picture, nothing from elsewhere, nothing that tracks."""
    rows = "".join(
        f'<tr><td style="padding:4px 24px 4px 0;color:#566270">{escape(label)}</td>'
        f'<td style="padding:4px 0;text-align:right;font-weight:600">{escape(value)}</td></tr>'
        for label, value in facts
    )
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in said)
    notice = f'<p style="padding:8px 12px;background:#fff3cd">{escape(test)}</p>' if test else ""
    button = (
        f"<p>{escape(online)}</p>" f'<p><a href="{escape(url)}" style="display:inline-block;'
        'padding:10px 18px;background:#1d4f7c;color:#ffffff;text-decoration:none;border-radius:4px">'
        f'{escape(local.word("mail_open"))}</a></p>'
        if url else ""
    )
    language = str(local.locale).replace("_", "-")
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8"><title>{escape(subject)}</title>'
        '</head><body style="margin:0;padding:24px;background:#f3f5f8;color:#16202c;'
        "font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">"
        '<div style="max-width:560px;margin:0 auto;padding:24px 28px;background:#ffffff;border-radius:6px">\n'
        f'{notice}{paragraphs}\n<table role="presentation" style="border-collapse:collapse;margin:16px 0">{rows}'
        "</table>\n"
        f"{button}\n<p>{escape(local.word('mail_regards'))}<br>{escape(seller)}</p>\n</div></body></html>\n"
    )


def _plain(text: str) -> str:
    """A name as one line, without what could end a header or turn text around."""
    return " ".join(text.translate(_UNSEEN).split())
