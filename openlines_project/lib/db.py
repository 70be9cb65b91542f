"""What the hot paths need of the database beyond the ORM, the same on PostgreSQL and SQLite."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import OperationalError, connection

DEADLOCK = "40P01"
SERIALIZATION = "40001"
LOCK_TIMEOUT = "55P03"
# An administrator, a crash, or a server that is still starting.
SHUTDOWN = {"57P01", "57P02", "57P03"}


def sql_value(value: Any) -> Any:
    """A Python value as a raw statement's parameter. Dicts and lists become JSON."""
    if isinstance(value, dict | list):
        text = json.dumps(value)
        if connection.vendor == "postgresql":
            from psycopg.types.json import Jsonb

            return Jsonb(value)
        return text
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, uuid.UUID) and connection.vendor != "postgresql":
        return value.hex
    return value


def sql_row(statement: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    """Run a statement that returns at most one row (`... RETURNING`, `SELECT ... LIMIT 1`)."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [sql_value(value) for value in params])
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def sql_rows(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [sql_value(value) for value in params])
        return list(cursor.fetchall())


def from_sql_json(value: Any) -> Any:
    """A JSON column of a raw statement: Django makes both engines hand it out as text."""
    return json.loads(value) if isinstance(value, str) else value


def from_sql_time(value: dt.datetime | str | None) -> dt.datetime | None:
    """A time column of a raw statement: SQLite hands it out as text in UTC."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if value is not None and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    return value


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE behind a database error, empty where there is none (SQLite, lost connection)."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def is_lock_timeout(error: BaseException) -> bool:
    """Whether somebody else held a row, or SQLite's one writer's place, for too long."""
    busy = getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_BUSY")
    return busy or sqlstate(error) == LOCK_TIMEOUT


def is_worth_repeating(error: Exception) -> bool:
    """Whether the same transaction may succeed when run again at once."""
    if not isinstance(error, OperationalError):
        return False
    return sqlstate(error) in {DEADLOCK, SERIALIZATION} or connection_was_lost(error)


def connection_was_lost(error: OperationalError) -> bool:
    """Whether the error says that the connection broke. The next use opens a new one.

    The connection itself does not tell: at the end of the transaction Django has replaced it
    already. Inside an outer transaction (tests) it cannot be replaced, so nothing can be repeated.
    """
    if connection.vendor == "sqlite" or connection.in_atomic_block:
        return False
    state = sqlstate(error)
    # A broken connection has no SQLSTATE: nobody is there to give one.
    return not state or state.startswith("08") or state in SHUTDOWN
