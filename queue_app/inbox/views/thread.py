"""The open chat: whole, only what changed, or earlier messages."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone, translation

from openlines_project.lib.people import initials
from queue_app.abilities import ACTIONS, session_abilities
from queue_app.explanations import coming_words
from queue_app.inbox.access import visible_session
from queue_app.inbox.foot import session_foot
from queue_app.inbox.forms import new_client_key
from queue_app.inbox.http import InboxRequest, inbox_view, known_number, part_response
from queue_app.inbox.menu import end_asks, menu_entries
from queue_app.inbox.thread import earlier_sessions, session_end_seq, thread_delta, thread_page
from queue_app.inbox.words import conversation_avatar, customer_name, typing_until
from queue_app.models import Session
from queue_app.selectors import session_helpers, session_why
from queue_app.services.permits import session_facts


@inbox_view("GET", "HEAD")
def thread_part(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """`?since=<version>`: what changed after it; `?before=<seq>`: the messages before it."""
    session = visible_session(request, session_id)
    before = known_number(request.GET.get("before"))
    if before is not None:
        page = thread_page(session=session, reader=request.user, before_seq=before)
        html = render_to_string(
            "inbox/_rows_of_thread.html", {"thread": page, "session": session}, request=request
        )
        return part_response(request, html)
    return delta_response(request, session, since=known_number(request.GET.get("since")) or 0)


@inbox_view("GET", "HEAD")
def writing_part(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Whether the customer is writing just now: no version tells of it."""
    conversation = visible_session(request, session_id).conversation
    context = {"name": customer_name(conversation), "typing_until": typing_until(conversation)}
    return part_response(request, render_to_string("inbox/_writing.html", context, request=request))


def delta_response(request: InboxRequest, session: Session, *, since: int) -> HttpResponseBase:
    """What the page needs to bring the chat from version `since` up to date."""
    context = state_context(request, session) | {
        # The page makes its own: written here, each answer would be another one.
        "client_key": "",
        "rows": thread_delta(session=session, reader=request.user, since=since),
        "is_delta": True,
    }
    html = render_to_string("inbox/_delta.html", context, request=request)
    language = translation.get_language()
    version = session.conversation.version
    return part_response(request, html, etag=f"{session.pk}.{version}.{language}")


def chat_context(
    request: InboxRequest, session: Session, *, before_seq: int | None = None
) -> dict[str, Any]:
    """All of an open chat. Of an ended one that was followed by others, up to its end."""
    end = before_seq if before_seq is not None else session_end_seq(session)
    mark_new = session.operator is not None and session.operator.user_id == request.user.pk
    return state_context(request, session) | {
        "client_key": new_client_key(),
        "note_key": new_client_key(),
        "thread": thread_page(
            session=session, reader=request.user, before_seq=end, mark_new=mark_new
        ),
        "is_past": end is not None,
    }


def state_context(request: InboxRequest, session: Session) -> dict[str, Any]:
    """What stands around the messages: head, state, foot and client card."""
    conversation = session.conversation
    name = customer_name(conversation)
    holder = session.operator.user_id if session.operator else None
    others = earlier_sessions(session=session, reader=request.user)
    facts = session_facts(session=session, user=request.user, now=timezone.now())
    abilities = session_abilities(facts)
    # What the services will allow: the page offers nothing else.
    may = {action: action in abilities for action in ACTIONS}
    return {
        "session": session,
        "conversation": conversation,
        "name": name,
        "initials": initials(name),
        "avatar": conversation_avatar(conversation),
        "foot": session_foot(session=session, facts=facts),
        "typing_until": typing_until(conversation),
        "may": may,
        "menu": menu_entries(session, may),
        "end_asks": end_asks(session),
        "is_helping": facts.helps,
        "is_mine": holder == request.user.pk,
        "helpers": session_helpers(session),
        "snoozed_until": coming_words(session.snoozed_until) if session.snoozed_until else "",
        "why": session_why(session),
        "earlier": others,
        "open_session": next((other for other in others if other.closed_at is None), None),
        "newest": max([session, *others], key=lambda one: one.started_at),
    }
