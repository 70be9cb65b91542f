"""Who asks: the address of a client, which nobody can choose for himself."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from openlines_project.lib.addresses import IPAddress

# One home has a whole /64 of IPv6 addresses.
IPV6_PREFIX = 64


def client_ip(request: HttpRequest) -> IPAddress | None:
    """The address of the client, None when none is known.

    `X-Forwarded-For` is believed only as far as our own proxies (`TRUSTED_PROXIES`: addresses
    or networks) wrote it: it is read from its end, and the first address that is not a proxy of
    ours counts. Whatever a client put in front of it changes nothing.
    """
    trusted = [ipaddress.ip_network(entry, strict=False) for entry in settings.TRUSTED_PROXIES]
    hops = [request.META.get("REMOTE_ADDR", "")]
    hops += reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(","))
    address = None
    for hop in hops:
        parsed = _parse(hop.strip())
        if parsed is None:
            # A proxy on a Unix socket has no address of its own; junk further on ends the walk.
            if hop == "" and address is None and trusted:
                continue
            break
        address = parsed
        if not any(parsed in network for network in trusted):
            break
    return address


def client_home(request: HttpRequest) -> str:
    """What to count a client by: an IPv4 address, an IPv6 network, or "unknown"."""
    address = client_ip(request)
    if address is None:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def sign_in_address(request: HttpRequest) -> str | None:
    """What failed sign-ins are counted by, as an address: of an IPv6 network its first one.

    Behind a proxy every request comes from the proxy, and a stranger's failures would lock a
    colleague out.
    """
    home = client_home(request)
    return None if home == "unknown" else home.partition("/")[0]


def _parse(text: str) -> IPAddress | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
