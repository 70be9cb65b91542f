"""Calling Telegram's Bot API: one call, one answer, one kind of error.

The token is part of every address, so it must not get into an error or a log: the door's errors
name no address, and Telegram's own words are looked through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, ErrorClass, Http
from channels_app.drivers.values import read_name, read_number, read_object
from openlines_project.lib.http import HttpAnswer, HttpError, NothingSent, TargetRefused

# Telegram gives reasons as English text only. Parts of it, by what may be done.
_REASONS: Final[tuple[tuple[str, ErrorClass], ...]] = (
    ("chat not found", "contact"),
    ("user not found", "contact"),
    ("peer_id_invalid", "contact"),
    ("user is deactivated", "contact"),
    ("input_user_deactivated", "contact"),
    ("user_is_blocked", "contact"),
    ("have no rights to send", "contact"),
    ("business connection", "contact"),
    ("business_connection_invalid", "contact"),
    ("business_peer_usage_missing", "window"),
)


class BotApi:
    """The Bot API for one token. `base_url` is Telegram's or that of a server of our own."""

    def __init__(self, *, door: Http, base_url: str, token: str) -> None:
        self._door = door
        self._base_url = base_url
        self._token = token

    def file_url(self, file_path: str) -> str:
        """Where a file lies. It holds the token: for our own request only."""
        return f"{self._base_url}/file/bot{quote(self._token, safe=':')}/{quote(file_path)}"

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        files: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
        sends: bool = False,
    ) -> Any:
        """Call a method and give its `result`.

        `params` travel as JSON, or as a form when `files` come with them. `sends`: a call whose
        repeat a person would see, so that a lost answer is `unknown` and not `retry`. Raises
        `DriverError`.
        """
        if not self._token:
            raise DriverError(_("The bot's token is missing."), error_class="auth")
        body: dict[str, Any] = {"data": params, "files": files} if files else {"json": params or {}}
        try:
            answer = self._door.request(
                "POST",
                f"{self._base_url}/bot{quote(self._token, safe=':')}/{method}",
                timeout=timeout,
                max_bytes=max_bytes,
                **body,
            )
        except TargetRefused:
            raise DriverError(
                _("The API address is private, and PRIVATE_TARGETS does not name it."),
                error_class="auth",
            ) from None
        except NothingSent:
            raise DriverError(_("Telegram could not be reached."), error_class="retry") from None
        except HttpError:
            raise DriverError(
                _("Telegram's answer did not arrive."), error_class="unknown" if sends else "retry"
            ) from None
        return self._result(answer, sends=sends)

    def _result(self, answer: HttpAnswer, *, sends: bool) -> Any:
        try:
            body = read_object(answer.json())
        except ValueError:
            body = {}
        if answer.ok and body.get("ok") is True:
            return body.get("result")
        code = body.get("error_code")
        status = code if isinstance(code, int) and not isinstance(code, bool) else answer.status
        reason = read_name(body.get("description")).replace(self._token, "***")
        if answer.ok and not body:
            # It may well have been sent, by something that is not the Bot API.
            raise DriverError(
                _("The answer is not that of Telegram's Bot API."),
                error_class="unknown" if sends else "retry",
            )
        parameters = read_object(body.get("parameters"))
        raise _refusal(status, reason, read_number(parameters.get("retry_after")), answer)


def _refusal(
    status: int, reason: str, retry_after: float | None, answer: HttpAnswer
) -> DriverError:
    told = {"reason": reason or f"HTTP {status}"}
    if status == 429:
        seconds = retry_after if retry_after is not None else answer.retry_after
        return DriverError(_("Telegram asks us to wait."), error_class="retry", retry_after=seconds)
    if status >= 500:
        return DriverError(
            _("Telegram has trouble: %(reason)s") % told,
            error_class="retry",
            retry_after=answer.retry_after,
        )
    if status in (401, 404):
        return DriverError(_("Telegram does not know this token."), error_class="auth")
    if status == 403:
        return DriverError(
            _("The customer cannot be reached: %(reason)s") % told, error_class="contact"
        )
    if status == 409:
        # Two programs ask for the same bot's updates, or a webhook is set.
        return DriverError(
            _("Another program receives this bot's messages: %(reason)s") % told,
            error_class="retry",
        )
    lowered = reason.casefold()
    error_class: ErrorClass = next(
        (found for part, found in _REASONS if part in lowered), "content"
    )
    text = {
        "contact": _("The customer cannot be reached: %(reason)s"),
        "window": _("The time to answer is over: %(reason)s"),
    }.get(error_class, _("Telegram refused: %(reason)s"))
    return DriverError(text % told, error_class=error_class)
