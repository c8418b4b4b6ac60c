"""The Python client: `from counterfoil.client import Paid`. It needs the standard library alone, and nothing of the server."""

from counterfoil.client.errors import (
    ApiError,
    BadRequest,
    Conflict,
    CounterfoilError,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ServerError,
    TooLarge,
    TooManyRequests,
    UnexpectedAnswer,
)
from counterfoil.client.native import Counterfoil, verify
from counterfoil.client.pacspace import PacSpace
from counterfoil.client.paid import Paid

__all__ = [
    "ApiError",
    "BadRequest",
    "Conflict",
    "Counterfoil",
    "CounterfoilError",
    "NoAnswer",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "PacSpace",
    "Paid",
    "ServerError",
    "TooLarge",
    "TooManyRequests",
    "UnexpectedAnswer",
    "verify",
]
