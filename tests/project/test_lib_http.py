"""The doors to the outside: what they call, what they refuse, what their errors say."""

from __future__ import annotations

import io
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from openlines_project.lib.http import (
    AnswerLost,
    AnswerTooLarge,
    ConnectFailed,
    HttpDoor,
    HttpError,
    NothingSent,
    TargetRefused,
    trusted_door,
    untrusted_door,
)
from tests.standins.receiver import DROP, HANG, Answer, receiver

PUBLIC = "93.184.216.34"


def local_door(**options: Any) -> HttpDoor:
    return HttpDoor(trusted=True, private_targets=["127.0.0.1:*"], **options)


# --- time and size --------------------------------------------------------------------------


@contextmanager
def dripping(first: bytes, then: bytes) -> Iterator[str]:
    """A server that answers `first` at once, and then `then` again and again, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        try:
            connection.sendall(first)
            while not closing.wait(0.02):
                connection.sendall(then)
        except OSError:
            pass
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        closing.set()
        thread.join(5)
        listener.close()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"."),
    ],
    ids=["headers", "body"],
)
def test_an_answer_that_trickles_ends_with_the_deadline(first: bytes, then: bytes) -> None:
    started = time.monotonic()
    with dripping(first, then) as url, pytest.raises(AnswerLost):
        local_door(timeout=0.4).request("GET", url)
    assert time.monotonic() - started < 3


def test_an_endless_answer_is_cut_at_the_limit() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n"
    with dripping(endless, b"." * 10_000) as url, pytest.raises(AnswerTooLarge):
        local_door(max_bytes=50_000).request("GET", url)


def test_an_answer_that_says_it_is_too_large_is_not_read() -> None:
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"
    with dripping(huge, b"") as url, pytest.raises(AnswerTooLarge):
        local_door().request("GET", url)


def test_an_answer_of_just_the_limit_is_read() -> None:
    with receiver() as other_side:
        other_side.script("/", Answer(b"12345"), Answer(b"123456"))
        door = local_door(max_bytes=5)
        assert door.request("GET", other_side.url).content == b"12345"
        with pytest.raises(AnswerTooLarge):
            door.request("GET", other_side.url)


def test_a_body_is_handed_over_in_pieces() -> None:
    with receiver() as other_side:
        other_side.script("/", Answer(b"a" * 300_000, headers={"X-Kind": "test"}))
        with local_door().stream("GET", other_side.url) as answer:
            assert (answer.status, answer.ok) == (200, True)
            assert answer.headers["x-kind"] == "test"
            pieces = list(answer.iter_bytes())
    assert len(pieces) > 1
    assert b"".join(pieces) == b"a" * 300_000


# --- errors ---------------------------------------------------------------------------------


def caught(action: Callable[[], object]) -> HttpError:
    with pytest.raises(HttpError) as info:
        action()
    told = "".join(traceback.TracebackException.from_exception(info.value).format_exception_only())
    assert "token" not in told
    assert "127.0.0.1" not in told
    # The library's own error, which holds the request, is not shown beside ours.
    assert info.value.__cause__ is None
    assert info.value.__suppress_context__
    return info.value


@pytest.mark.parametrize("silence", [HANG, DROP], ids=["hangs", "closes"])
def test_a_request_without_an_answer_may_have_arrived(silence: Any) -> None:
    with receiver() as other_side:
        other_side.script("/bot1234:token/x", silence)
        door = local_door(timeout=0.4)
        error = caught(lambda: door.request("POST", f"{other_side.url}/bot1234:token/x"))
        assert isinstance(error, AnswerLost)
        assert not isinstance(error, NothingSent)
        assert len(other_side.calls) == 1


def test_without_a_connection_nothing_was_sent() -> None:
    with receiver() as other_side:
        url = other_side.url
    error = caught(lambda: local_door().request("POST", f"{url}/bot1234:token/x"))
    assert isinstance(error, ConnectFailed)
    assert isinstance(error, NothingSent)


def test_a_wrong_certificate_means_that_nothing_was_sent() -> None:
    with receiver() as other_side:
        url = other_side.url.replace("http:", "https:")
        error = caught(lambda: local_door().request("POST", f"{url}/bot1234:token/x"))
        assert isinstance(error, ConnectFailed)
        assert other_side.calls == []


def test_a_header_with_a_line_break_is_not_sent() -> None:
    with receiver() as other_side:
        headers = {"X-Name": "a\r\nX-Evil: b"}
        error = caught(lambda: local_door().request("POST", other_side.url, headers=headers))
        assert isinstance(error, NothingSent)
        assert other_side.calls == []


@pytest.mark.parametrize(
    ("raised", "error_class"),
    [
        (httpx2.ConnectError("bot1234:token"), ConnectFailed),
        (httpx2.ConnectTimeout("bot1234:token"), ConnectFailed),
        (httpx2.PoolTimeout("bot1234:token"), ConnectFailed),
        (httpx2.ReadTimeout("bot1234:token"), AnswerLost),
        (httpx2.WriteError("bot1234:token"), AnswerLost),
        (httpx2.RemoteProtocolError("bot1234:token"), AnswerLost),
    ],
)
def test_each_failure_of_a_transport_has_its_meaning(
    raised: Exception, error_class: type[HttpError]
) -> None:
    def fail(_request: httpx2.Request) -> httpx2.Response:
        raise raised

    door = HttpDoor(trusted=True, transport=httpx2.MockTransport(fail))
    assert type(caught(lambda: door.request("GET", "http://shop.example/"))) is error_class


# --- the rest -------------------------------------------------------------------------------


def test_what_is_sent_arrives_as_it_should() -> None:
    with receiver() as other_side:
        door = local_door()
        door.request("POST", other_side.url, json={"a": "é"}, params={"q": "x y"})
        door.request(
            "POST",
            other_side.url,
            data={"caption": "hi"},
            files={"doc": ("a.txt", io.BytesIO(b"bytes"), "text/plain")},
        )
        door.request("PUT", other_side.url, content=b"raw", headers={"Content-Type": "x/y"})
        first, second, third = other_side.calls
    assert (first.json, first.query) == ({"a": "é"}, {"q": "x y"})
    assert first.headers["accept-encoding"] == "identity"
    assert first.headers["user-agent"] == "OpenLines"
    assert (second.form, second.files["doc"].content) == ({"caption": "hi"}, b"bytes")
    assert (third.verb, third.body, third.headers["content-type"]) == ("PUT", b"raw", "x/y")


def test_a_trusted_door_keeps_its_connections_and_no_cookies() -> None:
    with receiver() as other_side:
        other_side.script("/", Answer(b"", headers={"Set-Cookie": "who=me", "X": "y"}))
        door = local_door()
        door.request("GET", other_side.url)
        door.request("GET", other_side.url)
        first, second = other_side.calls
    assert first.port == second.port
    assert "cookie" not in second.headers


def test_a_door_is_shared_by_threads() -> None:
    with receiver() as other_side, ThreadPoolExecutor(8) as pool:
        door = local_door()
        answers = pool.map(
            lambda number: door.request("POST", other_side.url, json=number).status, range(80)
        )
        assert list(answers) == [200] * 80
        assert sorted(call.json for call in other_side.calls) == list(range(80))


def test_two_exchanges_of_one_thread_keep_their_own_time() -> None:
    with receiver() as other_side:
        other_side.script("/long", Answer(b"a" * 200_000))
        door = local_door()
        with door.stream("GET", f"{other_side.url}/long") as long:
            chunks = long.iter_bytes()
            next(chunks)
            assert door.request("POST", other_side.url, timeout=2.0).ok
            time.sleep(0.01)
            assert sum(map(len, chunks)) > 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "99999999999999999999"}, 86_400.0),
        (
            {
                "Date": "Sat, 01 Jun 2024 12:00:00 GMT",
                "Retry-After": "Sat, 01 Jun 2024 12:01:30 GMT",
            },
            90.0,
        ),
        (
            {
                "Date": "Sat, 01 Jun 2024 12:00:00 GMT",
                "Retry-After": "Sat, 01 Jun 2024 11:00:00 GMT",
            },
            0.0,
        ),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "\u0662"}, None),
        ({}, None),
    ],
)
def test_a_time_to_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    response = httpx2.Response(429, headers=httpx2.Headers(headers, encoding="utf-8"))
    transport = httpx2.MockTransport(lambda _request: response)
    door = HttpDoor(trusted=True, transport=transport)
    assert door.request("GET", "http://shop.example/").retry_after == seconds


def test_an_answer_that_is_no_json_is_a_value_error() -> None:
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=b"[" * 9999))
    answer = HttpDoor(trusted=True, transport=transport).request("GET", "http://shop.example/")
    with pytest.raises(ValueError, match="nested"):
        answer.json()


def test_the_doors_of_the_process_read_the_settings(settings: Any) -> None:
    with receiver() as other_side:
        settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
        assert trusted_door().request("POST", other_side.url).ok
        assert trusted_door() is trusted_door()
        with pytest.raises(TargetRefused):
            untrusted_door().request("GET", other_side.url)
        settings.PRIVATE_TARGETS = []
        with pytest.raises(TargetRefused):
            trusted_door().request("POST", other_side.url)
        assert len(other_side.calls) == 1
