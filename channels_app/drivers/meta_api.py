"""Calling Meta's Graph API: one call, one answer, one kind of error.

The token travels in a header. Meta repeats a malformed one in its error, so its words are looked
through before they are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, ErrorClass, Http
from channels_app.drivers.values import read_name, read_object
from openlines_project.lib.http import HttpAnswer, HttpError, NothingSent, TargetRefused

VERSION = "v25.0"
# For a file on a slow line; a text has the door's own time.
FILE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class GraphError:
    """An error as Meta tells it. `reason` is its sentence, the more exact of its two."""

    code: int = 0
    subcode: int = 0
    reason: str = ""
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What may be done about an error, and our own sentence about it where we have one."""

    error_class: ErrorClass
    sentence: str = ""


# What a platform's codes mean; None where it has no code we know.
Judge = Callable[[GraphError], Judgement | None]


def read_error(value: Any) -> GraphError:
    """Meta's error object, in an answer or in a receipt."""
    error = read_object(value)
    details = read_name(read_object(error.get("error_data")).get("details"), max_length=250)
    told = read_name(error.get("message") or error.get("title"), max_length=250)
    return GraphError(
        code=_number(error.get("code")),
        subcode=_number(error.get("error_subcode")),
        reason=details or told or read_name(error.get("error_user_msg"), max_length=250),
        is_passing=error.get("is_transient") is True,
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class GraphApi:
    """The Graph API with one token. `platform` is what people call the messenger."""

    def __init__(
        self, *, door: Http, base_url: str, token: str, platform: str, judge: Judge
    ) -> None:
        self._door = door
        self._base_url = base_url
        self._token = token
        self._told = {"platform": platform}
        self._judge = judge

    @property
    def authorization(self) -> dict[str, str]:
        """The header for an address of Meta's that wants the token: its files."""
        return {"Authorization": f"Bearer {self._token}"}

    def call(
        self,
        verb: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        sends: bool = False,
    ) -> dict[str, Any]:
        """Call and give the answer's object. `path` is quoted here.

        `sends`: a call whose repeat a person would see, so that a lost answer is `unknown` and not
        `retry`. Raises `DriverError`.
        """
        if not self._token:
            raise DriverError(_("The access token is missing."), error_class="auth")
        body: dict[str, Any] = {"json": json} if json is not None else {}
        if files:
            body = {"data": data or {}, "files": files}
        try:
            answer = self._door.request(
                verb,
                f"{self._base_url}/{VERSION}/{quote(path)}",
                params=params,
                headers=self.authorization,
                timeout=timeout,
                **body,
            )
        except TargetRefused:
            raise DriverError(
                _("The API address is private, and PRIVATE_TARGETS does not name it."),
                error_class="auth",
            ) from None
        except NothingSent:
            raise DriverError(
                _("No connection to %(platform)s could be made.") % self._told, error_class="retry"
            ) from None
        except HttpError:
            raise DriverError(
                _("The answer of %(platform)s did not arrive.") % self._told,
                error_class="unknown" if sends else "retry",
            ) from None
        return self._result(answer, sends=sends)

    def _result(self, answer: HttpAnswer, *, sends: bool) -> dict[str, Any]:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.ok and isinstance(body, dict) and "error" not in body:
            return body
        if answer.ok and not isinstance(body, dict):
            # It may well have been sent, by something that is not the Graph API.
            raise DriverError(
                _("The answer is not one of %(platform)s.") % self._told,
                error_class="unknown" if sends else "retry",
            )
        raise self._refusal(answer, read_error(read_object(body).get("error")))

    def _refusal(self, answer: HttpAnswer, error: GraphError) -> DriverError:
        judgement = self._judged(answer, error)
        reason = error.reason.replace(self._token, "***") or f"HTTP {answer.status}"
        words = f"{error.code} {reason}" if error.code else reason
        return DriverError(
            refusal_text(judgement, words, self._told["platform"]),
            error_class=judgement.error_class,
            retry_after=answer.retry_after if judgement.error_class == "retry" else None,
        )

    def _judged(self, answer: HttpAnswer, error: GraphError) -> Judgement:
        if answer.status == 429:
            return Judgement("retry", _("We are asked to write more slowly."))
        known = self._judge(error)
        if known is not None:
            return known
        if answer.status >= 500 or error.is_passing:
            return Judgement("retry")
        if answer.status in (401, 403) or 200 <= error.code < 300:
            return Judgement("auth")
        return Judgement("content")


def refusal_text(judgement: Judgement, words: str, platform: str) -> str:
    """A sentence for a person, with the platform's own `words` in it or below it.

    Our own sentence stands on a line of its own, so that it is found in the catalogues.
    """
    if judgement.sentence:
        return f"{judgement.sentence}\n{words}"
    told = {"platform": platform, "reason": words}
    if judgement.error_class == "auth":
        return _("Our access data are refused by %(platform)s: %(reason)s") % told
    if judgement.error_class == "contact":
        return _("The customer cannot be reached: %(reason)s") % told
    if judgement.error_class == "window":
        return _("The time to answer is over: %(reason)s") % told
    if judgement.error_class == "retry":
        return _("There is trouble at %(platform)s: %(reason)s") % told
    return _("The message was refused by %(platform)s: %(reason)s") % told
