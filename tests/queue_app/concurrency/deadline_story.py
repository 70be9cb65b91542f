"""Sessions with one deadline each, of every kind, and what the database saw come of them."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from channels_app.models import Connector, Message, OpenChannel
from channels_app.services.receipts import message_state_forward
from queue_app.models import AssignmentOutcome, Session, Timer
from queue_app.services import timers
from queue_app.services.endings import session_end
from queue_app.services.locks import session_lock
from queue_app.services.replies import session_reply
from queue_app.services.routing import session_hand_back
from queue_app.services.sessions import session_accept
from queue_app.services.snoozes import session_snooze
from queue_app.services.timer_handlers import Then
from tests.factories import OperatorFactory
from tests.queue_app.desk_story import customer_writes, line_with
from tests.queue_app.line_story import hours_set, reminder_set, text_set

DAY = dt.timedelta(days=1)
# What is scattered comes within this time; the lines' own minutes are all longer.
SOON = dt.timedelta(minutes=5)

# All that comes of a deadline, as events of its session: exactly this, and each of them once.
EFFECTS: dict[str, Counter[str]] = {
    "auto_close": Counter(["text:auto_close", "ended"]),
    "ceiling": Counter(["closed"]),
    "grace": Counter(["closed"]),
    "no_answer": Counter(["text:no_answer", "no_answer"]),
    "opening": Counter(["offered"]),
    "reminder": Counter(["text:reminder"]),
    "response": Counter(["expired", "offered"]),
    "route": Counter(["offered"]),
    "snooze": Counter(["woken"]),
}


@dataclass(slots=True)
class Deadline:
    """A session and the one deadline of it that comes. `due_at` is set by `deadlines_scatter`."""

    session_id: int
    kind: str
    due_at: dt.datetime


class Desk:
    """The lines on which these sessions are, and how one of each kind is made."""

    def __init__(self) -> None:
        self.people = [OperatorFactory(max_chats=100_000) for _ in range(3)]
        self.queue = line_with(*self.people, response_minutes=30)
        self.nobody = line_with(no_answer_action="text", no_answer_minutes=30)
        text_set(self.nobody.open_channel, "no_answer", "Nobody is here")
        self.closed = line_with(*self.people, response_minutes=30, distribute_closed=False)
        in_three_days = (timezone.now() + 3 * DAY).weekday()
        hours_set(self.closed.open_channel, (in_three_days, "10:00", "11:00"))
        self.silent = line_with(*self.people, auto_close_minutes=600, grace_minutes=30)
        text_set(self.silent.open_channel, "auto_close", "Goodbye")
        text_set(self.silent.open_channel, "ending", "See you")
        for position in (1, 2, 3):
            reminder_set(
                self.silent.open_channel, position=position, minutes=position * 60, text="Still?"
            )
        self.customers = 0

    def make(self, kind: str) -> Session:
        makers: dict[str, Callable[[], Session]] = {
            "auto_close": self._answered, "ceiling": self._long_waiting, "grace": self._ending,
            "no_answer": lambda: self._writes(self.nobody),
            "opening": lambda: self._writes(self.closed), "reminder": self._answered,
            "response": lambda: self._writes(self.queue), "route": self._handed_back,
            "snooze": self._snoozed,
        }  # fmt: skip
        return makers[kind]()

    def open_hours_end(self) -> None:
        """From now on the line with hours is always open."""
        lines = OpenChannel.objects.filter(pk=self.closed.open_channel_id)
        lines.update(has_hours=False, version=F("version") + 1)

    def _writes(self, connector: Connector) -> Session:
        self.customers += 1
        return customer_writes(connector, f"u{self.customers}", now=timezone.now())

    def _accepted(self) -> Session:
        session = self._writes(self.silent)
        assert session.operator is not None
        now = timezone.now()
        return session_accept(session_id=session.pk, operator=session.operator, now=now)

    def _answered(self) -> Session:
        session, now = self._writes(self.silent), timezone.now()
        assert session.operator is not None
        message = session_reply(
            session_id=session.pk, user=session.operator.user, text="Yes",
            client_key="key-00000001", now=now,
        )  # fmt: skip
        with transaction.atomic():
            message_state_forward(message=message, state="sent", now=now)
        return session

    def _ending(self) -> Session:
        session = self._answered()
        assert session.operator is not None
        return session_end(session_id=session.pk, actor=session.operator.user, now=timezone.now())

    def _snoozed(self) -> Session:
        session, now = self._accepted(), timezone.now()
        assert session.operator is not None
        return session_snooze(
            session_id=session.pk, actor=session.operator.user, until=now + DAY, now=now
        )

    def _long_waiting(self) -> Session:
        session = self._writes(self.nobody)
        since = timezone.now() - 31 * DAY
        Session.objects.filter(pk=session.pk).update(waiting_since=since)
        return session

    def _handed_back(self) -> Session:
        """As after a process that died between the hand-back and the next offer."""
        pk = self._writes(self.queue).pk
        with transaction.atomic():
            conversation, session = session_lock(pk)
            session_hand_back(
                session=session, conversation=conversation, step="expire", event="expired",
                outcome=AssignmentOutcome.EXPIRED, now=timezone.now(), data={"waited_s": 0},
            )  # fmt: skip
        return session


def deadlines_make(count: int, kinds: Collection[str] = tuple(EFFECTS)) -> list[Deadline]:
    """So many sessions, of these kinds in turn; nothing of them is due within the day."""
    desk = Desk()
    ordered = sorted(kinds)
    made = [
        Deadline(desk.make(kind).pk, kind, timezone.now() + DAY)
        for kind in (ordered[number % len(ordered)] for number in range(count))
    ]
    desk.open_hours_end()
    Timer.objects.update(due_at=timezone.now() + DAY)
    for one in made:
        assert Timer.objects.filter(session=one.session_id, kind=one.kind).exists(), one.kind
    return made


def deadlines_scatter(
    deadlines: Sequence[Deadline], *, begin: dt.datetime, seconds: float, seed: int
) -> None:
    """Have these come at random within so many seconds."""
    chance = random.Random(seed)
    for one in deadlines:
        one.due_at = begin + dt.timedelta(seconds=chance.uniform(0, seconds))
        rows = Timer.objects.filter(session=one.session_id, kind=one.kind)
        assert rows.update(due_at=one.due_at) == 1


def deadlines_left(deadlines: Sequence[Deadline]) -> int:
    """How many of these are not handled yet. What follows from them comes later than `SOON`."""
    soon = timezone.now() + SOON
    ids = [one.session_id for one in deadlines]
    return Timer.objects.filter(session__in=ids, due_at__lt=soon).count()


class Log:
    """The events that were committed since, as the database's own trigger wrote them down."""

    def rows(self) -> list[tuple[int, str, dt.datetime, dt.datetime]]:
        """Each as `(session, what, when by the service's clock, when by the database's)`."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT session_id, what, at, wall FROM happened ORDER BY wall")
            return list(cursor.fetchall())

    def faults(self, deadlines: Sequence[Deadline], *, wall: bool) -> list[str]:
        """Deadlines whose effect did not come exactly once, or too early."""
        seen: dict[int, list[tuple[str, dt.datetime]]] = defaultdict(list)
        for session_id, what, at, at_wall in self.rows():
            seen[session_id].append((what, at_wall if wall else at))
        found = []
        for one in deadlines:
            effects = seen.pop(one.session_id, [])
            counted = Counter(what for what, _at in effects)
            if counted != EFFECTS[one.kind]:
                found.append(f"{one.kind} of {one.session_id}: {dict(counted)}")
            found += [
                f"{one.kind} of {one.session_id}: {what} early"
                for what, at in effects
                if at < one.due_at
            ]
        return found + [f"{session_id}: {effects}" for session_id, effects in seen.items()]

    def lateness_seconds(self, deadlines: Sequence[Deadline], *, wall: bool) -> list[float]:
        """How late the effects came, the latest last."""
        due = {one.session_id: one.due_at for one in deadlines}
        return sorted(
            ((at_wall if wall else at) - due[session_id]).total_seconds()
            for session_id, _what, at, at_wall in self.rows()
        )

    def texts(self) -> int:
        """How many texts were sent because of a deadline."""
        return sum(what.startswith("text:") for _session, what, _at, _wall in self.rows())


@contextmanager
def everything_logged() -> Iterator[Log]:
    """Have the database write down every event of a session that is committed from here on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE happened (session_id bigint, what text, at timestamptz, wall timestamptz)"
        )
        cursor.execute(
            "CREATE FUNCTION happens() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN INSERT INTO happened VALUES (NEW.session_id, CASE WHEN NEW.kind = 'text'"
            " THEN 'text:' || (NEW.data->>'kind') ELSE NEW.kind END, NEW.at, clock_timestamp());"
            " RETURN NEW; END$$"
        )
        cursor.execute(
            "CREATE TRIGGER happens AFTER INSERT ON queue_app_sessionevent"
            " FOR EACH ROW EXECUTE FUNCTION happens()"
        )
    try:
        yield Log()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER happens ON queue_app_sessionevent")
            cursor.execute("DROP FUNCTION happens")
            cursor.execute("DROP TABLE happened")


def texts_sent() -> int:
    """How many automatic texts customers were sent."""
    return Message.objects.filter(author_kind="system", direction="out").count()


def claims_without_their_check() -> Callable[[int, dt.datetime], tuple[Any, Then] | None]:
    """`timers._timer_handle` that trusts what was read with the batch, for negative controls."""
    read = {timer.pk: timer for timer in Timer.objects.all()}

    def handle(timer_id: int, now: dt.datetime) -> tuple[Any, Then] | None:
        with transaction.atomic():
            timer = read.get(timer_id) or Timer.objects.filter(pk=timer_id).first()
            if timer is None:
                return None
            conversation, session = session_lock(timer.session_id)
            Timer.objects.filter(pk=timer_id).delete()
            return timer, timers.HANDLERS[timer.kind](session, conversation, now)

    return handle
