"""What goes out to LINE, by a reply token or pushed, and what its refusals mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from channels_app.drivers.base import DriverError, Person, SendResult
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.channels_app.drivers.wires import CHATS, driver_for, failure, message_for
from tests.standins.line_api import LineStandIn, line_api, refused
from tests.standins.server import DROP, DROP_ACCEPTED, HANG, HANG_ACCEPTED, Answer, Scripted

URL = "https://desk.example/files/1/?t=x"
MEGABYTE = 1024 * 1024
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
FIRST_ID = "461230966842064897"


@pytest.fixture
def line() -> Iterator[LineStandIn]:
    with line_api() as stand_in:
        yield stand_in


def context(seconds_ago: float = 0.0) -> dict[str, Any]:
    asked = NOW - dt.timedelta(seconds=seconds_ago)
    return {"reply_token": "reply-1", "reply_at": round(asked.timestamp() * 1000)}


def sent(line: LineStandIn, **changes: Any) -> dict[str, Any]:
    driver_for("line", line).send(message_for("line", **changes))
    return line.accepted[-1]


# --- which way ----------------------------------------------------------------------------


def test_without_a_token_a_text_is_pushed_with_a_key(line: LineStandIn) -> None:
    result = driver_for("line", line).send(message_for("line", text="1 < 2"))
    assert result == SendResult(external_id=FIRST_ID)
    assert line.called("push") == [
        {"to": CHATS["line"], "messages": [{"type": "text", "text": "1 < 2"}]}
    ]
    assert line.calls[0].headers["x-line-retry-key"] == KEY
    assert line.called("reply") == []


@time_machine.travel(NOW, tick=False)
def test_an_answer_within_a_minute_costs_nothing(line: LineStandIn) -> None:
    result = driver_for("line", line).send(message_for("line", reply_context=context(49)))
    assert result == SendResult(external_id=FIRST_ID)
    assert line.called("reply") == [
        {"replyToken": "reply-1", "messages": [{"type": "text", "text": "Good morning!"}]}
    ]
    assert line.called("push") == []


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    "reply_context",
    [context(50), context(-50), {"reply_token": "x"}, {"reply_token": "x", "reply_at": "soon"}],
)
def test_a_token_that_is_too_old_is_not_tried(
    line: LineStandIn, reply_context: dict[str, Any]
) -> None:
    sent(line, reply_context=reply_context)
    assert (len(line.called("reply")), len(line.called("push"))) == (0, 1)


@time_machine.travel(NOW, tick=False)
def test_a_token_is_good_for_one_answer_and_the_next_is_pushed(line: LineStandIn) -> None:
    driver = driver_for("line", line)
    driver.send(message_for("line", text="one", reply_context=context()))
    second = message_for(
        "line",
        text="two",
        reply_context=context(),
        delivery_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
    )
    driver.send(second)
    assert [message["text"] for message in line.accepted] == ["one", "two"]
    assert (len(line.called("reply")), len(line.called("push"))) == (2, 1)


@time_machine.travel(NOW, tick=False)
def test_what_was_pushed_is_not_said_again_by_a_token_that_came_meanwhile(
    line: LineStandIn,
) -> None:
    line.script("push", DROP_ACCEPTED)
    driver = driver_for("line", line)
    assert failure(driver, message_for("line")).error_class == "retry"
    again = message_for("line", reply_context=context(), attempt=2)
    assert driver.send(again) == SendResult(external_id=FIRST_ID)
    assert (len(line.accepted), line.called("reply")) == (1, [])


@time_machine.travel(NOW, tick=False)
def test_a_reply_that_is_refused_for_its_content_is_not_pushed(line: LineStandIn) -> None:
    line.script("reply", refused(400, "The request body has 1 error(s)", "Length must be"))
    error = failure(driver_for("line", line), message_for("line", reply_context=context()))
    assert error.error_class == "content"
    assert line.called("push") == []


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("silence", "accepted"), [(HANG, 0), (HANG_ACCEPTED, 1), (DROP, 0)], ids=repr
)
def test_a_reply_without_an_answer_is_unknown_and_not_pushed(
    line: LineStandIn, silence: Scripted, accepted: int
) -> None:
    line.script("reply", silence)
    driver = driver_for("line", line, timeout=0.5)
    error = failure(driver, message_for("line", reply_context=context()))
    assert error.error_class == "unknown"
    assert (len(line.accepted), line.called("push")) == (accepted, [])


@pytest.mark.parametrize("silence", [HANG, HANG_ACCEPTED, DROP, DROP_ACCEPTED], ids=repr)
def test_a_push_without_an_answer_is_made_again_and_arrives_once(
    line: LineStandIn, silence: Scripted
) -> None:
    line.script("push", silence)
    driver = driver_for("line", line, timeout=0.5)
    assert failure(driver, message_for("line")).error_class == "retry"
    # The second time LINE says 409, with the id of the first.
    assert driver.send(message_for("line")) == SendResult(external_id=FIRST_ID)
    assert len(line.accepted) == 1


def test_a_repeat_line_tells_no_id_of_was_sent_all_the_same(line: LineStandIn) -> None:
    line.script("push", refused(409, "The retry key is already accepted"))
    assert driver_for("line", line).send(message_for("line")) == SendResult(external_id="")


# --- what is sent -------------------------------------------------------------------------


def test_an_answer_quotes_the_last_message(line: LineStandIn) -> None:
    quoted = {"quote_id": "77", "quote_token": "q-77"}
    assert sent(line, reply_to="77", reply_context=quoted)["quoteToken"] == "q-77"
    other = message_for(
        "line", reply_to="76", reply_context=quoted,
        delivery_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
    )  # fmt: skip
    driver_for("line", line).send(other)
    assert "quoteToken" not in line.accepted[-1]


def test_buttons_are_quick_replies(line: LineStandIn) -> None:
    buttons = [{"text": "Good", "payload": "ol:rate:5:x"}, {"text": "B" * 30, "payload": "b"}]
    items = sent(line, buttons=buttons)["quickReply"]["items"]
    assert items == [
        {
            "type": "action",
            "action": {
                "type": "postback", "label": "Good", "data": "ol:rate:5:x", "displayText": "Good",
            },
        },
        {"type": "action", "action": {"type": "message", "label": "B" * 20, "text": "B" * 30}},
    ]  # fmt: skip


def test_a_small_picture_is_shown_and_any_other_file_is_a_link(line: LineStandIn) -> None:
    picture = outgoing_file(kind="image", content_type="image/png", size=MEGABYTE, url=URL)
    assert sent(line, text="", files=[picture]) == {
        "type": "image",
        "originalContentUrl": URL,
        "previewImageUrl": URL,
    }


@pytest.mark.parametrize(
    ("kind", "content_type", "size"),
    [
        ("image", "image/png", MEGABYTE + 1),
        ("image", "image/webp", 10),
        ("video", "video/mp4", 10),
        ("audio", "audio/mp4", 10),
        ("file", "application/pdf", 10),
    ],
)
def test_what_line_does_not_show_is_a_link(
    line: LineStandIn, kind: str, content_type: str, size: int
) -> None:
    file = outgoing_file(kind=kind, name="a.bin", content_type=content_type, size=size, url=URL)
    assert sent(line, text="", files=[file]) == {"type": "text", "text": f"a.bin\n{URL}"}


def test_a_text_of_the_full_length_is_sent_whole(line: LineStandIn) -> None:
    assert sent(line, text="😀" * 2500)["text"] == "😀" * 2500


@pytest.mark.parametrize(
    "changes",
    [
        {"text": " \n"},
        {"text": "😀" * 2500 + "a"},
        {"text": "", "files": [outgoing_file()]},
        {"text": "", "files": [outgoing_file(url=URL), outgoing_file(url=URL)]},
        {"text": "with words", "files": [outgoing_file(url=URL)]},
        {"buttons": [{"text": "", "payload": "a"}]},
        {"buttons": [{"text": "A", "payload": "a" * 301}]},
    ],
    ids=["blank", "long", "no url", "two", "words", "no text", "payload"],
)
def test_what_line_would_refuse_is_not_sent(line: LineStandIn, changes: dict[str, Any]) -> None:
    error = failure(driver_for("line", line), message_for("line", **changes))
    assert error.error_class == "content"
    assert line.calls == []


def test_without_a_token_nothing_is_called(line: LineStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("line", line, channel_token="").send(message_for("line"))
    assert caught.value.error_class == "auth"
    assert line.calls == []


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (refused(400, "The property, 'to', in the request body is invalid"), "contact"),
        (refused(400, "The request body has 1 error(s)", "May not be empty"), "content"),
        (refused(401, "Authentication failed"), "auth"),
        (refused(403, "Not available"), "contact"),
        (refused(404, "Not found"), "contact"),
        (refused(413, "Request exceeds the max size"), "content"),
        (refused(429, "The API rate limit has been exceeded. Try again later."), "retry"),
        (refused(429, "You have reached your monthly limit."), "content"),
        (refused(500, "The error in the internal server"), "retry"),
        (Answer(b"<html>Bad Gateway</html>", status=502), "retry"),
        (Answer(b"<html>hello</html>"), "retry"),
        (Answer(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "content"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {str(value.body)[:60]}",
)
def test_each_refusal_says_what_may_be_done(
    line: LineStandIn, answer: Scripted, error_class: str
) -> None:
    line.script("push", answer)
    error = failure(driver_for("line", line), message_for("line"))
    assert error.error_class == error_class
    assert (len(line.calls), line.accepted) == (1, [])


def test_line_says_how_long_to_wait(line: LineStandIn) -> None:
    line.script("push", refused(429, "The API rate limit", **{"Retry-After": "9"}))
    error = failure(driver_for("line", line), message_for("line"))
    assert (error.error_class, error.retry_after) == ("retry", 9.0)


def test_lines_reason_is_shown_without_the_token(line: LineStandIn) -> None:
    line.script("push", refused(400, f"{line.token}\nis odd", "May not be empty"))
    error = failure(driver_for("line", line), message_for("line"))
    assert str(error) == "The message was refused by LINE: *** is odd; May not be empty"


# --- signs of life ------------------------------------------------------------------------


def test_the_customer_sees_that_we_write_and_that_we_read(line: LineStandIn) -> None:
    driver = driver_for("line", line)
    driver.typing(chat_id="U5", reply_context={})
    driver.seen(chat_id="U5", message_id="7", reply_context={"read_token": "read-1"})
    driver.seen(chat_id="U5", message_id="7", reply_context={})
    assert line.called("start") == [{"chatId": "U5", "loadingSeconds": 20}]
    assert line.called("markAsRead") == [{"markAsReadToken": "read-1"}]


def test_a_person_is_asked_for(line: LineStandIn) -> None:
    driver = driver_for("line", line)
    assert driver.fetch_profile("U5") == Person(
        external_id="U5", name="Hana", language="ja", avatar_url="https://p.example/h"
    )
    line.script("profile", refused(404, "Not found"), refused(500, "Trouble"))
    assert driver.fetch_profile("U5") is None
    with pytest.raises(DriverError):
        driver.fetch_profile("U5")
