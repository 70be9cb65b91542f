"""What goes out to VK, and what its refusals mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import pytest

from channels_app.drivers.base import DriverError, Person, PostbackEvent, SendResult
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.channels_app.drivers.wires import CHATS, driver_for, failure, message_for
from tests.standins.server import DROP, DROP_ACCEPTED, HANG, HANG_ACCEPTED, Answer, Scripted
from tests.standins.vk_api import GROUP, VkStandIn, error, ok, vk_api


@pytest.fixture
def vk() -> Iterator[VkStandIn]:
    with vk_api() as stand_in:
        yield stand_in


def sent(vk: VkStandIn, **changes: Any) -> Any:
    driver_for("vk", vk).send(message_for("vk", **changes))
    return vk.called("messages.send")[-1]


# --- what is sent -------------------------------------------------------------------------


def test_a_text_goes_to_its_chat(vk: VkStandIn) -> None:
    result = driver_for("vk", vk).send(message_for("vk", text="1 < 2 & [id1|x]"))
    # The number in the chat, as callbacks name it.
    assert result == SendResult(external_id=f"{CHATS['vk']}_1301")
    (form,) = vk.called("messages.send")
    assert (form["peer_ids"], form["message"]) == (CHATS["vk"], "1 < 2 & [id1|x]")
    assert set(form) == {"peer_ids", "message", "random_id"}


def test_a_repeat_carries_the_same_number_and_another_message_another(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)
    first = driver.send(message_for("vk"))
    assert driver.send(message_for("vk")) == first
    assert len(vk.accepted) == 1
    other = message_for("vk", delivery_id="7c9e6679-7425-40de-944b-e07fc1f90ae7")
    assert driver.send(other) != first
    assert len(vk.accepted) == 2
    numbers = [int(form["random_id"]) for form in vk.called("messages.send")]
    assert all(0 < number < 2**63 for number in numbers)


def test_an_answer_names_the_message_it_answers(vk: VkStandIn) -> None:
    form = sent(vk, reply_to=f"{CHATS['vk']}_77")
    assert json.loads(form["forward"]) == {
        "peer_id": int(CHATS["vk"]),
        "conversation_message_ids": [77],
        "is_reply": True,
    }


@pytest.mark.parametrize("reply_to", ["77", "5_77", "wamid.x", f"{CHATS['vk']}_x"])
def test_an_answer_to_a_foreign_id_is_an_ordinary_message(vk: VkStandIn, reply_to: str) -> None:
    assert "forward" not in sent(vk, reply_to=reply_to)


def test_buttons_stand_in_the_message(vk: VkStandIn) -> None:
    buttons = [{"text": "Good", "payload": "ol:rate:5:x"}, {"text": "B" * 50, "payload": ""}]
    keyboard = json.loads(sent(vk, buttons=buttons)["keyboard"])
    assert keyboard["inline"] is True
    actions = [[button["action"] for button in row] for row in keyboard["buttons"]]
    assert actions == [
        [{"type": "text", "label": "Good", "payload": '{"openlines": "ol:rate:5:x"}'}],
        [{"type": "text", "label": "B" * 40, "payload": '{"openlines": "' + "B" * 50 + '"}'}],
    ]


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (6, 6), (7, 4), (10, 5)])
def test_a_keyboard_has_at_most_six_rows(vk: VkStandIn, count: int, rows: int) -> None:
    buttons = [{"text": str(number), "payload": ""} for number in range(count)]
    keyboard = json.loads(sent(vk, buttons=buttons)["keyboard"])
    assert len(keyboard["buttons"]) == rows
    assert sum(map(len, keyboard["buttons"])) == count


@pytest.mark.parametrize(
    ("kind", "content_type", "attachment", "methods"),
    [
        ("image", "image/png", f"photo-{GROUP}_901_k1", "photos.saveMessagesPhoto"),
        ("image", "image/svg+xml", f"doc-{GROUP}_902", "docs.save"),
        ("voice", "audio/ogg", f"doc-{GROUP}_902", "docs.save"),
        ("file", "application/pdf", f"doc-{GROUP}_902", "docs.save"),
    ],
)
def test_a_file_is_put_into_vks_store_first(
    vk: VkStandIn, kind: str, content_type: str, attachment: str, methods: str
) -> None:
    file = outgoing_file(b"\x00\x01bytes", kind=kind, name="чек.bin", content_type=content_type)
    form = sent(vk, text="See here", files=[file])
    assert (form["attachment"], form["message"]) == (attachment, "See here")
    assert [upload.content for upload in vk.uploads] == [b"\x00\x01bytes"]
    assert len(vk.called(methods)) == 1


def test_several_files_go_with_one_message(vk: VkStandIn) -> None:
    picture = outgoing_file(kind="image", content_type="image/jpeg")
    form = sent(vk, text="", files=[picture, outgoing_file()])
    assert form["attachment"] == f"photo-{GROUP}_901_k1,doc-{GROUP}_902"
    assert len(vk.accepted) == 1


def test_a_picture_vk_cannot_show_goes_as_a_file(vk: VkStandIn) -> None:
    vk.script("upload", Answer({"server": 1, "photo": "[]", "hash": ""}))
    file = outgoing_file(b"long", kind="image", content_type="image/png")
    assert sent(vk, text="", files=[file])["attachment"] == f"doc-{GROUP}_902"
    assert vk.uploads[-1].content == b"long"


# --- what is not even tried ---------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"text": " \n"},
        {"text": "a" * 4097},
        {"files": [outgoing_file()] * 11},
        {"files": [outgoing_file(size=200 * 1024 * 1024 + 1)]},
        {"buttons": [{"text": "A", "payload": "é" * 130}]},
        {"buttons": [{"text": "", "payload": "a"}]},
    ],
    ids=["blank", "long", "files", "large", "payload", "no text"],
)
def test_what_vk_would_refuse_is_not_sent(vk: VkStandIn, changes: dict[str, Any]) -> None:
    found = failure(driver_for("vk", vk), message_for("vk", **changes))
    assert found.error_class == "content"
    assert vk.calls == []


def test_without_a_key_nothing_is_called(vk: VkStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("vk", vk, access_token="").send(message_for("vk"))
    assert caught.value.error_class == "auth"
    assert vk.calls == []


def test_a_file_our_storage_lost_is_tried_again_later(vk: VkStandIn) -> None:
    def lost() -> AbstractContextManager[BinaryIO]:
        raise FileNotFoundError("/somewhere/private")

    file = outgoing_file()
    object.__setattr__(file, "open", lost)
    found = failure(driver_for("vk", vk), message_for("vk", files=[file]))
    assert found.error_class == "retry"
    assert (vk.uploads, vk.accepted) == ([], [])


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (error(5, "User authorization failed"), "auth"),
        (error(7, "Permission to perform this action is denied"), "auth"),
        (error(27, "Group authorization failed"), "auth"),
        (error(6, "Too many requests per second"), "retry"),
        (error(9, "Flood control"), "retry"),
        (error(10, "Internal server error"), "retry"),
        (error(29, "Rate limit reached"), "retry"),
        (error(900, "Can't send messages for users from blacklist"), "contact"),
        (error(901, "Can't send messages for users without permission"), "contact"),
        (error(902, "due to their privacy settings"), "contact"),
        (error(936, "Contact not found"), "contact"),
        (error(911, "Keyboard format is invalid"), "content"),
        (error(914, "Message is too long"), "content"),
        (error(100, "One of the parameters"), "content"),
        (error(950, "reply timed out"), "window"),
        (Answer({"error": "strange"}), "content"),
        (ok([{"peer_id": 5, "error": {"code": 901, "description": "No permission"}}]), "contact"),
        (ok([{"peer_id": 5, "error": "No permission"}]), "content"),
        (Answer(b"", status=401), "auth"),
        (Answer(b"", status=403), "auth"),
        (Answer(b"", status=400), "retry"),
        (Answer(b"", status=500), "retry"),
        (Answer(b"<html>hello</html>"), "retry"),  # what was sent is recognised the next time
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {str(value.body)[:60]}",
)
def test_each_refusal_says_what_may_be_done(
    vk: VkStandIn, answer: Scripted, error_class: str
) -> None:
    vk.script("messages.send", answer)
    found = failure(driver_for("vk", vk), message_for("vk"))
    assert found.error_class == error_class
    assert (len(vk.calls), vk.accepted) == (1, [])


def test_vk_says_how_long_to_wait(vk: VkStandIn) -> None:
    vk.script("messages.send", Answer(b"", status=429, headers={"Retry-After": "9"}))
    found = failure(driver_for("vk", vk), message_for("vk"))
    assert (found.error_class, found.retry_after) == ("retry", 9.0)


def test_vks_reason_is_shown_without_the_key(vk: VkStandIn) -> None:
    vk.script("messages.send", error(914, f"{vk.token}\nis odd"))
    found = failure(driver_for("vk", vk), message_for("vk"))
    assert str(found) == "The message was refused by VK: *** is odd (914)"


@pytest.mark.parametrize("silence", [HANG, HANG_ACCEPTED, DROP, DROP_ACCEPTED], ids=repr)
def test_a_lost_answer_is_asked_for_again_and_the_message_arrives_once(
    vk: VkStandIn, silence: Scripted
) -> None:
    vk.script("messages.send", silence)
    driver = driver_for("vk", vk, timeout=0.5)
    assert failure(driver, message_for("vk")).error_class == "retry"
    assert driver.send(message_for("vk")).external_id == f"{CHATS['vk']}_1301"
    assert len(vk.accepted) == 1


@pytest.mark.parametrize(
    ("key", "answer", "error_class"),
    [
        ("upload", Answer(b"", status=503), "retry"),
        ("upload", DROP, "retry"),
        ("upload", Answer({"error": "bad file"}), "content"),
        ("docs.getMessagesUploadServer", ok({}), "retry"),
        ("docs.getMessagesUploadServer", error(15, "Access denied"), "contact"),
        ("docs.save", ok({"type": "doc"}), "retry"),
    ],
)
def test_a_file_that_is_not_stored_is_not_sent(
    vk: VkStandIn, key: str, answer: Scripted, error_class: str
) -> None:
    vk.script(key, answer)
    found = failure(driver_for("vk", vk), message_for("vk", files=[outgoing_file()]))
    assert found.error_class == error_class
    assert vk.accepted == []


def test_a_file_is_not_taken_to_a_private_address(vk: VkStandIn) -> None:
    vk.script("docs.getMessagesUploadServer", ok({"upload_url": "http://127.0.0.2:80/upload"}))
    found = failure(driver_for("vk", vk), message_for("vk", files=[outgoing_file()]))
    assert found.error_class == "content"
    assert vk.uploads == []


# --- signs of life ------------------------------------------------------------------------


def test_the_customer_sees_that_we_write_and_that_we_read(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)
    driver.typing(chat_id="5", reply_context={})
    driver.seen(chat_id="5", message_id="5_7", reply_context={})
    assert vk.called("messages.setActivity") == [{"peer_id": "5", "type": "typing"}]
    assert vk.called("messages.markAsRead") == [{"peer_id": "5", "mark_conversation_as_read": "1"}]


def test_a_pressed_button_is_acknowledged(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)
    driver.acknowledge(PostbackEvent(callback_id="a8b1:501"))
    driver.acknowledge(PostbackEvent())
    assert vk.called("messages.sendMessageEventAnswer") == [
        {"event_id": "a8b1", "user_id": "501", "peer_id": "501"}
    ]


def test_a_person_is_asked_for(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)
    assert driver.fetch_profile("501") == Person(
        external_id="501",
        name="Vera Petrova",
        username="vera_p",
        avatar_url="https://vk.example/v.jpg",
    )
    vk.script("users.get", ok([]))
    assert driver.fetch_profile("501") is None
