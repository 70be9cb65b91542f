"""The supervisor's page: one look at the desk, and the duty of others."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from queue_app.inbox.http import (
    InboxRequest,
    done,
    inbox_view,
    known_number,
    page_before,
    part_response,
)
from queue_app.inbox.listing import Filters
from queue_app.inbox.supervisor import Board, board_read
from queue_app.inbox.views.pages import shell_context
from queue_app.models import LineOperator, Operator
from queue_app.selectors import open_channels_supervised_by
from queue_app.services.operators import operator_duty_set


@inbox_view("GET", "HEAD")
def supervisor(request: InboxRequest) -> HttpResponseBase:
    """`/inbox/supervisor/`, of one line with `?line=`; not there without the right to it."""
    board = _board(request)
    context = shell_context(request, Filters("all")) | _context(board)
    return render(request, "inbox/supervisor.html", context)


@inbox_view("GET", "HEAD")
def board_part(request: InboxRequest) -> HttpResponseBase:
    """What the page shows just now, with the frame's own figures."""
    board = _board(request)
    context = shell_context(request, Filters("all")) | _context(board)
    return part_response(
        request, render_to_string("inbox/_board_part.html", context, request=request)
    )


@inbox_view("POST")
def duty_set(request: InboxRequest, operator_id: int) -> HttpResponseBase:
    """Start, pause or end the duty of somebody on the reader's lines (`duty`: on, pause, off)."""
    lines = open_channels_supervised_by(request.user)
    team = LineOperator.objects.filter(open_channel__in=lines, position__isnull=False)
    operator = get_object_or_404(
        Operator.objects.select_related("user"), pk=operator_id, pk__in=team.values("operator_id")
    )
    operator_duty_set(
        operator=operator,
        duty=request.POST.get("duty", ""),
        now=timezone.now(),
        actor=request.user,
    )
    return done(request, go_to=page_before(request))


def _board(request: InboxRequest) -> Board:
    line = request.GET.get("line", "")
    line_id = known_number(line)
    if line and line_id is None:
        raise Http404
    board = board_read(reader=request.user, line_id=line_id, now=timezone.now())
    if board is None:
        raise Http404
    return board


def _context(board: Board) -> dict[str, Any]:
    return {
        "board": board,
        "board_source": reverse("inbox:supervisor-board") + board.query,
        "page_name": "supervisor",
    }
