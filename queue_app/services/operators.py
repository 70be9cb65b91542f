"""Operators: who they are and whether they are on duty."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.services.errors import InvalidError
from openlines_project.lib.tasks import enqueue_after_commit
from openlines_project.lib.text import clean_text
from queue_app import tasks
from queue_app.models import DutyState, LineOperator, Operator


def operators_for_users(users: Sequence[User]) -> dict[int, Operator]:
    """The operators of these users by user id; missing ones are made, off duty."""
    ids = [user.pk for user in users]
    found = {row.user_id: row for row in Operator.objects.filter(user_id__in=ids)}
    missing = [user for user in users if user.pk not in found]
    if missing:
        Operator.objects.bulk_create(
            [Operator(user=user) for user in missing], ignore_conflicts=True
        )
        found = {row.user_id: row for row in Operator.objects.filter(user_id__in=ids)}
    return found


def operator_for_user(user: User) -> Operator:
    """A user's operator, made on first need."""
    return operators_for_users([user])[user.pk]


def operator_duty_set(
    *, operator: Operator, duty: str, now: dt.datetime, actor: User | None = None
) -> Operator:
    """Start, pause or end duty: the operator's own act. Raises `InvalidError`.

    `actor` is who did it; when that is somebody else, it is written into the operator's history
    in the admin. Coming on duty offers him what waits; leaving returns what he did not accept.
    Both happen after the commit, in the worker, and by the sweep should the worker be away.
    """
    if duty not in DutyState.values:
        raise InvalidError(
            "invalid", _("Duty is on, pause or off."), fields={"state": [_("Unknown value.")]}
        )
    with transaction.atomic():
        changed = duty_write(operator_id=operator.pk, duty=duty, now=now)
        if changed and actor is not None and actor.pk != operator.user_id:
            LogEntry.objects.log_actions(
                user_id=actor.pk,
                queryset=[operator],
                action_flag=CHANGE,
                change_message=_("Duty: %(state)s") % {"state": DutyState(duty).label},
                single_object=True,
            )
    operator.refresh_from_db()
    return operator


def duty_write(*, operator_id: int, duty: str, now: dt.datetime) -> bool:
    """Change the duty inside the caller's transaction. Returns whether it was another one."""
    changed = (
        Operator.objects.filter(pk=operator_id)
        .exclude(duty=duty)
        .update(duty=duty, duty_changed_at=now)
    )
    if changed:
        enqueue_after_commit(tasks.operator_duty_changed, operator_id)
    return bool(changed)


def operator_update(
    *,
    operator: Operator,
    now: dt.datetime,  # noqa: ARG001  every change of an operator names its moment
    leave_from: dt.datetime | None,
    leave_until: dt.datetime | None,
    max_chats: int,
) -> Operator:
    """Set an operator's leave and his cap over all lines. Raises `InvalidError`.

    What he has not accepted goes back when his leave has begun, as when he goes off duty.
    """
    if leave_from is not None and leave_until is not None and leave_until <= leave_from:
        raise InvalidError(
            "invalid",
            _("The leave ends before it begins."),
            fields={"leave_until": [_("Choose a time after the beginning of the leave.")]},
        )
    values = {"leave_from": leave_from, "leave_until": leave_until, "max_chats": max_chats}
    with transaction.atomic():
        current = Operator.objects.select_for_update(no_key=True).get(pk=operator.pk)
        if any(getattr(current, name) != value for name, value in values.items()):
            Operator.objects.filter(pk=operator.pk).update(**values)
            enqueue_after_commit(tasks.operator_duty_changed, operator.pk)
    operator.refresh_from_db()
    return operator


@transaction.atomic
def operator_aliases_set(*, operator: Operator, aliases: Mapping[int, str]) -> None:
    """Set what customers of some of his lines call an operator; empty for no name.

    `aliases` are by the id of his place in the line (`LineOperator`); others' places stay as
    they are. A line shows them where it is set to. What was sent keeps the name it had.
    """
    for place_id, alias in aliases.items():
        LineOperator.objects.filter(pk=place_id, operator=operator).update(
            alias_name=clean_text(alias, max_length=80).strip()
        )
