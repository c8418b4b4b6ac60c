"""Where other logs ask to be cosigned: C2SP tlog-witness, for anybody whose log is watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import is_ref
from counterfoil.flows.ask_witnesses import SIZE_TYPE
from counterfoil.flows.witness_logs import MAX_BODY, Fault, NotCosigned, add_checkpoint

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
TEXT = "text/plain"
STATUS: dict[Fault, int] = {
    "malformed": 400, "unknown_log": 404, "unknown_key": 403, "beyond": 400, "stale": 409, "split": 409, "inconsistent": 422,
}
NOBODY = "witness"


def witness_door(house: Any) -> Sequence[HTTPRouteHandler]:
    """The handlers."""

    def answer(tenant_ref: str, body: bytes) -> Response[Any]:
        tenant = house.find_tenant(tenant_ref) if is_ref(tenant_ref) else None
        if tenant is None:
            return _plain(404, "there is no such witness\n")
        with house.tx(tenant, NOBODY) as tx:
            found = add_checkpoint(tx, body, lambda: house.witness_signer(tx), house.clock())
        if not isinstance(found, NotCosigned):
            return _plain(200, found)
        if found.size is not None:
            return _plain(409, f"{found.size}\n", SIZE_TYPE)
        return _plain(STATUS[found.fault], f"{found.says}\n")

    @post("/witness/{tenant_ref:str}/add-checkpoint", status_code=200, request_max_body_size=MAX_BODY, include_in_schema=False)
    async def add(request: Request[Any, Any, Any]) -> Response[Any]:
        body = await request.body()
        return await sync_to_thread(answer, request.path_params["tenant_ref"], body)

    @get("/witness/{tenant_ref:str}/verifier-key", sync_to_thread=True, include_in_schema=False)
    def key(request: Request[Any, Any, Any]) -> Response[Any]:
        tenant_ref = request.path_params["tenant_ref"]
        tenant = house.find_tenant(tenant_ref) if is_ref(tenant_ref) else None
        if tenant is None:
            return _plain(404, "there is no such witness\n")
        with house.tx(tenant, NOBODY) as tx:
            return _plain(200, f"{house.witness_key(tx)}\n")

    return add, key


def _plain(status: int, text: str, kind: str = TEXT) -> Response[Any]:
    return Response(text.encode(), status_code=status, media_type=kind, headers=HEADERS)
