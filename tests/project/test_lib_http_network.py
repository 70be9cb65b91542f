"""What the doors call and what they refuse: names, addresses, ports, and where answers point."""

from __future__ import annotations

import ipaddress
from typing import Any

import httpcore2
import pytest

from openlines_project.lib import http_network
from openlines_project.lib.http import HttpDoor, TargetRefused

PUBLIC = "93.184.216.34"

# --- the network, played --------------------------------------------------------------------


class Network:
    """Names resolve as told, and connections answer as told; both are written down."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.answers: dict[str, bytes] = {}
        self.connected: list[tuple[str, int]] = []
        self.server_names: list[str | None] = []
        self.written = b""

    def resolve(self, host: str, port: int, *, timeout: float) -> list[Any]:
        addresses = self.names.get(host, [host.strip("[]")])
        return [ipaddress.ip_address(address) for address in addresses]

    def connect(self, _backend: Any, host: str, port: int, *_rest: Any) -> httpcore2.NetworkStream:
        self.connected.append((host, port))
        return Connection(self, host)


class Connection(httpcore2.NetworkStream):
    def __init__(self, network: Network, host: str) -> None:
        self.network = network
        self.unread = network.answers.get(host, b"HTTP/1.1 204 No Content\r\n\r\n")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        piece, self.unread = self.unread[:max_bytes], self.unread[max_bytes:]
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.network.written += buffer

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        self.network.server_names.append(server_hostname)
        return self

    def close(self) -> None:
        pass


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    played = Network()
    monkeypatch.setattr(http_network, "addresses_resolve", played.resolve)
    monkeypatch.setattr(
        httpcore2.SyncBackend,
        "connect_tcp",
        lambda *arguments: played.connect(*arguments),  # noqa: PLW0108 - a test may exchange it
    )
    return played


def redirect(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


# --- what is refused ------------------------------------------------------------------------

PRIVATE = [
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://10.0.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fc00::1]/",
    "http://[fe80::1]/",
    "http://224.0.0.1/",
    "http://0.0.0.0/",
]


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_not_called(network: Network, url: str, trusted: bool) -> None:
    with pytest.raises(TargetRefused):
        HttpDoor(trusted=trusted).request("GET", url)
    assert network.connected == []


@pytest.mark.parametrize("trusted", [True, False])
def test_a_name_is_judged_by_all_its_addresses(network: Network, trusted: bool) -> None:
    network.names["two.example"] = [PUBLIC, "10.0.0.1"]
    with pytest.raises(TargetRefused):
        HttpDoor(trusted=trusted).request("GET", "http://two.example/")
    assert network.connected == []


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://shop.example/",
        "ftp://shop.example/",
        "http://user:pw@shop.example/",
        "http://user@shop.example/",
        "//shop.example/",
        "shop.example",
        "",
        "http://",
        "http://shop.example:99999/",
        "http://shop.example:x/",
        "http://sh\x00op.example/",
        "http://[::1/",
    ],
)
def test_other_kinds_of_addresses_are_not_called(network: Network, url: str, trusted: bool) -> None:
    network.names["shop.example"] = [PUBLIC]
    with pytest.raises(TargetRefused):
        HttpDoor(trusted=trusted).request("GET", url)
    assert network.connected == []


@pytest.mark.parametrize("port", [22, 25, 6379, 5432, 81])
def test_a_message_does_not_choose_the_port(network: Network, port: int) -> None:
    network.names["shop.example"] = [PUBLIC]
    with pytest.raises(TargetRefused):
        HttpDoor(trusted=False).request("GET", f"http://shop.example:{port}/")
    assert network.connected == []


@pytest.mark.parametrize("port", [80, 443, 8080, 8443, 88])
def test_the_ports_of_web_servers_are_called(network: Network, port: int) -> None:
    network.names["shop.example"] = [PUBLIC]
    HttpDoor(trusted=False).request("GET", f"http://shop.example:{port}/")
    assert network.connected == [(PUBLIC, port)]


def test_an_administrator_may_choose_the_port(network: Network) -> None:
    network.names["shop.example"] = [PUBLIC]
    HttpDoor(trusted=True).request("GET", "http://shop.example:9000/")
    assert network.connected == [(PUBLIC, 9000)]


# --- the checked address is the one called --------------------------------------------------


def test_the_connection_goes_to_the_checked_address_under_the_name(network: Network) -> None:
    network.names["shop.example"] = [PUBLIC]
    answer = HttpDoor(trusted=False).request("GET", "https://shop.example/a?b=1")
    assert answer.status == 204
    assert network.connected == [(PUBLIC, 443)]
    assert network.server_names == ["shop.example"]
    assert network.written.startswith(b"GET /a?b=1 HTTP/1.1\r\nHost: shop.example\r\n")


def test_a_name_is_looked_up_once_for_a_connection(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    def rebinding(host: str, port: int, *, timeout: float) -> list[Any]:
        looked_up.append(host)
        return [ipaddress.ip_address(PUBLIC if len(looked_up) == 1 else "127.0.0.1")]

    monkeypatch.setattr(http_network, "addresses_resolve", rebinding)
    door = HttpDoor(trusted=False)
    door.request("GET", "http://shop.example/")
    assert (looked_up, network.connected) == (["shop.example"], [(PUBLIC, 80)])
    with pytest.raises(TargetRefused):
        door.request("GET", "http://shop.example/")
    assert len(network.connected) == 1


def test_the_next_address_is_tried_when_one_does_not_answer(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.names["shop.example"] = ["2606:4700:4700::1111", PUBLIC]
    connect = network.connect

    def broken_ipv6(backend: Any, host: str, *rest: Any) -> Any:
        stream = connect(backend, host, *rest)
        if ":" in host:
            raise httpcore2.ConnectError
        return stream

    monkeypatch.setattr(network, "connect", broken_ipv6)
    assert HttpDoor(trusted=False).request("GET", "http://shop.example/").status == 204
    assert network.connected == [("2606:4700:4700::1111", 80), (PUBLIC, 80)]


# --- private targets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "url", "called"),
    [
        ("10.0.0.1:8000", "http://10.0.0.1:8000/", True),
        ("10.0.0.1:8000", "http://10.0.0.1:8001/", False),
        ("10.0.0.1:*", "http://10.0.0.1:8001/", True),
        ("10.0.0.1:8000", "http://bots.internal:8000/", True),
        ("bots.internal:8000", "http://BOTS.internal.:8000/", True),
        ("bots.internal:8000", "http://10.0.0.1:8000/", False),
        ("[::1]:8000", "http://[::1]:8000/", True),
        ("bots.internal:443", "https://bots.internal/", True),
    ],
)
def test_an_administrator_may_name_a_private_address_that_is_listed(
    network: Network, target: str, url: str, called: bool
) -> None:
    network.names |= {"bots.internal": ["10.0.0.1"], "bots.internal.": ["10.0.0.1"]}
    door = HttpDoor(trusted=True, private_targets=[target])
    if called:
        assert door.request("GET", url).status == 204
    else:
        with pytest.raises(TargetRefused):
            door.request("GET", url)
    assert bool(network.connected) is called


def test_a_message_may_not_name_a_private_address_that_is_listed(network: Network) -> None:
    door = HttpDoor(trusted=False, private_targets=["10.0.0.1:*"])
    with pytest.raises(TargetRefused):
        door.request("GET", "http://10.0.0.1/")
    assert network.connected == []


@pytest.mark.parametrize("target", ["localhost", "localhost:", ":80", "localhost:http"])
def test_a_private_target_without_a_port_is_a_mistake(target: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        HttpDoor(trusted=True, private_targets=[target])


# --- where an answer points -----------------------------------------------------------------


def test_a_trusted_door_does_not_go_where_an_answer_points(network: Network) -> None:
    network.names["shop.example"] = [PUBLIC]
    network.answers[PUBLIC] = redirect("http://other.example/")
    answer = HttpDoor(trusted=True).request("GET", "http://shop.example/")
    assert (answer.status, len(network.connected)) == (302, 1)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/",
        "http://inside.example/",
        "ftp://shop.example/",
        "http://shop.example:22/",
        "http://a:b@shop.example/",
        "http://shop.example:70000/",
    ],
)
def test_each_step_is_checked_again(network: Network, location: str) -> None:
    network.names |= {"shop.example": [PUBLIC], "inside.example": ["10.0.0.1"]}
    network.answers[PUBLIC] = redirect(location)
    with pytest.raises(TargetRefused):
        HttpDoor(trusted=False).request("GET", "http://shop.example/")
    assert network.connected == [(PUBLIC, 80)]


def test_an_untrusted_door_goes_where_an_answer_points(network: Network) -> None:
    network.names |= {"shop.example": [PUBLIC], "cdn.example": ["1.1.1.1"]}
    network.answers[PUBLIC] = redirect("https://cdn.example/file")
    headers = {"Authorization": "Bearer secret"}
    answer = HttpDoor(trusted=False).request("GET", "http://shop.example/", headers=headers)
    assert answer.status == 204
    assert network.connected == [(PUBLIC, 80), ("1.1.1.1", 443)]
    # What was meant for the first host is not told to the second.
    assert network.written.count(b"Bearer secret") == 1


def test_after_three_steps_it_is_enough(network: Network) -> None:
    network.names["shop.example"] = [PUBLIC]
    network.answers[PUBLIC] = redirect("/again")
    with pytest.raises(TargetRefused):
        HttpDoor(trusted=False).request("GET", "http://shop.example/")
    assert len(network.connected) == 4
