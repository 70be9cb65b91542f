"""VK: the messages of a community, by the Callback API and the API."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

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
    Person,
    PostbackEvent,
    SendResult,
    SignatureError,
)
from channels_app.drivers.values import read_id, read_list, read_name, read_object, read_ref
from channels_app.drivers.vk_api import NO_RIGHT, PLATFORM, VERSION, VkApi, VkError
from channels_app.drivers.vk_parse import parse
from channels_app.drivers.wire import content_error, media_from, not_the_api, same
from openlines_project.lib.text import load_json

TEXT_LIMIT = 4096
UPLOAD_BYTES = 200 * 1024 * 1024
FILES = 10
LABEL_LENGTH = 40
PAYLOAD_BYTES = 255
# A keyboard inside a message has at most six rows, and ten buttons.
ROWS, BUTTONS = 6, 10
SERVER_TITLE = "Open Lines"
EVENTS = (
    "message_new",
    "message_reply",
    "message_edit",
    "message_allow",
    "message_deny",
    "message_event",
    "message_typing_state",
    "message_read",
)


class VkForm(ConfigForm):
    group_id = forms.CharField(
        label=gettext_lazy("Community's number"),
        help_text=gettext_lazy("It stands in the community's settings, without “club”."),
        required=False,
        max_length=20,
    )
    access_token = forms.CharField(
        label=gettext_lazy("Access key"),
        help_text=gettext_lazy("Made in the community's settings, with the right to messages."),
        required=False,
        max_length=400,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret key"),
        help_text=gettext_lazy(
            "The same as in the community's Callback API settings. At most 50 letters and digits."
        ),
        required=False,
        max_length=50,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    confirmation_code = forms.CharField(
        label=gettext_lazy("Confirmation code"),
        help_text=gettext_lazy("VK shows it as the string our server must return."),
        required=False,
        max_length=50,
    )

    field_order = ["group_id", "access_token", "secret", "confirmation_code", "api_base_url"]

    def clean_group_id(self) -> str:
        typed: str = self.cleaned_data["group_id"].strip().lstrip("-")
        number = typed.removeprefix("club").removeprefix("public")
        if number and not (number.isascii() and number.isdecimal()):
            raise forms.ValidationError(_("Enter the number only, such as 123456."))
        return number

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"].strip()
        if secret and not (secret.isascii() and secret.isalnum()):
            raise forms.ValidationError(_("VK takes letters and digits only."))
        return secret

    def clean_access_token(self) -> str:
        return str(self.cleaned_data["access_token"]).strip()

    def clean_confirmation_code(self) -> str:
        return str(self.cleaned_data["confirmation_code"]).strip()


class VkDriver(Driver):
    """A community of VK.

    `send` takes a text of at most 4096 characters with up to ten files. Each message carries a
    `random_id` made from `delivery_id`, so that VK itself recognises a repeat.
    """

    kind = "vk"
    label = gettext_lazy("VK")
    config_form = VkForm
    secret_fields = ("access_token", "secret")
    required_secrets = ("access_token", "secret")
    identity_scope = "global"
    default_api_base_url = "https://api.vk.com"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        connects=True,
        files=True,
        files_per_message=FILES,
        caption_limit=TEXT_LIMIT,
        typing=True,
        seen=True,
        buttons=True,
        profiles=True,
        deduplicates=True,
    )

    @property
    def _api(self) -> VkApi:
        return VkApi(
            door=self.trusted,
            untrusted=self.untrusted,
            base_url=self.api_base_url,
            token=str(self.config.get("access_token") or ""),
        )

    @property
    def _group(self) -> str:
        return str(self.config.get("group_id") or "")

    # --- what comes in --------------------------------------------------------------------

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:  # noqa: ARG002
        expected = str(self.config.get("secret") or "")
        body = _callback(raw)
        given = body.get("secret")
        if not expected:
            raise SignatureError
        if given is None and self._asks_for_code(body):
            return  # asked before VK has stored the secret; it learns nothing but the code
        if not isinstance(given, str) or not same(given, expected):
            raise SignatureError

    def _asks_for_code(self, body: Mapping[str, Any]) -> bool:
        """Whether VK confirms the address for our community."""
        group = read_id(body.get("group_id"))
        return body.get("type") == "confirmation" and bool(group) and group == self._group

    def answer(self, raw: bytes) -> tuple[str, str]:
        code = str(self.config.get("confirmation_code") or "")
        is_question = _callback(raw).get("type") == "confirmation"
        return "text/plain; charset=utf-8", code if is_question else "ok"

    def parse(self, raw: bytes) -> list[Event]:
        return parse(raw)

    def fetch_media(self, ref: str) -> AbstractContextManager[MediaFile]:
        return media_from(self.untrusted, ref)

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        if len(outgoing.text) > TEXT_LIMIT:
            raise content_error(
                _("The text is too long: at most %(limit)s characters.") % {"limit": TEXT_LIMIT}
            )
        if not outgoing.text.strip() and not outgoing.files:
            raise content_error(_("An empty message is not sent."))
        if len(outgoing.files) > FILES:
            raise content_error(_("At most %(limit)s files go with a message.") % {"limit": FILES})
        if any(file.size > UPLOAD_BYTES for file in outgoing.files):
            raise content_error(
                _("A file may have at most %(limit)s MB here.") % {"limit": UPLOAD_BYTES // 2**20}
            )
        params: dict[str, Any] = {
            # In this form VK tells the message's number in its chat, which callbacks speak of.
            "peer_ids": outgoing.chat_id,
            "random_id": _random_id(outgoing.delivery_id),
            "message": outgoing.text,
        }
        if outgoing.buttons:
            params["keyboard"] = _keyboard(outgoing.buttons)
        chat, _sign, number = outgoing.reply_to.rpartition("_")
        if chat == outgoing.chat_id and chat.isdecimal() and number.isdecimal():
            params["forward"] = json.dumps(
                {
                    "peer_id": int(chat),
                    "conversation_message_ids": [int(number)],
                    "is_reply": True,
                }
            )
        api = self._api
        stored = [api.upload(file, peer_id=outgoing.chat_id) for file in outgoing.files]
        if stored:
            params["attachment"] = ",".join(stored)
        return self._sent(api, outgoing.chat_id, api.call("messages.send", params))

    def _sent(self, api: VkApi, chat_id: str, response: Any) -> SendResult:
        if not isinstance(response, list):
            return SendResult(external_id=read_id(response))
        row = read_object(response[0]) if response else {}
        if row.get("error"):
            error = row["error"]
            raise api.refusal(error if isinstance(error, dict) else {"description": error})
        number = read_id(row.get("conversation_message_id"))
        return SendResult(
            external_id=f"{chat_id}_{number}" if number else read_id(row.get("message_id"))
        )

    def typing(self, *, chat_id: str, reply_context: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._api.call("messages.setActivity", {"peer_id": chat_id, "type": "typing"})

    def seen(
        self,
        *,
        chat_id: str,
        message_id: str,  # noqa: ARG002
        reply_context: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        self._api.call("messages.markAsRead", {"peer_id": chat_id, "mark_conversation_as_read": 1})

    def acknowledge(self, event: PostbackEvent) -> None:
        callback, _sign, person = event.callback_id.rpartition(":")
        if callback and person:
            self._api.call(
                "messages.sendMessageEventAnswer",
                {"event_id": callback, "user_id": person, "peer_id": person},
            )

    def fetch_profile(self, user_id: str) -> Person | None:
        found = read_list(
            self._api.call("users.get", {"user_ids": user_id, "fields": "photo_200,screen_name"})
        )
        user = read_object(found[0]) if found else {}
        if read_id(user.get("id")) != user_id:
            return None
        names = (read_name(user.get("first_name")), read_name(user.get("last_name")))
        return Person(
            external_id=user_id,
            name=" ".join(filter(None, names)),
            username=read_name(user.get("screen_name"), max_length=64),
            avatar_url=read_ref(user.get("photo_200")),
        )

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:
        api, account = self._api, self._account()
        try:
            self._code_check(api)
            self._server_set(api, webhook_url)
        except VkError as error:
            # A key for messages only: the address is then entered by hand, see the steps.
            if error.code not in NO_RIGHT:
                raise
        return account

    def _code_check(self, api: VkApi) -> None:
        """VK confirms the address while it is being set, so the code must be right before."""
        told = read_object(
            api.call("groups.getCallbackConfirmationCode", {"group_id": self._group})
        )
        code = read_name(told.get("code"), max_length=50)
        if code and code != self.config.get("confirmation_code"):
            raise content_error(
                _("The confirmation code is another one. VK shows %(code)s.") % {"code": code}
            )

    def _server_set(self, api: VkApi, webhook_url: str) -> None:
        secret = str(self.config.get("secret") or "")
        if not secret:
            # Without it anybody could deliver in VK's name.
            raise DriverError(_("The secret key is missing."), error_class="auth")
        server = self._server(api, webhook_url)
        number = read_id(server.get("id"))
        wanted = {
            "group_id": self._group,
            "url": webhook_url,
            "title": SERVER_TITLE,
            "secret_key": secret,
        }
        if not number:
            made = read_object(api.call("groups.addCallbackServer", wanted))
            number = read_id(made.get("server_id"))
        elif server.get("secret_key") != secret:
            api.call("groups.editCallbackServer", {**wanted, "server_id": number})
        api.call(
            "groups.setCallbackSettings",
            {
                "group_id": self._group,
                "server_id": number,
                "api_version": VERSION,
                **dict.fromkeys(EVENTS, 1),
            },
        )

    def _server(self, api: VkApi, webhook_url: str) -> dict[str, Any]:
        """The community's entry for our address, empty when there is none."""
        answer = api.call("groups.getCallbackServers", {"group_id": self._group})
        servers = map(read_object, read_list(read_object(answer).get("items")))
        return next((one for one in servers if one.get("url") == webhook_url), {})

    def disconnect(self) -> None:
        api = self._api
        try:
            number = read_id(self._server(api, self.webhook_url).get("id"))
            if number:
                api.call(
                    "groups.deleteCallbackServer", {"group_id": self._group, "server_id": number}
                )
        except VkError as error:
            if error.code not in NO_RIGHT:
                raise

    def check(self, *, webhook_url: str) -> CheckResult:
        account = self._account()
        facts = [(_("Community"), account.name)]
        problems: list[str] = []
        if webhook_url:
            try:
                problems = self._problems(webhook_url)
            except VkError as error:
                if error.code not in NO_RIGHT:
                    raise
                facts.append((_("Callback API"), _("entered by hand; the key may not look at it")))
        return CheckResult(account=account, problems=tuple(problems), facts=tuple(facts))

    def _problems(self, webhook_url: str) -> list[str]:
        api = self._api
        server = self._server(api, webhook_url)
        if not server:
            return [_("VK has no address to deliver to. Connect again.")]
        if server.get("status") not in ("ok", None):
            return [_("VK has not confirmed the address. Check the confirmation code.")]
        answer = api.call(
            "groups.getCallbackSettings",
            {"group_id": self._group, "server_id": read_id(server.get("id"))},
        )
        asked = read_object(read_object(answer).get("events"))
        if any(asked.get(event) == 0 for event in EVENTS):
            return [_("VK does not deliver all we ask for. Connect again.")]
        return []

    def _account(self) -> Account:
        if not self._group:
            raise DriverError(_("The community's number is missing."), error_class="auth")
        answer = self._api.call("groups.getById", {"group_id": self._group})
        # A list of its own in older versions.
        found = read_list(read_object(answer).get("groups") or answer)
        group = read_object(found[0]) if found else {}
        if read_id(group.get("id")) != self._group:
            raise not_the_api(PLATFORM)
        return Account(account_id=self._group, name=read_name(group.get("name")))


def _callback(raw: bytes) -> dict[str, Any]:
    try:
        return read_object(load_json(raw))
    except ValueError:
        return {}


def _random_id(delivery_id: str) -> int:
    """A number of 63 bits for a delivery: VK looks through all of a chat's history for it."""
    return uuid.UUID(delivery_id).int & (2**63 - 1) or 1


def _keyboard(buttons: Any) -> str:
    made = [_button(button) for button in buttons[:BUTTONS]]
    width = -(-len(made) // ROWS)
    rows = [made[start : start + width] for start in range(0, len(made), width)]
    return json.dumps({"inline": True, "buttons": rows}, ensure_ascii=False)


def _button(button: Mapping[str, str]) -> dict[str, Any]:
    text = button.get("text", "")
    payload = json.dumps({"openlines": button.get("payload") or text}, ensure_ascii=False)
    if not text or len(payload.encode()) > PAYLOAD_BYTES:
        raise content_error(_("A button needs a text, and carries little."))
    return {"action": {"type": "text", "label": text[:LABEL_LENGTH], "payload": payload}}
