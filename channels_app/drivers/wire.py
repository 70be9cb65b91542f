"""What the drivers of HTTP platforms share: calls whose failures are told in the six classes."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, Http, MediaFile, OutgoingFile
from channels_app.drivers.values import read_name, read_object
from openlines_project.lib.http import (
    AnswerTooLarge,
    HttpAnswer,
    HttpError,
    NothingSent,
    StreamAnswer,
    TargetRefused,
)

# For a file on a slow line; a text has the door's own time.
FILE_SECONDS = 60.0


def same(given: str, expected: str) -> bool:
    """Compare a signature or a secret in constant time, whatever characters were given."""
    # Bytes: comparing text fails on what is not ASCII.
    return hmac.compare_digest(
        given.encode("utf-8", "backslashreplace"), expected.encode("utf-8", "backslashreplace")
    )


def same_origin(url: str, base_url: str) -> bool:
    """Whether an address leads to the scheme, host and port of an API."""
    try:
        one, other = urlsplit(url), urlsplit(base_url)
        return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
    except ValueError:
        return False


def call(
    door: Http, platform: str, method: str, url: str, *, lost: str = "retry", **request: Any
) -> HttpAnswer:
    """Make a request of a platform's API and give the answer, whatever its status.

    `lost` is the class of an answer that did not arrive: `unknown` where a repeat would be seen.
    `request` as `HttpDoor.request` takes it. Raises `DriverError`.
    """
    told = {"platform": platform}
    try:
        return door.request(method, url, **request)
    except TargetRefused:
        if not door.trusted:
            raise content_error(
                _("A file cannot be put where %(platform)s wants it: the address is private.")
                % told
            ) from None
        raise DriverError(
            _("The API address is private, and PRIVATE_TARGETS does not name it."),
            error_class="auth",
        ) from None
    except NothingSent:
        raise DriverError(
            _("No connection could be made to %(platform)s.") % told, error_class="retry"
        ) from None
    except HttpError:
        raise DriverError(
            _("No whole answer came from %(platform)s.") % told,
            error_class="unknown" if lost == "unknown" else "retry",
        ) from None


def body_of(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON object of an answer, an empty one when it is something else."""
    try:
        return read_object(answer.json())
    except ValueError:
        return {}


def busy(answer: HttpAnswer, platform: str) -> DriverError | None:
    """The error of a platform that asks to come again later, None when it does not."""
    told = {"platform": platform, "status": answer.status}
    if answer.status == 429:
        return DriverError(
            _("We are asked to wait by %(platform)s.") % told,
            error_class="retry",
            retry_after=answer.retry_after,
        )
    if answer.status >= 500 or answer.status == 408:
        return DriverError(
            _("There is trouble at %(platform)s: HTTP %(status)s") % told,
            error_class="retry",
            retry_after=answer.retry_after,
        )
    return None


def access_refused(platform: str) -> DriverError:
    """Our credentials are dead."""
    return DriverError(
        _("The access data were refused by %(platform)s.") % {"platform": platform},
        error_class="auth",
    )


def not_the_api(platform: str, *, lost: str = "retry") -> DriverError:
    """Somebody else answered, at an address that was typed wrong for example."""
    return DriverError(
        _("The answer is not that of %(platform)s.") % {"platform": platform},
        # It may well have been sent, by something else.
        error_class="unknown" if lost == "unknown" else "retry",
    )


def content_error(message: str) -> DriverError:
    """This message will never be taken."""
    return DriverError(message, error_class="content")


def file_address(file: OutgoingFile) -> str:
    """Where a platform fetches a file of ours. Raises `DriverError` when there is no address."""
    if not file.url:
        raise content_error(
            _("Files can be sent here only when PUBLIC_URL is set: they are fetched from us.")
        )
    return file.url


@contextmanager
def media_stream(
    door: Http, url: str, *, headers: Mapping[str, str] | None = None
) -> Iterator[StreamAnswer]:
    """An answer that holds a file, whatever its status. Raises `DriverError`."""
    try:
        with door.stream(
            "GET", url, headers=headers, timeout=FILE_SECONDS, max_bytes=settings.MEDIA_MAX_BYTES
        ) as answer:
            yield answer
    except TargetRefused:
        raise content_error(_("The file's address is not on the public internet.")) from None
    except AnswerTooLarge:
        raise content_error(_("The file is too large.")) from None
    except HttpError:
        raise DriverError(_("The file could not be fetched."), error_class="retry") from None


def media_file(answer: StreamAnswer, url: str = "") -> MediaFile:
    """The file of an answer; its name is the end of `url`. Raises `DriverError`."""
    if not answer.ok:
        gone = 400 <= answer.status < 500 and answer.status not in (408, 429)
        raise DriverError(
            _("The file's address answered HTTP %(status)s.") % {"status": answer.status},
            error_class="content" if gone else "retry",
        )
    return MediaFile(
        chunks=answer.iter_bytes(),
        name=read_name(unquote(urlsplit(url).path.rpartition("/")[2])),
        content_type=read_name(answer.headers.get("content-type"), max_length=100),
    )


@contextmanager
def media_from(door: Http, url: str) -> Iterator[MediaFile]:
    """The file behind an address that came in a message. Raises `DriverError`."""
    with media_stream(door, url) as answer:
        yield media_file(answer, url)
