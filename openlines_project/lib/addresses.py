"""Which network addresses may be called, decided on addresses and never on names.

`127.1`, `0x7f000001` and `2130706433` are all 127.0.0.1 to the resolver and no address at all to
a parser, so whoever asks here resolves first.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterator

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Python calls an address in here global although it leads to the IPv4 address at its end.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV6_UNICAST = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT: neither private nor public to Python
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "2001:2::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
    )
)


class ResolveError(Exception):
    """The name has no address, or none came in time."""


def address_is_public(address: IPAddress) -> bool:
    """Is this an address anybody on the internet may have?

    IPv6 addresses that carry an IPv4 address (mapped, NAT64, 6to4, Teredo) are judged by what
    they carry.
    """
    carried = tuple(_carried(address))
    if carried:
        return all(address_is_public(inner) for inner in carried)
    if address.version == 6 and address not in _IPV6_UNICAST:
        return False
    return not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    )


def _carried(address: IPAddress) -> Iterator[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def addresses_resolve(host: str, port: int, *, timeout: float) -> list[IPAddress]:
    """All addresses of a name, in the resolver's order, without repeats.

    `timeout` in seconds. Raises `ResolveError`.
    """
    found: list[IPAddress] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(ipaddress.ip_address(address[0]))
        except (OSError, ValueError) as error:  # UnicodeError, of a silly name, is a ValueError
            failed.append(error)

    # The resolver knows no time-out of its own: a thread can be waited for, and left behind.
    thread = threading.Thread(target=look_up, name="resolve", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive() or failed or not found:
        raise ResolveError("The name could not be resolved.")
    return list(dict.fromkeys(found))
