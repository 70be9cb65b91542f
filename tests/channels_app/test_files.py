"""The door of stored files: for who has the signed address, and never as something that runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from channels_app.models import Attachment
from channels_app.services.media import attachment_erase, signed_file_path, type_by_content
from tests.channels_app.services.storage import HTML, JPEG, PNG, SVG, stored
from tests.factories import MessageFactory

__all__ = ["stored"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]


def kept(content: bytes = PNG, **values: Any) -> Attachment:
    """A stored file, as fetching leaves it."""
    return Attachment.objects.create(
        **{
            "message": MessageFactory(), "type": "file", "state": "stored", "name": "photo.png",
            "storage_key": default_storage.save("in/ab/0123", ContentFile(content)),
            "content_type": type_by_content(content), "size": len(content), **values,
        }
    )  # fmt: skip


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_who_has_the_address_gets_the_file_without_signing_in(client: Client) -> None:
    answer = client.get(signed_file_path(kept()))
    assert (answer.status_code, body(answer)) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == 'inline; filename="photo.png"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert "default-src 'none'; sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("content", [SVG, HTML, b"%PDF-1.7", b"MZ\x90\x00", b"", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["a.svg", "a.html", "picture.png"])
def test_what_may_run_is_only_ever_downloaded(client: Client, content: bytes, name: str) -> None:
    answer = client.get(signed_file_path(kept(content, name=name, type="image")))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert body(answer) == content


def test_a_picture_with_a_page_inside_is_a_picture(client: Client) -> None:
    answer = client.get(signed_file_path(kept(JPEG + HTML, name="both.html")))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_picture_can_be_downloaded(client: Client) -> None:
    answer = client.get(signed_file_path(kept()) + "&download")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="photo.png"'


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("a\r\nSet-Cookie: x=1.png", 'inline; filename="a Set-Cookie: x=1.png"'),
        ("\u202egnp.exe", 'inline; filename="gnp.exe"'),
        ("ação.png", "inline; filename*=utf-8''a%C3%A7%C3%A3o.png"),
        ('q"uote.png', 'inline; filename="q\\"uote.png"'),
    ],
)
def test_a_name_is_shown_without_tricks(client: Client, name: str, disposition: str) -> None:
    answer = client.get(signed_file_path(kept(name=name)))
    assert answer.headers["Content-Disposition"] == disposition
    assert "Set-Cookie" not in answer.headers


def test_a_file_without_a_name_has_one(client: Client) -> None:
    file = kept(name="\u202e")
    answer = client.get(signed_file_path(file))
    assert f'filename="file-{file.pk}"' in answer.headers["Content-Disposition"]


# --- nobody else --------------------------------------------------------------------------


def refused(client: Client, path: str) -> bool:
    return client.get(path).status_code == 404


def test_without_the_right_signature_there_is_nothing(client: Client) -> None:
    file = kept()
    path = signed_file_path(file)
    place, token = path.split("?t=")
    at, signature = token.split(":")
    assert not refused(client, path)
    for tampered in (
        "", "?t=", f"?t={token}x", f"?t={at}:{signature[::-1]}", f"?t={signature}",
        f"?t=ZZZZZZ:{signature}", f"?T={token}", "?t=%00", "?t=%ff", f"?t={'9' * 10_000}",
    ):  # fmt: skip
        assert refused(client, place + tampered), tampered


def test_one_files_address_opens_no_other(client: Client) -> None:
    file, other = kept(), kept()
    token = signed_file_path(file).split("?t=")[1]
    assert refused(client, f"/files/{other.public_id}/?t={token}")
    assert refused(client, f"/files/a%00b/?t={token}")


def test_an_address_expires(client: Client, time_machine: Any) -> None:
    path = signed_file_path(kept())
    time_machine.move_to(timezone.now() + dt.timedelta(hours=11, minutes=59), tick=False)
    assert not refused(client, path)
    time_machine.move_to(timezone.now() + dt.timedelta(minutes=2), tick=False)
    assert refused(client, path)


@pytest.mark.parametrize("state", ["pending", "erased", "refused", "too_big", "failed", "expired"])
def test_what_is_not_stored_is_not_there(client: Client, state: str) -> None:
    file = kept()
    path = signed_file_path(file)
    Attachment.objects.update(state=state)
    assert refused(client, path)


def test_an_erased_file_is_gone_with_its_bytes(
    client: Client, stored: Callable[[], list[bytes]]
) -> None:
    file = kept()
    path = signed_file_path(file)
    Attachment.objects.update(state="erased")
    attachment_erase(attachment_id=file.pk)
    assert stored() == []
    Attachment.objects.update(state="stored")
    assert refused(client, path)


def test_bytes_that_were_lost_are_not_there(client: Client) -> None:
    file = kept()
    default_storage.delete(file.storage_key)
    assert refused(client, signed_file_path(file))


def test_a_card_has_no_file(client: Client) -> None:
    assert refused(client, signed_file_path(kept(type="location", storage_key="")))


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
def test_files_are_only_read(client: Client, verb: str) -> None:
    file = kept()
    assert getattr(client, verb)(signed_file_path(file)).status_code == 405
    assert default_storage.exists(file.storage_key)
