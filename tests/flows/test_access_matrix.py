"""Every address of the product, asked by everybody there is.

One table says what each of five people gets where. An address that is not in it fails here, so
nobody adds one without saying whose business it is. What is refused changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from queue_app.models import Session, SessionState
from tests.factories import (
    LiveChatConnectorFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    SuperuserFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

PEOPLE = ("nobody", "stranger", "operator", "clerk", "administrator")
LOGIN = "/login/"
ADMIN_LOGIN = "/admin/login/"


class Row(NamedTuple):
    """The status each of the people gets."""

    method: str
    nobody: int
    # An operator of another line.
    stranger: int
    # The one who holds the chat.
    operator: int
    # Somebody of the staff without any right.
    clerk: int
    administrator: int


def everybody(method: str, status: int) -> Row:
    return Row(method, *[status] * len(PEOPLE))


def signed_in(method: str, status: int) -> Row:
    """Asks only for one's own things: whoever is signed in may."""
    return Row(method, 302, *[status] * (len(PEOPLE) - 1))


def of_the_line(method: str, status: int) -> Row:
    """For the people of the line; to others the object does not exist."""
    return Row(method, 302, 404, status, 404, status)


def supervised(method: str, status: int) -> Row:
    """Asks for a right that only the administrator has here; without it nothing is there."""
    return Row(method, 302, 404, 404, 404, status)


TABLE = {
    # Told by a signature, a token or a signed address, not by who is signed in.
    "webhooks/<slug:public_id>/": everybody("post", 401),
    "files/<str:public_id>/": everybody("get", 404),
    "widget/<str:public_id>.js": everybody("get", 200),
    "widget/<str:public_id>/config": everybody("get", 200),
    "widget/<str:public_id>/session": everybody("post", 201),
    "widget/<str:public_id>/messages": everybody("get", 401),
    "widget/<str:public_id>/files": everybody("post", 401),
    "widget/<str:public_id>/seen": everybody("post", 401),
    "widget/<str:public_id>/typing": everybody("post", 401),
    "chat/<str:public_id>/": everybody("get", 200),
    "forms/<str:token>/": everybody("get", 404),
    # Open to all.
    "": everybody("get", 302),
    "healthz": everybody("get", 200),
    "readyz": everybody("get", 200),
    "metrics": everybody("get", 200),  # this machine asks
    "i18n/setlang/": everybody("post", 302),
    "login/": Row("get", 200, 302, 302, 302, 302),
    "logout/": everybody("post", 302),
    # The inbox.
    "inbox/": signed_in("get", 302),
    "inbox/me/": signed_in("get", 200),
    "inbox/duty/": signed_in("post", 303),
    "inbox/next/": signed_in("post", 303),
    "inbox/presence/": signed_in("post", 204),
    # For who may supervise a line; of another line's people nobody may set the duty.
    "inbox/supervisor/": supervised("get", 200),
    "inbox/supervisor/board/": supervised("get", 200),
    "inbox/supervisor/operators/<id:operator_id>/duty/": supervised("post", 303),
    "inbox/<slug:view>/": signed_in("get", 200),
    "inbox/list/<slug:view>/": signed_in("get", 200),
    "inbox/chats/<id:session_id>/": of_the_line("get", 200),
    "inbox/chats/<id:session_id>/thread/": of_the_line("get", 200),
    "inbox/chats/<id:session_id>/accept/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/reply/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/read/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/typing/": of_the_line("post", 204),
    "inbox/chats/<id:session_id>/close/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/writing/": of_the_line("get", 200),
    "inbox/chats/<id:session_id>/ask/<slug:act>/": of_the_line("get", 200),
    "inbox/chats/<id:session_id>/skip/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/transfer/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/join/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/leave/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/intercept/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/spam/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/spam-undo/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/block/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/unblock/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/force-stop/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/snooze/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/wake/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/note/": of_the_line("post", 303),
    "inbox/chats/<id:session_id>/new/": of_the_line("post", 303),
    "inbox/conversations/<id:conversation_id>/write/": of_the_line("post", 303),
    "inbox/messages/<id:message_id>/resend/": of_the_line("post", 303),
    "inbox/messages/<id:message_id>/discard/": of_the_line("post", 303),
    # The description of the API is for the staff; the API itself asks for keys.
    "api/schema/": Row("get", 401, 403, 403, 200, 200),
    "api/docs/": Row("get", 302, 403, 403, 200, 200),
}
# It does not end for who is signed in; tests/queue_app/inbox/test_live.py asks it.
STREAM = "live/"
API = ("api/v1/", "api/^v1/")
ADMIN = "admin/"
# Where the administration lets everybody in: the way in and out, and its words for scripts.
ADMIN_DOORS = {"admin/login/", "admin/logout/", "admin/jsi18n/"}


def routes(patterns: Any = None, before: str = "") -> Iterator[str]:
    """The address of every pattern, as it is written."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route


ROUTES = sorted(set(routes()))
OURS = [route for route in ROUTES if not route.startswith((*API, ADMIN)) and route != STREAM]


@dataclass
class Story:
    """A chat that its operator holds, with a message that failed."""

    session: Session
    names: dict[str, str]
    clients: dict[str, Client]

    def address(self, route: str) -> str:
        """The route with the objects of the story in it."""
        filled = re.sub(r"<\w+:(\w+)>", lambda match: self.names[match[1]], route)
        filled = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda match: self.names[match[1]], filled)
        return "/" + filled.replace("^", "").replace("$", "").replace(".*", "anything")


@pytest.fixture
def story() -> Story:
    holder = OperatorFactory()
    connector = LiveChatConnectorFactory(open_channel=OpenChannelFactory(operators=[holder]))
    message = MessageFactory(
        conversation__connector=connector, direction="out", state="failed", author=holder.user
    )
    session = SessionFactory(
        conversation=message.conversation, operator=holder, state=SessionState.ACTIVE
    )
    other = OperatorFactory()
    OpenChannelFactory(operators=[other])
    users = {
        "stranger": other.user,
        "operator": holder.user,
        "clerk": UserFactory(is_staff=True),
        "administrator": SuperuserFactory(),
    }
    clients = {name: Client() for name in PEOPLE}
    for name, user in users.items():
        clients[name].force_login(user)
    names = {
        "public_id": connector.public_id,
        "token": "no-such-link",
        "first": "1",
        "second": "2",
        "session_id": str(session.pk),
        "message_id": str(message.pk),
        "conversation_id": str(session.conversation_id),
        "operator_id": str(holder.pk),
        "pk": str(connector.pk),
        "object_id": str(connector.pk),
        "content_type_id": "1",
        "app_label": "channels_app",
        "url": "no/such/page",
        "view": "mine",
        "act": "spam",
    }
    return Story(session, names, clients)


def everything() -> list[Any]:
    """All rows of the product."""
    return [
        list(model._default_manager.order_by("pk").values())
        for app in ("crm_app", "channels_app", "queue_app")
        for model in apps.get_app_config(app).get_models()
    ]


FORM = {
    "duty": "on", "text": "Good day", "client_key": "0123456789abcdef", "since": "0",
    "minutes": "5",
}  # fmt: skip


def ask(client: Client, method: str, path: str) -> Any:
    call: Callable[..., Any] = getattr(client, method)
    return call(path, FORM if method == "post" else None)


def test_every_address_is_in_the_table() -> None:
    assert set(OURS) == set(TABLE)
    assert STREAM in ROUTES


@pytest.mark.parametrize("route", sorted(TABLE))
def test_each_gets_what_the_table_says(story: Story, route: str) -> None:
    row = TABLE[route]
    path = story.address(route)
    # Those who are refused ask first: the object is still as it was.
    for person in sorted(PEOPLE, key=lambda person: getattr(row, person) < 400):
        before = everything()
        response = ask(story.clients[person], row.method, path)
        assert response.status_code == getattr(row, person), person
        if person == "nobody" and route.startswith(("inbox/", "api/docs/")):
            assert response["Location"].startswith(LOGIN)
            assert everything() == before
        if response.status_code >= 400:
            assert everything() == before, person


def test_the_api_takes_nobodys_cookie(story: Story) -> None:
    """A page of somebody else's could send it along; a key it does not have."""
    before = everything()
    paths = [story.address(route) for route in ROUTES if route.startswith(API)]
    assert len(paths) > 20
    for path in paths:
        for person in ("nobody", "operator", "administrator"):
            for method in ("get", "post", "patch", "delete"):
                call = getattr(story.clients[person], method)
                response = call(path, {}, content_type="application/json")
                assert response.status_code == 401, (path, person, method)
    assert everything() == before


def test_the_administration_is_for_the_staff(story: Story) -> None:
    before = everything()
    paths = [
        story.address(route)
        for route in ROUTES
        if route.startswith(ADMIN) and route not in ADMIN_DOORS
    ]
    assert len(paths) > 90
    for path in paths:
        for person in ("nobody", "stranger", "operator"):
            for method in ("get", "post"):
                response = ask(story.clients[person], method, path)
                assert response.status_code == 302, (path, person, method)
                assert response["Location"].startswith(ADMIN_LOGIN), (path, person, method)
    assert everything() == before


def test_the_staff_needs_the_right_to_each_page(story: Story) -> None:
    before = everything()
    routes = [route for route in ROUTES if re.match(r"admin/(?!password)\w+/\w+/", route)]
    assert len(routes) > 80
    for route in routes:
        for method in ("get", "post"):
            response = ask(story.clients["clerk"], method, story.address(route))
            # Django sends who asks for an object that is not there to the front page, and an
            # old form of an address on to the new one, which asks again.
            assert response.status_code in {302, 403, 404, 405}, (route, method)
            if response.status_code == 302:
                goes_to = response["Location"]
                assert goes_to == "/admin/" or goes_to.endswith("/change/"), (route, method)
    assert everything() == before
