"""What stands in a message of VK: text, files, cards."""

from __future__ import annotations

from typing import Any

from channels_app.drivers.base import InboundAttachment
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

# From small to large, for photos whose sizes come without numbers.
_SIZES = {name: rank for rank, name in enumerate("smxopqryzw")}


def message_id(message: dict[str, Any], chat_id: str = "") -> str:
    """`<chat>_<number in the chat>`, empty when the message has no number.

    `chat_id` is for a message inside another, which may not name its chat.
    """
    number = read_id(message.get("conversation_message_id"))
    chat = read_id(message.get("peer_id")) or chat_id
    return f"{chat}_{number}" if number not in ("", "0") and chat else ""


def message_content(message: dict[str, Any]) -> tuple[str, tuple[InboundAttachment, ...]]:
    """Text and attachments. What VK does not hand out is a line of the text, or "unsupported"."""
    lines = [read_text(message.get("text"))]
    found: list[InboundAttachment] = []
    for item in map(read_object, read_list(message.get("attachments"))):
        kind = read_name(item.get("type"), max_length=60)
        part = read_object(item.get(kind))
        line = _address(kind, part)
        if line:
            # A page that is linked in the text comes as a card of its own as well.
            lines += [] if any(line in other for other in lines) else [line]
            continue
        found.append(_attachment(kind, part))
    place = _place(read_object(message.get("geo")))
    if place is not None:
        found.append(place)
    for quoted in map(read_object, read_list(message.get("fwd_messages"))):
        inner, files = message_content({**quoted, "fwd_messages": []})
        lines += [inner] if inner else []
        found += [file for file in files if file.type != "unsupported" or file.name]
    text = "\n".join(line for line in lines if line)
    if not text and not found:
        found.append(InboundAttachment(type="unsupported"))
    return read_text(text), tuple(found)


def _attachment(kind: str, part: dict[str, Any]) -> InboundAttachment:
    read = _FILES.get(kind)
    file = read(part) if read is not None else None
    return file or InboundAttachment(type="unsupported", name=kind)


def _largest(pictures: list[Any]) -> str:
    """The address of the largest picture; of equal ones the last."""
    best, best_size = "", (-1, -1)
    for picture in map(read_object, pictures):
        area = (read_count(picture.get("width")) or 0) * (read_count(picture.get("height")) or 0)
        size = (area, _SIZES.get(read_name(picture.get("type"), max_length=1), -1))
        url = read_ref(picture.get("url"))
        if url and size >= best_size:
            best, best_size = url, size
    return best


def _photo(part: dict[str, Any]) -> InboundAttachment | None:
    url = _largest(read_list(part.get("sizes"))) or read_ref(
        read_object(part.get("orig_photo")).get("url")
    )
    return InboundAttachment(type="image", ref=url, content_type="image/jpeg") if url else None


def _voice(part: dict[str, Any]) -> InboundAttachment | None:
    ogg, mp3 = read_ref(part.get("link_ogg")), read_ref(part.get("link_mp3"))
    if not ogg and not mp3:
        return None
    return InboundAttachment(
        type="voice",
        ref=ogg or mp3,
        content_type="audio/ogg" if ogg else "audio/mpeg",
        duration=read_count(part.get("duration")),
    )


def _audio(part: dict[str, Any]) -> InboundAttachment | None:
    url = read_ref(part.get("url"))
    title = " - ".join(filter(None, (read_name(part.get("artist")), read_name(part.get("title")))))
    if not url:
        return None
    return InboundAttachment(
        type="audio", ref=url, name=title, duration=read_count(part.get("duration"))
    )


def _document(part: dict[str, Any]) -> InboundAttachment | None:
    url = read_ref(part.get("url"))
    if not url:
        return None
    name, ending = read_name(part.get("title")), read_name(part.get("ext"), max_length=10)
    if ending and not name.lower().endswith(f".{ending.lower()}"):
        name = f"{name or 'file'}.{ending}"
    return InboundAttachment(type="file", ref=url, name=name, size=read_size(part.get("size")))


def _sticker(part: dict[str, Any]) -> InboundAttachment | None:
    url = _largest(read_list(part.get("images")))
    return InboundAttachment(type="sticker", ref=url) if url else None


def _drawing(part: dict[str, Any]) -> InboundAttachment | None:
    url = read_ref(part.get("url")) or _largest(read_list(part.get("sizes")))
    return InboundAttachment(type="image", ref=url) if url else None


_FILES = {
    "photo": _photo,
    "audio_message": _voice,
    "audio": _audio,
    "doc": _document,
    "sticker": _sticker,
    "graffiti": _drawing,
}


def _address(kind: str, part: dict[str, Any]) -> str:
    """What VK shows on its own pages only: its title and where it is to be seen."""
    owner, number = read_id(part.get("owner_id")), read_id(part.get("id"))
    if kind == "link":
        return read_ref(part.get("url"))
    if kind == "wall":
        owner = owner or read_id(part.get("from_id"))
        return f"https://vk.com/wall{owner}_{number}" if owner and number else ""
    if kind in ("video", "market") and owner and number:
        place = f"https://vk.com/{'video' if kind == 'video' else 'product'}{owner}_{number}"
        title = read_name(part.get("title"))
        return f"{title}\n{place}" if title else place
    return ""


def _place(geo: dict[str, Any]) -> InboundAttachment | None:
    coordinates = read_object(geo.get("coordinates"))
    latitude = read_number(coordinates.get("latitude"))
    longitude = read_number(coordinates.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    name = read_name(read_object(geo.get("place")).get("title"))
    return InboundAttachment(type="location", latitude=latitude, longitude=longitude, name=name)
