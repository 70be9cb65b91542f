"""Names that a platform's messages do not bring are asked for, by the worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from channels_app import tasks
from channels_app.models import Connector, Conversation
from channels_app.services import intake_apply
from channels_app.services.profiles import profile_fetch
from tests.factories import ConversationFactory, MetaConnectorFactory, moment
from tests.flows.meta_story import page, page_item, whatsapp, whatsapp_text
from tests.flows.wire import meta_post
from tests.standins.graph_api import ACCOUNTS, GraphStandIn, graph_api, refused

pytestmark = pytest.mark.django_db
CUSTOMER = "6100000000000011"


@pytest.fixture
def graph(settings: Any) -> Iterator[GraphStandIn]:
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    with graph_api() as stand_in:
        yield stand_in


@pytest.fixture
def connector(graph: GraphStandIn) -> Connector:
    account = ACCOUNTS["messenger"]
    connector: Connector = MetaConnectorFactory(
        kind="messenger", account_id=account,
        config={"page_id": account, "api_base_url": graph.url},
    )  # fmt: skip
    return connector


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The conversations whose names the worker is to ask for."""
    found: list[int] = []

    def enqueue(task: Any, *arguments: Any, **_options: Any) -> None:
        if task is tasks.profile_fetch:
            found.append(arguments[0])

    monkeypatch.setattr(intake_apply, "enqueue_after_commit", enqueue)
    return found


def unnamed(connector: Connector, **values: Any) -> Conversation:
    chat: Conversation = ConversationFactory(
        connector=connector, external_chat_id=CUSTOMER, display_name="", **values
    )
    return chat


def test_a_name_is_asked_for_and_shown(connector: Connector) -> None:
    chat = unnamed(connector)
    assert profile_fetch(conversation_id=chat.pk, now=moment())
    version = chat.version
    chat.refresh_from_db()
    assert chat.display_name == "Bruna Teixeira"
    assert chat.version == version + 1


def test_a_known_name_is_not_asked_for(connector: Connector, graph: GraphStandIn) -> None:
    chat = unnamed(connector)
    Conversation.objects.filter(pk=chat.pk).update(display_name="Bruna")
    assert not profile_fetch(conversation_id=chat.pk, now=moment())
    assert graph.calls == []


def test_a_name_that_is_not_told_loses_nothing(connector: Connector, graph: GraphStandIn) -> None:
    chat = unnamed(connector)
    graph.script(CUSTOMER, refused(400, 230, "No consent"))
    assert not profile_fetch(conversation_id=chat.pk, now=moment())
    chat.refresh_from_db()
    assert (chat.display_name, chat.version) == ("", 0)
    assert not profile_fetch(conversation_id=0, now=moment())


def test_each_message_asks_until_there_is_a_name(
    client: Client, connector: Connector, asked: list[int]
) -> None:
    for number in (1, 2):
        item = page_item(user=CUSTOMER, message={"mid": f"m{number}", "text": "Hi"})
        meta_post(client, connector, page(item))
    chat = Conversation.objects.get()
    assert asked == [chat.pk, chat.pk]
    Conversation.objects.update(display_name="Bruna")
    meta_post(client, connector, page(page_item(user=CUSTOMER, message={"mid": "m3", "text": "x"})))
    assert len(asked) == 2


def test_whatsapp_brings_its_names_and_is_not_asked(client: Client, asked: list[int]) -> None:
    meta_post(client, MetaConnectorFactory(), whatsapp(whatsapp_text(1)))
    assert Conversation.objects.get().display_name == ""
    assert asked == []


def test_the_worker_asks_after_the_commit(
    client: Client,
    connector: Connector,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(tasks.profile_fetch, "apply_async", lambda **options: sent.append(options))
    with django_capture_on_commit_callbacks(execute=True):
        item = page_item(user=CUSTOMER, message={"mid": "m1", "text": "Hi"})
        meta_post(client, connector, page(item))
    assert [options["args"] for options in sent] == [(Conversation.objects.get().pk,)]
    tasks.profile_fetch(Conversation.objects.get().pk)
    assert Conversation.objects.get().display_name == "Bruna Teixeira"
