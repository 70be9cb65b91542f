"""Names, lengths of time and previews, as the inbox shows them."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from channels_app.models import Conversation
from openlines_project.lib.people import avatar_number
from openlines_project.lib.text import neutral_name

# So long a customer is shown as writing, from the last we heard of it.
TYPING_FOR = dt.timedelta(seconds=10)
# As each language calls itself.
LANGUAGES = {"en": "English", "pt-br": "Português (Brasil)"}

# What a message is when it has no words.
KINDS = {
    "image": gettext_lazy("Photo"),
    "audio": gettext_lazy("Audio"),
    "voice": gettext_lazy("Voice message"),
    "video": gettext_lazy("Video"),
    "file": gettext_lazy("File"),
    "sticker": gettext_lazy("Sticker"),
    "location": gettext_lazy("Location"),
    "contact": gettext_lazy("Contact"),
    "link": gettext_lazy("Link"),
    "unsupported": gettext_lazy("A message this channel cannot show"),
}


def customer_name(conversation: Conversation) -> str:
    """What we call the person of a conversation."""
    profile = conversation.profile
    username = str(profile.get("username") or "")
    name = (
        conversation.display_name
        or (username and f"@{username.removeprefix('@')}")
        or str(profile.get("phone") or profile.get("email") or "")
    )
    return neutral_name(name) or _("Customer %(number)s") % {"number": conversation.pk}


def languages() -> list[dict[str, str]]:
    """The languages of the interface, each in its own words."""
    return [{"code": code, "name": LANGUAGES.get(code, code)} for code, _name in settings.LANGUAGES]


def conversation_avatar(conversation: Conversation) -> int:
    return avatar_number(conversation.contact_id or conversation.pk)


def preview(conversation: Conversation) -> str:
    """The newest message in one line."""
    return conversation.last_text or str(KINDS.get(conversation.last_kind, ""))


def moment(at: dt.datetime) -> str:
    """When, in as few letters as it takes: a clock time today, a weekday in the week, a date."""
    local, today = timezone.localtime(at), timezone.localdate()
    days = (today - local.date()).days
    if days == 0:
        return date_format(local, "H:i")
    if 0 < days < 7:
        return date_format(local, "D")
    if local.year == today.year:
        return date_format(local, pgettext("a date of this year", "j M"))
    return date_format(local, pgettext("a date of another year", "j M Y"))


def coming(at: dt.datetime) -> str:
    """A moment that is still to come: a clock time today, with its day otherwise."""
    local = timezone.localtime(at)
    clock = date_format(local, "H:i")
    days = (local.date() - timezone.localdate()).days
    if days == 0:
        return clock
    if 0 < days < 7:
        return f"{date_format(local, 'l')} {clock}"
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {clock}"


def day_name(day: dt.date) -> str:
    """A day as a heading between messages."""
    today = timezone.localdate()
    behind_a_word = date_format(day, pgettext("a day behind Today or Yesterday", "l j F"))
    if day == today:
        return _("Today, %(day)s") % {"day": behind_a_word}
    if day == today - dt.timedelta(days=1):
        return _("Yesterday, %(day)s") % {"day": behind_a_word}
    if day.year == today.year:
        return date_format(day, pgettext("a day of this year", "l j F"))
    return date_format(day, pgettext("a day of another year", "l j F Y"))


def wait_length(length: dt.timedelta) -> str:
    """How long somebody waits: minutes, then hours and minutes, then days."""
    minutes = max(1, int(length.total_seconds() // 60))
    hours, minutes_left = divmod(minutes, 60)
    if not hours:
        return _("%(minutes)d min") % {"minutes": minutes}
    if hours < 24:
        return _("%(hours)d h %(minutes)02d") % {"hours": hours, "minutes": minutes_left}
    return _("%(days)d d %(hours)d h") % {"days": hours // 24, "hours": hours % 24}


def typing_until(conversation: Conversation) -> dt.datetime | None:
    """Until when the customer is shown as writing; None when he is not."""
    if conversation.typing_at is None:
        return None
    until = conversation.typing_at + TYPING_FOR
    return until if until > timezone.now() else None
