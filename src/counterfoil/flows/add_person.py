"""Add a person: an account of the tenant, with its password kept as a slow hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Problem, refuse_if

PERSON_ROLES = ("admin", "finance", "viewer", "partner")
MIN_PASSWORD = 10
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class PersonTx(Protocol):
    """What adding people needs of the store."""

    def new_ref(self) -> Ref:
        """A fresh reference."""
        ...

    def add_person(self, ref: Ref, email: str, name: str, password_hash: str, role: str) -> None:
        """Store an account."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None, why: str = "") -> None:
        """Write the change down."""
        ...


def add_person(tx: PersonTx, hashed: Callable[[str], str], *, email: str, name: str, password: str, role: str) -> Ref:
    """Store an account; `hashed` makes the password's hash (Argon2id). Invalid names what is wrong."""
    problems = []
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > 254:
        problems.append(Problem("email", "must be an e-mail address"))
    if len(password) < MIN_PASSWORD:
        problems.append(Problem("password", f"must have at least {MIN_PASSWORD} characters"))
    if role not in PERSON_ROLES:
        problems.append(Problem("role", f"must be one of {', '.join(PERSON_ROLES)}"))
    refuse_if(problems)
    ref = tx.new_ref()
    tx.add_person(ref, email, name.strip(), hashed(password), role)
    tx.audit("create", "person", ref, after={"email": email, "role": role})
    return ref
