"""What a person does: each action fetches what he may see and calls one service. POST only."""

from __future__ import annotations

import json

from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.services import outbox
from channels_app.services.errors import ConflictError, InvalidError, ServiceError
from openlines_project.lib.people import person_name
from queue_app.inbox.access import visible_message, visible_session
from queue_app.inbox.forms import ReplyForm
from queue_app.inbox.http import (
    InboxRequest,
    done,
    inbox_view,
    is_part,
    known_number,
    page_before,
    see_other,
)
from queue_app.inbox.listing import next_waiting
from queue_app.inbox.views.pages import filters_shown
from queue_app.inbox.views.thread import delta_response
from queue_app.models import Session
from queue_app.services import endings, operators, replies, sessions


@inbox_view("POST")
def duty_set(request: InboxRequest) -> HttpResponseBase:
    """Start, pause or end one's duty (`duty`: on, pause, off)."""
    operators.operator_duty_set(
        operator=operators.operator_for_user(request.user),
        duty=request.POST.get("duty", ""),
        now=timezone.now(),
    )
    return done(request, go_to=page_before(request))


@inbox_view("POST")
def presence(request: InboxRequest) -> HttpResponseBase:  # noqa: ARG001
    """The page is open and says so every 30 seconds: `inbox_view` writes it down."""
    return HttpResponse(status=204)


@inbox_view("POST")
def session_accept(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Take a chat that is offered to one, or that waits, and open it."""
    session = visible_session(request, session_id)
    _accept(session.pk, request.user)
    return chat_open(request, session.pk)


@inbox_view("POST")
def next_take(request: InboxRequest) -> HttpResponseBase:
    """Take the chat that has waited longest. Somebody faster only means the one after it."""
    refused: ServiceError | None = None
    for session in next_waiting(request.user):
        try:
            _accept(session.pk, request.user)
        except ConflictError as error:
            refused = error
            if error.code not in {"taken", "closed"}:
                break
        else:
            return chat_open(request, session.pk)
    raise refused or ConflictError("none_waits", _("Nobody is waiting any more."))


@inbox_view("POST")
def session_reply(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Answer. A script gets what changed in the thread, a plain form goes back to the chat."""
    session = visible_session(request, session_id)
    form = ReplyForm(request.POST, request.FILES)
    if not form.is_valid():
        raise InvalidError("invalid", form.first_error())
    replies.session_reply(
        session_id=session.pk,
        user=request.user,
        text=form.cleaned_data["text"],
        client_key=form.cleaned_data["client_key"],
        files=form.cleaned_data["attached"],
        now=timezone.now(),
    )
    if not is_part(request):
        return see_other(chat_address(session.pk))
    since = known_number(request.POST.get("since"))
    fresh = visible_session(request, session.pk)
    return delta_response(request, fresh, since=since or 0)


@inbox_view("POST")
def session_read(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """The reader has the chat before his eyes."""
    session = visible_session(request, session_id)
    sessions.session_read(session_id=session.pk, user=request.user, now=timezone.now())
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_typing(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """The reader is writing: the customer sees it where his channel can show it."""
    session = visible_session(request, session_id)
    replies.session_typing(session=session, user=request.user)
    return HttpResponse(status=204)


@inbox_view("POST")
def session_close(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """End a chat."""
    session = visible_session(request, session_id)
    endings.session_end(session_id=session.pk, actor=request.user, now=timezone.now())
    return done(request, go_to=reverse("inbox:home"))


@inbox_view("POST")
def message_resend(request: InboxRequest, message_id: int) -> HttpResponseBase:
    """Send a message again that failed, or of which nobody knows whether it arrived."""
    message = visible_message(request, message_id)
    outbox.message_resend(message=message, now=timezone.now())
    return done(request, go_to=page_before(request))


@inbox_view("POST")
def message_discard(request: InboxRequest, message_id: int) -> HttpResponseBase:
    """Take a message out that was not delivered."""
    message = visible_message(request, message_id)
    outbox.message_discard(message=message, now=timezone.now())
    return done(request, go_to=page_before(request))


def _accept(session_id: int, user: User) -> Session:
    operator = operators.operator_for_user(user)
    try:
        return sessions.session_accept(session_id=session_id, operator=operator, now=timezone.now())
    except ConflictError as error:
        if error.code != "taken":
            raise
        holder = Session.objects.select_related("operator__user").get(pk=session_id).operator
        name = person_name(holder.user) if holder else ""
        raise ConflictError(
            "taken", _("%(name)s accepted this chat before you.") % {"name": name}
        ) from error


def chat_open(request: InboxRequest, session_id: int) -> HttpResponse:
    """Lead to a chat: a script puts it into its page."""
    if not is_part(request):
        return see_other(chat_address(session_id))
    # The list beside the chat stays the one he has before him.
    address = chat_address(session_id, query=filters_shown(request).query)
    # htmx gets the chat, puts it into the page and the address into the browser's history.
    location = {"path": address, "target": "#chat", "swap": "outerHTML"}
    return HttpResponse(status=204, headers={"HX-Location": json.dumps(location)})


def chat_address(session_id: int, *, query: str = "view=mine") -> str:
    """Where a chat is shown, beside a list."""
    return f"{reverse('inbox:session-detail', args=[session_id])}?{query}"
