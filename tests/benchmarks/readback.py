"""After each measurement: as many rows as there must be, or the run fails."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Max, Min, Q, Sum

from channels_app.models import Conversation, InboundEvent, Message
from queue_app.models import Assignment, LineOperator, Operator, Session, SessionEvent, Timer
from tests.benchmarks.data import Bench


@dataclass(frozen=True)
class Counts:
    """Rows of the whole bench database."""

    events: int
    conversations: int
    messages: int
    sessions: int
    offers: int
    timers: int
    steps: int
    places: int
    unread: int


def snapshot(bench: Bench) -> Counts:
    return Counts(
        events=InboundEvent.objects.count(),
        conversations=Conversation.objects.count(),
        messages=Message.objects.count(),
        sessions=Session.objects.count(),
        offers=Assignment.objects.filter(ended_at__isnull=True).count(),
        timers=Timer.objects.filter(kind="response").count(),
        steps=SessionEvent.objects.count(),
        places=Operator.objects.aggregate(sum=Sum("open_chats"))["sum"],
        unread=Session.objects.aggregate(sum=Sum("unread"))["sum"] or 0,
    )


def check(bench: Bench, name: str, before: Counts, *, answered: int) -> None:
    """Compare the rows with the answers. Raises `SystemExit` with what is wrong."""
    after = snapshot(bench)
    first = 0 if name == "T1" else answered
    must = Counts(
        events=before.events + answered,
        conversations=before.conversations + first,
        messages=before.messages + answered,
        sessions=before.sessions + first,
        offers=before.offers + first,
        timers=before.timers + first,
        steps=before.steps + 2 * first,
        places=before.places + first,
        unread=before.unread + answered,
    )
    if after != must:
        raise SystemExit(f"{name}: rows are missing or too many\nmust {must}\nis   {after}")
    gaps = (
        Conversation.objects.annotate(count=Count("messages"), top=Max("messages__seq"))
        .filter(Q(count__gt=0) & (~Q(count=F("top")) | ~Q(last_seq=F("top"))))
        .count()
    )
    if gaps:
        raise SystemExit(f"{name}: {gaps} conversations have gaps in their numbers")
    if name != "T1":
        lines = [row.open_channel_id for row in (bench.one if name == "T2-1" else bench.eight)]
        for line in lines:
            spread = (
                Assignment.objects.filter(session__open_channel_id=line)
                .values("operator")
                .annotate(count=Count("pk"))
                .aggregate(low=Min("count"), high=Max("count"))
            )
            people = LineOperator.objects.filter(open_channel_id=line).count()
            if spread["high"] is not None and people and spread["high"] - spread["low"] > 1:
                raise SystemExit(f"{name}: line {line} is not even: {spread}")
