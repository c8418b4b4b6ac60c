"""Addresses of EVM chains: their spelling (EIP-55), and those that an extended public key gives (BIP-32)."""

from __future__ import annotations

from typing import Any

from bip32 import BIP32  # type: ignore[import-untyped]
from coincurve import PublicKey
from Crypto.Hash import keccak

from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.payments.tokens import ADDRESS

ACCOUNT_DEPTH = 3
"""Depth of an account's key, `m/44'/60'/0'`: its receiving addresses are its children `0/n`. Those of a key of another depth
are its children `n`."""
MAX_INDEX = 2**31 - 1


class EvmAddresses:
    """What is known of addresses without a chain."""

    def read(self, text: str) -> str:
        """An address in small letters; Invalid (`address`)."""
        given = text.strip()
        small = given.lower()
        if not ADDRESS.fullmatch(small):
            raise Invalid.field("address", "must be 0x and 40 hexadecimal digits")
        if given[2:] not in (small[2:], small[2:].upper()) and given[2:] != self.shown(small)[2:]:
            raise Invalid.field("address", "is mistyped: its capital letters do not agree with the rest (EIP-55)")
        return small

    def shown(self, address: str) -> str:
        """The address with the capital letters of EIP-55."""
        digest = keccak256(address[2:].encode("ascii")).hex()
        return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(address[2:], digest, strict=False))

    def check_key(self, xpub: str) -> None:
        """Invalid (`xpub`) for what is no extended public key."""
        if xpub[1:4] == "prv":
            raise Invalid.field("xpub", "is a private key, which is never to be given away: give the public one, xpub…, and move "
                                "the money that this key guards")
        self.derived(xpub, 0)

    def derived(self, xpub: str, n: int) -> str:
        """The address of the n-th receiving child."""
        assert 0 <= n <= MAX_INDEX, "children beyond are hardened and need the private key"
        try:
            key: Any = BIP32.from_xpub(xpub)
            path = [0, n] if key.depth == ACCOUNT_DEPTH else [n]
            child = PublicKey(key.get_pubkey_from_path(path))
        except Exception as error:  # bip32 and base58 raise errors of several kinds
            raise Invalid.field("xpub", f"is no extended public key (xpub…): {type(error).__name__}") from None
        return "0x" + keccak256(child.format(compressed=False)[1:])[-20:].hex()


def keccak256(data: bytes) -> bytes:
    """The hash that EVM chains use: Keccak before it became SHA-3."""
    return bytes(keccak.new(digest_bits=256, data=data).digest())


TRANSFER_TOPIC = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()
DECIMALS_CALL = "0x" + keccak256(b"decimals()")[:4].hex()
