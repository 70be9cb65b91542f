"""What may be done with the open chat, as the menu beside its name offers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from queue_app.abilities import Action
from queue_app.models import Session


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu. `asks`: it leads to a question, nothing happens before its answer.

    `key` is the place of its shortcut on the keyboard, `on_phone` a button that has no room in
    a phone's head.
    """

    id: str
    label: str
    icon: str
    address: str
    asks: bool = False
    key: str = ""
    is_danger: bool = False
    on_phone: bool = False

    @property
    def letter(self) -> str:
        return self.key.removeprefix("Key")


def menu_entries(session: Session, may: Mapping[Action, bool]) -> list[Entry]:
    """The acts that this person may do just now, in their order. `may` is by `abilities.Action`."""
    entries: list[tuple[Action, Entry]] = [
        ("end", _end_entry(session)),
        ("transfer", _entry(session, "transfer", _("Transfer…"), "transfer", key="KeyT")),
        ("snooze", _question(session, "snooze", _("Snooze…"), "moon", key="KeyS")),
        ("wake", _entry(session, "wake", _("Wake now"), "clock", asks=False)),
        ("skip", _question(session, "skip", _("Pass on…"), "refresh")),
        ("join", _entry(session, "join", _("Join"), "plus", asks=False)),
        ("leave", _entry(session, "leave", _("Leave"), "minus", asks=False)),
        ("intercept", _entry(session, "intercept", _("Take over"), "bolt", asks=False)),
        ("new_dialogue", _entry(session, "new", _("New chat"), "chat", asks=False)),
        ("spam_undo", _entry(session, "spam-undo", _("No spam"), "check", asks=False)),
        ("unblock", _entry(session, "unblock", _("Unblock the sender"), "check", asks=False)),
        ("spam", _question(session, "spam", _("Mark as spam…"), "archive", is_danger=True)),
        ("block", _question(session, "block", _("Block the sender…"), "lock", is_danger=True)),
        ("force_stop", _question(session, "force-stop", _("Stop the chat…"), "x", is_danger=True)),
    ]
    return [entry for action, entry in entries if may[action]]


def end_asks(session: Session) -> bool:
    """Whether ending a chat of this line is asked once more."""
    return session.open_channel.ask_before_ending


def _end_entry(session: Session) -> Entry:
    if end_asks(session):
        return _question(session, "close", _("End chat"), "check", on_phone=True)
    return _entry(session, "close", _("End chat"), "check", asks=False, on_phone=True)


def _entry(
    session: Session,
    act: str,
    label: str,
    icon: str,
    *,
    asks: bool = True,
    key: str = "",
    on_phone: bool = False,
) -> Entry:
    address = reverse(f"inbox:session-{act}", args=[session.pk])
    return Entry(f"act-{act}", label, icon, address, asks=asks, key=key, on_phone=on_phone)


def _question(
    session: Session,
    act: str,
    label: str,
    icon: str,
    *,
    key: str = "",
    is_danger: bool = False,
    on_phone: bool = False,
) -> Entry:
    address = reverse("inbox:session-ask", args=[session.pk, act])
    return Entry(
        f"act-{act}", label, icon, address, asks=True, key=key, is_danger=is_danger,
        on_phone=on_phone,
    )  # fmt: skip
