"""Sending by Messenger's and Instagram's Send API, and what its errors mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, ErrorClass, Outgoing, SendResult
from channels_app.drivers.meta import MetaDriver, content_error, form_values, is_after_a_day
from channels_app.drivers.meta_api import GraphApi, GraphError, Judgement
from channels_app.drivers.meta_values import read_message_id
from channels_app.drivers.values import read_id, read_list, read_name, read_object

MAX_QUICK_REPLIES = 13
QUICK_REPLY_TITLE = 20
QUICK_REPLY_PAYLOAD = 1000
FILE_BYTES = 25 * 1024 * 1024

# https://developers.facebook.com/docs/messenger-platform/error-codes
_SUBCODES: Mapping[int, ErrorClass] = {
    2018065: "window",
    2018278: "window",
    2534022: "window",  # Instagram
    1545041: "contact",
    2018001: "contact",  # no such person
    2018108: "contact",
    2534014: "contact",  # no such person on Instagram
    2018028: "content",  # an app in development writes to its testers only
    2018109: "content",  # the file is too large
}
_CODES: Mapping[int, ErrorClass] = {
    1: "retry",
    2: "retry",
    4: "retry",
    17: "retry",
    32: "retry",
    341: "retry",
    613: "retry",
    1200: "retry",
    80002: "retry",
    80006: "retry",
    3: "auth",
    10: "auth",
    102: "auth",
    190: "auth",
    368: "auth",  # Meta has blocked the page
    230: "contact",
    551: "contact",
    9010: "contact",
    10903: "contact",
    100: "content",
}


def page_judge(error: GraphError) -> Judgement | None:
    """What a code of the Send API means; the subcode says it more exactly."""
    error_class = _SUBCODES.get(error.subcode)
    if error_class is None and "outside of allowed window" in error.reason.casefold():
        error_class = "window"
    if error_class is None:
        error_class = _CODES.get(error.code)
    if error_class is None:
        return None
    return Judgement(error_class, _sentence(error, error_class))


def tagged_judge(error: GraphError) -> Judgement | None:
    """As `page_judge`, for an answer after the first day.

    Meta allows it to apps it has approved for that; without, not the whole channel is broken.
    """
    if error.code in (3, 10) or 200 <= error.code < 230:
        return page_judge(error) if _SUBCODES.get(error.subcode) else _not_approved()
    return page_judge(error)


def _not_approved() -> Judgement:
    return Judgement(
        "window", _("After 24 hours Meta lets only apps with the Human Agent feature answer.")
    )


def _sentence(error: GraphError, error_class: ErrorClass) -> str:
    if error.code == 190:
        return _("The access token has run out. Make a new one and connect again.")
    if error.subcode == 2018028:
        return _("The app is in development: it may write to its testers only.")
    if error_class == "window":
        return _("The time to answer is over: the customer has not written for too long.")
    return ""


class PageDriver(MetaDriver):
    """What Messenger and Instagram share. `send` takes a text, or one file without a text."""

    @property
    def _api(self) -> GraphApi:
        return self.graph(page_judge)

    def send_body(self, body: Mapping[str, Any], *, outgoing: Outgoing) -> SendResult:
        """Send a message as JSON; once more without its quote when it was refused with it."""
        quote = {"reply_to": {"mid": outgoing.reply_to}} if outgoing.reply_to else {}
        try:
            return self.post({**body, **quote})
        except DriverError as error:
            # Refused, so nothing went out: the customer may have removed what we answer.
            if not quote or error.error_class != "content":
                raise
        return self.post(body)

    def post(self, body: Mapping[str, Any], **upload: Any) -> SendResult:
        """Send a body, with `files` as an uploading form. Raises `DriverError`."""
        api = self.graph(tagged_judge if "tag" in body else page_judge)
        how: dict[str, Any] = {"data": form_values(body), **upload} if upload else {"json": body}
        return _sent(api.call("POST", "me/messages", sends=True, **how))

    def envelope(self, outgoing: Outgoing) -> dict[str, Any]:
        """To whom, and by which right: after a day only a person may still answer."""
        body: dict[str, Any] = {"recipient": {"id": outgoing.chat_id}}
        if not is_after_a_day(outgoing, dt.datetime.now(dt.UTC)):
            return body | {"messaging_type": "RESPONSE"}
        if outgoing.is_automatic:
            raise DriverError(
                _("After 24 hours only a person may answer: no automatic text was sent."),
                error_class="window",
            )
        return body | {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}

    def typing(self, *, chat_id: str, reply_context: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._action(chat_id, "typing_on")

    def seen(self, *, chat_id: str, message_id: str, reply_context: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._action(chat_id, "mark_seen")

    def _action(self, chat_id: str, action: str) -> None:
        body = {"recipient": {"id": chat_id}, "sender_action": action}
        self._api.call("POST", "me/messages", json=body)

    def subscribed_fields(self, path: str) -> set[str] | None:
        """What Meta delivers of this account; None when it does not say."""
        answer = self._api.call("GET", path)
        if "data" not in answer:
            return None
        return {
            field if isinstance(field, str) else read_name(read_object(field).get("name"))
            for app in map(read_object, read_list(answer["data"]))
            for field in read_list(app.get("subscribed_fields"))
        }

    def account_mismatch(self, expected: str, found: str, name: str) -> None:
        """Raise when the token is one of another account than the settings name."""
        if expected and found and expected != found:
            raise DriverError(
                _("The access token belongs to another account: %(name)s")
                % {"name": name or found},
                error_class="auth",
            )


def quick_replies(outgoing: Outgoing) -> list[dict[str, str]]:
    """The buttons of a message as quick replies. Raises `DriverError`."""
    if len(outgoing.buttons) > MAX_QUICK_REPLIES:
        raise content_error(_("There are too many buttons: at most %(limit)s.") % {
            "limit": MAX_QUICK_REPLIES
        })  # fmt: skip
    replies = []
    for button in outgoing.buttons:
        title = button.get("text", "")
        payload = button.get("payload") or title
        if not title or len(payload) > QUICK_REPLY_PAYLOAD:
            raise content_error(_("A button needs a text, and its payload is too long or missing."))
        replies.append(
            {"content_type": "text", "title": title[:QUICK_REPLY_TITLE], "payload": payload}
        )
    return replies


def _sent(answer: Mapping[str, Any]) -> SendResult:
    return SendResult(
        external_id=read_message_id(answer.get("message_id")) or read_id(answer.get("message_id"))
    )
