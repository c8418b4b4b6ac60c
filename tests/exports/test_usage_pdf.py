"""A usage log on paper: complete up to what a mail can carry, honest about the rest, and flat in memory."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.invoicing.document import Document
from counterfoil.core.usage.event import Event
from counterfoil.exports.usage_pdf import ROWS_ON_A_PAGE, usage_pdf
from tests.exports.sample_documents import HOSTILE, hostile_invoice, invoice

METER = derived_ref("meter")
URL = "https://billing.example/i/1?k=abc"


def event(n: int, **fields: object) -> Event:
    values = {"key": f"key-{n:06d}", "properties": {"tail": f"N{n}"}, "quantity": Decimal(n) / 4, **fields}
    at = datetime(2026, 3, 28, 22, tzinfo=UTC) + timedelta(minutes=n)
    return Event(ref=derived_ref("event", n), customer_ref=derived_ref("c"), usage_product_ref=METER, at=at, **values)  # type: ignore[arg-type]


def pages(events: list[Event], document: Document | None = None, **more: int) -> list[str]:
    total = more.pop("total", len(events))
    data = usage_pdf(document or invoice(), iter(events), total=total, names={METER: "API calls"}, url=URL, **more)
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def test_every_event_is_there_in_its_order_and_every_page_has_a_heading() -> None:
    found = pages([event(n) for n in range(300)])
    assert len(found) == -(-300 // ROWS_ON_A_PAGE)
    assert re.findall(r"key-\d{6}", "".join(found)) == [f"key-{n:06d}" for n in range(300)]
    assert all("Usage log" in page and "Reported as" in page and "300 events" in page for page in found)
    assert "complete log" not in "".join(found)


@pytest.mark.parametrize("count", [0, 1, ROWS_ON_A_PAGE, ROWS_ON_A_PAGE + 1])
def test_no_page_is_empty_and_none_runs_over(count: int) -> None:
    found = pages([event(n) for n in range(count)])
    assert len(found) == max(1, -(-count // ROWS_ON_A_PAGE))
    assert len(re.findall(r"key-\d{6}", "".join(found))) == count


def test_a_full_last_page_has_room_for_the_note_or_another_page() -> None:
    found = pages([event(n) for n in range(ROWS_ON_A_PAGE + 5)], max_rows=ROWS_ON_A_PAGE)
    assert "The first 66 of 71 events. The complete log is online:" in "".join(found)
    assert URL in "".join(found).replace("\n", "")
    assert len(re.findall(r"key-\d{6}", "".join(found))) == ROWS_ON_A_PAGE


def test_times_are_those_of_the_documents_zone_over_a_change_of_clocks() -> None:
    found = "".join(pages([event(0), event(180), event(240)]))  # Berlin skips 02:00 to 03:00 on 29 March
    assert "Time (Europe/Berlin)" in found
    for said in ("2026-03-28 23:00:00", "2026-03-29 03:00:00", "2026-03-29 04:00:00"):
        assert said in found


def test_it_speaks_the_language_of_the_document() -> None:
    found = "".join(pages([event(1, quantity=Decimal("1234.5"))], invoice("de"), total=5000))
    for said in ("Nutzungsprotokoll", "zu Rechnung DE-INV-000123", "5.000 Ereignisse", "1.234,5", "Menge", "Seite 1 von 1"):
        assert said in found


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_property_stays_in_its_row_and_runs_nothing(text: str) -> None:
    rows = [event(0), event(1, key=text, properties={text: text}), event(2)]
    found = "".join(pages(rows, hostile_invoice(text)))
    assert re.findall(r"key-\d{6}", found) == ["key-000000", "key-000002"]


@pytest.mark.parametrize(
    ("text", "shown"), [("a\nb", "a b"), ("a\r\nb", "a b"), ("a\u2028b", "a b"), ("a\x0bb", "ab")]
)
def test_an_end_of_line_in_a_text_does_not_shift_the_rows_below(text: str, shown: str) -> None:
    rows = [event(n, key=text if n == 1 else f"k{n}", properties={}) for n in range(4)]
    assert len(pages(rows)) == 1
    with_break, without = (
        usage_pdf(invoice(), r, total=4, names={}, url=URL)
        for r in (rows, [replace(r, key=r.key.replace(text, shown)) for r in rows])
    )
    assert with_break == without


def test_the_same_log_gives_the_same_bytes() -> None:
    rows = [event(n) for n in range(100)]
    first, second = (usage_pdf(invoice(), rows, total=100, names={METER: "x"}, url=URL) for _ in range(2))
    assert first == second


def test_ten_times_the_rows_do_not_take_ten_times_the_memory_and_millions_are_cut_off() -> None:
    code = (
        "from tests.exports.test_usage_pdf import *; import resource, itertools;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "draw = lambda n: usage_pdf(invoice(), map(event, itertools.count()), total=n, names={}, url=URL,"
        " max_rows=min(n, 10000));"
        "draw(1000); first = peak(); draw(10_000_000); draw(10_000_000); print((peak() - first) / 1024)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 160, "megabytes beyond those of a thousand rows"
