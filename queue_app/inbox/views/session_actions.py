"""What a person does with a chat beside answering it. POST only; each calls one service."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from channels_app.models import OpenChannel
from channels_app.services.errors import InvalidError
from queue_app.inbox.access import visible_conversation, visible_session
from queue_app.inbox.forms import (
    InboxForm,
    NoteForm,
    ReplyForm,
    SkipForm,
    SnoozeForm,
    TransferForm,
)
from queue_app.inbox.http import InboxRequest, done, inbox_view, is_part, known_number, see_other
from queue_app.inbox.views.actions import chat_address, chat_open
from queue_app.inbox.views.questions import question_shown
from queue_app.inbox.views.thread import delta_response
from queue_app.models import Operator, Session
from queue_app.selectors import sessions_visible_to, transfer_targets
from queue_app.services import (
    dialogues,
    helpers,
    notes,
    operators,
    skips,
    snoozes,
    stops,
    transfers,
)
from queue_app.services.permits import session_check

Form = TypeVar("Form", bound=InboxForm)
Row = TypeVar("Row", Operator, OpenChannel)


@inbox_view("POST")
def session_skip(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Pass a chat on (`reason`)."""
    session = visible_session(request, session_id)
    form = _valid(SkipForm(request.POST))
    operator = operators.operator_for_user(request.user)
    skips.session_skip(
        session_id=session.pk, operator=operator, reason=form.cleaned_data["reason"],
        now=timezone.now(),
    )  # fmt: skip
    return done(request, go_to=reverse("inbox:home"))


@inbox_view("GET", "HEAD", "POST")
def session_transfer(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """GET: to whom the chat may go. POST: there it goes (`to`, `reason`)."""
    session = visible_session(request, session_id)
    now = timezone.now()
    if request.method != "POST":
        session_check("transfer", session=session, user=request.user, now=now)
        targets = transfer_targets(session, request.user, now=now)
        may_assign = request.user.has_perm("queue_app.assign_session")
        context = {"targets": targets, "may_assign": may_assign}
        return question_shown(request, session, "inbox/_transfer.html", context)
    form = _valid(TransferForm(request.POST))
    transfers.session_transfer(
        session_id=session.pk,
        to_operator=_named(Operator, form.cleaned_data["operator"]),
        to_line=_named(OpenChannel, form.cleaned_data["line"]),
        actor=request.user,
        reason=form.cleaned_data["reason"],
        now=now,
    )
    return _back(request, session)


@inbox_view("POST")
def session_join(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Help in a chat."""
    session = visible_session(request, session_id)
    helpers.session_join(session_id=session.pk, user=request.user, now=timezone.now())
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_leave(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Help no longer."""
    session = visible_session(request, session_id)
    helpers.session_leave(session_id=session.pk, user=request.user, now=timezone.now())
    return _back(request, session)


@inbox_view("POST")
def session_intercept(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Take a chat over."""
    session = visible_session(request, session_id)
    helpers.session_intercept(session_id=session.pk, user=request.user, now=timezone.now())
    return chat_open(request, session.pk)


@inbox_view("POST")
def session_spam(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Close a chat as spam; with `block` hear nothing more of its sender."""
    session = visible_session(request, session_id)
    stops.session_spam(
        session_id=session.pk, actor=request.user, block=bool(request.POST.get("block")),
        now=timezone.now(),
    )  # fmt: skip
    return done(request, go_to=reverse("inbox:home"))


@inbox_view("POST")
def session_spam_undo(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """It was no spam."""
    session = visible_session(request, session_id)
    stops.session_spam_undo(session_id=session.pk, actor=request.user, now=timezone.now())
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_block(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Hear nothing more of a chat's sender."""
    session = visible_session(request, session_id)
    stops.conversation_block(session_id=session.pk, actor=request.user, now=timezone.now())
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_unblock(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Hear a chat's sender again."""
    session = visible_session(request, session_id)
    stops.conversation_unblock(session_id=session.pk, actor=request.user, now=timezone.now())
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_force_stop(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Stop a chat without a word."""
    session = visible_session(request, session_id)
    stops.session_force_stop(session_id=session.pk, actor=request.user, now=timezone.now())
    return done(request, go_to=reverse("inbox:home"))


@inbox_view("POST")
def session_snooze(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Put a chat aside for `minutes`, or `until` a moment of the reader's clock."""
    session = visible_session(request, session_id)
    form = _valid(SnoozeForm(request.POST))
    now = timezone.now()
    snoozes.session_snooze(
        session_id=session.pk, actor=request.user, until=form.moment(now), now=now
    )
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_wake(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Take a snoozed chat back."""
    session = visible_session(request, session_id)
    snoozes.session_wake(session_id=session.pk, actor=request.user, now=timezone.now())
    return done(request, go_to=chat_address(session.pk))


@inbox_view("POST")
def session_note(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Write a private note. A script gets what changed in the thread, a form goes back to it."""
    session = visible_session(request, session_id)
    form = _valid(NoteForm(request.POST))
    notes.session_note(
        session_id=session.pk, user=request.user, text=form.cleaned_data["text"],
        client_key=form.cleaned_data["client_key"], now=timezone.now(),
    )  # fmt: skip
    if not is_part(request):
        return see_other(chat_address(session.pk))
    since = known_number(request.POST.get("since"))
    return delta_response(request, visible_session(request, session.pk), since=since or 0)


@inbox_view("POST")
def session_new(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """Take an ended chat up again as a new one (`message`: from which of its messages)."""
    session = visible_session(request, session_id)
    begun = dialogues.dialogue_begin(
        session_id=session.pk, actor=request.user, now=timezone.now(),
        message_id=known_number(request.POST.get("message")),
    )  # fmt: skip
    return chat_open(request, begun.pk)


@inbox_view("POST")
def conversation_write(request: InboxRequest, conversation_id: int) -> HttpResponseBase:
    """Write to somebody first, and open the chat that begins with it."""
    conversation = visible_conversation(request, conversation_id)
    form = _valid(ReplyForm(request.POST, request.FILES))
    dialogues.conversation_write(
        conversation_id=conversation.pk, user=request.user, text=form.cleaned_data["text"],
        client_key=form.cleaned_data["client_key"], files=form.cleaned_data["attached"],
        now=timezone.now(),
    )  # fmt: skip
    session = Session.objects.filter(conversation=conversation).latest("pk")
    return chat_open(request, session.pk)


def _back(request: InboxRequest, session: Session) -> HttpResponse:
    """To the chat, for who still sees it."""
    still = sessions_visible_to(request.user).filter(pk=session.pk).exists()
    return done(request, go_to=chat_address(session.pk) if still else reverse("inbox:home"))


def _valid(form: Form) -> Form:
    """The form, when it can be read. Raises `InvalidError` with its first complaint."""
    if not form.is_valid():
        raise InvalidError("invalid", form.first_error())
    return form


def _named(model: type[Row], pk: int | None) -> Row | None:
    """The row a form names. Raises `Http404` for one that is not there."""
    return None if pk is None else get_object_or_404(model, pk=pk)
