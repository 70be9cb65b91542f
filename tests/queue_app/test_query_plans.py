"""The hot queries find their rows by index, also under the plan a prepared statement ends with.

After a few executions PostgreSQL may keep one plan for all parameters. An index with a condition
is then only used when the condition stands in the statement itself, not in a parameter.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.services.delivery import conversation_deliver, delivery_sweep
from channels_app.services.pending import inbound_sweep
from queue_app.models import Operator, Session, Timer
from queue_app.services import desk
from queue_app.services.offers import line_candidates
from queue_app.services.session_sql import session_customer_turn
from queue_app.services.timers import timers_sweep
from tests.factories import (
    ConversationFactory,
    MessageFactory,
    OperatorFactory,
    SessionFactory,
)
from tests.queue_app.concurrency.crowd import waiting_sessions
from tests.queue_app.desk_story import line_with

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

ROWS = 20_000
BUSY = 2_000
FEW = 20
HOUR = dt.timedelta(hours=1)


class Recorder:
    """Keeps the statements that are executed while it is installed."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.statements.append((sql, tuple(params or ())))
        return execute(sql, params, many, context)


def recorded(action: Callable[[], Any]) -> list[tuple[str, tuple[Any, ...]]]:
    """The statements of an action, which is rolled back."""
    recorder = Recorder()
    with suppress(Exception), transaction.atomic(), connection.execute_wrapper(recorder):
        action()
        transaction.set_rollback(True)
    return recorder.statements


def plan_of(sql: str, params: tuple[Any, ...]) -> list[dict[str, Any]]:
    """The nodes of the plan that is made once for all parameters."""
    numbers = iter(range(1, len(params) + 1))
    prepared = re.sub("%s", lambda _match: f"${next(numbers)}", sql).replace("%%", "%")
    holes = f"({', '.join(['%s'] * len(params))})" if params else ""
    with transaction.atomic(), connection.cursor() as cursor:
        raw = cursor.connection
        literal = psycopg.ClientCursor(raw)
        raw.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        raw.execute(f"PREPARE hot AS {prepared}")
        try:
            text = literal.mogrify(f"EXPLAIN (FORMAT JSON) EXECUTE hot{holes}", params)
            (plans,) = raw.execute(text).fetchone() or ([],)
        finally:
            raw.execute("DEALLOCATE hot")
    return list(_nodes((json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def indexes_used(sql: str, params: tuple[Any, ...]) -> set[str]:
    return {node["Index Name"] for node in plan_of(sql, params) if "Index Name" in node}


def scanned_whole(sql: str, params: tuple[Any, ...]) -> set[str]:
    return {
        node["Relation Name"] for node in plan_of(sql, params) if node["Node Type"] == "Seq Scan"
    }


def multiply(row: Model, source: int | QuerySet[Any], **changes: str) -> None:
    """Copy a row, some columns changed (SQL, by `n`): so many times, or once for each id."""
    columns = [str(field.column) for field in row._meta.concrete_fields if not field.primary_key]
    values = [changes.get(column, f"t.{column}") for column in columns]
    if isinstance(source, int):
        numbers, params = "SELECT generate_series(1, %s)", (source,)
    else:
        numbers, params = source.values_list("pk").query.sql_with_params()
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"  # noqa: S608
            f" FROM {table} t, ({numbers}) source(n) WHERE t.id = %s",
            [*params, row.pk],
        )


def many_rows() -> Connector:
    """A line with a long history and little to do, as after a year."""
    ana = OperatorFactory()
    connector = line_with(ana)
    now = timezone.now()
    # A history: closed sessions, sent messages, processed events.
    conversation = ConversationFactory(connector=connector, external_chat_id="old0")
    multiply(conversation, ROWS, external_chat_id="'old' || n")
    others = Conversation.objects.exclude(pk=conversation.pk)
    closed = SessionFactory(conversation=conversation, state="closed", closed_at=now)
    multiply(closed, others, conversation_id="n")
    sent = MessageFactory(conversation=conversation, direction="out", state="sent")
    multiply(sent, others, conversation_id="n", delivery_id="gen_random_uuid()")
    done = InboundEvent.objects.create(connector=connector, key="k0", state="done", received_at=now)
    multiply(done, ROWS, key="'k' || n")
    # Offers, most of them with time left, and a little of everything that waits.
    waiting_sessions(connector, FEW)
    busy = ConversationFactory(connector=connector, external_chat_id="busy0")
    multiply(busy, BUSY, external_chat_id="'busy' || n")
    others = Conversation.objects.filter(external_chat_id__startswith="busy", pk__gt=busy.pk)
    offered = SessionFactory(
        conversation=busy, state="offered", operator=ana, waiting_since=now, offered_at=now
    )
    multiply(offered, others, conversation_id="n")
    timer = Timer.objects.create(session=offered, kind="response", due_at=now - HOUR)
    untimed = Session.objects.filter(state="offered", pk__gt=offered.pk).order_by("pk")
    multiply(timer, untimed[:FEW], session_id="n")
    multiply(timer, untimed[FEW:], session_id="n", due_at="t.due_at + interval '5 hours'")
    queued = MessageFactory(conversation=busy, direction="out", state="queued", queued_at=now)
    few = others.order_by("pk")[:FEW]
    multiply(queued, few, conversation_id="n", delivery_id="gen_random_uuid()")
    pending = InboundEvent.objects.create(
        connector=connector, key="p0", state="pending", raw=b"{}", received_at=now,
        pending_at=now - HOUR,
    )  # fmt: skip
    multiply(pending, FEW, key="'p' || n")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return connector


def test_hot_queries_use_their_indexes() -> None:
    """What each action asks, and by which index it is answered."""
    connector = many_rows()
    line = connector.open_channel_id
    now = timezone.now()
    waiting = Session.objects.filter(no_operator_since__isnull=False).latest("pk")
    offered = Session.objects.filter(state="offered").latest("pk")
    outbox = Message.objects.filter(queued_at__isnull=False).latest("pk")
    operator_id = Operator.objects.get().pk
    expected: list[tuple[str, Callable[[], Any], str, str]] = [
        (
            "the deadlines that have come",
            lambda: timers_sweep(now=now, limit=1),
            'FROM "queue_app_timer" WHERE "queue_app_timer"."due_at"', "timer_due",
        ),
        (
            "who waits longest on a line",
            lambda: desk._oldest_waiting(line),
            'FROM "queue_app_session"', "session_no_operator",
        ),
        (
            "whether others wait longer",
            lambda: line_candidates(line, waiting),
            "FROM queue_app_lineoperator", "session_no_operator",
        ),
        (
            "the open session of a conversation",
            lambda: session_customer_turn(
                conversation_id=offered.conversation_id, version=9, now=now
            ),
            "UPDATE queue_app_session", "session_one_open",
        ),
        (
            "the offers an operator holds",
            lambda: desk.holdings_return(operator_id=operator_id + 1, now=now),
            'FROM "queue_app_session"', "session_open_by_operator",
        ),
        (
            "the outbox of all conversations",
            lambda: delivery_sweep(now=now),
            'FROM "channels_app_message"', "message_outbox",
        ),
        (
            "the head of one conversation's line",
            lambda: conversation_deliver(conversation_id=outbox.conversation_id, now=now),
            'FROM "channels_app_message"', "message_outbox_by_thread",
        ),
        (
            "events to be tried again",
            lambda: inbound_sweep(now=now),
            'FROM "channels_app_inboundevent"', "inbound_event_pending",
        ),
    ]  # fmt: skip
    big = {
        "queue_app_session", "queue_app_timer", "channels_app_message",
        "channels_app_inboundevent", "channels_app_conversation",
    }  # fmt: skip
    for what, action, beginning, index in expected:
        found = [(sql, params) for sql, params in recorded(action) if beginning in sql]
        assert found, f"{what}: no such statement"
        sql, params = found[0]
        assert index in indexes_used(sql, params), f"{what}: {plan_of(sql, params)}"
        assert not big & scanned_whole(sql, params), what
    # Negative control: the same rows asked for by a value instead of IS NOT NULL.
    by_value = "SELECT id FROM channels_app_message WHERE state = %s ORDER BY queued_at"
    assert "message_outbox" not in indexes_used(by_value, ("queued",))
    assert scanned_whole(by_value, ("queued",)) == {"channels_app_message"}
