"""What stands in a Telegram message: text, files, cards, and who sent it.

Shared by all updates that carry a message; `telegram_parse.py` decides what the update means.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import AttachmentType, InboundAttachment, ParseError, Person
from channels_app.drivers.values import (
    read_count,
    read_id,
    read_list,
    read_name,
    read_number,
    read_object,
    read_ref,
    read_size,
    read_text,
)

_FILES: tuple[tuple[str, AttachmentType], ...] = (
    # An animation comes with a document of the same file: it stands first and hides it.
    ("animation", "video"),
    ("video", "video"),
    ("video_note", "video"),
    ("voice", "voice"),
    ("audio", "audio"),
    ("sticker", "sticker"),
    ("document", "file"),
)
# Content we know of and cannot show; named in the thread.
# fmt: off
_UNSHOWN = (
    "poll", "story", "dice", "game", "checklist", "invoice", "paid_media", "giveaway",
    "giveaway_winners", "giveaway_completed", "giveaway_created", "gift", "unique_gift",
    "live_photo",
)
# fmt: on
# What stands around the content.
# fmt: off
_ENVELOPE = frozenset({
    "author_signature", "business_connection_id", "caption", "caption_entities", "chat", "date",
    "direct_messages_topic", "edit_date", "effect_id", "entities", "external_reply",
    "forward_date", "forward_from", "forward_from_chat", "forward_from_message_id",
    "forward_origin", "forward_sender_name", "forward_signature", "from", "has_media_spoiler",
    "has_protected_content", "is_automatic_forward", "is_from_offline", "is_paid_post",
    "is_topic_message", "link_preview_options", "media_group_id", "message_id",
    "message_thread_id", "paid_star_count", "quote", "reply_markup",
    "reply_to_checklist_task_id", "reply_to_message", "reply_to_story", "sender_boost_count",
    "sender_business_bot", "sender_chat", "show_caption_above_media", "suggested_post_info",
    "text", "via_bot",
})
# fmt: on


# --- people -------------------------------------------------------------------------------


def message_chat_id(part: dict[str, Any]) -> str:
    """The chat something happened in, empty when it names none."""
    return read_id(read_object(part.get("chat")).get("id"))


def _full_name(user: dict[str, Any]) -> str:
    names = (read_name(user.get(part)) for part in ("first_name", "last_name"))
    return read_name(" ".join(name for name in names if name))


def message_person(user: dict[str, Any], phone: str = "") -> Person:
    """The person behind a Telegram user. Raises `ParseError` when he has no id."""
    number = read_id(user.get("id"))
    if not number:
        raise ParseError(_("The sender has no id."))
    return Person(
        external_id=number,
        name=_full_name(user),
        username=read_name(user.get("username"), max_length=64),
        language=read_name(user.get("language_code"), max_length=16),
        phone=phone,
    )


def message_own_phone(message: dict[str, Any]) -> str:
    """The customer's phone, when he sent his own contact: Telegram vouches for that one only."""
    contact = read_object(message.get("contact"))
    owner = read_id(contact.get("user_id"))
    if not owner or owner != read_id(read_object(message.get("from")).get("id")):
        return ""
    phone = read_name(contact.get("phone_number"), max_length=32)
    # Telegram's numbers are international, with the plus or without.
    return f"+{phone}" if phone.isdecimal() else phone


# --- content ------------------------------------------------------------------------------


def message_content(message: dict[str, Any]) -> tuple[str, tuple[InboundAttachment, ...]]:
    """Text and attachments of a message. Content we do not know is an attachment "unsupported"."""
    text = read_text(message.get("text")) or read_text(message.get("caption"))
    photo = _photo(read_list(message.get("photo")))
    if photo:
        return text, (photo,)
    for name, kind in _FILES:
        file = read_object(message.get(name))
        if read_ref(file.get("file_id")):
            return text or _sticker_text(name, file), (_file(kind, file),)
    place = _place(message)
    if place:
        return text, (place,)
    contact = read_object(message.get("contact"))
    if contact:
        phone = read_name(contact.get("phone_number"), max_length=40)
        return text, (InboundAttachment(type="contact", name=_full_name(contact), phone=phone),)
    if text:
        return text, ()
    known = next((name for name in _UNSHOWN if name in message), "")
    other = known or next((name for name in message if name not in _ENVELOPE), "")
    return text, (InboundAttachment(type="unsupported", name=read_name(other, max_length=60)),)


def _photo(sizes: list[Any]) -> InboundAttachment | None:
    """The largest of the sizes a photo comes in; of equal ones the last."""
    best: dict[str, Any] = {}
    for size in map(read_object, sizes):
        if read_ref(size.get("file_id")) and _area(size) >= _area(best):
            best = size
    if not best:
        return None
    return InboundAttachment(
        type="image",
        ref=read_ref(best.get("file_id")),
        content_type="image/jpeg",  # the only form Telegram keeps photos in
        size=read_size(best.get("file_size")),
    )


def _area(size: dict[str, Any]) -> int:
    return (read_count(size.get("width")) or 0) * (read_count(size.get("height")) or 0)


def _file(kind: AttachmentType, file: dict[str, Any]) -> InboundAttachment:
    return InboundAttachment(
        type=kind,
        ref=read_ref(file.get("file_id")),
        name=read_name(file.get("file_name")),
        content_type=read_name(file.get("mime_type"), max_length=100),
        size=read_size(file.get("file_size")),
        duration=read_count(file.get("duration")),
        thumb_ref=read_ref(read_object(file.get("thumbnail")).get("file_id")),
    )


def _sticker_text(name: str, file: dict[str, Any]) -> str:
    return read_text(file.get("emoji"), max_length=40) if name == "sticker" else ""


def _place(message: dict[str, Any]) -> InboundAttachment | None:
    """A location; a venue is one with a name, and comes with the location as well."""
    venue = read_object(message.get("venue"))
    location = read_object(message.get("location")) or read_object(venue.get("location"))
    latitude = read_number(location.get("latitude"))
    longitude = read_number(location.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return InboundAttachment(
        type="location", latitude=latitude, longitude=longitude, name=read_name(venue.get("title"))
    )


def message_data(message: dict[str, Any], text: str) -> dict[str, Any]:
    """What has no column: `forwarded`, `forwarded_from`, `media_group`, `address`, `referral`."""
    data: dict[str, Any] = {}
    origin = read_object(message.get("forward_origin"))
    if origin or "forward_date" in message:
        data["forwarded"] = True
        name = _full_name(read_object(origin.get("sender_user"))) or read_name(
            origin.get("sender_user_name")
            or read_object(origin.get("sender_chat")).get("title")
            or read_object(origin.get("chat")).get("title")
        )
        if name:
            data["forwarded_from"] = name
    group = read_id(message.get("media_group_id"))
    if group:
        data["media_group"] = group
    address = read_name(read_object(message.get("venue")).get("address"))
    if address:
        data["address"] = address
    if text.startswith("/start "):
        data["referral"] = text.removeprefix("/start ").strip()
    return data
