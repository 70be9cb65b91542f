"""What goes out to a custom channel, its files, its settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from channels_app.drivers.base import DriverError, Outgoing, SendResult
from channels_app.drivers.custom import CustomDriver, CustomForm
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.custom_driver import SECRET, driver_for
from tests.channels_app.drivers.telegram_driver import outgoing, outgoing_file
from tests.standins.receiver import DROP, HANG, Answer, Scripted, receiver, signature_is_good
from tests.standins.server import StandIn


@pytest.fixture
def other_side() -> Iterator[StandIn]:
    with receiver() as stand_in:
        yield stand_in


def failure(driver: CustomDriver, message: Outgoing | None = None) -> DriverError:
    with pytest.raises(DriverError) as caught:
        driver.send(message or outgoing())
    assert SECRET not in str(caught.value)
    return caught.value


def test_an_answer_is_posted_as_documented(other_side: StandIn) -> None:
    file = outgoing_file(url="https://desk.example/files/abc/?signature")
    result = driver_for(other_side).send(
        outgoing(
            text="Yes, it is.\nBlue.",
            chat_id="room-5",
            user_id="c-77",
            reply_to="m-1",
            buttons=[{"text": "Thanks", "payload": "ol:x"}],
            files=[file],
        )
    )
    assert result == SendResult(external_id="theirs-1")
    (call,) = other_side.calls
    assert (call.verb, call.path) == ("POST", "/hook")
    assert call.json == {
        "event": "message",
        "conversation_id": 7,
        "chat_id": "room-5",
        "external_user": {"id": "c-77"},
        "message": {
            "id": 11,
            "text": "Yes, it is.\nBlue.",
            "attachments": [
                {
                    "type": "file",
                    "url": "https://desk.example/files/abc/?signature",
                    "name": "invoice.pdf",
                    "mime": "application/pdf",
                    "size": 7,
                }
            ],
            "buttons": [{"text": "Thanks", "payload": "ol:x"}],
            "reply_to": "m-1",
        },
    }
    assert call.headers["content-type"] == "application/json"
    assert call.headers["x-openlines-delivery"] == "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_an_answer_is_signed_over_its_bytes_and_now(other_side: StandIn) -> None:
    driver_for(other_side).send(outgoing(text="é"))
    (call,) = other_side.calls
    assert signature_is_good(call, SECRET)
    moment = int(call.headers["x-openlines-signature"].split(",")[0].removeprefix("t="))
    assert abs(moment - dt.datetime.now(dt.UTC).timestamp()) < 60
    assert "é".encode() in call.body


def test_a_repeat_carries_the_same_delivery(other_side: StandIn) -> None:
    driver = driver_for(other_side)
    other_side.script("/hook", DROP)
    assert failure(driver).error_class == "retry"
    driver.send(outgoing())
    first, second = other_side.calls
    assert first.headers["x-openlines-delivery"] == second.headers["x-openlines-delivery"]
    assert driver.capabilities.deduplicates


@pytest.mark.parametrize(
    ("body", "external_id"),
    [
        ({"message_id": "x-1"}, "x-1"),
        ({"message_id": 5}, "5"),
        ({"message_id": None}, ""),
        ({"message_id": {"a": 1}}, ""),
        ({}, ""),
        ([], ""),
        (b"OK", ""),
        (b"", ""),
    ],
)
def test_the_id_in_the_answer_may_be_missing(
    other_side: StandIn, body: Any, external_id: str
) -> None:
    other_side.script("/hook", Answer(body, status=201))
    assert driver_for(other_side).send(outgoing()) == SendResult(external_id=external_id)


@pytest.mark.parametrize(
    ("answer", "error_class", "retry_after"),
    [
        (Answer(status=400), "content", None),
        (Answer(status=401), "content", None),
        (Answer(status=404), "content", None),
        (Answer(status=422), "content", None),
        (Answer(status=302, headers={"Location": "http://127.0.0.1/"}), "content", None),
        (Answer(status=408), "retry", None),
        (Answer(status=429, headers={"Retry-After": "30"}), "retry", 30.0),
        (Answer(status=500), "retry", None),
        (Answer(status=503, headers={"Retry-After": "5"}), "retry", 5.0),
        (DROP, "retry", None),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_each_refusal_says_what_may_be_done(
    other_side: StandIn, answer: Scripted, error_class: str, retry_after: float | None
) -> None:
    other_side.script("/hook", answer)
    error = failure(driver_for(other_side))
    assert (error.error_class, error.retry_after) == (error_class, retry_after)
    assert len(other_side.calls) == 1


def test_an_answer_that_does_not_come_is_tried_again(
    other_side: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_app.drivers.custom.SEND_SECONDS", 0.3)
    other_side.script("/hook", HANG)
    assert failure(driver_for(other_side)).error_class == "retry"


def test_without_a_connection_it_is_tried_again() -> None:
    with receiver() as other_side:
        driver = driver_for(other_side)
    assert failure(driver).error_class == "retry"


def test_a_private_address_must_be_named(other_side: StandIn) -> None:
    error = failure(driver_for(other_side, trusted=HttpDoor(trusted=True)))
    assert error.error_class == "auth"
    assert other_side.calls == []


@pytest.mark.parametrize(
    ("config", "message", "error_class"),
    [
        ({"outgoing_url": ""}, {}, "content"),
        ({"secret": ""}, {}, "auth"),
        ({"text_limit": 20}, {"text": "x" * 21}, "content"),
        ({}, {"files": [outgoing_file()]}, "content"),
    ],
    ids=["no address", "no secret", "long", "file without an address"],
)
def test_what_cannot_be_sent_is_said_and_not_tried(
    other_side: StandIn, config: dict[str, Any], message: dict[str, Any], error_class: str
) -> None:
    error = failure(driver_for(other_side, **config), outgoing(**message))
    assert error.error_class == error_class
    assert str(error).endswith(".")
    assert other_side.calls == []


# --- settings -----------------------------------------------------------------------------


def test_the_settings_decide_what_the_channel_can_do() -> None:
    plain = driver_for().capabilities
    assert (plain.text_limit, plain.buttons, plain.reply_window_hours) == (4096, True, 0)
    chosen = driver_for(text_limit=160, buttons="off", reply_window_hours=24).capabilities
    assert (chosen.text_limit, chosen.caption_limit) == (160, 160)
    assert (chosen.buttons, chosen.reply_window_hours) == (False, 24)
    assert CustomDriver.capabilities.text_limit == 4096


@pytest.mark.parametrize(
    ("config", "problems", "facts"),
    [
        (
            {"outgoing_url": "https://them.example/hook/key-of-theirs"},
            0,
            (("Secret", "set"), ("Address for answers", "them.example")),
        ),
        ({}, 1, (("Secret", "set"), ("Address for answers", "missing"))),
        ({"secret": ""}, 2, (("Secret", "missing"), ("Address for answers", "missing"))),
        ({"secret": "short"}, 2, (("Secret", "set"), ("Address for answers", "missing"))),
    ],
)
def test_the_check_says_what_is_missing_and_calls_nobody(
    config: dict[str, Any], problems: int, facts: tuple[tuple[str, str], ...]
) -> None:
    result = driver_for(**config).check(webhook_url="https://desk.example/webhooks/abc/")
    assert (len(result.problems), result.facts, result.account) == (problems, facts, None)


def test_the_form_has_defaults() -> None:
    form = CustomForm({})
    assert form.is_valid()
    assert form.cleaned_data == {
        "secret": "",
        "outgoing_url": "",
        "text_limit": 4096,
        "reply_window_hours": 0,
        "buttons": "on",
        "api_base_url": "",
    }


@pytest.mark.parametrize(
    ("value", "kept"), [("on", "on"), ("off", "off"), (True, "on"), (False, "off"), ("OFF", "off")]
)
def test_buttons_are_on_or_off(value: Any, kept: str) -> None:
    form = CustomForm({"buttons": value})
    assert form.is_valid()
    assert form.cleaned_data["buttons"] == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("secret", "fifteen-letters"),
        ("outgoing_url", "ftp://them.example/"),
        ("outgoing_url", "https://me:pw@them.example/"),
        ("outgoing_url", "nonsense"),
        ("text_limit", 19),
        ("text_limit", "many"),
        ("reply_window_hours", -1),
        ("buttons", "maybe"),
    ],
)
def test_the_form_refuses(field: str, value: Any) -> None:
    assert list(CustomForm({field: value}).errors) == [field]


def test_the_form_shows_no_secret() -> None:
    assert "very-secret-secret" not in CustomForm({"secret": "very-secret-secret"}).as_p()


# --- files of customers -------------------------------------------------------------------


def fetched(handler: Any, url: str = "https://cdn.example/a/price%20list.pdf?x=1") -> Any:
    door = HttpDoor(trusted=False, transport=httpx2.MockTransport(handler))
    with driver_for(untrusted=door).fetch_media(url) as media:
        return media.name, media.content_type, b"".join(media.chunks)


def test_a_file_is_fetched_from_its_address() -> None:
    def serve(request: httpx2.Request) -> httpx2.Response:
        assert "x-openlines-signature" not in request.headers
        return httpx2.Response(200, content=b"PDF", headers={"Content-Type": "application/pdf"})

    assert fetched(serve) == ("price list.pdf", "application/pdf", b"PDF")


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(404, "content"), (403, "content"), (408, "retry"), (429, "retry"), (500, "retry")],
)
def test_a_file_that_is_not_given(status: int, error_class: str) -> None:
    with pytest.raises(DriverError) as caught:
        fetched(lambda _request: httpx2.Response(status))
    assert caught.value.error_class == error_class


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://169.254.169.254/", "ftp://a.example/", "http://a.example:22/"],
)
def test_a_file_inside_our_own_network_is_not_fetched(url: str) -> None:
    with pytest.raises(DriverError) as caught, driver_for().fetch_media(url):
        pass
    assert caught.value.error_class == "content"


def test_a_file_larger_than_allowed_is_cut_off(settings: Any) -> None:
    settings.MEDIA_MAX_BYTES = 2
    with pytest.raises(DriverError) as caught:
        fetched(lambda _request: httpx2.Response(200, content=b"PDF"))
    assert caught.value.error_class == "content"


def test_a_connection_that_fails_is_tried_again() -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no", request=request)

    with pytest.raises(DriverError) as caught:
        fetched(fail)
    assert caught.value.error_class == "retry"
