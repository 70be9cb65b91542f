"""Telegram: a bot, by the Bot API."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from django import forms
from django.conf import settings
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
    PostbackEvent,
    SendResult,
    SignatureError,
)
from channels_app.drivers.telegram_api import BotApi
from channels_app.drivers.telegram_parse import UPDATE_KINDS, parse
from channels_app.drivers.values import read_id, read_list, read_name, read_object, read_time
from openlines_project.lib.http import AnswerTooLarge, HttpError
from openlines_project.lib.text import text_size

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PAYLOAD_BYTES = 64
PHOTO_BYTES = 10 * 1024 * 1024
UPLOAD_BYTES = 50 * 1024 * 1024
# For a file on a slow line; a text has the door's own time.
FILE_SECONDS = 60.0
POLL_BYTES = 8 * 1024 * 1024

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})
_VOICES = frozenset({"audio/ogg", "audio/opus", "application/ogg"})


class TelegramForm(ConfigForm):
    token = forms.CharField(
        label=gettext_lazy("Token"),
        help_text=gettext_lazy("@BotFather gives it when you make a bot."),
        required=False,
        max_length=200,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )

    field_order = ["token", "api_base_url"]

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"].strip()
        if token and not _TOKEN.fullmatch(token):
            raise forms.ValidationError(
                _("A token is a number, a colon, and letters and digits after it.")
            )
        return token


class TelegramDriver(Driver):
    """A Telegram bot, also as the assistant of a business account.

    `send` takes a text of at most 4096 UTF-16 units, or one file with a caption of at most 1024:
    each is one call, so that a repeat never sends a part twice. There are no receipts and nobody
    is shown typing; what we send is never sent again by itself when the answer was lost.
    """

    kind = "telegram"
    label = gettext_lazy("Telegram")
    config_form = TelegramForm
    secret_fields = ("token", "webhook_secret")
    required_secrets = ("token", "webhook_secret")
    identity_scope = "global"
    default_api_base_url = "https://api.telegram.org"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        webhook=True,
        polling=True,
        connects=True,
        files=True,
        files_per_message=1,
        caption_limit=CAPTION_LIMIT,
        typing=True,
        buttons=True,
    )

    @property
    def _api(self) -> BotApi:
        return BotApi(
            door=self.trusted,
            base_url=self.api_base_url,
            token=str(self.config.get("token") or ""),
        )

    @classmethod
    def new_secrets(cls) -> dict[str, str]:
        return {"webhook_secret": secrets.token_urlsafe(32)}

    # --- what comes in --------------------------------------------------------------------

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:  # noqa: ARG002
        expected = str(self.config.get("webhook_secret") or "")
        given = headers.get("x-telegram-bot-api-secret-token", "")
        # Bytes: comparing text fails on what is not ASCII.
        if not expected or not hmac.compare_digest(
            given.encode("utf-8", "backslashreplace"), expected.encode()
        ):
            raise SignatureError

    def parse(self, raw: bytes) -> list[Event]:
        return parse(raw)

    def poll(self, offset: str) -> tuple[bytes, str]:
        params: dict[str, Any] = {"timeout": 0, "allowed_updates": UPDATE_KINDS}
        if offset.isdecimal():
            params["offset"] = int(offset)
        updates = read_list(self._api.call("getUpdates", params, max_bytes=POLL_BYTES))
        if not updates:
            return b"", offset
        numbers = [read_object(update).get("update_id") for update in updates]
        last = max((number for number in numbers if isinstance(number, int)), default=None)
        delivery = json.dumps(updates, ensure_ascii=True, separators=(",", ":")).encode()
        return delivery, offset if last is None else str(last + 1)

    @contextmanager
    def fetch_media(self, ref: str) -> Iterator[MediaFile]:
        path = read_object(self._api.call("getFile", {"file_id": ref})).get("file_path")
        if not isinstance(path, str) or not path or ".." in path.split("/"):
            raise DriverError(_("Telegram no longer has this file."), error_class="content")
        try:
            with self.trusted.stream(
                "GET",
                self._api.file_url(path),
                timeout=FILE_SECONDS,
                max_bytes=settings.MEDIA_MAX_BYTES,
            ) as answer:
                if not answer.ok:
                    gone = 400 <= answer.status < 500 and answer.status != 429
                    raise DriverError(
                        _("Telegram did not give the file: HTTP %(status)s")
                        % {"status": answer.status},
                        error_class="content" if gone else "retry",
                    )
                yield MediaFile(
                    chunks=answer.iter_bytes(),
                    name=read_name(path.rpartition("/")[2]),
                    content_type=read_name(answer.headers.get("content-type"), max_length=100),
                )
        except AnswerTooLarge:
            raise DriverError(_("The file is too large."), error_class="content") from None
        except HttpError:
            raise DriverError(
                _("The file could not be fetched from Telegram."), error_class="retry"
            ) from None

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        if len(outgoing.files) > 1:
            raise _content_error(_("Telegram takes one file with a message."))
        limit = CAPTION_LIMIT if outgoing.files else TEXT_LIMIT
        if text_size(outgoing.text, "utf16") > limit:
            raise _content_error(
                _("The text is too long for Telegram: at most %(limit)s characters.")
                % {"limit": limit}
            )
        if outgoing.files:
            return self._send_file(outgoing, outgoing.files[0])
        if not outgoing.text.strip():
            raise _content_error(_("Telegram does not send an empty message."))
        params = _addressed(outgoing) | {"text": outgoing.text}
        return _sent(self._api.call("sendMessage", params, sends=True))

    def _send_file(self, outgoing: Outgoing, file: OutgoingFile) -> SendResult:
        if file.size > UPLOAD_BYTES:
            raise _content_error(_("Telegram takes files of at most 50 MB."))
        params = _addressed(outgoing) | ({"caption": outgoing.text} if outgoing.text else {})
        method, field = _file_method(file)
        try:
            return self._upload(method, field, params, file)
        except DriverError as error:
            # A picture too large, too long or broken is refused at once, so nothing was sent.
            if method != "sendPhoto" or error.error_class != "content":
                raise
        return self._upload("sendDocument", "document", params, file)

    def _upload(
        self, method: str, field: str, params: Mapping[str, Any], file: OutgoingFile
    ) -> SendResult:
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in params.items()
        }
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(file.open())
            except OSError:
                raise DriverError(
                    _("The file could not be read from our storage."), error_class="retry"
                ) from None
            result = self._api.call(
                method,
                form,
                files={field: (file.name or "file", stream, file.content_type)},
                timeout=FILE_SECONDS,
                sends=True,
            )
        return _sent(result)

    def typing(self, *, chat_id: str, reply_context: Mapping[str, Any]) -> None:
        params = {"chat_id": chat_id, "action": "typing"} | _business(reply_context)
        self._api.call("sendChatAction", params)

    def acknowledge(self, event: PostbackEvent) -> None:
        if event.callback_id:
            self._api.call("answerCallbackQuery", {"callback_query_id": event.callback_id})

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:
        account = self._account()
        if not webhook_url:
            self._api.call("deleteWebhook", {"drop_pending_updates": False})
            return account
        secret = str(self.config.get("webhook_secret") or "")
        if not secret:
            # Without it anybody could deliver in Telegram's name.
            raise DriverError(_("The webhook's secret is missing."), error_class="auth")
        self._api.call(
            "setWebhook",
            {
                "url": webhook_url,
                "secret_token": secret,
                "allowed_updates": UPDATE_KINDS,
                "max_connections": 40,
                "drop_pending_updates": False,
            },
        )
        return account

    def disconnect(self) -> None:
        self._api.call("deleteWebhook", {"drop_pending_updates": False})

    def check(self, *, webhook_url: str) -> CheckResult:
        account = self._account()
        info = read_object(self._api.call("getWebhookInfo"))
        address = read_name(info.get("url"), max_length=500)
        waiting = info.get("pending_update_count")
        failure = read_name(info.get("last_error_message")).replace(
            str(self.config.get("token")), "***"
        )
        failed_at = read_time(info.get("last_error_date"))
        facts = [(_("Bot"), account.name)]
        if isinstance(waiting, int):
            facts.append((_("Messages waiting at Telegram"), str(waiting)))
        if failure:
            when = f" ({failed_at:%Y-%m-%d %H:%M} UTC)" if failed_at else ""
            facts.append((_("Last delivery error"), failure + when))
        problems = []
        if webhook_url and address != webhook_url:
            problems.append(
                _("Telegram delivers to another address. Connect again.")
                if address
                else _("Telegram has no address to deliver to. Connect again.")
            )
        elif address and not webhook_url:
            problems.append(_("Telegram delivers to another program. Connect again."))
        elif webhook_url and not set(UPDATE_KINDS) <= _names(info.get("allowed_updates")):
            problems.append(_("Telegram does not deliver all we ask for. Connect again."))
        if failure and waiting:
            # Telegram keeps an old error for ever; with messages waiting it is today's.
            problems.append(_("Telegram cannot deliver: %(reason)s") % {"reason": failure})
        return CheckResult(account=account, problems=tuple(problems), facts=tuple(facts))

    def _account(self) -> Account:
        bot = read_object(self._api.call("getMe"))
        number = read_id(bot.get("id"))
        if not number:
            raise DriverError(
                _("The answer is not that of Telegram's Bot API."), error_class="retry"
            )
        username = read_name(bot.get("username"), max_length=64)
        return Account(
            account_id=number, name=f"@{username}" if username else read_name(bot.get("first_name"))
        )


def _content_error(message: str) -> DriverError:
    return DriverError(message, error_class="content")


def _names(value: Any) -> set[str]:
    return {name for name in read_list(value) if isinstance(name, str)}


def _business(reply_context: Mapping[str, Any]) -> dict[str, str]:
    connection = read_id(reply_context.get("business_connection_id"))
    return {"business_connection_id": connection} if connection else {}


def _addressed(outgoing: Outgoing) -> dict[str, Any]:
    """What every message has: to whom, in answer to what, with which buttons."""
    params: dict[str, Any] = {"chat_id": outgoing.chat_id}
    params |= _business(outgoing.reply_context)
    if outgoing.reply_to.isdecimal():
        params["reply_parameters"] = {
            "message_id": int(outgoing.reply_to),
            # The customer may have deleted it meanwhile: then it is an ordinary message.
            "allow_sending_without_reply": True,
        }
    if outgoing.buttons:
        rows = [[_button(button)] for button in outgoing.buttons]
        params["reply_markup"] = {"inline_keyboard": rows}
    return params


def _button(button: Mapping[str, str]) -> dict[str, str]:
    text = button.get("text", "")
    payload = button.get("payload") or text
    if not text or len(payload.encode()) > PAYLOAD_BYTES:
        raise _content_error(_("A button needs a text, and carries at most 64 bytes."))
    return {"text": text, "callback_data": payload}


def _file_method(file: OutgoingFile) -> tuple[str, str]:
    content_type = file.content_type.partition(";")[0].strip().lower()
    if file.type == "image" and content_type in _PHOTOS and file.size <= PHOTO_BYTES:
        return "sendPhoto", "photo"
    if file.type == "voice" and content_type in _VOICES:
        return "sendVoice", "voice"
    return "sendDocument", "document"


def _sent(result: Any) -> SendResult:
    return SendResult(external_id=read_id(read_object(result).get("message_id")))
