"""Requests over HTTP with the standard library alone: connections that are kept, timeouts, retries that repeat nothing."""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from importlib.metadata import PackageNotFoundError, version
from queue import Empty, LifoQueue
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from counterfoil.client.errors import ApiError, NoAnswer, UnexpectedAnswer, error_of

DEFAULT_URL = "http://localhost:8080"
URL_NAME, KEY_NAME = "COUNTERFOIL_URL", "COUNTERFOIL_KEY"
"""Where the server and the key are looked for when they are not given."""
TIMEOUT = 60.0
RETRIES = 2
AGAIN = frozenset((408, 429, 500, 502, 503, 504))
BEING_DONE = frozenset(("IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_PENDING", "idempotency.in_progress"))
"""A request with this idempotency key is being done: its answer is there a moment later."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
KEPT_CONNECTIONS = 4
Query = Mapping[str, "str | int | bool | None"]


class Transport:
    """Sends requests to one server with one key. May be used by several threads."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: float = TIMEOUT,
        max_retries: int = RETRIES,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`base_url`: what every path is below. `timeout`: seconds for each try. `wait` pauses between tries."""
        url = urlsplit(base_url.rstrip("/"))
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"base_url must be an http or https address, not {url.geturl()!r}")
        self.url = url
        self.headers = {"Accept": "application/json", "User-Agent": f"counterfoil-python/{_version()}", **headers}
        self.timeout, self.max_retries, self.wait = timeout, max_retries, wait
        self._idle: LifoQueue[HTTPConnection] = LifoQueue(KEPT_CONNECTIONS)

    def call(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None, idempotency_key: str | None = None
    ) -> Any:
        """The JSON of an answer, numbers exact (int or Decimal)."""
        data = self.fetch(method, path, query=query, body=body, idempotency_key=idempotency_key)
        if not data:
            return None
        try:
            return read_json(data)
        except ValueError:
            raise UnexpectedAnswer(f"{method} {path}: the answer is not JSON: {data[:80]!r}") from None

    def fetch(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None, idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The bytes of a successful answer.

        Whatever writes carries an idempotency key (yours, or a new one), the same on every try: however often it is sent,
        it is done once. Raises `ApiError` for a refusal and `NoAnswer` where none came.
        """
        sent = {**self.headers, **(headers or {})}
        if method != "GET":
            sent["Idempotency-Key"] = idempotency_key or uuid.uuid4().hex
            sent["Content-Type"] = "application/json"
        target = self.url.path + path + (f"?{_query(query)}" if query and _query(query) else "")
        content = None if method == "GET" else write_json({} if body is None else body)
        for tries in range(self.max_retries + 1):
            last = tries == self.max_retries
            try:
                status, answered, after = self._once(method, target, content, sent)
            except (OSError, HTTPException) as error:
                if last:
                    where = f"{self.url.scheme}://{self.url.netloc}"
                    raise NoAnswer(f"{method} {path}: no answer from {where}: {error}") from error
                self.wait(_pause(tries, None))
                continue
            if status < 300:
                return answered
            refused = _refusal(status, answered)
            if last or not (status in AGAIN or refused.code in BEING_DONE):
                raise refused
            self.wait(_pause(tries, after))
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close what connections are kept."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _once(
        self, method: str, target: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        """(status, body, Retry-After). A kept connection that the server has closed meanwhile is replaced by a new one."""
        connection, kept = self._connection()
        try:
            answer = _ask(connection, method, target, content, headers)
        except (ConnectionError, HTTPException):
            connection.close()
            if not kept:
                raise
            connection = self._new()
            try:
                answer = _ask(connection, method, target, content, headers)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            connection.close()
            raise
        try:
            data = answer.read()
        except BaseException:
            connection.close()
            raise
        self._keep(connection, answer)
        return answer.status, data, answer.getheader("Retry-After")

    def _connection(self) -> tuple[HTTPConnection, bool]:
        try:
            return self._idle.get_nowait(), True
        except Empty:
            return self._new(), False

    def _new(self) -> HTTPConnection:
        kind = HTTPSConnection if self.url.scheme == "https" else HTTPConnection
        return kind(str(self.url.hostname), self.url.port, timeout=self.timeout)

    def _keep(self, connection: HTTPConnection, answer: HTTPResponse) -> None:
        if answer.will_close or self._idle.full():
            connection.close()
        else:
            self._idle.put(connection)


def _ask(
    connection: HTTPConnection, method: str, target: str, content: bytes | None, headers: Mapping[str, str]
) -> HTTPResponse:
    connection.request(method, target, content, dict(headers))
    return connection.getresponse()


def path_of(*parts: str) -> str:
    """A path of these parts, each percent-encoded."""
    for part in parts:
        if not part:
            raise ValueError("an id must not be empty")
    return "/" + "/".join(quote(part, safe=":") for part in parts)


def key_or_environment(key: str | None) -> str:
    """The key that was given, or the one in COUNTERFOIL_KEY; ValueError without either."""
    found = key or os.environ.get(KEY_NAME, "")
    if not found:
        raise ValueError(f"give an API key, or set {KEY_NAME}")
    if not (found.isascii() and found.isprintable()):
        raise ValueError("an API key has printable ASCII characters only")
    return found


def root_of(base_url: str | None, ending: str = "") -> str:
    """The address of an API below a server's (given, or COUNTERFOIL_URL): `ending` is added where it is not there already."""
    root = (base_url or os.environ.get(URL_NAME) or DEFAULT_URL).rstrip("/")
    return root if root.endswith(ending) else root + ending


def read_json(data: bytes) -> Any:
    """JSON with exact numbers."""
    return json.loads(data, parse_float=Decimal)


def write_json(value: Any) -> bytes:
    """JSON; decimals as exact numbers. ValueError for what JSON cannot hold."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no number that JSON can hold")
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _query(query: Query) -> str:
    said = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in query.items() if v is not None}
    return urlencode(said, quote_via=quote)


def _refusal(status: int, data: bytes) -> ApiError:
    try:
        return error_of(status, read_json(data))
    except (ValueError, RecursionError):
        return error_of(status, data[:500].decode("utf-8", "replace"))


def _pause(tries: int, after: str | None) -> float:
    """Seconds until the next try: what the server asks for, or twice as long each time, with some chance in it."""
    if after is not None and after.isdigit():
        return min(float(after), LONGEST_WAIT)
    return float(min(FIRST_WAIT * 2**tries, LONGEST_WAIT)) * random.uniform(0.75, 1.25)


def _version() -> str:
    try:
        return version("counterfoil")
    except PackageNotFoundError:
        return "0"
