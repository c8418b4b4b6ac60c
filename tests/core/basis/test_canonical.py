"""Dangers of canonical bytes: two spellings of one value, bytes that nobody checks, keys in another order elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import MAX_INTEGER, canonical, parse_canonical

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_reading_gives_back_what_was_written(value: Any) -> None:
    assert parse_canonical(canonical(value)) == value


@given(values)
def test_the_bytes_are_plain_json_without_white_space(value: Any) -> None:
    data = canonical(value)
    assert json.loads(data) == value
    assert canonical(json.loads(data)) == data


@given(st.dictionaries(texts, st.integers(0, 9), min_size=2, max_size=6))
def test_keys_are_ordered_by_utf_16_code_units(value: dict[str, int]) -> None:
    keys = [k for k, _ in json.loads(canonical(value), object_pairs_hook=list)]
    assert keys == sorted(value, key=lambda k: k.encode("utf-16-be"))


@given(st.dictionaries(texts, st.integers(0, 9), max_size=6), st.randoms())
def test_the_order_in_which_keys_were_added_does_not_matter(value: dict[str, int], chance: Any) -> None:
    pairs = list(value.items())
    chance.shuffle(pairs)
    assert canonical(dict(pairs)) == canonical(value)


def test_a_key_beyond_the_basic_plane_comes_before_the_private_use_area() -> None:
    """The example of RFC 8785 §3.2.3: surrogates (D83D) sort below FB33, though their code point is above it."""
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    said = [v for _, v in json.loads(canonical(value), object_pairs_hook=list)]
    assert said == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": 1, "a": [None, True, False]}, b'{"a":[null,true,false],"b":1}'),
        ({"z": {"b": "", "a": {}}}, b'{"z":{"a":{},"b":""}}'),
        ("\u20ac$\u000f\nA'B\"\\\\\"/", b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),  # RFC 8785 §3.2.2.2
        ("\b\t\f\r\x7f\u2028", b'"\\b\\t\\f\\r\x7f\xe2\x80\xa8"'),
        (-MAX_INTEGER, b"-9007199254740991"),
        ((1, 2), b"[1,2]"),
    ],
)
def test_bytes(value: Any, data: bytes) -> None:
    assert canonical(value) == data


@given(values, st.data())
def test_no_byte_is_free(value: Any, data: st.DataObject) -> None:
    """Another byte anywhere is either refused or another value."""
    encoded = bytearray(canonical(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        found = parse_canonical(bytes(encoded))
    except ValueError:
        return
    assert canonical(found) == bytes(encoded) != canonical(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u20ac"',
        b'"\\u000A"',
        b'"\\ud83d"',
        b'"\xed\xa0\xbd"',
        b"9007199254740992",
        b"01",
        b"",
        b"\xef\xbb\xbf1",
        b"[" * 100_000,
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_canonical(data)


@pytest.mark.parametrize("value", [1.5, {1: "a"}, {"a": {2}}, b"x", MAX_INTEGER + 1, -MAX_INTEGER - 1])
def test_what_json_cannot_carry_exactly_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical({"a": "\ud83d"})
