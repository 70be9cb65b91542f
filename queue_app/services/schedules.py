"""The weekly times of an operator: they put him on duty and off.

**The later act wins.** What he does with his own button holds until the schedule changes next, and
a change that is carried out late yields to what he did after it. Leave and holidays are facts of
their own: the schedule does not look at them, the distribution does.
"""

from __future__ import annotations

import datetime as dt
import logging
import zoneinfo
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Weekday
from channels_app.services.errors import InvalidError
from queue_app.models import DutyState, Operator, OperatorShift
from queue_app.schedule import Hours, Interval, is_open, next_change
from queue_app.services.operators import duty_write

logger = logging.getLogger(__name__)

# Ten a day: more is a mistake of the sender's.
MAX_SHIFTS = 70
BATCH = 200


@dataclass(frozen=True, slots=True)
class Shift:
    """On duty every week on `weekday` (0 = Monday). `ends` at or before `starts` is a time of
    the next day; the same time is 24 hours."""

    weekday: int
    starts: dt.time
    ends: dt.time


def operator_schedule_set(
    *,
    operator: Operator,
    follows_schedule: bool,
    schedule_zone: str,
    shifts: Sequence[Shift],
    now: dt.datetime,
) -> Operator:
    """Set the weekly times and whether they count. Raises `InvalidError`.

    An empty zone is the server's. Where the new times say something else of this moment than the
    old ones did, that is a change of the schedule: his duty follows it at once.
    """
    _check(follows_schedule, schedule_zone, shifts)
    with transaction.atomic():
        current = Operator.objects.select_for_update(no_key=True).get(pk=operator.pk)
        stored = set(operator_shifts(current))
        wanted = set(shifts)
        before = (current.follows_schedule, current.schedule_zone, stored)
        if before != (follows_schedule, schedule_zone, wanted):
            worked = _is_on(current, stored, now) if current.follows_schedule else None
            current.follows_schedule, current.schedule_zone = follows_schedule, schedule_zone
            OperatorShift.objects.filter(operator=current).delete()
            OperatorShift.objects.bulk_create(
                OperatorShift(
                    operator=current, weekday=shift.weekday, starts=shift.starts, ends=shift.ends
                )
                for shift in _ordered(wanted)
            )
            current.schedule_next_at = (
                next_change(operator_hours(current, wanted), now) if follows_schedule else None
            )
            current.save(update_fields=["follows_schedule", "schedule_zone", "schedule_next_at"])
            works = _is_on(current, wanted, now)
            if follows_schedule and works != worked:
                duty_write(operator_id=current.pk, duty=_duty(works), now=now)
    operator.refresh_from_db()
    return operator


def _check(follows_schedule: bool, schedule_zone: str, shifts: Sequence[Shift]) -> None:
    fields: dict[str, list[str]] = {}
    if schedule_zone and schedule_zone not in zoneinfo.available_timezones():
        fields["schedule_zone"] = [_("There is no such time zone.")]
    if any(shift.weekday not in Weekday.values for shift in shifts):
        fields["shifts"] = [_("There is no such day.")]
    elif len({(shift.weekday, shift.starts) for shift in shifts}) < len(shifts):
        fields["shifts"] = [_("Two shifts begin at the same time. Remove one.")]
    elif len(shifts) > MAX_SHIFTS:
        fields["shifts"] = [_("At most %d shifts.") % MAX_SHIFTS]
    elif follows_schedule and not shifts:
        fields["shifts"] = [_("Add a shift, or switch the schedule off.")]
    if fields:
        raise InvalidError("invalid", _("The schedule makes no sense as it is."), fields=fields)


def schedules_sweep(*, now: dt.datetime) -> int:
    """Put on duty and off whose schedule has changed. Returns how many duties changed.

    Each in a transaction of its own; two sweeps at once are harmless.
    """
    due = Operator.objects.filter(schedule_next_at__lte=now).order_by("schedule_next_at", "pk")
    changed = 0
    for operator_id in list(due.values_list("pk", flat=True)[:BATCH]):
        try:
            changed += _schedule_follow(operator_id, now)
        except Exception:
            logger.exception("The schedule of an operator could not be followed")
    return changed


@transaction.atomic
def _schedule_follow(operator_id: int, now: dt.datetime) -> bool:
    operator = Operator.objects.select_for_update(no_key=True).get(pk=operator_id)
    change = operator.schedule_next_at
    if change is None or change > now:
        return False  # another sweep was faster
    shifts = operator_shifts(operator)
    hours = operator_hours(operator, shifts)
    following = next_change(hours, change)
    while following is not None and following <= now:
        change, following = following, next_change(hours, following)
    Operator.objects.filter(pk=operator_id).update(schedule_next_at=following)
    pressed = operator.duty_changed_at
    if pressed is not None and pressed > change:
        return False  # he did something else since
    return duty_write(operator_id=operator_id, duty=_duty(is_open(hours, now)), now=now)


def operator_hours(operator: Operator, shifts: Collection[Shift]) -> Hours:
    """The weekly times as rules, in his zone."""
    return Hours(
        zone=zoneinfo.ZoneInfo(operator.schedule_zone or settings.TIME_ZONE),
        intervals=tuple(
            Interval(shift.weekday, shift.starts, shift.ends) for shift in _ordered(shifts)
        ),
    )


def operator_schedule_next(operator: Operator) -> tuple[dt.datetime, str] | None:
    """When the schedule next changes his duty, and to what; None when he follows none."""
    moment = operator.schedule_next_at
    if moment is None:
        return None
    return moment, _duty(is_open(operator_hours(operator, operator_shifts(operator)), moment))


def operator_shifts(operator: Operator) -> list[Shift]:
    """The weekly times as they are stored."""
    rows = OperatorShift.objects.filter(operator=operator)
    return [Shift(row.weekday, row.starts, row.ends) for row in rows]


def _ordered(shifts: Collection[Shift]) -> list[Shift]:
    return sorted(shifts, key=lambda shift: (shift.weekday, shift.starts))


def _is_on(operator: Operator, shifts: Collection[Shift], now: dt.datetime) -> bool:
    return is_open(operator_hours(operator, shifts), now)


def _duty(is_working: bool) -> str:
    return (DutyState.ON if is_working else DutyState.OFF).value
