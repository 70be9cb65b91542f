"""The bench line: evenly, 8 operators on duty, availability checked, limit 5,000, 5 minutes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils import timezone

from channels_app.models import Connector, ConnectorStatus, Conversation, OpenChannel
from channels_app.services.connectors import connector_create
from channels_app.services.open_channels import open_channel_create
from queue_app.models import LineOperator, Operator, Session, SessionState, Turn
from queue_app.services.queues import queue_members_replace

LINES = 8
OPERATORS = 8
SECRET = "bench-secret-0123456789abcdef"


@dataclass(frozen=True)
class Bench:
    """T1 writes into `active` (its own 8 lines); T2 goes to `one` or to `eight`."""

    active: list[Connector]
    chats: dict[int, list[str]]  # connector id -> external chat ids
    one: list[Connector]
    eight: list[Connector]


def _line(name: str, operators: list[Operator], now: dt.datetime) -> Connector:
    line: OpenChannel = open_channel_create(
        now=now, name=name, public_name="Bench", distribution="evenly", check_availability=True,
        max_chats=5000, response_minutes=5,
    )  # fmt: skip
    queue_members_replace(
        open_channel=line, members=[{"user": operator.user} for operator in operators], now=now
    )
    connector = connector_create(
        open_channel=line, kind="custom", config={"secret": SECRET}, now=now
    )
    Connector.objects.filter(pk=connector.pk).update(status=ConnectorStatus.CONNECTED)
    return connector


def make(*, conversations: int) -> Bench:
    """Make the lines and the open conversations: active, half of them on the operator's turn."""
    now = timezone.now()
    users = [
        User.objects.create_user(f"bench{number}", first_name=f"Operator {number}")
        for number in range(OPERATORS)
    ]
    operators = Operator.objects.bulk_create(
        [Operator(user=user, duty="on", max_chats=1_000_000) for user in users]
    )
    active = [_line(f"T1 {number}", operators, now) for number in range(LINES)]
    one = [_line("T2 alone", operators, now)]
    eight = [_line(f"T2 {number}", operators, now) for number in range(LINES)]
    rows = Conversation.objects.bulk_create(
        [
            Conversation(
                connector=active[number % LINES],
                external_chat_id=f"c{number}",
                external_user_id=f"c{number}",
                display_name=f"Customer {number}",
                last_seq=0,
                version=0,
                changed_at=now,
                created_at=now,
            )
            for number in range(conversations)
        ],
        batch_size=1000,
    )
    Session.objects.bulk_create(
        [
            Session(
                conversation=row,
                open_channel_id=active[number % LINES].open_channel_id,
                state=SessionState.ACTIVE,
                operator=operators[number % OPERATORS],
                turn=Turn.OPERATOR if number % 2 else Turn.CUSTOMER,
                waiting_since=now if number % 2 else None,
                started_at=now,
                accepted_at=now,
                first_reply_at=now,
            )
            for number, row in enumerate(rows)
        ],
        batch_size=1000,
    )
    for operator in operators:
        held = Session.objects.filter(operator=operator)
        Operator.objects.filter(pk=operator.pk).update(open_chats=held.count())
        for connector in active:
            LineOperator.objects.filter(
                operator=operator, open_channel_id=connector.open_channel_id
            ).update(open_chats=held.filter(open_channel_id=connector.open_channel_id).count())
    chats: dict[int, list[str]] = {connector.pk: [] for connector in active}
    for row in rows:
        chats[row.connector_id].append(row.external_chat_id)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return Bench(active=active, chats=chats, one=one, eight=eight)
