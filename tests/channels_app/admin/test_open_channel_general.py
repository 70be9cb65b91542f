"""The General tab: what a line is called, and where it is."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.channels_app.admin.line_page import address, dotted, opened, sent
from tests.factories import OpenChannelFactory, OperatorFactory

pytestmark = pytest.mark.django_db


def test_everything_of_the_tab_is_saved(administrator: Client) -> None:
    line = OpenChannelFactory(is_active=True)
    page = sent(
        administrator, line, name="Shop", public_name="Aroeira", is_active=None,
        language="pt-br", time_zone="America/Sao_Paulo", default_country="BR",
    )  # fmt: skip
    assert administrator.post(address(line), page).status_code == 302
    line.refresh_from_db()
    assert (line.name, line.public_name, line.is_active) == ("Shop", "Aroeira", False)
    assert (line.language, line.time_zone, line.default_country) == (
        "pt-br", "America/Sao_Paulo", "BR",
    )  # fmt: skip


def test_a_zone_that_is_not_offered_stays_when_it_is_the_lines(administrator: Client) -> None:
    line = OpenChannelFactory(time_zone="EST5EDT")
    page = sent(administrator, line, name="Shop")
    assert page["time_zone"] == ["EST5EDT"]
    administrator.post(address(line), page)
    line.refresh_from_db()
    assert (line.name, line.time_zone) == ("Shop", "EST5EDT")


def test_an_error_opens_the_tab_and_names_the_field(administrator: Client) -> None:
    line = OpenChannelFactory(name="Shop", operators=[OperatorFactory()])
    answer = administrator.post(address(line), sent(administrator, line, name=" ", max_chats="4"))
    text = answer.content.decode()
    assert (opened(text), dotted(text, "general")) == ("general", "has an error")
    assert '<a href="#id_name" data-go>Name</a>. This field is required.' in text
    # Both are still to be saved.
    assert 'data-unsaved="name max_chats"' in text
    line.refresh_from_db()
    assert (line.name, line.max_chats, line.version) == ("Shop", 0, 1)
