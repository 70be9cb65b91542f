"""A small real HTTP server on loopback, which answers as it is told and remembers what it got."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrived. `path` without the query, decoded; header names in lower case.

    `port` is the caller's: the same one for requests over one connection.
    """

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    port: int
    files: Mapping[str, File] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer. `body` bytes, or anything that JSON knows."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class _Silence:
    """Take the request and never answer. `accepts`: act on it before."""

    accepts: bool = False

    def __repr__(self) -> str:
        return "HANG_ACCEPTED" if self.accepts else "HANG"


@dataclass(frozen=True, slots=True)
class _Drop:
    """Take the request and close the connection. `accepts`: act on it before."""

    accepts: bool = False

    def __repr__(self) -> str:
        return "DROP_ACCEPTED" if self.accepts else "DROP"


HANG, HANG_ACCEPTED = _Silence(), _Silence(accepts=True)
DROP, DROP_ACCEPTED = _Drop(), _Drop(accepts=True)
Scripted = Answer | _Silence | _Drop


class StandIn:
    """What tests see of a running server.

    `script(key, ...)` queues answers for a key (see the concrete stand-in); when there are none
    left, the default answers.
    """

    def __init__(self, url: str, respond: Callable[[StandIn, Call], Answer]) -> None:
        self.url = url
        self.calls: list[Call] = []
        self._respond = respond
        self._scripts: dict[str, deque[Scripted]] = defaultdict(deque)
        self._changed = threading.Condition()
        self.closing = threading.Event()

    def script(self, key: str, *answers: Scripted) -> None:
        with self._changed:
            self._scripts[key].extend(answers)

    def next_answer(self, key: str) -> Scripted | None:
        with self._changed:
            return self._scripts[key].popleft() if self._scripts[key] else None

    def receive(self, call: Call, key: str) -> Scripted:
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        scripted = self.next_answer(key)
        if isinstance(scripted, (_Silence, _Drop)) and scripted.accepts:
            self._respond(self, call)
        return scripted or self._respond(self, call)

    def wait_for(self, condition: Callable[[list[Call]], bool], *, timeout: float = 10.0) -> None:
        """Return when the calls so far satisfy the condition; fail after `timeout` seconds."""
        with self._changed:
            met = self._changed.wait_for(lambda: condition(self.calls), timeout)
        assert met, f"not within {timeout} s; calls so far: {[call.path for call in self.calls]}"


@contextmanager
def served(make: Callable[[str], StandIn], key_of: Callable[[Call], str]) -> Iterator[Any]:
    """Run a server around a stand-in while the context is open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def _any(self) -> None:
            call = _read(self)
            answer = stand_in.receive(call, key_of(call))
            if isinstance(answer, _Silence):
                stand_in.closing.wait(60)
            if not isinstance(answer, Answer):
                self.close_connection = True
                return
            content = answer.content()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" in answer.headers:
                self.close_connection = True  # the length may be a lie
            else:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client had enough

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            """Nothing: tests look at `calls`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in = make(f"http://127.0.0.1:{server.server_address[1]}")
    # A short interval: closing waits for one.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _read(handler: BaseHTTPRequestHandler) -> Call:
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    files: dict[str, File] = {}
    form: dict[str, str] = {}
    content_type = headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        head = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
        message = BytesParser(policy=HTTP).parsebytes(head + body)
        for part in message.iter_parts():
            _take(part, files, form)
    elif content_type.startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(body.decode()))
    return Call(
        verb=handler.command,
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query)),
        headers=headers,
        body=body,
        port=handler.client_address[1],
        files=files,
        form=form,
    )


def _take(part: Message, files: dict[str, File], form: dict[str, str]) -> None:
    name = str(part.get_param("name", header="content-disposition"))
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    filename = part.get_filename()
    if filename is None:
        form[name] = content.decode()
    else:
        files[name] = File(filename, part.get_content_type(), content)
