"""A double of Stripe: localstripe as a process of its own, which keeps state, and before it a door that adds what it lacks.

The door answers a repeated Idempotency-Key with the first answer, refuses refunds beyond a charge, hides parameters that
localstripe does not know, and keeps Checkout Sessions and what is in a payout by itself.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

HIDDEN = ("description", "expand", "setup_future_usage", "usage")
"""What the real one takes and localstripe does not."""
CARDS = {"good": "4242424242424242", "declined": "4000000000000341", "asks": "4000002760003184", "refused": "4000000000000002"}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


class Double:
    """Where it listens, and what its tests do in the customer's browser's place."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.key = f"sk_test_{secrets.token_hex(12)}"
        self.sessions: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.calls: list[str] = []
        self.fail_next = 0
        self.payout_parts: dict[str, list[dict[str, Any]]] = {}
        self._http = httpx.Client(base_url=behind, headers={"Authorization": f"Bearer {self.key}"}, timeout=20)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()

    def token(self, card: str) -> str:
        """What Stripe's own script gives the page for a card."""
        body = {"type": "card", "card[number]": CARDS[card], "card[exp_month]": "4", "card[exp_year]": "2031", "card[cvc]": "123"}
        return str(self._http.post("/v1/payment_methods", data=body).raise_for_status().json()["id"])

    def payout(self, amount: int, currency: str = "eur") -> dict[str, Any]:
        """Money sent to the bank."""
        body = {"amount": str(amount), "currency": currency, "status": "paid", "statement_descriptor": "STRIPE"}
        found: dict[str, Any] = self._http.post("/v1/payouts", data=body).raise_for_status().json()
        return found

    def intent(self, id: str) -> dict[str, Any]:
        """A charge as it is kept."""
        found: dict[str, Any] = self._http.get(f"/v1/payment_intents/{id}").raise_for_status().json()
        return found

    def answer(self, method: str, path: str, query: str, body: bytes, key: str) -> tuple[int, bytes]:
        """What the door says."""
        self.calls.append(f"{method} {path}")
        if self.fail_next:
            self.fail_next -= 1
            return 503, b'{"error": {"type": "api_error", "message": "try again"}}'
        if key and key in self.answers:
            return self.answers[key]
        status, content = self._answer(method, path, query, body)
        if key and status < 500:
            self.answers[key] = (status, content)
        return status, content

    def _answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if path.startswith("/v1/checkout/sessions"):
            return self._session(path, form)
        if path == "/v1/balance_transactions":
            parts = self.payout_parts.get(dict(parse_qsl(query)).get("payout", ""), [])
            return 200, json.dumps({"object": "list", "data": parts, "has_more": False, "url": path}).encode()
        if path == "/v1/payouts" and method == "GET":
            query = ""
        if path == "/v1/refunds" and method == "POST":
            intent = self.intent(form["payment_intent"])
            gone = sum(r["amount"] for r in self._http.get(
                "/v1/refunds", params={"payment_intent": intent["id"]}).json()["data"])
            if gone + int(form.get("amount", intent["amount"])) > intent["amount"]:
                return 400, json.dumps({"error": {"type": "invalid_request_error", "code": "charge_already_refunded",
                                                  "message": "more than is left"}}).encode()
        keep = {k: v for k, v in form.items() if k.partition("[")[0] not in HIDDEN}
        params = [(k, v) for k, v in parse_qsl(query) if not k.startswith(("expand", "limit"))]
        answer = self._http.request(method, path, params=urlencode(params), data=keep or None)
        return answer.status_code, answer.content

    def _session(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        rest = path.removeprefix("/v1/checkout/sessions").strip("/")
        if not rest:
            id = f"cs_test_{secrets.token_hex(8)}"
            self.sessions[id] = {"id": id, "object": "checkout.session", "status": "open", "payment_intent": None,
                                 "url": f"https://checkout.stripe.example/{id}", "form": form}
            return 200, json.dumps(self.sessions[id]).encode()
        found = self.sessions.get(rest.partition("/")[0])
        if found is None or found["status"] != "open":
            return 400, b'{"error": {"type": "invalid_request_error", "message": "not open"}}'
        found["status"] = "expired"
        return 200, json.dumps(found).encode()


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = self.headers.get("Idempotency-Key", "") if self.command == "POST" else ""
            if self.headers.get("Authorization") != f"Bearer {double.key}":
                status, content = 401, b'{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}'
            else:
                status, content = double.answer(self.command, path, query, body, key)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _any

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    return Handler


@contextmanager
def stripe_double() -> Iterator[Double]:
    """A double that runs, from nothing."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"], cwd=home,
            env={"HOME": home, "TMPDIR": home},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        double = None
        try:
            _wait_for(port, process)
            double = Double(f"http://127.0.0.1:{port}")
            yield double
        finally:
            if double is not None:
                double.close()
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "localstripe ended"
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("localstripe did not listen")
