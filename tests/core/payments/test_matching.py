"""Matching: what is certain is never wrong on lines as people write them, and every suggestion is sound arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.payments.creditor_reference import reference_of
from counterfoil.core.payments.matching import Suggestion, suggest
from counterfoil.core.payments.open_book import Book, Incoming, OpenItem
from counterfoil.core.payments.remittance import mentioned, name_words, neighbours, number_keys
from tests.core.payments.labelled_lines import Labelled, World

GLOBEX, INITECH = derived_ref("c", 1), derived_ref("c", 2)
PAID_FROM = "DE89370400440532013000"


def item(n: int, minor: int, customer: Ref = GLOBEX, currency: str = "EUR") -> OpenItem:
    return OpenItem(derived_ref("d", n), f"JFK-INV-{n:06}", customer, currency, minor, n)


def book(*items: OpenItem, payers: dict[str, frozenset[Ref]] | None = None) -> Book:
    made = Book(payers=payers or {})
    for i in items:
        made.add(i)
    made.name(GLOBEX, "Globex GmbH", "Globex Holding GmbH")
    made.name(INITECH, "Initech Ltd")
    return made


def first(line: Incoming, of: Book) -> Suggestion:
    return suggest(line, of)[0]


def paying(text: str, minor: int = 10000, **more: object) -> Incoming:
    return replace(Incoming(minor, "EUR", (text,)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "JFK-INV-000122", "jfk-inv-000122", "JFKINV000122", "jfk inv 122", "JFK INV122", "JFK/INV/000122",
        "Re. Nr.: JFK_INV_000122 v. 3.2.", "JFK-INV-000 122", "JFK-INV-0001 22 danke", "für JFK–INV–000122!",
        "JFK-INV-000122JFK-INV-000122", "ＪＦＫ－ＩＮＶ－０００１２２",
    ],
)  # fmt: skip
def test_a_number_is_found_in_any_spelling(text: str) -> None:
    found = first(paying(text), book(item(122, 10000), item(45, 10000)))
    assert found.certain and found.parts == ((derived_ref("d", 122), 10000),), found.why


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("JFK-INV-0001", "cut off"),
        ("Sammelzahlung laut Avis: JFK-INV-12", "cut off"),
        ("JFK-INV-000123", "one slip away"),
    ],
)
def test_a_number_that_may_be_anothers_is_not_certain(text: str, doubt: str) -> None:
    of = book(item(1, 10000), item(12, 10000), item(122, 10000, INITECH), item(123, 10000))
    found = first(paying(text), of)
    assert not found.certain and doubt in " ".join(found.why)


def test_who_is_known_to_pay_makes_a_near_number_of_another_harmless() -> None:
    of = book(item(122, 10000), item(123, 10000, INITECH), payers={PAID_FROM: frozenset((GLOBEX,))})
    assert first(paying("JFK-INV-000122", party_account=PAID_FROM), of).certain
    assert first(paying("JFK-INV-000122", party_name="GLOBEX HOLDING"), of).certain
    assert not first(paying("JFK-INV-000122"), of).certain


def test_check_digits_rule_a_slip_out() -> None:
    of = book(item(122, 10000), item(123, 10000, INITECH))
    good = reference_of(item(122, 0).ref, "JFK-INV-000122")
    assert first(paying("", structured=(good,)), of).certain
    wrong = good[:-1] + "3"
    assert not any(s.certain for s in suggest(paying("", structured=(wrong,)), of))


@pytest.mark.parametrize(
    ("minor", "rule", "parts", "fee", "rest"),
    [
        (10000, "reference", 10000, 0, 0), (9970, "short_fee", 10000, 30, 0), (9700, "short_fee", 10000, 300, 0),
        (5000, "part", 5000, 0, 0), (10020, "over", 10000, 0, 20), (15000, "over", 10000, 0, 5000),
    ],
)  # fmt: skip
def test_amounts_beside_the_reference(minor: int, rule: str, parts: int, fee: int, rest: int) -> None:
    found = first(paying("JFK-INV-000122", minor), book(item(122, 10000)))
    assert (found.rule, sum(m for _r, m in found.parts), found.fee_minor, found.rest_minor) == (rule, parts, fee, rest)
    assert found.certain == (rule == "reference")


def test_a_bare_number_is_certain_only_of_a_known_payer() -> None:
    of = book(item(122, 10000))
    assert first(paying("Rechnung 122", party_name="Globex GmbH"), of).certain
    assert not first(paying("Rechnung 122"), of).certain
    assert not first(paying("Rechnung 22", party_name="Globex GmbH"), book(item(22, 10000))).certain, "too short"


def test_documents_of_a_known_payer_that_add_up() -> None:
    of = book(item(1, 100), item(2, 250), item(3, 777))
    found = first(paying("see advice", 350, party_name="Globex"), of)
    assert found.rule == "sum" and not found.certain and len(found.parts) == 2


def test_nothing_known_is_no_suggestion() -> None:
    assert suggest(paying("tax refund", 4711), book(item(1, 100))) == []


ITEMS = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([100, 200, 250, 9900]), st.sampled_from([GLOBEX, INITECH])),
                 unique_by=lambda x: x[0], max_size=12)  # fmt: skip


@given(ITEMS, st.integers(1, 20_000), st.lists(st.integers(0, 400), max_size=4), st.sampled_from(["", "Globex", "Initech"]),
       st.integers(0, 300))
def test_every_suggestion_pays_out_to_the_cent_and_no_document_twice(
    items: list[tuple[int, int, Ref]], minor: int, named: list[int], name: str, charges: int
) -> None:
    of = book(*(item(*i) for i in items))
    line = Incoming(minor, "EUR", (" ".join(f"JFK-INV-{n:06}" for n in named),), (), name, "", charges)
    for s in suggest(line, of):
        refs = [ref for ref, _minor in s.parts]
        assert len(set(refs)) == len(refs) and all(0 < m <= of.left[r] for r, m in s.parts)
        assert 0 <= s.confidence <= 1 and s.why
        if s.parts:
            assert sum(m for _r, m in s.parts) + s.rest_minor == minor + s.fee_minor
            assert not s.rest_minor or s.customer_ref


@given(st.integers(1, 999_999))
def test_no_number_is_its_own_neighbour(n: int) -> None:
    key = number_keys(f"A-INV-{n:06}")[0]
    assert key not in set(neighbours(key))


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    of = book(item(122, 100))
    assert set(mentioned([text], of.by_key).keys) <= set(of.by_key)
    name_words(text)


def run(world: World) -> Iterator[tuple[Labelled, list[Suggestion]]]:
    """Every line with what is suggested; what is certain is taken off, what is not stays open."""
    of = world.book()
    for labelled in world.lines():
        found = suggest(labelled.line, of)
        if found and found[0].certain:
            of.take(found[0].parts)
        yield labelled, found


def test_what_posts_by_itself_is_right_on_lines_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    tally: Counter[str] = Counter()
    wrong = []
    for seed in range(5):
        for labelled, found in run(World(seed, customers=200, documents=2000)):
            truth = tuple(sorted(labelled.pays))
            tally["lines"] += bool(truth)
            if found and found[0].certain:
                good = tuple(sorted(found[0].parts)) == truth
                tally["posted"] += good
                wrong += [] if good else [(labelled, found[0])]
            elif found and truth and tuple(sorted(found[0].parts)) == truth:
                tally["first suggestion"] += 1
    posted, first_ones, lines = tally["posted"], tally["first suggestion"], tally["lines"]
    with capsys.disabled():
        print(f"\nmatching {lines} labelled lines: precision of postings {posted}/{posted + len(wrong)}, "
              f"recall {Decimal(posted * 100) / lines:.1f} %, with first suggestions "
              f"{Decimal((posted + first_ones) * 100) / lines:.1f} %")
    assert not wrong, wrong[:3]
    assert posted * 100 >= lines * 55 and (posted + first_ones) * 100 >= lines * 85
