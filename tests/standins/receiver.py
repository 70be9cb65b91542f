"""The other side of a custom channel, played on loopback.

    with receiver() as other_side:
        other_side.script("/", Answer(b"", status=503))
        driver = CustomDriver(config={"outgoing_url": other_side.url + "/", ...}, ...)

Scripts are by path. Without one it answers 200 with a `message_id` of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager

from tests.standins.server import DROP, HANG, Answer, Call, Scripted, StandIn, served

__all__ = ["DROP", "HANG", "Answer", "Scripted", "receiver", "signature_is_good"]


@contextmanager
def receiver() -> Iterator[StandIn]:
    """A running stand-in; `calls` are the deliveries, `call.json` what they say."""
    with served(lambda url: StandIn(url, _respond), lambda call: call.path) as stand_in:
        yield stand_in


def _respond(stand_in: StandIn, _call: Call) -> Answer:
    return Answer({"message_id": f"theirs-{len(stand_in.calls)}"})


def signature_is_good(call: Call, secret: str) -> bool:
    """Does the delivery carry the signature the documentation describes?"""
    parts = dict(
        part.split("=", 1) for part in call.headers.get("x-openlines-signature", "").split(",")
    )
    signed = parts["t"].encode() + b"." + call.body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == parts["v1"]
