"""What goes out: a message of ours as a driver gets it, and what the platform said to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from channels_app.drivers.events import AttachmentType


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFile:
    """A file of ours to send. `open` gives the bytes as a context manager.

    `size` in bytes. `url` is an address that can be fetched for a while without signing in, for
    platforms that take no bytes; empty where the installation has no public address.
    """

    type: AttachmentType
    name: str
    content_type: str
    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message of ours, ready to send.

    `delivery_id` stays the same over retries, so that a platform which can de-duplicate does.
    `customer_wrote_at` is the moment of the customer's last message, told to drivers whose
    `reply_window_hours` has an end; `is_automatic` says that no person wrote this.
    """

    message_id: int
    delivery_id: str
    conversation_id: int
    chat_id: str
    thread: str
    user_id: str
    text: str
    files: Sequence[OutgoingFile] = ()
    buttons: Sequence[Mapping[str, str]] = ()
    reply_to: str = ""  # the platform's id of the message answered
    reply_context: Mapping[str, Any] = field(default_factory=dict)
    customer_wrote_at: dt.datetime | None = None
    is_automatic: bool = False
    template: TemplateUse | None = None
    attempt: int = 1  # which try with this `delivery_id` it is, from 1 on

    @property
    def reference(self) -> str:
        """Our name of this try, for platforms that repeat it in receipts and echoes."""
        return f"{self.message_id}.{self.delivery_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text approved by the platform beforehand, for a chat whose time to answer is over.

    `body` holds its placeholders as the platform writes them (`{{1}}`, `{{name}}`); `parameters`
    are their names in order, `has_names` whether they are names or numbers. `buttons` are the
    texts of the buttons. `is_usable` is false for one that needs what we cannot give (a picture in
    its head, a button with a value) or is not approved; `status` is the platform's word.
    """

    name: str
    language: str
    body: str
    header: str = ""
    footer: str = ""
    category: str = ""
    status: str = ""
    parameters: tuple[str, ...] = ()
    has_names: bool = False
    buttons: tuple[str, ...] = ()
    is_usable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    """A template chosen to be sent, with a value for each of its parameters, in order."""

    name: str
    language: str
    values: tuple[tuple[str, str], ...] = ()  # (parameter, value)
    has_names: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """The platform accepted. `external_id` empty when it gives none."""

    external_id: str = ""
