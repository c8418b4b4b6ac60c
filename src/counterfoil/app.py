"""Composition root: settings to adapters, store, flows and doors. What is plugged into what is said here, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from counterfoil.adapters.bank import read_statements
from counterfoil.adapters.chain.nodes import Chains
from counterfoil.adapters.mail.mime import message_bytes
from counterfoil.adapters.mail.smtp import SmtpPost, check_ca, read_smtp_url
from counterfoil.adapters.passwords import Argon2
from counterfoil.adapters.psp.gateways import Gateways
from counterfoil.adapters.secrets import Vault, installation_secret
from counterfoil.adapters.signing import Ed25519Signer, LogKeys
from counterfoil.adapters.tokens import read_token
from counterfoil.adapters.webhook_calls import WebhookCalls, read_allowed
from counterfoil.adapters.witness_calls import WitnessCalls
from counterfoil.core.basis.ids import Ref, time_ordered_ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.layout import Layout
from counterfoil.core.receipts.invoice import record_document
from counterfoil.core.receipts.payment import PaymentReceipt
from counterfoil.core.receipts.value import ValueReceipt
from counterfoil.exports.pdf import Attachment, invoice_pdf
from counterfoil.exports.receipt_pdf import receipt_pdf
from counterfoil.exports.receipt_view import receipt_id
from counterfoil.flows.advance import Advanced, advance
from counterfoil.flows.bank_port import ReadStatements
from counterfoil.flows.expect_tokens import printed_ways
from counterfoil.flows.integrate_log import BATCH, integrate
from counterfoil.flows.keep_layouts import layout_of, preview
from counterfoil.flows.keep_webhooks import Safe
from counterfoil.flows.keys import Auth, authenticate
from counterfoil.flows.land_usage import Landings
from counterfoil.flows.open_tenant import BOTH_MODES, Mode, OpenedTenant, open_company
from counterfoil.flows.promises import Post
from counterfoil.flows.sealed_receipts import Receipt, language_of, sealed_receipt
from counterfoil.flows.sessions import Sessions
from counterfoil.flows.sharing import Share, admit, rotate_key, rotate_link
from counterfoil.flows.witness_logs import own_key
from counterfoil.jobs.ask_witnesses import AskingWitnesses
from counterfoil.jobs.chain import WatchingChains
from counterfoil.jobs.charges import AskingProviders, ReadingPayouts
from counterfoil.jobs.deliver import Letters, delivering, draft_of
from counterfoil.jobs.timetable import EVERY_MODE, Job, timetable
from counterfoil.jobs.webhooks import Calling
from counterfoil.settings import Settings
from counterfoil.store.database import app_pool, embedded_url, migrate
from counterfoil.store.sessions import BeforeTenant
from counterfoil.store.sharing import find_handle, find_root
from counterfoil.store.tenants import add_tenant, all_tenants, find_key, find_tenant
from counterfoil.store.tx import Database, Tx
from counterfoil.web.receipt_page import display_of


@dataclass(frozen=True, slots=True)
class House:
    """What the doors are given: transactions of a tenant, who may enter, and the verbs that span several transactions."""

    settings: Settings
    db: Database
    log_keys: LogKeys
    clock: Callable[[], datetime]
    page_key: bytes
    """What the tokens of hosted pages are made with."""
    post: Post | None = None
    """Where mails are handed over; None when no mail server is configured."""
    sender: str = ""
    """Who mails come from; "" for the address of the entity that issued."""
    landings: Landings = field(default_factory=Landings)
    """Tells on which document an event lands."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Tx]:
        """A transaction of a tenant: committed when the block ends well, rolled back when it raises."""
        return self.db.tx(tenant, actor)

    def authenticate(self, token: str) -> Auth:
        """Who a bearer token (`pk_live_<id>.<secret>`) stands for; Forbidden otherwise."""
        with self.db.nobody() as conn:
            return authenticate(partial(find_key, conn), token)

    @property
    def sessions(self) -> Sessions:
        """Logging in and out: API keys for an hour, people for half a day."""
        secret = hmac.digest(self.page_key, b"counterfoil session tokens v1", hashlib.sha256)
        return Sessions(BeforeTenant(self.db.nobody), self.tx, Argon2(), secret, self.clock, secrets.token_bytes)

    @property
    def read_statements(self) -> ReadStatements:
        """Reads files of banks, whatever their format."""
        return read_statements

    def tenants(self) -> list[tuple[int, str]]:
        """(number, mode) of every tenant."""
        with self.db.nobody() as conn:
            return [(t[0], t[3]) for t in all_tenants(conn)]

    def tenant_list(self) -> list[tuple[int, Ref, str, str]]:
        """(number, reference, name, mode) of every tenant."""
        with self.db.nobody() as conn:
            return all_tenants(conn)

    def find_tenant(self, ref: str) -> int | None:
        """The number of the tenant of that reference."""
        with self.db.nobody() as conn:
            return find_tenant(conn, ref)

    def find_handle(self, handle: str) -> tuple[int, str, Ref] | None:
        """(tenant, noun, reference) of what a public link names, such as a share token or `chk_…`."""
        with self.db.nobody() as conn:
            return find_handle(conn, handle)

    def find_root(self, root: bytes) -> tuple[int, str, Ref] | None:
        """(tenant, `checkpoint` or `delta`, reference) of a proof root over deltas."""
        with self.db.nobody() as conn:
            return find_root(conn, root)

    def open_company(self, name: str, modes: Sequence[Mode] = BOTH_MODES) -> tuple[OpenedTenant, ...]:
        """Make a company's tenants, each with a log and a signing key of its own."""
        with self.db.nobody() as conn:
            return open_company(
                partial(add_tenant, conn), self.log_keys, new_ref, name=name, at=self.clock(),
                public_url=self.settings.public_url, modes=modes,
            )

    @property
    def vault(self) -> Vault:
        """Closes and opens secrets that the database must not tell: webhook secrets, share signing keys."""
        return self.log_keys.vault

    def signer(self, tx: Tx) -> Ed25519Signer:
        """Who signs the log of a transaction's tenant."""
        return self.log_keys.signer(tx.log_key(), tx.this_tenant().log_origin)

    def witness_signer(self, tx: Tx) -> Ed25519Signer:
        """Who cosigns the logs that a transaction's tenant watches."""
        key = own_key(tx, tx.this_tenant().log_origin, self.log_keys.new_log_key)
        return self.log_keys.signer(key.private_key, key.name)

    def witness_key(self, tx: Tx) -> str:
        """The verifier key of its cosignatures."""
        return own_key(tx, tx.this_tenant().log_origin, self.log_keys.new_log_key).verifier_key

    @property
    def witness_calls(self) -> WitnessCalls:
        """Reaches witnesses."""
        return WitnessCalls(self.webhook_calls)

    def integrate(self, tenant: int) -> int:
        """Take all sealed records that wait into the tenant's log and publish its checkpoint; how many they were."""
        done = 0
        while True:
            with self.tx(tenant, "log") as tx:
                placed = integrate(tx, self.signer(tx))
            done += placed
            if placed < BATCH:
                return done

    def advance(self, tenant: int, *, to: datetime | None = None, actor: str = "system",
                seen: Callable[[list[Document], datetime], None] | None = None) -> Advanced:
        """Do whatever has become due for a tenant; `to` first moves the clock of a test tenant forward."""
        return advance(self.db, tenant, to=to, actor=actor, seen=seen)

    def hosted_token(self, tenant_ref: str, document_ref: str) -> str:
        """What opens the hosted page of a document: 128 bits that nobody can guess, the same each time."""
        digest = hmac.digest(self.page_key, f"{tenant_ref}/{document_ref}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")

    def hosted_url(self, tenant_ref: str, document_ref: str) -> str:
        """Where the customer sees a document; it is in the PDF's QR code."""
        token = self.hosted_token(tenant_ref, document_ref)
        return f"{self.settings.public_url}/i/{tenant_ref}/{document_ref}?k={token}"

    def document_pdf(self, tx: Tx, document_ref: str, *, layout_must_exist: bool = False) -> bytes:
        """An issued document as PDF in its customer's layout, with its sealed record inside; NotFound without one."""
        sealed = tx.record(Ref(document_ref))
        if sealed is None:
            raise NotFound("document.not_found", f"there is no document {document_ref}")
        document = record_document(sealed.body)
        named = {document.corrects} | {x.correction.document_ref for x in document.lines if x.correction}
        rows = [tx.document_row(ref) for ref in sorted(r for r in named if r)]
        record = Attachment("record.json", sealed.body, description="The sealed record", relationship="source")
        return invoice_pdf(
            document,
            hosted_url=self.hosted_url(tx.this_tenant().ref, document.ref),
            attachments=(record,),
            numbers={row.ref: row.number for row in rows if row is not None},
            layout=layout_of(tx, document.buyer.ref, must_exist=layout_must_exist),
            ways=self.token_ways(tx, document_ref),
        )

    def admit(self, tx: Tx, share: Share, token: str) -> None:
        """Nothing, when who holds `token` may see a value receipt; Forbidden otherwise."""
        admit(tx, share, token, read_token, self.vault.decrypt, self.clock())

    def rotate_share_key(self, tx: Tx) -> str:
        """A new key that tokens for private receipts are signed with, told this once."""
        return rotate_key(tx, self.vault.encrypt, secrets.token_bytes)

    def rotate_share_link(self, tx: Tx, receipt: str) -> str:
        """Another link for a value receipt (its id): the one before is dead."""
        token = rotate_link(tx, receipt, secrets.token_bytes)
        return f"{self.settings.public_url}/public/value-receipts/{token}"

    def receipt_url(self, tx: Tx, record_ref: str) -> str:
        """The page of a sealed receipt of any kind; it is in the PDF's QR code. NotFound where it is none."""
        receipt = sealed_receipt(tx, Ref(record_ref)).receipt
        base = self.settings.public_url
        if isinstance(receipt, ValueReceipt):
            return f"{base}/public/value-receipts/{tx.handle_of('value_receipt', receipt.ref) or ''}"
        key = f"?k={self.receipt_key(tx.this_tenant().ref, receipt.ref)}" if isinstance(receipt, PaymentReceipt) else ""
        return f"{base}/receipt/{receipt_id(receipt)}{key}"

    def receipt_display(self, tx: Tx, receipt: Receipt, *, is_draft: bool = False) -> Mapping[str, Any]:
        """A receipt as finished text in its customer's language and look, for who renders it elsewhere."""
        customer = receipt.customer_ref
        return display_of(
            receipt, language=language_of(tx, customer), layout=layout_of(tx, customer), tenant_ref=tx.this_tenant().ref,
            is_draft=is_draft,
        )

    def receipt_key(self, tenant_ref: str, receipt_ref: str) -> str:
        """What opens the page of a payment receipt: whose it is, and 128 bits that nobody can guess."""
        whose = base64.urlsafe_b64encode(bytes.fromhex(tenant_ref.replace("-", ""))).decode().rstrip("=")
        return whose + self.hosted_token(tenant_ref, receipt_ref)

    def receipt_pdf(self, tx: Tx, record_ref: str) -> bytes:
        """A sealed receipt of any kind as PDF in its customer's layout, with its sealed record inside; NotFound without."""
        sealed = sealed_receipt(tx, Ref(record_ref))
        customer = sealed.receipt.customer_ref
        record = Attachment("record.json", sealed.record, description="The sealed record", relationship="source")
        return receipt_pdf(
            sealed.receipt, url=self.receipt_url(tx, record_ref), language=language_of(tx, customer),
            attachments=(record,), layout=layout_of(tx, customer),
        )

    def preview_layout(self, tx: Tx, layout: Layout, document_ref: str | None = None) -> bytes:
        """An issued document, or a sample, as PDF in a layout that need not be stored. Invalid names what is wrong."""

        def draw(document: Document, chosen: Layout) -> bytes:
            return invoice_pdf(document, hosted_url=self.settings.public_url, layout=chosen)

        return preview(tx, layout, document_ref, draw)

    @property
    def letters(self) -> Letters:
        """Makes the mails that documents go out with."""
        return Letters(
            partial(self.document_pdf, layout_must_exist=True), self.hosted_url, self.sender, self.receipt_pdf
        )

    def mail_source(self, tx: Tx, promise_ref: str) -> bytes:
        """The mail of a promise as it goes over the wire (message/rfc822), to look at; NotFound without one."""
        mail = draft_of(tx, self.letters, promise_ref, tx.now)
        if mail is None:
            raise NotFound("mail.not_found", f"there is no mail {promise_ref}")
        return message_bytes(mail)

    @property
    def webhook_safe(self) -> Safe:
        """Closes and opens the secrets of webhooks."""
        return Safe(self.vault.encrypt, self.vault.decrypt)

    @property
    def webhook_calls(self) -> WebhookCalls:
        """Reaches receivers of webhooks."""
        return WebhookCalls(read_allowed(self.settings.webhook_allow))

    def receipt_links(self, tx: Tx, data: Mapping[str, Any]) -> dict[str, str]:
        """Where a receipt that an event tells of is shown."""
        try:
            page = self.receipt_url(tx, data.get("record_ref") or data["receipt_ref"])
            return {} if page.endswith("/") else {"page": page}  # a value receipt that was never published has none
        except NotFound:
            return {}

    @property
    def gateways(self) -> Gateways:
        """Reaches payment providers."""
        vault = self.vault
        return Gateways(self.tx, vault.encrypt, vault.decrypt, self.clock, self.settings.public_url, self.settings.stripe_api)

    @property
    def timetable(self) -> tuple[Job, ...]:
        """What the worker does by itself."""

        def bring_up(tenant: int) -> int:
            done = self.advance(tenant, actor="worker")
            return done.issued + done.notes

        calling = Calling(self.tx, self.webhook_calls, self.webhook_safe, self.clock, links=self.receipt_links)
        deliver = delivering(self.tx, self.letters, self.post, self.clock)
        asking = AskingWitnesses(self.tx, self.witness_calls.post)
        return timetable(self.tx, self.signer, bring_up, deliver, call_webhooks=calling, ask_witnesses=asking,
                         more=(*self.provider_jobs, self.chain_job))  # fmt: skip

    @property
    def chains(self) -> Chains:
        """Reaches nodes of chains, and reads addresses."""
        return Chains(self.vault.encrypt, self.vault.decrypt, self.webhook_calls)

    def token_ways(self, tx: Tx, document_ref: str) -> list[tuple[str, str]]:
        """Where a document is paid in tokens, as its PDF and its page print it; its address is made with the first."""
        return printed_ways(tx, self.chains.addresses, document_ref)

    @property
    def chain_job(self) -> Job:
        """Looking for transfers of tokens."""
        return Job("watch_chains", 10, EVERY_MODE, WatchingChains(self.tx, self.chains.node), lane="chains")

    @property
    def provider_jobs(self) -> tuple[Job, ...]:
        """What payment providers are asked for."""
        providers = self.gateways
        asking = AskingProviders(self.tx, providers.of, self.clock, providers.collect)
        return (
            Job("ask_providers", 2, EVERY_MODE, asking, lane="providers"),
            Job("read_payouts", 3600, EVERY_MODE, ReadingPayouts(self.tx, providers.of), lane="providers"),
        )

    def close(self) -> None:
        """Give the database connections back."""
        self.db.pool.close()


def new_ref() -> Ref:
    """A fresh time-ordered reference."""
    return time_ordered_ref(time.time_ns() // 1_000_000, secrets.token_bytes(10))


def wall_clock() -> datetime:
    """The time outside."""
    return datetime.now(UTC)


def administrator_url(settings: Settings) -> str:
    """The administrator's connection string: of a server of your own, or of the embedded one, which is started."""
    return settings.database_url or embedded_url(settings.home)


def build(settings: Settings, *, connections: int = 16, clock: Callable[[], datetime] = wall_clock) -> House:
    """A house over a migrated database. Close it when done."""
    admin = administrator_url(settings)
    smtp = read_smtp_url(settings.smtp_url) if settings.smtp_url else None
    if smtp is not None:
        check_ca(smtp)
    migrate(admin)
    read_allowed(settings.webhook_allow)
    pool: Any = app_pool(admin, settings.app_url, connections)
    secret = installation_secret(settings)
    page_key = hmac.digest(secret, b"counterfoil hosted page v1", hashlib.sha256)
    return House(
        settings, Database(pool, clock), LogKeys(Vault(secret)), clock, page_key,
        post=None if smtp is None else SmtpPost(smtp), sender="" if smtp is None else smtp.sender,
    )


@contextmanager
def open_house(settings: Settings, *, connections: int = 16, clock: Callable[[], datetime] = wall_clock) -> Iterator[House]:
    """A house for the length of a block."""
    house = build(settings, connections=connections, clock=clock)
    try:
        yield house
    finally:
        house.close()
