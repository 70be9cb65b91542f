"""What `manage.py up` starts: one server in one process, which ends when its parent does.

    python -m openlines_project.lib.child web SOCKET
    python -m openlines_project.lib.child celery ARGUMENT...

Standard input is a pipe whose other end only the parent holds. When it closes, the parent is
gone, however it went (`kill -9` as well), on every system that has pipes.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from typing import NoReturn

# Time for an orphan to end by itself: to answer what it was asked, to leave the broker.
ORPHAN_SECONDS = 2.0
# Event streams never end by themselves: after this time the web server cuts them off.
DRAIN_SECONDS = 3


def parent_watch(descriptor: int, *, orphan_seconds: float = ORPHAN_SECONDS) -> threading.Thread:
    """End this process when the pipe `descriptor` closes: asked first, killed afterwards."""

    def watch() -> None:
        while os.read(descriptor, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(orphan_seconds)
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, name="parent-watch", daemon=True)
    thread.start()
    return thread


def web_serve(descriptor: int) -> None:
    """Serve the whole product on an inherited listening socket, until asked to stop.

    The parent holds the socket as well, so a web process that is started again loses no
    visitor: those who come in between wait in the socket's queue.
    """
    import uvicorn

    config = uvicorn.Config(
        "openlines_project.asgi:application",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        # Nobody stands in front of it, so nobody may say who the visitor is.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


def celery_run(arguments: list[str]) -> NoReturn:
    """Run a worker or a beat with the given command line, until asked to stop."""
    from openlines_project.celery import app

    # In a container everything runs as root; tasks are JSON, never pickles.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    code: object = None
    try:
        app.start(argv=arguments)
    except SystemExit as stop:  # beat's way
        code = stop.code
    # Everything is closed. Python would now free every module, for longer than all the rest took.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else bool(code))


def main(arguments: list[str]) -> None:
    """Start the watch, then the server that the first argument names."""
    parent_watch(sys.stdin.fileno())
    kind, *rest = arguments
    if kind == "web":
        web_serve(int(rest[0]))
    elif kind == "celery":
        celery_run(rest)
    else:
        raise SystemExit(f"There is no server called {kind!r}.")


if __name__ == "__main__":
    main(sys.argv[1:])
