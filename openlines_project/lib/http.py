"""The doors to the outside world: every HTTP request of ours goes through one of them.

`trusted_door()` is for addresses an administrator typed, `untrusted_door()` for addresses that
came in messages. Both refuse private addresses, decide on what the name resolves to and connect to
exactly that address, so that a second look-up cannot lead elsewhere. The name stays in the Host
header and in the TLS handshake.

Errors tell whether something may have arrived, because that decides whether a message may be sent
again. No error text holds an address: a bot's token is part of it.
"""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from openlines_project.lib.http_network import NotPublic, PinnedTransport, until
from openlines_project.lib.text import load_json

CONNECT_SECONDS = 5.0
WALL_SECONDS = 20.0
MAX_BYTES = 1024 * 1024
MAX_REDIRECTS = 3
# Where web servers listen; with them no name in a message leads to a mail or a Redis server.
WEB_PORTS = frozenset({80, 88, 443, 8080, 8443})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DEFAULT_HEADERS = {
    "Accept": "*/*",
    # A compressed answer would have to be unpacked before its size is known.
    "Accept-Encoding": "identity",
    "User-Agent": "OpenLines",
}


class HttpError(Exception):
    """A request failed. The text is a sentence without any address in it."""


class NothingSent(HttpError):  # noqa: N818 - the name says what happened
    """The other side got no request: it may be made again."""


class ConnectFailed(NothingSent):
    """No connection: no such name, nobody listens, no answer in time, a wrong certificate."""


class TargetRefused(NothingSent):
    """We do not call this address."""


class AnswerLost(HttpError):  # noqa: N818
    """The request went out, and no whole answer came: it may have had its effect."""


class AnswerTooLarge(AnswerLost):
    """The answer is larger than it may be."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer, read whole. `headers` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError`."""
        return load_json(self.content)

    @property
    def retry_after(self) -> float | None:
        """The seconds asked for by Retry-After, None when there are none."""
        return _retry_after(self.headers)


class StreamAnswer:
    """An answer whose body is still to come."""

    def __init__(self, status: int, headers: Mapping[str, str], chunks: Iterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = chunks

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in pieces. Raises `AnswerLost` and `AnswerTooLarge`."""
        return self._chunks


class HttpDoor:
    """Makes requests to one class of addresses.

    `trusted`: the address was typed by an administrator. `private_targets`: `host:port` or
    `host:*` that a trusted door may reach although they are private; never used by an untrusted
    one. `max_bytes` and `timeout` (seconds, for the whole exchange) are defaults for each request.
    `transport` stands in for the network in tests. Safe to share between threads.
    """

    def __init__(
        self,
        *,
        trusted: bool,
        private_targets: Sequence[str] = (),
        max_bytes: int = MAX_BYTES,
        timeout: float = WALL_SECONDS,
        connect_timeout: float = CONNECT_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.trusted = trusted
        self.max_bytes = max_bytes
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.max_redirects = 0 if trusted else MAX_REDIRECTS
        self._transport = transport or PinnedTransport(
            private_targets=private_targets if trusted else (), keep_alive=trusted
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> HttpAnswer:
        """Make a request and read the whole answer, whatever its status.

        The arguments are those of httpx; `timeout` in seconds for everything together. Raises
        `ConnectFailed`, `TargetRefused` (nothing was sent), `AnswerLost`, `AnswerTooLarge`.
        """
        with self.stream(
            method,
            url,
            params=params,
            json=json,
            data=data,
            files=files,
            content=content,
            headers=headers,
            timeout=timeout,
            max_bytes=max_bytes,
        ) as answer:
            return HttpAnswer(answer.status, answer.headers, b"".join(answer.iter_bytes()))

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Iterator[StreamAnswer]:
        """As `request`, the body in pieces while the context is open."""
        wall = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + wall
        extensions = {
            "timeout": {
                "connect": min(self.connect_timeout, wall),
                "pool": min(self.connect_timeout, wall),
                "read": wall,
                "write": wall,
            }
        }
        try:
            request = httpx2.Request(
                method,
                url,
                params=params,
                json=json,
                data=data,
                files=files,
                content=content,
                headers={**_DEFAULT_HEADERS, **(headers or {})},
                extensions=extensions,
            )
        except (httpx2.InvalidURL, ValueError, TypeError):
            raise TargetRefused("The address is not valid.") from None
        response = self._follow(request, deadline, extensions)
        try:
            limit = self.max_bytes if max_bytes is None else max_bytes
            yield StreamAnswer(
                response.status_code, response.headers, _capped(response, limit, deadline)
            )
        finally:
            with _errors():
                response.close()

    def _follow(
        self, request: httpx2.Request, deadline: float, extensions: Mapping[str, Any]
    ) -> httpx2.Response:
        """Send, and go where the answer points as often as this door allows."""
        for hop in range(self.max_redirects + 1):
            self._check_url(request.url)
            with _errors(), until(deadline):
                response = self._transport.handle_request(request)
            location = response.headers.get("location", "")
            if not (
                self.max_redirects
                and response.status_code in (301, 302, 303, 307, 308)
                and location
                and request.method in ("GET", "HEAD")
            ):
                return response
            with _errors():
                response.close()
            if hop == self.max_redirects:
                break
            try:
                url = request.url.join(location)
            except (httpx2.InvalidURL, ValueError):
                raise TargetRefused("The answer points to an address that is not valid.") from None
            # What a caller put into headers was meant for the first host only.
            request = httpx2.Request(
                request.method, url, headers=_DEFAULT_HEADERS, extensions=dict(extensions)
            )
        raise TargetRefused("The answer points on and on.")

    def _check_url(self, url: httpx2.URL) -> None:
        if url.scheme not in _DEFAULT_PORTS:
            raise TargetRefused("Only http and https addresses are called.")
        if not url.host or not 0 < (url.port or 80) < 65_536:
            raise TargetRefused("The address is not valid.")
        if url.userinfo:
            raise TargetRefused("An address with a user name in it is not called.")
        if not self.trusted and (url.port or _DEFAULT_PORTS[url.scheme]) not in WEB_PORTS:
            raise TargetRefused("This port is not called.")


def trusted_door() -> HttpDoor:
    """The door for addresses an administrator typed; one per process, with kept connections."""
    return _trusted_door(tuple(settings.PRIVATE_TARGETS))


def untrusted_door() -> HttpDoor:
    """The door for addresses that came in messages. It reaches nothing private, ever."""
    return _untrusted_door()


@cache
def _trusted_door(private_targets: tuple[str, ...]) -> HttpDoor:
    return HttpDoor(trusted=True, private_targets=private_targets)


@cache
def _untrusted_door() -> HttpDoor:
    return HttpDoor(trusted=False)


def _forget_doors() -> None:
    _trusted_door.cache_clear()
    _untrusted_door.cache_clear()


# Parent and child would otherwise speak over the same sockets.
os.register_at_fork(after_in_child=_forget_doors)


# --- answers ------------------------------------------------------------------------------

_NOT_SENT = tuple(
    getattr(library, name)
    for library in (httpcore2, httpx2)
    for name in ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
)
_MALFORMED = (httpcore2.LocalProtocolError, httpx2.LocalProtocolError)
_LOST = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpx2.RequestError,
    OSError,
)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn the libraries' errors into ours. Theirs hold the request, and the request a token."""
    try:
        yield
    except NotPublic:
        raise TargetRefused("This address is not on the public internet.") from None
    except _NOT_SENT:
        raise ConnectFailed("No connection could be made.") from None
    except _MALFORMED:
        raise TargetRefused("The request could not be written down.") from None
    except _LOST:
        raise AnswerLost("The connection broke off before the answer was complete.") from None


def _capped(response: httpx2.Response, max_bytes: int, deadline: float) -> Iterator[bytes]:
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise AnswerTooLarge("The answer is too large.")
    assert isinstance(response.stream, httpx2.SyncByteStream)  # noqa: S101 - for the types
    chunks = iter(response.stream)
    seen = 0
    while True:
        with _errors(), until(deadline):
            chunk = next(chunks, None)
        if chunk is None:
            return
        seen += len(chunk)
        if seen > max_bytes:
            raise AnswerTooLarge("The answer is too large.")
        if time.monotonic() > deadline:
            raise AnswerLost("The answer took too long.")
        yield chunk


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text[:9]), 86_400.0)
    try:
        again_at = email.utils.parsedate_to_datetime(text)
        # Counted by the server's own clock, which ours need not agree with.
        asked = email.utils.parsedate_to_datetime(headers.get("date", ""))
        return min(max((again_at - asked).total_seconds(), 0.0), 86_400.0)
    except (ValueError, TypeError):
        return None
