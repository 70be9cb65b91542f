"""Small parts of the inbox's pages: icons, ticks, times, customers' texts."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import Urlizer, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info, gettext_lazy, pgettext

from channels_app.drivers.registry import kind_label
from openlines_project.lib.people import avatar_number, initials, person_name
from openlines_project.lib.text import neutral_name
from queue_app.explanations import moment_words
from queue_app.inbox import words

register = template.Library()
register.filter("avatar_number", avatar_number)
register.filter("channel_label", kind_label)
register.filter("coming", words.coming)
register.filter("initials", initials)
register.filter("moment", words.moment)
register.filter("exact_moment", moment_words)
register.filter("person", person_name)
# A name from outside, without marks that show nothing or turn the text around.
register.filter("shown_name", neutral_name)

# Channels with a sign of their own in the sprite; another driver's kind gets the general one.
CHANNEL_SIGNS = frozenset(
    {
        "telegram", "whatsapp", "messenger", "instagram", "viber", "vk", "line", "twilio", "email",
        "livechat", "custom",
    }
)  # fmt: skip
# Read and delivered look the same but for colour and weight: the label says which it is.
TICKS = {
    "clock": (
        "M8 1.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 0 1 0-11zM8 4.2V7l2 1.3", gettext_lazy("Sending"),
    ),
    "sent": ("M3.4 7.4l3 3L12.4 4", gettext_lazy("Sent")),
    "delivered": (
        "M1 7.4l2.8 3L9.4 4M7.6 9.8l.6.6L13.8 4", gettext_lazy("Delivered"),
    ),
    "read": ("M1 7.4l2.8 3L9.4 4M7.6 9.8l.6.6L13.8 4", gettext_lazy("Read")),
}  # fmt: skip


class _Links(Urlizer):
    # A customer's link opens beside the inbox and learns nothing of us.
    url_template = '<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">{url}</a>'


_links = _Links()


@register.simple_tag
@cache  # a list has hundreds of them
def icon(name: str, size: str = "", css: str = "") -> SafeString:
    """An icon beside a word. `size` is "sm" or nothing."""
    classes = " ".join(filter(None, ("icon", f"icon-{size}" if size else "", css)))
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        classes,
        static("icons.svg"),
        name,
    )


@register.simple_tag
@cache
def channel_sign(kind: str, label: str) -> SafeString:
    """The sign of a channel on an avatar's corner, with its name for who cannot see it."""
    sign = kind if kind in CHANNEL_SIGNS else "custom"
    return format_html(
        '<span class="ch ch-{}"><svg class="icon" aria-hidden="true"><use href="{}#i-c-{}"/></svg>'
        '<span class="sr">{}</span></span>',
        sign,
        static("icons.svg"),
        sign,
        label,
    )


@register.simple_tag
def tick(name: str) -> SafeString:
    """How far a message of ours has come."""
    if name not in TICKS:
        return SafeString("")
    path, label = TICKS[name]
    return format_html(
        '<svg class="icon tick tick-{}" viewBox="0 0 16 14" role="img" aria-label="{}">'
        '<path d="{}"/></svg>',
        name,
        label,
        path,
    )


@register.filter
def message_text(text: str) -> SafeString:
    """A customer's or operator's text: nothing of it is code, addresses become links."""
    linked = _links(text, trim_url_limit=80, nofollow=True, autoescape=True)
    return mark_safe(linebreaks(linked, autoescape=False))  # noqa: S308  escaped by urlize


@register.filter
def clock_time(at: dt.datetime) -> str:
    """`14:34`, in the reader's time zone."""
    return date_format(timezone.localtime(at), "H:i")


@register.filter
def millis(at: dt.datetime | None) -> str:
    """Milliseconds since 1970, for scripts."""
    return str(round(at.timestamp() * 1000)) if at else ""


@register.filter
def coordinates(attachment: Any) -> str:
    """`-23.55052, -46.63331`: as exact as a house, written as machines write it."""
    return f"{attachment.latitude:.5f}, {attachment.longitude:.5f}"


@register.simple_tag
def now_millis() -> str:
    """Our clock, for countdowns."""
    return millis(timezone.now())


@register.simple_tag
def zone_name() -> str:
    """The time zone this page was written in."""
    return timezone.get_current_timezone_name()


@register.filter
def whole_minutes(seconds: float) -> int:
    return round(seconds / 60)


@register.filter
def breakable(address: str) -> SafeString:
    """An e-mail address that breaks behind its sign when it is too long for its line."""
    name, sign, host = neutral_name(address).rpartition("@")
    return format_html("{}{}<wbr>{}", name, sign, host)


@register.filter
def view_icon(name: str) -> str:
    return {"mine": "inbox", "offered": "ring", "waiting": "clock"}.get(name, "all")


@register.filter
def short_view(name: str) -> str:
    """The name of a view below an icon on a phone."""
    short = {
        "mine": pgettext("chats, on a phone", "Mine"),
        "offered": pgettext("chats, on a phone", "Offered"),
        "waiting": pgettext("chats, on a phone", "Waiting"),
    }
    return short.get(name, pgettext("chats, on a phone", "All"))


@register.filter
def file_kind(attachment: Any) -> str:
    """`PDF`: the ending of the name, the kind of the content without one."""
    ending = attachment.name.rpartition(".")[2] if "." in attachment.name else ""
    if ending.isalnum() and len(ending) <= 5:
        return str(ending.upper())
    return str(words.KINDS.get(attachment.type, words.KINDS["file"]))


WAITING_WORDS = {
    "pending": gettext_lazy("%(kind)s: being fetched"),
    "too_big": gettext_lazy("%(kind)s: too big to be fetched"),
    "refused": gettext_lazy("%(kind)s: not taken"),
    "failed": gettext_lazy("%(kind)s: could not be fetched"),
    "expired": gettext_lazy("%(kind)s: no longer available"),
    "erased": gettext_lazy("%(kind)s: erased"),
}


@register.filter
def waiting_words(attachment: Any) -> str:
    """What stands in place of a file that is not here."""
    kind = words.KINDS.get(attachment.type, words.KINDS["file"])
    pattern = WAITING_WORDS.get(attachment.state)
    text = str(pattern) % {"kind": kind} if pattern else str(kind)
    name = neutral_name(attachment.name)
    return f"{text} ({name})" if name else text


@register.filter
def waiting_icon(attachment: Any) -> str:
    if attachment.state == "pending":
        return "download"
    return "image" if attachment.type == "image" else "file"


@register.filter
def language_words(code: str) -> str:
    """The name of a customer's language, his code where we know no name."""
    for candidate in (code.lower(), code.lower().partition("-")[0]):
        try:
            return str(get_language_info(candidate)["name_translated"])
        except KeyError:
            continue
    return code
