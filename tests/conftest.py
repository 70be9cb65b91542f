"""What every test gets: no outside network, and skips that give their reason."""

from __future__ import annotations

import ipaddress
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

# A busy machine is slow at times; that is no finding.
hypothesis_settings.register_profile("project", deadline=None)
hypothesis_settings.load_profile("project")

BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")


class OutsideNetworkError(RuntimeError):
    """A test tried to reach something beyond this machine."""


def is_inside(host: Any) -> bool:
    """Whether `host` is this machine. Names other than localhost are not looked up at all."""
    if host in {None, "", b"", "localhost", "localhost.", b"localhost", socket.gethostname()}:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def guard_sockets() -> None:
    """Make every connection and every datagram to another machine an error, for the whole run.

    It is put in once and never taken out: a thread that outlives its test is guarded as well.
    """
    internet = {socket.AF_INET, socket.AF_INET6}

    def guarded(name: str) -> None:
        original = getattr(socket.socket, name)

        def method(self: socket.socket, *arguments: Any) -> Any:
            address = arguments[-1]
            if self.family in internet and not is_inside(address[0]):
                raise OutsideNetworkError(f"{name} to {address[0]}")
            return original(self, *arguments)

        setattr(socket.socket, name, method)

    for name in ("connect", "connect_ex", "sendto"):
        guarded(name)
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        try:
            if not is_inside(host):
                ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
        except ValueError as error:
            raise socket.gaierror(socket.EAI_NONAME, f"no look-ups in tests: {host}") from error
        return look_up(host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo


guard_sockets()


def browser_path() -> str:
    """The browser that tests drive, or an empty string."""
    for name in BROWSERS:
        if found := (name if Path(name).is_file() else shutil.which(name)):
            return found
    return ""


def pytest_sessionstart() -> None:
    """Make the folder that the server of static files warns about when it is missing."""
    from django.conf import settings

    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say what is missing."""
    from django.db import connection

    missing = {}
    if connection.vendor != "postgresql":
        missing["postgresql"] = "needs PostgreSQL: set DATABASE_URL"
    if not browser_path():
        missing["browser"] = "needs a browser: apt-get install chromium"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _language_left_behind() -> Iterator[None]:
    """A request leaves its reader's language in the thread; the next test has another reader."""
    from django.utils import translation

    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _kept_in_the_process() -> None:
    """What the last test's lines and connectors were: this one's may have their numbers, and the
    accounts of a platform are the same in many tests."""
    from channels_app.selectors import connector_cache_clear
    from queue_app.services.line_rules import line_rules_forget

    connector_cache_clear()
    line_rules_forget()
