"""Twilio's API, played on loopback.

Scripts are by the end of the path (`Messages.json`, `IncomingPhoneNumbers.json`), those of media by
`media`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.standins.server import Answer, Call, StandIn, served

ACCOUNT = "AC" + "0" * 32
TOKEN = "twilio-test-token-0123456789abcd"
NUMBER = "+15005550006"
SERVICE = "MG" + "1" * 32


def refused(status: int, code: int, words: str = "failure", **headers: str) -> Answer:
    body = {"code": code, "message": words, "status": status}
    return Answer(body, status=status, headers=headers)


class TwilioStandIn(StandIn):
    """`accepted` are the messages Twilio took; `number` and `service` what is set up there."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _respond)
        self.token = TOKEN
        self.accepted: list[Mapping[str, str]] = []
        self.number: dict[str, Any] = {
            "sid": "PN" + "2" * 32, "phone_number": NUMBER, "sms_url": "",
        }  # fmt: skip
        self.service: dict[str, Any] = {"sid": SERVICE, "friendly_name": "Shop texts"}
        self.files: dict[str, bytes] = {}

    def called(self, key: str) -> list[Call]:
        return [call for call in list(self.calls) if _key(call) == key]


@contextmanager
def twilio_api() -> Iterator[TwilioStandIn]:
    with served(TwilioStandIn, _key) as stand_in:
        yield stand_in


def _key(call: Call) -> str:
    return "media" if "/Media/" in call.path else call.path.rpartition("/")[2]


def _respond(stand_in: StandIn, call: Call) -> Answer:
    assert isinstance(stand_in, TwilioStandIn)
    basic = base64.b64encode(f"{ACCOUNT}:{stand_in.token}".encode()).decode()
    if call.headers.get("authorization") != f"Basic {basic}":
        return refused(401, 20003, "Authenticate")
    key = _key(call)
    if key == "media":
        content = stand_in.files.get(call.path.rpartition("/")[2])
        return Answer(b"", status=404) if content is None else Answer(content)
    if key == "Messages.json":
        stand_in.accepted.append(call.form)
        return Answer({"sid": f"SM{len(stand_in.accepted):032}", "status": "queued"}, status=201)
    if key == "IncomingPhoneNumbers.json":
        found = [stand_in.number] if call.query.get("PhoneNumber") == NUMBER else []
        return Answer({"incoming_phone_numbers": found})
    if key == f"{stand_in.number['sid']}.json":
        stand_in.number["sms_url"] = call.form.get("SmsUrl", "")
        return Answer(stand_in.number)
    if key == SERVICE:
        if call.verb == "POST":
            stand_in.service |= {
                "inbound_request_url": call.form["InboundRequestUrl"],
                "status_callback": call.form["StatusCallback"],
                "use_inbound_webhook_on_number": False,
            }
        return Answer(stand_in.service)
    if key == f"{ACCOUNT}.json":
        return Answer({"sid": ACCOUNT, "friendly_name": "Shop", "status": "active"})
    return refused(404, 20404, "The requested resource was not found")
