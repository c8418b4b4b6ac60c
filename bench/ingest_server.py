"""The server that `bench.ingest` measures: our door, and beside it the floors, bare ASGI applications."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import uvicorn

from bench.ingest import FLOOR_TABLE
from counterfoil.api.ingest import IngestDoor
from counterfoil.app import administrator_url, build
from counterfoil.flows.keys import Auth
from counterfoil.settings import Settings


class Event(msgspec.Struct):
    """An event as bare as can be."""

    key: str
    customer: str
    usage_product: str
    at: datetime
    quantity: Decimal
    properties: dict[str, str]


_event = msgspec.json.Decoder(Event)
_events = msgspec.json.Decoder(list[Event])


async def _body(receive: Any) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


async def _say(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class ByHand:
    """A group commit as one would write it for one table: what waits goes into one COPY."""

    def __init__(self, admin: str) -> None:
        self.conn = psycopg.connect(admin, autocommit=True)
        self.conn.execute(FLOOR_TABLE)
        self.waiting: list[tuple[Event, asyncio.Future[None]]] = []
        self.wake = threading.Condition()
        threading.Thread(target=self.run, daemon=True).start()

    def put(self, event: Event, done: asyncio.Future[None]) -> None:
        """Let an event wait for the next COPY."""
        with self.wake:
            self.waiting.append((event, done))
            self.wake.notify()

    def run(self) -> None:
        """COPY what waits, commit, tell."""
        while True:
            with self.wake:
                while not self.waiting:
                    self.wake.wait()
                group, self.waiting = self.waiting, []
            with self.conn.cursor() as cursor, cursor.copy("COPY floor_event FROM STDIN") as copy:
                for e, _ in group:
                    properties = msgspec.json.encode(e.properties).decode()
                    copy.write_row((e.key, e.customer, e.usage_product, e.at, e.quantity, properties))
            group[0][1].get_loop().call_soon_threadsafe(lambda g=group: [f.set_result(None) for _, f in g])


def application(home: str, tenant: int) -> Any:
    """Our door, and the floors at /floor and /floor/stored."""
    settings = Settings(home=Path(home))
    house = build(settings)
    door = IngestDoor(house, lambda headers: Auth(tenant, "test", "ingest", "bench"))
    by_hand = ByHand(administrator_url(settings))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    await door.start()
                    await send({"type": "lifespan.startup.complete"})
                else:
                    await door.stop()
                    house.close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return
        path = scope["path"]
        if path == "/floor":
            body = await _body(receive)
            events = _events.decode(body) if body[:1] == b"[" else (_event.decode(body),)
            await _say(send, b'{"accepted":%d}' % len(events))
        elif path == "/floor/stored":
            event = _event.decode(await _body(receive))
            done = asyncio.get_running_loop().create_future()
            by_hand.put(event, done)
            await done
            await _say(send, b'{"accepted":1}')
        else:
            await door(scope, receive, send)

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1], int(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[3]), loop="uvloop",
        http="httptools", log_level="warning", access_log=False,
    )
