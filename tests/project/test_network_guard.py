"""The test run itself: nothing in it reaches another machine."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request

import pytest

from tests.conftest import OutsideNetworkError, is_inside

# An address for documentation: nobody has it.
OUTSIDE = "192.0.2.1"


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_connection_to_another_machine_is_refused(method: str) -> None:
    with socket.socket() as client, pytest.raises(OutsideNetworkError, match=OUTSIDE):
        getattr(client, method)((OUTSIDE, 80))


def test_a_datagram_to_another_machine_is_refused() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        pytest.raises(OutsideNetworkError),
    ):
        client.sendto(b"x", (OUTSIDE, 53))


def test_asynchronous_connections_are_refused_too() -> None:
    with pytest.raises(OutsideNetworkError):
        asyncio.run(asyncio.open_connection(OUTSIDE, 80))


def test_names_are_not_looked_up() -> None:
    with pytest.raises(urllib.error.URLError, match="no look-ups in tests"):
        urllib.request.urlopen("http://example.com/", timeout=1)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("", True),
     (OUTSIDE, False), ("10.0.0.1", False), ("example.com", False), ("::ffff:192.0.2.1", False)],
)  # fmt: skip
def test_what_counts_as_this_machine(host: str, inside: bool) -> None:
    assert is_inside(host) is inside
