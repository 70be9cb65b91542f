"""Viber: a bot, by the REST Bot API."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.drivers.base import (
    Account,
    Capabilities,
    CheckResult,
    ConfigForm,
    Driver,
    DriverError,
    ErrorClass,
    Event,
    MediaFile,
    Outgoing,
    OutgoingFile,
    SendResult,
    SignatureError,
)
from channels_app.drivers.values import read_id, read_list, read_name
from channels_app.drivers.viber_parse import parse
from channels_app.drivers.wire import (
    access_refused,
    body_of,
    busy,
    call,
    content_error,
    file_address,
    media_from,
    not_the_api,
    same,
)
from openlines_project.lib.http import HttpAnswer

PLATFORM: Final = "Viber"
TEXT_LIMIT = 7000
CAPTION_LIMIT = 512
PICTURE_BYTES = 1024 * 1024
VIDEO_BYTES = 26 * 1024 * 1024
FILE_BYTES = 50 * 1024 * 1024
NAME_LENGTH = 28
FILE_NAME_LENGTH = 256
BUTTON_LENGTH = 250
# A press that is not shown in the chat is known to clients from this level on.
SILENT_API_VERSION = 6
EVENT_TYPES = (
    "delivered",
    "seen",
    "failed",
    "subscribed",
    "unsubscribed",
    "conversation_started",
)
# Viber answers HTTP 200 with a status of its own. What is not here may pass by itself.
_STATUSES: Final[dict[int, ErrorClass]] = {
    1: "content",  # an address is wrong
    2: "auth",
    3: "content",
    4: "content",
    5: "contact",  # not registered
    6: "contact",  # not subscribed
    7: "auth",  # our account is blocked
    8: "auth",
    9: "auth",  # suspended
    10: "auth",  # no webhook: connect again
    11: "content",  # no device of his can show it
    12: "retry",  # a hundred messages without an answer
    13: "content",
    14: "content",
    15: "auth",
    16: "content",
    17: "auth",
    18: "content",
    21: "contact",  # a country we cannot write to
    22: "content",
    23: "content",  # nothing paid for is left
    24: "content",
}
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif"})


class ViberForm(ConfigForm):
    token = forms.CharField(
        label=gettext_lazy("Token"),
        help_text=gettext_lazy("The bot's page in the Viber Admin Panel shows it."),
        required=False,
        max_length=200,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    sender_name = forms.CharField(
        label=gettext_lazy("Name of the sender"),
        help_text=gettext_lazy("Customers see it above each message."),
        required=False,
        max_length=NAME_LENGTH,
    )

    field_order = ["token", "sender_name", "api_base_url"]

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"].strip()
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise forms.ValidationError(_("A token has only letters, digits and signs in it."))
        return token


class ViberDriver(Driver):
    """A Viber bot.

    `send` takes a text of at most 7000 characters, or one file, which Viber fetches from us; only a
    picture has a caption. Viber recognises no repeat: a lost answer leaves a message unknown.
    """

    kind = "viber"
    label = gettext_lazy("Viber")
    config_form = ViberForm
    secret_fields = ("token",)
    required_secrets = ("token",)
    # A person has another id with each bot.
    identity_scope = "account"
    default_api_base_url = "https://chatapi.viber.com"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        connects=True,
        files=True,
        buttons=True,
    )

    @property
    def _token(self) -> str:
        return str(self.config.get("token") or "")

    def _call(
        self, method: str, params: Mapping[str, Any], *, lost: str = "retry"
    ) -> dict[str, Any]:
        if not self._token:
            raise DriverError(_("The bot's token is missing."), error_class="auth")
        answer = call(
            self.trusted,
            PLATFORM,
            "POST",
            f"{self.api_base_url}/pa/{method}",
            lost=lost,
            json=params,
            headers={"X-Viber-Auth-Token": self._token},
        )
        body = body_of(answer)
        status = body.get("status")
        if answer.ok and status == 0 and not isinstance(status, bool):
            return body
        raise self._refusal(answer, body, lost)

    def _refusal(self, answer: HttpAnswer, body: Mapping[str, Any], lost: str) -> DriverError:
        later = busy(answer, PLATFORM)
        if later is not None:
            return later
        status = body.get("status")
        if isinstance(status, bool) or not isinstance(status, int):
            if answer.status in (401, 403, 404):
                return access_refused(PLATFORM)
            if answer.ok:
                return not_the_api(PLATFORM, lost=lost)
            status = 3
        words = read_name(body.get("status_message")).replace(self._token, "***")
        told = {"platform": PLATFORM, "reason": f"{words or answer.status} ({status})"}
        error_class = _STATUSES.get(status, "retry")
        text = {
            "auth": _("The access data were refused by %(platform)s: %(reason)s"),
            "contact": _("The customer cannot be reached: %(reason)s"),
            "retry": _("The message is not taken just now by %(platform)s: %(reason)s"),
        }.get(error_class, _("The message was refused by %(platform)s: %(reason)s"))
        return DriverError(text % told, error_class=error_class)

    # --- what comes in --------------------------------------------------------------------

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:  # noqa: ARG002
        expected = hmac.new(self._token.encode(), raw, hashlib.sha256).hexdigest()
        given = headers.get("x-viber-content-signature", "")
        if not self._token or not same(given, expected):
            raise SignatureError

    def answer(self, raw: bytes) -> tuple[str, str]:  # noqa: ARG002
        # The answer to an opened chat would be taken for a message to the customer.
        return "text/plain; charset=utf-8", ""

    def parse(self, raw: bytes) -> list[Event]:
        return parse(raw)

    def fetch_media(self, ref: str) -> AbstractContextManager[MediaFile]:
        if not ref.startswith(("https://", "http://")):
            raise content_error(_("Viber gives no picture of a sticker."))
        return media_from(self.untrusted, ref)

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        params: dict[str, Any] = {
            "receiver": outgoing.chat_id,
            "sender": {
                "name": str(self.config.get("sender_name") or "")[:NAME_LENGTH] or "Support"
            },
        }
        if len(outgoing.files) > 1:
            raise content_error(_("One file goes with a message."))
        if outgoing.files:
            params |= _file(outgoing.files[0], outgoing.text)
        elif not outgoing.text.strip():
            raise content_error(_("An empty message is not sent."))
        elif len(outgoing.text) > TEXT_LIMIT:
            raise content_error(
                _("The text is too long: at most %(limit)s characters.") % {"limit": TEXT_LIMIT}
            )
        else:
            params |= {"type": "text", "text": outgoing.text}
        if outgoing.buttons:
            buttons = [_button(button) for button in outgoing.buttons]
            params["keyboard"] = {"Type": "keyboard", "DefaultHeight": False, "Buttons": buttons}
            if any(button.get("Silent") for button in buttons):
                params["min_api_version"] = SILENT_API_VERSION
        body = self._call("send_message", params, lost="unknown")
        return SendResult(external_id=read_id(body.get("message_token")))

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:
        account = self._account(self._call("get_account_info", {}))
        # Viber calls the address before it answers, and wants a success.
        self._call(
            "set_webhook",
            {
                "url": webhook_url,
                "event_types": EVENT_TYPES,
                "send_name": True,
                "send_photo": True,
            },
        )
        return account

    def disconnect(self) -> None:
        self._call("set_webhook", {"url": ""})

    def check(self, *, webhook_url: str) -> CheckResult:
        info = self._call("get_account_info", {})
        account = self._account(info)
        facts = [(_("Bot"), account.name)]
        subscribers = read_id(info.get("subscribers_count"))
        if subscribers:
            facts.append((_("Subscribers"), subscribers))
        address = read_name(info.get("webhook"), max_length=500)
        asked = {name for name in read_list(info.get("event_types")) if isinstance(name, str)}
        problems = []
        if webhook_url and address != webhook_url:
            problems.append(
                _("Viber delivers to another address. Connect again.")
                if address
                else _("Viber has no address to deliver to. Connect again.")
            )
        elif webhook_url and asked and not set(EVENT_TYPES) <= asked:
            problems.append(_("Viber does not deliver all we ask for. Connect again."))
        return CheckResult(account=account, problems=tuple(problems), facts=tuple(facts))

    def _account(self, info: Mapping[str, Any]) -> Account:
        account_id = read_id(info.get("id"))
        if not account_id:
            raise not_the_api(PLATFORM)
        return Account(account_id=account_id, name=read_name(info.get("name")))


def _file(file: OutgoingFile, text: str) -> dict[str, Any]:
    url, content_type = file_address(file), file.content_type.partition(";")[0].strip().lower()
    if file.type == "image" and content_type in _PICTURES and file.size <= PICTURE_BYTES:
        if len(text) > CAPTION_LIMIT:
            raise content_error(
                _("The text is too long: at most %(limit)s characters.") % {"limit": CAPTION_LIMIT}
            )
        return {"type": "picture", "text": text, "media": url}
    if text:
        raise content_error(_("A text goes before this file, in a message of its own."))
    if file.type == "video" and content_type == "video/mp4" and file.size <= VIDEO_BYTES:
        return {"type": "video", "media": url, "size": file.size}
    if file.size > FILE_BYTES:
        raise content_error(
            _("A file may have at most %(limit)s MB here.") % {"limit": FILE_BYTES // 2**20}
        )
    name = (file.name or "file")[-FILE_NAME_LENGTH:]
    return {"type": "file", "media": url, "size": file.size, "file_name": name}


def _button(button: Mapping[str, str]) -> dict[str, Any]:
    """A press comes back as the text of the button; one of ours as its payload, unseen."""
    text, payload = button.get("text", ""), button.get("payload", "")
    if not text:
        raise content_error(_("A button needs a text."))
    made: dict[str, Any] = {
        "Columns": 6,
        "Rows": 1,
        "ActionType": "reply",
        "ActionBody": text,
        "Text": text[:BUTTON_LENGTH],
    }
    return made | {"ActionBody": payload, "Silent": True} if payload.startswith("ol:") else made
