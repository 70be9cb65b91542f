"""Calling VK's API: one call, one answer, one kind of error. Version 5.199."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, ErrorClass, Http, OutgoingFile
from channels_app.drivers.values import read_name, read_object, read_ref
from channels_app.drivers.wire import (
    FILE_SECONDS,
    access_refused,
    body_of,
    busy,
    call,
    not_the_api,
    same_origin,
)

PLATFORM: Final = "VK"
VERSION: Final = "5.199"
# VK answers HTTP 200 with an error's number. What is not here is a refusal of the content.
_ERRORS: Final[dict[int, ErrorClass]] = {
    1: "retry",
    5: "auth",
    6: "retry",  # too many calls a second
    7: "auth",  # the key lacks a right
    9: "retry",  # flood
    10: "retry",
    14: "retry",  # a captcha, which passes
    15: "contact",
    17: "auth",
    27: "auth",
    28: "auth",
    29: "retry",  # the day's limit
    203: "auth",
    900: "contact",
    901: "contact",
    902: "contact",
    917: "contact",
    936: "contact",
    945: "contact",
    950: "window",
}
# The key may write messages and not manage the community.
NO_RIGHT: Final = frozenset({7, 15, 27, 28, 203})


class VkError(DriverError):
    """VK refused; `code` is its number."""

    def __init__(
        self,
        message: str,
        *,
        error_class: ErrorClass,
        code: int,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, error_class=error_class, retry_after=retry_after)
        self.code = code


class VkApi:
    """The API for one community's key. `untrusted` is for addresses VK names for uploads."""

    def __init__(self, *, door: Http, untrusted: Http, base_url: str, token: str) -> None:
        self._door = door
        self._untrusted = untrusted
        self._base_url = base_url
        self._token = token

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call a method and give its `response`. A lost answer is `retry`: nothing we call shows
        a repeat, and messages carry a `random_id`. Raises `DriverError`."""
        if not self._token:
            raise DriverError(_("The community's key is missing."), error_class="auth")
        answer = call(
            self._door,
            PLATFORM,
            "POST",
            f"{self._base_url}/method/{method}",
            data={**params, "v": VERSION, "access_token": self._token},
        )
        body = body_of(answer)
        if "error" in body:
            raise self.refusal(read_object(body["error"]))
        if answer.ok and "response" in body:
            return body["response"]
        later = busy(answer, PLATFORM)
        if later is not None:
            raise later
        if answer.status in (401, 403):
            raise access_refused(PLATFORM)
        raise not_the_api(PLATFORM)

    def refusal(self, error: Mapping[str, Any]) -> VkError:
        """An error of VK, in the whole answer or for one receiver."""
        number = error.get("error_code", error.get("code"))
        code = number if isinstance(number, int) and not isinstance(number, bool) else 0
        words = read_name(error.get("error_msg") or error.get("description"))
        told = {
            "platform": PLATFORM,
            "reason": f"{words.replace(self._token, '***')} ({code})".strip(),
        }
        error_class = _ERRORS.get(code, "content")
        text = {
            "auth": _("The access data were refused by %(platform)s: %(reason)s"),
            "contact": _("The customer cannot be reached: %(reason)s"),
            "window": _("The time to answer is over: %(reason)s"),
            "retry": _("The message is not taken just now by %(platform)s: %(reason)s"),
        }.get(error_class, _("The message was refused by %(platform)s: %(reason)s"))
        return VkError(text % told, error_class=error_class, code=code)

    def upload(self, file: OutgoingFile, *, peer_id: str) -> str:
        """Put a file into VK's store: `photo1_2`, as `attachment` has it. Raises `DriverError`."""
        if file.type == "image" and file.content_type.partition(";")[0] in _PHOTOS:
            try:
                return self._upload_photo(file, peer_id)
            except DriverError as error:
                # A picture VK cannot show may still go as a file.
                if error.error_class != "content":
                    raise
        return self._upload_document(file, peer_id)

    def _upload_photo(self, file: OutgoingFile, peer_id: str) -> str:
        taken = self._put("photos.getMessagesUploadServer", {"peer_id": peer_id}, "photo", file)
        saved = self.call(
            "photos.saveMessagesPhoto",
            {name: taken.get(name, "") for name in ("server", "photo", "hash")},
        )
        return _stored("photo", saved[0] if isinstance(saved, list) and saved else None)

    def _upload_document(self, file: OutgoingFile, peer_id: str) -> str:
        kind = "audio_message" if file.type == "voice" else "doc"
        taken = self._put(
            "docs.getMessagesUploadServer", {"peer_id": peer_id, "type": kind}, "file", file
        )
        saved = read_object(
            self.call("docs.save", {"file": taken.get("file", ""), "title": file.name or "file"})
        )
        return _stored("doc", saved.get(kind) or saved.get("doc"))

    def _put(
        self, method: str, params: Mapping[str, Any], field: str, file: OutgoingFile
    ) -> dict[str, Any]:
        address = read_ref(read_object(self.call(method, params)).get("upload_url"))
        if not address:
            raise not_the_api(PLATFORM)
        # A server of VK's own, or the gateway an administrator named.
        door = self._door if same_origin(address, self._base_url) else self._untrusted
        try:
            opened = file.open()
        except OSError:
            raise DriverError(
                _("The file could not be read from our storage."), error_class="retry"
            ) from None
        with opened as stream:
            answer = call(
                door,
                PLATFORM,
                "POST",
                address,
                files={field: (file.name or "file", stream, file.content_type)},
                timeout=FILE_SECONDS,
            )
        later = busy(answer, PLATFORM)
        if later is not None:
            raise later
        taken = body_of(answer)
        if not answer.ok or not taken.get(field) or taken.get(field) == "[]":
            reason = read_name(taken.get("error")) or f"HTTP {answer.status}"
            raise DriverError(
                _("The file was refused by %(platform)s: %(reason)s")
                % {"platform": PLATFORM, "reason": reason},
                error_class="content",
            )
        return taken


_PHOTOS = frozenset({"image/jpeg", "image/png", "image/gif"})


def _stored(kind: str, saved: Any) -> str:
    row = read_object(saved)
    owner, number = row.get("owner_id"), row.get("id")
    if not isinstance(owner, int) or not isinstance(number, int):
        raise not_the_api(PLATFORM)
    key = read_name(row.get("access_key"), max_length=60)
    return f"{kind}{owner}_{number}" + (f"_{key}" if key else "")
