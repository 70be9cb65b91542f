"""Is the process alive, is it ready, how is the work going: for probes and for Prometheus."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels_app.models import Attachment, EventState, InboundEvent, Message
from openlines_project.lib.clock import database_now
from queue_app.models import Session, SessionState, Timer

# A longer queue is counted no further: an alarm needs no exact number, the database its rest.
COUNT_LIMIT = 100_000
# The sweep ticks every 5 s, so a timer that waits for it is not late yet.
LATE_AFTER = timedelta(seconds=10)
FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")

_migrated = False


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 while the process answers. It asks the database nothing."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when the database answers and is up to date, 503 otherwise."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        migrated = is_migrated()
    except DatabaseFault:
        return JsonResponse({"status": "unavailable", "database": "away"}, status=503)
    if not migrated:
        return JsonResponse({"status": "unavailable", "database": "not migrated"}, status=503)
    return JsonResponse({"status": "ok", "database": "ready"})


def is_migrated() -> bool:
    """Whether every migration has been applied. Once true it is asked no more."""
    global _migrated  # noqa: PLW0603  the plan costs a hundred milliseconds, probes come often
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number for Prometheus."""

    name: str
    meaning: str
    value: float


def gauges(*, now: datetime) -> Iterator[Gauge]:
    """Read how much work waits, and how long the oldest of it does (seconds).

    Every query walks a partial index that holds only what waits.
    """
    outbox = Message.objects.filter(queued_at__isnull=False)
    yield _count("outbox_messages", "Messages waiting to be sent.", outbox)
    yield _age("outbox_oldest_seconds", "Age of the oldest of them.", outbox, "queued_at", now)

    pending = InboundEvent.objects.filter(pending_at__isnull=False)
    yield _count("inbound_pending_events", "Delivered events to be tried again.", pending)
    yield _age("inbound_pending_oldest_seconds", "Age of the oldest.", pending, "received_at", now)
    dead = InboundEvent.objects.filter(raw__isnull=False, state=EventState.DEAD)
    yield _count("inbound_dead_events", "Delivered events given up; see the admin.", dead)

    late = Timer.objects.filter(due_at__lt=now - LATE_AFTER)
    yield _count("timers_late", "Deadlines more than 10 s overdue.", late)
    yield _age("timers_latest_seconds", "How long the oldest is overdue.", late, "due_at", now)

    waiting = Session.objects.filter(closed_at__isnull=True, state=SessionState.WAITING)
    yield _count("sessions_waiting", "Sessions without an operator.", waiting)
    yield _age("sessions_waiting_oldest_seconds", "Age of the oldest.", waiting, "started_at", now)

    files = Attachment.objects.filter(pending_at__isnull=False)
    yield _count("attachments_pending", "Files still to be fetched from platforms.", files)


def _count(name: str, meaning: str, rows: QuerySet[Any]) -> Gauge:
    return Gauge(name, meaning, rows.order_by().values("pk")[:COUNT_LIMIT].count())


def _age(name: str, meaning: str, rows: QuerySet[Any], field: str, now: datetime) -> Gauge:
    oldest: datetime | None = rows.order_by(field).values_list(field, flat=True).first()
    return Gauge(name, meaning, max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The gauges as Prometheus text, for this machine or for who knows METRICS_TOKEN."""
    if not metrics_allowed(request):
        return HttpResponse(status=404)
    try:
        lines = [line for gauge in gauges(now=database_now()) for line in _lines(gauge)]
    except DatabaseFault:
        return HttpResponse("openlines_up 0\n", content_type="text/plain", status=503)
    text = "\n".join(["openlines_up 1", *lines, ""])
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _lines(gauge: Gauge) -> Iterator[str]:
    yield f"# HELP openlines_{gauge.name} {gauge.meaning}"
    yield f"# TYPE openlines_{gauge.name} gauge"
    yield f"openlines_{gauge.name} {gauge.value:g}"


def metrics_allowed(request: HttpRequest) -> bool:
    """Whether the request bears the token, or comes from this machine and through no proxy.

    A proxy on this machine would lend every visitor its own loopback address, so a request
    that carries any header of a proxy needs the token.
    """
    token: str = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and secrets.compare_digest(given.encode(), token.encode()):
        return True
    if any(header in request.META for header in FORWARDING_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
