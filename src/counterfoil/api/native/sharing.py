"""`/v1/sharing-settings`: who may see receipts, the key of the tokens that open private ones, links that are taken back."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route, Secret
from counterfoil.api.native.wire import Input, Output
from counterfoil.flows.sharing import MAX_ORIGINS, MAX_URL, Sharing, change_sharing, unpublish_everything

Url = Annotated[str, Meta(max_length=MAX_URL)]
Origins = Annotated[
    list[Annotated[str, Meta(max_length=MAX_URL)]],
    Meta(max_length=MAX_ORIGINS, description="Origins whose pages may show receipts in a frame",
         examples=[["https://app.example.com"]]),
]


class SharingSettings(Input):
    """Who may see receipts. Tokens (JWT, HS256) name `issuer`, and `audience` where one is set, and live `token_seconds` at
    the most. `login_url`: where people who open a private link without a token are sent, with `?redirect=`; `refresh_url`:
    where a page that embeds a receipt gets a new token."""

    issuer: Annotated[str, Meta(max_length=200)] = "paid"
    audience: Annotated[str, Meta(max_length=200)] | None = None
    token_seconds: int = 3600
    login_url: Url | None = None
    refresh_url: Url | None = None
    embed_origins: Origins = field(default_factory=list)
    allow_embed: bool = True


class SharingSettingsOut(Output):
    """Who may see receipts. `has_key`: whether there is a signing key; it is told once, when it is made."""

    issuer: str
    audience: str | None
    token_seconds: int
    login_url: str | None
    refresh_url: str | None
    embed_origins: list[str]
    allow_embed: bool
    has_key: bool


class NewShareKey(Output):
    """The new signing key at the only moment at which it is told (null when it is asked again)."""

    signing_key: str | None


class LinkToRotate(Input):
    """The id of a value receipt, `vr_…`, or its reference."""

    receipt: Annotated[str, Meta(min_length=1, max_length=80)]


class RotatedLink(Output):
    """The new link; the one before is dead."""

    public_url: str


class Unpublished(Output):
    """How many receipts were public, and are not any more."""

    unpublished: int


def settings_out(sharing: Sharing) -> SharingSettingsOut:
    """Settings as the wire shows them."""
    return SharingSettingsOut(
        issuer=sharing.issuer, audience=sharing.audience, token_seconds=sharing.token_seconds,
        login_url=sharing.login_url, refresh_url=sharing.refresh_url, embed_origins=list(sharing.embed_origins),
        allow_embed=sharing.allow_embed, has_key=sharing.has_key,
    )


def get_settings(call: Call) -> SharingSettingsOut:
    """The settings."""
    return settings_out(call.tx.sharing())


def put_settings(call: Call) -> SharingSettingsOut:
    """Replace them."""
    b = call.body
    return settings_out(change_sharing(call.tx, Sharing(
        b.issuer, b.audience, b.token_seconds, b.login_url, b.refresh_url, tuple(b.embed_origins), b.allow_embed
    )))


def post_rotate_key(call: Call) -> Secret:
    """A new signing key."""
    return Secret(NewShareKey(signing_key=call.house.rotate_share_key(call.tx)), NewShareKey(signing_key=None))


def post_rotate_link(call: Call) -> RotatedLink:
    """A new link for a value receipt."""
    return RotatedLink(public_url=call.house.rotate_share_link(call.tx, call.body.receipt))


def post_unpublish(call: Call) -> Unpublished:
    """Everything private."""
    return Unpublished(unpublished=unpublish_everything(call.tx))


_AT = "/v1/sharing-settings"
_EXAMPLE = {
    "issuer": "paid", "audience": None, "token_seconds": 3600, "login_url": "https://app.example.com/login",
    "refresh_url": "https://app.example.com/receipt-token", "embed_origins": ["https://app.example.com"],
    "allow_embed": True,
}

ROUTES = (
    Route("GET", _AT, "Sharing", "Who may see receipts", get_settings, SharingSettingsOut),
    Route("PUT", _AT, "Sharing", "Say who may see receipts", put_settings, SharingSettingsOut, body=SharingSettings,
          roles=ADMIN, example=_EXAMPLE, about="What is left out gets its default. The signing key stays."),
    Route("POST", f"{_AT}/rotate-key", "Sharing", "Make a new signing key", post_rotate_key, NewShareKey, roles=ADMIN,
          about="It is told this once. Tokens that were signed with the one before open nothing any more."),
    Route("POST", f"{_AT}/rotate-link", "Sharing", "Give a value receipt another link", post_rotate_link, RotatedLink,
          body=LinkToRotate, roles=FINANCE, errors=(404,), example={"receipt": "vr_0190b2f47c5e7d118f5a3c2b1a0d9e8f"},
          about="The link before is dead at once."),
    Route("POST", f"{_AT}/unpublish-all", "Sharing", "Make every value receipt private", post_unpublish, Unpublished,
          roles=ADMIN),
)
