"""The live chat: our own widget on somebody's site, and a page of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from channels_app.drivers.base import (
    Capabilities,
    CheckResult,
    ConfigForm,
    Driver,
    Event,
    FieldErrors,
    InboundAttachment,
    MessageEvent,
    Outgoing,
    ParseError,
    Person,
    SendResult,
)
from channels_app.drivers.values import read_name
from openlines_project.lib.text import clean_text, load_json

TEXT_LIMIT = 10_000
MAX_ORIGINS = 50
COLOUR = "#0b6572"
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_normalise(text: str) -> str:
    """`scheme://host[:port]` as browsers write it in the Origin header.

    Raises `ValueError` when the text is something else, or more than that.
    """
    parts = urlsplit(text.strip().lower())
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or not host or host != host.strip("."):
        raise ValueError("not an origin")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("more than an origin")
    if ":" in host:
        host = f"[{host}]"
    else:
        host = host.encode("idna").decode("ascii")  # UnicodeError is a ValueError
        if not re.fullmatch(r"[a-z0-9._-]+", host):
            raise ValueError("not a host")
    port = parts.port  # ValueError when it is no port
    if port is None or port == _DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"


class OriginsField(forms.Field):
    """Origins, one in a line on a page and a list in a program; cleaned to a list."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    def to_python(self, value: Any) -> list[str]:
        lines = value if isinstance(value, (list, tuple)) else str(value or "").splitlines()
        found: dict[str, None] = {}
        for line in lines:
            text = str(line).strip()
            if not text:
                continue
            try:
                found[origin_normalise(text)] = None
            except ValueError:
                raise forms.ValidationError(
                    _("“%(text)s” is not an address like https://www.example.com.")
                    % {"text": clean_text(text, max_length=80)}
                ) from None
        if len(found) > MAX_ORIGINS:
            raise forms.ValidationError(_("At most %(most)s addresses.") % {"most": MAX_ORIGINS})
        return list(found)


class LiveChatForm(ConfigForm):
    # Every kind has the setting; this one calls no platform.
    api_base_url = forms.URLField(required=False, assume_scheme="https", widget=forms.HiddenInput)
    allowed_origins = OriginsField(
        label=gettext_lazy("Sites that may show the chat"),
        help_text=gettext_lazy(
            "One address in a line, like https://www.example.com. "
            "Without any the chat is only on its own page."
        ),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    title = forms.CharField(
        label=gettext_lazy("Title"),
        help_text=gettext_lazy("Customers see it above the chat. Empty: the line's public name."),
        required=False,
        max_length=80,
    )
    greeting = forms.CharField(
        label=gettext_lazy("Greeting"),
        help_text=gettext_lazy("Shown before the customer writes."),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    colour = forms.CharField(
        label=gettext_lazy("Colour"),
        required=False,
        initial=COLOUR,
        widget=forms.TextInput(attrs={"type": "color"}),
    )
    position = forms.ChoiceField(
        label=gettext_lazy("Place of the button"),
        choices=[("right", gettext_lazy("Right")), ("left", gettext_lazy("Left"))],
        required=False,
        initial="right",
    )

    field_order = ["title", "greeting", "colour", "position", "allowed_origins"]

    def clean_title(self) -> str:
        return read_name(self.cleaned_data["title"], max_length=80)

    def clean_greeting(self) -> str:
        return clean_text(self.cleaned_data["greeting"], max_length=500)

    def clean_colour(self) -> str:
        colour: str = self.cleaned_data["colour"].strip().lower() or COLOUR
        if not _COLOUR.fullmatch(colour):
            raise forms.ValidationError(_("A colour looks like #0b6572."))
        return colour

    def clean_position(self) -> str:
        return self.cleaned_data["position"] or "right"


class LiveChatDriver(Driver):
    """Our own chat. Nothing is sent: the visitor's page reads what operators wrote.

    So there is no webhook, no account, and no answer once the page is closed.
    """

    kind = "livechat"
    label = gettext_lazy("Live chat")
    config_form = LiveChatForm
    identity_scope = "connector"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        webhook=False,
        files=True,
        files_per_message=0,
        caption_limit=TEXT_LIMIT,
        typing=True,
        buttons=True,
        deduplicates=True,
        can_answer_later=False,
        outgoing_by_reading=True,
    )

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The sites that may show the chat, as their browsers name them."""
        value = self.config.get("allowed_origins")
        return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()

    @classmethod
    def event_from_visitor(
        cls,
        *,
        visitor_id: str,
        client_id: str,
        text: str,
        name: str = "",
        email: str = "",
        phone: str = "",
        language: str = "",
        reply_to: str = "",
        attachments: Sequence[InboundAttachment] = (),
        data: Mapping[str, Any] | None = None,
    ) -> MessageEvent:
        """What a visitor wrote, as any other channel would deliver it.

        `client_id` is made by his page for each message, so that one sent again counts once; 8 to
        64 letters, digits, `-` and `_`. `data` may keep the page he wrote from. Nobody vouches
        for a phone number he types, so it is kept there too. Raises `FieldErrors`.
        """
        errors: dict[str, list[str]] = {}
        if not _CLIENT_ID.fullmatch(client_id):
            errors["client_id"] = [_("An id has 8 to 64 letters, digits, - and _.")]
        if len(text) > TEXT_LIMIT:
            errors["text"] = [_("At most %(most)s characters.") % {"most": TEXT_LIMIT}]
        elif not text.strip() and not attachments:
            errors["text"] = [_("Write something, or add a file.")]
        if errors:
            raise FieldErrors(errors)
        return MessageEvent(
            key=f"{visitor_id}:{client_id}",
            chat_id=visitor_id,
            user=Person(
                external_id=visitor_id,
                name=read_name(name),
                email=read_name(email),
                language=read_name(language, max_length=16),
            ),
            message_id=client_id,
            text=clean_text(text, max_length=TEXT_LIMIT),
            attachments=tuple(attachments),
            reply_to=reply_to,
            data=dict(data or {}) | ({"phone": read_name(phone, max_length=32)} if phone else {}),
        )

    @classmethod
    def delivery_of(cls, event: MessageEvent) -> bytes:
        """A visitor's event as `parse` reads it again: what is kept for a later try."""
        person = event.user or Person(external_id=event.chat_id)
        visit = {
            "visitor_id": event.chat_id,
            "client_id": event.message_id,
            "text": event.text,
            "name": person.name,
            "email": person.email,
            "language": person.language,
            "reply_to": event.reply_to,
            "attachments": [asdict(item) for item in event.attachments],
            "data": dict(event.data),
        }
        return json.dumps(visit).encode()

    def parse(self, raw: bytes) -> list[Event]:
        """What `delivery_of` wrote. No webhook leads here: `verify` refuses all of them."""
        try:
            visit = load_json(raw)
            files = [InboundAttachment(**item) for item in visit.pop("attachments")]
            return [self.event_from_visitor(attachments=files, **visit)]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ParseError(gettext_noop("This is not what a visitor's page sends.")) from error

    def send(self, outgoing: Outgoing) -> SendResult:  # noqa: ARG002
        return SendResult()

    def check(self, *, webhook_url: str) -> CheckResult:  # noqa: ARG002
        sites = ", ".join(self.allowed_origins) or _("only its own page")
        return CheckResult(account=None, facts=((_("Sites"), sites),))
