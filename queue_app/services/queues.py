"""The queue of a line: its members, and the people they stand for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TypedDict

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import OpenChannel
from channels_app.services.errors import InvalidError
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import LineOperator, QueueMember
from queue_app.services.operators import operators_for_users
from queue_app.services.routing import line_queue_make


class Member(TypedDict, total=False):
    """A place in a queue: a user or a group, exactly one."""

    user: User | None
    group: Group | None


def queue_members_replace(
    *,
    open_channel: OpenChannel,
    members: Sequence[Member],
    now: dt.datetime,  # noqa: ARG001  every change of a queue names its moment
) -> list[QueueMember]:
    """Make the queue exactly these members, in this order. Raises `InvalidError`.

    Somebody named twice counts at his first place.
    """
    rows: list[QueueMember] = []
    seen: set[tuple[int | None, int | None]] = set()
    for member in members:
        user, group = member.get("user"), member.get("group")
        if (user is None) == (group is None):
            sentence = _("Name either an operator or a group.")
            raise InvalidError("invalid", sentence, fields={"members": [sentence]})
        row = QueueMember(open_channel=open_channel, user=user, group=group, position=len(rows) + 1)
        if (row.user_id, row.group_id) not in seen:
            seen.add((row.user_id, row.group_id))
            rows.append(row)
    with transaction.atomic():
        _queue_lock(open_channel)
        existing = {
            (row.user_id, row.group_id): row
            for row in QueueMember.objects.filter(open_channel=open_channel)
        }
        keep: list[QueueMember] = []
        for row in rows:
            old = existing.pop((row.user_id, row.group_id), None)
            if old is None:
                row.save(force_insert=True)
                keep.append(row)
            else:
                if old.position != row.position:
                    old.position = row.position
                    old.save(update_fields=["position"])
                keep.append(old)
        QueueMember.objects.filter(pk__in=[row.pk for row in existing.values()]).delete()
        queue_changed(open_channel=open_channel)
    return keep


def _queue_lock(open_channel: OpenChannel) -> None:
    """One change of a line's queue at a time: what it is made of is read after the one before.

    The sweep spreads queues out too; without the lock it could put back whom a person has just
    taken out.
    """
    list(
        OpenChannel.objects.select_for_update(no_key=True)
        .filter(pk=open_channel.pk)
        .values_list("pk")
    )


@transaction.atomic
def queue_member_add(
    *,
    open_channel: OpenChannel,
    now: dt.datetime,
    user: User | None = None,
    group: Group | None = None,
    position: int | None = None,
) -> QueueMember:
    """Add a member, at the end or at a position (1 = first). Adding him again moves him."""
    _queue_lock(open_channel)
    members = [
        member
        for member in _members(open_channel)
        if not (
            (user is not None and member.get("user") == user)
            or (group is not None and member.get("group") == group)
        )
    ]
    place = len(members) if position is None else max(0, min(position - 1, len(members)))
    members.insert(place, {"user": user, "group": group})
    rows = queue_members_replace(open_channel=open_channel, members=members, now=now)
    return rows[place]


@transaction.atomic
def queue_member_remove(*, queue_member: QueueMember, now: dt.datetime) -> None:
    """Take a member out of the queue. Chats he accepted stay with him; offers are taken back."""
    _queue_lock(queue_member.open_channel)
    members = [
        member
        for member in _members(queue_member.open_channel)
        if (member.get("user"), member.get("group")) != (queue_member.user, queue_member.group)
    ]
    queue_members_replace(open_channel=queue_member.open_channel, members=members, now=now)


@transaction.atomic
def queue_members_copy(*, source: OpenChannel, target: OpenChannel, now: dt.datetime) -> None:
    """Give a line the queue of another, and its people the names that customers see there."""
    queue_members_replace(open_channel=target, members=_members(source), now=now)
    named = LineOperator.objects.filter(open_channel=source).exclude(alias_name="")
    for operator_id, alias_name in named.values_list("operator_id", "alias_name"):
        LineOperator.objects.filter(open_channel=target, operator_id=operator_id).update(
            alias_name=alias_name
        )


def _members(open_channel: OpenChannel) -> list[Member]:
    return [
        {"user": row.user, "group": row.group}
        for row in QueueMember.objects.filter(open_channel=open_channel).select_related(
            "user", "group"
        )
    ]


def queue_changed(*, open_channel: OpenChannel) -> None:
    """Spread the queue out anew, inside the caller's transaction; redistribute after it."""
    line_operators_sync(open_channel=open_channel)
    enqueue_after_commit(tasks.line_redistribute, open_channel.pk)


@transaction.atomic
def line_operators_sync(*, open_channel: OpenChannel) -> bool:
    """Bring `LineOperator` in line with the members: one row per person, groups spread out.

    A group stands for its active users at its place, in the order of their names. Returns
    whether anything changed; writes nothing otherwise.
    """
    _queue_lock(open_channel)
    line_queue_make(open_channel.pk)
    users: dict[int, User] = {}
    for member in QueueMember.objects.filter(open_channel=open_channel).select_related("user"):
        people = (
            [member.user]
            if member.user is not None
            else list(
                User.objects.filter(groups=member.group_id, is_active=True).order_by(
                    "first_name", "last_name", "username"
                )
            )
        )
        for user in people:
            users.setdefault(user.pk, user)
    operators = operators_for_users(list(users.values()))
    wanted = {operators[user_id].pk: position for position, user_id in enumerate(users, start=1)}
    rows = {row.operator_id: row for row in LineOperator.objects.filter(open_channel=open_channel)}
    changed = False
    for operator_id, row in rows.items():
        position = wanted.get(operator_id)
        if row.position != position:
            LineOperator.objects.filter(pk=row.pk).update(position=position)
            changed = True
    new = [
        LineOperator(open_channel=open_channel, operator_id=operator_id, position=position)
        for operator_id, position in wanted.items()
        if operator_id not in rows
    ]
    if new:
        LineOperator.objects.bulk_create(new, ignore_conflicts=True)
        changed = True
    return changed
