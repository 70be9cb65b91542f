"""What a message of ours looks like for WhatsApp's Cloud API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from channels_app.drivers.base import Outgoing, OutgoingFile, TemplateUse
from channels_app.drivers.meta import content_error
from channels_app.drivers.whatsapp_templates import HEADER_PREFIX

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
# https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-reply-buttons-messages
MAX_BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
BUTTON_TEXT = 1024
# https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-list-messages
MAX_ROWS = 10
ROW_TITLE = 24
ROW_DESCRIPTION = 72
ROW_ID = 200
LIST_TEXT = 4096
# https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media
_MEGABYTE = 1024 * 1024
_MEDIA: Mapping[str, tuple[int, frozenset[str]]] = {
    "image": (5 * _MEGABYTE, frozenset({"image/jpeg", "image/png"})),
    "video": (16 * _MEGABYTE, frozenset({"video/mp4", "video/3gpp"})),
    "audio": (
        16 * _MEGABYTE,
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    ),
}
DOCUMENT_BYTES = 100 * _MEGABYTE
_KINDS = {"image": "image", "video": "video", "audio": "audio", "voice": "audio"}


def media_kind(file: OutgoingFile, *, has_caption: bool) -> str:
    """As what a file is sent: what it is where WhatsApp takes it so, else as a document.

    Sound takes no caption. Raises `DriverError` for a file that is too large for all.
    """
    kind = _KINDS.get(file.type, "")
    if kind in _MEDIA and not (kind == "audio" and has_caption):
        limit, types = _MEDIA[kind]
        if file.size <= limit and file.content_type.partition(";")[0].strip().lower() in types:
            return kind
    if file.size > DOCUMENT_BYTES:
        raise content_error(_("WhatsApp takes files of at most 100 MB."))
    return "document"


def envelope(outgoing: Outgoing) -> dict[str, Any]:
    """To whom, with our reference: a number goes into `to`, an id of the business elsewhere."""
    address = "to" if outgoing.chat_id.isdecimal() else "recipient"
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        address: outgoing.chat_id,
        "biz_opaque_callback_data": outgoing.reference,
    }


def text_content(outgoing: Outgoing) -> dict[str, Any]:
    """A text, with its buttons as buttons or as a list. Raises `DriverError`."""
    if not outgoing.text.strip():
        raise content_error(_("WhatsApp does not send an empty message."))
    if len(outgoing.text) > TEXT_LIMIT:
        raise content_error(
            _("The text is too long for WhatsApp: at most %(limit)s characters.")
            % {"limit": TEXT_LIMIT}
        )
    if outgoing.buttons:
        return {"type": "interactive", "interactive": _interactive(outgoing)}
    return {"type": "text", "text": {"body": outgoing.text, "preview_url": True}}


def _interactive(outgoing: Outgoing) -> dict[str, Any]:
    buttons = [(one.get("text", ""), one.get("payload") or one.get("text", "")) for one in (
        outgoing.buttons
    )]  # fmt: skip
    body = {"text": outgoing.text}
    if not all(title for title, _payload in buttons):
        raise content_error(_("A button needs a text."))
    if any(len(payload) > ROW_ID for _title, payload in buttons):
        raise content_error(_("A button carries at most 200 characters."))
    fit = all(len(title) <= BUTTON_TITLE for title, _payload in buttons)
    if len(buttons) <= MAX_BUTTONS and fit and len(outgoing.text) <= BUTTON_TEXT:
        replies = [
            {"type": "reply", "reply": {"id": payload, "title": title}}
            for title, payload in buttons
        ]
        return {"type": "button", "body": body, "action": {"buttons": replies}}
    if len(buttons) > MAX_ROWS:
        raise content_error(
            _("There are too many buttons: at most %(limit)s.") % {"limit": MAX_ROWS}
        )
    # What opens the list is read by the customer, whose language nobody knows here.
    action = {
        "button": "\N{TRIGRAM FOR HEAVEN}",
        "sections": [{"rows": [_row(*one) for one in buttons]}],
    }
    return {"type": "list", "body": body, "action": action}


def _row(title: str, payload: str) -> dict[str, str]:
    """A line of a list; a longer text stands below its beginning, too."""
    row = {"id": payload, "title": title[:ROW_TITLE]}
    return row if len(title) <= ROW_TITLE else row | {"description": title[:ROW_DESCRIPTION]}


def media_content(file: OutgoingFile, media_id: str, text: str) -> dict[str, Any]:
    """An uploaded file. Raises `DriverError`."""
    kind = media_kind(file, has_caption=bool(text))
    part = {"id": media_id} | ({"caption": text} if text else {})
    if kind == "document" and file.name:
        part["filename"] = file.name
    return {"type": kind, kind: part}


def template_content(template: TemplateUse) -> dict[str, Any]:
    """A template with its values."""
    components = []
    for kind, values in (
        ("header", [one for one in template.values if one[0].startswith(HEADER_PREFIX)]),
        ("body", [one for one in template.values if not one[0].startswith(HEADER_PREFIX)]),
    ):
        if values:
            components.append(
                {"type": kind, "parameters": _parameters(values, has_names=template.has_names)}
            )
    part: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if components:
        part["components"] = components
    return {"type": "template", "template": part}


def _parameters(values: Sequence[tuple[str, str]], *, has_names: bool) -> list[dict[str, str]]:
    return [
        {"type": "text", "text": value}
        | ({"parameter_name": name.removeprefix(HEADER_PREFIX)} if has_names else {})
        for name, value in values
    ]
