"""The automatic texts that a customer's message sets going, in their order.

What is planned comes from queue_app/arrival.py. Called with the conversation and the session
locked, inside the intake's transaction.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

from channels_app.models import Conversation, TextKind
from queue_app.arrival import PlannedText, arrival_plan, closed_text
from queue_app.models import Session, SessionEvent, SessionText
from queue_app.services.events import event_write
from queue_app.services.form_links import form_address, form_sentence
from queue_app.services.line_rules import line_rules
from queue_app.services.texts import service_text_send


def arrival_make(
    *,
    session: Session,
    conversation: Conversation,
    now: dt.datetime,
    events: list[SessionEvent],
    is_new_conversation: bool,
) -> None:
    """Send what a session begins with: welcome, consent, out of hours.

    `events` are earlier ones of the same transaction; they are saved when a text follows them.
    The caller saves the session.
    """
    line = session.open_channel
    rules = line_rules(line)
    plan = arrival_plan(
        line=line, hours=rules.hours, texts=rules.texts, now=now,
        is_new_conversation=is_new_conversation,
    )  # fmt: skip
    session.born_out_of_hours = not plan.is_open
    if not plan.texts:
        return
    SessionEvent.objects.bulk_create(events)
    events.clear()
    for text in plan.texts:
        _send(text, session, conversation, now)
    if plan.tells_closed:
        session.told_at = now


def closed_tell(*, session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """A wait begins in a session that goes on: tell the customer when the line is closed.

    Once per closed period, and not again before somebody has answered him.
    """
    line = session.open_channel
    if session.told_at is not None or not line.is_open_for_work:
        return
    rules = line_rules(line)
    text = closed_text(line=line, hours=rules.hours, texts=rules.texts, now=now)
    if text is None:
        return
    if _send(text, session, conversation, now):
        session.told_at = now
    Session.objects.filter(pk=session.pk).update(
        told_at=session.told_at, event_seq=session.event_seq
    )


def _send(
    text: PlannedText, session: Session, conversation: Conversation, now: dt.datetime
) -> bool:
    line = session.open_channel
    words, link = text.text, None
    if text.link == "form":
        words = words or form_sentence(line.language)
        link = partial(form_address, session=session, conversation=conversation, now=now)
    elif text.link == "consent":
        link = partial(str, line.consent_url)
    sent = service_text_send(
        session=session, conversation=conversation, kind=text.kind, text=words, now=now,
        occurrence=text.occurrence, link=link,
    )  # fmt: skip
    if sent and text.kind == "consent" and _was_asked(session):
        conversation.consent_asked_at = now
        Conversation.objects.filter(pk=conversation.pk).update(consent_asked_at=now)
    return sent


def _was_asked(session: Session) -> bool:
    """Whether the question went out: to write on after one that was held back agrees to nothing."""
    texts = SessionText.objects.filter(session=session, kind=TextKind.CONSENT, skipped="")
    return texts.exists()


def consent_record(*, conversation: Conversation, now: dt.datetime) -> None:
    """The customer was asked for his consent and writes on: that is his agreement."""
    if conversation.consent_asked_at == now:
        return  # asked with this very message
    session = Session.objects.select_for_update(no_key=True).filter(
        conversation=conversation, closed_at__isnull=True
    ).first()  # fmt: skip
    Conversation.objects.filter(pk=conversation.pk).update(consented_at=now)
    conversation.consented_at = now
    if session is None:
        return
    event_write(session=session, conversation=conversation, kind="consented", now=now)
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
