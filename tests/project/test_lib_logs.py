"""Log lines: one event, one line, no secret."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest

from openlines_project.lib.logs import SecretsFilter, formatter, logging_settings, mask_secrets

TOKEN = "7000001:AAcanaryBBcanaryCCcanaryDDcanaryEEx"


@pytest.fixture(params=[True, False], ids=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO, bool]]:
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.addFilter(SecretsFilter())
    handler.setFormatter(formatter(json=request.param))
    logger = logging.getLogger("tests.lib.logs")
    logger.propagate = False
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield logger, output, request.param
    logger.removeHandler(handler)
    logger.propagate = True


Log = tuple[logging.Logger, io.StringIO, bool]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            f"POST https://api.telegram.org/bot{TOKEN}/sendMessage",
            "POST https://api.telegram.org/bot***/sendMessage",
        ),
        (f"GET /file/bot{TOKEN}/documents/a.pdf", "GET /file/bot***/documents/a.pdf"),
        (f"the token {TOKEN} is wrong", "the token *** is wrong"),
        ("Authorization: Bearer abc.DEF-123", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwdw==", "Authorization: Basic ***"),
        ("the key olk_AbC-123_x was used", "the key olk_*** was used"),
        ("/me?access_token=EAAB&x=1", "/me?access_token=***&x=1"),
        ("{'password': 'hunter2', 'a': 1}", "{'password': '***', 'a': 1}"),
        ('"secret": "s3cret"', '"secret": "***"'),
        ("an ordinary line, 12:30", "an ordinary line, 12:30"),
    ],
)
def test_a_secret_is_masked(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


def test_a_message_with_arguments_is_masked(log: Log) -> None:
    logger, output, _is_json = log
    logger.warning("calling %s with %s", f"https://x/bot{TOKEN}/getMe", {"token": "abc"})
    written = output.getvalue()
    assert "calling https://x/bot***/getMe with {'token': '***'}" in written
    assert "canary" not in written


def test_text_of_a_customer_stays_on_one_line(log: Log) -> None:
    logger, output, is_json = log
    logger.warning("said %s", "hi\n2026-01-01 ERROR fake\r\x1b[2Jgone\u2028\u202e")
    written = output.getvalue()
    assert written.count("\n") == 1
    assert "\x1b" not in written
    said = "said hi\\n2026-01-01 ERROR fake\\r\\x1b[2Jgone\\u2028\\u202e"
    if is_json:
        assert json.loads(written)["event"] == said
    else:
        assert said in written


def test_a_traceback_is_masked(log: Log) -> None:
    logger, output, _is_json = log
    try:
        raise RuntimeError(f"no answer from https://x/bot{TOKEN}/getMe \x1b[31m")
    except RuntimeError:
        logger.exception("it failed")
    written = output.getvalue()
    assert "it failed" in written
    assert "RuntimeError" in written
    assert "canary" not in written
    assert "\x1b" not in written


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "duplicate key\nDETAIL:  Key (chat)=(5511999) already exists.",
            "duplicate key\nDETAIL: ***",
        ),
        (
            "null value\nDETAIL:  Failing row contains (1, my card\nis 4111).\nHINT:  None.",
            "null value\nDETAIL: ***\nHINT:  None.",
        ),
        (
            "invalid input syntax for type integer: \"my card\"\nCONTEXT:  portal $1 = 'my card'",
            "invalid input syntax for type integer: ***\nCONTEXT: ***",
        ),
        (
            "refused\nDETAIL:  my card\n\nThe above exception was the direct cause",
            "refused\nDETAIL: ***\n\nThe above exception was the direct cause",
        ),
        ("in DETAILS: nothing", "in DETAILS: nothing"),
    ],
)
def test_what_the_database_quotes_of_a_row_is_masked(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


def test_extra_values_are_masked(log: Log) -> None:
    logger, output, _is_json = log
    logger.warning("sent", extra={"url": f"https://x/bot{TOKEN}/a\nb", "what": {"token": "abc"}})
    written = output.getvalue()
    assert written.count("\n") == 1
    assert "canary" not in written
    assert "abc" not in written


def test_a_line_says_when_where_and_how_bad(log: Log) -> None:
    logger, output, is_json = log
    logger.warning("it happened")
    written = output.getvalue()
    if is_json:
        entry = json.loads(written)
        assert entry.pop("timestamp").endswith("Z")
        assert entry == {"event": "it happened", "level": "warning", "logger": "tests.lib.logs"}
    else:
        assert "warning" in written
        assert "tests.lib.logs" in written


def test_a_message_that_does_not_fit_its_arguments_is_logged_all_the_same(log: Log) -> None:
    logger, output, _is_json = log
    logger.warning("%d of %s", "one")  # noqa: PLE1206
    assert "'%d of %s'" in output.getvalue()


def test_the_settings_name_these_functions(settings: Any) -> None:
    assert settings.LOGGING["filters"]["secrets"]["()"].endswith(SecretsFilter.__name__)
    assert settings.LOGGING["formatters"]["line"]["()"].endswith(formatter.__name__)


def test_the_settings_write_masked_lines_of_the_wanted_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(logging_settings(level="WARNING", json=True))
        logging.getLogger("tests.settings").warning("sent to /bot%s/sendMessage", TOKEN)
        logging.getLogger("tests.settings").info("not asked for")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["level"] == "warning"
    assert TOKEN not in line
