"""What rings: the offers to the reader, alone or with others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from queue_app.abilities import Facts, action_refused
from queue_app.inbox.items import Item, dues_of, items_of, listed
from queue_app.models import Assignment, LineOperator, Session, SessionState, TimerKind

MAX_OFFERS = 10


@dataclass(slots=True)
class Offer:
    """A chat offered to the reader, with the time left. `people` are those who are asked."""

    item: Item
    due_at: dt.datetime | None
    total_s: int
    people: int
    may_skip: bool

    @property
    def title(self) -> str:
        if not self.item.session.to_everybody:
            return _("New chat for you")
        words = ngettext(
            "New chat for %(number)d person", "New chat for %(number)d people", self.people
        )
        return words % {"number": self.people}


def sessions_offered(reader: User) -> QuerySet[Session]:
    """The sessions whose open turn is the reader's, also among others."""
    # An operator has one open turn of a session at most: nothing comes twice.
    return Session.objects.filter(
        closed_at__isnull=True, state=SessionState.OFFERED,
        assignments__operator__user=reader, assignments__ended_at__isnull=True,
    )  # fmt: skip


def list_offers(reader: User, *, query: str) -> list[Offer]:
    """What is offered to the reader just now, the oldest first. In at most four queries."""
    sessions = list(listed(sessions_offered(reader)).order_by("offered_at", "pk")[:MAX_OFFERS])
    due = dues_of(sessions, [TimerKind.RESPONSE])
    people = people_asked([session for session in sessions if session.to_everybody])
    shared = _lines_with_others({session.open_channel_id for session in sessions}, reader)
    return [
        Offer(
            item=item,
            due_at=due.get((item.session.pk, TimerKind.RESPONSE)),
            total_s=item.session.open_channel.response_minutes * 60,
            people=people.get(item.session.pk, 1),
            may_skip=_may_skip(item.session, shared),
        )
        for item in items_of(sessions, reader, query)
    ]


def people_asked(sessions: Sequence[Session]) -> Mapping[int, int]:
    """To how many people each of these sessions is offered."""
    if not sessions:
        return {}
    turns = Assignment.objects.filter(session__in=sessions, ended_at__isnull=True)
    counted = turns.order_by().values("session").annotate(number=Count("pk"))
    return dict(counted.values_list("session", "number"))


def _lines_with_others(lines: Collection[int], reader: User) -> set[int]:
    """Those of these lines where somebody else could take a chat."""
    if not lines:
        return set()
    others = LineOperator.objects.filter(
        open_channel_id__in=lines, position__isnull=False, operator__user__is_active=True
    ).exclude(operator__user=reader)
    return set(others.order_by().values_list("open_channel_id", flat=True).distinct())


def _may_skip(session: Session, shared: Collection[int]) -> bool:
    facts = Facts(
        state=session.state, owns=True, is_asked=True,
        line_is_open=session.open_channel.is_open_for_work,
        has_others=session.open_channel_id in shared,
    )  # fmt: skip
    return action_refused("skip", facts) is None
