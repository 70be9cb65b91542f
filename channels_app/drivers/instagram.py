"""Instagram Direct: a professional account, by Meta's Send API."""

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
    Http,
    MediaFile,
    Outgoing,
    OutgoingFile,
    Person,
    SendResult,
)
from channels_app.drivers.meta import MetaForm, content_error, id_field, secret_field
from channels_app.drivers.page_parse import parse_page
from channels_app.drivers.page_send import FILE_BYTES, PageDriver, quick_replies
from channels_app.drivers.values import read_id, read_name, read_object
from openlines_project.lib.text import text_size

TEXT_BYTES = 1000
IMAGE_BYTES = 8 * 1024 * 1024
# An answer of a person is allowed for seven days, see `PageDriver.envelope`.
WINDOW_HOURS = 7 * 24
# The Human Agent tag is for what a person wrote.
AUTOMATIC_WINDOW_HOURS = 24
INSTAGRAM_LOGIN_URL = "https://graph.instagram.com"
SUBSCRIBED_FIELDS = (
    "messages",
    "messaging_postbacks",
    "messaging_seen",
    "message_reactions",
    "messaging_referral",
    "message_edit",
)
_FILE_KINDS = {"image": "image", "audio": "audio", "voice": "audio", "video": "video"}


class InstagramForm(MetaForm):
    account_id = id_field(
        gettext_lazy("Account id"),
        gettext_lazy("The number of the professional account, such as 17841400000000000."),
    )
    access_token = secret_field(
        gettext_lazy("Access token"),
        gettext_lazy("In your app at Meta under Instagram, Generate access tokens."),
        max_length=1000,
    )
    app_secret = secret_field(
        gettext_lazy("App secret"),
        gettext_lazy(
            "With Instagram login the Instagram app secret. Not sure? Enter it and the app's, with "
            "a blank between them."
        ),
    )

    field_order = ["account_id", "access_token", "app_secret", "verify_token", "api_base_url"]


class InstagramDriver(PageDriver):
    """A professional account, connected by Instagram login or by its Facebook page.

    Which of the two is read from the token: they have different addresses. Instagram takes no
    bytes: files are fetched from us by a signed address.
    """

    kind = "instagram"
    label = gettext_lazy("Instagram")
    config_form = InstagramForm
    account_field = "account_id"
    secret_fields = ("access_token", "app_secret", "verify_token")
    required_secrets = ("access_token", "app_secret", "verify_token")
    capabilities = Capabilities(
        text_limit=TEXT_BYTES,
        text_unit="bytes",
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

    def __init__(
        self, *, config: Mapping[str, Any], trusted: Http, untrusted: Http, account_id: str = ""
    ) -> None:
        super().__init__(config=config, trusted=trusted, untrusted=untrusted, account_id=account_id)
        # A token of Instagram login begins with IG, one of a page with EA.
        self.has_instagram_login = str(config.get("access_token") or "").startswith("IG")
        if self.has_instagram_login:
            self.default_api_base_url = INSTAGRAM_LOGIN_URL

    # --- what comes in --------------------------------------------------------------------

    def parse(self, raw: bytes) -> list[Event]:
        return parse_page(raw, product="instagram")

    def fetch_media(self, ref: str) -> AbstractContextManager[MediaFile]:
        # The address came in a message, and needs no token.
        return self.stream_media(self.untrusted, ref)

    def fetch_profile(self, user_id: str) -> Person | None:
        answer = self._api.call("GET", user_id, params={"fields": "name,username"})
        username = read_name(answer.get("username"), max_length=64)
        return Person(
            external_id=user_id,
            name=read_name(answer.get("name")) or username,
            username=username,
        )

    # --- what goes out --------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        if outgoing.files:
            if len(outgoing.files) > 1 or outgoing.text:
                raise content_error(_("Instagram takes one file, without a text."))
            message: dict[str, Any] = {"attachment": _attachment(outgoing.files[0])}
        elif not outgoing.text.strip():
            raise content_error(_("Instagram does not send an empty message."))
        elif text_size(outgoing.text, "bytes") > TEXT_BYTES:
            raise content_error(
                _("The text is too long for Instagram: at most %(limit)s bytes.")
                % {"limit": TEXT_BYTES}
            )
        else:
            message = {"text": outgoing.text}
            if outgoing.buttons:
                message["quick_replies"] = quick_replies(outgoing)
        return self.send_body(self.envelope(outgoing) | {"message": message}, outgoing=outgoing)

    # --- the account ----------------------------------------------------------------------

    @property
    def _subscriptions(self) -> str:
        # A page's token speaks for the page, which is what is subscribed then.
        return f"{self.own_account or 'me'}/subscribed_apps" if self.has_instagram_login else (
            "me/subscribed_apps"
        )  # fmt: skip

    def connect(self, *, webhook_url: str) -> Account:  # noqa: ARG002  the app's page at Meta has it
        account = self._account()
        fields = SUBSCRIBED_FIELDS if self.has_instagram_login else ("messages",)
        self._api.call("POST", self._subscriptions, params={"subscribed_fields": ",".join(fields)})
        return account

    def disconnect(self) -> None:
        self._api.call("DELETE", self._subscriptions)

    def check(self, *, webhook_url: str) -> CheckResult:  # noqa: ARG002
        account = self._account()
        problems = []
        fields = self.subscribed_fields(self._subscriptions)
        if fields is not None and "messages" not in fields:
            problems.append(_("Meta does not deliver the account's messages. Connect again."))
        return CheckResult(
            account=account, problems=tuple(problems), facts=((_("Account"), account.name),)
        )

    def renew(self) -> Mapping[str, str]:
        # A token of Instagram login lasts for 60 days, and can be made new while it lives.
        if not self.has_instagram_login:
            return {}
        token = str(self.config.get("access_token") or "")
        answer = self._api.call(
            "GET",
            "refresh_access_token",
            # This call wants the token here; it goes to Instagram alone.
            params={"grant_type": "ig_refresh_token", "access_token": token},
        )
        fresh = answer.get("access_token")
        return {"access_token": fresh} if isinstance(fresh, str) and fresh else {}

    def _account(self) -> Account:
        expected = str(self.config.get("account_id") or "")
        if self.has_instagram_login:
            answer = self._api.call("GET", "me", params={"fields": "user_id,username"})
        elif not expected:
            field = "instagram_business_account"
            page = self._api.call("GET", "me", params={"fields": f"{field}{{id,username}}"})
            answer = read_object(page.get(field))
        else:
            answer = self._api.call("GET", expected, params={"fields": "id,username"})
        number = read_id(answer.get("user_id")) or read_id(answer.get("id"))
        username = read_name(answer.get("username"), max_length=64)
        name = f"@{username}" if username else ""
        self.account_mismatch(expected, number, name)
        if not (number or expected):
            raise DriverError(
                _("The answer is not one of %(platform)s.") % {"platform": self.label},
                error_class="retry",
            )
        return Account(account_id=number or expected, name=name)


def _attachment(file: OutgoingFile) -> dict[str, Any]:
    if not file.url:
        raise content_error(
            _("Files can be sent here only when PUBLIC_URL is set: they are fetched from us.")
        )
    content_type = file.content_type.partition(";")[0].strip().lower()
    kind = _FILE_KINDS.get(file.type) or ("file" if content_type == "application/pdf" else "")
    if not kind:
        raise content_error(_("Instagram takes pictures, sound, videos and PDF files."))
    if file.size > (IMAGE_BYTES if kind == "image" else FILE_BYTES):
        raise content_error(
            _("Instagram takes pictures of at most 8 MB, and other files of at most 25 MB.")
        )
    return {"type": kind, "payload": {"url": file.url}}
