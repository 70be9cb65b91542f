"""What comes in: the events a driver reads from a delivery."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

AttachmentType = Literal[
    "image", "audio", "voice", "video", "file", "sticker", "location", "contact", "link",
    "unsupported",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The outside person, as the platform describes him. Empty strings are "not known".

    `other_id` is a second id of the same person on the same account, where the platform has two
    and may leave the first away (WhatsApp: the phone and the business-scoped user id).
    """

    external_id: str
    other_id: str = ""
    name: str = ""
    username: str = ""
    phone: str = ""  # only a number the platform vouches for
    email: str = ""
    language: str = ""
    avatar_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundAttachment:
    """A file or a card that came with a message.

    `ref` is whatever `Driver.fetch_media` needs (a file id, an address); empty for a location
    or a contact. A `link` with a `url` is a web page: its `ref` is kept and shown, not fetched.
    `size` in bytes, `duration` in seconds. `storage_key` says where the file lies with us
    already: only our own pages, whose uploads we took ourselves, have one.
    """

    type: AttachmentType
    ref: str = ""
    name: str = ""
    content_type: str = ""
    size: int | None = None
    duration: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    phone: str = ""
    url: str = ""
    thumb_ref: str = ""
    storage_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened on the platform's side.

    `key` de-duplicates: unique per connector, at most 200 characters; empty for events that
    are idempotent by nature (receipts, typing). `at` is the platform's time, None when it gives
    none. `account_id` names the platform account when a delivery may speak of several, and
    `entry_account_id` the one its envelope names, should they differ: the first of them that is
    connected takes the event.
    """

    key: str = ""
    chat_id: str = ""
    thread: str = ""
    user: Person | None = None
    at: dt.datetime | None = None
    account_id: str = ""
    entry_account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(Event):
    """The customer wrote. `data` keeps what has no column: forwarded, media_group, referral."""

    message_id: str = ""
    text: str = ""
    attachments: tuple[InboundAttachment, ...] = ()
    reply_to: str = ""
    reply_context: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoEvent(MessageEvent):
    """Somebody of ours answered in the platform's own app.

    `reference` is ours, when the platform repeats what we sent with it (`Outgoing.reference`).
    """

    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostbackEvent(MessageEvent):
    """The customer pressed a button: `text` is its caption, `payload` what it carries.

    `message_id` is the message that had the button. `callback_id` is what `Driver.acknowledge`
    wants, where the platform waits for an answer.
    """

    payload: str = ""
    callback_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditEvent(Event):
    """The customer changed message `message_id` to `text`; `at` is when he first wrote it."""

    message_id: str = ""
    text: str = ""
    edited_at: dt.datetime | None = None
    attachments: tuple[InboundAttachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEvent(Event):
    """The customer removed message `message_id`."""

    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionEvent(Event):
    """The customer reacted to message `message_id`; an empty `emoji` takes the reaction back."""

    message_id: str = ""
    emoji: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptEvent(Event):
    """The platform speaks of a message of ours; `message_id` is the platform's id or our own.

    `reference` is what we sent with it (`Outgoing.reference`), where the platform repeats it.
    With `until` instead of an id it speaks of all we sent into this chat up to that moment.
    """

    message_id: str = ""
    status: Literal["sent", "delivered", "read", "failed"] = "delivered"
    error: str = ""
    reference: str = ""
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingEvent(Event):
    """The customer is writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEvent(Event):
    """The platform tells more of the person (`user`), without a message.

    `referral` says what brought him here: an advertisement, a link with a parameter.
    """

    referral: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityEvent(Event):
    """The person of this chat is found under `user.external_id` from now on.

    `chat_id` is the chat as it was known; `old_other_id` the second id he had (`Person.other_id`).
    """

    old_other_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachabilityEvent(Event):
    """The customer blocked us (`reachable=False`) or let us write again."""

    reachable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredEvent(Event):
    """Understood and deliberately not acted upon. `notice` is shown once on the connector."""

    reason: str = ""
    notice: str = ""
