"""The queue of a line as its settings page shows it and sends it back.

A member is written `user:<id>` or `group:<id>`. The page sends its rows as parallel lists
(`member`, `member_position`), one more as `member_add`, and in `members_seen` the queue it showed
when it was opened.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import Group, User
from django.db.models import Count, Q
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_app.models import OpenChannel
from openlines_project.lib.people import avatar_number, initials, person_name
from queue_app.models import DutyState, LineOperator, Operator, QueueMember
from queue_app.services.queues import Member, queue_members_replace

MEMBER = re.compile(r"(user|group):([0-9]{1,18})")
MAX_POSITION: Final = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """One row: `value` names the member, `detail` says in words what he is doing."""

    value: str
    name: str
    detail: str
    position: int = 0
    is_group: bool = False
    duty: str = ""

    @property
    def initials(self) -> str:
        return initials(self.name)

    @property
    def tint(self) -> int:
        return avatar_number(int(self.value.partition(":")[2]))


class QueueMembers:
    """The queue of one line: as it is stored, or as a page sent it (`data`).

    After `is_valid()` is true, `entries()` is what the service wants. `errors` are sentences.
    """

    def __init__(self, open_channel: OpenChannel, data: QueryDict | None = None) -> None:
        self.open_channel = open_channel
        self.stored = members_stored(open_channel)
        self.errors: list[str] = []
        # What the page showed when it was opened: a change is a change against that.
        self.seen = self.stored if data is None else data.get("members_seen", "").split()
        self.values = self.stored if data is None else self._parse(data)
        if data is not None:
            self._check_known()

    def is_valid(self) -> bool:
        return not self.errors

    @property
    def is_changed(self) -> bool:
        return self.values != self.seen

    @property
    def is_stale(self) -> bool:
        """Whether somebody else changed the queue since the page was opened."""
        return members_stored(self.open_channel) != self.seen

    def refresh(self) -> None:
        """Take the stored queue for seen: the person has been told of it."""
        self.seen = self.stored = members_stored(self.open_channel)

    def entries(self) -> list[Member]:
        """The members in their order, as `queue_members_replace` takes them."""
        found: list[Member] = []
        for value in self.values:
            kind, _colon, pk = value.partition(":")
            if kind == "user":
                found.append({"user": self._users[int(pk)]})
            else:
                found.append({"group": self._groups[int(pk)]})
        return found

    def save(self, *, now: dt.datetime) -> None:
        """Write the queue. Raises what the service raises."""
        queue_members_replace(open_channel=self.open_channel, members=self.entries(), now=now)

    @cached_property
    def rows(self) -> list[MemberRow]:
        """The members in their order, positions counted from 1."""
        known = {row.value: row for row in self._described(self._users, self._groups)}
        return [
            MemberRow(
                value=row.value, name=row.name, detail=row.detail, duty=row.duty,
                is_group=row.is_group, position=position,
            )
            for position, row in enumerate(
                (known[value] for value in self.values if value in known), start=1
            )
        ]  # fmt: skip

    @cached_property
    def candidates(self) -> tuple[list[MemberRow], list[MemberRow]]:
        """Who could be added: people, then groups, by name."""
        users = {
            user.pk: user
            for user in User.objects.filter(is_active=True)
            if f"user:{user.pk}" not in self.values
        }
        groups = {
            group.pk: group
            for group in Group.objects.all()
            if f"group:{group.pk}" not in self.values
        }
        rows = sorted(self._described(users, groups), key=lambda row: row.name.lower())
        return (
            [row for row in rows if not row.is_group],
            [row for row in rows if row.is_group],
        )

    # --- reading what the page sent -------------------------------------------------------

    def _parse(self, data: QueryDict) -> list[str]:
        """The values in the order the page means: by position; who was moved wins a tie."""
        sent = data.getlist("member")
        positions = data.getlist("member_position")
        keyed: list[tuple[int, int, int, str]] = []
        for index, value in enumerate(sent):
            raw = positions[index].strip() if index < len(positions) else str(index + 1)
            if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= MAX_POSITION:
                self.errors.append(_("A position is a number from 1."))
                raw = str(index + 1)
            position = int(raw[:9])
            moved = (position > index + 1) - (position < index + 1)
            keyed.append((position, moved, index, value))
        values = [value for *_key, value in sorted(keyed)]
        if added := data.get("member_add", ""):
            values.append(added)
        known = [value for value in values if MEMBER.fullmatch(value)]
        if len(known) != len(values):
            self.errors.append(_("The list of members was not understood. Load the page again."))
        return list(dict.fromkeys(known))

    def _check_known(self) -> None:
        for value in self.values:
            kind, _colon, pk = value.partition(":")
            known = self._users if kind == "user" else self._groups
            if int(pk) not in known:
                self.errors.append(_("A member of the queue does not exist any more."))
                self.values = [other for other in self.values if other != value]

    # --- looking people up ----------------------------------------------------------------

    @cached_property
    def _users(self) -> dict[int, User]:
        return User.objects.in_bulk(_ids(self.values, "user"))

    @cached_property
    def _groups(self) -> dict[int, Group]:
        return Group.objects.in_bulk(_ids(self.values, "group"))

    def _described(self, users: dict[int, User], groups: dict[int, Group]) -> list[MemberRow]:
        duties = dict(
            Operator.objects.filter(user__in=users.values()).values_list("user_id", "duty")
        )
        chats = dict(
            LineOperator.objects.filter(
                open_channel=self.open_channel, operator__user__in=users.values()
            ).values_list("operator__user_id", "open_chats")
        )
        rows = []
        for user in users.values():
            duty = duties.get(user.pk, DutyState.OFF) if user.is_active else ""
            rows.append(
                MemberRow(
                    value=f"user:{user.pk}",
                    name=person_name(user),
                    detail=self._doing(user, duty, chats.get(user.pk, 0)),
                    duty=duty,
                )
            )
        return rows + [
            MemberRow(
                value=f"group:{group.pk}",
                name=group.name,
                detail=_people(group.people, group.on_duty),
                is_group=True,
            )
            for group in Group.objects.filter(pk__in=groups).annotate(
                people=Count("user", filter=Q(user__is_active=True), distinct=True),
                on_duty=Count(
                    "user",
                    filter=Q(user__is_active=True, user__operator__duty=DutyState.ON),
                    distinct=True,
                ),
            )
        ]

    def _doing(self, user: User, duty: str, chats: int) -> str:
        if not user.is_active:
            return _("account switched off")
        if self.open_channel.max_chats:
            load = _("%(open)d of %(most)d chats") % {
                "open": chats,
                "most": self.open_channel.max_chats,
            }
        else:
            load = ngettext("%(open)d chat", "%(open)d chats", chats) % {"open": chats}
        if duty == DutyState.ON:
            return load
        state = _("paused") if duty == DutyState.PAUSE else _("off duty")
        return f"{state}, {load}" if chats else state


def members_stored(open_channel: OpenChannel) -> list[str]:
    """The queue of a line as it is in the database."""
    members = QueueMember.objects.filter(open_channel=open_channel).order_by("position", "pk")
    return [_value(member) for member in members]


def _value(member: QueueMember) -> str:
    return f"user:{member.user_id}" if member.user_id else f"group:{member.group_id}"


def _ids(values: Sequence[str], kind: str) -> list[int]:
    return [int(value.partition(":")[2]) for value in values if value.startswith(f"{kind}:")]


def _people(people: int, on_duty: int) -> str:
    words = ngettext("%(people)d person", "%(people)d people", people) % {"people": people}
    duty = _("%(people)d on duty") % {"people": on_duty}
    return f"{words}, {duty}"
