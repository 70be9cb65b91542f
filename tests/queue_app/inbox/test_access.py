"""Every address of the inbox, asked by somebody it is none of his business."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from channels_app.models import Conversation, Message
from queue_app.inbox import urls
from queue_app.models import Operator, Session, SessionEvent, Timer
from tests.factories import MessageFactory, OperatorFactory
from tests.queue_app.inbox.stories import Desk, desk

pytestmark = pytest.mark.django_db

# Addresses that name nobody's object: everybody signed in may ask them.
OWN = {"home", "me", "list", "list-part", "duty", "next", "live", "presence"}
# Not there for who supervises nothing.
BY_RIGHT = {"supervisor", "supervisor-board"}
SIGNING = {"login", "logout"}
# Addresses with an object in them, and what it is.
OBJECTS = {
    "session-detail": "session_id",
    "session-thread": "session_id",
    "session-accept": "session_id",
    "session-reply": "session_id",
    "session-read": "session_id",
    "session-typing": "session_id",
    "session-writing": "session_id",
    "session-ask": "session_id",
    "session-close": "session_id",
    "session-skip": "session_id",
    "session-transfer": "session_id",
    "session-join": "session_id",
    "session-leave": "session_id",
    "session-intercept": "session_id",
    "session-spam": "session_id",
    "session-spam-undo": "session_id",
    "session-block": "session_id",
    "session-unblock": "session_id",
    "session-force-stop": "session_id",
    "session-snooze": "session_id",
    "session-wake": "session_id",
    "session-note": "session_id",
    "session-new": "session_id",
    "conversation-write": "conversation_id",
    "message-resend": "message_id",
    "message-discard": "message_id",
    "supervisor-duty": "operator_id",
}
READ_ONLY = {
    "home", "me", "list", "list-part", "live", "session-detail", "session-thread",
    "session-writing", "session-ask", *BY_RIGHT,
}  # fmt: skip
# Read with GET, done with POST.
BOTH = {"session-transfer"}
FORM = {
    "duty": "on", "text": "Let me in", "client_key": "0123456789abcdef", "since": "0",
    "minutes": "5",
}  # fmt: skip


def patterns() -> list[URLPattern]:
    return [pattern for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)]


def address(pattern: URLPattern, desk: Desk, session: Session, message: Message) -> str:
    text = "/" + str(pattern.pattern)
    return (
        text.replace("<id:session_id>", str(session.pk))
        .replace("<id:message_id>", str(message.pk))
        .replace("<id:conversation_id>", str(session.conversation_id))
        .replace("<id:operator_id>", str(desk.operator.pk))
        .replace("<slug:view>", "mine")
        .replace("<slug:act>", "spam")
    )


def everything() -> dict[str, Any]:
    """What an answer could have changed, but that the reader was there."""
    operators = [field.attname for field in Operator._meta.fields if field.name != "seen_at"]
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Session, SessionEvent, Message, Conversation, Timer)
    } | {"Operator": list(Operator.objects.order_by("pk").values(*operators))}


def story() -> tuple[Desk, Session, Message]:
    owner = desk()
    session = owner.offered(unread=1)
    message = MessageFactory(
        conversation=session.conversation, direction="out", state="failed", text="Hello"
    )
    return owner, session, message


def test_no_address_is_forgotten_here() -> None:
    names = {pattern.name for pattern in patterns()}
    assert names == OWN | SIGNING | BY_RIGHT | set(OBJECTS)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("as_script", [False, True])
def test_a_strangers_object_is_not_there(method: str, as_script: bool) -> None:
    owner, session, message = story()
    stranger = Client()
    # A colleague of another line, who is on duty and may do all of this there.
    stranger.force_login(OperatorFactory().user)
    desk()
    before = everything()
    headers = {"HX-Request": "true"} if as_script else {}
    for pattern in patterns():
        if pattern.name not in OBJECTS:
            continue
        path = address(pattern, owner, session, message)
        allowed = {"get"} if pattern.name in READ_ONLY else {"post"}
        if pattern.name in BOTH:
            allowed = {"get", "post"}
        response = getattr(stranger, method)(path, FORM, headers=headers)
        assert response.status_code == (404 if method in allowed else 405), path
    assert everything() == before


def test_a_line_of_others_cannot_be_asked_for() -> None:
    owner, _session, _message = story()
    stranger = desk()
    for path in ("/inbox/all/", "/inbox/list/all/"):
        response = stranger.client.get(path, {"line": owner.line.pk})
        assert response.status_code == 404


@pytest.mark.parametrize("as_script", [False, True])
def test_who_is_not_signed_in_is_led_to_the_sign_in_page(as_script: bool) -> None:
    owner, session, message = story()
    before = everything()
    nobody = Client()
    headers = {"HX-Request": "true"} if as_script else {}
    for pattern in patterns():
        if pattern.name in SIGNING | {"live"}:
            continue
        path = address(pattern, owner, session, message)
        method = "get" if pattern.name in READ_ONLY else "post"
        response = getattr(nobody, method)(path, FORM, headers=headers)
        if as_script:
            assert response.status_code == 401, path
            assert response["HX-Redirect"] == "/login/"
        else:
            assert response.status_code == 302, path
            assert response["Location"].startswith("/login/?next=/inbox/")
        assert "no-store" in response["Cache-Control"]
    assert everything() == before


def test_reading_changes_nothing() -> None:
    owner, session, message = story()
    before = everything()
    for pattern in patterns():
        if pattern.name in (READ_ONLY | BOTH) - {"live"}:
            response = owner.client.get(address(pattern, owner, session, message))
            if pattern.name in BY_RIGHT:
                assert response.status_code == 404, pattern.name
                continue
            assert response.status_code in {200, 302}, pattern.name
            assert "no-store" in response["Cache-Control"], pattern.name
    assert everything() == before


def test_what_acts_needs_the_forms_token() -> None:
    owner, session, message = story()
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(owner.operator.user)
    before = everything()
    for pattern in patterns():
        if pattern.name in READ_ONLY:
            continue
        response = forger.post(address(pattern, owner, session, message), FORM)
        assert response.status_code == 403, pattern.name
    assert everything() == before


def test_nobodys_id_is_an_error() -> None:
    owner, _session, _message = story()
    for number in ("0", "999999999999999999", "9" * 30):
        assert owner.client.get(f"/inbox/chats/{number}/").status_code == 404
    assert owner.client.get("/inbox/nothing/").status_code == 404
    assert owner.client.get("/inbox/all/?line=%00&after=x.y.z").status_code == 200
