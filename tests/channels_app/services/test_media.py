"""Files: fetched once, capped, known by their content, handed out by signed addresses only."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from channels_app.drivers.base import DriverError, InboundAttachment, MediaFile
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Attachment, Conversation, Message
from channels_app.services import media
from channels_app.services.media import (
    attachment_erase,
    attachment_fetch,
    media_sweep,
    type_by_content,
)
from openlines_project.lib.http import AnswerTooLarge
from tests.channels_app.services.outside import Wakeups, deleted, receive, refusal, written
from tests.channels_app.services.storage import HTML, JPEG, PNG, SVG, stored
from tests.factories import ConnectorFactory, TelegramConnectorFactory, moment
from tests.standins.bot_api import TOKEN, bot_api
from tests.standins.receiver import receiver

__all__ = ["stored"]
Stored = Callable[[], list[bytes]]
pytestmark = pytest.mark.django_db


def at(seconds: float) -> dt.datetime:
    return moment() + dt.timedelta(seconds=seconds)


def arrived(**values: Any) -> Attachment:
    """A file that a customer sent and nobody has fetched yet."""
    file = InboundAttachment(**{"type": "file", "ref": "file-1", **values})
    receive(TelegramConnectorFactory(), written(attachments=(file,)))
    return Attachment.objects.get()


class Media:
    """A driver's `fetch_media`: gives these chunks, or fails with the planted errors first."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *chunks: bytes,
        errors: tuple[Exception, ...] = (),
        name: str = "",
        before_end: Callable[[], object] = lambda: None,
    ) -> None:
        self.refs: list[str] = []
        left = list(errors)

        def stream() -> Iterator[bytes]:
            yield from chunks
            before_end()

        @contextmanager
        def fetch(_driver: TelegramDriver, ref: str) -> Iterator[MediaFile]:
            self.refs.append(ref)
            if left:
                raise left.pop(0)
            yield MediaFile(chunks=stream(), name=name, content_type="text/html")

        monkeypatch.setattr(TelegramDriver, "fetch_media", fetch)


# --- fetching -----------------------------------------------------------------------------


def test_a_file_is_fetched_stored_and_shown(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    attachment = arrived(content_type="text/html", size=3)
    fetch = Media(monkeypatch, PNG[:10], PNG[10:], name="photo_7.png")
    before = Conversation.objects.get().version
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "stored"
    attachment.refresh_from_db()
    assert fetch.refs == ["file-1"]
    assert (attachment.state, attachment.content_type, attachment.size) == (
        "stored", "image/png", len(PNG),
    )  # fmt: skip
    assert (attachment.name, attachment.pending_at) == ("photo_7.png", None)
    assert stored() == [PNG]
    assert Conversation.objects.get().version == Message.objects.get().version == before + 1
    assert attachment_fetch(attachment_id=attachment.pk, now=at(2)) == "not_due"
    assert len(fetch.refs) == 1


def test_the_senders_name_of_a_file_counts_before_the_platforms(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    attachment = arrived(name="invoice.pdf")
    Media(monkeypatch, b"%PDF-1.7", name="file_7.pdf")
    attachment_fetch(attachment_id=attachment.pk, now=at(1))
    attachment.refresh_from_db()
    assert (attachment.name, attachment.content_type) == ("invoice.pdf", "application/pdf")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (refusal("content"), "refused"),
        (refusal("contact"), "expired"),
        (refusal("auth"), "failed"),
        (refusal("window"), "failed"),
    ],
)
def test_a_final_refusal_ends_it_with_its_state(
    monkeypatch: pytest.MonkeyPatch, stored: Stored, error: DriverError, state: str
) -> None:
    attachment = arrived()
    fetch = Media(monkeypatch, PNG, errors=(error,))
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == state
    attachment.refresh_from_db()
    assert (attachment.state, attachment.pending_at) == (state, None)
    assert media_sweep(now=moment(60)) == 0
    assert len(fetch.refs) == 1
    assert stored() == []


@pytest.mark.parametrize("error", [refusal("retry"), refusal("unknown"), OSError("disk full")])
def test_a_passing_failure_is_tried_five_times(
    monkeypatch: pytest.MonkeyPatch, stored: Stored, error: Exception
) -> None:
    attachment = arrived()
    fetch = Media(monkeypatch, PNG, errors=(error,) * 5)
    moment_of_try, waits = at(1), []
    for _ in range(4):
        assert attachment_fetch(attachment_id=attachment.pk, now=moment_of_try) == "pending"
        attachment.refresh_from_db()
        assert attachment.next_attempt_at is not None
        waits.append((attachment.next_attempt_at - moment_of_try).total_seconds())
        just_before = attachment.next_attempt_at - dt.timedelta(microseconds=1)
        assert attachment_fetch(attachment_id=attachment.pk, now=just_before) == "not_due"
        moment_of_try = attachment.next_attempt_at
    assert waits == [30, 60, 90, 120]
    assert attachment_fetch(attachment_id=attachment.pk, now=moment_of_try) == "failed"
    assert len(fetch.refs) == 5


def test_the_platforms_wait_counts_and_after_a_day_nothing_comes(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    attachment = arrived()
    Media(monkeypatch, PNG, errors=(refusal("retry", after=1e12), refusal("retry")))
    attachment_fetch(attachment_id=attachment.pk, now=moment())
    attachment.refresh_from_db()
    assert attachment.next_attempt_at == moment(60 * 24)
    assert attachment_fetch(attachment_id=attachment.pk, now=moment(60 * 24 + 1)) == "failed"


def test_a_file_that_kills_its_worker_is_given_up(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    attachment = arrived()
    fetch = Media(monkeypatch, PNG, before_end=kill)
    moment_of_try = moment()
    for _ in range(5):
        with pytest.raises(Killed):
            attachment_fetch(attachment_id=attachment.pk, now=moment_of_try)
        moment_of_try += media.LEASE
    assert attachment_fetch(attachment_id=attachment.pk, now=moment_of_try) == "failed"
    assert len(fetch.refs) == 5
    assert stored() == []


# --- size ---------------------------------------------------------------------------------


def test_a_file_announced_too_big_is_not_even_asked_for(
    monkeypatch: pytest.MonkeyPatch, stored: Stored, settings: Any
) -> None:
    settings.MEDIA_MAX_BYTES = 100
    attachment = arrived(size=101)
    fetch = Media(monkeypatch, PNG)
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "too_big"
    assert fetch.refs == []


def test_a_file_that_does_not_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, stored: Stored, settings: Any
) -> None:
    settings.MEDIA_MAX_BYTES = 100
    attachment = arrived(size=10)
    Media(monkeypatch, *[b"x" * 60] * 3)
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "too_big"
    assert stored() == []


def test_a_file_of_just_the_right_size_is_taken(
    monkeypatch: pytest.MonkeyPatch, stored: Stored, settings: Any
) -> None:
    settings.MEDIA_MAX_BYTES = 100
    attachment = arrived(size=100)
    Media(monkeypatch, b"x" * 100)
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "stored"


def test_the_doors_own_limit_means_too_big_as_well(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    def too_large() -> None:
        raise AnswerTooLarge("The answer is too large.")

    attachment = arrived()
    Media(monkeypatch, PNG, before_end=too_large)
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "too_big"


def test_a_real_answer_beyond_the_limit_is_too_big(stored: Stored, settings: Any) -> None:
    settings.MEDIA_MAX_BYTES = 100
    with bot_api() as telegram:
        telegram.files["documents/file-1"] = b"x" * 101
        connector = TelegramConnectorFactory(
            config={"api_base_url": telegram.url},
            secrets={"token": TOKEN, "webhook_secret": "s"},
        )
        file = InboundAttachment(type="file", ref="file-1")
        receive(connector, written(attachments=(file,)))
        attachment = Attachment.objects.get()
        assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "too_big"
        telegram.files["documents/file-1"] = PNG
        Attachment.objects.update(state="pending", pending_at=moment(), next_attempt_at=None)
        assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "stored"
    assert stored() == [PNG]


def test_an_address_inside_is_refused_without_a_call(stored: Stored) -> None:
    with receiver() as inside:
        connector = ConnectorFactory()
        file = InboundAttachment(type="file", ref=f"{inside.url}/secret")
        receive(connector, written(attachments=(file,)))
        attachment = Attachment.objects.get()
        assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "refused"
        assert inside.calls == []
    assert stored() == []


# --- types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"OggS\x00\x02" + b"\x00" * 30, "audio/ogg"),
        (SVG, "application/octet-stream"),
        (HTML, "application/octet-stream"),
        (b'<?xml version="1.0"?><!DOCTYPE svg>' + SVG, "application/octet-stream"),
        (b"#!/bin/sh\nrm -rf /", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_is_what_the_content_says(content: bytes, expected: str) -> None:
    assert type_by_content(content) == expected


# --- erased -------------------------------------------------------------------------------


def test_a_file_erased_while_it_was_fetched_leaves_no_bytes(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    attachment = arrived()
    connector = attachment.message.conversation.connector

    def erase() -> None:
        receive(connector, deleted("m1"))

    Media(monkeypatch, PNG, before_end=erase)
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "erased"
    attachment.refresh_from_db()
    assert (attachment.state, attachment.storage_key, attachment.name) == ("erased", "", "")
    assert stored() == []


def test_a_file_of_a_conversation_that_is_gone_leaves_no_bytes(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    from queue_app.models import Session, SessionEvent, Timer

    attachment = arrived()

    def erase() -> None:
        for model in (Timer, SessionEvent, Session, Conversation):
            model.objects.all().delete()

    Media(monkeypatch, PNG, before_end=erase)
    assert attachment_fetch(attachment_id=attachment.pk, now=at(1)) == "erased"
    assert stored() == []


def test_a_deleted_messages_bytes_go_even_when_the_wake_up_was_lost(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    attachment = arrived()
    Media(monkeypatch, PNG)
    attachment_fetch(attachment_id=attachment.pk, now=at(1))
    receive(attachment.message.conversation.connector, deleted("m1"), at=at(2))
    assert stored() == [PNG]
    assert media_sweep(now=at(3)) == 1
    assert stored() == []
    attachment.refresh_from_db()
    assert (attachment.state, attachment.storage_key, attachment.pending_at) == ("erased", "", None)
    assert media_sweep(now=at(4)) == 0


def test_erasing_is_for_erased_files_only(monkeypatch: pytest.MonkeyPatch, stored: Stored) -> None:
    attachment = arrived()
    Media(monkeypatch, PNG)
    attachment_fetch(attachment_id=attachment.pk, now=at(1))
    attachment_erase(attachment_id=attachment.pk)
    assert stored() == [PNG]


# --- the sweep ----------------------------------------------------------------------------


def test_the_sweep_fetches_without_a_broker_and_one_fault_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    monkeypatch.setattr(media, "enqueue", Wakeups(taken=False))
    files = tuple(InboundAttachment(type="file", ref=f"file-{number}") for number in range(3))
    receive(TelegramConnectorFactory(), written(attachments=files))
    Media(monkeypatch, PNG)
    original = media.attachment_fetch

    def fetch(*, attachment_id: int, now: dt.datetime) -> str:
        if attachment_id == Attachment.objects.order_by("pk")[0].pk:
            raise RuntimeError("a fault")
        return original(attachment_id=attachment_id, now=now)

    monkeypatch.setattr(media, "attachment_fetch", fetch)
    assert media_sweep(now=at(1)) == 3
    states = Attachment.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["pending", "stored", "stored"]


def test_the_sweep_wakes_the_worker_for_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    wakeups = Wakeups()
    monkeypatch.setattr(media, "enqueue", wakeups)
    attachment = arrived()
    Attachment.objects.update(next_attempt_at=at(10))
    assert media_sweep(now=at(9)) == 0
    assert media_sweep(now=at(10)) == 1
    assert wakeups.woken == [attachment.pk]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_workers_fetch_a_file_once(monkeypatch: pytest.MonkeyPatch, stored: Stored) -> None:
    attachment = arrived()
    fetch = Media(monkeypatch, PNG)
    start = threading.Barrier(4)
    states: list[str] = []

    def work() -> None:
        start.wait(10)
        states.append(attachment_fetch(attachment_id=attachment.pk, now=at(1)))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(states) == ["not_due", "not_due", "not_due", "stored"]
    assert fetch.refs == ["file-1"]
    assert stored() == [PNG]
