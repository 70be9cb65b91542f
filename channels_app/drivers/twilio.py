"""Twilio: SMS, MMS and WhatsApp by its Programmable Messaging."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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
    Http,
    MediaFile,
    Outgoing,
    SendResult,
    SignatureError,
)
from channels_app.drivers.twilio_api import PLATFORM, TwilioApi, sign, url_spellings
from channels_app.drivers.twilio_parse import WHATSAPP, form_of, parse
from channels_app.drivers.values import read_id, read_list, read_name, read_object
from channels_app.drivers.wire import (
    content_error,
    file_address,
    media_file,
    media_stream,
    not_the_api,
    same,
    same_origin,
)

TEXT_LIMIT = 1600
# What a phone network takes at most; WhatsApp takes 16 MB.
FILE_BYTES = 5 * 1024 * 1024
WHATSAPP_FILE_BYTES = 16 * 1024 * 1024
WHATSAPP_HOURS = 24
SERVICES_BASE_URL = "https://messaging.twilio.com"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class TwilioForm(ConfigForm):
    account_sid = forms.CharField(
        label=gettext_lazy("Account SID"),
        help_text=gettext_lazy("Twilio's console shows it: AC and 32 letters and digits."),
        required=False,
        max_length=34,
    )
    auth_token = forms.CharField(
        label=gettext_lazy("Auth token"),
        help_text=gettext_lazy("It stands below the account SID."),
        required=False,
        max_length=200,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    number = forms.CharField(
        label=gettext_lazy("Number"),
        help_text=gettext_lazy(
            "With + and the country's code; for WhatsApp with whatsapp: before it."
        ),
        required=False,
        max_length=40,
    )
    messaging_service_sid = forms.CharField(
        label=gettext_lazy("Messaging service SID"),
        help_text=gettext_lazy("Instead of a number, when Twilio chooses the number to send from."),
        required=False,
        max_length=34,
    )

    field_order = ["account_sid", "auth_token", "number", "messaging_service_sid", "api_base_url"]

    def clean_account_sid(self) -> str:
        return _sid(self.cleaned_data["account_sid"], "AC")

    def clean_messaging_service_sid(self) -> str:
        return _sid(self.cleaned_data["messaging_service_sid"], "MG")

    def clean_auth_token(self) -> str:
        return str(self.cleaned_data["auth_token"]).strip()

    def clean_number(self) -> str:
        typed = re.sub(r"[\s().-]", "", self.cleaned_data["number"])
        number = typed.lower().removeprefix(WHATSAPP)
        if number and not re.fullmatch(r"\+[1-9][0-9]{3,14}|[0-9]{3,8}", number):
            raise forms.ValidationError(_("Enter the number with + and the country's code."))
        return f"{WHATSAPP}{number}" if typed.lower().startswith(WHATSAPP) else number


def _sid(typed: str, start: str) -> str:
    sid = typed.strip()
    if sid and not re.fullmatch(f"{start}[0-9a-fA-F]{{32}}", sid):
        raise forms.ValidationError(
            _("Enter %(start)s and the 32 letters and digits after it.") % {"start": start}
        )
    return sid


class TwilioDriver(Driver):
    """A number at Twilio, or a messaging service with several.

    `send` takes a text of at most 1600 characters, with one file, which Twilio fetches from us.
    There are no buttons: their texts stand below the message. Twilio recognises no repeat: a lost
    answer leaves a message unknown until its state is told.
    """

    kind = "twilio"
    label = gettext_lazy("SMS and WhatsApp by Twilio")
    config_form = TwilioForm
    secret_fields = ("auth_token",)
    required_secrets = ("auth_token",)
    # A phone number is the same person everywhere.
    identity_scope = "global"
    default_api_base_url = "https://api.twilio.com"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        connects=True,
        files=True,
        caption_limit=TEXT_LIMIT,
    )

    def __init__(
        self, *, config: Mapping[str, Any], trusted: Http, untrusted: Http, account_id: str = ""
    ) -> None:
        super().__init__(config=config, trusted=trusted, untrusted=untrusted, account_id=account_id)
        if self._number.startswith(WHATSAPP):
            self.capabilities = replace(self.capabilities, reply_window_hours=WHATSAPP_HOURS)

    @property
    def _account_sid(self) -> str:
        return str(self.config.get("account_sid") or "")

    @property
    def _token(self) -> str:
        return str(self.config.get("auth_token") or "")

    @property
    def _number(self) -> str:
        return str(self.config.get("number") or "")

    @property
    def _service(self) -> str:
        return str(self.config.get("messaging_service_sid") or "")

    @property
    def _is_by_hand(self) -> bool:
        """The address for a WhatsApp sender or a short code is entered in Twilio's console."""
        return not self._number.startswith("+")

    @property
    def _services_base_url(self) -> str:
        """Twilio keeps messaging services on a host of their own; a gateway has all on one."""
        own = self.api_base_url != self.default_api_base_url
        return self.api_base_url if own else SERVICES_BASE_URL

    @property
    def _api(self) -> TwilioApi:
        return TwilioApi(
            door=self.trusted,
            base_url=self.api_base_url,
            account_sid=self._account_sid,
            token=self._token,
        )

    # --- what comes in --------------------------------------------------------------------

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:  # noqa: ARG002
        url, given = headers.get(":url", ""), headers.get("x-twilio-signature", "")
        try:
            form = form_of(raw)
        except ValueError:
            raise SignatureError from None
        if not self._token or not url or not given:
            raise SignatureError
        if not any(same(given, sign(self._token, one, form)) for one in url_spellings(url)):
            raise SignatureError

    def answer(self, raw: bytes) -> tuple[str, str]:  # noqa: ARG002
        # No answer of ours to the customer: that goes by the outbox.
        return "text/xml; charset=utf-8", '<?xml version="1.0" encoding="UTF-8"?><Response/>'

    def parse(self, raw: bytes) -> list[Event]:
        return parse(raw)

    @contextmanager
    def fetch_media(self, ref: str) -> Iterator[MediaFile]:
        if not same_origin(ref, self.api_base_url):
            with media_stream(self.untrusted, ref) as answer:
                yield media_file(answer)
            return
        with media_stream(self.trusted, ref, headers=self._api.headers) as answer:
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                yield media_file(answer)
                return
        # The file lies at a store of Twilio's: our credentials do not go there.
        with media_stream(self.untrusted, location) as answer:
            yield media_file(answer)

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        text = _with_choices(outgoing)
        if len(text) > TEXT_LIMIT:
            raise content_error(
                _("The text is too long: at most %(limit)s characters.") % {"limit": TEXT_LIMIT}
            )
        if len(outgoing.files) > 1:
            raise content_error(_("One file goes with a message."))
        if not text.strip() and not outgoing.files:
            raise content_error(_("An empty message is not sent."))
        by_whatsapp = outgoing.chat_id.startswith(WHATSAPP)
        data: dict[str, Any] = {"To": outgoing.chat_id, **self._sender(by_whatsapp)}
        if text:
            data["Body"] = text
        for file in outgoing.files:
            limit = WHATSAPP_FILE_BYTES if by_whatsapp else FILE_BYTES
            if file.size > limit:
                raise content_error(
                    _("A file may have at most %(limit)s MB here.") % {"limit": limit // 2**20}
                )
            data["MediaUrl"] = file_address(file)
        if self.webhook_url:
            data["StatusCallback"] = self.webhook_url
        body = self._api.call("POST", self._api.of_account("/Messages"), data=data, lost="unknown")
        return SendResult(external_id=read_id(body.get("sid")))

    def _sender(self, by_whatsapp: bool) -> dict[str, str]:
        if self._service:
            return {"MessagingServiceSid": self._service}
        number = self._number.removeprefix(WHATSAPP)
        if not number:
            raise DriverError(_("There is no number to send from."), error_class="auth")
        return {"From": f"{WHATSAPP}{number}" if by_whatsapp else number}

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:
        account = self._account()
        if self._service:
            self._api.call(
                "POST",
                f"{self._services_base_url}/v1/Services/{self._service}",
                data={
                    "InboundRequestUrl": webhook_url,
                    "InboundMethod": "POST",
                    "StatusCallback": webhook_url,
                    "UseInboundWebhookOnNumber": "false",
                },
            )
        elif not self._is_by_hand:
            self._number_set(self._number_found(), webhook_url)
        return account

    def _number_set(self, found: Mapping[str, Any], webhook_url: str) -> None:
        path = f"/IncomingPhoneNumbers/{read_id(found.get('sid'))}"
        data = {"SmsUrl": webhook_url, "SmsMethod": "POST", "SmsApplicationSid": ""}
        self._api.call("POST", self._api.of_account(path), data=data)

    def _number_found(self) -> dict[str, Any]:
        body = self._api.call(
            "GET",
            self._api.of_account("/IncomingPhoneNumbers"),
            params={"PhoneNumber": self._number},
        )
        for row in map(read_object, read_list(body.get("incoming_phone_numbers"))):
            if row.get("phone_number") == self._number and read_id(row.get("sid")):
                return row
        raise content_error(
            _("The Twilio account does not have the number %(number)s.") % {"number": self._number}
        )

    def disconnect(self) -> None:
        if self._service or self._is_by_hand:
            return  # a service may deliver for others as well
        found = self._number_found()
        if found.get("sms_url") == self.webhook_url:
            self._number_set(found, "")

    def check(self, *, webhook_url: str) -> CheckResult:
        account = self._account()
        facts = [(_("Sender"), account.account_id)]
        address: Any = webhook_url
        if self._service:
            service = self._api.call(
                "GET", f"{self._services_base_url}/v1/Services/{self._service}"
            )
            address = service.get("inbound_request_url")
            if service.get("use_inbound_webhook_on_number") is True:
                address = None
        elif self._is_by_hand:
            facts.append((_("Webhook"), _("entered by hand in Twilio's console")))
        else:
            address = self._number_found().get("sms_url")
        problems = []
        if webhook_url and address != webhook_url:
            problems.append(
                _("Twilio delivers to another address. Connect again.")
                if address
                else _("Twilio has no address to deliver to. Connect again.")
            )
        return CheckResult(account=account, problems=tuple(problems), facts=tuple(facts))

    def _account(self) -> Account:
        sender = self._service or self._number
        if not sender:
            raise content_error(_("Enter a number or a messaging service SID."))
        account = self._api.call("GET", self._api.of_account(""))
        if read_id(account.get("sid")) != self._account_sid:
            raise not_the_api(PLATFORM)
        if account.get("status") not in ("active", None):
            raise DriverError(
                _("The Twilio account is not active: %(state)s")
                % {"state": read_name(account.get("status"))},
                error_class="auth",
            )
        name = sender if sender != self._service else read_name(account.get("friendly_name"))
        return Account(account_id=sender, name=name or sender)


def _with_choices(outgoing: Outgoing) -> str:
    """The text with what the buttons say below it, where there is room."""
    lines = [button.get("text", "") for button in outgoing.buttons]
    whole = "\n".join([outgoing.text, *filter(None, lines)])
    return whole if len(whole) <= TEXT_LIMIT else outgoing.text
