"""Call witnesses over HTTP, with the care that receivers of webhooks are called with: public addresses only, no redirects,
not for long, and no more of the answer than a few signature lines have."""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

from counterfoil.adapters.webhook_calls import Unreached, WebhookCalls, _connect, _left, _Timed, read_url
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.ask_witnesses import WitnessAnswer

MAX_ANSWER = 64 * 1024
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class WitnessCalls:
    """Calls witnesses where `calls` would call receivers."""

    calls: WebhookCalls
    timeout: float = TIMEOUT_SECONDS

    def check(self, url: str) -> str:
        """The address in its one spelling; Invalid (`url`) for one that must not be called."""
        return self.calls.check(url)

    def post(self, url: str, body: bytes) -> WitnessAnswer:
        """What the witness answers."""
        try:
            return self._post(url, body, time.monotonic() + self.timeout)
        except Invalid as error:
            return WitnessAnswer(None, error=f"not called: {error.message}")
        except Unreached as error:
            return WitnessAnswer(None, error=str(error))
        except TimeoutError:
            return WitnessAnswer(None, error=f"no answer within {self.timeout:g} seconds")
        except ssl.SSLError as error:
            return WitnessAnswer(None, error=f"TLS: {error}")
        except (OSError, HTTPException, ValueError) as error:
            return WitnessAnswer(None, error=f"{type(error).__name__}: {error}")

    def _post(self, url: str, body: bytes, until: float) -> WitnessAnswer:
        target = read_url(url)
        sock = _connect(self.calls._addresses(target), target.port, until)
        try:
            if target.scheme == "https":
                sock.settimeout(_left(until))
                sock = self.calls.tls().wrap_socket(sock, server_hostname=target.host)
            lines = {"Host": target.authority, "Content-Type": "text/plain", "Content-Length": str(len(body)),
                     "Connection": "close", "User-Agent": "counterfoil"}
            head = f"POST {target.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
            sock.settimeout(_left(until))
            with suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(head.encode("ascii") + body)
            response = HTTPResponse(cast(Any, _Timed(sock, until)), method="POST")
            try:
                response.begin()
                return WitnessAnswer(response.status, response.headers.get("Content-Type", ""), response.read(MAX_ANSWER))
            finally:
                response.close()
        finally:
            sock.close()
