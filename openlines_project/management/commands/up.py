"""`manage.py up`: the whole product from one command, for one machine."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import secrets
import sys
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from openlines_project.apps import DEMO_VARIABLE
from openlines_project.lib.processes import (
    AlreadyRunningError,
    ChildSpec,
    PortBusyError,
    Supervisor,
    lock_take,
    socket_listen,
)
from openlines_project.lib.worker import SECONDS_VARIABLE

QUEUES = "inbound,outbound,timers,media,default,bulk"
SWEEPER_SECONDS = 5
ADMINISTRATOR = "admin"
NAME_WIDTH = 6


class Command(BaseCommand):
    """Prepare the database, start web, worker and beat, keep them alive until Ctrl-C."""

    help = "Starts Open Lines: web, worker and beat, in one terminal."

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lock = threading.Lock()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="add a line to try things on")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")

    def handle(self, *_args: Any, **options: Any) -> None:
        with contextlib.suppress(KeyboardInterrupt):  # before there was anything to stop
            self._up(options)
        self._say("Stopped.")

    def _up(self, options: dict[str, Any]) -> None:
        host, port = str(options["host"]), int(options["port"])
        self._host_check(host)
        var = Path(settings.VAR)
        folders_make(var)
        try:
            lock = lock_take(var / "up.lock")
        except AlreadyRunningError as error:
            raise CommandError(
                f"Open Lines is already running on {var} (process {error}). Stop it first, or"
                " choose another folder with OPENLINES_VAR."
            ) from error
        try:
            listener = socket_listen(host, port)
        except PortBusyError as error:
            raise CommandError(
                f"Cannot listen on {host}, port {port}: {error}. Choose another one with --port."
            ) from error
        with lock, listener:
            demo = bool(options["demo"])
            address = address_of(host, listener.getsockname()[1])
            self._prepare(address, demo=demo)
            supervisor = Supervisor(children(listener.fileno(), demo=demo), write=self._line)
            supervisor.run(
                started=lambda: threading.Thread(
                    target=self._announce, args=(supervisor, address), daemon=True
                ).start()
            )

    def _host_check(self, host: str) -> None:
        if is_loopback(host):
            return
        if all(is_loopback(name) for name in settings.ALLOWED_HOSTS):
            raise CommandError(
                f"Set ALLOWED_HOSTS to the names people will use before listening on {host}."
            )
        self.stderr.write(
            self.style.WARNING(
                f"Warning: {host} can be reached from other machines, without encryption."
                " Put a proxy with HTTPS in front of it: see README.md."
            )
        )

    def _prepare(self, address: str, *, demo: bool) -> None:
        """Bring the database up to date; make the first administrator or the demonstration."""
        self._say("Preparing the database ...")
        started = time.monotonic()
        call_command("migrate", interactive=False, verbosity=0)
        self._say(f"The database is ready ({time.monotonic() - started:.1f} s).")
        if demo:
            call_command("demo", address=address, stdout=self.stdout, stderr=self.stderr)
        else:
            made = administrator_make()
            if made:
                self._say("The first administrator was made. This is shown only once:")
                self._say(f"    name {made.name}   password {made.password}")
        # The children have connections of their own; this process needs none any more.
        connections.close_all()

    def _announce(self, supervisor: Supervisor, address: str) -> None:
        """Say where to go as soon as the web process answers."""
        while not supervisor.stopping:
            if answers(address):
                self._say(f"Open Lines is running at {address}")
                self._say(f"    operators  {address}inbox/      settings  {address}admin/")
                self._say("Press Ctrl-C to stop.")
                return
            time.sleep(0.2)

    def _say(self, text: str) -> None:
        self._line("up", text)

    def _line(self, name: str, text: str) -> None:
        """One line of output with the name of the process that said it."""
        with self._lock:
            try:
                self.stdout.write(f"{name:<{NAME_WIDTH}} | {text}")
                self.stdout.flush()
            except (BrokenPipeError, ValueError):
                # Nobody reads us any more; the children's pipes must be emptied all the same.
                pass


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(host: str, port: int) -> str:
    """The address to click on; an unspecified host is reached by loopback."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def answers(address: str) -> bool:
    """Whether the web process behind `address` answers."""
    host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": settings.ALLOWED_HOSTS[0]})
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def folders_make(var: Path) -> None:
    """Make the folders of an installation. Only its owner may look inside."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("static", "media", "broker/queue", "broker/processed", "broker/control"):
        (var / name).mkdir(parents=True, exist_ok=True)


class SignIn(NamedTuple):
    """What somebody needs to sign in."""

    name: str
    password: str


def administrator_make() -> SignIn | None:
    """Make an administrator when there is none. Returns how he signs in, or nothing."""
    users = User.objects
    if users.filter(is_superuser=True, is_active=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    name = ADMINISTRATOR
    while users.filter(username=name).exists():
        name = f"{ADMINISTRATOR}-{secrets.token_hex(2)}"
    User.objects.create_superuser(username=name, email="", password=password)
    return SignIn(name, password)


def children(descriptor: int, *, demo: bool) -> list[ChildSpec]:
    """The processes. Web stops first: nobody should ask when nobody works any more."""
    shared = {
        SECONDS_VARIABLE: os.environ.get(SECONDS_VARIABLE, str(SWEEPER_SECONDS)),
        DEMO_VARIABLE: "1" if demo else "",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(settings.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }

    def spec(name: str, *arguments: str, stop_stage: int) -> ChildSpec:
        return ChildSpec(
            name=name,
            arguments=[sys.executable, "-m", "openlines_project.lib.child", *arguments],
            environment=shared | {"OPENLINES_ROLE": name},
            descriptors=[descriptor] if name == "web" else [],
            stop_stage=stop_stage,
        )

    celery = ("celery", "-q")
    worker = ("worker", "-l", "WARNING", "-P", "threads", "-c", "4", "-Q", QUEUES, "-n", "up@%h")
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return [
        spec("web", "web", str(descriptor), stop_stage=0),
        spec("worker", *celery, *worker, *alone, stop_stage=1),
        spec("beat", *celery, "beat", "-l", "WARNING", "--pidfile=", stop_stage=1),
    ]
