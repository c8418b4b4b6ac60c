"""Look at chains: ask nodes what happened since the last final block. No transaction is open while one is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import structlog

from counterfoil.flows.chain_port import Block, Chain, ChainFault, TransferLog
from counterfoil.flows.token_rows import ChainRow, Mark
from counterfoil.flows.watch_chain import Look, Plan, apply, failed, plan, retry_waiting, stopped

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
STALE_AT_MOST = 5
"""Looks in a row that may be thrown away in one run."""

_log = structlog.get_logger("counterfoil.chains")


class Rewritten(Exception):
    """None of the blocks that we remember is in the chain any more."""


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def __call__(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """Committed when the block ends well."""
        ...


class WatchingChains:
    """The job: how many transfers a run found for a tenant. A node that fails is left alone for a while, twice as long each
    time; one that finds a question too large is asked for fewer blocks at once."""

    def __init__(self, open_tx: OpenTx, node_of: Callable[[Any, ChainRow], Chain],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._open_tx, self._node_of, self._clock = open_tx, node_of, clock
        self._failures: dict[tuple[int, int], tuple[int, float]] = {}
        self._chunks: dict[tuple[int, int], int] = {}

    def __call__(self, tenant: int, stopping: Callable[[], bool]) -> int:
        """One run for a tenant."""
        with self._open_tx(tenant, "worker") as tx:
            chains = [c.chain_id for c in tx.chains() if c.is_on]
        done = 0
        for chain_id in chains:
            if self._clock() >= self._failures.get((tenant, chain_id), (0, 0.0))[1]:
                done += self._watch(tenant, chain_id, stopping)
        if chains and not stopping():
            with self._open_tx(tenant, "worker") as tx:
                done += retry_waiting(tx)
        return done

    def _watch(self, tenant: int, chain_id: int, stopping: Callable[[], bool]) -> int:
        done = stale = 0
        while not stopping() and stale < STALE_AT_MOST:
            with self._open_tx(tenant, "worker") as tx:
                planned = plan(tx, chain_id)
                node = None if planned is None else self._node_of(tx, planned.chain)
            if planned is None or node is None:
                return done
            try:
                found = self._look(tenant, node, planned)
            except ChainFault as error:
                self._note_failure(tenant, chain_id, error)
                return done
            except Rewritten as error:
                with self._open_tx(tenant, "worker") as tx:
                    stopped(tx, chain_id, str(error))
                return done
            with self._open_tx(tenant, "worker") as tx:
                applied = apply(tx, found)
            self._failures.pop((tenant, chain_id), None)
            stale = stale + 1 if applied.stale else 0
            done += applied.transfers
            if not applied.stale and not applied.more:
                break
        return done

    def _look(self, tenant: int, node: Chain, planned: Plan) -> Look:
        """A look with as many blocks at once as the node takes."""
        key = tenant, planned.chain.chain_id
        while True:
            chunk = min(self._chunks.get(key, planned.chain.chunk_blocks), planned.chain.chunk_blocks)
            try:
                return look(node, planned, chunk)
            except ChainFault as error:
                if not error.too_much or chunk <= 1:
                    raise
                self._chunks[key] = chunk // 2

    def _note_failure(self, tenant: int, chain_id: int, error: ChainFault) -> None:
        failures = self._failures.get((tenant, chain_id), (0, 0.0))[0] + 1
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_SECONDS)
        self._failures[(tenant, chain_id)] = failures, self._clock() + pause
        with self._open_tx(tenant, "worker") as tx:
            failed(tx, chain_id, error.message)
        _log.warning("chain not read", tenant=tenant, chain=chain_id, reason=error.message)


def look(node: Chain, planned: Plan, chunk: int) -> Look:
    """Read on from the last final block that still holds, up to the head or as far as one look goes.

    ChainFault when the node does not answer well, is behind, is of another chain, or the chain moved meanwhile: then nothing of
    what it said is used. Rewritten when no block that we remember is in the chain any more.
    """
    chain = planned.chain
    told = node.chain_id()
    if told != chain.chain_id:
        raise ChainFault("chain.wrong", f"the node is of chain {told}, not of {chain.chain_id}")
    head = node.head()
    since = _since(node, planned, head)
    last = min(head.number, since[0] + max(chunk, 2 * chain.confirmations))
    decimals = {t.token.address: node.decimals(t.token.address) for t in planned.unchecked}
    end = _there(node, last)
    logs: list[TransferLog] = []
    if planned.addresses:
        for first in range(since[0] + 1, last + 1, chunk):
            logs += node.transfers(first, min(first + chunk - 1, last), planned.addresses)
    blocks = {n: _there(node, n) for n in sorted({x.block_number for x in logs})}
    confirmed = min(last, head.number - chain.confirmations + 1)
    final = _there(node, confirmed) if confirmed > since[0] else None
    moved = any(blocks[x.block_number].hash != x.block_hash for x in logs)
    if moved or _there(node, last).hash != end.hash or _there(node, since[0]).hash != since[1]:
        raise ChainFault("chain.moving", "the chain was rewritten while it was read")
    return Look(planned, head, since, last, None if final is None else (final.number, final.hash), tuple(logs), blocks, decimals)


def _since(node: Chain, planned: Plan, head: Block) -> Mark:
    """The block after which to read: the last final one, an earlier one that still holds when the chain was rewritten, or where
    to begin."""
    if planned.final is None:
        start = planned.chain.start_block
        begin = head.number - planned.chain.confirmations if start is None else start - 1
        if begin > head.number:
            raise ChainFault("chain.behind", f"reading begins with block {start}, and the head is {head.number}")
        block = _there(node, max(0, begin))
        return block.number, block.hash
    if head.number < planned.final[0]:
        raise ChainFault("chain.behind", f"the node is behind: its head is {head.number}, and {planned.final[0]} was read before")
    for number, digest in (planned.final, *planned.marks):
        if number <= planned.final[0] and _there(node, number).hash == digest:
            return number, digest
    raise Rewritten(
        f"no block that was read up to {planned.final[0]} is in the chain any more: it is another chain, or was begun anew"
    )


def _there(node: Chain, number: int) -> Block:
    """A block that must be there."""
    block = node.block(number)
    if block is None:
        raise ChainFault("chain.moving", f"the node does not know block {number} below its head")
    return block
