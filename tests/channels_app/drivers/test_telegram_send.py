"""What goes out to Telegram, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import pytest

from channels_app.drivers.base import DriverError, Outgoing, PostbackEvent, SendResult
from channels_app.drivers.telegram import TelegramDriver
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.telegram_driver import driver_for, outgoing, outgoing_file
from tests.standins.bot_api import (
    DROP,
    HANG,
    Answer,
    BotApiStandIn,
    Scripted,
    bot_api,
    ok,
    refused,
)


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        yield stand_in


def failure(driver: TelegramDriver, message: Outgoing | None = None) -> DriverError:
    with pytest.raises(DriverError) as caught:
        driver.send(message or outgoing())
    assert driver.config["token"] not in str(caught.value)
    assert "http" not in str(caught.value).replace("HTTP", "")
    return caught.value


# --- what is sent -------------------------------------------------------------------------


def test_a_text_goes_to_its_chat(telegram: BotApiStandIn) -> None:
    result = driver_for(telegram).send(outgoing(text="1 < 2 & *not bold*"))
    assert result == SendResult(external_id="1001")
    (call,) = telegram.sent
    assert (call.method, call.params) == (
        "sendMessage",
        {"chat_id": "6012345678901", "text": "1 < 2 & *not bold*"},
    )


def test_an_answer_names_the_message_it_answers(telegram: BotApiStandIn) -> None:
    driver_for(telegram).send(outgoing(reply_to="77"))
    assert telegram.sent[0].params["reply_parameters"] == {
        "message_id": 77,
        "allow_sending_without_reply": True,
    }


def test_an_answer_to_a_foreign_id_is_an_ordinary_message(telegram: BotApiStandIn) -> None:
    driver_for(telegram).send(outgoing(reply_to="wamid.x"))
    assert "reply_parameters" not in telegram.sent[0].params


def test_an_answer_to_a_business_message_goes_by_its_connection(telegram: BotApiStandIn) -> None:
    driver_for(telegram).send(outgoing(reply_context={"business_connection_id": "bizconn-1"}))
    assert telegram.sent[0].params["business_connection_id"] == "bizconn-1"


def test_buttons_stand_below_each_other(telegram: BotApiStandIn) -> None:
    buttons = [{"text": "Good", "payload": "ol:rate:1"}, {"text": "Bad", "payload": ""}]
    driver_for(telegram).send(outgoing(buttons=buttons))
    assert telegram.sent[0].params["reply_markup"] == {
        "inline_keyboard": [
            [{"text": "Good", "callback_data": "ol:rate:1"}],
            [{"text": "Bad", "callback_data": "Bad"}],
        ]
    }


@pytest.mark.parametrize(
    ("kind", "content_type", "method", "field"),
    [
        ("image", "image/jpeg", "sendPhoto", "photo"),
        ("image", "image/png", "sendPhoto", "photo"),
        ("image", "image/svg+xml", "sendDocument", "document"),
        ("image", "image/gif", "sendDocument", "document"),
        ("voice", "audio/ogg; codecs=opus", "sendVoice", "voice"),
        ("voice", "audio/mpeg", "sendDocument", "document"),
        ("video", "video/mp4", "sendDocument", "document"),
        ("file", "application/pdf", "sendDocument", "document"),
    ],
)
def test_a_file_is_uploaded_as_what_it_is(
    telegram: BotApiStandIn, kind: str, content_type: str, method: str, field: str
) -> None:
    file = outgoing_file(b"\x00\x01bytes", kind=kind, name="äöü.bin", content_type=content_type)
    result = driver_for(telegram).send(
        outgoing(
            text="See here", files=[file], reply_to="5", buttons=[{"text": "A", "payload": "b"}]
        )
    )
    assert result == SendResult(external_id="1001")
    (call,) = telegram.sent
    assert call.method == method
    assert call.params == {
        "chat_id": "6012345678901",
        "caption": "See here",
        "reply_parameters": {"message_id": 5, "allow_sending_without_reply": True},
        "reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "b"}]]},
    }
    assert list(call.files) == [field]
    assert call.files[field].content == b"\x00\x01bytes"
    assert call.files[field].content_type == content_type.partition(";")[0]


def test_a_file_without_words_has_no_caption(telegram: BotApiStandIn) -> None:
    driver_for(telegram).send(outgoing(text="", files=[outgoing_file()]))
    assert telegram.sent[0].params == {"chat_id": "6012345678901"}


def test_a_picture_telegram_cannot_show_goes_as_a_file(telegram: BotApiStandIn) -> None:
    telegram.script("sendPhoto", refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
    file = outgoing_file(b"long", kind="image", name="roll.png", content_type="image/png")
    assert driver_for(telegram).send(outgoing(files=[file])).external_id == "1001"
    assert [call.method for call in telegram.sent] == ["sendPhoto", "sendDocument"]
    assert telegram.sent[1].files["document"].content == b"long"


def test_a_large_picture_goes_as_a_file(telegram: BotApiStandIn) -> None:
    file = outgoing_file(kind="image", content_type="image/png", size=10 * 1024 * 1024 + 1)
    driver_for(telegram).send(outgoing(files=[file]))
    assert [call.method for call in telegram.sent] == ["sendDocument"]


def test_a_text_of_the_full_length_is_sent_whole(telegram: BotApiStandIn) -> None:
    driver_for(telegram).send(outgoing(text="😀" * 2048))
    assert telegram.sent[0].params["text"] == "😀" * 2048


# --- what is not even tried ---------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": " \n"},
        {"text": "😀" * 2048 + "a"},
        {"text": "a" * 1025, "files": [outgoing_file()]},
        {"files": [outgoing_file(), outgoing_file()]},
        {"files": [outgoing_file(size=50 * 1024 * 1024 + 1)]},
        {"buttons": [{"text": "A", "payload": "é" * 33}]},
        {"buttons": [{"text": "", "payload": "a"}]},
    ],
    ids=["empty", "blank", "long", "long caption", "two files", "large", "payload", "no text"],
)
def test_what_telegram_would_refuse_is_not_sent(
    telegram: BotApiStandIn, changes: dict[str, Any]
) -> None:
    assert failure(driver_for(telegram), outgoing(**changes)).error_class == "content"
    assert telegram.calls == []


def test_without_a_token_nothing_is_called(telegram: BotApiStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for(telegram, token="").send(outgoing())
    assert caught.value.error_class == "auth"
    assert telegram.calls == []


def test_a_file_our_storage_lost_is_tried_again_later(telegram: BotApiStandIn) -> None:
    def lost() -> AbstractContextManager[BinaryIO]:
        raise FileNotFoundError("/somewhere/private")

    file = outgoing_file()
    object.__setattr__(file, "open", lost)
    assert failure(driver_for(telegram), outgoing(files=[file])).error_class == "retry"
    assert telegram.calls == []


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (refused(403, "Forbidden: bot was blocked by the user"), "contact"),
        (refused(403, "Forbidden: user is deactivated"), "contact"),
        (refused(403, "Forbidden: bot can't initiate conversation with a user"), "contact"),
        (refused(400, "Bad Request: chat not found"), "contact"),
        (refused(400, "Bad Request: PEER_ID_INVALID"), "contact"),
        (refused(400, "Bad Request: BUSINESS_PEER_USAGE_MISSING"), "window"),
        (refused(400, "Bad Request: message is too long"), "content"),
        (refused(400, "Bad Request: can't parse entities"), "content"),
        (refused(413, "Request Entity Too Large"), "content"),
        (refused(401, "Unauthorized"), "auth"),
        (refused(404, "Not Found"), "auth"),
        (refused(409, "Conflict: terminated by other getUpdates request"), "retry"),
        (refused(500, "Internal Server Error"), "retry"),
        (Answer(b"<html>Bad Gateway</html>", status=502), "retry"),
        (Answer(b"<html>hello</html>"), "unknown"),
        (Answer(b"[" * 100_000), "unknown"),
        (Answer({"ok": False}), "content"),
        (Answer(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "content"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {str(value.body)[:60]}",
)
def test_each_refusal_says_what_may_be_done(
    telegram: BotApiStandIn, answer: Scripted, error_class: str
) -> None:
    telegram.script("sendMessage", answer)
    assert failure(driver_for(telegram)).error_class == error_class
    assert len(telegram.calls) == 1


def test_the_platform_says_how_long_to_wait(telegram: BotApiStandIn) -> None:
    telegram.script("sendMessage", refused(429, "Too Many Requests", retry_after=37))
    error = failure(driver_for(telegram))
    assert (error.error_class, error.retry_after) == ("retry", 37.0)


def test_a_gateway_says_how_long_to_wait(telegram: BotApiStandIn) -> None:
    telegram.script("sendMessage", Answer(b"", status=429, headers={"Retry-After": "9"}))
    error = failure(driver_for(telegram))
    assert (error.error_class, error.retry_after) == ("retry", 9.0)


def test_telegrams_reason_is_shown_without_the_token(telegram: BotApiStandIn) -> None:
    telegram.script("sendMessage", refused(400, f"Bad Request: {telegram.token}\nis odd"))
    assert str(failure(driver_for(telegram))) == "Telegram refused: Bad Request: *** is odd"


@pytest.mark.parametrize("silence", [HANG, DROP], ids=["hangs", "closes"])
def test_an_answer_that_is_lost_leaves_the_message_unknown(
    telegram: BotApiStandIn, silence: Scripted
) -> None:
    telegram.script("sendMessage", silence)
    assert failure(driver_for(telegram, timeout=0.5)).error_class == "unknown"
    assert len(telegram.sent) == 1


def test_a_lost_answer_does_not_matter_where_nobody_sees_a_repeat(
    telegram: BotApiStandIn,
) -> None:
    telegram.script("sendChatAction", DROP)
    with pytest.raises(DriverError) as caught:
        driver_for(telegram).typing(chat_id="5", reply_context={})
    assert caught.value.error_class == "retry"


def test_without_a_connection_nothing_was_sent() -> None:
    with bot_api() as telegram:
        driver = driver_for(telegram)
    assert failure(driver).error_class == "retry"


def test_a_private_api_address_must_be_named(telegram: BotApiStandIn) -> None:
    driver = driver_for(telegram, trusted=HttpDoor(trusted=True))
    error = failure(driver)
    assert error.error_class == "auth"
    assert "PRIVATE_TARGETS" in str(error)
    assert telegram.calls == []


# --- signs of life ------------------------------------------------------------------------


def test_the_customer_sees_that_we_write(telegram: BotApiStandIn) -> None:
    context = {"business_connection_id": "bizconn-1"}
    driver_for(telegram).typing(chat_id="5", reply_context=context)
    assert telegram.called("sendChatAction") == [
        {"chat_id": "5", "action": "typing", "business_connection_id": "bizconn-1"}
    ]


def test_a_pressed_button_is_acknowledged(telegram: BotApiStandIn) -> None:
    driver = driver_for(telegram)
    driver.acknowledge(PostbackEvent(callback_id="4382bfdwdsb323b2d9"))
    driver.acknowledge(PostbackEvent())
    assert telegram.called("answerCallbackQuery") == [{"callback_query_id": "4382bfdwdsb323b2d9"}]


def test_a_message_without_an_id_in_the_answer_is_sent_all_the_same(
    telegram: BotApiStandIn,
) -> None:
    telegram.script("sendMessage", ok({"unexpected": 1}))
    assert driver_for(telegram).send(outgoing()) == SendResult(external_id="")
