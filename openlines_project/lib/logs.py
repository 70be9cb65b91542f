"""Log lines: one event, one line, no secret."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

MASK = "***"
_SECRETS = (
    # A bot's token in an address, also of a file; and standing alone.
    (re.compile(r"/bot[^/\s\"']+"), f"/bot{MASK}"),
    (re.compile(r"\b\d{5,}:[A-Za-z0-9_-]{30,}"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]+"), rf"\1 {MASK}"),
    (re.compile(r"\bolk_[A-Za-z0-9_-]+"), f"olk_{MASK}"),
    (
        re.compile(
            r"(?i)\b(access_token|api_key|auth_token|password|secret|secret_token|token)"
            r"([\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
        ),
        rf"\1\2{MASK}",
    ),
    # PostgreSQL shows the row it refuses, and with it what a customer wrote, on many lines.
    (
        re.compile(
            r"(\b(?:DETAIL|CONTEXT): |invalid input syntax for [\w ]+: )"
            r".*?(?=\n(?:HINT|QUERY|CONTEXT): |\n\n(?:The above|During handling)|\Z)",
            re.DOTALL,
        ),
        rf"\1{MASK}",
    ),
)
# Anything that could begin a new line, or paint over one, when the log is read.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNPRINTABLE_IN_TRACEBACK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def mask_secrets(text: str) -> str:
    """The text with bot tokens, keys and passwords replaced by stars."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """The text with line breaks and terminal codes written out as `\\n`, `\\x1b` and so on."""
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


class SecretsFilter(logging.Filter):
    """Rewrites a record's message: secrets masked, on one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg!r} {record.args!r}"
        record.msg = one_line(mask_secrets(message))
        record.args = None
        return True


def formatter(*, json: bool) -> structlog.stdlib.ProcessorFormatter:
    """The formatter of the console: a JSON object per line, or lines for a person to read."""
    render: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ExtraAdder(),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _mask_event,
            render,
        ],
    )


def _mask_event(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """What the filter has not seen: tracebacks and the values given as `extra`."""
    for key, value in event.items():
        if key == "exception":
            event[key] = _UNPRINTABLE_IN_TRACEBACK.sub(_escaped, mask_secrets(str(value)))
        elif isinstance(value, str):
            event[key] = one_line(mask_secrets(value))
        elif not isinstance(value, (int, float, bool, type(None))):
            event[key] = one_line(mask_secrets(repr(value)))
    return event


def logging_settings(*, level: str, json: bool) -> dict[str, Any]:
    """Django's `LOGGING`: everything on standard error, a line an event, without secrets."""
    here = __name__
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"secrets": {"()": f"{here}.SecretsFilter"}},
        "formatters": {"line": {"()": f"{here}.formatter", "json": json}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["secrets"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # A line a request is the proxy's business; httpx2 would log addresses with tokens.
            "httpx2": {"level": "WARNING"},
            "httpcore2": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "axes": {"level": "WARNING"},
        },
    }
