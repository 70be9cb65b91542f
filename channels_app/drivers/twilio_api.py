"""Calling Twilio's API, and the signature of its webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, ErrorClass, Http
from channels_app.drivers.values import read_name
from channels_app.drivers.wire import access_refused, body_of, busy, call, not_the_api
from openlines_project.lib.http import HttpAnswer

PLATFORM: Final = "Twilio"
_PORTS = {"https": 443, "http": 80}
# Twilio's numbers for what went wrong. What is not here is a refusal of the content.
_ERRORS: Final[dict[int, ErrorClass]] = {
    20003: "auth",
    20005: "auth",  # the account is suspended
    20404: "auth",  # no such account
    20429: "retry",
    20500: "retry",
    14107: "retry",
    21211: "contact",
    21214: "contact",
    21217: "contact",
    21603: "auth",  # no number to send from
    21606: "auth",  # not our number
    21608: "contact",  # a trial account, and the number is not verified
    21610: "contact",  # unsubscribed with STOP
    21611: "retry",  # the queue is full
    21614: "contact",
    21659: "auth",
    21660: "auth",
    21703: "auth",
    21704: "auth",
    21705: "auth",
    30001: "retry",
    30002: "auth",
    30003: "contact",
    30004: "contact",
    30005: "contact",
    30006: "contact",
    63003: "contact",
    63007: "auth",
    63015: "contact",
    63016: "window",
    63018: "retry",
    63024: "contact",
}


class TwilioApi:
    """The API for one account. `base_url` is Twilio's or that of a gateway."""

    def __init__(self, *, door: Http, base_url: str, account_sid: str, token: str) -> None:
        self._door = door
        self._base_url = base_url
        self._account_sid = account_sid
        self._token = token

    @property
    def headers(self) -> dict[str, str]:
        """What signs a request in. Raises `DriverError` without access data."""
        if not self._account_sid or not self._token:
            raise DriverError(_("The account SID or its token is missing."), error_class="auth")
        basic = base64.b64encode(f"{self._account_sid}:{self._token}".encode()).decode()
        return {"Authorization": f"Basic {basic}"}

    def of_account(self, path: str) -> str:
        """The address of something of our account."""
        return f"{self._base_url}/2010-04-01/Accounts/{self._account_sid}{path}.json"

    def call(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        lost: str = "retry",
    ) -> dict[str, Any]:
        """Make a request and give its JSON. `lost` is the class of a lost answer. Raises
        `DriverError`."""
        answer = call(
            self._door,
            PLATFORM,
            method,
            url,
            lost=lost,
            data=data,
            params=params,
            headers=self.headers,
        )
        body = body_of(answer)
        if not answer.ok:
            raise self._refusal(answer, body)
        if not body:
            raise not_the_api(PLATFORM, lost=lost)
        return body

    def _refusal(self, answer: HttpAnswer, body: Mapping[str, Any]) -> DriverError:
        later = busy(answer, PLATFORM)
        if later is not None:
            return later
        number = body.get("code")
        code = number if isinstance(number, int) and not isinstance(number, bool) else 0
        if not code and answer.status in (401, 403, 404):
            return access_refused(PLATFORM)
        words = read_name(body.get("message")).replace(self._token, "***")
        told = {"platform": PLATFORM, "reason": f"{words or answer.status} ({code})"}
        error_class = _ERRORS.get(code, "auth" if answer.status == 401 else "content")
        text = {
            "auth": _("The access data were refused by %(platform)s: %(reason)s"),
            "contact": _("The customer cannot be reached: %(reason)s"),
            "window": _("The time to answer is over: %(reason)s"),
            "retry": _("The message is not taken just now by %(platform)s: %(reason)s"),
        }.get(error_class, _("The message was refused by %(platform)s: %(reason)s"))
        return DriverError(text % told, error_class=error_class)


def sign(token: str, url: str, form: list[tuple[str, str]]) -> str:
    """Twilio's signature: HMAC-SHA1 over the address and the sorted fields, in base64."""
    fields: dict[str, set[str]] = {}
    for name, value in form:
        fields.setdefault(name, set()).add(value)
    signed = url + "".join(
        name + value for name in sorted(fields) for value in sorted(fields[name])
    )
    digest = hmac.new(token.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode()


def url_spellings(url: str) -> list[str]:
    """An address without and with its port: Twilio signs the one or the other."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return [url]
    usual = _PORTS.get(parts.scheme)
    if port is None:
        return [url, parts._replace(netloc=f"{host}:{usual}").geturl()] if usual else [url]
    return [url, parts._replace(netloc=host).geturl()]
