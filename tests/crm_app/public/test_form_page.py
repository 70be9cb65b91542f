"""The page of a form: showing, correcting, sending, thanking."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.test import Client

from crm_app.models import FormSubmission
from crm_app.services import forms as services
from tests.crm_app.public.visitor import FILLED, NOW, opened, send
from tests.factories.crm import CrmFormFactory, default_form, link_path

pytestmark = pytest.mark.django_db


def test_a_customer_fills_in_the_form_and_is_thanked() -> None:
    form = CrmFormFactory(title="Your details", thanks_text="See you soon.\nThe shop")
    path = link_path(form, context={"session": 7})
    client, page = opened(path)
    assert "<h1>Your details</h1>" in page
    assert form.name not in page
    answer = send(client, path, page)
    assert (answer.status_code, answer["Location"]) == (303, path)
    submission = FormSubmission.objects.get()
    assert submission.data == {
        "name": "Paulo Anjos", "phone": "+5511983212345", "email": "paulo@example.com"
    }  # fmt: skip
    assert submission.context == {"session": 7}
    assert submission.consent_version == 1
    for _ in range(2):
        thanks = client.get(path)
        assert thanks.status_code == 200
        assert "See you soon.<br>The shop" in thanks.content.decode()
        assert "<form" not in thanks.content.decode()


def test_sending_twice_stores_once() -> None:
    path = link_path(CrmFormFactory())
    client, page = opened(path)
    send(client, path, page)
    second = send(client, path, page, {"f-name": "Somebody else"})
    assert second.status_code == 200
    assert "Thank you" in second.content.decode()
    assert FormSubmission.objects.get().data["name"] == "Paulo Anjos"


def test_the_page_sets_no_cookie_and_stays_in_no_cache_and_no_frame() -> None:
    path = link_path(CrmFormFactory())
    client, page = opened(path)
    for answer in (client.get(path), send(client, path, page), client.get("/forms/nothing/")):
        assert not answer.cookies
        assert answer["Cache-Control"] == "no-store"
        assert "noindex" in answer["X-Robots-Tag"]
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "no-referrer"
    assert "<script" not in page


def test_wrong_fields_are_marked_and_what_was_typed_is_kept() -> None:
    path = link_path(CrmFormFactory())
    client, page = opened(path)
    sent: dict[str, str | None] = {
        "f-name": "",
        "f-phone": "11 9832",
        "f-email": "paulo@",
        "f-consent": None,
    }
    answer = send(client, path, page, sent)
    assert answer.status_code == 422
    text = answer.content.decode()
    for sentence in (
        "Something is missing. Check the marked fields.",
        "Fill this in.",
        "This number is too short. Include the area code.",
        "This is no e-mail address. Write it in full, with its domain.",
        "Tick this box, or we may not keep your details.",
    ):
        assert sentence in text
    assert 'value="11 9832"' in text
    assert 'value="paulo@"' in text
    assert re.search(r'id="id_f-phone"[^>]*aria-invalid="true"', text) or re.search(
        r'aria-invalid="true"[^>]*id="id_f-phone"', text
    )
    assert 'aria-describedby="id_f-phone_error"' in text
    assert 'id="id_f-phone_error"' in text
    assert not FormSubmission.objects.exists()
    # Corrected, it goes through.
    assert send(client, path, text).status_code == 303


def test_one_way_to_reach_the_person_is_enough_and_none_is_not() -> None:
    form = CrmFormFactory()
    for way in ("f-phone", "f-email"):
        path = link_path(form)
        client, page = opened(path)
        assert send(client, path, page, {way: ""}).status_code == 303
    path = link_path(form)
    client, page = opened(path)
    answer = send(client, path, page, {"f-phone": "", "f-email": ""})
    assert answer.status_code == 422
    assert "Leave a phone number or an e-mail address." in answer.content.decode()
    other = link_path(CrmFormFactory(needs_contact=False))
    client, page = opened(other)
    assert send(client, other, page, {"f-phone": "", "f-email": ""}).status_code == 303


def test_the_form_says_which_fields_may_be_left_out() -> None:
    both = opened(link_path(CrmFormFactory()))[1]
    assert both.count("one of the two is enough") == 2
    assert "optional" not in both
    free = opened(link_path(CrmFormFactory(needs_contact=False)))[1]
    assert free.count("optional") == 2
    phone_only = CrmFormFactory(
        fields=[{"kind": "phone"}, {"kind": "text", "label": "Note", "key": "note"}]
    )
    page = opened(link_path(phone_only))[1]
    assert "one of the two" not in page
    assert page.count("optional") == 1
    required = CrmFormFactory(fields=[{"kind": "phone", "is_required": True}, {"kind": "email"}])
    assert opened(link_path(required))[1].count("optional") == 1


def test_every_kind_of_field_is_shown_and_checked() -> None:
    form = CrmFormFactory(
        needs_contact=False,
        fields=[
            {"kind": "text", "key": "order", "label": "Order number", "help_text": "On the bill"},
            {"kind": "choice", "key": "product", "label": "Product", "choices": "Table\nChair",
             "is_required": True},
            {"kind": "long_text", "key": "what", "label": "What happened?"},
        ],
    )  # fmt: skip
    path = link_path(form)
    client, page = opened(path)
    assert '<option value="Table">Table</option>' in page
    assert "On the bill" in page
    wrong = send(client, path, page, {"f-product": "Sofa", "f-what": "x" * 5001})
    assert wrong.status_code == 422
    assert "Choose one of the list." in wrong.content.decode()
    assert "This is too long: at most 5000 characters." in wrong.content.decode()
    sent: dict[str, str | None] = {"f-product": "Chair", "f-what": "A leg is loose.\nSince Monday."}
    assert send(client, path, page, sent).status_code == 303
    assert FormSubmission.objects.get().data == {
        "product": "Chair", "what": "A leg is loose.\nSince Monday."
    }  # fmt: skip


def test_a_form_without_consent_asks_for_none() -> None:
    path = link_path(CrmFormFactory(asks_consent=False))
    client, page = opened(path)
    assert 'name="f-consent"' not in page
    assert send(client, path, page, {"f-consent": None}).status_code == 303
    assert FormSubmission.objects.get().consent_version is None


def test_what_customers_type_is_shown_as_text() -> None:
    path = link_path(CrmFormFactory())
    client, page = opened(path)
    sent: dict[str, str | None] = {
        "f-name": '"><script>alert(1)</script>',
        "f-phone": "<b>",
        "f-email": "",
    }
    text = send(client, path, page, sent).content.decode()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<b>" not in text.split("<form")[1]


# --- language and country -----------------------------------------------------------------


def test_the_form_speaks_the_language_of_the_link() -> None:
    path = link_path(default_form(), language="pt-br", country="BR")
    answer = Client().get(path, headers={"Accept-Language": "en"})
    assert answer["Content-Language"] == "pt-br"
    assert '<html lang="pt-br"' in answer.content.decode()


def test_a_form_with_a_language_of_its_own_speaks_that_one() -> None:
    path = link_path(CrmFormFactory(language="en"), language="pt-br")
    assert Client().get(path, headers={"Accept-Language": "pt-BR"})["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("own", "links", "number"),
    [("", "RU", "+79123456789"), ("RU", "DE", "+79123456789"), ("", "", None)],
)
def test_phones_are_read_by_the_forms_country_then_the_lines(
    own: str, links: str, number: str | None
) -> None:
    path = link_path(CrmFormFactory(default_country=own), country=links)
    client, page = opened(path)
    answer = send(client, path, page, {"f-phone": "8 (912) 345-67-89", "f-email": ""})
    if number is None:
        assert "Begin with + and the country code, such as +55." in answer.content.decode()
        assert not FormSubmission.objects.exists()
    else:
        assert FormSubmission.objects.get().data["phone"] == number


# --- links that lead nowhere --------------------------------------------------------------


def test_an_expired_link_says_so() -> None:
    path = link_path(CrmFormFactory(), hours=1)
    with time_machine.travel(NOW + dt.timedelta(hours=1), tick=False):
        answer = Client().get(path)
    assert answer.status_code == 410
    assert "This link has expired" in answer.content.decode()


def test_who_opened_the_page_in_time_may_send_it_a_little_late() -> None:
    path = link_path(CrmFormFactory(), hours=1)
    client, page = opened(path)
    with time_machine.travel(NOW + dt.timedelta(hours=2), tick=False):
        assert send(client, path, "").status_code == 410
        assert send(client, path, page).status_code == 303
    assert FormSubmission.objects.count() == 1


def test_a_day_late_is_too_late() -> None:
    path = link_path(CrmFormFactory(), hours=1)
    client, page = opened(path)
    with time_machine.travel(NOW + dt.timedelta(hours=25), tick=False):
        assert send(client, path, page).status_code == 410
    assert not FormSubmission.objects.exists()


def test_a_link_we_did_not_make_leads_nowhere() -> None:
    path = link_path(CrmFormFactory())
    for wrong in (path[:-2] + "/", "/forms/abc/", "/forms/1.2.3.4.5.6.7/", f"/forms/{'x' * 3000}/"):
        answer = Client().get(wrong)
        assert answer.status_code == 404
        assert "There is no such form" in answer.content.decode()


def test_a_closed_form_takes_nothing_and_still_thanks_who_sent_it() -> None:
    form = CrmFormFactory()
    sent, unsent = link_path(form), link_path(form)
    client, page = opened(sent)
    send(client, sent, page)
    form.is_active = False
    form.save()
    assert client.get(sent).status_code == 200
    assert client.get(unsent).status_code == 410
    assert send(client, unsent, page).status_code == 410
    assert FormSubmission.objects.count() == 1


def test_a_form_that_is_gone_leads_nowhere() -> None:
    form = CrmFormFactory()
    path = link_path(form)
    form.delete()
    assert Client().get(path).status_code == 404


def test_other_methods_are_refused() -> None:
    path = link_path(CrmFormFactory())
    assert Client().put(path, b"").status_code == 405
    assert Client().head(path).status_code == 200


# --- when something is wrong with us ------------------------------------------------------


def test_a_database_that_is_away_keeps_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from crm_app.public import views

    path = link_path(CrmFormFactory())
    client, page = opened(path)

    def away(**_kwargs: Any) -> Any:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(views, "form_submit", away)
    answer = send(client, path, page)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    text = answer.content.decode()
    assert "What you typed is here" in text
    assert f'value="{FILLED["f-name"]}"' in text
    assert "closed" not in text


def test_a_page_that_cannot_be_read_from_the_database_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.db import OperationalError

    from crm_app.public import views

    path = link_path(CrmFormFactory())

    def away(*_args: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(views, "_show", away)
    assert Client().get(path).status_code == 503


def test_a_field_removed_while_the_customer_was_typing_is_no_obstacle() -> None:
    form = CrmFormFactory()
    path = link_path(form)
    client, page = opened(path)
    form.fields.filter(key="email").delete()
    assert send(client, path, page).status_code == 303
    assert "email" not in FormSubmission.objects.get().data


def test_a_refusal_of_the_service_stands_at_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    from openlines_project.lib.errors import InvalidError

    path = link_path(CrmFormFactory())
    client, page = opened(path)

    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise InvalidError("invalid", "no", fields={"phone": ["Not this one."], "x": ["Or this."]})

    monkeypatch.setattr(services, "_values_check", refuse)
    answer = send(client, path, page)
    assert answer.status_code == 422
    assert "Not this one." in answer.content.decode()
    assert "Or this." in answer.content.decode()


def test_the_page_says_until_when_the_link_works() -> None:
    _client, page = opened(link_path(CrmFormFactory(), hours=48))
    assert "This link works until March 4, 2026 and can be used once." in page
