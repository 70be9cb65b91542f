"""What the tests of a person's acts share: chats of a line, rights, refusals that write nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from channels_app.models import Conversation, Message
from channels_app.services.errors import ServiceError
from queue_app.models import Operator, Session
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from tests.factories import OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import customer_writes, everything, line_with


def person(name: str, **operator: Any) -> Operator:
    """An operator of this name."""
    made: Operator = OperatorFactory(user=UserFactory(first_name=name, last_name=""), **operator)
    return made


def granted(user: User, *rights: str) -> User:
    """The user with these rights of the desk, freshly read."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return User.objects.get(pk=user.pk)


def supervisor(*rights: str) -> Operator:
    """Somebody of no queue with these rights of the desk."""
    operator = person("Sofia")
    operator.user = granted(operator.user, *rights)
    return operator


def offered(*people: Operator, **settings: Any) -> Session:
    """A chat that is offered to the first of these."""
    return customer_writes(line_with(*people, **settings), "u1", now=moment())


def active(*people: Operator, **settings: Any) -> Session:
    """A chat that the first of these has accepted."""
    session = offered(*people, **settings)
    return session_accept(session_id=session.pk, operator=people[0], now=moment(1))


def answered(*people: Operator, **settings: Any) -> Session:
    """A chat that the first of these has answered: it is the customer's turn."""
    session = active(*people, **settings)
    session_reply(
        session_id=session.pk, user=people[0].user, text="Yes", client_key="key-0001",
        now=moment(2),
    )  # fmt: skip
    return Session.objects.get(pk=session.pk)


def waiting(*people: Operator, **settings: Any) -> Session:
    """A chat that found nobody: all of these are off duty."""
    for operator in people:
        operator.duty = "off"
        operator.save()
    return offered(*people, check_availability=True, **settings)


def all_rows() -> list[Any]:
    """All a refusal may not touch."""
    return [
        everything(),
        list(Message.objects.order_by("pk").values()),
        list(Conversation.objects.order_by("pk").values()),
    ]


def refused(code: str, status: int, act: Callable[[], object]) -> ServiceError:
    """The act is refused with this code, and nothing was written."""
    before = all_rows()
    with pytest.raises(ServiceError) as caught:
        act()
    assert (caught.value.code, caught.value.status) == (code, status)
    assert str(caught.value.detail)
    assert all_rows() == before
    return caught.value
