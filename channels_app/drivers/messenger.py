"""Facebook Messenger: a page, by Meta's Send API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

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
    Person,
    SendResult,
)
from channels_app.drivers.meta import MetaForm, content_error, id_field, opened, secret_field
from channels_app.drivers.meta_api import FILE_SECONDS
from channels_app.drivers.page_parse import parse_page
from channels_app.drivers.page_send import FILE_BYTES, PageDriver, quick_replies
from channels_app.drivers.values import read_id, read_name

TEXT_LIMIT = 2000
# An answer of a person is allowed for seven days, see `PageDriver.envelope`.
WINDOW_HOURS = 7 * 24
# The Human Agent tag is for what a person wrote.
AUTOMATIC_WINDOW_HOURS = 24
# What Meta is to deliver of the page.
SUBSCRIBED_FIELDS = (
    "messages",
    "messaging_postbacks",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_reactions",
    "message_edits",
    "messaging_referrals",
    "messaging_optins",
    "standby",
    "messaging_handovers",
)
_NEEDED_FIELDS = frozenset({"messages", "messaging_postbacks"})
_FILE_KINDS = {"image": "image", "audio": "audio", "voice": "audio", "video": "video"}


class MessengerForm(MetaForm):
    page_id = id_field(
        gettext_lazy("Page id"),
        gettext_lazy("A number; on your page under About, Page transparency."),
    )
    page_token = secret_field(
        gettext_lazy("Page access token"),
        gettext_lazy("In your app at Meta under Messenger, Settings, Access tokens."),
        max_length=1000,
    )

    field_order = ["page_id", "page_token", "app_secret", "verify_token", "api_base_url"]


class MessengerDriver(PageDriver):
    """A Facebook page. Files are uploaded with the message, in one call.

    What we send carries our reference, which its echo repeats. It is never sent again by itself
    when the answer was lost.
    """

    kind = "messenger"
    label = gettext_lazy("Facebook Messenger")
    config_form = MessengerForm
    credential = "page_token"
    account_field = "page_id"
    secret_fields = ("page_token", "app_secret", "verify_token")
    required_secrets = ("page_token", "app_secret", "verify_token")
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT,
        files=True,
        reply_window_hours=WINDOW_HOURS,
        automatic_window_hours=AUTOMATIC_WINDOW_HOURS,
        shares_chats=True,
        typing=True,
        seen=True,
        buttons=True,
        profiles=True,
        connects=True,
    )

    # --- what comes in --------------------------------------------------------------------

    def parse(self, raw: bytes) -> list[Event]:
        return parse_page(raw, product="page")

    def fetch_media(self, ref: str) -> AbstractContextManager[MediaFile]:
        # The address came in a message, and needs no token.
        return self.stream_media(self.untrusted, ref)

    def fetch_profile(self, user_id: str) -> Person | None:
        # More than these needs permissions of their own, and asking for it fails as a whole.
        answer = self._api.call("GET", user_id, params={"fields": "first_name,last_name"})
        names = (read_name(answer.get(part)) for part in ("first_name", "last_name"))
        return Person(
            external_id=user_id,
            name=read_name(" ".join(name for name in names if name)),
        )

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        if outgoing.files:
            return self._send_file(outgoing)
        if not outgoing.text.strip():
            raise content_error(_("Messenger does not send an empty message."))
        if len(outgoing.text) > TEXT_LIMIT:
            raise content_error(
                _("The text is too long for Messenger: at most %(limit)s characters.")
                % {"limit": TEXT_LIMIT}
            )
        message: dict[str, Any] = {"text": outgoing.text, "metadata": outgoing.reference}
        if outgoing.buttons:
            message["quick_replies"] = quick_replies(outgoing)
        return self.send_body(self.envelope(outgoing) | {"message": message}, outgoing=outgoing)

    def _send_file(self, outgoing: Outgoing) -> SendResult:
        if len(outgoing.files) > 1 or outgoing.text:
            raise content_error(_("Messenger takes one file, without a text."))
        file = outgoing.files[0]
        if file.size > FILE_BYTES:
            raise content_error(_("Messenger takes files of at most 25 MB."))
        body = self.envelope(outgoing) | {
            "message": {
                "attachment": {
                    "type": _FILE_KINDS.get(file.type, "file"),
                    "payload": {"is_reusable": False},
                },
                "metadata": outgoing.reference,
            }
        }
        return self._upload(body, file)

    def _upload(self, body: Mapping[str, Any], file: OutgoingFile) -> SendResult:
        with opened(file) as stream:
            return self.post(
                body,
                files={"filedata": (file.name or "file", stream, file.content_type)},
                timeout=FILE_SECONDS,
            )

    # --- the account ----------------------------------------------------------------------

    def connect(self, *, webhook_url: str) -> Account:  # noqa: ARG002  the app's page at Meta has it
        account = self._account()
        self._api.call(
            "POST",
            f"{account.account_id}/subscribed_apps",
            params={"subscribed_fields": ",".join(SUBSCRIBED_FIELDS)},
        )
        return account

    def disconnect(self) -> None:
        self._api.call("DELETE", f"{self.own_account or 'me'}/subscribed_apps")

    def check(self, *, webhook_url: str) -> CheckResult:  # noqa: ARG002
        account = self._account()
        problems = []
        fields = self.subscribed_fields(f"{account.account_id}/subscribed_apps")
        if fields is not None and not fields >= _NEEDED_FIELDS:
            problems.append(_("Meta does not deliver the page's messages. Connect again."))
        return CheckResult(
            account=account, problems=tuple(problems), facts=((_("Page"), account.name),)
        )

    def _account(self) -> Account:
        page = self._api.call("GET", "me", params={"fields": "id,name"})
        number, name = read_id(page.get("id")), read_name(page.get("name"))
        expected = str(self.config.get("page_id") or "")
        self.account_mismatch(expected, number, name)
        if not (number or expected):
            raise DriverError(
                _("The answer is not one of %(platform)s.") % {"platform": self.label},
                error_class="retry",
            )
        return Account(account_id=number or expected, name=name)
