"""What stands in a WhatsApp message, and who sent it; `whatsapp_parse.py` decides what it means."""

from __future__ import annotations

from typing import Any

from channels_app.drivers.base import AttachmentType, InboundAttachment, Person
from channels_app.drivers.meta_values import read_message_id
from channels_app.drivers.values import (
    read_id,
    read_list,
    read_name,
    read_number,
    read_object,
    read_text,
)

_FILES: dict[str, AttachmentType] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "document": "file",
    "sticker": "sticker",
}
# The answers to buttons, lists and forms, and where each has its text and what it carries.
_REPLIES = {
    "button_reply": ("title", "id"),
    "list_reply": ("title", "id"),
    "nfm_reply": ("body", "response_json"),
}
MAX_ITEMS = 30


# --- people -------------------------------------------------------------------------------


def person_of(phone: str, user_id: str, contacts: list[Any] | None = None) -> Person:
    """A person by his number, without a plus, and the id he has with this business.

    Either may be empty. `contacts` are the delivery's: the one of this person tells his name.
    """
    contact = _contact_of(phone, user_id, contacts or [])
    profile = read_object(contact.get("profile"))
    user_id = user_id or read_id(contact.get("user_id"))
    return Person(
        external_id=phone or user_id,
        other_id=user_id,
        name=read_name(profile.get("name")),
        username=read_name(profile.get("username"), max_length=64),
        phone=f"+{phone}" if phone.isdecimal() else "",
    )


def _contact_of(phone: str, user_id: str, contacts: list[Any]) -> dict[str, Any]:
    for contact in map(read_object, contacts):
        same_phone = phone and read_id(contact.get("wa_id")) == phone
        if same_phone or (user_id and read_id(contact.get("user_id")) == user_id):
            return contact
    return {}


# --- content ------------------------------------------------------------------------------


def whatsapp_content(message: dict[str, Any]) -> tuple[str, tuple[InboundAttachment, ...]]:
    """Text and attachments of a message. What we cannot show is an attachment "unsupported"."""
    kind = read_name(message.get("type"), max_length=60)
    part = read_object(message.get(kind))
    if kind == "text":
        text = read_text(part.get("body"))
        if text:
            return text, ()
    if kind in _FILES and read_id(part.get("id")):
        return read_text(part.get("caption")), (_file(kind, part),)
    if kind == "location":
        place = _location(part)
        if place is not None:
            return "", (place,)
    if kind == "contacts":
        cards = tuple(_card(read_object(card)) for card in read_list(message.get("contacts")))
        if cards:
            return "", cards[:MAX_ITEMS]
    if kind == "button" and read_text(part.get("text")):
        return read_text(part.get("text")), ()
    if kind == "interactive":
        text = _reply(part)[0]
        if text:
            return text, ()
    return "", (InboundAttachment(type="unsupported", name=kind or "unknown"),)


def _file(kind: str, part: dict[str, Any]) -> InboundAttachment:
    is_voice = kind == "audio" and part.get("voice") is True
    return InboundAttachment(
        type="voice" if is_voice else _FILES[kind],
        ref=read_id(part.get("id")),
        name=read_name(part.get("filename")),
        content_type=read_name(part.get("mime_type"), max_length=100),
    )


def _location(part: dict[str, Any]) -> InboundAttachment | None:
    latitude, longitude = read_number(part.get("latitude")), read_number(part.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return InboundAttachment(
        type="location", latitude=latitude, longitude=longitude, name=read_name(part.get("name"))
    )


def _card(card: dict[str, Any]) -> InboundAttachment:
    names = read_object(card.get("name"))
    whole = " ".join(
        filter(None, (read_name(names.get(part)) for part in ("first_name", "last_name")))
    )
    phones = [read_object(phone) for phone in read_list(card.get("phones"))]
    return InboundAttachment(
        type="contact",
        name=read_name(names.get("formatted_name")) or whole,
        phone=next(
            filter(None, (read_name(one.get("phone"), max_length=40) for one in phones)), ""
        ),
    )


def _reply(part: dict[str, Any]) -> tuple[str, str]:
    """`(text, payload)` of an answer to buttons, a list or a form."""
    for kind, (text, payload) in _REPLIES.items():
        answer = read_object(part.get(kind))
        if answer:
            carried = read_text(answer.get(payload), max_length=4000)
            return read_text(answer.get(text), max_length=1000) or carried, carried
    return "", ""


def whatsapp_payload(message: dict[str, Any]) -> str:
    """What the pressed button carries; empty for any other message."""
    if message.get("type") == "button":
        return read_text(read_object(message.get("button")).get("payload"), max_length=1000)
    if message.get("type") == "interactive":
        return _reply(read_object(message.get("interactive")))[1]
    return ""


def whatsapp_reply_to(message: dict[str, Any]) -> str:
    """The id of the message that is answered."""
    return read_message_id(read_object(message.get("context")).get("id"))


def whatsapp_data(message: dict[str, Any]) -> dict[str, Any]:
    """What has no column: `forwarded`, `payload`, `referral`, `ad`, `address`, `order`, `what`."""
    context = read_object(message.get("context"))
    referral = read_object(message.get("referral"))
    found = {
        "forwarded": context.get("forwarded") is True
        or context.get("frequently_forwarded") is True,
        "payload": whatsapp_payload(message),
        "referral": read_name(referral.get("source_id")),
        "ad": {
            name: value
            for name in ("headline", "body", "source_url", "source_type", "ctwa_clid")
            if (value := read_name(referral.get(name), max_length=500))
        },
        "address": read_name(read_object(message.get("location")).get("address")),
        "order": _items(read_object(message.get("order"))),
        "what": read_name(read_object(message.get("unsupported")).get("type"), max_length=60),
    }
    return {name: value for name, value in found.items() if value}


def _items(order: dict[str, Any]) -> list[dict[str, Any]]:
    """What was ordered from the catalogue."""
    names = ("product_retailer_id", "quantity", "item_price", "currency")
    items = map(read_object, read_list(order.get("product_items"))[:MAX_ITEMS])
    return [
        {name: item[name] for name in names if isinstance(item.get(name), (str, int, float))}
        for item in items
    ]
