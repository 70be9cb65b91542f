"""Notices of a line as sentences: what is wrong, and what to do."""

from __future__ import annotations

from django.utils.translation import gettext as _

from queue_app.models import LineNotice, NoticeKind


def notice_title(notice: LineNotice) -> str:
    """The trouble in a few words, with the name of the line."""
    titles = {
        NoticeKind.QUEUE_EMPTY: _("%(line)s: the queue is empty"),
        NoticeKind.NOBODY_ON_DUTY: _("%(line)s: nobody is on duty"),
        NoticeKind.ROUNDS_OVER: _("%(line)s: nobody takes a chat"),
    }
    return titles[NoticeKind(notice.kind)] % {"line": notice.open_channel.name}


def notice_words(notice: LineNotice) -> str:
    """What is wrong and what helps, in two sentences."""
    sentences = {
        NoticeKind.QUEUE_EMPTY: _(
            "%(line)s has nobody in its queue: its chats wait, and nobody is offered them. "
            "Add an operator or a group."
        ),
        NoticeKind.NOBODY_ON_DUTY: _(
            "Customers wait on %(line)s, and nobody of its queue is on duty. "
            "Chats are offered as soon as somebody is."
        ),
        NoticeKind.ROUNDS_OVER: _(
            "A chat on %(line)s went through the whole queue again and again, and nobody took it. "
            "It waits until somebody takes it by hand."
        ),
    }
    return sentences[NoticeKind(notice.kind)] % {"line": notice.open_channel.name}
