"""Two cards become one, one becomes two, and nothing is lost on the way."""

from __future__ import annotations

import pytest

from crm_app.models import Contact, EntryKind, Lead, MergeProposal, TimelineEntry
from crm_app.people import Point
from crm_app.services.contacts import contact_points_add, merge_propose
from crm_app.services.merging import contact_split, contacts_merge, contacts_merge_preview
from crm_app.services.timeline import note_add, timeline_add, timeline_move
from crm_app.signals import contact_was_split, contacts_changing, contacts_merged
from openlines_project.lib.errors import ConflictError, InvalidError
from tests.channels_app.services.test_delivery_at_once import at_once
from tests.crm_app.services.signals import heard
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory, FormSubmissionFactory, LeadFactory

pytestmark = pytest.mark.django_db
PHONE, OTHER, MAIL = "+5511983212345", "+5511983219999", "paulo@example.com"


def test_everything_of_the_loser_goes_to_the_winner_who_keeps_what_he_has() -> None:
    maria, igor = UserFactory(), UserFactory()
    winner = ContactFactory(
        name="Paulo", responsible=None, custom={"size": "M"}, last_activity_at=moment(1),
        points=[("phone", PHONE)],
    )  # fmt: skip
    loser = ContactFactory(
        name="Paulo Anjos", company="Aroeira", responsible=maria, last_activity_at=moment(9),
        custom={"size": "L", "shoe": "44"},
        points=[("phone", PHONE), ("phone", OTHER), ("telegram", "77")],
    )  # fmt: skip
    lead = LeadFactory(contact=loser)
    note = note_add(contact=loser, text="Likes oak", author=igor, now=moment())
    sent = FormSubmissionFactory(contact=loser)
    with heard(contacts_merged) as signals, heard(contacts_changing) as before:
        contacts_merge(winner=winner, loser=loser, actor=igor, now=moment(10))
    for row in (winner, loser, lead, note, sent):
        row.refresh_from_db()
    assert (winner.name, winner.company, winner.responsible) == ("Paulo", "Aroeira", maria)
    assert winner.custom == {"size": "M", "shoe": "44"}
    assert winner.last_activity_at == moment(9)
    points = set(winner.points.values_list("kind", "value"))
    assert points == {("phone", PHONE), ("phone", OTHER), ("telegram", "77")}
    assert (lead.contact, note.contact, sent.contact) == (winner, winner, winner)
    assert [signal["contact_ids"] for signal in before] == [[winner.pk, loser.pk]]
    assert loser.merged_into == winner
    assert not loser.points.exists()
    assert [(s["winner"], s["loser"]) for s in signals] == [(winner, loser)]
    entry = TimelineEntry.objects.get(source="card")
    assert (entry.contact, entry.title, entry.text) == (winner, "merged", "Paulo Anjos")


def test_the_preview_says_what_the_merge_does_and_writes_nothing() -> None:
    maria = UserFactory()
    winner = LeadFactory(contact__name="", contact__points=[("phone", PHONE)]).contact
    loser = LeadFactory(
        contact__name="Paulo", contact__responsible=maria, contact__custom={"shoe": "44"},
        contact__points=[("phone", PHONE), ("email", MAIL)],
    ).contact  # fmt: skip
    note_add(contact=loser, text="Likes oak", author=maria, now=moment())
    preview = contacts_merge_preview(winner=winner, loser=loser)
    assert [point.value for point in preview.points] == [MAIL]
    assert preview.fills == {"name": "Paulo", "responsible_id": maria.pk}
    assert preview.custom == {"shoe": "44"}
    assert (preview.leads, preview.entries, preview.two_open_leads) == (1, 1, True)
    assert Contact.objects.filter(merged_into__isnull=False).count() == 0
    assert winner.points.count() == 1


def test_two_open_leads_stay_two_and_the_next_repeat_goes_to_the_winners() -> None:
    from crm_app.services.leads import lead_create

    first, second = LeadFactory(), LeadFactory()
    contacts_merge(winner=first.contact, loser=second.contact, actor=None, now=moment())
    open_leads = Lead.objects.filter(contact=first.contact, closed_at__isnull=True)
    assert set(open_leads) == {first, second}
    assert lead_create(contact=second.contact, now=moment()).lead == first


def test_a_card_is_not_merged_with_itself_nor_twice_nor_when_erased() -> None:
    one, two, erased = ContactFactory(), ContactFactory(), ContactFactory(erased_at=moment())
    with pytest.raises(InvalidError):
        contacts_merge(winner=one, loser=one, actor=None, now=moment())
    with pytest.raises(ConflictError):
        contacts_merge(winner=one, loser=erased, actor=None, now=moment())
    contacts_merge(winner=one, loser=two, actor=None, now=moment())
    for winner, loser in ((one, two), (two, one)):
        with pytest.raises(ConflictError) as refusal:
            contacts_merge(winner=winner, loser=loser, actor=None, now=moment())
        assert refusal.value.code == "merged"


def test_a_chain_of_merges_leads_to_its_end() -> None:
    one, two, three = ContactFactory(), ContactFactory(), ContactFactory()
    contacts_merge(winner=two, loser=one, actor=None, now=moment())
    contacts_merge(winner=three, loser=two, actor=None, now=moment())
    one.refresh_from_db()
    assert one.merged_into == three
    result = contact_points_add(contact=one, points=[Point("email", MAIL)], now=moment())
    assert result.contact == three


def test_the_proposal_is_decided_and_the_losers_others_are_asked_of_the_winner() -> None:
    one, two, three, user = ContactFactory(), ContactFactory(), ContactFactory(), UserFactory()
    point = Point("phone", PHONE)
    merge_propose(contact_id=one.pk, other_id=two.pk, point=point, now=moment())
    merge_propose(contact_id=two.pk, other_id=three.pk, point=point, now=moment())
    contacts_merge(winner=one, loser=two, actor=user, now=moment(5))
    decided = MergeProposal.objects.get(decided_at__isnull=False)
    assert (decided.contact, decided.other) == (one, two)
    assert (decided.decision, decided.decided_by) == ("merged", user)
    waiting = MergeProposal.objects.get(decided_at__isnull=True)
    assert (waiting.contact, waiting.other) == (one, three)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_merging_two_cards_into_each_other_at_once_ends_with_one() -> None:
    one, two = ContactFactory(points=[("phone", PHONE)]), ContactFactory(points=[("email", MAIL)])
    outcomes: list[str] = []

    def merge(winner: int, loser: int) -> None:
        try:
            contacts_merge(
                winner=Contact.objects.get(pk=winner), loser=Contact.objects.get(pk=loser),
                actor=None, now=moment(),
            )  # fmt: skip
            outcomes.append("merged")
        except ConflictError:
            outcomes.append("refused")

    at_once(*[lambda: merge(one.pk, two.pk), lambda: merge(two.pk, one.pk)] * 4)
    assert sorted(outcomes) == ["merged"] + ["refused"] * 7
    (left,) = Contact.objects.filter(merged_into__isnull=True)
    assert set(left.points.values_list("value", flat=True)) == {PHONE, MAIL}


# --- splitting ----------------------------------------------------------------------------


def test_a_wrong_match_is_split_off_into_a_card_of_its_own() -> None:
    user = UserFactory()
    contact = ContactFactory(points=[("phone", PHONE), ("telegram", "77")])
    for key in ("1", "2"):
        timeline_add(contact=contact, kind=EntryKind.SESSION, source="session", source_key=key,
                     now=moment())  # fmt: skip
    telegram = contact.points.get(kind="telegram")
    with heard(contact_was_split) as signals:
        new = contact_split(
            contact=contact, point_ids=[telegram.pk], actor=user, now=moment(5), name="Rita"
        )
    assert new.name == "Rita"
    assert list(new.points.values_list("kind", "value")) == [("telegram", "77")]
    assert list(contact.points.values_list("kind", "value")) == [("phone", PHONE)]
    (signal,) = signals
    assert (signal["contact"], signal["new_contact"]) == (contact, new)
    assert signal["points"] == (Point("telegram", "77"),)
    # Whoever knows whose the sessions are moves them.
    assert timeline_move(source="session", source_keys=["2"], contact=new) == 1
    assert list(new.timeline.values_list("source_key", flat=True)) == ["2"]
    # They are not proposed to be one again.
    merge_propose(contact_id=contact.pk, other_id=new.pk, point=Point("phone", PHONE), now=moment())
    assert not MergeProposal.objects.filter(decided_at__isnull=True).exists()


def test_what_is_split_off_is_some_of_the_cards_own() -> None:
    contact = ContactFactory(points=[("phone", PHONE)])
    foreign = ContactFactory(points=[("phone", OTHER), ("email", MAIL)])
    ids = list(foreign.points.values_list("pk", flat=True))
    for point_ids in ([], ids, [contact.points.get().pk]):
        with pytest.raises(InvalidError):
            contact_split(contact=contact, point_ids=point_ids, actor=None, now=moment())
    with pytest.raises(InvalidError):
        contact_split(contact=foreign, point_ids=ids, actor=None, now=moment())
    assert Contact.objects.count() == 2
