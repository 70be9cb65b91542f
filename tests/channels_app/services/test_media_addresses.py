"""Signed addresses of files: for one file, and for twelve hours."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.drivers.base import InboundAttachment
from channels_app.models import Attachment
from channels_app.services.media import (
    file_signature_check,
    signed_file_path,
    signed_file_url,
)
from tests.channels_app.services.outside import receive, written
from tests.channels_app.services.storage import stored
from tests.factories import TelegramConnectorFactory, moment

__all__ = ["stored"]
pytestmark = pytest.mark.django_db


def at(seconds: float) -> dt.datetime:
    return moment() + dt.timedelta(seconds=seconds)


def arrived(**values: Any) -> Attachment:
    """A file that a customer sent and nobody has fetched yet."""
    file = InboundAttachment(**{"type": "file", "ref": "file-1", **values})
    receive(TelegramConnectorFactory(), written(attachments=(file,)))
    return Attachment.objects.get()


def test_an_address_is_for_its_file_and_for_twelve_hours(time_machine: Any) -> None:
    attachment = arrived()
    time_machine.move_to(moment(), tick=False)
    path = signed_file_path(attachment)
    token = path.split("?t=")[1]
    assert path.startswith(f"/files/{attachment.public_id}/?t=")
    assert file_signature_check(public_id=attachment.public_id, signature=token)
    time_machine.move_to(moment(12 * 60) - dt.timedelta(seconds=1), tick=False)
    assert file_signature_check(public_id=attachment.public_id, signature=token)
    time_machine.move_to(moment(12 * 60) + dt.timedelta(seconds=2), tick=False)
    assert not file_signature_check(public_id=attachment.public_id, signature=token)


@pytest.mark.parametrize("token", ["", "x", "a:b", ":", "é:é", "1:" + "x" * 43, "\x00"])
def test_a_made_up_signature_opens_nothing(token: str) -> None:
    assert not file_signature_check(public_id=arrived().public_id, signature=token)


def test_another_files_signature_opens_nothing() -> None:
    token = signed_file_path(arrived()).split("?t=")[1]
    assert not file_signature_check(public_id="another", signature=token)


def test_outside_the_address_has_the_installations_name(settings: Any) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    attachment = arrived()
    assert signed_file_url(attachment).startswith(
        f"https://chat.example.com/files/{attachment.public_id}/?t="
    )
