"""What is wrong with a line, told once: a queue without people, nobody on duty, endless rounds.

A notice is a row that stands while the trouble lasts. Whoever sees the trouble begins it; that it
is told once, however many messages come, is the unique open row. Mail goes out from the worker.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from channels_app.models import Connector, ConnectorStatus, OpenChannel
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import (
    DutyState,
    LineNotice,
    LineOperator,
    NoticeKind,
    Session,
    SessionState,
    WaitReason,
)
from queue_app.notice_words import notice_title, notice_words
from queue_app.services.rights import users_with_right

logger = logging.getLogger(__name__)

# What the check decides by itself, in the order of what is told when several are true.
CHECKED = (NoticeKind.QUEUE_EMPTY, NoticeKind.NOBODY_ON_DUTY)


def line_notice_begin(*, open_channel: OpenChannel, kind: str, now: dt.datetime) -> bool:
    """Something is wrong with a line. Returns whether that was not known yet.

    Inside the caller's transaction; who finds the notice standing writes nothing.
    """
    if LineNotice.objects.filter(
        open_channel=open_channel, kind=kind, ended_at__isnull=True
    ).exists():
        return False
    LineNotice.objects.bulk_create(
        [LineNotice(open_channel=open_channel, kind=kind, began_at=now)], ignore_conflicts=True
    )
    enqueue_after_commit(tasks.line_notices_sweep)
    return True


def line_notice_end(*, open_channel: OpenChannel, kind: str, now: dt.datetime) -> bool:
    """It is over. Returns whether it stood until now; the next time it is told again."""
    standing = LineNotice.objects.filter(
        open_channel=open_channel, kind=kind, ended_at__isnull=True
    )
    return bool(standing.update(ended_at=now))


def line_notices_sweep(*, now: dt.datetime) -> None:
    """Look at every line, and tell what is not told yet."""
    line_notices_check(now=now)
    line_notices_tell(now=now)


def line_notices_check(*, now: dt.datetime) -> int:
    """Begin and end the notices that follow from how things stand. Returns how many changed."""
    wrong: dict[tuple[int, str], OpenChannel] = {}
    for line in _lines_looked_at(now):
        if (kind := _trouble(line)) is not None:
            wrong[line.pk, kind] = line
    changed = 0
    standing = LineNotice.objects.filter(ended_at__isnull=True)
    known = set()
    for notice in standing.filter(kind__in=CHECKED).select_related("open_channel"):
        key = (notice.open_channel_id, notice.kind)
        known.add(key)
        if key not in wrong:
            changed += line_notice_end(open_channel=notice.open_channel, kind=notice.kind, now=now)
    for key, line in wrong.items():
        if key not in known:
            changed += line_notice_begin(open_channel=line, kind=key[1], now=now)
    # Routing begins it; it is over when no chat of the line rests there any more.
    rests = Session.objects.filter(
        open_channel=OuterRef("open_channel"),
        closed_at__isnull=True,
        state=SessionState.WAITING,
        wait_reason=WaitReason.ROUND_OVER,
    )
    over = standing.filter(kind=NoticeKind.ROUNDS_OVER).exclude(Exists(rests))
    return changed + over.update(ended_at=now)


def _lines_looked_at(now: dt.datetime) -> Iterable[OpenChannel]:
    """Lines at work with what can be wrong with them, in one query."""
    planned = Q(operator__leave_from__isnull=False) | Q(operator__leave_until__isnull=False)
    ahead, over = Q(operator__leave_from__gt=now), Q(operator__leave_until__lte=now)
    on_leave = planned & ~ahead & ~over
    now_there = LineOperator.objects.filter(
        open_channel=OuterRef("pk"), position__isnull=False, operator__user__is_active=True
    )
    connectors = Connector.objects.filter(open_channel=OuterRef("pk"))
    waits = Session.objects.filter(open_channel=OuterRef("pk"), no_operator_since__isnull=False)
    return OpenChannel.objects.filter(is_active=True, archived_at__isnull=True).annotate(
        has_people=Exists(now_there),
        has_duty=Exists(now_there.filter(~on_leave, operator__duty=DutyState.ON)),
        has_channel=Exists(connectors.exclude(status=ConnectorStatus.DISABLED)),
        somebody_waits=Exists(waits),
    )


def _trouble(line: OpenChannel) -> NoticeKind | None:
    """What is wrong with a line of `_lines_looked_at`; the deeper reason where there are two."""
    found = vars(line)  # the annotations, which the type does not know
    if not found["has_people"]:
        return NoticeKind.QUEUE_EMPTY if found["has_channel"] else None
    if line.check_availability and not found["has_duty"] and found["somebody_waits"]:
        return NoticeKind.NOBODY_ON_DUTY
    return None


# --- mail ---------------------------------------------------------------------------------


def line_notices_tell(*, now: dt.datetime) -> int:
    """Send the mail of notices that nobody was told of. Returns how many went out.

    A notice is claimed by its `told_at` before the mail is sent, so that two workers send one;
    it is given back when the mail server refuses, and tried again by the next sweep. A worker
    that dies between the two has told nobody: the banner still does.
    """
    untold = LineNotice.objects.filter(told_at__isnull=True, ended_at__isnull=True)
    told = 0
    for notice in untold.select_related("open_channel").order_by("began_at", "pk"):
        message = _message(notice)
        if message is None:
            continue  # nobody has an address: whoever gets one is told
        row = LineNotice.objects.filter(pk=notice.pk)
        if not row.filter(told_at__isnull=True).update(told_at=now):
            continue
        try:
            message.send()
        except Exception as error:
            row.filter(told_at=now).update(told_at=None)
            logger.exception("The mail of a notice was not sent and is tried again")
            if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPRecipientsRefused):
                break  # the server is away: the others would only wait for it
        else:
            told += 1
    return told


def _message(notice: LineNotice) -> EmailMessage | None:
    """The mail, in the language of the line; None when there is nobody to send it to."""
    addresses = sorted({user.email for user in notice_readers(notice)})
    if not addresses:
        return None
    line = notice.open_channel
    path = reverse("admin:channels_app_openchannel_change", args=[line.pk])
    with translation.override(line.language):
        # In one line: a name with a line break would be a header of its own.
        subject = " ".join(notice_title(notice).split())
        body = render_to_string(
            "emails/line_notice.txt",
            {
                "sentence": notice_words(notice),
                "address": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else "",
            },
        )
    return EmailMessage(subject=f"Open Lines: {subject}", body=body, to=addresses)


def notice_readers(notice: LineNotice) -> QuerySet[User]:
    """Who gets the mail: those who may change lines, and for endless rounds the supervisors of
    the line too; of each only active people with an address."""
    readers = Q(pk__in=users_with_right("channels_app.change_openchannel").values("pk"))
    if notice.kind == NoticeKind.ROUNDS_OVER:
        supervisors = users_with_right("queue_app.supervise_desk")
        everywhere = users_with_right("queue_app.view_all_sessions")
        members = LineOperator.objects.filter(
            open_channel_id=notice.open_channel_id, position__isnull=False
        )
        readers |= Q(pk__in=supervisors.values("pk")) & (
            Q(pk__in=everywhere.values("pk")) | Q(pk__in=members.values("operator__user_id"))
        )
    return User.objects.filter(readers, is_active=True).exclude(email="")
