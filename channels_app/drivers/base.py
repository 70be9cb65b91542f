"""What a driver is: the code for one kind of communication channel.

A driver is built from plain settings and an HTTP client. It imports no models and writes
nothing: it verifies and parses what a platform delivers, and sends what it is given.

To add a driver, see `channels_app/README.md`.
"""

# ruff: noqa: ARG002 - the methods of the interface use no arguments until a driver does

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_app.drivers.events import (
    AttachmentType,
    ContactEvent,
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    IdentityEvent,
    IgnoredEvent,
    InboundAttachment,
    MessageEvent,
    Person,
    PostbackEvent,
    ReachabilityEvent,
    ReactionEvent,
    ReceiptEvent,
    TypingEvent,
)
from channels_app.drivers.outgoing import (
    Outgoing,
    OutgoingFile,
    SendResult,
    Template,
    TemplateUse,
)
from openlines_project.lib.http import HttpDoor

__all__ = [
    "Account",
    "AttachmentType",
    "Capabilities",
    "CheckResult",
    "ConfigForm",
    "ContactEvent",
    "DeleteEvent",
    "Driver",
    "DriverError",
    "EchoEvent",
    "EditEvent",
    "ErrorClass",
    "Event",
    "FieldErrors",
    "Http",
    "IdentityEvent",
    "IgnoredEvent",
    "InboundAttachment",
    "MediaFile",
    "MessageEvent",
    "Outgoing",
    "OutgoingFile",
    "ParseError",
    "Person",
    "PostbackEvent",
    "ReachabilityEvent",
    "ReactionEvent",
    "ReceiptEvent",
    "SendResult",
    "SignatureError",
    "Template",
    "TemplateUse",
    "TypingEvent",
    "clean_base_url",
]

# What may be done about a failure: see `DriverError`.
ErrorClass = Literal["retry", "contact", "window", "auth", "content", "unknown"]


# --- answers ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The platform account behind the credentials: bot, page, number, mailbox."""

    account_id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What "check now" found. `problems` are sentences for a person; empty means all is well."""

    account: Account | None
    problems: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """A file fetched from the platform, as a stream of at most `MEDIA_MAX_BYTES`."""

    chunks: Iterator[bytes]
    name: str = ""
    content_type: str = ""


# --- errors -------------------------------------------------------------------------------


class SignatureError(Exception):
    """The delivery is not from whom it says: answer 401, store nothing."""


class ParseError(Exception):
    """The signature is right and the body is not understood: keep it as a dead letter."""


class FieldErrors(ParseError):  # noqa: N818 - it carries several
    """A sender who can read an answer gets one: 422 with `fields`, and nothing is stored."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__("The delivery has wrong fields.")
        self.fields = fields


class DriverError(Exception):
    """A call to the platform failed.

    `error_class` says what may be done: `retry` (try again, after `retry_after` seconds when the
    platform names them), `contact` (this person cannot be reached), `window` (the time to answer
    is over), `auth` (our credentials are dead: the connector is broken), `content` (this message
    will never be taken), `unknown` (it may have arrived: never sent again by itself).
    The message is a sentence for a person and holds no credential.
    """

    def __init__(
        self, message: str, *, error_class: ErrorClass, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.retry_after = retry_after


# --- the driver ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the channel can do. Whoever queues a message cuts it to this: see `Driver.send`.

    `text_limit` and `caption_limit` are counted in `text_unit`; a caption is a text that goes
    with a file, and 0 means that a text always goes alone. `files_per_message` 0 means any number.
    `reply_window_hours` counts from the customer's last message, 0 means no end;
    `automatic_window_hours` is its shorter one for texts that no person wrote, 0 means the same.
    With `shares_chats` another program may answer a chat on the platform: what comes meanwhile has
    `data["standby"]`, and gets no automatic texts. `connects` says
    that the platform must reach us, and is told on connecting where; until then the channel is
    not set up.
    """

    text_limit: int = 4096
    text_unit: Literal["characters", "utf16", "bytes"] = "characters"
    webhook: bool = True  # the platform calls us
    polling: bool = False  # we can ask the platform instead
    files: bool = False
    files_per_message: int = 1
    caption_limit: int = 0
    reply_window_hours: int = 0
    automatic_window_hours: int = 0
    shares_chats: bool = False
    typing: bool = False
    seen: bool = False  # the customer can be shown that we have read his message
    buttons: bool = False
    templates: bool = False  # there are texts to send when the time to answer is over
    profiles: bool = False  # the name of a person is asked for: his messages do not have it
    connects: bool = False
    deduplicates: bool = False  # a repeat of `delivery_id` is recognised: `unknown` may be re-sent
    retry_hours: int = 1  # for so long a message is tried again
    can_answer_later: bool = True  # false where the person is gone when his page is closed
    outgoing_by_reading: bool = False  # nothing is sent: the other side reads our database


class ConfigForm(forms.Form):
    """The settings of a connector. Field names are the keys of `config`; `Driver.secret_fields`
    names those kept encrypted and never shown again, so none of them is required here: empty
    means "as it was"."""

    api_base_url = forms.URLField(
        label=_("API address"),
        help_text=_("Only for a gateway of your own. Empty: the platform's own address."),
        required=False,
        assume_scheme="https",
    )

    def clean_api_base_url(self) -> str:
        return clean_base_url(self.cleaned_data["api_base_url"])


def clean_base_url(url: str) -> str:
    """An address typed by an administrator, without a slash at its end.

    Raises `ValidationError` when it is no web address, or says more than where something is.
    """
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise forms.ValidationError(_("Enter an address that begins with https:// or http://."))
    if parts.username is not None or parts.query or parts.fragment:
        raise forms.ValidationError(_("Enter the address without user name, ? and #."))
    return url.rstrip("/")


# The outbound door a driver is given.
Http = HttpDoor


class Driver:
    """One connected account of one kind.

    `config` holds all settings, the secret ones too. `trusted` is the HTTP door for addresses an
    administrator typed, `untrusted` the one for addresses that came in messages.
    """

    kind: ClassVar[str]
    label: ClassVar[Any]  # translatable
    config_form: ClassVar[type[ConfigForm]] = ConfigForm
    secret_fields: ClassVar[tuple[str, ...]] = ()
    # Without these the connector cannot be switched on.
    required_secrets: ClassVar[tuple[str, ...]] = ()
    identity_scope: ClassVar[Literal["global", "account", "connector"]] = "connector"
    # The setting that names the platform account, where one delivery may speak of several: each
    # of its events then goes to the connector of its account, see `Event.account_id`.
    account_field: ClassVar[str] = ""
    # Of the kind; a driver whose settings change them sets its own when it is made.
    default_api_base_url: str = ""
    capabilities: Capabilities = Capabilities()

    def __init__(
        self, *, config: Mapping[str, Any], trusted: Http, untrusted: Http, account_id: str = ""
    ) -> None:
        self.config = config
        self.trusted = trusted
        self.untrusted = untrusted
        self.account_id = account_id
        # Where the platform delivers to, set by whoever makes the driver; empty without a public
        # address.
        self.webhook_url = ""

    @property
    def api_base_url(self) -> str:
        return str(self.config.get("api_base_url") or self.default_api_base_url).rstrip("/")

    @property
    def own_account(self) -> str:
        """The platform account this is for, empty while nobody knows it."""
        return str(self.config.get(self.account_field) or self.account_id)

    @classmethod
    def new_secrets(cls) -> dict[str, str]:
        """Secrets made by us when a connector is created (a webhook token, for example)."""
        return {}

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:
        """Check the delivery's signature on its raw bytes.

        `headers` has lower-case names, and under `:url` the whole public address that was called,
        which some platforms sign as well. Raises `SignatureError`, also when our own secret is
        missing: never "no secret, so open".
        """
        raise SignatureError

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The answer to a platform's GET handshake, None to refuse it with 403."""
        return None

    def answer(self, raw: bytes) -> tuple[str, str] | None:
        """What the platform wants to hear when all of a verified delivery is kept: `(content type,
        text)`. None: any success will do. Raises nothing."""
        return None

    def parse(self, raw: bytes) -> list[Event]:
        """Turn a verified delivery into events, in order. Raises `ParseError`, nothing else."""
        raise ParseError

    def send(self, outgoing: Outgoing) -> SendResult:
        """Send one message, which keeps to `capabilities`. Raises `DriverError`, nothing else.

        It is one call to the platform: a longer text, or a second file, is a message of its own,
        so that a repeat after an error never sends a part twice.
        """
        raise NotImplementedError

    def connect(self, *, webhook_url: str) -> Account:
        """Make the platform deliver to `webhook_url` (empty: we poll). Raises `DriverError`."""
        return Account(account_id="")

    def disconnect(self) -> None:
        """Take the webhook away. Raises `DriverError`."""

    def check(self, *, webhook_url: str) -> CheckResult:
        """Ask the platform whether all is well. Raises `DriverError`."""
        return CheckResult(account=None)

    def renew(self) -> Mapping[str, str]:
        """New secrets in place of those that run out by themselves, asked for once a week; none
        where they last. Raises `DriverError`."""
        return {}

    def fetch_media(self, ref: str) -> AbstractContextManager[MediaFile]:
        """Open the file behind an attachment's `ref`. Raises `DriverError`."""
        raise NotImplementedError

    def poll(self, offset: str) -> tuple[bytes, str]:
        """Ask for news instead of waiting for them: `(a delivery as parse() takes it, the next
        offset)`. The delivery is empty when there is nothing. Raises `DriverError`."""
        raise NotImplementedError

    def typing(self, *, chat_id: str, reply_context: Mapping[str, Any]) -> None:
        """Show the customer that we are writing. Best effort. Raises `DriverError`.

        `reply_context` holds `last_message_id` as well, the platform's id of his last message
        where it has one.
        """

    def seen(self, *, chat_id: str, message_id: str, reply_context: Mapping[str, Any]) -> None:
        """Show the customer that his message was read. Best effort. Raises `DriverError`."""

    def fetch_profile(self, user_id: str) -> Person | None:
        """Ask for the name of a person; None when the platform does not tell it. Raises
        `DriverError`."""
        return None

    def templates(self) -> Sequence[Template]:
        """The templates of the account. Raises `DriverError`."""
        return ()

    def acknowledge(self, event: PostbackEvent) -> None:
        """Tell the platform that a button press was received. Raises `DriverError`."""
