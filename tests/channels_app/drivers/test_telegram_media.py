"""Fetching what customers sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError
from channels_app.drivers.telegram import TelegramDriver
from tests.channels_app.drivers.telegram_driver import driver_for
from tests.standins.bot_api import DROP, Answer, BotApiStandIn, Scripted, bot_api, ok, refused


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        stand_in.files["documents/file-1"] = b"PDF" * 1000
        yield stand_in


def fetched(driver: TelegramDriver, ref: str = "file-1") -> bytes:
    with driver.fetch_media(ref) as media:
        return b"".join(media.chunks)


def test_a_file_is_fetched_by_its_id(telegram: BotApiStandIn) -> None:
    with driver_for(telegram).fetch_media("file-1") as media:
        assert media.name == "file-1"
        assert b"".join(media.chunks) == b"PDF" * 1000
    assert telegram.called("getFile") == [{"file_id": "file-1"}]
    assert telegram.calls[-1].path == f"/file/bot{telegram.token}/documents/file-1"


def test_a_path_with_strange_letters_is_one_address(telegram: BotApiStandIn) -> None:
    telegram.files["photos/a b?c#é.jpg"] = b"jpg"
    telegram.script("getFile", ok({"file_path": "photos/a b?c#é.jpg"}))
    assert fetched(driver_for(telegram)) == b"jpg"


@pytest.mark.parametrize(
    ("key", "answer", "error_class"),
    [
        ("getFile", refused(400, "Bad Request: wrong file_id"), "content"),
        ("getFile", refused(400, "Bad Request: file is too big"), "content"),
        ("getFile", refused(429, "Too Many Requests", retry_after=2), "retry"),
        ("getFile", DROP, "retry"),
        ("getFile", ok({"file_path": "../../etc/passwd"}), "content"),
        ("getFile", ok({"file_size": 5}), "content"),
        ("getFile", ok({"file_path": 5}), "content"),
        ("file", Answer(b"", status=404), "content"),
        ("file", Answer(b"", status=429), "retry"),
        ("file", Answer(b"", status=500), "retry"),
        ("file", DROP, "retry"),
        ("file", Answer(b"half", headers={"Content-Length": "1000"}), "retry"),
        ("file", Answer(b"", headers={"Content-Length": str(10**12)}), "content"),
    ],
)
def test_each_failure_says_whether_to_try_again(
    telegram: BotApiStandIn, key: str, answer: Scripted, error_class: str
) -> None:
    telegram.script(key, answer)
    with pytest.raises(DriverError) as caught:
        fetched(driver_for(telegram))
    assert caught.value.error_class == error_class
    assert telegram.token not in str(caught.value)


def test_a_file_larger_than_allowed_is_cut_off(telegram: BotApiStandIn, settings: Any) -> None:
    settings.MEDIA_MAX_BYTES = 2000
    with pytest.raises(DriverError) as caught:
        fetched(driver_for(telegram))
    assert caught.value.error_class == "content"


def test_an_error_of_the_reader_stays_his_own(telegram: BotApiStandIn) -> None:
    with pytest.raises(ZeroDivisionError), driver_for(telegram).fetch_media("file-1"):
        raise ZeroDivisionError
