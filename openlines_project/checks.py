"""System checks: settings that would lose messages or open a door are refused at the start.

`manage.py check` runs them, every command does first; `check --deploy` adds those that only
matter where strangers can reach the installation.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import Error as DatabaseFault
from django.db import connections

from openlines_project.lib.worker import SECONDS_VARIABLE

WORKERS_VARIABLE = "OPENLINES_WORKERS"
SHORTEST_SECRET = 50
FEWEST_DIFFERENT = 8


@register(Tags.security)
def secrets_check(**_kwargs: Any) -> list[CheckMessage]:
    """E001 a guessable SECRET_KEY; E002 a FIELD_ENCRYPTION_KEYS entry that cannot encrypt."""
    found: list[CheckMessage] = []
    key = str(settings.SECRET_KEY)
    if len(key) < SHORTEST_SECRET or len(set(key)) < FEWEST_DIFFERENT:
        found.append(
            Error(
                "SECRET_KEY can be guessed: sign-ins and file addresses could be forged.",
                hint="Make one as .env.example shows: at least 50 random characters.",
                id="openlines.E001",
            )
        )
    for place, field_key in enumerate(settings.FIELD_ENCRYPTION_KEYS, start=1):
        try:
            Fernet(field_key)
        except ValueError:
            found.append(
                Error(
                    f"Key {place} of FIELD_ENCRYPTION_KEYS is not 32 bytes in URL-safe base64.",
                    hint="Make one as .env.example shows. Without it no token can be read.",
                    id="openlines.E002",
                )
            )
    return found


@register(Tags.security)
def debug_check(**_kwargs: Any) -> list[CheckMessage]:
    """E003: pages that show settings and source to the whole internet."""
    if settings.DEBUG and settings.PUBLIC_URL.startswith("https:"):
        return [
            Error(
                "DEBUG is on for an installation with a public address.",
                hint="Remove DEBUG, or PUBLIC_URL on a developer's machine.",
                id="openlines.E003",
            )
        ]
    return []


@register(Tags.database)
def durability_check(
    *, databases: Sequence[str] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """E004: a platform would be told that a message is safe before it is.

    It asks the database itself, so it runs with `migrate` and with `check --database default`.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW synchronous_commit")
                value = cursor.fetchone()[0]
        except DatabaseFault:
            continue  # the command that asked will say so in its own words
        if value in {"off", "false"}:
            found.append(
                Error(
                    "synchronous_commit is off: a crash of the database loses messages.",
                    hint="Remove synchronous_commit from the options of DATABASE_URL.",
                    id="openlines.E004",
                )
            )
    return found


@register(Tags.database)
def options_check(**_kwargs: Any) -> list[CheckMessage]:
    """E004 again, for what can be seen without asking the database."""
    options = str(settings.DATABASES["default"].get("OPTIONS", {}).get("options", ""))
    if "synchronous_commit=off" in options.replace(" ", ""):
        return [
            Error(
                "The options of DATABASE_URL switch synchronous_commit off.",
                hint="Remove it: a crash of the database would lose messages.",
                id="openlines.E004",
            )
        ]
    return []


@register()
def workers_check(**_kwargs: Any) -> list[CheckMessage]:
    """E005: several worker processes on SQLite wait for one another; E006: not a number."""
    text = os.environ.get(WORKERS_VARIABLE, "") or "1"
    if not text.isdecimal():
        return [
            Error(
                f"{WORKERS_VARIABLE} is not a number: {text!r}.",
                hint="Set it to the number of worker processes, or not at all.",
                id="openlines.E006",
            )
        ]
    if int(text) > 1 and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return [
            Error(
                f"{text} worker processes cannot share a SQLite database: it has one writer.",
                hint="Use PostgreSQL (DATABASE_URL), or one worker.",
                id="openlines.E005",
            )
        ]
    return []


@register()
def sweeper_check(**_kwargs: Any) -> list[CheckMessage]:
    """W001: nothing covers a beat or a broker that is away."""
    text = os.environ.get(SECONDS_VARIABLE, "")
    try:
        seconds = float(text or 60)
    except ValueError:
        return [
            Error(
                f"{SECONDS_VARIABLE} is not a number: {text!r}.",
                hint="Set it to seconds, or not at all.",
                id="openlines.E006",
            )
        ]
    if seconds > 0:
        return []
    return [
        CheckWarning(
            f"{SECONDS_VARIABLE} is 0: when beat or the broker is away, deadlines pass unseen.",
            hint="Remove it, unless another worker sweeps.",
            id="openlines.W001",
        )
    ]


@register(Tags.security, deploy=True)
def private_targets_check(**_kwargs: Any) -> list[CheckMessage]:
    """W002: administrators can make this server call machines of the private network."""
    if not settings.PRIVATE_TARGETS:
        return []
    return [
        CheckWarning(
            "PRIVATE_TARGETS lets connector settings name private addresses: "
            + ", ".join(settings.PRIVATE_TARGETS),
            hint="Leave it empty, or silence this when every one of them is meant.",
            id="openlines.W002",
        )
    ]


@register(Tags.security, deploy=True)
def public_url_check(**_kwargs: Any) -> list[CheckMessage]:
    """W003: platforms deliver to public HTTPS addresses only."""
    if settings.PUBLIC_URL.startswith("https://"):
        return []
    return [
        CheckWarning(
            "PUBLIC_URL is not an https:// address: platforms cannot deliver messages.",
            hint="Set it to the address under which the proxy serves this installation.",
            id="openlines.W003",
        )
    ]
