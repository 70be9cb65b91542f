"""LINE: an official account, by the Messaging API."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

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
    Event,
    MediaFile,
    Outgoing,
    OutgoingFile,
    Person,
    SendResult,
    SignatureError,
)
from channels_app.drivers.line_parse import CONTENT, parse
from channels_app.drivers.values import (
    read_id,
    read_list,
    read_name,
    read_object,
    read_ref,
    read_size,
)
from channels_app.drivers.wire import (
    access_refused,
    body_of,
    busy,
    call,
    content_error,
    file_address,
    media_file,
    media_from,
    media_stream,
    not_the_api,
    same,
)
from openlines_project.lib.http import HttpAnswer
from openlines_project.lib.text import text_size

PLATFORM: Final = "LINE"
TEXT_LIMIT = 5000
PREVIEW_BYTES = 1024 * 1024
LABEL_LENGTH = 20
PAYLOAD_LENGTH = 300
BUTTONS = 13
TYPING_SECONDS = 20
# LINE promises a token for a minute; what is nearly over is not worth a call.
REPLY_SECONDS = 50
DATA_BASE_URL = "https://api-data.line.me"
_PICTURES = frozenset({"image/jpeg", "image/png"})


class LineForm(ConfigForm):
    channel_secret = forms.CharField(
        label=gettext_lazy("Channel secret"),
        help_text=gettext_lazy("On the tab “Basic settings” of the channel in LINE's console."),
        required=False,
        max_length=100,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    channel_token = forms.CharField(
        label=gettext_lazy("Channel access token"),
        help_text=gettext_lazy("The long-lived one, on the tab “Messaging API”."),
        required=False,
        max_length=400,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )

    field_order = ["channel_secret", "channel_token", "api_base_url"]

    def clean_channel_secret(self) -> str:
        return _one_word(self.cleaned_data["channel_secret"])

    def clean_channel_token(self) -> str:
        return _one_word(self.cleaned_data["channel_token"])


def _one_word(typed: str) -> str:
    word = typed.strip()
    if word and not (word.isascii() and word.isprintable() and " " not in word):
        raise forms.ValidationError(_("It has only letters, digits and signs in it."))
    return word


class LineDriver(Driver):
    """A LINE official account.

    `send` takes a text of at most 5000 UTF-16 units, or one file. An answer within a minute uses
    the token the customer's message brought, which is free and works once; LINE does not recognise
    a repeat of it, so its lost answer leaves the message unknown. All else is pushed with a key
    that LINE recognises, so that a lost answer is simply tried again.
    """

    kind = "line"
    label = gettext_lazy("LINE")
    config_form = LineForm
    secret_fields = ("channel_secret", "channel_token")
    required_secrets = ("channel_secret", "channel_token")
    # A person has another id with each company's accounts.
    identity_scope = "account"
    default_api_base_url = "https://api.line.me"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        connects=True,
        files=True,
        typing=True,
        seen=True,
        buttons=True,
        profiles=True,
        shares_chats=True,
    )

    @property
    def _token(self) -> str:
        return str(self.config.get("channel_token") or "")

    @property
    def _headers(self) -> dict[str, str]:
        if not self._token:
            raise DriverError(_("The channel access token is missing."), error_class="auth")
        return {"Authorization": f"Bearer {self._token}"}

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        lost: str = "retry",
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        return call(
            self.trusted,
            PLATFORM,
            method,
            f"{self.api_base_url}{path}",
            lost=lost,
            json=params,
            headers={**self._headers, **(headers or {})},
        )

    def _ask(
        self, method: str, path: str, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = self._request(method, path, params)
        if not answer.ok:
            raise self._refusal(answer)
        return body_of(answer)

    def _refusal(self, answer: HttpAnswer, *, sends: bool = False) -> DriverError:
        body = body_of(answer)
        words = read_name(body.get("message")).replace(self._token, "***")
        details = [
            read_name(read_object(item).get("message")) for item in read_list(body.get("details"))
        ]
        reason = "; ".join(filter(None, [words, *details]))[:300] or f"HTTP {answer.status}"
        if answer.status == 429 and "monthly" in words.casefold():
            # No waiting helps before the month is over or a larger plan is bought.
            return content_error(
                _("The month's messages of the LINE account are used up: %(reason)s")
                % {"reason": reason}
            )
        later = busy(answer, PLATFORM)
        if later is not None:
            return later
        to_person = sends and answer.status in (403, 404)
        if answer.status in (401, 403) and not to_person:
            return access_refused(PLATFORM)
        told = {"platform": PLATFORM, "reason": reason}
        if to_person or "invalid user" in words.casefold() or "'to'" in words:
            return DriverError(
                _("The customer cannot be reached: %(reason)s") % told, error_class="contact"
            )
        return content_error(_("The message was refused by %(platform)s: %(reason)s") % told)

    # --- what comes in --------------------------------------------------------------------

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:  # noqa: ARG002
        secret = str(self.config.get("channel_secret") or "")
        digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
        given = headers.get("x-line-signature", "")
        if not secret or not same(given, base64.b64encode(digest).decode()):
            raise SignatureError

    def parse(self, raw: bytes) -> list[Event]:
        return parse(raw)

    @contextmanager
    def fetch_media(self, ref: str) -> Iterator[MediaFile]:
        if not ref.startswith(CONTENT):
            if not ref.startswith(("https://", "http://")):
                raise content_error(_("LINE gives no picture of this sticker."))
            with media_from(self.untrusted, ref) as file:
                yield file
            return
        # LINE keeps files on a host of its own; a gateway has all on one.
        own = self.api_base_url != self.default_api_base_url
        base_url = self.api_base_url if own else DATA_BASE_URL
        number = quote(ref.removeprefix(CONTENT), safe="")
        url = f"{base_url}/v2/bot/message/{number}/content"
        with media_stream(self.trusted, url, headers=self._headers) as answer:
            if answer.status == 202:
                raise DriverError(_("LINE is still preparing the file."), error_class="retry")
            yield media_file(answer)

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        message = _message(outgoing)
        # An earlier try may have been pushed and accepted: only another push is recognised.
        token = _reply_token(outgoing.reply_context) if outgoing.attempt == 1 else ""
        if token:
            answer = self._request(
                "POST",
                "/v2/bot/message/reply",
                {"replyToken": token, "messages": [message]},
                lost="unknown",
            )
            if answer.ok:
                return self._sent(answer, lost="unknown")
            if not _token_is_used_up(answer):
                raise self._refusal(answer, sends=True)
        answer = self._request(
            "POST",
            "/v2/bot/message/push",
            {"to": outgoing.chat_id, "messages": [message]},
            headers={"X-Line-Retry-Key": outgoing.delivery_id},
        )
        # 409: an earlier try with this key was accepted.
        if not answer.ok and answer.status != 409:
            raise self._refusal(answer, sends=True)
        return self._sent(answer, lost="retry")

    def _sent(self, answer: HttpAnswer, *, lost: str) -> SendResult:
        body = body_of(answer)
        if answer.ok and not isinstance(body.get("sentMessages"), list):
            raise not_the_api(PLATFORM, lost=lost)
        sent = read_list(body.get("sentMessages"))
        return SendResult(external_id=read_id(read_object(sent[0]).get("id")) if sent else "")

    def typing(self, *, chat_id: str, reply_context: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._ask(
            "POST",
            "/v2/bot/chat/loading/start",
            {"chatId": chat_id, "loadingSeconds": TYPING_SECONDS},
        )

    def seen(
        self,
        *,
        chat_id: str,  # noqa: ARG002
        message_id: str,  # noqa: ARG002
        reply_context: Mapping[str, Any],
    ) -> None:
        token = read_ref(reply_context.get("read_token"))
        if token:
            self._ask("POST", "/v2/bot/chat/markAsRead", {"markAsReadToken": token})

    def fetch_profile(self, user_id: str) -> Person | None:
        answer = self._request("GET", f"/v2/bot/profile/{quote(user_id, safe='')}")
        if answer.status == 404:
            return None  # he blocked us, or let nobody see it
        if not answer.ok:
            raise self._refusal(answer)
        profile = body_of(answer)
        return Person(
            external_id=user_id,
            name=read_name(profile.get("displayName")),
            language=read_name(profile.get("language"), max_length=16),
            avatar_url=read_ref(profile.get("pictureUrl")),
        )

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:
        account = self._account()
        if not self.config.get("channel_secret"):
            raise DriverError(_("The channel secret is missing."), error_class="auth")
        self._ask("PUT", "/v2/bot/channel/webhook/endpoint", {"endpoint": webhook_url})
        return account

    def check(self, *, webhook_url: str) -> CheckResult:
        account = self._account()
        problems: list[str] = []
        if webhook_url:
            problems = self._problems(webhook_url)
        return CheckResult(
            account=account,
            problems=tuple(problems),
            facts=((_("Account"), account.name),),
        )

    def _problems(self, webhook_url: str) -> list[str]:
        answer = self._request("GET", "/v2/bot/channel/webhook/endpoint")
        if answer.status == 404:
            return [_("LINE has no address to deliver to. Connect again.")]
        if not answer.ok:
            raise self._refusal(answer)
        endpoint = body_of(answer)
        if endpoint.get("endpoint") != webhook_url:
            return [_("LINE delivers to another address. Connect again.")]
        if endpoint.get("active") is False:
            return [_("LINE does not deliver: switch on “Use webhook” in its console.")]
        tried = self._ask("POST", "/v2/bot/channel/webhook/test", {})
        if tried.get("success") is False:
            reason = read_name(tried.get("detail")) or read_name(tried.get("reason"))
            return [_("LINE cannot deliver: %(reason)s") % {"reason": reason}]
        return []

    def _account(self) -> Account:
        bot = self._ask("GET", "/v2/bot/info")
        number = read_id(bot.get("userId"))
        if not number:
            raise not_the_api(PLATFORM)
        name = read_name(bot.get("displayName")) or read_name(bot.get("basicId"))
        return Account(account_id=number, name=name)


def _reply_token(reply_context: Mapping[str, Any]) -> str:
    """The token of the customer's last message, while LINE takes it."""
    token = read_ref(reply_context.get("reply_token"))
    since = read_size(reply_context.get("reply_at")) or 0
    age = dt.datetime.now(dt.UTC).timestamp() - since / 1000
    return token if abs(age) < REPLY_SECONDS else ""


def _token_is_used_up(answer: HttpAnswer) -> bool:
    words = read_name(body_of(answer).get("message")).casefold()
    return answer.status == 400 and "reply token" in words


def _message(outgoing: Outgoing) -> dict[str, Any]:
    if len(outgoing.files) > 1:
        raise content_error(_("One file goes with a message."))
    if outgoing.files:
        if outgoing.text:
            raise content_error(_("A text goes before this file, in a message of its own."))
        message = _file(outgoing.files[0])
    elif not outgoing.text.strip():
        raise content_error(_("An empty message is not sent."))
    elif text_size(outgoing.text, "utf16") > TEXT_LIMIT:
        raise content_error(
            _("The text is too long: at most %(limit)s characters.") % {"limit": TEXT_LIMIT}
        )
    else:
        message = {"type": "text", "text": outgoing.text}
        quoted = outgoing.reply_context.get("quote_id")
        if outgoing.reply_to and outgoing.reply_to == quoted:
            message["quoteToken"] = outgoing.reply_context.get("quote_token")
    if outgoing.buttons:
        items = [_button(button) for button in outgoing.buttons[:BUTTONS]]
        message["quickReply"] = {"items": items}
    return message


def _file(file: OutgoingFile) -> dict[str, Any]:
    """A picture small enough to be its own preview; LINE takes no other file but as a link."""
    url = file_address(file)
    content_type = file.content_type.partition(";")[0].strip().lower()
    if file.type == "image" and content_type in _PICTURES and file.size <= PREVIEW_BYTES:
        return {"type": "image", "originalContentUrl": url, "previewImageUrl": url}
    name = file.name[:200]
    return {"type": "text", "text": f"{name}\n{url}" if name else url}


def _button(button: Mapping[str, str]) -> dict[str, Any]:
    """A press comes back as the text of the button; one of ours as its payload."""
    text, payload = button.get("text", ""), button.get("payload", "")
    if not text or len(payload) > PAYLOAD_LENGTH:
        raise content_error(_("A button needs a text, and carries little."))
    action: dict[str, str] = {"type": "message", "label": text[:LABEL_LENGTH], "text": text[:300]}
    if payload.startswith("ol:"):
        action = {
            "type": "postback",
            "label": text[:LABEL_LENGTH],
            "data": payload,
            "displayText": text[:300],
        }
    return {"type": "action", "action": action}
