"""What a customer's first message sets going, where nothing can be sent."""

from __future__ import annotations

import pytest

from channels_app.models import Conversation, Message, ServiceText
from queue_app.models import SessionText
from tests.factories import moment
from tests.queue_app.desk_story import customer_writes, kinds, line_with

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("status", "is_asked"), [("connected", True), ("broken", False)])
def test_who_was_not_asked_for_his_consent_does_not_give_it_by_writing_on(
    status: str, is_asked: bool
) -> None:
    connector = line_with(consent_url="https://example.com/privacy")
    ServiceText.objects.create(
        open_channel=connector.open_channel, kind="consent", text="Write on if you agree."
    )
    connector.status = status
    connector.save()
    session = customer_writes(connector, "u1", now=moment())
    assert SessionText.objects.get().skipped == ("" if is_asked else "connector_off")
    assert Message.objects.filter(direction="out").exists() == is_asked
    customer_writes(connector, "u1", now=moment(1))
    conversation = Conversation.objects.get()
    assert conversation.consent_asked_at == (moment() if is_asked else None)
    assert conversation.consented_at == (moment(1) if is_asked else None)
    assert ("consented" in kinds(session)) == is_asked
