"""The policy by path."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def directives(client: Client, path: str) -> dict[str, list[str]]:
    header = client.get(path)["Content-Security-Policy"]
    parts = (part.split() for part in header.split(";") if part.strip())
    return {name: sources for name, *sources in parts}


def test_only_the_administration_may_evaluate_expressions(client: Client) -> None:
    assert directives(client, "/admin/login/")["script-src"] == ["'self'", "'unsafe-eval'"]
    assert directives(client, "/login/")["script-src"] == ["'self'"]
    assert directives(client, "/administration/")["script-src"] == ["'self'"]


def test_no_page_may_have_inline_styles_or_scripts(client: Client) -> None:
    for path in ("/admin/login/", "/login/"):
        found = directives(client, path)
        assert found["style-src"] == ["'self'"]
        assert not [name for name, sources in found.items() if "'unsafe-inline'" in sources]
        assert found["default-src"] == ["'none'"]
