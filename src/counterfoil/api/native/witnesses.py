"""`/v1/witnesses`: who cosigns the tenant's checkpoints; `/v1/witnessed-logs`: whose checkpoints the tenant cosigns."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from counterfoil.api.dialect import ADMIN
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page_of_all
from counterfoil.api.native.wire import Input, Instant, Output
from counterfoil.core.tlog.note import read_verifier_key
from counterfoil.flows.ask_witnesses import WitnessRow, add_witness, drop_witness
from counterfoil.flows.witness_logs import WitnessedLogRow, leave, watch

_LOG_KEY = "logs.globex.example/log/0198c1b2+2ef30a8c+AfGFnlkLn2FJ6TDEFY0Y1vUzkHfIIkNH7Zz1n2hPa4Qk"
_WITNESS_KEY = "witness.example/w1+59c2c7c4+BPIq3TzzoxnFyMxUe1mAjqgYVNQ0mCOX9ZQ6+JQeoPz9"
LogKey = Annotated[str, Meta(min_length=1, max_length=500, description="name+id+base64, signature type 0x01")]
CosignerKey = Annotated[str, Meta(min_length=1, max_length=500, description="name+id+base64, signature type 0x04")]
Prefix = Annotated[str, Meta(min_length=1, max_length=2000, description="Its submission prefix (C2SP tlog-witness)")]
KeyName = Annotated[str, Meta(min_length=1, max_length=200)]


class NewWitness(Input):
    """Who is to cosign. `name`: how it is called here; the name of its key without it."""

    url: Prefix
    verifier_key: CosignerKey
    name: KeyName | None = None


class Witness(Output):
    """Who cosigns. `witnessed`: the size of the newest checkpoint that it did; `last_error`: why not the last one."""

    key_id: str
    name: str
    url: str
    verifier_key: str
    witnessed: int
    last_error: str | None
    created_at: Instant


class DroppedWitness(Output):
    """It is asked no more."""

    name: str
    deleted: bool = True


class WitnessKey(Output):
    """What this tenant's cosignatures are checked with, and where logs send their checkpoints."""

    verifier_key: str
    url: str


class NewWitnessedLog(Input):
    """A log that is to be cosigned. `origin`: the first line of its checkpoints; the name of its key without it."""

    verifier_key: LogKey
    origin: KeyName | None = None


class WitnessedLog(Output):
    """A log that is cosigned, and where it stood when it last was (size 0: not yet)."""

    key_id: str
    origin: str
    verifier_key: str
    size: int
    checkpoint: str | None
    updated_at: Instant


class LeftLog(Output):
    """It is cosigned no more. Where it stood is kept: watched again, it goes on from there."""

    origin: str
    deleted: bool = True


def list_witnesses(call: Call) -> Page[Witness]:
    """Witnesses by name."""
    return page_of_all(call.tx.witnesses(), call.query, lambda w: (w.name,), _witness)


def post_witness(call: Call) -> Witness:
    """Ask a witness."""
    given: NewWitness = call.body
    return _witness(add_witness(call.tx, given.name, given.url, given.verifier_key, call.house.witness_calls.check))


def delete_witness(call: Call) -> DroppedWitness:
    """Ask it no more."""
    return DroppedWitness(name=drop_witness(call.tx, call.path["key_id"]))


def get_key(call: Call) -> WitnessKey:
    """The key that this tenant cosigns with."""
    url = f"{call.house.settings.public_url}/witness/{call.tx.this_tenant().ref}"
    return WitnessKey(verifier_key=call.house.witness_key(call.tx), url=url)


def list_logs(call: Call) -> Page[WitnessedLog]:
    """Watched logs by origin."""
    return page_of_all(call.tx.witnessed_logs(), call.query, lambda log: (log.origin,), _log)


def post_log(call: Call) -> WitnessedLog:
    """Watch a log."""
    return _log(watch(call.tx, call.body.verifier_key, call.body.origin))


def delete_log(call: Call) -> LeftLog:
    """Watch it no more."""
    return LeftLog(origin=leave(call.tx, call.path["key_id"]))


def _witness(row: WitnessRow) -> Witness:
    return Witness(
        key_id=read_verifier_key(row.verifier_key).key_id.hex(), name=row.name, url=row.url, verifier_key=row.verifier_key,
        witnessed=row.witnessed, last_error=row.last_error, created_at=row.created_at,
    )


def _log(row: WitnessedLogRow) -> WitnessedLog:
    return WitnessedLog(
        key_id=read_verifier_key(row.verifier_key).key_id.hex(), origin=row.origin, verifier_key=row.verifier_key,
        size=row.size, checkpoint=row.note, updated_at=row.updated_at,
    )


ROUTES = (
    Route("GET", "/v1/witnesses", "Witnesses", "Who cosigns your checkpoints", list_witnesses, Page[Witness], query=Paging),
    Route("POST", "/v1/witnesses", "Witnesses", "Have a witness cosign", post_witness, Witness, body=NewWitness, roles=ADMIN,
          status=201, errors=(409,), example={"url": "https://witness.example/w1", "verifier_key": _WITNESS_KEY},
          about="It is shown every new checkpoint, with a proof that the log only grew (C2SP tlog-witness). Its cosignatures "
          "are served with the checkpoint and go into bundles."),
    Route("DELETE", "/v1/witnesses/{key_id}", "Witnesses", "Ask a witness no more", delete_witness, DroppedWitness, roles=ADMIN,
          errors=(404,), about="Its cosignatures are no longer served; bundles that were made keep them."),
    Route("GET", "/v1/witness-key", "Witnesses", "The key that you cosign other logs with", get_key, WitnessKey,
          about="A key apart from that of your log. Logs that you watch send their checkpoints to `url`."),
    Route("GET", "/v1/witnessed-logs", "Witnesses", "Whose checkpoints you cosign", list_logs, Page[WitnessedLog],
          query=Paging),
    Route("POST", "/v1/witnessed-logs", "Witnesses", "Cosign the checkpoints of a log", post_log, WitnessedLog,
          body=NewWitnessedLog, roles=ADMIN, status=201, example={"verifier_key": _LOG_KEY},
          about="From where it was last seen. A checkpoint is cosigned only when it continues the one before."),
    Route("DELETE", "/v1/witnessed-logs/{key_id}", "Witnesses", "Cosign a log no more", delete_log, LeftLog, roles=ADMIN,
          errors=(404,)),
)
