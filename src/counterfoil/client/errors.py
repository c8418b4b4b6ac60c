"""What can go wrong between this client and the server."""

from __future__ import annotations

from typing import Any


class CounterfoilError(Exception):
    """Anything that this client raises."""


class NoAnswer(CounterfoilError):
    """The server was not reached, or did not answer in time, after every retry. Whether it did anything is not known; the same
    call with the same idempotency key finds out."""


class UnexpectedAnswer(CounterfoilError):
    """The answer is not what the API says it is: another server, a proxy, or another version."""


class ApiError(CounterfoilError):
    """The server refused. `status`: of HTTP; `code`: stable, for programs; `message`: for people; `body`: all that it said."""

    def __init__(self, status: int, code: str, message: str, body: Any = None) -> None:
        super().__init__(f"{status} {code}: {message}" if code else f"{status}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.body = body


class BadRequest(ApiError):
    """400 or 422: something in the request is wrong; the message names it."""


class NotAuthenticated(ApiError):
    """401: the key is missing, unknown or revoked."""


class NotAllowed(ApiError):
    """403: the key is good, but its role may not do this."""


class NotFound(ApiError):
    """404: there is no such thing for this key."""


class Conflict(ApiError):
    """409: the state of things does not allow it, as for a refresh of a sealed receipt."""


class TooLarge(ApiError):
    """413: send it in several requests."""


class TooManyRequests(ApiError):
    """429, after every retry."""


class ServerError(ApiError):
    """5xx, after every retry."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest, 401: NotAuthenticated, 403: NotAllowed, 404: NotFound, 409: Conflict, 413: TooLarge, 422: BadRequest,
    429: TooManyRequests,
}


def error_of(status: int, body: Any) -> ApiError:
    """The error that an answer stands for, whichever of our dialects it is spelled in."""
    code, message = _said(body)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    return kind(status, code, message or f"the server answered {status}", body)


def _said(body: Any) -> tuple[str, str]:
    if not isinstance(body, dict):
        return "", body if isinstance(body, str) else ""
    error = body.get("error")
    if isinstance(error, dict):
        return str(error.get("code") or ""), str(error.get("message") or "")
    return str(body.get("code") or ""), str(error or body.get("detail") or body.get("message") or "")
