"""What WhatsApp, Messenger and Instagram share: Meta's signature, handshake and Graph API."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, ClassVar
from urllib.parse import unquote, urlsplit

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.drivers.base import (
    ConfigForm,
    Driver,
    DriverError,
    Http,
    MediaFile,
    Outgoing,
    OutgoingFile,
    SignatureError,
)
from channels_app.drivers.meta_api import FILE_SECONDS, GraphApi, Judge
from channels_app.drivers.values import read_name
from openlines_project.lib.http import AnswerTooLarge, HttpError, TargetRefused

DAY = dt.timedelta(hours=24)
SIGNATURE_HEADER = "x-hub-signature-256"
CHALLENGE_LENGTH = 500
_ID = re.compile(r"[A-Za-z0-9_-]+")


def id_field(label: Any, help_text: Any) -> forms.CharField:
    """A setting that names something at Meta."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=64,
        validators=[_id_check],
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


def _id_check(value: str) -> None:
    if not _ID.fullmatch(value):
        raise forms.ValidationError(_("An id at Meta is a number, without blanks and signs."))


def secret_field(label: Any, help_text: Any, *, max_length: int = 200) -> forms.CharField:
    """A setting that is never shown again."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=max_length,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )


class MetaForm(ConfigForm):
    """The two secrets of an app at Meta."""

    app_secret = secret_field(
        gettext_lazy("App secret"),
        gettext_lazy("In your app at Meta under App settings, Basic. Meta signs with it."),
    )
    verify_token = secret_field(
        gettext_lazy("Verify token"),
        gettext_lazy("Any word of yours; leave it empty and we make one. Meta asks us for it."),
    )


class MetaDriver(Driver):
    """One account of an app at Meta. An app has one address for all its accounts."""

    credential: ClassVar[str] = "access_token"  # the setting with the token
    identity_scope = "account"
    default_api_base_url = "https://graph.facebook.com"

    @classmethod
    def new_secrets(cls) -> dict[str, str]:
        return {"verify_token": secrets.token_urlsafe(24)}

    def graph(self, judge: Judge) -> GraphApi:
        return GraphApi(
            door=self.trusted,
            base_url=self.api_base_url,
            token=str(self.config.get(self.credential) or ""),
            platform=str(self.label),
            judge=judge,
        )

    def verify(self, headers: Mapping[str, str], raw: bytes, *, now: dt.datetime) -> None:  # noqa: ARG002
        # On the raw bytes: Meta escapes as it likes, and parsed and written again they differ.
        given = headers.get(SIGNATURE_HEADER, "").encode("utf-8", "backslashreplace")
        # Instagram has a secret of its own beside the app's: both may be given, with a blank
        # between them.
        known = str(self.config.get("app_secret") or "").split()
        good = [
            b"sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest().encode()
            for secret in known
        ]
        if not any(hmac.compare_digest(given, one) for one in good):
            raise SignatureError

    def challenge(self, query: Mapping[str, str]) -> str | None:
        expected = str(self.config.get("verify_token") or "").encode()
        given = query.get("hub.verify_token", "").encode("utf-8", "backslashreplace")
        answer = query.get("hub.challenge", "")
        if query.get("hub.mode") != "subscribe" or not answer or len(answer) > CHALLENGE_LENGTH:
            return None
        return answer if expected and hmac.compare_digest(given, expected) else None

    @contextmanager
    def stream_media(
        self, door: Http, url: str, *, headers: Mapping[str, str] | None = None, name: str = ""
    ) -> Iterator[MediaFile]:
        """A file by its address. Raises `DriverError`."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise DriverError(_("The file has no address to fetch it from."), error_class="content")
        try:
            with door.stream(
                "GET",
                url,
                headers=headers,
                timeout=FILE_SECONDS,
                max_bytes=settings.MEDIA_MAX_BYTES,
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
                    name=name or read_name(unquote(urlsplit(url).path.rpartition("/")[2])),
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


def content_error(message: str) -> DriverError:
    return DriverError(message, error_class="content")


def is_after_a_day(outgoing: Outgoing, now: dt.datetime) -> bool:
    """Whether the customer wrote more than 24 hours ago."""
    return outgoing.customer_wrote_at is not None and now - outgoing.customer_wrote_at >= DAY


@contextmanager
def opened(file: OutgoingFile) -> Iterator[BinaryIO]:
    """The bytes of a file of ours. Raises `DriverError`."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(file.open())
        except OSError:
            raise DriverError(
                _("The file could not be read from our storage."), error_class="retry"
            ) from None
        yield stream


def form_values(body: Mapping[str, Any]) -> dict[str, str]:
    """A JSON body as the fields of an uploading form."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in body.items()
    }
