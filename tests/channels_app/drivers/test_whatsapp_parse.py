"""What WhatsApp's deliveries say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from channels_app.drivers.base import (
    ContactEvent,
    IgnoredEvent,
    MessageEvent,
    ParseError,
    ReceiptEvent,
)
from channels_app.drivers.whatsapp_parse import parse_whatsapp
from tests.channels_app.drivers.meta_expectations import concluded, samples_of, wanted_of

NUMBER = "109000000000001"


def delivery(*messages: Any, field: str = "messages", **value: Any) -> bytes:
    content = {"metadata": {"phone_number_id": NUMBER}, "messages": list(messages)} | value
    changes = [{"field": field, "value": content}]
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}
    ).encode()


def message(**more: Any) -> dict[str, Any]:
    return {
        "from": "5511955550101",
        "id": "wamid.A==",
        "timestamp": "1767261600",
        "type": "text",
        "text": {"body": "Oi"},
    } | more


def one(raw: bytes) -> Any:
    (event,) = parse_whatsapp(raw)
    return event


@pytest.mark.parametrize(("path", "expected"), samples_of("whatsapp"))
def test_each_sample_says_what_is_expected(path: Path, expected: list[dict[str, Any]]) -> None:
    events = parse_whatsapp(path.read_bytes())
    said = [concluded(*pair) for pair in zip(events, expected, strict=True)]
    assert said == [wanted_of(event) for event in expected]


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"[]", b'"text"', b"{", b'{"a": NaN}', b"[" * 5000, b"\xef\xbb\xbf{}"]
)
def test_what_is_no_delivery_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse_whatsapp(raw)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "whatsapp_business_account"},
        {"object": "whatsapp_business_account", "entry": None},
        {"object": "whatsapp_business_account", "entry": [{}]},
        {"object": "whatsapp_business_account", "entry": [{"changes": "no"}]},
    ],
)
def test_an_empty_delivery_has_no_events(body: Any) -> None:
    assert parse_whatsapp(json.dumps(body).encode()) == []


def test_a_delivery_of_another_product_is_ignored_and_noticed() -> None:
    event = one(b'{"object": "page", "entry": []}')
    assert isinstance(event, IgnoredEvent)
    assert "another product" in event.notice


@pytest.mark.parametrize("broken", [None, 7, "text", [], {}, {"type": []}, {"from": {}, "id": []}])
def test_a_broken_message_does_not_lose_its_neighbours(broken: Any) -> None:
    events = parse_whatsapp(delivery(message(id="wamid.1"), broken, message(id="wamid.2")))
    assert [type(event) for event in events] == [MessageEvent, IgnoredEvent, MessageEvent]


@pytest.mark.parametrize(
    "kind",
    ["text", "image", "location", "contacts", "button", "interactive", "order", "sticker"],
)
@pytest.mark.parametrize("part", [None, "text", [], {}, {"id": 5}])
def test_a_message_with_broken_content_is_kept_as_unsupported(kind: str, part: Any) -> None:
    content = message(type=kind) | {kind: part}
    if kind != "text":
        del content["text"]
    event = one(delivery(content))
    assert isinstance(event, MessageEvent)
    if not (isinstance(part, dict) and "id" in part and kind in ("image", "sticker")):
        assert [found.type for found in event.attachments] == ["unsupported"]


@pytest.mark.parametrize("kind", ["reaction", "edit", "revoke"])
@pytest.mark.parametrize("part", [None, {}, [], {"original_message_id": 1, "message_id": None}])
def test_a_change_of_nothing_is_ignored(kind: str, part: Any) -> None:
    assert isinstance(one(delivery(message(type=kind) | {kind: part})), IgnoredEvent)


def test_a_message_without_an_id_is_still_a_message() -> None:
    content = message()
    del content["id"]
    event = one(delivery(content))
    assert (event.key, event.message_id, event.text) == ("", "", "Oi")


def test_an_id_beyond_the_column_is_kept_as_its_hash() -> None:
    event = one(delivery(message(id="wamid." + "x" * 300)))
    again = one(delivery(message(context={"id": "wamid." + "x" * 300})))
    assert event.message_id.startswith("sha256:")
    assert again.reply_to == event.message_id
    assert len(event.message_id) < 100


@pytest.mark.parametrize("value", ["", "soon", "-5", "9" * 25, None, True, [], 1e300])
def test_a_bad_time_rejects_no_message(value: Any) -> None:
    event = one(delivery(message(timestamp=value)))
    assert (event.text, event.at) == ("Oi", None)


def test_the_name_is_that_of_the_contact_who_wrote() -> None:
    contacts = [
        {"wa_id": "1", "profile": {"name": "Another"}},
        None,
        {"user_id": "BR.5", "profile": {"name": "Bruna", "username": "bruna"}},
    ]
    content = message(from_user_id="BR.5")
    event = one(delivery(content, contacts=contacts))
    assert (event.user.name, event.user.username) == ("Bruna", "bruna")
    assert (event.user.external_id, event.user.other_id) == ("5511955550101", "BR.5")


def test_a_first_opening_of_the_chat_is_no_message() -> None:
    event = one(delivery(message(type="request_welcome")))
    assert isinstance(event, ContactEvent)


def test_a_receipt_brings_our_reference_back() -> None:
    status = {
        "id": "wamid.A==", "status": "delivered", "recipient_id": "55",
        "biz_opaque_callback_data": "11.0f8fad5b-d9cb-469f-a165-70867728950e",
    }  # fmt: skip
    event = one(delivery(statuses=[status]))
    assert isinstance(event, ReceiptEvent)
    assert event.reference == "11.0f8fad5b-d9cb-469f-a165-70867728950e"


def test_a_failure_is_told_in_our_words_and_whatsapps() -> None:
    error = {"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message"}
    status = {"id": "wamid.A==", "status": "failed", "recipient_id": "55", "errors": [error]}
    assert one(delivery(statuses=[status])).error == (
        "The customer has not written for more than 24 hours. Send a template.\n"
        "131047 Re-engagement message"
    )


@pytest.mark.parametrize("errors", [None, [], [None], ["x"], [{}], [{"code": "x"}]])
def test_a_failure_without_a_reason_is_a_failure(errors: Any) -> None:
    status = {"id": "wamid.A==", "status": "failed", "recipient_id": "55", "errors": errors}
    event = one(delivery(statuses=[status]))
    assert (event.status, event.error) == ("failed", "")


@pytest.mark.parametrize("update", [None, {}, {"user_id": None}, {"user_id": {"previous": "BR.1"}}])
def test_a_change_of_an_id_that_names_none_is_ignored(update: Any) -> None:
    raw = delivery(field="user_id_update", user_id_update=[update])
    assert isinstance(one(raw), IgnoredEvent)


@pytest.mark.parametrize("field", ["history", "account_update", "calls", "", "smb_app_state_sync"])
def test_other_changes_are_ignored(field: str) -> None:
    assert isinstance(one(delivery(message(), field=field)), IgnoredEvent)
