"""Telegram's updates, read into events. Bot API 10.0; `telegram.py` is the driver.

An open line takes private chats only: groups, channels and bots are ignored with a reason. What
Telegram will invent later is ignored as an update and kept as an "unsupported" message as content.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    MessageEvent,
    ParseError,
    Person,
    PostbackEvent,
    ReachabilityEvent,
    ReactionEvent,
)
from channels_app.drivers.telegram_content import (
    message_chat_id,
    message_content,
    message_data,
    message_own_phone,
    message_person,
)
from channels_app.drivers.values import (
    read_id,
    read_list,
    read_name,
    read_object,
    read_text,
    read_time,
)
from openlines_project.lib.text import clean_json, load_json

# What we ask Telegram for. It keeps reactions back unless they are named.
UPDATE_KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
)
NOTICE_GROUP = _("The bot was added to a group. Messages in groups are not taken.")

# A message that has one of these tells of the chat and says nothing.
# fmt: off
_SERVICE = frozenset({
    "boost_added", "channel_chat_created", "chat_background_set", "chat_owner_changed",
    "chat_owner_left", "chat_shared", "checklist_tasks_added", "checklist_tasks_done",
    "connected_website", "delete_chat_photo", "direct_message_price_changed",
    "forum_topic_closed", "forum_topic_created", "forum_topic_edited", "forum_topic_reopened",
    "general_forum_topic_hidden", "general_forum_topic_unhidden", "gift_upgrade_sent",
    "group_chat_created", "left_chat_member", "message_auto_delete_timer_changed",
    "migrate_from_chat_id", "migrate_to_chat_id", "new_chat_members", "new_chat_photo",
    "new_chat_title", "passport_data", "pinned_message", "proximity_alert_triggered",
    "refunded_payment", "successful_payment", "supergroup_chat_created", "users_shared",
    "video_chat_ended", "video_chat_participants_invited", "video_chat_scheduled",
    "video_chat_started", "web_app_data", "write_access_allowed",
})
# fmt: on


def parse(raw: bytes) -> list[Event]:
    """The events of a delivery: one update, or a list of them as `getUpdates` gives.

    In a list a broken update becomes an ignored event, so that its neighbours count. Raises
    `ParseError`.
    """
    try:
        body = clean_json(load_json(raw))
    except ValueError:
        raise ParseError(_("The body is not JSON.")) from None
    if isinstance(body, dict):
        return _update(body)
    if not isinstance(body, list):
        raise ParseError(_("The body is not an object."))
    events: list[Event] = []
    for update in body:
        try:
            events += _update(read_object(update))
        except ParseError as error:
            key = _key(read_object(update))
            events.append(
                IgnoredEvent(key=key, reason=_("A broken update: %(reason)s") % {"reason": error})
            )
    return events


def _key(update: dict[str, Any]) -> str:
    number = update.get("update_id")
    if isinstance(number, bool) or not isinstance(number, int):
        return ""
    return f"update_id:{read_id(number)}" if read_id(number) else ""


def _update(update: dict[str, Any]) -> list[Event]:
    key = _key(update)
    if not key:
        raise ParseError(_("The update has no id."))
    for kind, read in _KINDS.items():
        if kind in update:
            part = update[kind]
            if not isinstance(part, dict):
                raise ParseError(f"{kind} is not an object.")
            return read(key, part)
    kind = next((name for name in update if name != "update_id"), "nothing")
    event = read_object(update.get(kind))
    return [
        IgnoredEvent(
            key=key,
            chat_id=message_chat_id(event),
            at=read_time(event.get("date")),
            reason=_("An update of a kind that is not taken: %(kind)s")
            % {"kind": read_name(kind, max_length=60)},
        )
    ]


# --- messages -----------------------------------------------------------------------------


def _message(key: str, message: dict[str, Any]) -> list[Event]:
    chat_id, message_id = message_chat_id(message), read_id(message.get("message_id"))
    if not chat_id or not message_id:
        raise ParseError(_("The message has no chat or no id."))
    ignored = _not_for_us(key, message)
    if ignored:
        return [ignored]
    service = _SERVICE.intersection(message)
    if service:
        return [_ignore(key, message, _("A service message: %(kind)s") % {"kind": min(service)})]
    thread = read_id(message.get("business_connection_id"))
    sender = read_object(message.get("from"))
    ours = bool(thread) and read_id(sender.get("id")) != chat_id
    text, attachments = message_content(message)
    shared: dict[str, Any] = {
        "key": key,
        "chat_id": chat_id,
        "thread": thread,
        "at": read_time(message.get("date")),
        "message_id": message_id,
        "text": text,
        "attachments": attachments,
        "reply_to": read_id(read_object(message.get("reply_to_message")).get("message_id")),
        "reply_context": {"business_connection_id": thread} if thread else {},
        "data": message_data(message, text),
    }
    if ours:
        # The owner of the account answered in his own app: the customer is the chat.
        return [EchoEvent(user=Person(external_id=chat_id), **shared)]
    return [MessageEvent(user=message_person(sender, message_own_phone(message)), **shared)]


def _not_for_us(key: str, message: dict[str, Any]) -> IgnoredEvent | None:
    chat = read_object(message.get("chat"))
    sender = read_object(message.get("from"))
    if chat.get("type") == "channel":
        return _ignore(key, message, _("A post in a channel."))
    if chat.get("type") != "private":
        return _ignore(key, message, _("A message in a group."))
    if not read_id(sender.get("id")):
        return _ignore(key, message, _("A message without a sender."))
    if sender.get("is_bot") is True and not message.get("business_connection_id"):
        return _ignore(key, message, _("A message of a bot."))
    return None


def _ignore(key: str, part: dict[str, Any], reason: str, notice: str = "") -> IgnoredEvent:
    sender = read_object(part.get("from"))
    return IgnoredEvent(
        key=key,
        chat_id=message_chat_id(part),
        user=message_person(sender) if read_id(sender.get("id")) else None,
        at=read_time(part.get("date")),
        reason=reason,
        notice=notice,
    )


def _edited(key: str, message: dict[str, Any]) -> list[Event]:
    chat_id, message_id = message_chat_id(message), read_id(message.get("message_id"))
    if not chat_id or not message_id:
        raise ParseError(_("The message has no chat or no id."))
    ignored = _not_for_us(key, message)
    if ignored:
        return [ignored]
    thread = read_id(message.get("business_connection_id"))
    sender = read_object(message.get("from"))
    if thread and read_id(sender.get("id")) != chat_id:
        return [_ignore(key, message, _("An answer changed by ourselves."))]
    if "location" in message:
        return [_ignore(key, message, _("A live location moved on."))]
    text, attachments = message_content(message)
    return [
        EditEvent(
            key=key,
            chat_id=chat_id,
            thread=thread,
            user=message_person(sender),
            at=read_time(message.get("date")),
            edited_at=read_time(message.get("edit_date")),
            message_id=message_id,
            text=text,
            attachments=attachments,
        )
    ]


def _deleted(key: str, part: dict[str, Any]) -> list[Event]:
    chat_id = message_chat_id(part)
    numbers = [read_id(number) for number in read_list(part.get("message_ids"))]
    if not chat_id:
        raise ParseError(_("The deletion names no chat."))
    return [
        DeleteEvent(
            key=f"{key}:{number}",
            chat_id=chat_id,
            thread=read_id(part.get("business_connection_id")),
            message_id=number,
        )
        for number in dict.fromkeys(numbers)
        if number
    ] or [_ignore(key, part, _("A deletion of nothing."))]


# --- everything else ----------------------------------------------------------------------


def _callback(key: str, query: dict[str, Any]) -> list[Event]:
    message = read_object(query.get("message"))
    chat = read_object(message.get("chat"))
    payload = read_text(query.get("data"), max_length=200)
    if chat.get("type") != "private" or not read_id(chat.get("id")):
        return [
            _ignore(key, {**message, "from": query.get("from")}, _("A button outside our chats."))
        ]
    if not payload:
        return [_ignore(key, {**message, "from": query.get("from")}, _("A button of a game."))]
    thread = read_id(message.get("business_connection_id"))
    return [
        PostbackEvent(
            key=key,
            chat_id=read_id(chat.get("id")),
            thread=thread,
            user=message_person(read_object(query.get("from"))),
            # The time of the message is when we sent the button, not when it was pressed.
            at=None,
            message_id=read_id(message.get("message_id")),
            text=_button_text(message, payload),
            payload=payload,
            callback_id=read_id(query.get("id")),
            reply_context={"business_connection_id": thread} if thread else {},
        )
    ]


def _button_text(message: dict[str, Any], payload: str) -> str:
    keyboard = read_object(message.get("reply_markup")).get("inline_keyboard")
    for row in read_list(keyboard):
        for button in map(read_object, read_list(row)):
            if button.get("callback_data") == payload:
                return read_text(button.get("text"), max_length=200) or payload
    return payload


def _membership(key: str, part: dict[str, Any]) -> list[Event]:
    chat = read_object(part.get("chat"))
    status = read_object(part.get("new_chat_member")).get("status")
    before = read_object(part.get("old_chat_member")).get("status")
    if chat.get("type") != "private":
        added = status in ("member", "administrator") and before in ("left", "kicked", None)
        notice = NOTICE_GROUP if added and chat.get("type") != "channel" else ""
        return [_ignore(key, part, _("The bot's place in a group or channel changed."), notice)]
    if status not in ("member", "kicked") or not message_chat_id(part):
        return [_ignore(key, part, _("A change of membership without a meaning here."))]
    return [
        ReachabilityEvent(
            key=key,
            chat_id=message_chat_id(part),
            user=message_person(read_object(part.get("from"))),
            at=read_time(part.get("date")),
            reachable=status == "member",
        )
    ]


def _reaction(key: str, part: dict[str, Any]) -> list[Event]:
    chat = read_object(part.get("chat"))
    user = read_object(part.get("user"))
    if chat.get("type") != "private" or not read_id(user.get("id")):
        return [_ignore(key, part, _("A reaction in a group."))]
    reactions = [read_object(item) for item in read_list(part.get("new_reaction"))]
    emoji = next((read_name(item.get("emoji")) for item in reactions if item.get("emoji")), "")
    if reactions and not emoji:
        # A picture of their own, or a paid star: it has no character.
        emoji = "\N{WHITE MEDIUM STAR}"
    return [
        ReactionEvent(
            chat_id=message_chat_id(part),
            thread=read_id(part.get("business_connection_id")),
            user=message_person(user),
            at=read_time(part.get("date")),
            message_id=read_id(part.get("message_id")),
            emoji=emoji[:16],
        )
    ]


def _connection(key: str, part: dict[str, Any]) -> list[Event]:
    user = read_object(part.get("user"))
    reason = (
        _("A business connection was switched on.")
        if part.get("is_enabled") is True
        else _("A business connection was switched off.")
    )
    return [_ignore(key, {**part, "from": user}, reason)]


_KINDS = {
    "message": _message,
    "business_message": _message,
    "edited_message": _edited,
    "edited_business_message": _edited,
    "deleted_business_messages": _deleted,
    "callback_query": _callback,
    "my_chat_member": _membership,
    "message_reaction": _reaction,
    "business_connection": _connection,
}
