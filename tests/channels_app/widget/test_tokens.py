import datetime as dt
from typing import Any

import pytest
import time_machine
from django.core import signing

from channels_app.widget.tokens import SALT, TokenError, token_make, token_read, visitor_id_new

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)


def test_a_token_gives_its_visitor_back() -> None:
    token = token_make(public_id="connector-a", visitor_id="visitor-1")
    assert token_read(token, public_id="connector-a") == "visitor-1"


def test_a_token_is_of_no_use_at_another_connector() -> None:
    token = token_make(public_id="connector-a", visitor_id="visitor-1")
    with pytest.raises(TokenError):
        token_read(token, public_id="connector-b")


def test_a_token_lives_for_180_days() -> None:
    with time_machine.travel(NOW, tick=False):
        token = token_make(public_id="connector-a", visitor_id="visitor-1")
    with time_machine.travel(NOW + dt.timedelta(days=180), tick=False):
        assert token_read(token, public_id="connector-a") == "visitor-1"
    with (
        time_machine.travel(NOW + dt.timedelta(days=180, seconds=2), tick=False),
        pytest.raises(TokenError),
    ):
        token_read(token, public_id="connector-a")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a:b:c",
        ":::",
        "x" * 5000,
        "\u00e9\u00e9:1:2",
        "\x00",
    ],
)
def test_a_forged_token_is_refused(token: Any) -> None:
    with pytest.raises(TokenError):
        token_read(token, public_id="connector-a")


@pytest.mark.parametrize(
    ("value", "salt"),
    [
        (["connector-a", "visitor-1"], "another purpose"),
        (["connector-a"], SALT),
        (["connector-a", 7], SALT),
        ("connector-a", SALT),
    ],
)
def test_what_we_signed_for_something_else_is_refused(value: Any, salt: Any) -> None:
    with pytest.raises(TokenError):
        token_read(signing.dumps(value, salt=salt), public_id="connector-a")


def test_a_changed_letter_is_noticed() -> None:
    token = token_make(public_id="connector-a", visitor_id="visitor-1")
    last = "A" if token[-1] != "A" else "B"
    with pytest.raises(TokenError):
        token_read(token[:-1] + last, public_id="connector-a")


def test_visitor_ids_are_random_and_fit_an_address() -> None:
    ids = {visitor_id_new() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(visitor_id) for visitor_id in ids} == {22}  # 128 bits in base64
