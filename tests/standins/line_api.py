"""LINE's Messaging API, played on loopback.

Scripts are by the end of the path (`push`, `reply`, `info`, `endpoint`, `test`, `content`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.standins.server import Answer, Call, StandIn, served

TOKEN = "line-test-token-of-an-account-that-is-not-there="
BOT = {"userId": "U9a4f9f8c1e5d3b7a6c2e0f1d2b3c4d5e", "displayName": "Corner Shop"}


def refused(code: int, words: str, *details: str, **headers: str) -> Answer:
    body: dict[str, Any] = {"message": words}
    if details:
        body["details"] = [{"message": detail, "property": "messages"} for detail in details]
    return Answer(body, status=code, headers=headers)


class LineStandIn(StandIn):
    """`accepted` are the messages LINE took: a reply token works once, a retry key counts once."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _respond)
        self.token = TOKEN
        self.accepted: list[dict[str, Any]] = []
        self.used_tokens: set[str] = set()
        self.keys: dict[str, str] = {}
        self.endpoint: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.last_id = 461_230_966_842_064_896

    def called(self, key: str) -> list[Any]:
        """The bodies of each call."""
        return [call.json for call in list(self.calls) if _key(call) == key]

    def take(self, message: dict[str, Any]) -> str:
        self.accepted.append(message)
        self.last_id += 1
        return str(self.last_id)


@contextmanager
def line_api() -> Iterator[LineStandIn]:
    with served(LineStandIn, _key) as stand_in:
        yield stand_in


def _key(call: Call) -> str:
    return "profile" if "/profile/" in call.path else call.path.rpartition("/")[2]


def _respond(stand_in: StandIn, call: Call) -> Answer:
    assert isinstance(stand_in, LineStandIn)
    if call.headers.get("authorization") != f"Bearer {stand_in.token}":
        return refused(401, "Authentication failed due to an invalid token")
    key = _key(call)
    if key == "reply":
        return _reply(stand_in, call.json)
    if key == "push":
        return _push(stand_in, call)
    if key == "info":
        return Answer(BOT)
    if key == "endpoint":
        if call.verb == "PUT":
            stand_in.endpoint = {"endpoint": call.json["endpoint"], "active": True}
            return Answer({})
        return Answer(stand_in.endpoint, status=200 if stand_in.endpoint else 404)
    if key == "test":
        return Answer({"success": True, "statusCode": 200, "reason": "OK", "detail": "200"})
    if key == "profile":
        return Answer(
            {"displayName": "Hana", "language": "ja", "pictureUrl": "https://p.example/h"}
        )
    if key == "content":
        content = stand_in.files.get(call.path.split("/")[-2])
        return Answer(b"", status=404) if content is None else Answer(content)
    return Answer({})


def _sent(number: str) -> dict[str, Any]:
    return {"sentMessages": [{"id": number, "quoteToken": "q"}]}


def _reply(stand_in: LineStandIn, body: dict[str, Any]) -> Answer:
    if body["replyToken"] in stand_in.used_tokens:
        return refused(400, "Invalid reply token")
    stand_in.used_tokens.add(body["replyToken"])
    return Answer(_sent(stand_in.take(body["messages"][0])))


def _push(stand_in: LineStandIn, call: Call) -> Answer:
    key = call.headers["x-line-retry-key"]
    if key in stand_in.keys:
        body = {"message": "The retry key is already accepted"} | _sent(stand_in.keys[key])
        return Answer(body, status=409, headers={"x-line-accepted-request-id": "r1"})
    stand_in.keys[key] = stand_in.take(call.json["messages"][0])
    return Answer(_sent(stand_in.keys[key]))
