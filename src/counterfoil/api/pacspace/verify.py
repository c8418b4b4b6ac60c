"""`/api/v1/verify/{proofRoot}`: anybody who holds a proof root may verify it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from counterfoil.api.dialect import Answer, Call, Route
from counterfoil.api.pacspace.wire import ANY_ORIGIN, hex_of
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.refusals import NotFound
from counterfoil.flows.read_balances import read_root
from counterfoil.flows.verify_root import Verified, verify_root

Source = Literal["db", "chain", "both"]


class VerifyQuery(Input):
    """Against what: the stored deltas (`db`), the published log (`chain`), or both."""

    source: Source = "db"


class SummaryOut(Output):
    """What the root stands for."""

    record_count: int
    net_change: Decimal
    starting_balance: Decimal
    ending_balance: Decimal
    first_record_at: str | None
    last_record_at: str | None


class RecordOut(Output):
    """A delta, where the issuer lets those who hold the root see it."""

    amount: Decimal
    reason: str
    reference_id: str | None
    status: str
    time: str | None


class VerificationOut(Output):
    """What proves it: the sealed receipt (or the delta), and the signed head of the published log.

    A receipt's own id opens all of it, so it is named only where the issuer shows records; else the reference is the root.
    """

    verification_reference: str
    public_ledger_url: str
    verification_explorer_url: str


class LedgerOut(Output):
    """Where the sealed receipt stands in the published log. `witnesses`: who cosigned a head over it."""

    verified: bool
    index: int | None
    size: int | None
    witnesses: list[str]


class StoredOut(Output):
    """Whether the stored deltas give this root."""

    verified: bool


class VerifyOut(Output):
    """Whether a proof root holds. `records` is empty unless the issuer shows them."""

    verified: bool
    proof_root: str
    source: Source
    recorded_at: str | None
    period: str | None
    summary: SummaryOut
    records: list[RecordOut]
    verification: VerificationOut
    database: StoredOut | None = None
    ledger: LedgerOut | None = None
    message: str | None = None


def get_verified(call: Call) -> Answer:
    """Verify a proof root."""
    root = read_root(call.param("proof_root"))
    found = None if root is None else call.house.find_root(root)
    if found is None:
        raise NotFound("not_found", "no record has this proof root")
    tenant, noun, ref = found
    source: Source = call.query.source
    with call.house.tx(tenant, "public") as tx:
        seen = verify_root(tx, noun, Ref(ref), log=source != "db")
        ledger = f"{call.house.settings.public_url}/log/{tx.this_tenant().ref}/checkpoint"
    return Answer(_out(seen, source, ledger, str(call.house.settings.public_url)), headers=ANY_ORIGIN)


def _out(seen: Verified, source: Source, ledger_url: str, base: str) -> VerifyOut:
    ledger = None
    if source != "db":
        p = seen.published
        ledger = LedgerOut(
            verified=p is not None and p.holds, index=None if p is None else p.index, size=None if p is None else p.size,
            witnesses=[] if p is None else list(p.witnesses),
        )
    holds = seen.stored if source == "db" else ledger is not None and ledger.verified
    if source == "both":
        holds = holds and seen.stored
    s = seen.summary
    reference = hex_of(seen.root)
    if seen.checkpoint is not None and seen.deltas:
        reference = display_id("chk", seen.checkpoint.ref)
    elif seen.delta is not None:
        reference = display_id("rec", seen.delta.delta.ref)
    return VerifyOut(
        verified=holds, proof_root=hex_of(seen.root), source=source, recorded_at=instant(seen.recorded_at),
        period=None if seen.checkpoint is None else seen.checkpoint.period,
        summary=SummaryOut(
            record_count=s.count, net_change=number(s.total), starting_balance=number(seen.starting_balance),
            ending_balance=number(seen.ending_balance), first_record_at=instant(s.first_at), last_record_at=instant(s.last_at),
        ),
        records=[
            RecordOut(amount=number(d.delta.amount), reason=d.delta.reason, reference_id=d.delta.reference_id,
                      status="VERIFIED", time=instant(d.delta.recorded_at))
            for d in seen.deltas
        ],
        verification=VerificationOut(verification_reference=reference, public_ledger_url=ledger_url,
                                     verification_explorer_url=f"{base}/verify/{hex_of(seen.root)}"),
        database=StoredOut(verified=seen.stored) if source != "chain" else None, ledger=ledger,
        message=None if source == "db" else _words(seen),
    )


def _words(seen: Verified) -> str:
    """What the published log shows, and what it does not."""
    if seen.checkpoint is None:
        return (
            "This is the root of one delta alone. The log takes in sealed windows: once a checkpoint over its window is "
            "sealed, the checkpoint's root is what the log proves."
        )
    if seen.published is None:
        return "The receipt is sealed, but the log has not taken it in yet: ask again in a moment."
    log = (
        "The receipt stands in the issuer's transparency log: an append-only Merkle tree whose heads the issuer signs, "
        "not a blockchain."
    )
    if seen.published.witnesses:
        named = ", ".join(seen.published.witnesses)
        return f"{log} Independent witnesses saw that it only grew and cosigned a head over this receipt: {named}."
    return (
        f"{log} No independent witness has cosigned a head over this receipt: that everybody is shown the same log rests "
        "on the issuer, or on a head that you kept."
    )


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v1/verify/{proof_root}", get_verified, VerifyOut, query=VerifyQuery, by="anybody", tag="Verification",
          summary="Verify a proof root, of a checkpoint or of a delta alone"),
)
