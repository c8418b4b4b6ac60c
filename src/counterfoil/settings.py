"""Settings: the environment, read once into one frozen value. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where data lives and how the doors are opened.

    `home`: directory of the embedded database, the installation's secret and scratch files (`COUNTERFOIL_HOME`, default
    `~/.counterfoil`). `database_url`: an administrator's connection string to a PostgreSQL server of your own
    (`COUNTERFOIL_DATABASE_URL`); without it the embedded one is used. `app_url`: a connection string of the restricted
    role, needed only where the server does not let the administrator's host log in as `counterfoil_app`
    (`COUNTERFOIL_APP_URL`). `secret`: 32 bytes in hex that encrypt signing keys (`COUNTERFOIL_SECRET`; without it a file
    in `home` is made and used). `public_url`: how customers reach this host (`COUNTERFOIL_PUBLIC_URL`), printed in
    documents and QR codes; where nobody says (`says_public_url`), `counterfoil serve` takes the port that it listens on.
    `smtp_url`: the mail server that documents are handed to (`COUNTERFOIL_SMTP_URL`, such as
    `smtp://user:password@host:587?from=billing@example.com`); without it none go out. `webhook_allow`: hosts and networks
    (CIDR), separated by commas, that webhooks may call although they are not public (`COUNTERFOIL_WEBHOOK_ALLOW`).
    `stripe_api`: another address of Stripe's API, such as a double's (`COUNTERFOIL_STRIPE_API`).
    """

    home: Path
    database_url: str | None = None
    app_url: str | None = None
    secret: str | None = None
    public_url: str = "http://localhost:8080"
    says_public_url: bool = False
    smtp_url: str | None = field(default=None, repr=False)
    webhook_allow: str = ""
    stripe_api: str = ""

    def served_on(self, port: int) -> Settings:
        """The settings of a server on that port of this machine: customers reach it there unless somebody says otherwise."""
        return self if self.says_public_url else replace(self, public_url=f"http://localhost:{port}")


def read_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from `env` (the process's environment by default)."""
    env = os.environ if env is None else env
    return Settings(
        home=Path(env.get("COUNTERFOIL_HOME") or "~/.counterfoil").expanduser(),
        database_url=env.get("COUNTERFOIL_DATABASE_URL") or None,
        app_url=env.get("COUNTERFOIL_APP_URL") or None,
        secret=env.get("COUNTERFOIL_SECRET") or None,
        public_url=(env.get("COUNTERFOIL_PUBLIC_URL") or "http://localhost:8080").rstrip("/"),
        says_public_url=bool(env.get("COUNTERFOIL_PUBLIC_URL")),
        smtp_url=env.get("COUNTERFOIL_SMTP_URL") or None,
        webhook_allow=env.get("COUNTERFOIL_WEBHOOK_ALLOW") or "",
        stripe_api=(env.get("COUNTERFOIL_STRIPE_API") or "").rstrip("/"),
    )
