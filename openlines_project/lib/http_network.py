"""The network under the doors: names are resolved and checked here, and clocks run.

Only `openlines_project.lib.http` uses this module.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2

from openlines_project.lib.addresses import ResolveError, address_is_public, addresses_resolve

WRITE_BYTES = 64 * 1024


class NotPublic(Exception):  # noqa: N818 - the name says what happened
    """The name leads to an address that this door does not call."""


def _target(text: str) -> tuple[str, int | None]:
    """`host:port` or `host:*` as (host, port); IPv6 addresses stand in brackets."""
    host, _, port = text.strip().rpartition(":")
    if not host or not (port == "*" or port.isdecimal()):
        raise ValueError(f"PRIVATE_TARGETS: {text!r} is not host:port.")
    return _plain_host(host), None if port == "*" else int(port)


def _plain_host(host: str) -> str:
    return host.strip("[]").rstrip(".").casefold()


class GuardedNetwork(httpcore2.NetworkBackend):
    """Resolves, checks, and connects to what it has checked."""

    def __init__(self, private_targets: Sequence[str]) -> None:
        self._private_targets = frozenset(map(_target, private_targets))
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        started = time.monotonic()
        allowed = 5.0 if timeout is None else timeout
        try:
            addresses = addresses_resolve(host, port, timeout=_within(allowed))
        except ResolveError as error:
            raise httpcore2.ConnectError(str(error)) from None
        if not self._listed(host, port):
            for address in addresses:
                # One bad address spoils the name: which one is connected to is chance.
                if not address_is_public(address) and not self._listed(str(address), port):
                    raise NotPublic
        failure: Exception = httpcore2.ConnectTimeout()
        for address in addresses:
            left = allowed - (time.monotonic() - started)
            if left <= 0:
                break
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, _within(left), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream)
        raise failure

    def _listed(self, host: str, port: int) -> bool:
        plain = _plain_host(host)
        return not self._private_targets.isdisjoint({(plain, port), (plain, None)})


# The deadline of the exchange this thread is busy with: the pool passes a time-out for each read,
# so a server that sends a byte now and then would keep us for ever.
_exchange = threading.local()


@contextmanager
def until(deadline: float) -> Iterator[None]:
    before = getattr(_exchange, "deadline", None)
    _exchange.deadline = deadline
    try:
        yield
    finally:
        _exchange.deadline = before


def _within(timeout: float | None) -> float:
    """At most what is left until the deadline, in seconds."""
    allowed = 20.0 if timeout is None else timeout
    deadline: float | None = getattr(_exchange, "deadline", None)
    return allowed if deadline is None else max(min(allowed, deadline - time.monotonic()), 0.0)


class _TimedStream(httpcore2.NetworkStream):
    """A connection that ends with the deadline, however much still trickles in."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _within(timeout)
        if left <= 0:
            raise httpcore2.ReadTimeout
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITE_BYTES):
            left = _within(timeout)
            if left <= 0:
                raise httpcore2.WriteTimeout
            self._stream.write(buffer[start : start + WRITE_BYTES], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _within(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class PinnedTransport(httpx2.BaseTransport):
    """httpx's own transport takes no network of ours, and the environment's proxies besides."""

    def __init__(self, *, private_targets: Sequence[str], keep_alive: bool) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=20,
            max_keepalive_connections=10 if keep_alive else 0,
            # Shorter than servers keep theirs: a request on a connection that was just closed
            # could not be told from one that arrived.
            keepalive_expiry=4.0,
            network_backend=GuardedNetwork(private_targets),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer)
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
