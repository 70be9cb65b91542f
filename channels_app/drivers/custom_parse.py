"""The custom channel's JSON, read into events or into errors the sender can read.

This sender is a program somebody is writing, so nothing is guessed: what is missing or of the
wrong kind is named field by field, and the whole delivery is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from channels_app.drivers.base import (
    AttachmentType,
    ContactEvent,
    DeleteEvent,
    EditEvent,
    Event,
    FieldErrors,
    InboundAttachment,
    MessageEvent,
    Person,
    PostbackEvent,
    ReceiptEvent,
    TypingEvent,
)
from openlines_project.lib.text import clean_json, clean_text, load_json

MAX_EVENTS = 1000
MAX_ATTACHMENTS = 20
MAX_ID = 150
MAX_TEXT = 20_000
MAX_PAYLOAD = 1000
MAX_URL = 2000
MAX_SIZE = 2**53
STATUSES: tuple[Literal["sent", "delivered", "read", "failed"], ...] = (
    "sent",
    "delivered",
    "read",
    "failed",
)
_TYPES: dict[str, AttachmentType] = {"image": "image", "audio": "audio", "video": "video"}


def parse(raw: bytes) -> list[Event]:
    """The events of a delivery: one object, or a list of them.

    Raises `FieldErrors`: by field, in a list by the object's index first.
    """
    try:
        body = clean_json(load_json(raw))
    except ValueError:
        raise FieldErrors({"non_field_errors": [_("The body is not JSON.")]}) from None
    if not isinstance(body, list):
        return [_event(body)]
    if len(body) > MAX_EVENTS:
        text = _("At most %(most)s events at once.") % {"most": MAX_EVENTS}
        raise FieldErrors({"non_field_errors": [text]})
    events: list[Event] = []
    errors: dict[str, Any] = {}
    for index, item in enumerate(body):
        try:
            events.append(_event(item))
        except FieldErrors as error:
            errors[str(index)] = error.fields
    if errors:
        raise FieldErrors(errors)
    return events


def _event(body: Any) -> Event:
    fields = _Fields(body)
    if not isinstance(body, dict):
        fields.fail("non_field_errors", _("This is not an object."))
        raise FieldErrors(fields.errors)
    name = body.get("event")
    read = _EVENTS.get(name) if isinstance(name, str) else None
    if read is None:
        known = ", ".join(_EVENTS)
        fields.fail("event", _("Unknown event. Known are: %(known)s.") % {"known": known})
        raise FieldErrors(fields.errors)
    event = read(fields)
    if fields.errors:
        raise FieldErrors(fields.errors)
    return event


class _Fields:
    """One object's fields. A reader notes what is wrong and gives an empty value back."""

    def __init__(self, body: Any, errors: dict[str, Any] | None = None) -> None:
        self.body: dict[str, Any] = body if isinstance(body, dict) else {}
        self.errors: dict[str, Any] = {} if errors is None else errors

    def fail(self, name: str, message: str) -> None:
        self.errors.setdefault(name, []).append(message)

    def part(self, name: str, *, required: bool = True) -> _Fields:
        """The fields of an object inside this one; their errors appear under its name."""
        value = self.body.get(name)
        inner = _Fields(value)
        if value is None and not required:
            return inner
        if not isinstance(value, dict):
            self.fail(name, _("This object is missing.") if value is None else _("No object."))
            # What is inside is not there, so its own errors would say nothing more.
            return inner
        inner.errors = _Nested(self.errors, name)
        return inner

    def id(self, name: str, *, required: bool = True) -> str:
        value = self.body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
            return str(value)
        if value is None or value == "":
            if required:
                self.fail(name, _("This field is required."))
            return ""
        if not isinstance(value, str):
            self.fail(name, _("An id is text or a whole number."))
        elif len(value) > MAX_ID or not value.isprintable():
            self.fail(name, _("An id has at most %(most)s characters.") % {"most": MAX_ID})
        else:
            return value
        return ""

    def text(self, name: str, *, most: int, one_line: bool = True, required: bool = False) -> str:
        value = self.body.get(name)
        if value is None or value == "":
            if required:
                self.fail(name, _("This field is required."))
            return ""
        if not isinstance(value, str):
            self.fail(name, _("This is not text."))
            return ""
        if len(value) > most:
            self.fail(name, _("At most %(most)s characters.") % {"most": most})
            return ""
        clean = clean_text(value, max_length=most)
        return " ".join(clean.split()) if one_line else clean

    def time(self, name: str) -> dt.datetime | None:
        value = self.body.get(name)
        if value is None:
            return None
        try:
            moment = parse_datetime(value) if isinstance(value, str) else None
            if moment is not None:
                # Without a zone it is meant in UTC, as all our own times are.
                return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(
                    dt.UTC
                )
        except (ValueError, OverflowError):
            pass
        self.fail(name, _("A time looks like 2024-05-01T12:30:00Z."))
        return None

    def url(self, name: str, *, required: bool = False) -> str:
        value = self.text(name, most=MAX_URL, required=required)
        try:
            parts = urlsplit(value)
            good = not value or (parts.scheme in ("http", "https") and bool(parts.hostname))
        except ValueError:
            good = False
        if not good:
            self.fail(name, _("This is not an http or https address."))
            return ""
        return value

    def email(self, name: str) -> str:
        value = self.text(name, most=200)
        try:
            if value:
                validate_email(value)
        except ValidationError:
            self.fail(name, _("This is not an e-mail address."))
            return ""
        return value

    def size(self, name: str) -> int | None:
        value = self.body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SIZE:
            self.fail(name, _("This is not a number of bytes."))
            return None
        return value


class _Nested(dict[str, Any]):
    """Errors that appear in the outer ones with the first that is noted."""

    def __init__(self, outer: dict[str, Any], name: str) -> None:
        super().__init__()
        self._outer, self._name = outer, name

    def setdefault(self, key: str, default: Any = None) -> Any:
        self._outer.setdefault(self._name, self)
        return super().setdefault(key, default)


# --- the parts of an event ----------------------------------------------------------------


def _person(fields: _Fields) -> tuple[Person, str]:
    """The customer and the chat, which is his own where none is named."""
    user = fields.part("external_user")
    given = isinstance(fields.body.get("external_user"), dict)
    number = user.id("id", required=given)
    person = Person(
        external_id=number,
        name=user.text("name", most=200),
        phone=user.text("phone", most=32),
        email=user.email("email"),
        avatar_url=user.url("avatar_url"),
    )
    return person, fields.id("chat_id", required=False) or number


def _attachments(message: _Fields) -> tuple[InboundAttachment, ...]:
    value = message.body.get("attachments")
    if value is None:
        return ()
    if not isinstance(value, list):
        message.fail("attachments", _("This is not a list."))
        return ()
    if len(value) > MAX_ATTACHMENTS:
        message.fail("attachments", _("At most %(most)s files.") % {"most": MAX_ATTACHMENTS})
        return ()
    found: list[InboundAttachment] = []
    errors: dict[str, Any] = {}
    for index, item in enumerate(value):
        file = _Fields(item)
        if not isinstance(item, dict):
            file.fail("non_field_errors", _("This is not an object."))
        mime = file.text("mime", most=100)
        found.append(
            InboundAttachment(
                type=_TYPES.get(mime.partition("/")[0].lower(), "file"),
                ref=file.url("url", required=isinstance(item, dict)),
                name=file.text("name", most=200),
                content_type=mime,
                size=file.size("size"),
            )
        )
        if file.errors:
            errors[str(index)] = file.errors
    if errors:
        message.errors.setdefault("attachments", errors)
    return tuple(found)


def _message(fields: _Fields) -> Event:
    person, chat_id = _person(fields)
    message = fields.part("message")
    given = isinstance(fields.body.get("message"), dict)
    number = message.id("id", required=given)
    text = message.text("text", most=MAX_TEXT, one_line=False)
    attachments = _attachments(message)
    if given and not message.errors and not attachments and not text.strip():
        message.fail("text", _("A message needs a text or an attachment."))
    return MessageEvent(
        key=f"message:{number}",
        chat_id=chat_id,
        user=person,
        at=message.time("created_at"),
        message_id=number,
        text=text,
        attachments=attachments,
        reply_to=message.id("reply_to", required=False),
    )


def _edit(fields: _Fields) -> Event:
    person, chat_id = _person(fields)
    message = fields.part("message")
    number = message.id("id", required=isinstance(fields.body.get("message"), dict))
    text = message.text("text", most=MAX_TEXT, one_line=False)
    attachments = _attachments(message)
    # A second edit of the message counts, the same one delivered again does not.
    return EditEvent(
        key=f"edit:{number}:{_digest(fields.body)}",
        chat_id=chat_id,
        user=person,
        at=message.time("created_at"),
        edited_at=message.time("edited_at"),
        message_id=number,
        text=text,
        attachments=attachments,
    )


def _delete(fields: _Fields) -> Event:
    person, chat_id = _person(fields)
    message = fields.part("message")
    number = message.id("id", required=isinstance(fields.body.get("message"), dict))
    return DeleteEvent(key=f"delete:{number}", chat_id=chat_id, user=person, message_id=number)


def _status(fields: _Fields) -> Event:
    number = fields.id("message_id")
    given = fields.body.get("status")
    status = next((known for known in STATUSES if known == given), None)
    if status is None:
        known = ", ".join(STATUSES)
        fields.fail("status", _("Unknown status. Known are: %(known)s.") % {"known": known})
    return ReceiptEvent(
        message_id=number,
        status=status or "sent",
        at=fields.time("at"),
        chat_id=fields.id("chat_id", required=False),
        error=fields.text("error", most=300),
    )


def _typing(fields: _Fields) -> Event:
    person, chat_id = _person(fields)
    return TypingEvent(chat_id=chat_id, user=person, at=fields.time("at"))


def _contact(fields: _Fields) -> Event:
    person, chat_id = _person(fields)
    return ContactEvent(chat_id=chat_id, user=person, at=fields.time("at"))


def _postback(fields: _Fields) -> Event:
    person, chat_id = _person(fields)
    payload = fields.text("payload", most=MAX_PAYLOAD, one_line=False, required=True)
    number = fields.id("id", required=False)
    return PostbackEvent(
        # A press has no id of its own unless the sender gives one.
        key=f"postback:{number or _digest(fields.body)}",
        chat_id=chat_id,
        user=person,
        at=fields.time("at"),
        message_id=fields.id("message_id", required=False),
        text=fields.text("text", most=200) or clean_text(payload, max_length=200),
        payload=payload,
    )


def _digest(body: dict[str, Any]) -> str:
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


_EVENTS: dict[str, Callable[[_Fields], Event]] = {
    "message": _message,
    "edit": _edit,
    "delete": _delete,
    "status": _status,
    "typing": _typing,
    "contact": _contact,
    "postback": _postback,
}
