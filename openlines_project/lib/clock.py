"""The clock of the database: several machines differ, their database is one."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone


def database_now() -> datetime:
    """The time of the database server, aware; on SQLite that of this machine.

    Deadlines are compared with it, so that a machine whose clock is wrong fires nothing early.
    Raises `DatabaseError` when the database does not answer.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]
