"""What stands in a message of Messenger and Instagram; `page_parse.py` decides what it means."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from channels_app.drivers.base import AttachmentType, InboundAttachment
from channels_app.drivers.values import (
    read_id,
    read_list,
    read_name,
    read_number,
    read_object,
    read_ref,
    read_text,
)

THUMBS_UP = "\N{THUMBS UP SIGN}"
HEART = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
# The thumb in its three sizes: a sticker that people mean as a word.
_THUMBS = frozenset({"369239263222822", "369239343222814", "369239383222810"})

_FILES: dict[str, AttachmentType] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "file",
    "sticker": "sticker",
    "ig_reel": "video",
    "reel": "video",
}
# Something of somebody's page, shown with a picture that Meta gives for a while.
_SHARED = frozenset({"share", "story_mention", "ig_post", "ig_story", "post", "story"})


def page_message_content(message: dict[str, Any]) -> tuple[str, tuple[InboundAttachment, ...]]:
    """Text and attachments of a message. What we cannot show is an attachment "unsupported"."""
    text = read_text(message.get("text"))
    found: list[InboundAttachment] = []
    for item in map(read_object, read_list(message.get("attachments"))):
        word, attachment = _attachment(item)
        text = text or word
        if attachment is not None:
            found.append(attachment)
    if not text and not found:
        # Instagram says so of a kind of sticker, of a film to be seen once and the like.
        found.append(InboundAttachment(type="unsupported", name="unknown"))
    return text, tuple(found)


def _attachment(item: dict[str, Any]) -> tuple[str, InboundAttachment | None]:
    """`(a word it stands for, what is shown)` of one attachment."""
    kind = read_name(item.get("type"), max_length=60)
    payload = read_object(item.get("payload"))
    url = read_ref(payload.get("url"))
    title = read_name(payload.get("title") or item.get("title"))
    if kind == "like_heart":
        return HEART, None
    if kind == "location":
        return "", _location(payload) or InboundAttachment(type="unsupported", name=kind)
    if kind == "fallback":
        return "", _link(item, url, title)
    if kind in _SHARED and url:
        return "", InboundAttachment(type="link", ref=url, name=title)
    if kind in _FILES and url:
        sticker = read_id(payload.get("sticker_id"))
        shown: AttachmentType = "sticker" if sticker else _FILES[kind]
        name = title or (_file_name(url) if shown == "file" else "")
        word = THUMBS_UP if sticker in _THUMBS else ""
        return word, InboundAttachment(type=shown, ref=url, name=name)
    return "", InboundAttachment(type="unsupported", name=kind or "unknown")


def _link(item: dict[str, Any], url: str, title: str) -> InboundAttachment:
    """A web address somebody sent. It is shown and not fetched: it is a page, no file."""
    address = url or next(
        (read_ref(item.get(name)) for name in ("url", "URL", "_u_r_l") if item.get(name)), ""
    )
    return InboundAttachment(type="link", ref=address, url=address, name=title)


def _location(payload: dict[str, Any]) -> InboundAttachment | None:
    place = read_object(payload.get("coordinates"))
    latitude, longitude = read_number(place.get("lat")), read_number(place.get("long"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return InboundAttachment(type="location", latitude=latitude, longitude=longitude)


def _file_name(url: str) -> str:
    try:
        return read_name(unquote(urlsplit(url).path.rpartition("/")[2]))
    except ValueError:
        return ""
