"""Addresses: published vectors of EIP-55, and those of the key that development chains are made with."""

from __future__ import annotations

import pytest

from counterfoil.adapters.chain.addresses import DECIMALS_CALL, TRANSFER_TOPIC, EvmAddresses, keccak256
from counterfoil.core.basis.refusals import Invalid

ADDRESSES = EvmAddresses()
ACCOUNT = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
RECEIVING = (
    "xpub6DyUKdwoLWmUJ4Tn9Bbsdtx7B5Ws18mEN19e5HT52ikE53FiUheSQXrZUNPovqfyKmw4579A1Mm3GXXKM39N64uooBfJ4tNAzFsEbodRTx4"
)
EIP_55 = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
FIRST = ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
         "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")  # fmt: skip


@pytest.mark.parametrize("address", EIP_55)
def test_capital_letters_are_those_of_the_standard(address: str) -> None:
    small = address.lower()
    assert ADDRESSES.shown(small) == address
    for spelling in (address, small, "0x" + small[2:].upper(), f" {address} "):
        assert ADDRESSES.read(spelling) == small


@pytest.mark.parametrize("key", [ACCOUNT, RECEIVING])
def test_an_extended_public_key_gives_the_addresses_that_wallets_show(key: str) -> None:
    ADDRESSES.check_key(key)
    assert tuple(ADDRESSES.shown(ADDRESSES.derived(key, n)) for n in range(3)) == FIRST


def test_a_mistyped_address_is_noticed() -> None:
    for wrong in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x12"):
        with pytest.raises(Invalid):
            ADDRESSES.read(wrong)


@pytest.mark.parametrize("key", ["xprv" + ACCOUNT[4:], ACCOUNT[:-1], ACCOUNT + "a", "", "0" * 111, "é" * 111])
def test_what_is_no_public_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="xpub"):
        ADDRESSES.check_key(key)


def test_the_hash_is_keccak_and_not_sha_3() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert (TRANSFER_TOPIC[:10], DECIMALS_CALL) == ("0xddf252ad", "0x313ce567")
