"""Pages: the list, a chat, one's own page. Reading only; what acts is in `actions`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse

from queue_app.inbox.access import visible_session
from queue_app.inbox.http import InboxRequest, inbox_view, is_part, known_number, part_response
from queue_app.inbox.listing import (
    TITLES,
    VIEWS,
    Filters,
    ViewName,
    list_counts,
    list_lines,
    list_page,
)
from queue_app.inbox.offers import list_offers, sessions_offered
from queue_app.inbox.views.thread import chat_context
from queue_app.inbox.words import languages
from queue_app.models import DutyState, Operator, Session, SessionState
from queue_app.selectors import open_channels_visible_to
from queue_app.services.schedules import operator_schedule_next


@inbox_view("GET", "HEAD")
def home(request: InboxRequest) -> HttpResponseBase:  # noqa: ARG001
    """`/inbox/`: the reader's own chats."""
    return redirect("inbox:list", "mine")


@inbox_view("GET", "HEAD")
def list_view(request: InboxRequest, view: str) -> HttpResponseBase:
    """A list with no chat open."""
    filters = filters_of(request, view)
    if is_part(request) and request.headers.get("HX-Target") == "chat":
        return render(request, "inbox/_no_chat.html", shell_context(request, filters))
    after = request.GET.get("after", "")
    return render(request, "inbox/page.html", list_context(request, filters, after=after))


@inbox_view("GET", "HEAD")
def list_part(request: InboxRequest, view: str) -> HttpResponseBase:
    """What the list pane shows just now, or only the chats after a mark (`?after=`)."""
    filters = filters_of(request, view)
    after = request.GET.get("after", "")
    if after:
        counts = list_counts(request.user)
        context = {
            "filters": filters,
            "page": list_page(reader=request.user, filters=filters, counts=counts, after=after),
            "after": after,
            "counts": counts,
        }
        return part_response(
            request, render_to_string("inbox/_rows.html", context, request=request)
        )
    pages = known_number(request.GET.get("pages")) or 1
    context = list_context(request, filters, pages=pages)
    return part_response(
        request, render_to_string("inbox/_list_part.html", context, request=request)
    )


@inbox_view("GET", "HEAD")
def session_detail(request: InboxRequest, session_id: int) -> HttpResponseBase:
    """A chat beside its list; only the chat when a script changes to it."""
    session = visible_session(request, session_id)
    view = request.GET.get("view", "")
    filters = filters_of(request, view if view in VIEWS else view_of(session, request))
    before = known_number(request.GET.get("before"))
    chat = chat_context(request, session, before_seq=before)
    if is_part(request) and request.headers.get("HX-Target") == "chat":
        return render(request, "inbox/_chat.html", chat | {"filters": filters})
    return render(request, "inbox/page.html", list_context(request, filters) | chat)


@inbox_view("GET", "HEAD")
def me(request: InboxRequest) -> HttpResponseBase:
    """The reader's own page: duty, sound, language, signing out."""
    filters = Filters("mine")
    context = shell_context(request, filters) | {
        "languages": languages(),
        "page_name": "me",
    }
    return render(request, "inbox/me.html", context)


# --- shared -------------------------------------------------------------------------------


def filters_of(request: InboxRequest, view: str) -> Filters:
    """The view and the line of an address; 404 for what the reader has not."""
    if view not in VIEWS:
        raise Http404
    line_id = known_number(request.GET.get("line"))
    if line_id is not None and not (
        open_channels_visible_to(request.user).filter(pk=line_id).exists()
    ):
        raise Http404
    return Filters(view, line_id)


def filters_shown(request: InboxRequest) -> Filters:
    """The list a script's reader has before him, by the address of his page."""
    address = urlsplit(request.headers.get("HX-Current-URL", ""))
    query = QueryDict(address.query)
    view = query.get("view") or address.path.rstrip("/").rpartition("/")[2]
    line_id = known_number(query.get("line"))
    return Filters(view if view in VIEWS else "mine", line_id)


def view_of(session: Session, request: InboxRequest) -> ViewName:
    """The list a chat stands in."""
    if session.state == SessionState.WAITING:
        return "waiting"
    if session.state == SessionState.OFFERED:
        is_asked = sessions_offered(request.user).filter(pk=session.pk).exists()
        return "offered" if is_asked else "all"
    is_his = session.operator is not None and session.operator.user_id == request.user.pk
    return "mine" if is_his else "all"


def shell_context(request: InboxRequest, filters: Filters) -> dict[str, Any]:
    """The frame of every page: navigation with its figures, and duty."""
    # Reading makes nothing: who has no row yet is off duty.
    operator = Operator.objects.filter(user=request.user).first()
    return {
        "filters": filters,
        "views": [(name, TITLES[name]) for name in VIEWS],
        "counts": list_counts(request.user),
        "lines": list_lines(request.user),
        "operator": operator,
        "duty": operator.duty if operator else DutyState.OFF.value,
        "schedule_next": operator_schedule_next(operator) if operator else None,
    }


def list_context(
    request: InboxRequest, filters: Filters, *, after: str = "", pages: int = 1
) -> dict[str, Any]:
    """The frame and the list."""
    context = shell_context(request, filters)
    line = f"?line={filters.line_id}" if filters.line_id is not None else ""
    names = {entry.line.pk: entry.line.name for entry in context["lines"]}
    return context | {
        "title": names.get(filters.line_id, TITLES[filters.view]),
        "page": list_page(
            reader=request.user,
            filters=filters,
            counts=context["counts"],
            after=after,
            pages=pages,
        ),
        "offers": list_offers(request.user, query=Filters("offered").query),
        "list_source": reverse("inbox:list-part", args=[filters.view]) + line,
    }
