import uuid
from typing import Any

import pytest

from channels_app.widget.forms import client_id_read, number_read, page_read, text_read
from channels_app.widget.http import RequestError


def refusal(read: Any, *args: Any, **kwargs: Any) -> Any:
    with pytest.raises(RequestError) as caught:
        read(*args, **kwargs)
    assert caught.value.status == 400
    return caught.value.fields


def test_a_client_id_is_a_uuid_in_lower_case() -> None:
    given = str(uuid.uuid4())
    assert client_id_read({"client_id": given.upper()}) == given


@pytest.mark.parametrize("value", [None, 7, "", "x", ["a"], {}, "urn:uuid:" + "0" * 32, "0" * 32])
def test_another_client_id_is_refused(value: Any) -> None:
    assert refusal(client_id_read, {"client_id": value}) == {"client_id": ["Send a UUID."]}


def test_a_text_loses_the_blanks_around_it_and_what_no_database_takes() -> None:
    assert text_read({"text": "  a\x00b\ud800 \n"}) == "a\ufffdb\ufffd"


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["x"]])
def test_a_text_that_is_none_is_refused(value: Any) -> None:
    assert refusal(text_read, {"text": value}) == {"text": ["Send a text."]}


@pytest.mark.parametrize("value", ["", "  \n\t "])
def test_an_empty_text_is_refused(value: Any) -> None:
    assert refusal(text_read, {"text": value}) == {"text": ["Write something."]}


def test_a_text_of_10000_characters_passes_and_one_more_does_not() -> None:
    assert text_read({"text": "x" * 10_000}) == "x" * 10_000
    assert "text" in refusal(text_read, {"text": "x" * 10_001})


def test_a_page_keeps_what_makes_sense() -> None:
    page = {
        "url": "https://shop.example/beds?id=1",
        "title": "Beds \x00",
        "referrer": "javascript:alert(1)",
        "author": "operator",
    }
    assert page_read({"page": page}) == {
        "url": "https://shop.example/beds?id=1",
        "title": "Beds \ufffd",
    }


@pytest.mark.parametrize(
    "url", ["http://[", "//shop.example", "ftp://a", "data:text/html,x", "http:"]
)
def test_an_address_that_is_no_web_address_is_dropped(url: Any) -> None:
    assert page_read({"page": {"url": url}}) == {}


def test_a_page_of_a_wrong_shape_is_refused() -> None:
    assert refusal(page_read, {"page": []}) == {"page": ["Send an object."]}
    assert refusal(page_read, {"page": {"url": 1}}) == {"page.url": ["Send a text."]}


@pytest.mark.parametrize(("value", "number"), [(0, 0), (7, 7), ("12", 12), (2**31 - 1, 2**31 - 1)])
def test_numbers(value: Any, number: Any) -> None:
    assert number_read({"seq": value}, "seq") == number


@pytest.mark.parametrize(
    "value", [None, -1, 1.5, True, "", "-1", "1e3", "²", "9" * 400, 2**31, "x", []]
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    assert refusal(number_read, {"seq": value}, "seq") == {"seq": ["Send a whole number."]}
