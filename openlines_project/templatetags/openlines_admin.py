"""Words and times of the administration's own pages."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils import timezone
from django.utils.formats import date_format

register = template.Library()


@register.filter
def moment(at: dt.datetime | None) -> str:
    """A time as people say it: the clock today, weekday and clock in the week, else the date.

    Empty for no time.
    """
    if at is None:
        return ""
    here = timezone.localtime(at)
    today = timezone.localdate()
    if here.date() == today:
        return date_format(here, "H:i")
    if dt.timedelta(0) < today - here.date() < dt.timedelta(days=7):
        return date_format(here, "D H:i")
    return date_format(here, "SHORT_DATE_FORMAT")
