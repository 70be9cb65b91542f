"""The event stream: who hears what, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as BrowserSession
from django.db import transaction
from django.test import AsyncClient, Client

from openlines_project.lib import live as lib
from openlines_project.lib.live import ring_after_commit
from queue_app.inbox import live
from tests.factories import OperatorFactory
from tests.queue_app.inbox.stories import Desk, desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lib, "COALESCE_SECONDS", 0.02)
    monkeypatch.setattr(lib, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)


async def stream(user: User) -> tuple[AsyncIterator[bytes], str]:
    """The stream of a signed-in user, past its first line, and his session's key."""
    client = AsyncClient()
    await client.aforce_login(user)
    response: Any = await client.get("/live/")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Accel-Buffering"] == "no"
    chunks = aiter(response.streaming_content)
    assert await anext(chunks) == b"retry: 3000\n\n"
    return chunks, client.cookies[settings.SESSION_COOKIE_NAME].value


async def hint(chunks: AsyncIterator[bytes]) -> bytes:
    """The next hint; heartbeats before it do not count."""
    async with asyncio.timeout(10):
        async for chunk in chunks:
            if chunk != b": beat\n\n":
                return chunk
    return b""


async def end(chunks: AsyncIterator[bytes]) -> None:
    """Read until the stream ends by itself."""
    async with asyncio.timeout(10):
        async for _chunk in chunks:
            pass


def play(story: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(story)()


def touch(story: Desk) -> tuple[int, int]:
    """A message of a customer of the line: its conversation and version."""
    conversation = story.chat().conversation
    with transaction.atomic():
        ring_after_commit(conversation.pk, conversation.version)
    return conversation.pk, conversation.version


def test_a_worker_that_serves_one_request_at_a_time_refuses_at_once() -> None:
    story = desk()
    response = story.client.get("/live/")
    assert response.status_code == 503
    assert response["Retry-After"] == "60"


def test_who_is_not_signed_in_hears_nothing() -> None:
    async def story() -> None:
        response = await AsyncClient().get("/live/")
        assert response.status_code == 401

    play(story)


def test_only_get_is_known() -> None:
    assert Client().post("/live/").status_code == 405


def test_a_change_is_told_to_whom_it_concerns_and_to_nobody_else() -> None:
    mine, others = desk(), desk()

    async def story() -> None:
        chunks, _key = await stream(mine.operator.user)
        await sync_to_async(touch)(others)
        pk, version = await sync_to_async(touch)(mine)
        assert await hint(chunks) == f"event: hint\ndata: [[{pk},{version}]]\n\n".encode()
        await chunks.aclose()  # type: ignore[attr-defined]

    play(story)


def test_a_silent_stream_beats() -> None:
    async def story() -> None:
        user = (await sync_to_async(OperatorFactory)()).user
        chunks, _key = await stream(user)
        async with asyncio.timeout(10):
            assert await anext(chunks) == b": beat\n\n"
        await chunks.aclose()  # type: ignore[attr-defined]

    play(story)


def sign_out(user: User, key: str) -> None:
    BrowserSession.objects.filter(session_key=key).delete()


def deactivate(user: User, key: str) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User, key: str) -> None:
    user.set_password("another one")
    user.save()


@pytest.mark.parametrize("act", [sign_out, deactivate, change_password])
def test_a_stream_ends_when_its_reader_may_read_no_more(act: Callable[[User, str], None]) -> None:
    async def story() -> None:
        user = (await sync_to_async(OperatorFactory)()).user
        chunks, key = await stream(user)
        await sync_to_async(act)(user, key)
        await end(chunks)

    play(story)


def test_somebody_who_left_the_line_hears_of_it_no_more() -> None:
    story_desk = desk()

    def leave() -> None:
        story_desk.line.queue_members.all().delete()
        story_desk.operator.lines.update(position=None)

    async def story() -> None:
        chunks, _key = await stream(story_desk.operator.user)
        first = await sync_to_async(touch)(story_desk)
        assert await hint(chunks) == lib.event_text("hint", [first])
        await sync_to_async(leave)()
        other = await sync_to_async(OperatorFactory)()
        conversation = (await sync_to_async(story_desk.chat)(operator=other)).conversation
        await sync_to_async(ring_after_commit)(conversation.pk, conversation.version)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await hint(chunks)
        await chunks.aclose()  # type: ignore[attr-defined]

    play(story)
