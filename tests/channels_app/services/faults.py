"""Planted faults, and the errors databases give."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg.errors
import pytest
from django.db import OperationalError

from channels_app.models import Conversation, InboundEvent, Message
from queue_app.models import Session, Timer


class Fault:
    """Put in the place of a function: raises the planted errors, then works as before."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *errors: Exception
    ) -> None:
        self.calls = 0
        errors_left = list(errors)
        original: Callable[..., Any] = getattr(module, name)

        def faulty(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if errors_left:
                raise errors_left.pop(0)
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, faulty)


def operational(cause: Exception) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def deadlock() -> OperationalError:
    return operational(psycopg.errors.DeadlockDetected("deadlock detected"))


def lock_timeout() -> OperationalError:
    return operational(psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"))


def busy() -> OperationalError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorname = "SQLITE_BUSY"
    return operational(cause)


def nothing_is_there() -> None:
    for model in (Conversation, Message, Session, InboundEvent, Timer):
        assert not model.objects.exists(), model
