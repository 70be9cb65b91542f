"""WhatsApp's deliveries, read into events. `whatsapp.py` is the driver.

A person is known by his number, by an id he has with this business, or by both: see
`services/identities.py`. What WhatsApp will invent later is ignored as a change and kept as an
"unsupported" message as content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    ContactEvent,
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    IdentityEvent,
    IgnoredEvent,
    MessageEvent,
    Person,
    PostbackEvent,
    ReactionEvent,
    ReceiptEvent,
)
from channels_app.drivers.meta_api import read_error
from channels_app.drivers.meta_values import read_envelope, read_message_id, read_moment
from channels_app.drivers.values import read_id, read_list, read_name, read_object, read_text
from channels_app.drivers.whatsapp_content import (
    person_of,
    whatsapp_content,
    whatsapp_data,
    whatsapp_payload,
    whatsapp_reply_to,
)
from channels_app.drivers.whatsapp_errors import failure_text

OWN_PAYLOAD = "ol:"
NOTICE_OTHER_PRODUCT = _("Deliveries of another product of Meta come to this address.")
_STATUSES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # a voice message was listened to
    "failed": "failed",
}


def parse_whatsapp(raw: bytes) -> list[Event]:
    """The events of a delivery, of all its numbers, each read by itself. Raises `ParseError`."""
    about, entries = read_envelope(raw)
    if about != "whatsapp_business_account":
        return [IgnoredEvent(reason=NOTICE_OTHER_PRODUCT, notice=NOTICE_OTHER_PRODUCT)]
    events: list[Event] = []
    for entry in entries:
        for change in map(read_object, read_list(entry.get("changes"))):
            events += _change(read_name(change.get("field")), read_object(change.get("value")))
    return events


def _change(field: str, value: dict[str, Any]) -> list[Event]:
    number = read_id(read_object(value.get("metadata")).get("phone_number_id"))
    contacts = read_list(value.get("contacts"))
    events: list[Event] = []
    if field == "messages":
        messages = map(read_object, read_list(value.get("messages")))
        events += [_message(message, contacts, number) for message in messages]
        statuses = map(read_object, read_list(value.get("statuses")))
        events += [_status(status, number) for status in statuses]
        if not events and read_list(value.get("errors")):
            reason = read_error(read_list(value.get("errors"))[0]).reason
            told = _("WhatsApp reports trouble: %(reason)s") % {"reason": reason}
            events.append(IgnoredEvent(account_id=number, reason=told, notice=told))
    elif field == "smb_message_echoes":
        echoes = map(read_object, read_list(value.get("message_echoes")))
        events += [_echo(echo, number) for echo in echoes]
    elif field == "user_id_update":
        updates = map(read_object, read_list(value.get("user_id_update")))
        events += [_user_id(update, number) for update in updates]
    return events or [
        _ignored(number, _("A change that is no message: %(field)s") % {"field": field[:60]})
    ]


def _ignored(number: str, reason: str) -> IgnoredEvent:
    return IgnoredEvent(account_id=number, reason=reason)


# --- messages -----------------------------------------------------------------------------


def _message(message: dict[str, Any], contacts: list[Any], number: str) -> Event:
    person = person_of(read_id(message.get("from")), read_id(message.get("from_user_id")), contacts)
    if not person.external_id:
        return _ignored(number, _("A message without a sender."))
    if message.get("group_id"):
        return _ignored(number, _("A message in a group."))
    wamid = read_message_id(message.get("id"))
    shared: dict[str, Any] = {
        "key": f"wamid:{wamid}" if wamid else "",
        "chat_id": person.external_id,
        "user": person,
        "at": read_moment(message.get("timestamp")),
        "account_id": number,
    }
    special = _SPECIAL.get(str(message.get("type")))
    if special is not None:
        return special(message, person, shared)
    text, attachments = whatsapp_content(message)
    payload = whatsapp_payload(message)
    if payload.startswith(OWN_PAYLOAD):
        # A button of ours: its service gets it, and the thread no message.
        return PostbackEvent(
            message_id=whatsapp_reply_to(message), text=text, payload=payload, **shared
        )
    return MessageEvent(
        message_id=wamid,
        text=text,
        attachments=attachments,
        reply_to=whatsapp_reply_to(message),
        data=whatsapp_data(message),
        **shared,
    )


def _reaction(message: dict[str, Any], _person: Person, shared: dict[str, Any]) -> Event:
    reaction = read_object(message.get("reaction"))
    mid = read_message_id(reaction.get("message_id"))
    if not mid:
        return _ignored(shared["account_id"], _("A reaction to nothing."))
    # Without an emoji, or with an empty one, it is taken back.
    emoji = read_name(reaction.get("emoji"), max_length=16)
    return ReactionEvent(message_id=mid, emoji=emoji, **shared)


def _edit(message: dict[str, Any], _person: Person, shared: dict[str, Any]) -> Event:
    edit = read_object(message.get("edit"))
    mid = read_message_id(edit.get("original_message_id"))
    if not mid:
        return _ignored(shared["account_id"], _("An edit of nothing."))
    changed = read_object(edit.get("message"))
    part = read_object(changed.get(str(changed.get("type"))))
    text = read_text(part.get("body")) or read_text(part.get("caption"))
    return EditEvent(message_id=mid, text=text, edited_at=shared["at"], **shared)


def _revoke(message: dict[str, Any], _person: Person, shared: dict[str, Any]) -> Event:
    mid = read_message_id(read_object(message.get("revoke")).get("original_message_id"))
    if not mid:
        return _ignored(shared["account_id"], _("A deletion of nothing."))
    return DeleteEvent(message_id=mid, **shared)


def _system(message: dict[str, Any], person: Person, shared: dict[str, Any]) -> Event:
    """The person has a new number, a new id with this business, or a new key of encryption."""
    system = read_object(message.get("system"))
    phone = read_id(system.get("wa_id")) or read_id(system.get("new_wa_id"))
    user_id = read_id(system.get("user_id"))
    old_other_id = read_id(system.get("previous_user_id")) or person.other_id
    if system.get("type") == "user_changed_user_id" and user_id:
        # He may have kept his number, or hidden it: only the id is told.
        known = person.external_id if person.phone else ""
        renewed = Person(external_id=known, other_id=user_id, phone=person.phone)
        return IdentityEvent(**{**shared, "user": renewed, "old_other_id": old_other_id})
    if phone and phone != person.external_id:
        return IdentityEvent(
            **{**shared, "user": person_of(phone, user_id), "old_other_id": old_other_id}
        )
    return ContactEvent(**{**shared, "key": ""})


def _welcome(_message: dict[str, Any], _person: Person, shared: dict[str, Any]) -> Event:
    """The chat was opened for the first time, without a word."""
    return ContactEvent(**{**shared, "key": ""})


_SPECIAL: dict[str, Callable[[dict[str, Any], Person, dict[str, Any]], Event]] = {
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
    "system": _system,
    "request_welcome": _welcome,
}


def _echo(message: dict[str, Any], number: str) -> Event:
    """Somebody of ours wrote in the app on the phone: the customer is who it went to."""
    person = person_of(read_id(message.get("to")), read_id(message.get("to_user_id")))
    wamid = read_message_id(message.get("id"))
    if not person.external_id or message.get("group_id"):
        return _ignored(number, _("An answer to nobody we know."))
    if message.get("type") in _SPECIAL:
        return _ignored(number, _("An answer changed by ourselves."))
    text, attachments = whatsapp_content(message)
    return EchoEvent(
        key=f"wamid:{wamid}" if wamid else "",
        chat_id=person.external_id,
        user=person,
        at=read_moment(message.get("timestamp")),
        account_id=number,
        message_id=wamid,
        text=text,
        attachments=attachments,
        reply_to=whatsapp_reply_to(message),
        data=whatsapp_data(message),
    )


# --- everything else ----------------------------------------------------------------------


def _status(status: dict[str, Any], number: str) -> Event:
    wamid = read_message_id(status.get("id"))
    state = _STATUSES.get(str(status.get("status")))
    if not wamid or state is None:
        return _ignored(number, _("A receipt of a kind that is not taken."))
    is_group = status.get("recipient_type") == "group"
    user_id = "" if is_group else read_id(status.get("recipient_user_id"))
    person = person_of(read_id(status.get("recipient_id")), user_id)
    errors = read_list(status.get("errors"))
    return ReceiptEvent(
        key=f"{wamid}:{read_name(status.get('status'))}",
        chat_id=person.external_id,
        user=person,
        at=read_moment(status.get("timestamp")),
        account_id=number,
        message_id=wamid,
        status=state,
        error=failure_text(errors[0]) if errors and state == "failed" else "",
        reference=read_name(status.get("biz_opaque_callback_data")),
    )


def _user_id(update: dict[str, Any], number: str) -> Event:
    """The id a person has with this business has changed."""
    ids = read_object(update.get("user_id"))
    before, now = read_id(ids.get("previous")), read_id(ids.get("current"))
    if not before or not now:
        return _ignored(number, _("A change of an id without the id."))
    phone = read_id(update.get("wa_id"))
    return IdentityEvent(
        key=f"user_id:{before}:{now}",
        chat_id=phone or before,
        user=Person(external_id=phone, other_id=now, phone=f"+{phone}" if phone else ""),
        at=read_moment(update.get("timestamp")),
        account_id=number,
        old_other_id=before,
    )
