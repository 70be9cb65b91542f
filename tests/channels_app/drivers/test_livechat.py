"""The live chat as a driver: its settings, and what a visitor writes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.drivers.base import (
    FieldErrors,
    InboundAttachment,
    MessageEvent,
    ParseError,
    Person,
    SendResult,
    SignatureError,
)
from channels_app.drivers.livechat import LiveChatDriver, LiveChatForm, origin_normalise
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.telegram_driver import outgoing


def driver_for(**config: Any) -> LiveChatDriver:
    door = HttpDoor(trusted=False)
    return LiveChatDriver(config=config, trusted=door, untrusted=door)


# --- origins ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://www.example.com", "https://www.example.com"),
        (" HTTPS://WWW.Example.COM/ ", "https://www.example.com"),
        ("https://www.example.com:443", "https://www.example.com"),
        ("http://www.example.com:80", "http://www.example.com"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(typed: str, kept: str) -> None:
    assert origin_normalise(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "null",
        "*",
        "www.example.com",
        "ftp://www.example.com",
        "https://",
        "https://*.example.com",
        "https://www.example.com/shop",
        "https://www.example.com?x",
        "https://www.example.com#x",
        "https://me@www.example.com",
        "https://www.example.com:port",
        "https://www.example.com:99999",
        "https://www example.com",
        "https://a..b",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_anything_else_is_no_origin(typed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of it
        origin_normalise(typed)


def test_without_a_list_no_site_may_show_the_chat() -> None:
    assert driver_for().allowed_origins == ()


# --- the form -----------------------------------------------------------------------------


def test_the_form_has_defaults() -> None:
    form = LiveChatForm({})
    assert form.is_valid()
    assert form.cleaned_data == {
        "allowed_origins": [],
        "title": "",
        "greeting": "",
        "colour": "#0b6572",
        "position": "right",
        "api_base_url": "",
    }


@pytest.mark.parametrize(
    "typed",
    [
        "https://a.example/\r\n\n https://B.example:443 \nhttps://a.example",
        ["https://a.example", "https://b.example", "https://a.example/"],
    ],
)
def test_the_sites_are_a_list_whoever_sends_them(typed: Any) -> None:
    form = LiveChatForm({"allowed_origins": typed})
    assert form.is_valid()
    assert form.cleaned_data["allowed_origins"] == ["https://a.example", "https://b.example"]


def test_the_sites_are_shown_one_in_a_line() -> None:
    form = LiveChatForm(initial={"allowed_origins": ["https://a.example", "https://b.example"]})
    assert "https://a.example\nhttps://b.example</textarea>" in str(form["allowed_origins"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowed_origins", "https://a.example\nwww.b.example"),
        ("allowed_origins", ["https://a.example/path"]),
        ("allowed_origins", [5]),
        ("allowed_origins", "\n".join(f"https://{n}.example" for n in range(51))),
        ("colour", "red"),
        ("colour", "#12345"),
        ("colour", "#123456;background:url(x)"),
        ("position", "top"),
        ("title", "x" * 81),
        ("greeting", "x" * 501),
    ],
)
def test_the_form_refuses(field: str, value: Any) -> None:
    assert list(LiveChatForm({field: value}).errors) == [field]


def test_the_wrong_site_is_named() -> None:
    form = LiveChatForm({"allowed_origins": "https://a.example\nwww.b.example"})
    assert form.errors["allowed_origins"] == [
        "“www.b.example” is not an address like https://www.example.com."
    ]


def test_a_colour_is_kept_in_small_letters() -> None:
    form = LiveChatForm({"colour": " #AABBCC "})
    assert form.is_valid()
    assert form.cleaned_data["colour"] == "#aabbcc"


# --- what a visitor writes ----------------------------------------------------------------


def test_a_visitors_message_is_an_event_like_any_other() -> None:
    picture = InboundAttachment(type="image", name="a.png")
    event = LiveChatDriver.event_from_visitor(
        visitor_id="visitor-1",
        client_id="0f8fad5b-d9cb-469f-a165-70867728950e",
        text="Hello\x00",
        name=" Ana\nLima ",
        email="ana@example.com",
        phone="+55 11 98765-4321",
        language="pt-BR",
        attachments=[picture],
        data={"page_url": "https://www.example.com/"},
    )
    assert event == MessageEvent(
        key="visitor-1:0f8fad5b-d9cb-469f-a165-70867728950e",
        chat_id="visitor-1",
        user=Person(
            external_id="visitor-1", name="Ana Lima", email="ana@example.com", language="pt-BR"
        ),
        message_id="0f8fad5b-d9cb-469f-a165-70867728950e",
        text="Hello\ufffd",
        attachments=(picture,),
        data={"page_url": "https://www.example.com/", "phone": "+55 11 98765-4321"},
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "short"}, "client_id"),
        ({"client_id": "x" * 65}, "client_id"),
        ({"client_id": "with spaces in it"}, "client_id"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * 10_001}, "text"),
    ],
)
def test_what_cannot_be_a_message_is_told(changes: dict[str, str], field: str) -> None:
    values: dict[str, Any] = {
        "visitor_id": "visitor-1",
        "client_id": "client-0001",
        "text": "Hello",
    }
    with pytest.raises(FieldErrors) as caught:
        LiveChatDriver.event_from_visitor(**(values | changes))
    assert list(caught.value.fields) == [field]


def test_a_file_needs_no_words() -> None:
    event = LiveChatDriver.event_from_visitor(
        visitor_id="visitor-1",
        client_id="client-0001",
        text="",
        attachments=[InboundAttachment(type="file")],
    )
    assert event.text == ""


def test_what_is_kept_for_a_later_try_is_the_same_event() -> None:
    event = LiveChatDriver.event_from_visitor(
        visitor_id="visitor-1",
        client_id="client-0001",
        text="Hello\U0001f600",
        name="Ana",
        phone="+55 11 98765-4321",
        reply_to="12",
        attachments=[InboundAttachment(type="image", name="a.png", storage_key="in/a", size=5)],
        data={"page": {"url": "https://www.example.com/"}},
    )
    assert driver_for().parse(LiveChatDriver.delivery_of(event)) == [event]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"attachments": [5]}', b'{"attachments": [], "text": 5}']
)
def test_anything_else_is_not_kept_by_us(raw: bytes) -> None:
    with pytest.raises(ParseError):
        driver_for().parse(raw)


# --- the rest of a driver -----------------------------------------------------------------


def test_nothing_is_sent_and_nothing_is_delivered() -> None:
    driver = driver_for()
    assert driver.send(outgoing()) == SendResult()
    with pytest.raises(SignatureError):
        driver.verify({}, b"", now=dt.datetime(2024, 6, 1, tzinfo=dt.UTC))
    with pytest.raises(ParseError):
        driver.parse(b"{}")
    capabilities = driver.capabilities
    assert (capabilities.webhook, capabilities.outgoing_by_reading) == (False, True)
    assert (capabilities.can_answer_later, capabilities.deduplicates) == (False, True)


def test_the_check_names_the_sites() -> None:
    assert driver_for().check(webhook_url="").facts == (("Sites", "only its own page"),)
    driver = driver_for(allowed_origins=["https://a.example", "https://b.example"])
    assert driver.check(webhook_url="").facts == (
        ("Sites", "https://a.example, https://b.example"),
    )
