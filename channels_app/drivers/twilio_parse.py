"""Twilio's messaging webhooks, read into events; `twilio.py` is the driver.

A webhook is a form: a message that came in, or the state of one of ours. There is no time in it. A
number with `whatsapp:` before it is a chat of its own, because an answer must go the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    AttachmentType,
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
from channels_app.drivers.values import read_id, read_name, read_ref, read_text

WHATSAPP: Final = "whatsapp:"
MAX_FIELDS: Final = 500
_MAX_MEDIA = 20
_STATES: Final[dict[str, Any]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
# Why a message did not arrive, for the codes that are met.
_FAILURES: Final = {
    "30003": _("The phone is switched off or out of reach (30003)."),
    "30004": _("The phone's network blocks the message (30004)."),
    "30005": _("There is no such number in service (30005)."),
    "30006": _("The number is a landline, or its network is out of reach (30006)."),
    "30007": _("The network took the message for unwanted and dropped it (30007)."),
    "30008": _("The network gives no reason (30008)."),
    "63016": _("The time to answer on WhatsApp is over (63016)."),
}
_FAILED = _("The message was not delivered, error %(reason)s.")
_KINDS: Final[dict[str, AttachmentType]] = {"image": "image", "audio": "audio", "video": "video"}


def form_of(raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form, in order, the empty ones as well. Raises `ValueError`."""
    return parse_qsl(
        raw.decode("utf-8"),
        keep_blank_values=True,
        max_num_fields=MAX_FIELDS,
        errors="strict",
    )


def parse(raw: bytes) -> list[Event]:
    """The event of a webhook. Raises `ParseError`."""
    try:
        form = dict(form_of(raw))
    except ValueError:
        raise ParseError(_("The body is not a form.")) from None
    sid = read_id(form.get("MessageSid")) or read_id(form.get("SmsSid"))
    if not sid:
        raise ParseError(_("The message has no id."))
    state = form.get("MessageStatus") or form.get("SmsStatus") or "received"
    if state not in ("received", "receiving"):
        return [_receipt(form, sid, state.lower())]
    return [_message(form, sid)]


def _person(form: Mapping[str, str]) -> Person:
    address = read_id(form.get("From"))
    if not address or address == WHATSAPP:
        # On WhatsApp a customer may hide his number: then he has an id only.
        other = read_id(form.get("ExternalUserId")).removeprefix(WHATSAPP)
        address = f"{WHATSAPP}{other}" if other else ""
    if not address:
        raise ParseError(_("The sender has no id."))
    number = address.removeprefix(WHATSAPP)
    return Person(
        external_id=address,
        name=read_name(form.get("ProfileName")),
        phone=number if number.startswith("+") and number[1:].isdecimal() else "",
    )


def _message(form: Mapping[str, str], sid: str) -> Event:
    person = _person(form)
    shared: dict[str, Any] = {
        "key": f"MessageSid:{sid}",
        "chat_id": person.external_id,
        "user": person,
    }
    word = form.get("OptOutType", "").upper()
    if word in ("STOP", "START"):
        # Twilio has answered already, and refuses (or lets) us write.
        return ReachabilityEvent(reachable=word == "START", **shared)
    text = read_text(form.get("Body"))
    payload = read_text(form.get("ButtonPayload"), max_length=300)
    if payload:
        caption = read_text(form.get("ButtonText"), max_length=200) or text or payload
        return PostbackEvent(text=caption, payload=payload, **shared)
    attachments = _attachments(form)
    if not text and not attachments:
        kind = read_name(form.get("MessageType"), max_length=60)
        attachments = (InboundAttachment(type="unsupported", name=kind),)
    return MessageEvent(
        message_id=sid,
        text=text,
        attachments=attachments,
        reply_to=read_id(form.get("OriginalRepliedMessageSid")),
        data=_data(form),
        **shared,
    )


def _attachments(form: Mapping[str, str]) -> tuple[InboundAttachment, ...]:
    count = form.get("NumMedia", "")
    found = []
    for number in range(min(int(count), _MAX_MEDIA) if _is_number(count) else 0):
        url = read_ref(form.get(f"MediaUrl{number}"))
        content_type = read_name(form.get(f"MediaContentType{number}"), max_length=100)
        if url:
            kind = _KINDS.get(content_type.partition("/")[0], "file")
            found.append(InboundAttachment(type=kind, ref=url, content_type=content_type))
    place = _place(form)
    return (*found, place) if place is not None else tuple(found)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 5


def _place(form: Mapping[str, str]) -> InboundAttachment | None:
    try:
        latitude, longitude = float(form.get("Latitude", "")), float(form.get("Longitude", ""))
    except ValueError:
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # NaN is no place either
        return None
    name = read_name(form.get("Label")) or read_name(form.get("Address"))
    return InboundAttachment(type="location", latitude=latitude, longitude=longitude, name=name)


def _data(form: Mapping[str, str]) -> dict[str, Any]:
    """What has no column: `referral`, `forwarded`."""
    data: dict[str, Any] = {}
    referral = read_name(form.get("ReferralSourceId"))
    if referral:
        data["referral"] = referral
    if form.get("Forwarded", "").lower() == "true":
        data["forwarded"] = True
    return data


def _receipt(form: Mapping[str, str], sid: str, state: str) -> Event:
    address = read_id(form.get("To"))
    user = Person(external_id=address) if address else None
    status = _STATES.get(state)
    if status is None:
        reason = _("The message is under way: %(state)s") % {"state": read_name(state)}
        return IgnoredEvent(chat_id=address, user=user, reason=reason)
    error = ""
    if status == "failed":
        code = read_name(form.get("ErrorCode"), max_length=20)
        error = _FAILURES.get(code) or _FAILED % {"reason": code or state}
    return ReceiptEvent(chat_id=address, user=user, message_id=sid, status=status, error=error)
