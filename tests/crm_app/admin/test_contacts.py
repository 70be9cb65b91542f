"""Contacts in the administration: the list, the card, and the pages beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm_app.models import Contact, CustomField, MergeProposal
from crm_app.people import Point
from crm_app.services.contacts import merge_propose
from crm_app.services.timeline import note_add
from tests.factories import SuperuserFactory, UserFactory, moment
from tests.factories.crm import ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db
LIST = reverse("admin:crm_app_contact_changelist")
ADD = reverse("admin:crm_app_contact_add")
IMPORT = reverse("admin:crm_app_contact_import")
PHONE = "+5511983212345"


def page(name: str, *args: int) -> str:
    return reverse(f"admin:crm_app_contact_{name}", args=args)


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(SuperuserFactory(username="boss"))
    return client


def text_of(client: Client, path: str, query: Any = None) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


# --- the list -----------------------------------------------------------------------------


def test_the_list_is_searched_by_any_spelling_of_a_phone(admin: Client) -> None:
    ContactFactory(name="Paulo Anjos", points=[("phone", PHONE)])
    ContactFactory(name="Rita Souza")
    ContactFactory(name="Merged away", merged_into=ContactFactory())
    everything = text_of(admin, LIST)
    assert PHONE in everything
    assert "Rita Souza" in everything
    assert "Merged away" not in everything
    found = text_of(admin, LIST, {"q": "(11) 98321-2345"})
    assert "Paulo Anjos" in found
    assert "Rita Souza" not in found


def test_a_long_list_asks_as_often_as_a_short_one(admin: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(admin, LIST)
        return len(queries)

    asked()
    ContactFactory(points=[("phone", PHONE)])
    few = asked()
    for number in range(10):
        ContactFactory(points=[("email", f"{number}@example.com")], responsible=UserFactory())
    assert asked() == few


def run(client: Client, action: str, *contacts: Contact) -> Any:
    chosen = [contact.pk for contact in contacts]
    return client.post(LIST, {"action": action, "_selected_action": chosen})


def test_chosen_contacts_become_mine(admin: Client) -> None:
    lead = LeadFactory()
    run(admin, "take_over", lead.contact)
    lead.refresh_from_db()
    assert lead.contact.responsible is not None
    assert lead.contact.responsible.username == "boss"
    assert lead.responsible == lead.contact.responsible


def test_the_export_runs_nothing_in_a_spreadsheet_and_can_be_imported(admin: Client) -> None:
    contact = ContactFactory(name='=HYPERLINK("x")', points=[("phone", PHONE), ("email", "a@b.co")])
    answer = run(admin, "export", contact)
    assert answer["Content-Type"].startswith("text/csv")
    raw = b"".join(answer.streaming_content)
    assert b"'=HYPERLINK" in raw
    assert f"'{PHONE}".encode() in raw
    file = SimpleUploadedFile("contacts.csv", raw)
    shown = admin.post(IMPORT, {"file": file}).content.decode()
    assert "0 new, 1 known, 0 wrong" in shown


# --- the card -----------------------------------------------------------------------------


def body(**values: Any) -> dict[str, Any]:
    return {"name": "Paulo Anjos", "company": "", "responsible": "", "phones": "", "emails": "",
            **values}  # fmt: skip


def test_a_contact_is_made_by_hand(admin: Client) -> None:
    CustomField.objects.create(record="contact", key="size", label="Size", kind="choice",
                               choices="S\nM")  # fmt: skip
    sent = body(phones=f"{PHONE}\n+49 30 901820", emails="Paulo@Example.com", custom_size="M")
    assert admin.post(ADD, sent).status_code == 302
    contact = Contact.objects.get()
    assert set(contact.points.values_list("value", "origin")) == {
        (PHONE, "operator"), ("+4930901820", "operator"), ("paulo@example.com", "operator")
    }  # fmt: skip
    assert contact.custom == {"size": "M"}


def test_the_card_is_changed_and_its_identities_stay(admin: Client) -> None:
    contact = ContactFactory(points=[("phone", PHONE), ("telegram", "77")])
    card = page("change", contact.pk)
    assert "telegram: 77" in text_of(admin, card)
    assert PHONE in text_of(admin, card)
    assert admin.post(card, body(emails="a@example.com", company="Aroeira")).status_code == 302
    contact.refresh_from_db()
    assert (contact.name, contact.company) == ("Paulo Anjos", "Aroeira")
    assert set(contact.points.values_list("value", flat=True)) == {"77", "a@example.com"}


def test_a_wrong_number_is_refused_where_it_stands(admin: Client) -> None:
    contact = ContactFactory(name="Before", points=[("phone", PHONE)])
    answer = admin.post(page("change", contact.pk), body(phones=f"{PHONE}\n11 98"))
    assert "There is no such number: 11 98" in answer.content.decode()
    contact.refresh_from_db()
    assert contact.name == "Before"


def test_a_number_another_contact_has_is_kept_and_asked_about(admin: Client) -> None:
    other, contact = ContactFactory(points=[("phone", PHONE)]), ContactFactory()
    answer = admin.post(page("change", contact.pk), body(phones=PHONE), follow=True)
    assert page("merge", other.pk, contact.pk) in answer.content.decode()
    assert contact.points.get().value == PHONE
    assert MergeProposal.objects.count() == 1


# --- history ------------------------------------------------------------------------------


def test_the_history_is_shown_searched_and_saved_as_text(admin: Client) -> None:
    contact, user = ContactFactory(name="Paulo"), UserFactory(first_name="Ana", last_name="Silva")
    note_add(contact=contact, text="Likes <b>oak</b>", author=user, now=moment(1))
    note_add(contact=contact, text="Wants a chair", author=user, now=moment(2))
    timeline = page("timeline", contact.pk)
    shown = text_of(admin, timeline)
    assert "Likes &lt;b&gt;oak&lt;/b&gt;" in shown
    assert "Ana Silva" in shown
    found = text_of(admin, timeline, {"q": "chair"})
    assert "Wants a chair" in found
    assert "Likes" not in found
    file = admin.get(timeline, {"format": "text"})
    assert file["Content-Disposition"] == f'attachment; filename="contact-{contact.pk}.txt"'
    assert file.content.decode().splitlines()[2:] == [
        "2026-03-02 12:01 Note, Ana Silva", "  Likes <b>oak</b>", "",
        "2026-03-02 12:02 Note, Ana Silva", "  Wants a chair",
    ]  # fmt: skip


def test_notes_and_calls_are_written_by_hand(admin: Client) -> None:
    contact = ContactFactory()
    timeline = page("timeline", contact.pk)
    admin.post(timeline, {"kind": "note", "text": "Likes oak"})
    admin.post(timeline, {"kind": "call", "text": "Wants an offer"})
    answer = admin.post(timeline, {"kind": "note", "text": " "}, follow=True)
    assert "Write something." in answer.content.decode()
    kinds = contact.timeline.order_by("pk").values_list("kind", "author__username")
    assert list(kinds) == [("note", "boss"), ("call", "boss")]


# --- merging and splitting ----------------------------------------------------------------


def test_two_contacts_are_compared_before_they_are_merged(admin: Client) -> None:
    winner = ContactFactory(name="Paulo", points=[("phone", PHONE)])
    loser = ContactFactory(name="P. Anjos", company="Aroeira", points=[("email", "p@example.com")])
    answer = run(admin, "merge", winner, loser)
    assert answer["Location"] == page("merge", winner.pk, loser.pk)
    shown = text_of(admin, answer["Location"])
    assert "P. Anjos goes into Paulo" in shown
    assert "p@example.com" in shown
    assert "Company: Aroeira" in shown
    assert Contact.objects.filter(merged_into__isnull=False).count() == 0
    other_way = text_of(admin, answer["Location"], {"keep": loser.pk})
    assert "Paulo goes into P. Anjos" in other_way
    done = admin.post(answer["Location"])
    assert done["Location"] == page("change", winner.pk)
    loser.refresh_from_db()
    assert loser.merged_into == winner
    # Again, from a page that was left open.
    assert admin.post(answer["Location"]).status_code == 404


def test_only_two_are_merged_at_once(admin: Client) -> None:
    contacts = [ContactFactory() for _ in range(3)]
    for chosen in (contacts, contacts[:1]):
        run(admin, "merge", *chosen)
    assert Contact.objects.filter(merged_into__isnull=False).count() == 0


def test_a_contact_is_not_merged_with_itself(admin: Client) -> None:
    contact = ContactFactory()
    answer = admin.get(page("merge", contact.pk, contact.pk), follow=True)
    assert "Choose two different contacts." in answer.content.decode()


def test_a_wrong_match_is_split_off(admin: Client) -> None:
    contact = ContactFactory(points=[("phone", PHONE), ("telegram", "77")])
    split = page("split", contact.pk)
    telegram = contact.points.get(kind="telegram")
    assert "telegram: 77" in text_of(admin, split)
    refused = admin.post(split, {"points": ["x", "999"]}, follow=True)
    assert "Choose what goes to the new card." in refused.content.decode()
    admin.post(split, {"points": [telegram.pk], "name": "Rita"})
    assert Contact.objects.get(name="Rita").points.get() == telegram


def test_possible_duplicates_are_listed_and_kept_apart(admin: Client) -> None:
    one, two = ContactFactory(name="Paulo"), ContactFactory(name="P. Anjos")
    merge_propose(contact_id=one.pk, other_id=two.pk, point=Point("phone", PHONE), now=moment())
    proposals = reverse("admin:crm_app_mergeproposal_changelist")
    assert page("merge", one.pk, two.pk) in text_of(admin, proposals, {"decided": "no"})
    proposal = MergeProposal.objects.get()
    admin.post(proposals, {"action": "keep_apart", "_selected_action": [proposal.pk]})
    proposal.refresh_from_db()
    assert (proposal.decision, proposal.decided_by and proposal.decided_by.username) == (
        "apart", "boss"
    )  # fmt: skip
    assert "Compare and merge" not in text_of(admin, proposals)


# --- import -------------------------------------------------------------------------------


def test_a_file_is_checked_first_and_written_on_the_second_press(admin: Client) -> None:
    raw = "\ufeffname;phone\nJosé;(11) 98321-2345\nRita;12\n".encode()
    shown = admin.post(
        IMPORT, {"file": SimpleUploadedFile("c.csv", raw), "country": "br"}
    ).content.decode()
    assert "1 new, 0 known, 1 wrong" in shown
    assert "phone: there is no such number: 12." in shown
    assert not Contact.objects.exists()
    text = raw.decode("utf-8-sig")
    assert f'<textarea name="text" hidden>{text}</textarea>' in shown
    done = admin.post(IMPORT, {"text": text, "country": "BR"}).content.decode()
    assert "What happened" in done
    assert Contact.objects.get().points.get().value == PHONE


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The file is empty."),
        (b"shoe size\n44\n", "There are unknown columns: shoe size."),
        (b"\xff\xfea\x00", "Save the file as CSV in UTF-8."),
        (b"name\n" + b"x" * (1024 * 1024), "The file is too big."),
    ],
)
def test_a_file_that_cannot_be_used_says_why(admin: Client, raw: bytes, sentence: str) -> None:
    upload = SimpleUploadedFile("c.csv", raw or b"\n")
    assert sentence in admin.post(IMPORT, {"file": upload}).content.decode()
    assert not Contact.objects.exists()


# --- privacy and rights -------------------------------------------------------------------


def test_everything_about_a_contact_is_a_file(admin: Client) -> None:
    contact = ContactFactory(name="José", points=[("phone", PHONE)])
    answer = admin.post(page("data", contact.pk))
    assert answer["Content-Disposition"] == f'attachment; filename="contact-{contact.pk}.json"'
    data = json.loads(answer.content)
    assert (data["name"], data["points"][0]["value"]) == ("José", PHONE)


def test_erasing_asks_first(admin: Client) -> None:
    contact = ContactFactory(name="José")
    erase = page("erase", contact.pk)
    assert "This cannot be undone." in text_of(admin, erase)
    contact.refresh_from_db()
    assert contact.erased_at is None
    admin.post(erase)
    contact.refresh_from_db()
    assert (contact.name, contact.erased_at is not None) == ("", True)
    assert admin.get(erase).status_code == 404
    assert admin.get(page("change", contact.pk)).status_code == 302


def test_each_page_needs_its_own_right(client: Client) -> None:
    clerk = UserFactory(is_staff=True)
    contact, other = ContactFactory(), ContactFactory()
    rights = ["view_contact", "change_contact"]
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    client.force_login(clerk)
    assert client.get(page("timeline", contact.pk)).status_code == 200
    for path in (
        page("data", contact.pk), page("erase", contact.pk), page("split", contact.pk),
        page("merge", contact.pk, other.pk), IMPORT,
    ):  # fmt: skip
        assert client.get(path).status_code == 403
        assert client.post(path).status_code == 403
    assert run(client, "export", contact).status_code == 403
    clerk.user_permissions.remove(Permission.objects.get(codename="change_contact"))
    client.force_login(type(clerk).objects.get(pk=clerk.pk))
    assert client.post(page("timeline", contact.pk), {"text": "x"}).status_code == 403
    assert not contact.timeline.exists()
    assert client.get(page("timeline", 999_999)).status_code == 404
