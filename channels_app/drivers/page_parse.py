"""Messenger's and Instagram's deliveries, read into events. Both have the same envelope.

An event is a customer's, an echo of what somebody of ours wrote, or a note about the thread. What
Meta will invent later is ignored as an event and kept as "unsupported" as content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    ContactEvent,
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    MessageEvent,
    Person,
    PostbackEvent,
    ReactionEvent,
    ReceiptEvent,
)
from channels_app.drivers.meta_values import read_envelope, read_message_id, read_moment
from channels_app.drivers.page_content import HEART, page_message_content
from channels_app.drivers.values import read_id, read_list, read_name, read_object, read_text

OWN_PAYLOAD = "ol:"
NOTICE_OTHER_PRODUCT = _("Deliveries of another product of Meta come to this address.")


def parse_page(raw: bytes, *, product: str) -> list[Event]:
    """The events of a delivery of `product`: `page` is Messenger, `instagram` Instagram.

    Each is read by itself: a broken one becomes an ignored event. Raises `ParseError`.
    """
    about, entries = read_envelope(raw)
    if about != product:
        return [IgnoredEvent(reason=NOTICE_OTHER_PRODUCT, notice=NOTICE_OTHER_PRODUCT)]
    events: list[Event] = []
    for entry in entries:
        account = read_id(entry.get("id"))
        for item in read_list(entry.get("messaging")):
            events += _event(read_object(item), account)
        for item in read_list(entry.get("standby")):
            events += _event(read_object(item), account, is_standby=True)
        for change in map(read_object, read_list(entry.get("changes"))):
            # Comments of the page, and the test of the dashboard, which names nobody's account.
            events.append(
                IgnoredEvent(
                    reason=_("No message: %(field)s")
                    % {"field": read_name(change.get("field"), max_length=60)}
                )
            )
    return events


def _event(item: dict[str, Any], account: str, *, is_standby: bool = False) -> list[Event]:
    sender = read_id(read_object(item.get("sender")).get("id"))
    recipient = read_id(read_object(item.get("recipient")).get("id"))
    message = read_object(item.get("message"))
    # Of what we wrote ourselves the customer is the one it went to.
    is_echo = message.get("is_echo") is True
    customer, page = (recipient, sender) if is_echo else (sender, recipient)
    shared: dict[str, Any] = {
        "chat_id": customer,
        "user": Person(external_id=customer),
        "at": read_moment(item.get("timestamp")),
        "account_id": page,
        "entry_account_id": account,
    }
    if not customer:
        return [_ignored(shared, _("An event without a person."))]
    if sender == recipient or message.get("is_self") is True:
        return [_ignored(shared, _("A message of the account to itself."))]
    if "message" in item:
        return [_message(message, shared, is_standby=is_standby)]
    for name, read in _KINDS.items():
        if name in item:
            return read(read_object(item[name]), shared)
    kind = next(
        (name for name in item if name not in ("sender", "recipient", "timestamp")), "nothing"
    )
    return [
        _ignored(
            shared,
            _("An event of a kind that is not taken: %(kind)s")
            % {"kind": read_name(kind, max_length=60)},
        )
    ]


def _ignored(shared: dict[str, Any], reason: str) -> IgnoredEvent:
    return IgnoredEvent(
        at=shared["at"],
        account_id=shared["account_id"],
        entry_account_id=shared["entry_account_id"],
        reason=reason,
    )


# --- messages -----------------------------------------------------------------------------


def _message(message: dict[str, Any], shared: dict[str, Any], *, is_standby: bool) -> Event:
    mid = read_message_id(message.get("mid"))
    is_echo = message.get("is_echo") is True
    if message.get("is_deleted") is True:
        if is_echo or not mid:
            return _ignored(shared, _("An answer was taken back by ourselves."))
        # A key of its own: the message itself had the same id.
        return DeleteEvent(key=f"delete:{mid}", message_id=mid, **shared)
    text, attachments = page_message_content(message)
    reply_to = read_object(message.get("reply_to"))
    values: dict[str, Any] = {
        "key": f"mid:{mid}" if mid else "",
        "message_id": mid,
        "text": text,
        "attachments": attachments,
        "reply_to": read_message_id(reply_to.get("mid")),
        "data": _message_data(message, reply_to, is_standby=is_standby),
        **shared,
    }
    if is_echo:
        return EchoEvent(reference=read_name(message.get("metadata")), **values)
    payload = read_text(read_object(message.get("quick_reply")).get("payload"), max_length=1000)
    if payload.startswith(OWN_PAYLOAD):
        # A button of ours: its service gets it, and the thread no message.
        return PostbackEvent(
            payload=payload, **{**values, "message_id": "", "reply_to": "", "data": {}}
        )
    return MessageEvent(**values)


def _message_data(
    message: dict[str, Any], reply_to: dict[str, Any], *, is_standby: bool
) -> dict[str, Any]:
    """What has no column: `payload`, `referral`, `story`, `app_id`, `standby`."""
    referral = read_object(message.get("referral"))
    found = {
        "payload": read_text(
            read_object(message.get("quick_reply")).get("payload"), max_length=1000
        ),
        "referral": _referral(referral),
        "story": read_id(read_object(reply_to.get("story")).get("id")),
        "app_id": read_id(message.get("app_id")),
        # Another app has the thread: stored, and nobody of ours need answer.
        "standby": is_standby,
    }
    return {name: value for name, value in found.items() if value}


def _referral(referral: dict[str, Any]) -> str:
    return read_name(referral.get("ref") or referral.get("ad_id") or referral.get("source"))


def _edited(part: dict[str, Any], shared: dict[str, Any]) -> list[Event]:
    mid = read_message_id(part.get("mid"))
    if not mid:
        return [_ignored(shared, _("An edit of nothing."))]
    number = read_id(part.get("num_edit"))
    return [
        EditEvent(
            key=f"edit:{mid}:{number}" if number else "",
            message_id=mid,
            text=read_text(part.get("text")),
            edited_at=shared["at"],
            **shared,
        )
    ]


# --- everything else ----------------------------------------------------------------------


def _postback(part: dict[str, Any], shared: dict[str, Any]) -> list[Event]:
    mid = read_message_id(part.get("mid"))
    payload = read_text(part.get("payload"), max_length=1000)
    referral = _referral(read_object(part.get("referral")))
    return [
        PostbackEvent(
            # Older versions give no id: then the key is made of person, time and payload.
            key=f"mid:{mid}" if mid else "",
            text=read_text(part.get("title"), max_length=200) or payload,
            payload=payload,
            data={"referral": referral} if referral else {},
            **shared,
        )
    ]


def _reaction(part: dict[str, Any], shared: dict[str, Any]) -> list[Event]:
    mid = read_message_id(part.get("mid"))
    if not mid:
        return [_ignored(shared, _("A reaction to nothing."))]
    is_back = part.get("action") == "unreact"
    emoji = "" if is_back else read_name(part.get("emoji"), max_length=16) or HEART
    return [ReactionEvent(message_id=mid, emoji=emoji, **shared)]


def _delivered(part: dict[str, Any], shared: dict[str, Any]) -> list[Event]:
    mids = [read_message_id(mid) for mid in read_list(part.get("mids"))]
    named: list[Event] = [
        ReceiptEvent(key=f"{mid}:delivered", message_id=mid, status="delivered", **shared)
        for mid in dict.fromkeys(mids)
        if mid
    ]
    return named or _up_to(part, shared, "delivered")


def _read(part: dict[str, Any], shared: dict[str, Any]) -> list[Event]:
    mid = read_message_id(part.get("mid"))
    if mid:
        return [ReceiptEvent(key=f"{mid}:read", message_id=mid, status="read", **shared)]
    return _up_to(part, shared, "read")


def _up_to(part: dict[str, Any], shared: dict[str, Any], status: Any) -> list[Event]:
    until = read_moment(part.get("watermark"))
    if until is None:
        return [_ignored(shared, _("A receipt of nothing."))]
    key = f"{status}:{shared['chat_id']}:{int(until.timestamp() * 1000)}"
    return [ReceiptEvent(key=key, status=status, until=until, **shared)]


def _referred(part: dict[str, Any], shared: dict[str, Any]) -> list[Event]:
    return [ContactEvent(referral=_referral(part) or read_name(part.get("payload")), **shared)]


_KINDS: dict[str, Callable[[dict[str, Any], dict[str, Any]], list[Event]]] = {
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivered,
    "read": _read,
    "message_edit": _edited,
    "referral": _referred,
    "optin": _referred,
}
