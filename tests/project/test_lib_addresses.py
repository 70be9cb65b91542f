"""Which addresses anybody on the internet may have."""

import ipaddress
import socket
import threading
from typing import Any

import pytest

from openlines_project.lib.addresses import ResolveError, address_is_public, addresses_resolve


@pytest.mark.parametrize(
    "text",
    [
        "93.184.216.34",
        "1.1.1.1",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
        "64:ff9b::5db8:d822",  # NAT64 of 93.184.216.34
        "::ffff:93.184.216.34",
    ],
)
def test_a_public_address_is_public(text: str) -> None:
    assert address_is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.254",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo of 192.0.2.45
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_any_other_address_is_not(text: str) -> None:
    assert not address_is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1"])
def test_the_many_ways_to_write_loopback_are_one_address(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The guard of the test run asks by name; here nothing leaves the machine.
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_a, **_k: [
            (socket.AF_INET, 1, 6, "", (socket.inet_ntoa(socket.inet_aton(host)), 80))
        ],
    )
    assert addresses_resolve(host, 80, timeout=5.0) == [ipaddress.ip_address("127.0.0.1")]


def test_all_addresses_of_a_name_are_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [
        (socket.AF_INET, 1, 6, "", ("93.184.216.34", 80)),
        (socket.AF_INET6, 1, 6, "", ("2606:4700:4700::1111", 80, 0, 0)),
        (socket.AF_INET, 1, 6, "", ("93.184.216.34", 80)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answer)
    found = addresses_resolve("shop.example", 80, timeout=5.0)
    assert [str(address) for address in found] == ["93.184.216.34", "2606:4700:4700::1111"]


def test_a_name_without_an_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: Any, **_options: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ResolveError):
        addresses_resolve("nowhere.example", 80, timeout=5.0)


def test_a_name_too_silly_to_look_up_is_an_error() -> None:
    with pytest.raises(ResolveError):
        addresses_resolve("a" * 300, 80, timeout=5.0)


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hanging(*_arguments: Any, **_options: Any) -> list[Any]:
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    try:
        with pytest.raises(ResolveError):
            addresses_resolve("slow.example", 80, timeout=0.05)
    finally:
        released.set()
