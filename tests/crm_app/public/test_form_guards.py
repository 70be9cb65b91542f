"""Programs and hostile bodies: refused without losing what a person typed."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
import time_machine

from crm_app.models import FormSubmission
from tests.crm_app.public.visitor import FORM_TYPE, NOW, filled, opened, send
from tests.factories.crm import CrmFormFactory, link_path

pytestmark = pytest.mark.django_db


def start() -> tuple[Any, str, str]:
    path = link_path(CrmFormFactory())
    client, page = opened(path)
    return client, path, page


def test_who_fills_in_the_trap_has_to_press_once_more() -> None:
    client, path, page = start()
    answer = send(client, path, page, {"website": "https://spam.example"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Check what you typed and send it once more." in text
    assert 'value="Paulo Anjos"' in text
    assert "spam.example" not in text
    assert not FormSubmission.objects.exists()
    # A browser that filled it in by itself: the person presses again.
    assert send(client, path, text).status_code == 303


def test_who_is_faster_than_a_person_has_to_press_once_more() -> None:
    client, path, page = start()
    answer = send(client, path, page, after=1)
    assert answer.status_code == 422
    assert not FormSubmission.objects.exists()
    # The first moment still counts.
    assert filled(answer.content.decode())["stamp"] == filled(page)["stamp"]
    assert send(client, path, answer.content.decode(), after=2).status_code == 303


@pytest.mark.parametrize("stamp", ["", "x", "a:1:b", "9" * 500])
def test_a_form_sent_without_having_been_shown_is_shown_first(stamp: str) -> None:
    client, path, page = start()
    answer = send(client, path, page, {"stamp": stamp})
    assert answer.status_code == 422
    assert not FormSubmission.objects.exists()
    assert send(client, path, answer.content.decode(), after=9).status_code == 303


def test_the_stamp_of_another_link_is_none() -> None:
    client, path, _page = start()
    _other, other_page = opened(link_path(CrmFormFactory()))
    assert send(client, path, other_page).status_code == 422
    assert not FormSubmission.objects.exists()


def test_one_address_sends_so_many_forms_a_minute_and_keeps_what_it_typed() -> None:
    client, path, page = start()
    for _ in range(30):
        assert send(client, path, page, {"f-name": ""}).status_code == 422
    answer = send(client, path, page)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert 'value="Paulo Anjos"' in answer.content.decode()
    assert not FormSubmission.objects.exists()
    with time_machine.travel(NOW + dt.timedelta(minutes=2), tick=False):
        assert send(client, path, page).status_code == 303


def test_another_address_is_not_kept_waiting() -> None:
    client, path, page = start()
    for _ in range(31):
        send(client, path, page, {"f-name": ""})
    other, page = opened(path, REMOTE_ADDR="192.0.2.9")
    assert send(other, path, page).status_code == 303


def test_a_forged_header_is_no_other_address() -> None:
    client, path, page = start()
    for number in range(31):
        client.defaults["HTTP_X_FORWARDED_FOR"] = f"192.0.2.{number}"
        answer = send(client, path, page, {"f-name": ""})
    assert answer.status_code == 429


def test_guessing_links_is_slowed_down() -> None:
    client, _path, _page = start()
    answers = [client.get(f"/forms/guess{number}/").status_code for number in range(31)]
    assert answers == [404] * 30 + [429]


def body(client: Any, path: str, raw: bytes, content_type: str = FORM_TYPE) -> Any:
    with time_machine.travel(NOW + dt.timedelta(seconds=5), tick=False):
        return client.post(path, raw, content_type=content_type)


def test_a_body_of_a_megabyte_is_refused() -> None:
    client, path, _page = start()
    assert body(client, path, b"f-name=" + b"x" * 1_000_000).status_code == 413
    assert not FormSubmission.objects.exists()


def test_too_many_fields_are_refused() -> None:
    client, path, _page = start()
    assert body(client, path, b"&".join(b"a%d=1" % n for n in range(1001))).status_code == 400


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "nonsense"],
)
def test_only_what_a_form_sends_is_read(content_type: str) -> None:
    client, path, _page = start()
    assert body(client, path, b'{"f-name": "x"}', content_type).status_code == 415


def test_another_character_set_is_refused() -> None:
    client, path, _page = start()
    assert body(client, path, b"f-name=x", f"{FORM_TYPE}; charset=utf-16").status_code == 400


@pytest.mark.parametrize("raw", ["%00", "Paulo%00Anjos", "%ED%A0%80", "%FF"])
def test_what_cannot_be_stored_is_refused_at_its_field(raw: str) -> None:
    client, path, page = start()
    fields = filled(page)
    del fields["f-name"]
    rest = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
    answer = body(client, path, f"f-name={raw}&{rest}".encode())
    assert answer.status_code == 422
    assert "There is a character here that we cannot store." in answer.content.decode()
    assert b"\x00" not in answer.content
    assert not FormSubmission.objects.exists()


def test_fields_the_form_does_not_have_are_left_aside() -> None:
    client, path, page = start()
    sent: dict[str, str | None] = {
        "f-is_staff": "1",
        "f-__proto__": "x",
        "form": "2",
        "context": "{}",
    }
    assert send(client, path, page, sent).status_code == 303
    assert set(FormSubmission.objects.get().data) == {"name", "phone", "email"}
    assert FormSubmission.objects.get().context == {"session": 5}


def test_a_line_break_in_a_name_or_an_address_goes_no_further() -> None:
    client, path, page = start()
    sent: dict[str, str | None] = {
        "f-name": "Paulo\r\nBcc: x@example.com",
        "f-email": "a@example.com\nBcc: b@example.com",
    }
    answer = send(client, path, page, sent)
    assert answer.status_code == 422
    assert not FormSubmission.objects.exists()


def test_a_foreign_page_may_send_the_form_only_with_the_link() -> None:
    """No cookie takes part, so a page that does not know the link has nothing to send."""
    path = link_path(CrmFormFactory())
    client, page = opened(path, enforce_csrf_checks=True)
    client.defaults["HTTP_ORIGIN"] = "https://elsewhere.example"
    assert send(client, path, page).status_code == 303
