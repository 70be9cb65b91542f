"""Meta's Graph API, played on loopback for WhatsApp, Messenger and Instagram.

    with graph_api() as graph:
        graph.script("messages", refused(429, 130429, "Rate limit hit", retry_after=3))
        driver = WhatsAppDriver(config={"access_token": TOKEN, "api_base_url": graph.url}, ...)

Scripts are by the last part of the path (`messages`, `media`, `subscribed_apps`, ...). Without one
it accepts everything that comes with its token. `accepted` are the messages it took: also one that
was taken and not answered, see `AcceptedThen`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.standins.server import DROP, HANG, Answer, Call, Scripted, StandIn, served

__all__ = [
    "ACCOUNTS", "DROP", "HANG", "TOKEN", "AcceptedThen", "Answer", "GraphStandIn", "graph_api",
    "refused",
]  # fmt: skip

TOKEN = "EAAtestTokenOfAnAppThatIsNotThere0123456789"
ACCOUNTS = {
    "whatsapp": "109000000000001",
    "business": "209000000000001",
    "messenger": "310000000000001",
    "instagram": "17841400000000001",
}
PROFILES: Mapping[str, dict[str, str]] = {
    "6100000000000011": {"first_name": "Bruna", "last_name": "Teixeira"},
    "9200000000000021": {"name": "Bruna Teixeira", "username": "bruna.tx"},
}


@dataclass(frozen=True, slots=True)
class AcceptedThen:
    """The message is taken, and then this happens instead of the answer."""

    then: Any


def refused(
    status: int,
    code: int = 0,
    message: str = "Refused",
    *,
    subcode: int = 0,
    details: str = "",
    retry_after: int | None = None,
) -> Answer:
    """A refusal as Meta words it; without a code an answer that is none of Meta's."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if not code:
        return Answer(b"", status=status, headers=headers)
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
    if subcode:
        error["error_subcode"] = subcode
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return Answer({"error": error}, status=status, headers=headers)


class GraphStandIn(StandIn):
    """See the module. `media` are files by their id, `templates` what is listed."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _respond)
        self.accepted: list[Mapping[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.templates: list[dict[str, Any]] = []
        self.webhook: dict[str, str] = {"application": "https://elsewhere.example/webhook"}
        self.subscribed: list[str] = []

    def script(self, key: str, *answers: Any) -> None:
        """As ever, and `AcceptedThen` beside the other answers."""
        super().script(key, *answers)

    def receive(self, call: Call, key: str) -> Scripted:
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        answer: Any = self.next_answer(key)
        if isinstance(answer, AcceptedThen):
            self.accept(call)
            then: Scripted = answer.then
            return then
        return answer or self._respond(self, call)

    def accept(self, call: Call) -> Answer:
        body = body_of(call)
        self.accepted.append(body)
        number = f"{len(self.accepted):04}"
        if body.get("messaging_product") == "whatsapp":
            to = str(body.get("to") or body.get("recipient"))
            wamid = f"wamid.STANDIN{number}=="
            return Answer(
                {
                    "messaging_product": "whatsapp",
                    "contacts": [{"input": to, "wa_id": to}],
                    "messages": [{"id": wamid}],
                }
            )
        return Answer({"recipient_id": body["recipient"]["id"], "message_id": f"m_STANDIN{number}"})

    def called(self, name: str, verb: str = "POST") -> list[Call]:
        """The calls of an edge or an object, by the last part of their path."""
        return [call for call in list(self.calls) if call.verb == verb and key_of(call) == name]


def key_of(call: Call) -> str:
    return call.path.rpartition("/")[2]


def body_of(call: Call) -> dict[str, Any]:
    """What a call says; the fields of an uploading form are decoded where they are JSON."""
    if not call.form:
        return dict(call.json) if call.body else {}
    return {
        name: json.loads(value) if value[:1] in ("{", "[") else value
        for name, value in call.form.items()
    }


@contextmanager
def graph_api() -> Iterator[GraphStandIn]:
    """A running stand-in."""
    with served(GraphStandIn, key_of) as stand_in:
        yield stand_in


def _respond(stand_in: StandIn, call: Call) -> Answer:
    assert isinstance(stand_in, GraphStandIn)
    if call.headers.get("authorization") != f"Bearer {TOKEN}":
        return refused(401, 190, "Invalid OAuth access token.")
    if call.path.startswith("/files/"):
        content = stand_in.media.get(key_of(call))
        return Answer(b"", status=404) if content is None else Answer(content)
    if not call.path.startswith("/v25.0/"):
        return refused(404, 2500, "Unknown path components")
    name = key_of(call)
    if name == "messages" and call.verb == "POST":
        body = body_of(call)
        if "sender_action" in body or body.get("status") == "read":
            return Answer({"success": True})
        return stand_in.accept(call)
    if name == "media":
        return Answer({"id": f"77000{len(stand_in.called('media'))}"})
    if name == "subscribed_apps":
        return _subscribed(stand_in, call)
    if name == "refresh_access_token":
        return Answer({"access_token": f"{call.query['access_token']}new", "expires_in": 5_184_000})
    if name == "message_templates":
        return Answer({"data": stand_in.templates, "paging": {}})
    if name in stand_in.media:
        return Answer({"url": f"{stand_in.url}/files/{name}", "id": name})
    return _object(stand_in, call, name)


def _subscribed(stand_in: GraphStandIn, call: Call) -> Answer:
    if call.verb == "GET":
        fields = stand_in.subscribed
        return Answer({"data": [{"id": "1", "subscribed_fields": fields}] if fields else []})
    fields = call.query.get("subscribed_fields", "messages").split(",")
    stand_in.subscribed = fields if call.verb == "POST" else []
    return Answer({"success": True})


def _object(stand_in: GraphStandIn, call: Call, name: str) -> Answer:
    if call.verb == "POST":
        override = body_of(call)["webhook_configuration"]["override_callback_uri"]
        if override:
            stand_in.webhook["phone_number"] = override
        else:
            stand_in.webhook.pop("phone_number", None)
        return Answer({"success": True})
    if name in PROFILES:
        return Answer(PROFILES[name] | {"id": name})
    if name == ACCOUNTS["whatsapp"]:
        return Answer(
            {
                "id": name,
                "verified_name": "Corner Shop",
                "display_phone_number": "+55 11 3000-0000",
                "quality_rating": "GREEN",
                "webhook_configuration": stand_in.webhook,
            }
        )
    if name == ACCOUNTS["instagram"]:
        return Answer({"id": name, "username": "corner.shop"})
    if name == "me" and call.query.get("fields") == "user_id,username":
        return Answer({"user_id": ACCOUNTS["instagram"], "username": "corner.shop"})
    if name == "me" and "instagram" in call.query.get("fields", ""):
        account = {"id": ACCOUNTS["instagram"], "username": "corner.shop"}
        return Answer({"instagram_business_account": account, "id": "1"})
    if name == "me":
        return Answer({"id": ACCOUNTS["messenger"], "name": "Corner Shop"})
    return refused(400, 100, "Unsupported get request.", subcode=33)
