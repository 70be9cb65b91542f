from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from tests.factories import PASSWORD, OperatorFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(client: Client, password: str = PASSWORD, **data: str) -> Any:
    return client.post("/login/", {"username": "maria", "password": password, **data})


def test_signing_in_leads_to_the_inbox_and_puts_nobody_on_duty(client: Client) -> None:
    operator = OperatorFactory(user=UserFactory(username="maria"), duty="off")
    response = sign_in(client)
    assert (response.status_code, response["Location"]) == (302, "/inbox/")
    operator.refresh_from_db()
    assert operator.duty == "off"


def test_signing_in_leads_back_to_the_page_asked_for_but_to_no_other_site(
    client: Client,
) -> None:
    UserFactory(username="maria")
    assert sign_in(client, next="/inbox/waiting/")["Location"] == "/inbox/waiting/"
    assert sign_in(client, next="https://evil.example/")["Location"] == "/inbox/"


def test_a_device_of_ones_own_stays_signed_in_for_longer(client: Client) -> None:
    UserFactory(username="maria")
    sign_in(client)
    assert client.session.get_expiry_age() == settings.SESSION_COOKIE_AGE
    client.logout()
    sign_in(client, keep="on")
    assert client.session.get_expiry_age() == 30 * 24 * 3600


def test_a_wrong_password_says_so_and_not_which_of_the_two_was_wrong(client: Client) -> None:
    UserFactory(username="maria")
    known = sign_in(client, "wrong").content.decode()
    UserFactory(username="other").delete()
    unknown = client.post("/login/", {"username": "nobody", "password": "wrong"}).content.decode()
    for html in (known, unknown):
        assert "Name and password don&#x27;t match." in html


@override_settings(AXES_ENABLED=True, AXES_FAILURE_LIMIT=3)
def test_too_many_tries_are_told_before_and_after_they_are_too_many(client: Client) -> None:
    UserFactory(username="maria")
    assert "2 tries left, then a pause of 15 minutes." in sign_in(client, "wrong").content.decode()
    assert "1 try left" in sign_in(client, "wrong").content.decode()
    locked = sign_in(client, "wrong")
    assert locked.status_code == 429
    assert "Signing in as maria from here is paused for 15 minutes." in locked.content.decode()
    # The right password does not help before the pause is over.
    assert sign_in(client).status_code == 429
    assert "_auth_user_id" not in client.session


def test_signing_out_needs_a_post_and_ends_the_session(client: Client) -> None:
    client.force_login(UserFactory())
    assert client.get("/logout/").status_code == 405
    response = client.post("/logout/")
    assert (response.status_code, response["Location"]) == (302, "/login/")
    assert "_auth_user_id" not in client.session


def test_the_language_is_changed_by_a_button(client: Client) -> None:
    assert 'lang="en"' in client.get("/login/").content.decode()
    client.post("/i18n/setlang/", {"language": "pt-br"}, headers={"Referer": "/login/"})
    assert '<html lang="pt-br">' in client.get("/login/").content.decode()
