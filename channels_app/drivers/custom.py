"""The custom channel: signed JSON in, signed JSON out, for any messenger somebody connects."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.drivers.base import (
    Capabilities,
    CheckResult,
    ConfigForm,
    Driver,
    DriverError,
    Event,
    Http,
    MediaFile,
    Outgoing,
    OutgoingFile,
    SendResult,
    SignatureError,
)
from channels_app.drivers.custom_parse import parse
from channels_app.drivers.values import read_id, read_name, read_object
from openlines_project.lib.http import (
    AnswerTooLarge,
    HttpAnswer,
    HttpError,
    NothingSent,
    TargetRefused,
)

SIGNATURE_HEADER = "X-OpenLines-Signature"
DELIVERY_HEADER = "X-OpenLines-Delivery"
SKEW_SECONDS = 300
SECRET_LENGTH = 16
TEXT_LIMIT = 4096
SEND_SECONDS = 10.0
MEDIA_SECONDS = 60.0


def sign(secret: str, raw: bytes, *, now: dt.datetime) -> str:
    """The signature header's value for a body sent at `now`."""
    moment = str(int(now.timestamp()))
    return f"t={moment},v1={_digest(secret, moment, raw)}"


def _digest(secret: str, moment: str, raw: bytes) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + raw, hashlib.sha256).hexdigest()


class CustomForm(ConfigForm):
    # Every kind has the setting; this one calls no platform.
    api_base_url = forms.URLField(required=False, assume_scheme="https", widget=forms.HiddenInput)
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        help_text=gettext_lazy(
            "Both sides sign with it. At least 16 characters; leave it empty and we make one."
        ),
        required=False,
        min_length=SECRET_LENGTH,
        max_length=200,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    outgoing_url = forms.URLField(
        label=gettext_lazy("Address for answers"),
        help_text=gettext_lazy("We POST what operators write to it."),
        required=False,
        max_length=500,
        assume_scheme="https",
    )
    text_limit = forms.IntegerField(
        label=gettext_lazy("Longest text"),
        help_text=gettext_lazy("In characters. A longer answer is sent in parts."),
        required=False,
        min_value=20,
        max_value=20_000,
        initial=TEXT_LIMIT,
    )
    reply_window_hours = forms.IntegerField(
        label=gettext_lazy("Time to answer"),
        help_text=gettext_lazy("Hours after the customer's last message; 0 means no end."),
        required=False,
        min_value=0,
        max_value=24 * 365,
        initial=0,
    )
    buttons = forms.CharField(
        label=gettext_lazy("Buttons"),
        help_text=gettext_lazy("Off: the choices are written below the text."),
        required=False,
        initial="on",
        widget=forms.Select(choices=[("on", gettext_lazy("On")), ("off", gettext_lazy("Off"))]),
    )

    field_order = ["secret", "outgoing_url", "text_limit", "reply_window_hours", "buttons"]

    def clean_outgoing_url(self) -> str:
        url: str = self.cleaned_data["outgoing_url"]
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or parts.username is not None):
            raise forms.ValidationError(
                _("Enter an http or https address without a user name in it.")
            )
        return url

    def clean_text_limit(self) -> int:
        return self.cleaned_data["text_limit"] or TEXT_LIMIT

    def clean_reply_window_hours(self) -> int:
        return self.cleaned_data["reply_window_hours"] or 0

    def clean_buttons(self) -> str:
        value: str = self.cleaned_data["buttons"].lower() or "on"
        # Programs send true and false, the page sends on and off.
        value = {"true": "on", "false": "off"}.get(value, value)
        if value not in ("on", "off"):
            raise forms.ValidationError(_("Choose on or off."))
        return value


class CustomDriver(Driver):
    """A messenger connected by a program of somebody's own.

    Answers carry a stable `X-OpenLines-Delivery`, so the other side can recognise a repeat and a
    lost answer is simply tried again. Files travel as addresses.
    """

    kind = "custom"
    label = gettext_lazy("Custom channel")
    config_form = CustomForm
    secret_fields = ("secret",)
    required_secrets = ("secret",)
    identity_scope = "connector"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        webhook=True,
        files=True,
        files_per_message=0,
        caption_limit=TEXT_LIMIT,
        buttons=True,
        deduplicates=True,
        retry_hours=24,
    )

    def __init__(
        self, *, config: Mapping[str, Any], trusted: Http, untrusted: Http, account_id: str = ""
    ) -> None:
        super().__init__(config=config, trusted=trusted, untrusted=untrusted, account_id=account_id)
        limit = int(config.get("text_limit") or TEXT_LIMIT)
        self.capabilities = replace(
            self.capabilities,
            text_limit=limit,
            caption_limit=limit,
            buttons=config.get("buttons", "on") != "off",
            reply_window_hours=int(config.get("reply_window_hours") or 0),
        )

    @classmethod
    def new_secrets(cls) -> dict[str, str]:
        return {"secret": secrets.token_urlsafe(32)}

    @property
    def _secret(self) -> str:
        return str(self.config.get("secret") or "")

    # --- what comes in --------------------------------------------------------------------

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:
        moment, given = _signature(headers.get(SIGNATURE_HEADER.lower(), ""))
        if not self._secret or not given or abs(now.timestamp() - int(moment)) > SKEW_SECONDS:
            raise SignatureError
        expected = _digest(self._secret, moment, raw).encode()
        if not any(hmac.compare_digest(one, expected) for one in given):
            raise SignatureError

    def parse(self, raw: bytes) -> list[Event]:
        return parse(raw)

    @contextmanager
    def fetch_media(self, ref: str) -> Iterator[MediaFile]:
        # The address came in a message: it goes by the door that reaches nothing private.
        try:
            with self.untrusted.stream(
                "GET", ref, timeout=MEDIA_SECONDS, max_bytes=settings.MEDIA_MAX_BYTES
            ) as answer:
                if not answer.ok:
                    gone = answer.status < 500 and answer.status not in (408, 429)
                    raise DriverError(
                        _("The file's address answered HTTP %(status)s.")
                        % {"status": answer.status},
                        error_class="content" if gone else "retry",
                    )
                yield MediaFile(
                    chunks=answer.iter_bytes(),
                    name=read_name(unquote(urlsplit(ref).path.rpartition("/")[2])),
                    content_type=read_name(answer.headers.get("content-type"), max_length=100),
                )
        except TargetRefused:
            raise DriverError(
                _("The file's address is not on the public internet."), error_class="content"
            ) from None
        except AnswerTooLarge:
            raise DriverError(_("The file is too large."), error_class="content") from None
        except HttpError:
            raise DriverError(_("The file could not be fetched."), error_class="retry") from None

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        url = str(self.config.get("outgoing_url") or "")
        if not url:
            raise DriverError(_("This channel has no address for answers."), error_class="content")
        if not self._secret:
            raise DriverError(_("This channel has no secret."), error_class="auth")
        if len(outgoing.text) > self.capabilities.text_limit:
            raise DriverError(
                _("The text is too long: at most %(limit)s characters.")
                % {"limit": self.capabilities.text_limit},
                error_class="content",
            )
        raw = json.dumps(_body(outgoing), ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
        headers = {
            "Content-Type": "application/json",
            DELIVERY_HEADER: outgoing.delivery_id,
            SIGNATURE_HEADER: sign(self._secret, raw, now=dt.datetime.now(dt.UTC)),
        }
        try:
            answer = self.trusted.request(
                "POST", url, content=raw, headers=headers, timeout=SEND_SECONDS
            )
        except TargetRefused:
            raise DriverError(
                _("The address for answers is private, and PRIVATE_TARGETS does not name it."),
                error_class="auth",
            ) from None
        except NothingSent:
            raise DriverError(
                _("The address for answers could not be reached."), error_class="retry"
            ) from None
        except HttpError:
            # The other side recognises the repeat by the delivery's id.
            raise DriverError(
                _("The address for answers did not answer."), error_class="retry"
            ) from None
        if not answer.ok:
            raise _refusal(answer)
        return SendResult(external_id=_message_id(answer))

    # --- the account ----------------------------------------------------------------------

    def check(self, *, webhook_url: str) -> CheckResult:  # noqa: ARG002
        url = str(self.config.get("outgoing_url") or "")
        yes, no = _("set"), _("missing")
        problems = []
        if len(self._secret) < SECRET_LENGTH:
            problems.append(_("The secret is missing or shorter than 16 characters."))
        if not url:
            problems.append(_("There is no address for answers: customers can write to us only."))
        return CheckResult(
            account=None,
            problems=tuple(problems),
            facts=(
                (_("Secret"), yes if self._secret else no),
                # The path may carry a key of theirs.
                (_("Address for answers"), urlsplit(url).hostname or no),
            ),
        )


def _signature(header: str) -> tuple[str, list[bytes]]:
    """The moment and the signatures of `t=...,v1=...`; no signatures when it is not well formed.

    There may be several while a secret is being exchanged.
    """
    moments: list[str] = []
    given: list[bytes] = []
    for part in header[:1000].split(","):
        name, _equals, value = part.strip().partition("=")
        if name == "t":
            moments.append(value)
        elif name == "v1":
            given.append(value.encode("utf-8", "backslashreplace"))
    if len(moments) != 1 or len(moments[0]) > 12:
        return "0", []
    moment = moments[0]
    return (moment, given) if moment.isascii() and moment.isdecimal() else ("0", [])


def _body(outgoing: Outgoing) -> dict[str, Any]:
    """What the other side gets. Nothing of ours is in it but numbers: no line, no operator."""
    return {
        "event": "message",
        "conversation_id": outgoing.conversation_id,
        "chat_id": outgoing.chat_id,
        "external_user": {"id": outgoing.user_id},
        "message": {
            "id": outgoing.message_id,
            "text": outgoing.text,
            "attachments": [_attachment(file) for file in outgoing.files],
            "buttons": [
                {"text": button.get("text", ""), "payload": button.get("payload", "")}
                for button in outgoing.buttons
            ],
            "reply_to": outgoing.reply_to or None,
        },
    }


def _attachment(file: OutgoingFile) -> dict[str, Any]:
    if not file.url:
        raise DriverError(
            _("Files can be sent here only when PUBLIC_URL is set: they are fetched from us."),
            error_class="content",
        )
    return {
        "type": file.type,
        "url": file.url,
        "name": file.name,
        "mime": file.content_type,
        "size": file.size,
    }


def _message_id(answer: HttpAnswer) -> str:
    try:
        return read_id(read_object(answer.json()).get("message_id"))
    except ValueError:
        return ""


def _refusal(answer: HttpAnswer) -> DriverError:
    told = {"status": answer.status}
    if answer.status >= 500 or answer.status in (408, 429):
        return DriverError(
            _("The address for answers is busy: HTTP %(status)s.") % told,
            error_class="retry",
            retry_after=answer.retry_after,
        )
    return DriverError(
        _("The address for answers refused the message: HTTP %(status)s.") % told,
        error_class="content",
    )
