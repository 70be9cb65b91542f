import json
import uuid
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_app.models import Attachment, AttachmentState, Direction, InboundEvent, Message
from channels_app.services.received import Received
from tests.channels_app.widget.visitor import SITE, Visitor, livechat

pytestmark = pytest.mark.django_db

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@pytest.fixture
def visitor() -> Any:
    return Visitor.arrived(livechat())


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Any) -> Any:
    """A storage of its own, so that what is left behind can be counted."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        }
    }
    return tmp_path


def form(*files: Any, **more: Any) -> Any:
    return {"client_id": str(uuid.uuid4()), "files": list(files)} | more


def picture(name: Any = "photo.png", content: Any = PNG) -> Any:
    return SimpleUploadedFile(name, content, content_type="text/html")


def stored(folder: Any) -> Any:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_files_come_with_their_message(visitor: Any) -> None:
    page = json.dumps({"url": "https://shop.example/"})
    response = visitor.upload(
        form(picture(), picture("notes.txt", b"plain words"), text="Look", page=page)
    )
    assert response.status_code == 201
    assert response["Access-Control-Allow-Origin"] == SITE
    message = Message.objects.get(direction=Direction.IN)
    assert (message.kind, message.text) == ("image", "Look")
    assert message.data["page"] == {"url": "https://shop.example/"}
    first, second = message.attachments.all()
    assert (first.type, first.name, first.content_type) == ("image", "photo.png", "image/png")
    assert (second.type, second.content_type) == ("file", "application/octet-stream")
    assert first.state == second.state == AttachmentState.STORED
    with default_storage.open(first.storage_key) as file:
        assert file.read() == PNG
    shown = response.json()["message"]["attachments"]
    assert [item["name"] for item in shown] == ["photo.png", "notes.txt"]
    assert visitor.client.get(shown[0]["url"]).status_code == 200


def test_a_repeated_upload_counts_once_and_leaves_nothing_behind(
    visitor: Any, storage: Any
) -> None:
    data = form(picture())
    first = visitor.upload(data)
    second = visitor.upload(data | {"files": [picture()]})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["duplicate"] is True
    assert Attachment.objects.count() == 1
    assert len(stored(storage)) == 1


def test_an_upload_that_could_not_be_saved_leaves_nothing_behind(
    visitor: Any, storage: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "channels_app.services.visitors.event_receive", lambda **_: Received("key", "unsaved")
    )
    assert visitor.upload(form(picture())).status_code == 503
    assert stored(storage) == []


def test_a_name_is_only_shown(visitor: Any) -> None:
    visitor.upload(form(picture("../../etc/pass\u202ewd\x00.png")))
    attachment = Attachment.objects.get()
    assert "/" not in attachment.name
    assert ".." not in attachment.storage_key
    shown = visitor.read()["messages"][0]["attachments"][0]
    assert "\u202e" not in shown["name"]


def test_a_page_is_never_served_as_a_page(visitor: Any) -> None:
    visitor.upload(form(picture("photo.png", b"<html><script>alert(1)</script></html>")))
    url = visitor.read()["messages"][0]["attachments"][0]["url"]
    response = visitor.client.get(url)
    assert response["Content-Type"].startswith("application/octet-stream")
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"


def refused(visitor: Any, storage: Any, data: Any, status: Any) -> Any:
    response = visitor.upload(data)
    assert response.status_code == status
    assert set(response.json()) == {"code", "detail", "fields"}
    assert not Message.objects.exists()
    assert not InboundEvent.objects.exists()
    assert stored(storage) == []


def test_no_file_is_refused(visitor: Any, storage: Any) -> None:
    refused(visitor, storage, form(), 400)


def test_an_empty_file_is_refused_with_its_neighbours(visitor: Any, storage: Any) -> None:
    refused(visitor, storage, form(picture(), picture("empty.txt", b"")), 400)


def test_a_file_that_is_too_big_is_refused_with_its_neighbours(
    visitor: Any, storage: Any, settings: Any
) -> None:
    settings.MEDIA_MAX_BYTES = 100_000
    refused(visitor, storage, form(picture(), picture("big.bin", b"x" * 100_001)), 400)


def test_a_body_that_is_far_too_big_is_not_even_read(
    visitor: Any, storage: Any, settings: Any
) -> None:
    settings.MEDIA_MAX_BYTES = 1000
    refused(visitor, storage, form(picture("big.bin", b"x" * 300_000)), 413)


def test_a_length_that_is_no_number_is_no_error_of_ours(visitor: Any) -> None:
    response = visitor.client.post(
        visitor.url("files"),
        b"junk",
        content_type="multipart/form-data; boundary=x",
        headers=visitor.headers(),
        CONTENT_LENGTH="²",
    )
    assert response.status_code == 400


def test_six_files_are_refused(visitor: Any, storage: Any) -> None:
    refused(visitor, storage, form(*[picture() for _ in range(6)]), 400)


def test_a_hundred_files_are_refused(visitor: Any, storage: Any) -> None:
    refused(visitor, storage, form(*[picture() for _ in range(101)]), 400)


def test_files_under_other_names_are_refused(visitor: Any, storage: Any) -> None:
    data = form(picture()) | {"other": picture()}
    refused(visitor, storage, data, 400)


@pytest.mark.parametrize("page", ["{", "[]", "NaN", "\ud800"])
def test_a_wrong_page_is_refused(visitor: Any, storage: Any, page: Any) -> None:
    refused(visitor, storage, form(picture(), page=page.encode("utf-8", "replace")), 400)


def test_a_wrong_client_id_is_refused(visitor: Any, storage: Any) -> None:
    refused(visitor, storage, form(picture()) | {"client_id": "x"}, 400)


def test_what_is_no_form_is_refused(visitor: Any, storage: Any) -> None:
    assert visitor.post("files", {"client_id": "x"}).status_code == 415
    response = visitor.client.post(
        visitor.url("files"), b"junk", content_type="multipart/form-data", headers=visitor.headers()
    )
    assert response.status_code == 400
