"""Chats in every state an operator meets, on one line."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from queue_app.models import Operator, Session, SessionHelper, SessionState, Timer, TimerKind
from queue_app.services.events import EventKind, event_write
from tests.browser.scenes import Scene, chat, offer
from tests.factories import OperatorFactory, UserFactory


def told(session: Session, kind: EventKind, operator: Operator | None, **data: object) -> None:
    """Write a step into a chat's history."""
    event_write(
        session=session, conversation=session.conversation, kind=kind, now=timezone.now(),
        operator_id=operator.pk if operator else None,
        actor=operator.user if operator else None, data=data,
    )  # fmt: skip
    session.save(update_fields=["event_seq"])


def colleague(first: str, last: str, scene: Scene, **values: object) -> Operator:
    """Somebody more in the queue of the shop."""
    operator = OperatorFactory(
        user=UserFactory(username=first.lower(), first_name=first, last_name=last), **values
    )
    last_place = scene.shop.line_operators.count()
    row, _made = scene.shop.line_operators.get_or_create(operator=operator)
    row.position = last_place
    row.save()
    return operator


def every_state(desk: Scene) -> dict[str, Session]:
    """One chat of Maria's list in each state it can show."""
    now = timezone.now()

    def ago(minutes: float) -> dt.datetime:
        return now - dt.timedelta(minutes=minutes)

    ana = colleague("Ana", "Lopes", desk, duty="pause")
    colleague("Bartholomew", "Featherstonehaugh-Cholmondeley", desk, duty="off", max_chats=5)
    chats = {
        "mine": chat(desk.telegram, "Helena Prado", "Does someone have to be at home?",
                     operator=desk.maria, minutes=3, unread=1),
        "helped": chat(desk.telegram, "Oficina Duas Rodas", "The invoice is wrong again",
                       operator=ana, minutes=8),
        "ending": chat(desk.telegram, "Kenji Watanabe", "Thank you, that is settled",
                       operator=desk.maria, minutes=40, state=SessionState.CLOSING,
                       turn="customer"),
        "snoozed": chat(desk.telegram, "Sara Lindqvist", "I'll come back after my meeting",
                        operator=desk.maria, minutes=90, turn="customer",
                        snoozed_until=now + dt.timedelta(days=1)),
        "waiting": chat(desk.telegram, "Pedro Bastos", "Is anybody there?", operator=None,
                        minutes=12, wait_reason="no_operator", no_operator_since=ago(12)),
        "behind": chat(desk.telegram, "Renata Vilela", "I have a question", operator=None,
                       minutes=5, wait_reason="no_operator", no_operator_since=ago(5)),
        "hours": chat(desk.telegram, "Edward Osei", "Are you open on Monday?", operator=None,
                      minutes=7, wait_reason="hours", born_out_of_hours=True),
        "other": chat(desk.telegram, "Júlia Amaral", "Where is my order?", operator=ana,
                      minutes=2),
        "spam": chat(desk.telegram, "Win A Prize", "Click here", operator=desk.maria, minutes=60,
                     state=SessionState.CLOSED, closed_at=ago(50), close_reason="spam"),
        "closed": chat(desk.telegram, "Ingrid Solheim", "The chairs are here, thank you",
                       operator=desk.maria, minutes=60, state=SessionState.CLOSED,
                       closed_at=ago(50), close_reason="operator"),
        "offered": offer(desk.telegram, "Camila Ferraz", "The sofa came without its legs",
                         desk.maria),
    }  # fmt: skip
    SessionHelper.objects.create(session=chats["helped"], operator=desk.maria, joined_at=now)
    opening = now + dt.timedelta(days=2)
    for name, kind, due_at in (
        ("ending", TimerKind.GRACE, now + dt.timedelta(minutes=9)),
        ("hours", TimerKind.OPENING, opening.replace(hour=9, minute=0)),
        ("snoozed", TimerKind.SNOOZE, now + dt.timedelta(days=1)),
    ):
        Timer.objects.create(session=chats[name], kind=kind, due_at=due_at)
    return chats
