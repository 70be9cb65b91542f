"""A small supervisor: starts processes, starts them again when they die, stops them in order."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

TICK_SECONDS = 0.1
# A child that lived this long was healthy: its next death is its first.
HEALTHY_SECONDS = 60.0
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0

# Takes the name of a process and one line of what it says.
Write = Callable[[str, str], None]


class AlreadyRunningError(Exception):
    """Another process holds the lock."""


class PortBusyError(Exception):
    """Something else listens on the address, or the address is not of this machine."""


def lock_take(path: Path) -> IO[str]:
    """Take the lock `path` for as long as the returned file is open; it holds our process id.

    The system lets go of it when the process dies, so it is never stale. Raises
    `AlreadyRunningError` when another process has it.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise AlreadyRunningError(holder) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def socket_listen(host: str, port: int, *, patience_seconds: float = 3.0) -> socket.socket:
    """Listen on `host` and `port` (0: any free one). Raises `PortBusyError`.

    The children of a supervisor that was killed need a moment to notice: that long it waits.
    """
    end = time.monotonic() + patience_seconds
    while True:
        try:
            family, _kind, _protocol, _name, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(address)
                listener.listen(256)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            if time.monotonic() >= end or isinstance(error, socket.gaierror):
                raise PortBusyError(str(error.strerror or error)) from error
            time.sleep(TICK_SECONDS)
        else:
            return listener


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to start. Those of a lower `stop_stage` have stopped before the next are asked."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: Sequence[int] = ()
    stop_stage: int = 0
    stop_seconds: float = 5.0


class Child:
    """One process of a `ChildSpec`, and when it is to be started again after it died."""

    def __init__(self, spec: ChildSpec, *, write: Write) -> None:
        self.spec = spec
        self._write = write
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._deaths = 0
        self._restart_at = 0.0

    @property
    def process_id(self) -> int | None:
        """The process id, or nothing while it does not run."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process in a group of its own: Ctrl-C reaches the supervisor only."""
        self._process = subprocess.Popen(  # noqa: S603  our own command line
            list(self.spec.arguments),
            stdin=subprocess.PIPE,  # never written: it closes when we die
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.spec.environment},
            pass_fds=tuple(self.spec.descriptors),
            process_group=0,
        )
        self._started_at = time.monotonic()
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._write(self.spec.name, line.decode(errors="replace").rstrip())

    def tend(self) -> None:
        """Notice a death; start again when its pause is over."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._restart_at:
                self.start()
            return
        code = self._process.poll()
        if code is None:
            return
        self._deaths = 1 if now - self._started_at >= HEALTHY_SECONDS else self._deaths + 1
        pause_seconds = min(
            FIRST_RESTART_SECONDS * 2 ** (self._deaths - 1), LONGEST_RESTART_SECONDS
        )
        self._restart_at = now + pause_seconds
        self._forget()
        self._write(self.spec.name, f"ended ({_end(code)}); starts again in {pause_seconds:g} s")

    def ask(self) -> None:
        """Ask the process to stop. It may finish what it is doing."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    def wait(self, *, until: float, hurried: Callable[[], bool]) -> None:
        """Wait for the end until `until` (monotonic), then kill what is left of the group.

        `hurried` cuts the wait short.
        """
        process = self._process
        if process is None:
            return
        while process.poll() is None and time.monotonic() < until and not hurried():
            time.sleep(TICK_SECONDS / 2)
        self.kill()
        process.wait()
        self._forget()

    def kill(self) -> None:
        """End the process and its own children at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        if self._reader is not None:
            self._reader.join(1.0)  # its last words
        self._process = self._reader = None


def _end(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


class Supervisor:
    """Keeps children alive until SIGINT, SIGTERM or SIGHUP; stops them in their order.

    A second signal while they stop kills what is left.
    """

    def __init__(self, specs: Sequence[ChildSpec], *, write: Write) -> None:
        self.children = [Child(spec, write=write) for spec in specs]
        self._signals = 0

    @property
    def stopping(self) -> bool:
        """Whether it has been asked to stop."""
        return self._signals > 0

    def signal_receive(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler: only counts, the loop does the rest."""
        del number
        self._signals += 1

    def run(self, *, started: Callable[[], None] = lambda: None) -> None:
        """Start the children, call `started`, and return when all have stopped."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.signal_receive)
        try:
            for child in self.children:
                child.start()
            started()
            while not self.stopping:
                time.sleep(TICK_SECONDS)
                for child in self.children:
                    child.tend()
        finally:
            self._stop()

    def _stop(self) -> None:
        for stage in sorted({child.spec.stop_stage for child in self.children}):
            asked = [child for child in self.children if child.spec.stop_stage == stage]
            for child in asked:
                child.ask()
            start = time.monotonic()
            for child in asked:
                until = start + child.spec.stop_seconds
                child.wait(until=until, hurried=lambda: self._signals > 1)
