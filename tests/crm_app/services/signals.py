"""Who listens to the card index in a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.dispatch import Signal


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """What a signal says, beside whoever listens already."""
    found: list[dict[str, Any]] = []

    def listen(**values: Any) -> None:
        found.append(values)

    signal.connect(listen, weak=False)
    try:
        yield found
    finally:
        signal.disconnect(listen)
