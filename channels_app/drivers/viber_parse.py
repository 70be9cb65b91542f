"""Viber's callbacks, read into events. REST Bot API; `viber.py` is the driver.

A callback is one event. Its `message_token` has 64 bits and is kept as text; receipts carry the
token of our message.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    ContactEvent,
    Event,
    IgnoredEvent,
    InboundAttachment,
    MessageEvent,
    ParseError,
    Person,
    PostbackEvent,
    ReachabilityEvent,
    ReceiptEvent,
)
from channels_app.drivers.values import (
    read_count,
    read_id,
    read_name,
    read_number,
    read_object,
    read_ref,
    read_size,
    read_text,
    read_time,
)
from openlines_project.lib.text import clean_json, load_json

# A pressed button comes back as a text that is exactly what the button carried.
_OUR_PAYLOAD = re.compile(r"ol:[\x21-\x7e]{8,}")
_MAX_CONTEXT = 200


def parse(raw: bytes) -> list[Event]:
    """The event of a callback. Raises `ParseError`."""
    try:
        body = clean_json(load_json(raw))
    except ValueError:
        raise ParseError(_("The body is not JSON.")) from None
    if not isinstance(body, dict):
        raise ParseError(_("The body is not an object."))
    kind = read_name(body.get("event"), max_length=60)
    read = _KINDS.get(kind)
    if read is not None:
        return [read(body)]
    return [
        IgnoredEvent(
            at=read_time(body.get("timestamp")),
            reason=_("An event of a kind that is not taken: %(kind)s") % {"kind": kind or "-"},
        )
    ]


def _token(body: dict[str, Any]) -> str:
    token = read_id(body.get("message_token"))
    if not token:
        raise ParseError(_("The event has no message token."))
    return token


def _person(user: dict[str, Any]) -> Person:
    user_id = read_id(user.get("id"))
    if not user_id:
        raise ParseError(_("The sender has no id."))
    return Person(
        external_id=user_id,
        name=read_name(user.get("name")),
        language=read_name(user.get("language"), max_length=16),
        avatar_url=read_ref(user.get("avatar")),
    )


def _message(body: dict[str, Any]) -> Event:
    person, token = _person(read_object(body.get("sender"))), _token(body)
    if body.get("chat_id"):
        return IgnoredEvent(chat_id=read_id(body.get("chat_id")), reason=_("A message in a group."))
    message = read_object(body.get("message"))
    text, attachments = _content(message)
    shared: dict[str, Any] = {
        "key": f"message_token:{token}",
        "chat_id": person.external_id,
        "user": person,
        "at": read_time(body.get("timestamp")),
    }
    if message.get("type") == "text" and _OUR_PAYLOAD.fullmatch(text):
        return PostbackEvent(text=text, payload=text, **shared)
    return MessageEvent(message_id=token, text=text, attachments=attachments, **shared)


def _content(message: dict[str, Any]) -> tuple[str, tuple[InboundAttachment, ...]]:
    kind = read_name(message.get("type"), max_length=60)
    text = read_text(message.get("text"))
    media = read_ref(message.get("media"))
    if kind == "url" and media:
        return (text if media in text else f"{text}\n{media}".strip()), ()
    attachment = _attachment(kind, message, media)
    if attachment is not None:
        return text, (attachment,)
    if text:
        return text, ()
    return "", (InboundAttachment(type="unsupported", name=kind),)


def _attachment(kind: str, message: dict[str, Any], media: str) -> InboundAttachment | None:
    if kind == "picture" and media:
        return InboundAttachment(type="image", ref=media, thumb_ref=read_ref(message.get("thumb")))
    if kind == "video" and media:
        return InboundAttachment(
            type="video",
            ref=media,
            size=read_size(message.get("size")),
            duration=read_count(message.get("duration")),
            thumb_ref=read_ref(message.get("thumb")),
        )
    if kind == "file" and media:
        return InboundAttachment(
            type="file",
            ref=media,
            name=read_name(message.get("file_name")),
            size=read_size(message.get("file_size")),
        )
    if kind == "sticker":
        # Only a number: Viber has no address for the picture, but some clients send one.
        return InboundAttachment(type="sticker", ref=media or read_id(message.get("sticker_id")))
    if kind == "contact":
        contact = read_object(message.get("contact"))
        return InboundAttachment(
            type="contact",
            name=read_name(contact.get("name")),
            phone=read_name(contact.get("phone_number"), max_length=40),
        )
    if kind == "location":
        location = read_object(message.get("location"))
        latitude, longitude = read_number(location.get("lat")), read_number(location.get("lon"))
        if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
            return None
        return InboundAttachment(type="location", latitude=latitude, longitude=longitude)
    return None


def _started(body: dict[str, Any]) -> Event:
    """The chat was opened, nothing is written yet. The link's parameter says where he came from."""
    person = _person(read_object(body.get("user")))
    return ContactEvent(
        chat_id=person.external_id,
        user=person,
        at=read_time(body.get("timestamp")),
        referral=read_name(body.get("context"), max_length=_MAX_CONTEXT),
    )


def _subscription(body: dict[str, Any]) -> Event:
    is_on = body.get("event") == "subscribed"
    person = (
        _person(read_object(body.get("user")))
        if is_on
        else _person({"id": body.get("user_id") or read_object(body.get("user")).get("id")})
    )
    return ReachabilityEvent(
        key=f"message_token:{_token(body)}",
        chat_id=person.external_id,
        user=person,
        at=read_time(body.get("timestamp")),
        reachable=is_on,
    )


def _receipt(body: dict[str, Any]) -> Event:
    user = _person({"id": body.get("user_id")})
    event = body["event"]
    return ReceiptEvent(
        chat_id=user.external_id,
        user=user,
        at=read_time(body.get("timestamp")),
        message_id=_token(body),
        status="read" if event == "seen" else event,
        error=read_name(body.get("desc")) if event == "failed" else "",
    )


def _check(body: dict[str, Any]) -> Event:
    return IgnoredEvent(
        at=read_time(body.get("timestamp")), reason=_("The platform asked whether we are here.")
    )


_KINDS = {
    "message": _message,
    "conversation_started": _started,
    "subscribed": _subscription,
    "unsubscribed": _subscription,
    "delivered": _receipt,
    "seen": _receipt,
    "failed": _receipt,
    "webhook": _check,
}
