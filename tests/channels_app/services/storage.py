"""A file storage of a test's own, so that what is left behind can be counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 32
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 32
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


@pytest.fixture
def stored(settings: Any, tmp_path: Path) -> Any:
    """Gives a function that lists the stored files' contents."""
    place = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(place)},
        },
    }

    def contents() -> list[bytes]:
        return sorted(path.read_bytes() for path in place.rglob("*") if path.is_file())

    return contents
