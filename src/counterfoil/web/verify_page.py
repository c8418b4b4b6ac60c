"""`/verify`: proof bundles checked in the reader's browser; the verifier as one file to keep; the page of a proof root.

Who holds the root of a balance receipt may see its summary, and have the browser check that its entry is in the log. The
receipt itself, with its customer and its deltas, is part of that proof only where the tenant shows records to those who hold
a root (`show_records`); otherwise the page brings the entry's leaf hash alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Conflict, NotFound, Refusal
from counterfoil.core.receipts.balance import record_balance
from counterfoil.flows.prove import bundle_of, inclusion_bundle, verifier_key
from counterfoil.flows.read_balances import read_root
from counterfoil.flows.verify_root import Verified, verify_root
from counterfoil.web.assets import CONTENT_SECURITY_POLICY, asset, asset_url
from counterfoil.web.routes import HEADERS, HTML, NOBODY, PRIVATE, error_response, refused

Seen = Request[Any, Any, Any]
SEALED_OFF = CONTENT_SECURITY_POLICY.replace("connect-src 'self'", "connect-src 'none'")
"""What the page for files needs: once loaded, it can reach nobody."""
ALONE = "counterfoil-verifier.html"


class House(Protocol):
    """What these pages need of the house."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
        ...

    def find_root(self, root: bytes) -> tuple[int, str, Ref] | None:
        """(tenant, noun, reference) of what a proof root stands for."""
        ...

    def integrate(self, tenant: int) -> int:
        """Take sealed records into the log."""
        ...


def verify_pages(house: House) -> Sequence[HTTPRouteHandler]:
    """The handlers."""

    @get("/verify", sync_to_thread=False, include_in_schema=False)
    def page() -> Response[str]:
        headers = {**HEADERS, "Content-Security-Policy": SEALED_OFF, "Cache-Control": "no-cache"}
        return Response(verify_page(), media_type=HTML, headers=headers)

    @get(f"/verify/{ALONE}", sync_to_thread=False, include_in_schema=False)
    def alone() -> Response[str]:
        html, policy = verifier_alone()
        return Response(html, media_type=HTML, headers={
            **HEADERS, "Content-Security-Policy": policy, "Cache-Control": "no-cache",
            "Content-Disposition": f'attachment; filename="{ALONE}"',
        })

    @get("/verify/{root:str}", sync_to_thread=True, include_in_schema=False)
    def of_root(request: Seen) -> Response[Any]:
        return _about_root(house, request, _root_page)

    @get("/verify/{root:str}/bundle.json", sync_to_thread=True, include_in_schema=False)
    def bundle(request: Seen) -> Response[Any]:
        return _about_root(house, request, _bundle)

    return page, alone, of_root, bundle


def verify_page() -> str:
    """The page that checks files."""
    return _environment().get_template("verify.html").render(alone=False)


@cache
def verifier_alone() -> tuple[str, str]:
    """The same as one file that needs nobody, and its content security policy: it runs its own scripts and reaches nothing."""
    style = _text("page.css") + _text("verify.css")
    check = _text("verify.js").replace("\nexport ", "\n")
    assert "export" not in check.partition("//")[0] and "</script" not in check.lower(), "it can stand within a page"
    scripts = [
        f"{check}\nglobalThis.counterfoilVerifier = {{ ready: null, verifyBundle, verifyTogether }};\n", _text("verify-page.js")
    ]
    hashes = " ".join(map(_hash, scripts))
    policy = f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    html = _environment().get_template("verifier_alone.html").render(
        alone=True, policy=policy, style=Markup(style), scripts=[Markup(s) for s in scripts]
    )
    return html, policy


def _text(name: str) -> str:
    return asset(name)[0].decode()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _about_root(house: House, request: Seen, show: Callable[[Any, str, Ref], Response[Any]]) -> Response[Any]:
    """What `show` makes of a proof root. Nobody learns more of an unknown root than that it is unknown."""
    root = read_root(request.path_params["root"])
    found = None if root is None else house.find_root(root)
    if found is None:
        return error_response(
            404, "Unknown proof root", "No receipt here has this proof root. A root has 64 digits, as it is printed on the "
            "receipt; a bundle that you hold can be checked as a file."
        )
    tenant, noun, ref = found
    try:
        try:
            with house.tx(tenant, NOBODY) as tx:
                return show(tx, noun, ref)
        except Conflict as error:
            if error.code != "record.pending":
                raise
        house.integrate(tenant)
        with house.tx(tenant, NOBODY) as tx:
            return show(tx, noun, ref)
    except Refusal as error:
        return refused(error)


def _bundle(tx: Any, noun: str, ref: Ref) -> Response[Any]:
    """The receipt's bundle where records are shown, else that its entry is in the log."""
    if noun != "checkpoint":
        raise NotFound("record.not_found", "a delta alone has no entry in the log")
    data = bundle_of(tx, ref) if tx.balance_setting().show_records else inclusion_bundle(tx, ref)
    return Response(data, media_type="application/json", headers=PRIVATE)


def _root_page(tx: Any, noun: str, ref: Ref) -> Response[str]:
    seen = verify_root(tx, noun, ref, log=True)
    root = f"0x{seen.root.hex()}"
    if seen.checkpoint is not None and seen.published is None:
        raise Conflict("record.pending", "the receipt waits for its place in the log")
    logged = seen.checkpoint is not None
    unit = record_balance(tx.record(ref).body).unit if logged else tx.balance_setting().unit
    whole = logged and tx.balance_setting().show_records
    html = _environment().get_template("verify_root.html").render(
        title="Balance receipt" if logged else "Delta", root=root, short=f"{root[:10]}…", stored=seen.stored,
        stored_says=_stored_says(seen), facts=_facts(seen, unit), notes=_notes(seen, whole=whole),
        bundle=f"/verify/{root}/bundle.json" if logged else "",
        name=f"{root[2:18]}.{'bundle' if whole else 'inclusion'}.json", key=verifier_key(tx),
    )
    return Response(html, media_type=HTML, headers=PRIVATE)


def _stored_says(seen: Verified) -> str:
    if not seen.stored:
        return "The stored records do not give this root"
    return "The stored deltas give this root" if seen.checkpoint is not None else "The stored delta has this root"


def _facts(seen: Verified, unit: str) -> list[tuple[str, str]]:
    s = seen.summary
    facts = [
        ("Deltas", f"{s.count:,}"),
        ("Change", f"{decimal_text(s.total)} {unit}"),
        ("Balance before", f"{decimal_text(seen.starting_balance)} {unit}"),
        ("Balance after", f"{decimal_text(seen.ending_balance)} {unit}"),
    ]
    if seen.checkpoint is not None:
        facts += [("From", instant_text(seen.checkpoint.window.start)), ("Up to", instant_text(seen.checkpoint.window.end))]
    facts.append(("Recorded", instant_text(seen.recorded_at)))
    if seen.published is not None:
        facts.append(("Entry in the log", f"{seen.published.index + 1:,} of {seen.published.size:,}"))
        facts.append(("Cosigned by", ", ".join(seen.published.witnesses) or "nobody else"))
    return facts


def _notes(seen: Verified, *, whole: bool) -> list[str]:
    if seen.checkpoint is None:
        return ["This is the root of one delta alone. The log takes in sealed windows: once a checkpoint over its window is "
                "sealed, the checkpoint's root is what the log proves."]
    if whole:
        return []
    return ["The issuer does not show the record to everybody who holds its root. Your browser checks that the receipt's entry "
            "is in the signed log; that the entry is the one with this root and these sums is what the issuer's server says. "
            "Whoever has the receipt's bundle can check that, too."]


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    environment.globals["asset_url"] = asset_url
    return environment
