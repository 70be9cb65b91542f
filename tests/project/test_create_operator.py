"""The command that makes an operator."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from channels_app.models import OpenChannel
from queue_app.models import Operator, QueueMember

pytestmark = pytest.mark.django_db


def create(*arguments: Any, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_operator", *arguments, **options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_an_operator_can_sign_in_and_stands_at_the_end_of_the_queue() -> None:
    line = OpenChannel.objects.create(name="Sales")
    create("bruno", open_channel=[line.pk])
    password, said = create("maria", first_name="Maria", open_channel=[line.pk, line.pk])
    user = User.objects.get(username="maria")
    assert authenticate(username="maria", password=password.strip()) == user
    assert (user.first_name, user.is_staff, user.is_superuser) == ("Maria", False, False)
    assert "maria" in said
    assert password.strip() not in said
    members = QueueMember.objects.filter(open_channel=line).order_by("position")
    assert [member.user.username for member in members if member.user] == ["bruno", "maria"]
    assert Operator.objects.filter(user=user).count() == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["maria", "--open-channel", "999"], "There is no open channel 999."),
        (["not a name!"], "valid username"),
        (["taken"], "already exists"),
        (["maria", "--email", "nonsense"], "valid email"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(arguments: list[str], reason: str) -> None:
    User.objects.create(username="taken", password="x")
    with pytest.raises(CommandError, match=reason):
        create(*arguments)
    assert list(User.objects.values_list("username", flat=True)) == ["taken"]
    assert not QueueMember.objects.exists()
    assert not Operator.objects.exists()
