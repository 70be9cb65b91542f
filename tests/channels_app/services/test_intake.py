"""What delivered events do, each through the whole intake."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.drivers.base import (
    ContactEvent,
    InboundAttachment,
    Person,
    PostbackEvent,
    ReactionEvent,
    TypingEvent,
)
from channels_app.models import (
    Attachment,
    Connector,
    Conversation,
    InboundEvent,
    Message,
    MessageRevision,
)
from channels_app.services.receipts import keyless_apply
from queue_app.models import Operator, Session, SessionEvent
from tests.channels_app.services.outside import (
    deleted,
    echoed,
    edited,
    queued,
    reachable,
    receive,
    written,
)
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    moment,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=[OperatorFactory()])
    )
    return connector


# --- messages -----------------------------------------------------------------------------


def test_a_message_is_stored_as_it_came(connector: Connector) -> None:
    sent_at = dt.datetime(2026, 3, 1, 8, 0, tzinfo=dt.UTC)
    received = receive(
        connector,
        written(text="Is it\r\nopen?\x00", at=sent_at, reply_to="m0", data={"forwarded": True}),
    )
    message = Message.objects.get()
    assert (received.outcome, received.message_id) == ("done", message.pk)
    assert (message.text, message.state, message.direction) == ("Is it\nopen?�", "received", "in")
    assert (message.external_id, message.reply_to_external_id) == ("m1", "m0")
    assert (message.sent_at, message.created_at) == (sent_at, moment())
    assert message.data == {"forwarded": True}
    conversation = Conversation.objects.get()
    assert (conversation.display_name, conversation.external_user_id) == ("Ana Prado", "u1")
    assert (conversation.last_seq, conversation.version) == (1, 1)
    assert (conversation.last_text, conversation.last_direction) == ("Is it open?�", "in")


def test_a_repeated_event_has_one_effect_and_names_the_first_message(connector: Connector) -> None:
    first = receive(connector, written())
    again = receive(connector, written(text="Another body, the same key"), at=moment(1))
    assert (again.outcome, again.message_id) == ("duplicate", first.message_id)
    assert again.conversation_id == first.conversation_id
    assert list(Message.objects.values_list("text", flat=True)) == ["Hello"]
    assert Session.objects.count() == InboundEvent.objects.count() == 1


def test_the_same_message_under_another_key_is_a_duplicate(connector: Connector) -> None:
    first = receive(connector, written("m1", key="update:1"))
    again = receive(connector, written("m1", key="update:2"))
    assert (again.outcome, again.message_id) == ("duplicate", first.message_id)
    assert Message.objects.count() == 1
    assert InboundEvent.objects.count() == 1


def test_the_same_key_on_two_connectors_is_two_events(connector: Connector) -> None:
    receive(connector, written())
    assert receive(ConnectorFactory(), written()).outcome == "done"
    assert Message.objects.count() == 2


def test_messages_of_a_conversation_are_numbered_without_gaps(connector: Connector) -> None:
    for number in range(1, 6):
        receive(connector, written(f"m{number}", f"Text {number}"))
    assert list(Message.objects.order_by("seq").values_list("seq", "text")) == [
        (number, f"Text {number}") for number in range(1, 6)
    ]
    assert Session.objects.get().unread == 5


def test_threads_of_one_person_are_apart(connector: Connector) -> None:
    receive(connector, written("m1", thread="shop-1"))
    receive(connector, written("m2", thread="shop-2"))
    assert Conversation.objects.count() == 2


def test_files_and_cards_are_stored_with_the_message(connector: Connector) -> None:
    receive(
        connector,
        written(
            attachments=(
                InboundAttachment(type="image", ref="file-1", size=10, content_type="image/png"),
                InboundAttachment(type="location", latitude=1.5, longitude=-2.25, name="Shop"),
            )
        ),
    )
    picture, place = Attachment.objects.order_by("position")
    assert (picture.state, picture.platform_ref, picture.pending_at) == (
        "pending", "file-1", moment(),
    )  # fmt: skip
    assert (place.state, place.pending_at, place.latitude, place.name) == (
        "stored", None, 1.5, "Shop",
    )  # fmt: skip
    assert Message.objects.get().kind == "image"


def test_at_most_a_hundred_files_of_one_message_are_kept(connector: Connector) -> None:
    files = tuple(InboundAttachment(type="file", ref=str(number)) for number in range(150))
    receive(connector, written(attachments=files))
    assert Attachment.objects.count() == 100


def test_what_a_platform_tells_anew_of_a_person_is_kept_and_silence_forgets_nothing(
    connector: Connector,
) -> None:
    receive(connector, written("m1", user=Person(external_id="u1", name="Ana", phone="+5511")))
    receive(connector, written("m2", user=Person(external_id="u1", username="ana_p")))
    conversation = Conversation.objects.get()
    assert conversation.display_name == "Ana"
    assert conversation.profile == {"phone": "+5511", "username": "ana_p"}


def test_a_message_reaches_somebody_who_was_unreachable(connector: Connector) -> None:
    conversation = ConversationFactory(
        connector=connector, external_chat_id="u1", unreachable_at=moment()
    )
    receive(connector, written())
    conversation.refresh_from_db()
    assert conversation.unreachable_at is None


def test_an_inactive_line_keeps_the_message_and_offers_it_to_nobody() -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()], is_active=False)
    receive(ConnectorFactory(open_channel=line), written())
    session = Session.objects.get()
    assert (session.state, session.wait_reason) == ("waiting", "line_closed")
    assert Message.objects.filter(direction="in").count() == Message.objects.count() == 1


# --- buttons ------------------------------------------------------------------------------


def pressed(payload: str, **more: Any) -> PostbackEvent:
    return PostbackEvent(
        key=f"press:{payload}", chat_id="u1", message_id="out-1", text="Yes", payload=payload,
        **more,
    )  # fmt: skip


def test_a_button_press_is_a_message_that_leaves_the_button_its_id(connector: Connector) -> None:
    receive(connector, written())
    receive(connector, pressed("yes"))
    message = Message.objects.get(seq=2)
    assert (message.text, message.external_id, message.direction) == ("Yes", None, "in")


def test_our_own_button_tells_its_service_and_writes_no_message(connector: Connector) -> None:
    from channels_app.signals import postback_received

    heard: list[dict[str, Any]] = []

    def on_press(**values: Any) -> None:
        heard.append(values)

    receive(connector, written())
    postback_received.connect(on_press)
    try:
        receive(connector, pressed("ol:rate:5"))
        receive(connector, pressed("ol:rate:5"))
    finally:
        postback_received.disconnect(on_press)
    assert [values["payload"] for values in heard] == ["ol:rate:5"]
    assert Message.objects.count() == 1


def test_our_own_button_in_a_thread_we_do_not_have_does_nothing(connector: Connector) -> None:
    assert receive(connector, pressed("ol:rate:5")).outcome == "done"
    assert not Conversation.objects.exists()


# --- edits, deletions, reactions ----------------------------------------------------------


def test_an_edit_keeps_the_earlier_text_and_neither_routes_nor_counts(connector: Connector) -> None:
    receive(connector, written(text="helo"))
    before = Session.objects.values().get()
    receive(connector, edited("m1", "hello", edited_at=moment(1)))
    message = Message.objects.get()
    assert (message.text, message.edited_at, message.version) == ("hello", moment(1), 2)
    assert list(MessageRevision.objects.values_list("text", flat=True)) == ["helo"]
    assert Session.objects.values().get() == before


def test_an_older_edit_that_comes_late_goes_to_the_history(connector: Connector) -> None:
    receive(connector, written(text="one"))
    receive(connector, edited("m1", "three", edited_at=moment(3)))
    receive(connector, edited("m1", "two", edited_at=moment(2)))
    assert Message.objects.get().text == "three"
    assert list(MessageRevision.objects.values_list("text", flat=True)) == ["one", "two"]


def test_a_deletion_takes_content_history_and_files_and_leaves_a_trace(
    connector: Connector,
) -> None:
    receive(
        connector,
        written(
            text="my card is 4111",
            data={"address": "Rua 1"},
            attachments=(InboundAttachment(type="image", ref="f", name="card.png", phone="1"),),
        ),
    )
    receive(connector, edited("m1", "my card is 4112"))
    receive(connector, deleted("m1"), at=moment(2))
    message = Message.objects.get()
    assert (message.text, message.data, message.deleted_at) == ("", {}, moment(2))
    assert not MessageRevision.objects.exists()
    attachment = Attachment.objects.get()
    assert (attachment.state, attachment.name, attachment.platform_ref, attachment.phone) == (
        "erased", "", "", "",
    )  # fmt: skip
    assert attachment.pending_at is None
    version = Conversation.objects.get().version
    receive(connector, edited("m1", "back again"))
    assert Message.objects.get().text == ""
    assert Conversation.objects.get().version == version


def test_a_reaction_is_shown_on_its_message_once(connector: Connector) -> None:
    receive(connector, written())
    reaction = ReactionEvent(chat_id="u1", message_id="m1", emoji="👍")
    assert keyless_apply(connector=connector, event=reaction, now=moment()) is True
    version = Conversation.objects.get().version
    assert keyless_apply(connector=connector, event=reaction, now=moment()) is True
    assert Message.objects.get().data == {"reaction": "👍"}
    assert Conversation.objects.get().version == version


def test_a_reaction_in_another_thread_is_not_this_messages(connector: Connector) -> None:
    receive(connector, written(thread="shop-1"))
    reaction = ReactionEvent(chat_id="u1", thread="shop-2", message_id="m1", emoji="👍")
    assert keyless_apply(connector=connector, event=reaction, now=moment()) is False
    assert Message.objects.get().data == {}


# --- echoes -------------------------------------------------------------------------------


def test_an_answer_given_elsewhere_is_shown_and_ends_the_customers_wait(
    connector: Connector,
) -> None:
    receive(connector, written())
    receive(connector, echoed("e1", "Answered by phone"))
    message = Message.objects.get(seq=2)
    assert (message.direction, message.state, message.author_kind) == ("out", "sent", "outside")
    session = Session.objects.get()
    assert (session.state, session.wait_reason) == ("waiting", "answered_outside")


def test_an_echo_of_a_known_message_is_nothing_new(connector: Connector) -> None:
    conversation = ConversationFactory(connector=connector, external_chat_id="u1")
    ours = queued(conversation, state="sent", queued_at=None, external_id="out-1")
    version = Conversation.objects.get().version
    received = receive(connector, echoed("out-1", "On its way"))
    assert (received.outcome, received.message_id) == ("done", ours.pk)
    assert Message.objects.count() == 1
    assert Conversation.objects.get().version == version


def test_an_echo_confirms_what_was_not_confirmed(connector: Connector) -> None:
    conversation = ConversationFactory(connector=connector, external_chat_id="u1")
    ours = queued(
        conversation, state="unknown", queued_at=None, error_code="unknown", error_text="Perhaps"
    )
    receive(connector, echoed("out-1", "On its way"), at=moment(1))
    ours.refresh_from_db()
    assert (ours.state, ours.external_id, ours.error_code, ours.error_text) == (
        "sent", "out-1", "", "",
    )  # fmt: skip
    assert Message.objects.count() == 1
    assert not Session.objects.exists()


def test_an_echo_with_another_text_is_another_message(connector: Connector) -> None:
    conversation = ConversationFactory(connector=connector, external_chat_id="u1")
    ours = queued(conversation, state="unknown", queued_at=None)
    receive(connector, echoed("out-1", "By hand"), at=moment(1))
    ours.refresh_from_db()
    assert (ours.state, ours.external_id) == ("unknown", None)
    assert Message.objects.count() == 2


def test_an_answer_from_the_platforms_own_app_lifts_no_block(connector: Connector) -> None:
    conversation = ConversationFactory(
        connector=connector, external_chat_id="u1", unreachable_at=moment()
    )
    receive(connector, echoed("out-1", "By hand"), at=moment(1))
    conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.unreachable_at) == (1, moment())


# --- reachability, typing, contact data ---------------------------------------------------


def test_blocking_and_unblocking_leave_one_note_each(connector: Connector) -> None:
    receive(connector, written())
    receive(connector, reachable(False, key="a"), at=moment(1))
    receive(connector, reachable(False, key="b"), at=moment(2))
    conversation = Conversation.objects.get()
    assert conversation.unreachable_at == moment(1)
    receive(connector, reachable(True, key="c"))
    receive(connector, reachable(True, key="d"))
    conversation = Conversation.objects.get()
    assert conversation.unreachable_at is None
    notes = Message.objects.filter(direction="system").order_by("seq")
    assert list(notes.values_list("seq", "kind")) == [(2, "blocked"), (3, "unblocked")]
    assert (conversation.last_text, conversation.last_direction) == ("Hello", "in")


def test_somebody_who_blocks_us_without_ever_writing_leaves_no_trace(connector: Connector) -> None:
    assert receive(connector, reachable(False, key="a")).outcome == "done"
    assert not Conversation.objects.exists()


def test_typing_is_noted_and_raises_no_version(connector: Connector) -> None:
    receive(connector, written())
    typing = TypingEvent(chat_id="u1")
    assert keyless_apply(connector=connector, event=typing, now=moment(1)) is True
    conversation = Conversation.objects.get()
    assert (conversation.typing_at, conversation.version) == (moment(1), 1)
    receive(connector, written("m2"))
    conversation.refresh_from_db()
    assert conversation.typing_at is None


def test_typing_of_a_stranger_makes_no_conversation(connector: Connector) -> None:
    keyless_apply(connector=connector, event=TypingEvent(chat_id="nobody"), now=moment())
    assert not Conversation.objects.exists()


def test_contact_data_goes_to_the_conversation(connector: Connector) -> None:
    receive(connector, written())
    person = Person(external_id="u1", email="ana@example.com")
    event = ContactEvent(chat_id="u1", user=person)
    assert keyless_apply(connector=connector, event=event, now=moment()) is True
    assert Conversation.objects.get().profile == {"email": "ana@example.com"}


def test_a_message_into_an_open_chat_counts_as_unread_and_changes_no_operator() -> None:
    operator: Operator = OperatorFactory()
    line = OpenChannelFactory(operators=[operator])
    connector = ConnectorFactory(open_channel=line)
    conversation = ConversationFactory(connector=connector, external_chat_id="u1")
    SessionFactory(conversation=conversation, operator=operator)
    receive(connector, written())
    session = Session.objects.get()
    assert (session.state, session.operator, session.unread) == ("active", operator, 1)
    assert not SessionEvent.objects.exists()
