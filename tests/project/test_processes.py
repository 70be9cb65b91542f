"""The supervisor, with small processes of its own instead of servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from openlines_project.lib import processes
from openlines_project.lib.child import parent_watch
from openlines_project.lib.processes import (
    AlreadyRunningError,
    Child,
    ChildSpec,
    PortBusyError,
    Supervisor,
    lock_take,
    socket_listen,
)

SLEEPER = "import time; print('here', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER


def until(condition: Callable[[], object], *, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


class Output:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))


def spec_of(code: str, *, name: str = "one", stage: int = 0, seconds: float = 5.0) -> ChildSpec:
    return ChildSpec(name, [sys.executable, "-c", code], stop_stage=stage, stop_seconds=seconds)


class Running:
    """A supervisor in a thread: signals are handed to it as its handler would get them."""

    def __init__(self, *specs: ChildSpec, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        self.output = Output()
        self.supervisor = Supervisor(specs, write=self.output)
        self.thread = threading.Thread(target=self.supervisor.run, daemon=True)
        self.thread.start()
        assert until(lambda: len(self.output.lines) >= len(specs))

    def stop(self, *, signals: int = 1) -> None:
        for _ in range(signals):
            self.supervisor.signal_receive(signal.SIGINT, None)
        self.thread.join(15)
        assert not self.thread.is_alive()


def test_output_carries_the_name_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(spec_of(SLEEPER, name="web"), monkeypatch=monkeypatch)
    running.stop()
    assert running.output.lines == [("web", "here")]


def test_a_killed_child_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(spec_of(SLEEPER), monkeypatch=monkeypatch)
    first = running.supervisor.children[0].process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert until(lambda: len(running.output.lines) == 3)
    second = running.supervisor.children[0].process_id
    running.stop()
    assert second not in {None, first}
    assert running.output.lines == [
        ("one", "here"),
        ("one", "ended (SIGKILL); starts again in 0.5 s"),
        ("one", "here"),
    ]


def test_a_child_that_keeps_dying_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_RESTART_SECONDS", 0.02)
    monkeypatch.setattr(processes, "LONGEST_RESTART_SECONDS", 0.06)
    output = Output()
    child = Child(spec_of("raise SystemExit(3)"), write=output)
    child.start()

    def four_deaths() -> bool:
        child.tend()
        return len(output.lines) == 4

    assert until(four_deaths)
    child.kill()
    assert [line for _, line in output.lines] == [
        f"ended (code 3); starts again in {seconds} s"
        for seconds in ("0.02", "0.04", "0.06", "0.06")
    ]


def test_a_lower_stage_has_ended_before_the_next_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = (
        "import signal, sys, time, pathlib\n"
        "def end(*_):\n"
        "    time.sleep({pause})\n"
        f"    log = pathlib.Path({str(tmp_path / 'log')!r})\n"
        "    with log.open('a') as file: file.write('{name}\\n')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n" + SLEEPER
    )
    running = Running(
        spec_of(code.format(name="worker", pause=0), name="worker", stage=1),
        spec_of(code.format(name="web", pause=0.5), name="web", stage=0),
        monkeypatch=monkeypatch,
    )
    running.stop()
    assert (tmp_path / "log").read_text().split() == ["web", "worker"]


def test_a_child_that_does_not_listen_is_killed_after_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = Running(spec_of(STUBBORN, seconds=0.3), monkeypatch=monkeypatch)
    process_id = running.supervisor.children[0].process_id
    running.stop()
    assert process_id is not None
    assert gone(process_id)


def test_a_second_signal_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(spec_of(STUBBORN, seconds=60), monkeypatch=monkeypatch)
    start = time.monotonic()
    running.stop(signals=2)
    assert time.monotonic() - start < 10


def test_a_process_whose_parent_is_gone_ends_even_when_it_does_not_listen() -> None:
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "from openlines_project.lib.child import parent_watch\n"
        "parent_watch(0, orphan_seconds=0.1)\n" + SLEEPER
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        process_group=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    process.stdin.close()
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()


def test_the_watch_leaves_a_process_alone_while_its_parent_lives() -> None:
    reading, writing = os.pipe()
    thread = parent_watch(reading)
    os.write(writing, b"x")
    thread.join(0.2)
    assert thread.is_alive()  # it ends with this test process: the pipe stays open until then


def test_the_lock_is_held_by_one_and_names_him(tmp_path: Path) -> None:
    refused = pytest.raises(AlreadyRunningError, match=str(os.getpid()))
    with lock_take(tmp_path / "up.lock"), refused:
        lock_take(tmp_path / "up.lock")
    lock_take(tmp_path / "up.lock").close()


def test_a_busy_port_is_refused_and_a_free_one_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortBusyError, match="in use"):
            socket_listen("127.0.0.1", port, patience_seconds=0.1)
    socket_listen("127.0.0.1", port, patience_seconds=0.1).close()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(PortBusyError):
        socket_listen("192.0.2.1", 0, patience_seconds=0)
