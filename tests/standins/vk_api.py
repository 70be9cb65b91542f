"""VK's API, played on loopback. Scripts are by method name (`messages.send`, `upload`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.standins.server import Answer, Call, File, StandIn, served

TOKEN = "vk1.a.test-key-of-a-community-that-is-not-there"
GROUP = 123456
CODE = "5a1c9f2e"


def error(code: int, words: str = "failure") -> Answer:
    """A refusal: VK's HTTP status is 200 all the same."""
    return Answer({"error": {"error_code": code, "error_msg": words, "request_params": []}})


def ok(response: Any) -> Answer:
    return Answer({"response": response})


class VkStandIn(StandIn):
    """`accepted` are the messages VK took, each `random_id` once; `servers` the addresses set."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _respond)
        self.token = TOKEN
        self.accepted: list[Mapping[str, str]] = []
        self.servers: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {}
        self.uploads: list[File] = []
        self._known: dict[str, int] = {}

    def called(self, method: str) -> list[Mapping[str, str]]:
        """The parameters of each call of a method, without the key."""
        return [
            {name: value for name, value in call.form.items() if name not in ("access_token", "v")}
            for call in list(self.calls)
            if _key(call) == method
        ]

    def send(self, form: Mapping[str, str]) -> Answer:
        if form["random_id"] not in self._known:
            self._known[form["random_id"]] = 1301 + len(self._known)
            self.accepted.append(form)
        number = self._known[form["random_id"]]
        peer = int(form["peer_ids"])
        row = {"peer_id": peer, "message_id": number + 7000, "conversation_message_id": number}
        return ok([row])


@contextmanager
def vk_api() -> Iterator[VkStandIn]:
    with served(VkStandIn, _key) as stand_in:
        yield stand_in


def _key(call: Call) -> str:
    return call.path.rpartition("/")[2]


def _respond(stand_in: StandIn, call: Call) -> Answer:
    assert isinstance(stand_in, VkStandIn)
    method, form = _key(call), call.form
    if method == "upload":
        return _uploaded(stand_in, call)
    if form.get("access_token") != stand_in.token or form.get("v") != "5.199":
        return error(5, "User authorization failed: invalid access_token (4).")
    if method == "messages.send":
        return stand_in.send(form)
    if method.startswith("groups."):
        return _group(stand_in, method, form)
    if method == "users.get":
        person = {"id": int(form["user_ids"]), "first_name": "Vera", "last_name": "Petrova"}
        return ok([person | {"screen_name": "vera_p", "photo_200": "https://vk.example/v.jpg"}])
    if method.endswith("getMessagesUploadServer"):
        return ok({"upload_url": f"{stand_in.url}/upload"})
    if method == "photos.saveMessagesPhoto":
        return ok([{"id": 901, "owner_id": -GROUP, "access_key": "k1"}])
    if method == "docs.save":
        kind = "audio_message" if form["file"] == "stored-audio" else "doc"
        return ok({"type": kind, kind: {"id": 902, "owner_id": -GROUP}})
    return ok(1)


def _uploaded(stand_in: VkStandIn, call: Call) -> Answer:
    ((field, file),) = call.files.items()
    stand_in.uploads.append(file)
    if field == "photo":
        return Answer({"server": 7, "photo": json.dumps([{"photo": "x"}]), "hash": "h"})
    return Answer({"file": "stored-audio" if file.content_type == "audio/ogg" else "stored"})


def _group(stand_in: VkStandIn, method: str, form: Mapping[str, str]) -> Answer:
    if form.get("group_id") != str(GROUP):
        return error(100, "One of the parameters specified was missing or invalid")
    if method == "groups.getById":
        return ok({"groups": [{"id": GROUP, "name": "Corner Shop"}], "profiles": []})
    if method == "groups.getCallbackConfirmationCode":
        return ok({"code": CODE})
    if method == "groups.getCallbackServers":
        return ok({"count": len(stand_in.servers), "items": stand_in.servers})
    if method == "groups.addCallbackServer":
        server = {"id": 4, "url": form["url"], "secret_key": form["secret_key"], "status": "ok"}
        stand_in.servers.append(server | {"title": form["title"]})
        return ok({"server_id": 4})
    if method == "groups.editCallbackServer":
        stand_in.servers[0] |= {"secret_key": form["secret_key"]}
    if method == "groups.deleteCallbackServer":
        stand_in.servers.clear()
    if method == "groups.setCallbackSettings":
        stand_in.settings = {name: int(value) for name, value in form.items() if value == "1"}
    if method == "groups.getCallbackSettings":
        events = {"message_new": 0, "message_event": 0} | stand_in.settings
        return ok({"api_version": "5.199", "events": events})
    return ok(1)
