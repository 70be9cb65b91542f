"""Leads: one open lead per contact of a line, statuses, sources."""

from __future__ import annotations

import pytest

from crm_app.models import Contact, Lead, LeadSource, LeadStatus, Stage, TimelineEntry
from crm_app.services.leads import (
    lead_convert,
    lead_create,
    lead_junk,
    lead_open_of,
    lead_source,
    lead_status_set,
    lead_update,
    status_of,
)
from openlines_project.lib.errors import ConflictError, InvalidError
from tests.channels_app.services.test_delivery_at_once import at_once
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory, LeadFactory, LeadSourceFactory, lead_lists

pytestmark = pytest.mark.django_db


def test_a_lead_begins_new_from_the_open_channel_with_nobody_responsible() -> None:
    lead_lists()
    contact = ContactFactory(name="Paulo Anjos")
    opened = lead_create(contact=contact, now=moment(), origin="open_channel:3")
    lead = Lead.objects.get()
    assert (opened.lead, opened.is_new) == (lead, True)
    assert (lead.status.stage, str(lead.source), lead.title) == (
        "new",
        "Open channel",
        "Paulo Anjos",
    )
    assert (lead.responsible, lead.made_by_line, lead.origin) == (None, True, "open_channel:3")
    assert (lead.created_at, lead.closed_at) == (moment(), None)
    entry = TimelineEntry.objects.get()
    assert (entry.kind, entry.lead, entry.contact) == ("lead", lead, contact)


def test_repeats_attach_to_the_open_lead_whatever_the_channel() -> None:
    contact = ContactFactory()
    first = lead_create(contact=contact, now=moment(), source=LeadSourceFactory())
    again = lead_create(contact=contact, now=moment(1), source=LeadSourceFactory())
    assert (again.lead, again.is_new) == (first.lead, False)
    assert Lead.objects.count() == 1


def test_a_lead_somebody_made_by_hand_is_attached_to_as_well() -> None:
    by_hand = LeadFactory(made_by_line=False)
    assert lead_create(contact=by_hand.contact, now=moment()).lead == by_hand


def test_the_crm_itself_makes_as_many_as_people_want() -> None:
    contact = LeadFactory().contact
    for _ in range(2):
        assert lead_create(contact=contact, now=moment(), made_by_line=False).is_new
    assert Lead.objects.filter(contact=contact, closed_at__isnull=True).count() == 3


def test_a_closed_lead_is_followed_by_another_one() -> None:
    lead = LeadFactory()
    lead_junk(lead=lead, actor=None, now=moment())
    assert lead_create(contact=lead.contact, now=moment(1)).is_new


def test_a_lead_of_a_merged_card_is_opened_on_the_one_it_became() -> None:
    winner = ContactFactory()
    loser = ContactFactory(merged_into=winner)
    assert lead_create(contact=loser, now=moment()).lead.contact == winner


def test_an_erased_contact_gets_no_lead() -> None:
    with pytest.raises(ConflictError):
        lead_create(contact=ContactFactory(erased_at=moment()), now=moment())
    assert not Lead.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_operators_who_press_create_lead_at_once_get_one() -> None:
    contact = ContactFactory()
    opened: list[tuple[int, bool]] = []

    def press() -> None:
        result = lead_create(contact=Contact.objects.get(pk=contact.pk), now=moment())
        opened.append((result.lead.pk, result.is_new))

    at_once(*[press] * 10)
    assert len({pk for pk, _new in opened}) == 1
    assert sorted(new for _pk, new in opened) == [False] * 9 + [True]


# --- statuses -----------------------------------------------------------------------------


def test_a_lead_is_converted_once() -> None:
    lead, user = LeadFactory(), UserFactory()
    converted = lead_convert(lead=lead, actor=user, now=moment(5))
    assert (converted.status.stage, converted.closed_at) == ("converted", moment(5))
    with pytest.raises(ConflictError) as refusal:
        lead_junk(lead=lead, actor=user, now=moment(6))
    assert refusal.value.code == "closed"
    lead.refresh_from_db()
    assert (lead.status.stage, lead.closed_at) == ("converted", moment(5))
    entry = TimelineEntry.objects.get()
    assert (entry.title, entry.author) == ("converted", user)


def test_moving_between_open_statuses_closes_nothing() -> None:
    lead = LeadFactory()
    own = LeadStatus.objects.create(name="Waiting for an offer", stage=Stage.IN_WORK, position=9)
    moved = lead_status_set(lead=lead, status=own, actor=None, now=moment(5))
    assert (moved.status, moved.closed_at, moved.changed_at) == (own, None, moment(5))
    lead_status_set(lead=lead, status=own, actor=None, now=moment(6))
    assert TimelineEntry.objects.count() == 1


def test_a_closed_lead_can_be_opened_again_unless_another_is_open() -> None:
    lead = LeadFactory(stage="junk")
    new = status_of(stage=Stage.NEW)
    assert lead_status_set(lead=lead, status=new, actor=None, now=moment()).closed_at is None
    lead_junk(lead=lead, actor=None, now=moment())
    LeadFactory(contact=lead.contact)
    with pytest.raises(ConflictError) as refusal:
        lead_status_set(lead=lead, status=new, actor=None, now=moment())
    assert refusal.value.code == "open_lead"
    lead.refresh_from_db()
    assert lead.status.stage == "junk"


def test_the_first_status_of_a_stage_is_the_one_we_set() -> None:
    lead_lists()
    first = LeadStatus.objects.create(name="Just in", stage=Stage.NEW, position=0)
    assert status_of(stage=Stage.NEW) == first
    LeadStatus.objects.filter(stage=Stage.JUNK).delete()
    assert status_of(stage=Stage.JUNK).stage == "junk"


def test_a_status_without_a_name_is_called_by_its_stage() -> None:
    assert str(LeadStatus(stage="in_work")) == "In work"
    assert str(LeadStatus(stage="in_work", name="Negotiation")) == "Negotiation"


# --- sources and changes ------------------------------------------------------------------


def test_a_source_per_line_and_kind_is_made_on_first_use() -> None:
    one = lead_source(key="open_channel:3:telegram", name="Shop, Telegram")
    assert lead_source(key="open_channel:3:telegram", name="Another name") == one
    assert str(one) == "Shop, Telegram"
    assert lead_source(key="open_channel:3:custom") != one
    assert LeadSource.objects.filter(key__startswith="open_channel:3").count() == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_source_first_used_by_many_at_once_is_one() -> None:
    found: list[int] = []
    at_once(*[lambda: found.append(lead_source(key="open_channel:3:telegram").pk)] * 8)
    assert len(set(found)) == 1


def test_people_change_title_source_and_responsible() -> None:
    lead, user, source = LeadFactory(), UserFactory(), LeadSourceFactory()
    lead_update(lead=lead, title=" A table\n", source=source, responsible=user, now=moment(9))
    lead.refresh_from_db()
    assert (lead.title, lead.source, lead.responsible) == ("A table", source, user)
    with pytest.raises(InvalidError):
        lead_update(lead=lead, title="x" * 201, source=None, responsible=None, now=moment(9))
    lead.refresh_from_db()
    assert lead.source == source


def test_the_lead_of_a_line_goes_before_one_made_by_hand() -> None:
    lead = LeadFactory()
    LeadFactory(contact=lead.contact, made_by_line=False)
    assert lead_open_of(contact=lead.contact) == lead
