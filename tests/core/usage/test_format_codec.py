"""Formats as JSON: they survive being stored, and one that cannot be meant is refused by field."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.format_codec import format_from_json, format_to_json
from counterfoil.core.usage.formats import (
    Format,
    Numbers,
    Sign,
    Skip,
    Source,
    Times,
)

FORMAT: dict[str, Any] = {
    "name": "Theirs",
    "customer": {"from": "who"},
    "usage_product": {"from": "what"},
    "at": {"from": "when"},
    "quantity": {"from": "n"},
}


texts = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=8)


@st.composite
def sources(draw: st.DrawFn, *, needed: bool = True) -> Source:
    if draw(st.integers(0, 3)) == 0:
        return Source(constant=draw(texts))
    paths = tuple(draw(st.lists(texts, min_size=1, max_size=3)))
    values = draw(st.dictionaries(texts, texts, max_size=2))
    return Source(
        paths,
        default=draw(st.none() | texts),
        join=draw(st.sampled_from((None, "", " "))) if len(paths) > 1 else None,
        values=tuple(sorted(values.items())),
        other=draw(st.sampled_from(("keep", "refuse"))) if values else "keep",
    )


times = st.sampled_from(
    (
        Times(),
        Times(time_zone="Europe/Berlin"),
        Times("seconds"),
        Times("nanoseconds"),
        Times("excel", time_zone="UTC"),
        Times("pattern", "%d.%m.%Y %H:%M", "Asia/Tokyo"),
        Times("pattern", "%Y-%m-%d %H:%M:%S%z"),
    )
)
numbers = st.builds(
    Numbers,
    decimal=st.just(","),
    thousands=st.sampled_from(("", ".", " ", "'")),
    multiply=st.sampled_from((Decimal(1), Decimal("0.001"))),
    divide=st.sampled_from((Decimal(1), Decimal(1024))),
    places=st.none() | st.integers(0, 12),
    sign=st.none() | st.builds(Sign, texts, st.just(("credit",)), st.just(("debit", ""))),
)
skips = st.one_of(
    st.builds(Skip, texts, st.just("") | texts, is_in=st.lists(texts, min_size=1, max_size=2).map(tuple)),
    st.builds(Skip, texts, not_in=st.lists(texts, min_size=1, max_size=2).map(tuple)),
    st.builds(Skip, texts, empty=st.booleans()),
)
path_lists = st.lists(texts, max_size=2).map(tuple)
formats = st.builds(
    Format,
    texts,
    sources(),
    sources(),
    sources(),
    sources(),
    times,
    numbers,
    st.just(Source()) | sources(),
    st.dictionaries(texts, sources(), max_size=2).map(lambda d: tuple(sorted(d.items()))),
    path_lists,
    path_lists,
    path_lists,
    st.sampled_from(("keep", "drop", "refuse")),
    st.lists(skips, max_size=2).map(tuple),
)


@given(formats)
def test_a_format_survives_being_stored(format: Format) -> None:
    assert format_from_json(json.loads(json.dumps(format_to_json(format)))) == format


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"colour": "red"}, "colour"),
        ({"customer": None}, "customer"),
        ({"customer": {"form": "who"}}, "customer.form"),
        ({"customer": {"from": "who", "constant": "x"}}, "customer.constant"),
        ({"customer": {"from": "who", "join": "-"}}, "customer.join"),
        ({"customer": {"from": "who", "other": "refuse"}}, "customer.other"),
        ({"customer": {"from": "who", "decimal": ","}}, "customer.decimal"),
        ({"at": {"from": "when", "read": "moon"}}, "at.read"),
        ({"at": {"from": "when", "read": "pattern"}}, "at.pattern"),
        ({"at": {"from": "when", "read": "pattern", "pattern": "%d.%m.%Y"}}, "at.time_zone"),
        ({"at": {"from": "when", "read": "pattern", "pattern": "%H:%M", "time_zone": "UTC"}}, "at.pattern"),
        ({"at": {"from": "when", "read": "pattern", "pattern": "%d %m %Y %I", "time_zone": "UTC"}}, "at.pattern"),
        ({"at": {"from": "when", "read": "pattern", "pattern": "%c %d %m %Y", "time_zone": "UTC"}}, "at.pattern"),
        ({"at": {"from": "when", "read": "pattern", "pattern": "%d %d %m %Y", "time_zone": "UTC"}}, "at.pattern"),
        ({"at": {"from": "when", "time_zone": "Mars/Base"}}, "at.time_zone"),
        ({"at": {"from": "when", "time_zone": "../etc/passwd"}}, "at.time_zone"),
        ({"at": {"from": "when", "read": "excel"}}, "at.time_zone"),
        ({"at": {"from": "when", "read": "seconds", "time_zone": "UTC"}}, "at.time_zone"),
        ({"quantity": {"from": "n", "divide": "0"}}, "quantity.divide"),
        ({"quantity": {"from": "n", "multiply": "many"}}, "quantity.multiply"),
        ({"quantity": {"from": "n", "decimal": ",", "thousands": ","}}, "quantity.thousands"),
        ({"quantity": {"from": "n", "places": 13}}, "quantity.places"),
        (
            {"quantity": {"from": "n", "sign": {"from": "w", "negative": [], "positive": ["x"]}}},
            "quantity.sign.negative",
        ),
        ({"quantity": {"from": "n", "sign": {"from": "w", "negative": ["X"], "positive": ["x"]}}}, "quantity.sign"),
        ({"properties": {"region": {}}, "spread": "tags"}, "spread"),
        ({"rest": "hide"}, "rest"),
        ({"skip": [{"from": "x"}]}, "skip[0]"),
        ({"skip": [{"from": "x", "is": ["a"], "empty": True}]}, "skip[0]"),
        ({"skip": [{"from": "x", "empty": "yes"}]}, "skip[0].empty"),
        ({"skip": [7]}, "skip[0]"),
    ],
)
def test_a_format_that_cannot_be_meant_is_refused_by_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        format_from_json({**FORMAT, **changed})
    assert refused.value.code == "format.invalid"
    assert field in [p.field for p in refused.value.problems]
