"""`/v1/log`: the tenant's append-only log, for those who check us."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from counterfoil.api.native.door import Call, File, Route
from counterfoil.api.native.wire import Input, Output, RefText
from counterfoil.core.basis.ids import Ref
from counterfoil.flows.prove import checkpoint, consistency, verifier_key
from counterfoil.flows.prove_inclusion import inclusion

Size = Annotated[int, Meta(ge=1, le=10**15)]
Hash = Annotated[str, Meta(description="32 bytes in hex")]


class HeadOf(Input):
    """`size`: the head that was signed over exactly so many records; the newest one without it."""

    size: Size | None = None


class Sizes(Input):
    """Two sizes of the log."""

    old_size: Size
    size: Size


class VerifierKey(Output):
    """The key that this tenant's checkpoints are signed with, in the form name+id+base64 (C2SP signed-note)."""

    verifier_key: str


class ConsistencyOut(Output):
    """That the log at `size` continues the log at `old_size` (RFC 9162 §2.1.4)."""

    old_size: int
    size: int
    proof: list[Hash]


class InclusionOut(Output):
    """That a record is in the log: its leaf hash, its place, and the audit path to the root of the checkpoint."""

    record_ref: RefText
    leaf: Hash
    index: int
    size: int
    proof: list[Hash]
    checkpoint: str


def get_checkpoint(call: Call) -> File:
    """A signed head."""
    return File(checkpoint(call.tx, call.query.size), "text/plain")


def get_key(call: Call) -> VerifierKey:
    """The verifier key."""
    return VerifierKey(verifier_key=verifier_key(call.tx))


def get_consistency(call: Call) -> ConsistencyOut:
    """A consistency proof."""
    found = consistency(call.tx, call.query.old_size, call.query.size)
    return ConsistencyOut(old_size=found.old_size, size=found.size, proof=[h.hex() for h in found.proof])


def get_inclusion(call: Call) -> InclusionOut:
    """An inclusion proof."""
    ref = Ref(call.ref("record_ref"))
    found = inclusion(call.tx, ref)
    return InclusionOut(
        record_ref=ref, leaf=found.leaf.hex(), index=found.index, size=found.size, proof=[h.hex() for h in found.proof],
        checkpoint=found.checkpoint.decode() if isinstance(found.checkpoint, bytes) else found.checkpoint,
    )


ROUTES = (
    Route("GET", "/v1/log/checkpoint", "Log", "The newest signed head, or one over a given size", get_checkpoint,
          query=HeadOf, errors=(404,), media="text/plain", about="A C2SP tlog-checkpoint. Keep it: it binds us."),
    Route("GET", "/v1/log/verifier-key", "Log", "The key that checkpoints are signed with", get_key, VerifierKey),
    Route("GET", "/v1/log/consistency", "Log", "That the log only grew", get_consistency, ConsistencyOut, query=Sizes,
          errors=(404,)),
    Route("GET", "/v1/log/inclusion/{record_ref}", "Log", "That a sealed record is in the log", get_inclusion,
          InclusionOut, errors=(404, 409), about="Records are named by the reference of their document."),
)
