"""Dangers of references: two things with one name, one thing with two, and names that say more than they should."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import derived_ref, is_ref, time_ordered_ref

parts = st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=("Cs",))), min_size=1, max_size=4)


@given(parts, parts)
def test_different_parts_have_different_references(a: list[str], b: list[str]) -> None:
    assert (derived_ref(*a) == derived_ref(*b)) == (a == b)


def test_a_derived_reference_never_changes() -> None:
    """Documents keep the reference of their projection: this value stands in issued records."""
    joined = b"document\x1fx\x1f2026-01-31\x1f7"
    assert derived_ref("document", "x", date(2026, 1, 31), 7) == "6501be51-4a1c-814c-8944-af1a266855a2"
    assert hashlib.sha256(joined).hexdigest().startswith("6501be514a1c")


@given(parts)
def test_derived_references_are_uuids_of_version_8(names: list[str]) -> None:
    ref = derived_ref(*names)
    found = uuid.UUID(ref)
    assert is_ref(ref) and str(found) == ref and found.version == 8 and found.variant == uuid.RFC_4122


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10), st.integers(0, 2**48 - 1))
def test_later_references_sort_later(at: int, noise: bytes, other: int) -> None:
    ref = time_ordered_ref(at, noise)
    found = uuid.UUID(ref)
    assert is_ref(ref) and found.version == 7 and found.variant == uuid.RFC_4122
    assert int(ref.replace("-", "")[:12], 16) == at
    if at != other:
        assert (ref < time_ordered_ref(other, noise)) == (at < other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000-0000-8000-8000-00000000000",
        "00000000-0000-8000-8000-0000000000001",
        "00000000-0000-8000-8000-00000000000G",
        "00000000-0000-8000-8000-00000000000A",
        "00000000x0000-8000-8000-000000000001",
        "0000000000008000-8000-00000000000001",
        "{0000000-0000-8000-8000-000000000001",
    ],
)
def test_another_spelling_is_no_reference(text: str) -> None:
    assert not is_ref(text)
