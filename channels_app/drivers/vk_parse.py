"""VK's Callback API, read into events. Version 5.199; `vk.py` is the driver.

A callback is one event of a community. A message's id is `<chat>_<number in the chat>`: the other
number VK gives is 0 for some messages.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    EchoEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    MessageEvent,
    ParseError,
    Person,
    PostbackEvent,
    ReachabilityEvent,
    ReceiptEvent,
    TypingEvent,
)
from channels_app.drivers.values import (
    read_id,
    read_list,
    read_name,
    read_object,
    read_text,
    read_time,
)
from channels_app.drivers.vk_content import message_content, message_id
from openlines_project.lib.text import clean_json, load_json

# Chats of several people are numbered from here on; communities have negative numbers.
FIRST_GROUP_CHAT = 2_000_000_000
NOTICE_GROUP = _("The community was added to a chat of several people. They are not taken.")
_MAX_PAYLOAD = 1000
_MAX_REFERRAL = 200


def parse(raw: bytes) -> list[Event]:
    """The event of a callback. Raises `ParseError`."""
    try:
        body = clean_json(load_json(raw))
    except ValueError:
        raise ParseError(_("The body is not JSON.")) from None
    if not isinstance(body, dict):
        raise ParseError(_("The body is not an object."))
    kind = read_name(body.get("type"), max_length=60)
    if kind == "confirmation":
        return [IgnoredEvent(reason=_("The platform asked whether we are here."))]
    key = f"event_id:{read_id(body.get('event_id'))}"
    read = _KINDS.get(kind)
    if read is None:
        reason = _("An event of a kind that is not taken: %(kind)s") % {"kind": kind or "-"}
        return [IgnoredEvent(key=key, reason=reason)]
    part = body.get("object")
    if not isinstance(part, dict):
        raise ParseError(_("The event has no object."))
    # Without an id of its own the event is known by what is in it.
    return [read("" if key == "event_id:" else key, part)]


def _number(value: Any) -> int:
    """A person's, a community's or a chat's number; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _private(key: str, message: dict[str, Any]) -> IgnoredEvent | None:
    """Why a message is not ours to take: an open line talks with one person at a time."""
    peer, sender = _number(message.get("peer_id")), _number(message.get("from_id"))
    shared: dict[str, Any] = {
        "key": key,
        "chat_id": read_id(peer) if peer else "",
        "user": Person(external_id=str(sender)) if sender else None,
        "at": read_time(message.get("date")),
    }
    if peer >= FIRST_GROUP_CHAT:
        invited = read_object(message.get("action")).get("type") == "chat_invite_user"
        notice = NOTICE_GROUP if invited else ""
        return IgnoredEvent(reason=_("A message in a group."), notice=notice, **shared)
    if peer <= 0:
        return IgnoredEvent(reason=_("A message of a community."), **shared)
    return None


def _message(key: str, part: dict[str, Any]) -> Event:
    # Before version 5.103 the message stood alone.
    message = read_object(part.get("message")) or part
    peer, number = _number(message.get("peer_id")), message_id(message)
    if not peer or not number:
        raise ParseError(_("The message has no chat or no id."))
    ignored = _private(key, message)
    if ignored is not None:
        return ignored
    chat_id = str(peer)
    text, attachments = message_content(message)
    shared: dict[str, Any] = {
        "key": key,
        "chat_id": chat_id,
        "user": Person(external_id=chat_id),
        "at": read_time(message.get("date")),
        "text": text,
    }
    if message.get("out") == 1 or _number(message.get("from_id")) < 0:
        return _echo(message, number, attachments, shared)
    payload = read_text(message.get("payload"), max_length=_MAX_PAYLOAD)
    ours = own_payload(payload)
    if ours:
        return PostbackEvent(payload=ours, **shared)
    return MessageEvent(
        message_id=number,
        attachments=attachments,
        reply_to=message_id(read_object(message.get("reply_message")), chat_id),
        data=_data(message, payload),
        **shared,
    )


def _echo(message: dict[str, Any], number: str, attachments: Any, shared: dict[str, Any]) -> Event:
    """Written from the community's side: there, or by us through the API."""
    reply = message_id(read_object(message.get("reply_message")), shared["chat_id"])
    return EchoEvent(message_id=number, attachments=attachments, reply_to=reply, **shared)


def own_payload(payload: str) -> str:
    """What a button made by us carries, empty for other buttons."""
    if not payload.startswith("{"):
        return ""
    try:
        return read_text(read_object(json.loads(payload)).get("openlines"), max_length=200)
    except (ValueError, RecursionError):
        return ""


def _data(message: dict[str, Any], payload: str) -> dict[str, Any]:
    """What has no column: `payload`, `referral`, `referral_source`, `forwarded`."""
    data: dict[str, Any] = {}
    if payload:
        data["payload"] = payload
    referral = read_name(message.get("ref"), max_length=_MAX_REFERRAL)
    if referral:
        data["referral"] = referral
        source = read_name(message.get("ref_source"), max_length=_MAX_REFERRAL)
        data |= {"referral_source": source} if source else {}
    if read_list(message.get("fwd_messages")):
        data["forwarded"] = True
    return data


def _edit(key: str, part: dict[str, Any]) -> Event:
    message = read_object(part.get("message")) or part
    peer, number = _number(message.get("peer_id")), message_id(message)
    if not peer or not number:
        raise ParseError(_("The message has no chat or no id."))
    ignored = _private(key, message)
    if ignored is not None:
        return ignored
    chat_id, at = str(peer), read_time(message.get("date"))
    if message.get("out") == 1 or _number(message.get("from_id")) < 0:
        return IgnoredEvent(
            key=key, chat_id=chat_id, at=at, reason=_("An answer changed by ourselves.")
        )
    text, attachments = message_content(message)
    return EditEvent(
        key=key,
        chat_id=chat_id,
        user=Person(external_id=chat_id),
        at=at,
        edited_at=read_time(message.get("update_time")),
        message_id=number,
        text=text,
        attachments=attachments,
    )


def _person_of(part: dict[str, Any], field: str) -> Person:
    number = _number(part.get(field))
    if number <= 0:
        raise ParseError(_("The sender has no id."))
    return Person(external_id=str(number))


def _press(key: str, part: dict[str, Any]) -> Event:
    """A button that sends no message was pressed; VK waits a minute for `acknowledge`."""
    person, peer = _person_of(part, "user_id"), _number(part.get("peer_id"))
    if peer >= FIRST_GROUP_CHAT:
        return IgnoredEvent(key=key, chat_id=str(peer), reason=_("A button outside our chats."))
    carried = part.get("payload")
    payload = carried if isinstance(carried, str) else json.dumps(carried, ensure_ascii=False)
    payload = read_text(payload, max_length=_MAX_PAYLOAD)
    callback = read_id(part.get("event_id"))
    return PostbackEvent(
        key=key,
        chat_id=person.external_id,
        user=person,
        message_id=message_id(part),
        payload=own_payload(payload) or payload,
        callback_id=f"{callback}:{person.external_id}" if callback else "",
        data={"payload": payload},
    )


def _allowed(key: str, part: dict[str, Any]) -> Event:
    person = _person_of(part, "user_id")
    return ReachabilityEvent(key=key, chat_id=person.external_id, user=person, reachable=True)


def _denied(key: str, part: dict[str, Any]) -> Event:
    person = _person_of(part, "user_id")
    return ReachabilityEvent(key=key, chat_id=person.external_id, user=person, reachable=False)


def _typing(key: str, part: dict[str, Any]) -> Event:
    sender = _number(part.get("from_id"))
    if sender <= 0 or part.get("state") not in ("typing", "audiomessage", None):
        return IgnoredEvent(key=key, reason=_("Somebody of ours is writing."))
    return TypingEvent(chat_id=str(sender), user=Person(external_id=str(sender)))


def _read(key: str, part: dict[str, Any]) -> Event:
    reader, peer = _number(part.get("from_id")), _number(part.get("peer_id"))
    number = message_id(part, str(peer))
    if reader <= 0 or peer != reader or not number:
        return IgnoredEvent(key=key, reason=_("Messages read by ourselves."))
    return ReceiptEvent(
        chat_id=str(peer), user=Person(external_id=str(reader)), message_id=number, status="read"
    )


_KINDS = {
    "message_new": _message,
    "message_reply": _message,
    "message_edit": _edit,
    "message_event": _press,
    "message_allow": _allowed,
    "message_deny": _denied,
    "message_typing_state": _typing,
    "message_read": _read,
}
