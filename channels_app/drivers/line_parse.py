"""LINE's webhooks, read into events. Messaging API; `line.py` is the driver.

A delivery holds any number of events, or none when LINE only tries the address. An event that
comes again (`isRedelivery`) has the id it had: whether it is known decides, not that flag.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    DeleteEvent,
    Event,
    IgnoredEvent,
    InboundAttachment,
    MessageEvent,
    ParseError,
    Person,
    PostbackEvent,
    ReachabilityEvent,
)
from channels_app.drivers.values import (
    read_id,
    read_list,
    read_name,
    read_number,
    read_object,
    read_ref,
    read_size,
    read_text,
    read_time,
)
from openlines_project.lib.text import clean_json, load_json

NOTICE_GROUP = _("The account was added to a group. Messages in groups are not taken.")
# A file that lies at LINE is fetched by its message's id.
CONTENT = "message:"
STICKER_ADDRESS = (
    "https://stickershop.line-scdn.net/stickershop/v1/sticker/%(sticker)s/android/sticker.png"
)
_MAX_PAYLOAD = 300


def parse(raw: bytes) -> list[Event]:
    """The events of a delivery, in order. A broken one becomes an ignored event, so that its
    neighbours count; a delivery of nothing but broken ones raises `ParseError`."""
    try:
        body = clean_json(load_json(raw))
    except ValueError:
        raise ParseError(_("The body is not JSON.")) from None
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        raise ParseError(_("The body has no events."))
    events: list[Event] = []
    failed: ParseError | None = None
    for item in body["events"]:
        try:
            events.append(_event(read_object(item)))
        except ParseError as error:
            failed = error
            events.append(
                IgnoredEvent(
                    key=_key(read_object(item)),
                    reason=_("A broken event: %(reason)s") % {"reason": error},
                )
            )
    if failed is not None and len(events) == 1:
        raise failed
    return events


def _key(event: dict[str, Any]) -> str:
    number = read_id(event.get("webhookEventId"))
    return f"webhookEventId:{number}" if number else ""


def _event(event: dict[str, Any]) -> Event:
    if not event:
        raise ParseError(_("The event is not an object."))
    source = read_object(event.get("source"))
    user_id = read_id(source.get("userId"))
    group_id = read_id(source.get("groupId")) or read_id(source.get("roomId"))
    shared: dict[str, Any] = {
        "key": _key(event),
        "chat_id": group_id or user_id,
        "user": Person(external_id=user_id) if user_id else None,
        "at": read_time(event.get("timestamp")),
    }
    kind = read_name(event.get("type"), max_length=60)
    if source.get("type") != "user" or group_id:
        notice = NOTICE_GROUP if kind == "join" else ""
        return IgnoredEvent(reason=_("A message in a group."), notice=notice, **shared)
    read = _KINDS.get(kind)
    if read is None:
        reason = _("An event of a kind that is not taken: %(kind)s") % {"kind": kind or "-"}
        return IgnoredEvent(reason=reason, **shared)
    if not user_id:
        raise ParseError(_("The sender has no id."))
    return read(event, shared)


def _message(event: dict[str, Any], shared: dict[str, Any]) -> Event:
    message = read_object(event.get("message"))
    message_id = read_id(message.get("id"))
    if not message_id:
        raise ParseError(_("The message has no id."))
    text, attachments = _content(message, message_id)
    data: dict[str, Any] = {}
    album = read_id(read_object(message.get("imageSet")).get("id"))
    if album:
        data["media_group"] = album
    address = read_name(message.get("address"))
    if address:
        data["address"] = address
    if _is_standby(event):
        data["standby"] = True
    return MessageEvent(
        message_id=message_id,
        text=text,
        attachments=attachments,
        reply_to=read_id(message.get("quotedMessageId")),
        reply_context=_reply_context(event, message, message_id),
        data=data,
        **shared,
    )


def _is_standby(event: dict[str, Any]) -> bool:
    """Whether another program has the chat."""
    return event.get("mode") == "standby"


def _reply_context(
    event: dict[str, Any], message: dict[str, Any], message_id: str
) -> dict[str, Any]:
    """What an answer may use: a token good for one answer soon, one to quote the message, one to
    show that it was read. There is no answer while another program has the chat (standby)."""
    if _is_standby(event):
        return {}
    found = {
        "reply_token": read_ref(event.get("replyToken")),
        "read_token": read_ref(message.get("markAsReadToken")),
        "quote_token": read_ref(message.get("quoteToken")),
    }
    context: dict[str, Any] = {name: value for name, value in found.items() if value}
    if "reply_token" in context:
        context["reply_at"] = read_size(event.get("timestamp")) or 0
    if "quote_token" in context:
        context["quote_id"] = message_id
    return context


def _content(message: dict[str, Any], message_id: str) -> tuple[str, tuple[InboundAttachment, ...]]:
    kind = read_name(message.get("type"), max_length=60)
    text = read_text(message.get("text"))
    if kind == "text" and text:
        return text, ()
    if kind == "location":
        return "", (_place(message),)
    if kind == "sticker":
        return text, (_sticker(message),)
    if kind in ("image", "video", "audio", "file"):
        return "", (_file(kind, message, message_id),)
    return text, (InboundAttachment(type="unsupported", name=kind),)


def _file(kind: Any, message: dict[str, Any], message_id: str) -> InboundAttachment:
    provider = read_object(message.get("contentProvider"))
    is_elsewhere = provider.get("type") == "external"
    ref = read_ref(provider.get("originalContentUrl")) if is_elsewhere else CONTENT + message_id
    milliseconds = read_number(message.get("duration"))
    return InboundAttachment(
        type=kind,
        ref=ref,
        name=read_name(message.get("fileName")),
        size=read_size(message.get("fileSize")),
        duration=_seconds(milliseconds),
        thumb_ref=read_ref(provider.get("previewImageUrl")),
    )


def _seconds(milliseconds: float | None) -> int | None:
    if milliseconds is None or not 0 <= milliseconds < 2**40:
        return None
    return round(milliseconds / 1000)


def _place(message: dict[str, Any]) -> InboundAttachment:
    latitude = read_number(message.get("latitude"))
    longitude = read_number(message.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return InboundAttachment(type="unsupported", name="location")
    return InboundAttachment(
        type="location",
        latitude=latitude,
        longitude=longitude,
        name=read_name(message.get("title")),
    )


def _sticker(message: dict[str, Any]) -> InboundAttachment:
    package, sticker = read_id(message.get("packageId")), read_id(message.get("stickerId"))
    known = sticker.isascii() and sticker.isdecimal()
    return InboundAttachment(
        type="sticker",
        ref=f"{package}/{sticker}",
        name=read_name(next(iter(read_list(message.get("keywords"))), "")),
        # LINE's own shop shows them there; the API has no address for them.
        thumb_ref=STICKER_ADDRESS % {"sticker": sticker} if known else "",
    )


def _postback(event: dict[str, Any], shared: dict[str, Any]) -> Event:
    payload = read_text(read_object(event.get("postback")).get("data"), max_length=_MAX_PAYLOAD)
    if not payload:
        raise ParseError(_("The button carries nothing."))
    # LINE tells what the button carried, not what stood on it.
    return PostbackEvent(
        text=payload,
        payload=payload,
        reply_context=_reply_context(event, {}, ""),
        **shared,
    )


def _unsend(event: dict[str, Any], shared: dict[str, Any]) -> Event:
    message_id = read_id(read_object(event.get("unsend")).get("messageId"))
    if not message_id:
        raise ParseError(_("The message has no id."))
    return DeleteEvent(message_id=message_id, **shared)


def _followed(event: dict[str, Any], shared: dict[str, Any]) -> Event:
    return ReachabilityEvent(reachable=event.get("type") == "follow", **shared)


_KINDS = {
    "message": _message,
    "postback": _postback,
    "unsend": _unsend,
    "follow": _followed,
    "unfollow": _followed,
}
