"""Telegram's Bot API, played on loopback.

    with bot_api() as telegram:
        telegram.script("sendMessage", refused(429, "Too Many Requests", retry_after=3))
        driver = TelegramDriver(config={"token": telegram.token, "api_base_url": telegram.url}, ...)

Without a script it accepts everything: messages get rising ids, `setWebhook` is remembered,
`getUpdates` gives what lies in `updates`, and `files` are served.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.standins.server import DROP, HANG, Answer, Call, File, Scripted, StandIn, served

__all__ = ["DROP", "HANG", "Answer", "BotApiStandIn", "Scripted", "bot_api", "ok", "refused"]

TOKEN = "7000001:test-token-of-a-bot-that-is-not-there"
BOT = {"id": 7000001, "is_bot": True, "first_name": "Support", "username": "support_test_bot"}


def ok(result: Any) -> Answer:
    """A success with this result."""
    return Answer({"ok": True, "result": result})


def refused(code: int, description: str, **parameters: Any) -> Answer:
    """A refusal as Telegram words it; `parameters` such as `retry_after`."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return Answer(body, status=code)


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A call of one method. Values of an uploading form are decoded where they are JSON."""

    method: str
    params: Mapping[str, Any]
    files: Mapping[str, File]


class BotApiStandIn(StandIn):
    """See the module. `methods` are the calls by method; `sent` those that sent a message."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, _respond)
        self.token = token
        self.files: dict[str, bytes] = {}
        self.updates: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {"url": "", "pending_update_count": 0}
        self.last_message_id = 1000

    @property
    def methods(self) -> list[MethodCall]:
        return [
            MethodCall(_method(call), _params(call), call.files)
            for call in list(self.calls)
            if "/file/" not in call.path
        ]

    @property
    def sent(self) -> list[MethodCall]:
        return [
            call
            for call in self.methods
            if call.method.startswith("send") and call.method != "sendChatAction"
        ]

    def called(self, method: str) -> list[Mapping[str, Any]]:
        """The parameters of each call of a method."""
        return [call.params for call in self.methods if call.method == method]

    def wait_for_sent(self, count: int, *, timeout: float = 10.0) -> list[MethodCall]:
        """The messages sent, as soon as there are `count` of them."""
        self.wait_for(lambda _calls: len(self.sent) >= count, timeout=timeout)
        return self.sent


@contextmanager
def bot_api(token: str = TOKEN) -> Iterator[BotApiStandIn]:
    """A running stand-in. Scripts are by method name, those of file downloads by `file`."""
    with served(lambda url: BotApiStandIn(url, token), _key) as stand_in:
        yield stand_in


def _method(call: Call) -> str:
    return call.path.rpartition("/")[2]


def _key(call: Call) -> str:
    return "file" if call.path.startswith("/file/") else _method(call)


def _params(call: Call) -> dict[str, Any]:
    if not call.form:
        return dict(call.json) if call.body else {}
    return {
        name: json.loads(value) if value[:1] in ("{", "[") else value
        for name, value in call.form.items()
    }


def _respond(stand_in: StandIn, call: Call) -> Answer:
    assert isinstance(stand_in, BotApiStandIn)
    prefix = f"bot{stand_in.token}/"
    if call.path.startswith("/file/"):
        content = stand_in.files.get(call.path.removeprefix(f"/file/{prefix}"))
        return Answer(b"", status=404) if content is None else Answer(content)
    if not call.path.startswith(f"/{prefix}"):
        return refused(401, "Unauthorized")
    method, params = _method(call), _params(call)
    if method == "getMe":
        return ok(BOT)
    if method == "getFile":
        return _file(stand_in, str(params.get("file_id")))
    if method == "getUpdates":
        return _updates(stand_in, params)
    if method == "setWebhook":
        stand_in.webhook |= {
            "url": params.get("url", ""),
            "allowed_updates": params.get("allowed_updates", []),
        }
    elif method == "deleteWebhook":
        stand_in.webhook["url"] = ""
    elif method == "getWebhookInfo":
        return ok(stand_in.webhook)
    elif method.startswith("send") and method != "sendChatAction":
        stand_in.last_message_id += 1
        return ok({"message_id": stand_in.last_message_id, "chat": {"id": params.get("chat_id")}})
    return ok(True)


def _file(stand_in: BotApiStandIn, file_id: str) -> Answer:
    """A file's path is its id here, below a folder as on the real thing."""
    path = f"documents/{file_id}"
    if path not in stand_in.files:
        return refused(400, "Bad Request: invalid file_id")
    return ok({"file_id": file_id, "file_path": path, "file_size": len(stand_in.files[path])})


def _updates(stand_in: BotApiStandIn, params: Mapping[str, Any]) -> Answer:
    if stand_in.webhook["url"]:
        return refused(409, "Conflict: can't use getUpdates method while webhook is active")
    offset = int(params.get("offset", 0))
    # As on the real thing, asking from an offset on forgets what lies before it.
    stand_in.updates = [one for one in stand_in.updates if one.get("update_id", offset) >= offset]
    return ok(stand_in.updates[:100])
