from __future__ import annotations

from typing import Any

import pytest

from channels_app.models import OpenChannel
from tests.channels_app.api.client import admin_api, assert_refused

pytestmark = pytest.mark.django_db

DEEP = 100_000
BROKEN = {
    "no JSON": b"name=Sales",
    "half of it": b'{"name": "Sales"',
    "an array": b'[{"name": "Sales"}]',
    "a string": b'"Sales"',
    "a number": b"5",
    "null": b"null",
    "NaN": b'{"max_chats": NaN}',
    "Infinity": b'{"max_chats": -Infinity}',
    "1e999": b'{"max_chats": 1e999}',
    "5000 digits": b'{"max_chats": ' + b"9" * 5000 + b"}",
    "deep arrays": b'{"name": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "open brackets": b"[" * DEEP,
    "a byte order mark": b'\xef\xbb\xbf{"name": "Sales"}',
    "UTF-16": '{"name": "Sales"}'.encode("utf-16"),
    "latin-1": '{"name": "Sal\xe9"}'.encode("latin-1"),
    "blanks": b"   ",
    "NUL": b"\x00",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
def test_a_body_that_is_no_json_object_is_refused(raw: Any) -> None:
    assert_refused(admin_api().post("/open-channels/", raw=raw), 400, "parse_error")
    assert not OpenChannel.objects.exists()


def test_a_body_of_more_than_a_megabyte_is_refused() -> None:
    raw = b'{"name": "' + b"x" * 2**20 + b'"}'
    assert_refused(admin_api().post("/open-channels/", raw=raw), 413, "too_large")
    assert not OpenChannel.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/html", "x"],
)
def test_another_content_type_is_refused(content_type: Any) -> None:
    response = admin_api().post(
        "/open-channels/", raw=b'{"name": "Sales"}', content_type=content_type
    )
    assert_refused(response, 415, "unsupported_media_type")
    assert not OpenChannel.objects.exists()


def test_what_no_database_can_hold_is_replaced() -> None:
    response = admin_api().post("/open-channels/", raw=b'{"name": "a\\u0000b\\ud800c"}')
    assert response.status_code == 201
    assert OpenChannel.objects.get().name == "a\ufffdb\ufffdc"


def test_a_body_without_a_length_is_refused_rather_than_overlooked() -> None:
    headers = {"Transfer-Encoding": "chunked"}
    response = admin_api().post("/open-channels/", raw=b"", headers=headers)
    assert_refused(response, 411, "length_required")
    assert not OpenChannel.objects.exists()


def test_of_repeated_names_the_last_counts() -> None:
    response = admin_api().post("/open-channels/", raw=b'{"name": "first", "name": "second"}')
    assert response.status_code == 201
    assert OpenChannel.objects.get().name == "second"
