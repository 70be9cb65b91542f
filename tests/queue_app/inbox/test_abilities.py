"""The page offers what the services allow, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from queue_app.abilities import ACTIONS
from queue_app.inbox.views.thread import state_context
from queue_app.models import Session
from tests.factories import (
    MessageFactory,
    SuperuserFactory,
)
from tests.queue_app.inbox.stories import desk, part
from tests.queue_app.inbox.test_session_actions import KEY, colleague

pytestmark = pytest.mark.django_db


# --- what the page offers -----------------------------------------------------------------------


def may(session: Session, user: Any) -> set[str]:
    """What the page would offer this reader."""
    request = type("Request", (), {"user": user})()
    fresh = Session.objects.select_related(
        "conversation__connector__open_channel", "open_channel", "operator__user"
    ).get(pk=session.pk)
    offered: dict[str, bool] = state_context(request, fresh)["may"]
    assert set(offered) == set(ACTIONS)
    return {action for action, allowed in offered.items() if allowed}


def test_the_page_offers_what_the_services_allow() -> None:
    story = desk()
    other = colleague(story)
    session = story.chat()
    assert may(session, story.operator.user) == {
        "skip", "transfer", "end", "spam", "block", "snooze", "note",
    }  # fmt: skip
    assert may(session, other.user) == {"join", "block", "note"}
    assert may(session, SuperuserFactory()) == {
        "transfer", "join", "intercept", "end", "spam", "block", "force_stop", "note",
    }  # fmt: skip


# What each action's address is, and the least it takes.
ADDRESSES: dict[str, tuple[str, dict[str, str]]] = {
    "skip": ("skip", {}), "join": ("join", {}), "leave": ("leave", {}),
    "intercept": ("intercept", {}), "end": ("close", {}), "spam": ("spam", {}),
    "spam_undo": ("spam-undo", {}), "block": ("block", {}), "unblock": ("unblock", {}),
    "force_stop": ("force-stop", {}), "snooze": ("snooze", {"minutes": "5"}),
    "wake": ("wake", {}), "note": ("note", {"text": "x", "client_key": KEY}),
    "new_dialogue": ("new", {}),
}  # fmt: skip


@pytest.mark.parametrize("action", sorted(ADDRESSES))
@pytest.mark.parametrize("who", ["owner", "colleague", "superuser"])
@pytest.mark.parametrize("state", ["waiting", "active", "closed"])
def test_what_is_offered_is_done_and_what_is_not_is_refused(
    action: str, who: str, state: str
) -> None:
    story = desk()
    other = colleague(story)
    if state == "closed":
        session = story.chat(state="closed", closed_at=timezone.now())
    elif state == "waiting":
        session = story.waiting(wait_reason="unrouted")
    else:
        session = story.chat()
    user = {"owner": story.operator.user, "colleague": other.user}.get(who) or SuperuserFactory()
    client = Client()
    client.force_login(user)
    offered = action in may(session, user)
    name, data = ADDRESSES[action]
    response = part(client, "post", f"/inbox/chats/{session.pk}/{name}/", **data)
    # Ending twice is no mistake.
    if (action, state) != ("end", "closed"):
        assert (response.status_code in {200, 204}) == offered, response.content
        assert offered or response.status_code in {403, 409}


def test_the_page_takes_as_many_queries_whoever_stands_in_the_queue() -> None:
    story = desk()
    session = story.chat()
    counts = []
    # The first visit of a day is noted.
    story.client.get(f"/inbox/chats/{session.pk}/")
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert story.client.get(f"/inbox/chats/{session.pk}/").status_code == 200
        counts.append(len(queries))
        for number in range(5):
            colleague(story, f"Name{number}")
            MessageFactory(conversation=session.conversation)
    assert counts[0] == counts[1]
