"""The letter says what the document says, in its language, and a name in it is a name."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from counterfoil.exports.letter import letter
from tests.exports.sample_documents import HOSTILE, credit_note, hostile_invoice, invoice, yen_invoice

URL = "https://billing.example/i/1/2?k=a&b"


class Text(HTMLParser):
    """The words of a page, its links and the elements it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for key, value in attrs if key in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(html: str) -> Text:
    found = Text()
    found.feed(html)
    return found


@pytest.mark.parametrize(
    ("language", "subject", "says"),
    [
        ("en", "Invoice DE-INV-000123 from Northwind Field Services", ("€1,178.00", "May 1, 2026", "PO-88213")),
        ("de", "Rechnung DE-INV-000123 von Northwind Field Services", ("1.178,00\xa0€", "01.05.2026", "Zahlbetrag")),
        ("fr", "Facture DE-INV-000123 de Northwind Field Services", ("1\u202f178,00\xa0€", "Bonjour")),
        ("es", "Factura DE-INV-000123 de Northwind Field Services", ("1.178,00\xa0€", "Importe a pagar")),
        ("ja", "Invoice DE-INV-000123 from Northwind Field Services", ("Amount due",)),
    ],
)
def test_what_is_due_and_when_is_in_text_and_html_alike(language: str, subject: str, says: tuple[str, ...]) -> None:
    said = letter(invoice(language), url=URL)
    page = read(said.html)
    assert said.subject == subject
    for words in (*says, "DE-INV-000123"):
        assert words in said.text and words in "\n".join(page.words), words
    assert URL in said.text and page.links == [URL]


def test_a_credit_note_asks_for_no_money() -> None:
    said = letter(credit_note(), url=URL)
    assert "No payment is needed" in said.text and "Due date" not in said.text and "Amount credited: €26.41" in said.text


@pytest.mark.parametrize("text", [*HOSTILE, "a\r\nBcc: x@y.z", "a\x00b\u2028c"])
def test_a_hostile_name_neither_leaves_its_line_nor_becomes_an_element(text: str) -> None:
    said = letter(hostile_invoice(text), url=URL, test_for=(text,))
    assert not set(said.subject) & set("\r\n\x00\u2028\u2029\u202e\u2066")
    page = read(said.html)
    assert page.tags <= {"html", "head", "meta", "title", "body", "div", "p", "table", "tr", "td", "a", "br"}
    assert page.links == [URL]
    assert "\r" not in said.text and "\nBcc" not in said.text


def test_a_currency_without_cents_has_none() -> None:
    assert "135,802" in letter(yen_invoice(), url=URL).text and "135,802.00" not in letter(yen_invoice(), url=URL).text
