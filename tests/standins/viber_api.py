"""Viber's REST Bot API, played on loopback. Scripts are by method name (`send_message`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.standins.server import Answer, Call, StandIn, served

TOKEN = "445da6az1s345z78-dazcczb2542zv51a-e0vc5fva17480im9"
BOT = {"id": "pa:75346594275468546724", "name": "Corner Shop", "subscribers_count": 35}


def status(number: int, words: str = "failure") -> Answer:
    """A refusal: Viber's HTTP status is 200 all the same."""
    return Answer({"status": number, "status_message": words, "chat_hostname": "SN-1"})


class ViberStandIn(StandIn):
    """`accepted` are the messages Viber took; `webhook` what is set."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _respond)
        self.token = TOKEN
        self.accepted: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {"webhook": "", "event_types": []}
        self.last_token = 5_098_034_272_017_990_000

    def called(self, method: str) -> list[dict[str, Any]]:
        """The bodies of each call of a method."""
        return [call.json for call in list(self.calls) if _key(call) == method]


@contextmanager
def viber_api() -> Iterator[ViberStandIn]:
    with served(ViberStandIn, _key) as stand_in:
        yield stand_in


def _key(call: Call) -> str:
    return call.path.rpartition("/")[2]


def _respond(stand_in: StandIn, call: Call) -> Answer:
    assert isinstance(stand_in, ViberStandIn)
    if call.headers.get("x-viber-auth-token") != stand_in.token:
        return status(2, "invalidAuthToken")
    method, body = _key(call), call.json
    ok: dict[str, Any] = {"status": 0, "status_message": "ok"}
    if method == "get_account_info":
        return Answer(ok | BOT | stand_in.webhook)
    if method == "set_webhook":
        stand_in.webhook = {"webhook": body["url"], "event_types": body.get("event_types", [])}
        return Answer(ok | {"event_types": body.get("event_types", [])})
    if method == "send_message":
        stand_in.accepted.append(body)
        stand_in.last_token += 1
        # More than a number of JavaScript holds.
        return Answer(ok | {"message_token": stand_in.last_token, "chat_hostname": "SN-1"})
    return status(3, "unknown method")
