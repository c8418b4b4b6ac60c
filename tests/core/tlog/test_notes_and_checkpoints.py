"""Signed notes and checkpoints: only what a trusted key signed is read, and it has one spelling."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.tlog import ed25519
from counterfoil.core.tlog.checkpoint import (
    Checkpoint,
    read_checkpoint,
    read_cosignature,
    read_signed_checkpoint,
    sign_checkpoint,
    with_cosignatures,
)
from counterfoil.core.tlog.note import (
    COSIGNATURE_V1,
    ED25519,
    NoteSignature,
    VerifierKey,
    cosign,
    open_note,
    read_note,
    read_verifier_key,
    sign_note,
)

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19


@dataclass(frozen=True)
class Key:
    """A signer over `cryptography`, as an adapter has it."""

    name: str
    seed: int = 1

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed.to_bytes(32, "big"))

    @property
    def public_key(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)

    def verifier(self, algorithm: int = ED25519) -> VerifierKey:
        return VerifierKey(self.name, algorithm, self.public_key)


LOG = Key("counterfoil.example/acme")
WITNESS = Key("witness.example/w1", 2)

# RFC 8032 §7.1, tests 1 to 3 and SHA(abc): public key, message, signature
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_hold(key: str, message: str, signature: str) -> None:
    k, m, s = map(bytes.fromhex, (key, message, signature))
    assert ed25519.verify(k, m, s)
    assert not ed25519.verify(k, m + b"\x00", s)


@given(st.integers(1, 2**32), st.binary(max_size=200), st.integers(0, 511))
@settings(max_examples=40, deadline=None)
def test_we_agree_with_openssl_on_good_and_on_flipped_signatures(seed: int, message: bytes, bit: int) -> None:
    key = Key("k", seed)
    signature = key.sign(message)
    assert ed25519.verify(key.public_key, message, signature)
    bad = bytearray(signature)
    bad[bit // 8] ^= 1 << bit % 8
    assert not ed25519.verify(key.public_key, message, bytes(bad))
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(bytes(bad), message)
    assert not ed25519.verify(Key("k", seed + 1).public_key, message, signature)


def test_a_signature_has_one_spelling() -> None:
    """S plus the group order is the same number to a careless verifier; so is y plus p."""
    signature = LOG.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not ed25519.verify(LOG.public_key, b"text", signature[:32] + s.to_bytes(32, "little"))
    for y in (FIELD, FIELD + 1, 2**255 - 1):
        assert not ed25519.verify(y.to_bytes(32, "little"), b"text", signature)
    minus_zero = (1 | 1 << 255).to_bytes(32, "little")
    assert not ed25519.verify(minus_zero, b"text", signature)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_malformed_keys_and_signatures_are_just_wrong(size: int) -> None:
    assert not ed25519.verify(bytes(size), b"", LOG.sign(b""))
    assert not ed25519.verify(LOG.public_key, b"", bytes(size))


def test_the_note_of_the_specification_opens() -> None:
    key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    blob = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    line = f"— example.com/foo {blob}"
    text = "This is an example message.\n"
    note, by = open_note(f"{text}\n{line}\n".encode(), [read_verifier_key(key)])
    assert note.text == text
    assert [k.text for k in by] == [key]


def test_the_cosigned_checkpoint_of_the_specification_is_read() -> None:
    log = "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8="
    cosigned = (
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    )
    data = f"""example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa {log}
— witness.example.com/w1 {cosigned}
""".encode()
    checkpoint, note = read_signed_checkpoint(data)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert note.encode() == data
    witness = note.signatures[1]
    cosignature = read_cosignature(witness.key_id + witness.signature)
    assert (cosignature.key_id.hex(), cosignature.timestamp) == ("8d66cf3f", 1679315147)


def test_a_checkpoint_goes_out_and_comes_back_with_its_witness() -> None:
    head = Checkpoint(LOG.name, 7, bytes(range(32)))
    signed = sign_checkpoint(head, [LOG])
    whole = with_cosignatures(signed, [cosign(head.text, 1_700_000_000, WITNESS)])
    keys = [LOG.verifier(), WITNESS.verifier(COSIGNATURE_V1)]
    note, by = open_note(whole, keys)
    assert read_checkpoint(note.text) == head
    assert list(by) == keys
    assert [k for k in by if k == read_verifier_key(keys[1].text)] == [keys[1]]
    plain_signature = NoteSignature(WITNESS.name, keys[1].key_id, WITNESS.sign(head.text.encode()))
    with pytest.raises(ValueError, match="a cosignature has"):
        open_note(with_cosignatures(signed, [plain_signature]), keys)


def test_a_wrong_signature_of_a_known_key_spoils_the_note_and_an_unknown_one_does_not() -> None:
    good = sign_note("text\n", [LOG])
    stranger = Key("stranger", 9)
    both = sign_note("text\n", [LOG, stranger]).encode()
    assert open_note(both, [LOG.verifier()])[1] == (LOG.verifier(),)
    with pytest.raises(ValueError, match="no signature by a known key"):
        open_note(both, [Key("other", 1).verifier()])
    spoiled = sign_note("other\n", [LOG]).signatures + good.signatures
    note = good.encode().split(b"\n\n")[0] + b"\n\n" + "".join(s.line for s in spoiled).encode()
    with pytest.raises(ValueError, match="does not hold"):
        open_note(note, [LOG.verifier()])


@given(st.integers(0, 10**4), st.integers(1, 255))
@settings(max_examples=80, deadline=None)
def test_changing_any_byte_of_a_signed_checkpoint_closes_it(at: int, change: int) -> None:
    data = bytearray(sign_checkpoint(Checkpoint(LOG.name, 7, bytes(32)), [LOG]))
    data[at % len(data)] ^= change
    with pytest.raises(ValueError):
        open_note(bytes(data), [LOG.verifier()])


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"log\n07\n{ROOT}\n", "a size has no leading zero"),
        (f"log\n+7\n{ROOT}\n", "a size has no sign"),
        (f"log\n7 \n{ROOT}\n", "a size has no space"),
        (f"log\n٧\n{ROOT}\n", "a size has ASCII digits"),
        (f"log\n{2**63}\n{ROOT}\n", "a size fits 63 bits"),
        (f"\n7\n{ROOT}\n", "an origin is not empty"),
        (f"log\n7\n{ROOT}", "the last line ends"),
        ("log\n7\n", "a root is there"),
        (f"log\n7\n{ROOT[:-2]}B=\n", "spare bits of the root are zero"),
        (f"log\n7\n{base64.b64encode(bytes(31)).decode()}\n", "a root has 32 bytes"),
        (f"log\n7\n{ROOT}\n\n", "no line is empty"),
    ],
)
def test_checkpoints_that_are_not_spelled_exactly_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError):
        read_checkpoint(text)


SIGNED = sign_note("text\n", [LOG]).encode().decode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"text\n", b"\n", b"text\n\n", b"\xff\xfe", SIGNED.rstrip("\n").encode(), SIGNED.encode() + b"x\n",
        SIGNED.replace("—", "-").encode(), SIGNED.replace("=", "").encode(), SIGNED.replace("text", "te\txt").encode(),
        SIGNED.replace("/acme ", "/a+cme ").encode(), b"text\n\n" + "— name AAAA\n".encode(), bytes(1_000_001),
        b"text\n\n" + SIGNED.split("\n\n")[1].encode() * 101,
    ],
)  # fmt: skip
def test_what_is_not_a_signed_note_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_note(data)


@pytest.mark.parametrize(
    "text",
    [
        "", "name", "name+00000000", "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
    ],
)  # fmt: skip
def test_a_verifier_key_whose_id_or_spelling_is_off_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_verifier_key(text)


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_hostile_bytes_are_refused_with_a_value_error_only(data: bytes) -> None:
    for attempt in (data, SIGNED.encode()[: len(data)] + data, b"a\n\n\xe2\x80\x94 " + data):
        try:
            read_note(attempt)
        except ValueError:
            continue
