"""WhatsApp: a number of a business, by Meta's Cloud API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.drivers.base import (
    Account,
    Capabilities,
    CheckResult,
    DriverError,
    Event,
    MediaFile,
    Outgoing,
    OutgoingFile,
    SendResult,
    Template,
)
from channels_app.drivers.meta import (
    MetaDriver,
    MetaForm,
    content_error,
    id_field,
    opened,
    secret_field,
)
from channels_app.drivers.meta_api import FILE_SECONDS, GraphApi
from channels_app.drivers.meta_values import read_message_id
from channels_app.drivers.values import read_id, read_list, read_name, read_object, read_ref
from channels_app.drivers.whatsapp_errors import whatsapp_judge
from channels_app.drivers.whatsapp_parse import parse_whatsapp
from channels_app.drivers.whatsapp_send import (
    CAPTION_LIMIT,
    TEXT_LIMIT,
    envelope,
    media_content,
    media_kind,
    template_content,
    text_content,
)
from channels_app.drivers.whatsapp_templates import read_template

WINDOW_HOURS = 24
TEMPLATE_PAGES = 20
_TEMPLATE_FIELDS = "name,language,status,category,parameter_format,components"
# Whose files may be asked for with our token.
_MEDIA_HOSTS = ("fbsbx.com", "facebook.com", "fbcdn.net", "whatsapp.net", "whatsapp.com")


class WhatsAppForm(MetaForm):
    phone_number_id = id_field(
        gettext_lazy("Phone number id"),
        gettext_lazy("Not the number itself: in your app at Meta under WhatsApp, API setup."),
    )
    business_account_id = id_field(
        gettext_lazy("Business account id"),
        gettext_lazy("On the same page at Meta. Templates are listed with it."),
    )
    access_token = secret_field(
        gettext_lazy("Access token"),
        gettext_lazy("Of a system user, without an end: the one shown there lasts for a day."),
        max_length=1000,
    )

    field_order = [
        "phone_number_id", "business_account_id", "access_token", "app_secret", "verify_token",
        "api_base_url",
    ]  # fmt: skip


class WhatsAppDriver(MetaDriver):
    """One number. What we send carries our reference, which its receipts repeat; it is never sent
    again by itself when the answer was lost.

    Files are uploaded first, which no customer sees; the message itself is one call.
    """

    kind = "whatsapp"
    label = gettext_lazy("WhatsApp")
    config_form = WhatsAppForm
    account_field = "phone_number_id"
    secret_fields = ("access_token", "app_secret", "verify_token")
    required_secrets = ("access_token", "app_secret", "verify_token")
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        files=True,
        caption_limit=CAPTION_LIMIT,
        reply_window_hours=WINDOW_HOURS,
        typing=True,
        seen=True,
        buttons=True,
        templates=True,
        connects=True,
    )

    @property
    def _api(self) -> GraphApi:
        return self.graph(whatsapp_judge)

    @property
    def _number(self) -> str:
        number = self.own_account
        if not number:
            raise DriverError(_("The phone number id is missing."), error_class="auth")
        return number

    @property
    def _business(self) -> str:
        return str(self.config.get("business_account_id") or "")

    # --- what comes in --------------------------------------------------------------------

    def parse(self, raw: bytes) -> list[Event]:
        return parse_whatsapp(raw)

    @contextmanager
    def fetch_media(self, ref: str) -> Iterator[MediaFile]:
        url = read_ref(self._api.call("GET", ref).get("url"))
        place, base = urlsplit(url), urlsplit(self.api_base_url)
        if (place.scheme, place.netloc) == (base.scheme, base.netloc):
            door = self.trusted
        elif place.scheme == "https" and _is_metas(place.hostname or ""):
            door = self.untrusted
        else:
            # Our token opens more than this file: it goes to Meta only.
            raise content_error(_("The file's address is not one of WhatsApp."))
        with self.stream_media(door, url, headers=self._api.authorization) as media:
            # The address ends in no name.
            yield MediaFile(chunks=media.chunks, content_type=media.content_type)

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        if len(outgoing.files) > 1:
            raise content_error(_("WhatsApp takes one file with a message."))
        if outgoing.template is not None:
            content = template_content(outgoing.template)
        elif outgoing.files:
            content = self._file_content(outgoing, outgoing.files[0])
        else:
            content = text_content(outgoing)
        body = envelope(outgoing) | content
        quote = {"context": {"message_id": outgoing.reply_to}} if outgoing.reply_to else {}
        try:
            return self._post(body | quote)
        except DriverError as error:
            # Refused, so nothing went out: the customer may have removed what we answer.
            if not quote or error.error_class != "content":
                raise
        return self._post(body)

    def _post(self, body: Mapping[str, Any]) -> SendResult:
        answer = self._api.call("POST", f"{self._number}/messages", json=body, sends=True)
        messages = read_list(answer.get("messages"))
        first = read_object(messages[0]) if messages else {}
        return SendResult(external_id=read_message_id(first.get("id")))

    def _file_content(self, outgoing: Outgoing, file: OutgoingFile) -> dict[str, Any]:
        if len(outgoing.text) > CAPTION_LIMIT:
            raise content_error(
                _("The text is too long for WhatsApp: at most %(limit)s characters.")
                % {"limit": CAPTION_LIMIT}
            )
        media_kind(file, has_caption=bool(outgoing.text))  # too large? before the upload
        content_type = file.content_type.partition(";")[0].strip() or "application/octet-stream"
        with opened(file) as stream:
            answer = self._api.call(
                "POST",
                f"{self._number}/media",
                data={"messaging_product": "whatsapp", "type": content_type},
                files={"file": (file.name or "file", stream, content_type)},
                timeout=FILE_SECONDS,
            )
        media_id = read_id(answer.get("id"))
        if not media_id:
            raise DriverError(
                _("The answer is not one of %(platform)s.") % {"platform": self.label},
                error_class="retry",
            )
        return media_content(file, media_id, outgoing.text)

    def typing(self, *, chat_id: str, reply_context: Mapping[str, Any]) -> None:  # noqa: ARG002
        # Shown for 25 s, and only with a message of his, which it marks as read.
        self._mark_read(
            read_message_id(reply_context.get("last_message_id")),
            {"typing_indicator": {"type": "text"}},
        )

    def seen(self, *, chat_id: str, message_id: str, reply_context: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._mark_read(message_id, {})

    def _mark_read(self, message_id: str, more: Mapping[str, Any]) -> None:
        if message_id:
            body = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
            self._api.call("POST", f"{self._number}/messages", json={**body, **more})

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:
        phone = self._phone()
        if self._business:
            self._api.call("POST", f"{self._business}/subscribed_apps")
        if webhook_url and _callback(phone) != webhook_url:
            # For this number alone: the app's own address serves its other numbers.
            self._webhook_set(
                {
                    "override_callback_uri": webhook_url,
                    "verify_token": str(self.config.get("verify_token") or ""),
                }
            )
        return self._account(phone)

    def disconnect(self) -> None:
        self._webhook_set({"override_callback_uri": ""})

    def _webhook_set(self, webhook: Mapping[str, str]) -> None:
        self._api.call("POST", self._number, json={"webhook_configuration": webhook})

    def check(self, *, webhook_url: str) -> CheckResult:
        phone = self._phone()
        account = self._account(phone)
        facts = [(_("Number"), account.name)]
        quality = read_name(phone.get("quality_rating"), max_length=40)
        if quality:
            facts.append((_("Quality"), quality))
        problems = []
        callback = _callback(phone)
        if webhook_url and callback and callback != webhook_url:
            problems.append(_("WhatsApp delivers to another address. Connect again."))
        if not self._business:
            problems.append(_("Without the business account id no templates can be listed."))
        elif self._api.call("GET", f"{self._business}/subscribed_apps").get("data") == []:
            problems.append(_("WhatsApp does not deliver this account's messages. Connect again."))
        return CheckResult(account=account, problems=tuple(problems), facts=tuple(facts))

    def _phone(self) -> dict[str, Any]:
        fields = "id,display_phone_number,verified_name,quality_rating,webhook_configuration"
        return self._api.call("GET", self._number, params={"fields": fields})

    def _account(self, phone: Mapping[str, Any]) -> Account:
        name = read_name(phone.get("verified_name"))
        number = read_name(phone.get("display_phone_number"), max_length=40)
        return Account(
            account_id=read_id(phone.get("id")) or self._number,
            name=" ".join(filter(None, (name, number))),
        )

    def templates(self) -> Sequence[Template]:
        if not self._business:
            return ()
        found: list[Template] = []
        after = ""
        for _page in range(TEMPLATE_PAGES):
            answer = self._api.call(
                "GET",
                f"{self._business}/message_templates",
                params={"fields": _TEMPLATE_FIELDS, "limit": 100}
                | ({"after": after} if after else {}),
            )
            items = map(read_object, read_list(answer.get("data")))
            found += [one for one in map(read_template, items) if one is not None]
            paging = read_object(answer.get("paging"))
            after = read_ref(read_object(paging.get("cursors")).get("after"))
            if not after or "next" not in paging:
                break
        return found


def _callback(phone: Mapping[str, Any]) -> str:
    """Where WhatsApp delivers what this number gets; empty when it does not say."""
    webhook = read_object(phone.get("webhook_configuration"))
    kinds = ("phone_number", "whatsapp_business_account", "application")
    return next(filter(None, (read_ref(webhook.get(kind)) for kind in kinds)), "")


def _is_metas(host: str) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in _MEDIA_HOSTS)
