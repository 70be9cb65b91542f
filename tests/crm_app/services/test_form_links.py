"""The link of a form: short, signed, and honest about what it says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm_app.models import CrmForm
from crm_app.services.form_links import FormLinkError, form_link, form_link_read
from tests.factories import moment
from tests.factories.crm import ContactFactory, CrmFormFactory, LeadSourceFactory

pytestmark = pytest.mark.django_db


def link(**options: Any) -> str:
    form = options.pop("form", None) or CrmFormFactory()
    settings: dict[str, Any] = {
        "context": {"session": 5},
        "ttl": dt.timedelta(days=2),
        "now": moment(),
    }
    return form_link(form=form, **(settings | options))


def token_of(path: str) -> str:
    assert path.startswith("/forms/")
    return path.removeprefix("/forms/").rstrip("/")


def test_a_link_says_what_was_put_into_it() -> None:
    form: CrmForm = CrmFormFactory()
    read = form_link_read(token_of(link(form=form, language="pt-br", country="BR")))
    assert (read.form_id, read.language, read.country) == (form.pk, "pt-br", "BR")
    assert read.context == {"session": 5}
    assert (read.contact_id, read.lead_rule, read.lead_source_id) == (None, "new", None)
    assert read.expires_at == moment() + dt.timedelta(days=2)


def test_a_link_may_name_a_contact_and_what_becomes_of_leads() -> None:
    contact, source = ContactFactory(), LeadSourceFactory()
    for rule in ("new", "always", "never"):
        path = link(contact=contact, lead_rule=rule, lead_source=source)
        read = form_link_read(token_of(path))
        assert (read.contact_id, read.lead_rule) == (contact.pk, rule)
        assert read.lead_source_id == source.pk


def test_two_links_are_never_the_same_one() -> None:
    form = CrmFormFactory()
    ids = {form_link_read(token_of(link(form=form))).token_id for _ in range(50)}
    assert len(ids) == 50


def test_a_link_fits_into_a_text_message() -> None:
    options = {"language": "pt-br", "country": "BR", "contact": ContactFactory()}
    address = "https://chat.example.com" + link(context={"session": 1234567}, **options)
    assert len(address) <= 160
    assert address.isascii()


@pytest.mark.parametrize("place", range(9))
def test_no_part_of_a_link_can_be_changed(place: int) -> None:
    contact, source = ContactFactory(), LeadSourceFactory()
    path = link(language="en", country="BR", contact=contact, lead_source=source)
    parts = token_of(path).split(".")
    parts[place] = ("b" if parts[place][:1] != "b" else "c") + parts[place][1:]
    with pytest.raises(FormLinkError):
        form_link_read(".".join(parts))


@pytest.mark.parametrize("token", ["", "a", ".", "......", "a" * 5000, "\x00", "é.é.é.é.é.é.é"])
def test_what_was_never_a_link_is_refused(token: str) -> None:
    with pytest.raises(FormLinkError):
        form_link_read(token)


def test_a_signature_for_something_else_is_no_link() -> None:
    from django.core import signing

    with pytest.raises(FormLinkError):
        form_link_read(signing.Signer(salt="other", sep=".").sign("1.x.1.en.BR.e30"))


def test_what_would_not_fit_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="at most 300 bytes"):
        link(context={"note": "x" * 300})
    with pytest.raises(ValueError, match="no language"):
        link(language="xx")
