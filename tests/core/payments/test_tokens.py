"""What transfers are worth, and the states that they go through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.payments.tokens import (
    REASONS,
    TRANSFERS,
    Sight,
    Token,
    TransferState,
    after,
    is_final,
    minor_of,
    payment_name,
    shown_units,
    units_of,
    why_ignored,
    why_waiting,
)

USDC = Token("0x" + "c0" * 20, "USDC", "USD", 6)
TOKENS = st.builds(
    Token, st.just(USDC.address), st.just("T"), st.sampled_from(["USD", "EUR", "JPY", "KWD"]), st.integers(0, 36)
)


@pytest.mark.parametrize(
    ("token", "units", "minor"),
    [
        (USDC, 1_000_000, 100),
        (USDC, 10_000, 1),
        (USDC, 9_999, 0),
        (USDC, 119_509_999, 11_950),
        (Token("", "DAI", "USD", 18), 10**18, 100),
        (Token("", "GYEN", "JPY", 6), 1_999_999, 1),
        (Token("", "COARSE", "USD", 0), 7, 700),
        (Token("", "COARSE", "KWD", 2), 7, 70),
    ],
)
def test_units_are_worth_their_minor_units_rounded_down(token: Token, units: int, minor: int) -> None:
    assert minor_of(units, token) == minor


@given(TOKENS, st.integers(0, 10**18))
def test_what_is_asked_for_pays_exactly_what_is_open(token: Token, minor: int) -> None:
    asked = units_of(minor, token)
    assert minor_of(asked, token) >= minor
    assert asked == 0 or minor_of(asked - 1, token) < minor


@given(TOKENS, st.lists(st.integers(0, 2**256 - 1), max_size=5))
def test_transfers_one_by_one_are_never_worth_more_than_together(token: Token, amounts: list[int]) -> None:
    assert sum(minor_of(a, token) for a in amounts) <= minor_of(sum(amounts), token)


@pytest.mark.parametrize(
    ("units", "decimals", "shown"),
    [(1_005_000, 6, "1.005"), (1_000_000, 6, "1"), (1, 18, "0.000000000000000001"), (0, 6, "0"), (7, 0, "7"), (70, 0, "70")],
)
def test_amounts_are_shown_exactly(units: int, decimals: int, shown: str) -> None:
    assert shown_units(units, decimals) == shown


@pytest.mark.parametrize(
    ("state", "sight", "known", "following"),
    [
        ("pending", "young", True, "pending"),
        ("pending", "final", True, "settled"),
        ("pending", "final", False, "waiting"),
        ("pending", "gone", True, "dropped"),
        ("settled", "young", True, "settled"),
        ("settled", "gone", True, "reversed"),
        ("settled", "final", False, "settled"),
        ("waiting", "final", True, "waiting"),
        ("waiting", "gone", False, "dropped"),
        ("dropped", "young", True, "pending"),
        ("dropped", "final", False, "waiting"),
        ("reversed", "gone", True, "reversed"),
        ("reversed", "final", True, "settled"),
        ("ignored", "gone", False, "ignored"),
    ],
)
def test_what_follows_of_how_a_transfer_is_found(
    state: TransferState, sight: Sight, known: bool, following: TransferState
) -> None:
    assert after(state, sight, known=known) == following


def test_the_table_says_something_for_every_state_and_sight() -> None:
    assert all(set(row) == {"young", "final", "gone"} for row in TRANSFERS.values())
    assert {s for row in TRANSFERS.values() for s in row.values()} <= set(TRANSFERS)


@pytest.mark.parametrize(
    ("block", "head", "needed", "final"), [(5, 5, 1, True), (5, 15, 12, False), (5, 16, 12, True), (9, 5, 1, False)]
)
def test_a_blocks_own_confirmation_is_the_first(block: int, head: int, needed: int, final: bool) -> None:
    assert is_final(block, head, needed) is final


def test_every_reason_is_explained() -> None:
    assert why_ignored(1, None) in REASONS
    assert why_ignored(0, USDC) in REASONS
    assert why_ignored(9_999, USDC) in REASONS
    assert why_ignored(10_000, USDC) == ""
    assert why_waiting(10**15, USDC, "USD") in REASONS
    assert why_waiting(1, USDC, None) in REASONS
    assert why_waiting(1, USDC, "EUR") in REASONS
    assert why_waiting(1, USDC, "USD") == ""


def test_a_transfer_that_came_again_is_another_payment() -> None:
    assert payment_name("0xab", 3, 1) == "0xab:3"
    assert payment_name("0xab", 3, 2) == "0xab:3#2"
