"""How the administration looks: the settings of its theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static


def admin_theme() -> dict[str, Any]:
    """The setting `UNFOLD`.

    The colours are in admin-openlines/admin.css: the theme would write them as an inline style.
    """
    return {
        "SITE_TITLE": "Open Lines",
        "SITE_HEADER": "Open Lines",
        "SITE_ICON": {
            "light": _static("admin-openlines/mark-light.svg"),
            "dark": _static("admin-openlines/mark-dark.svg"),
        },
        "SITE_FAVICONS": [
            {
                "rel": "icon",
                "type": "image/svg+xml",
                "href": _static("admin-openlines/mark-light.svg"),
            },
        ],
        "SITE_URL": "/inbox/",
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "SHOW_LANGUAGES": True,
        "STYLES": [_static("tokens.css"), _static("admin-openlines/admin.css")],
        "GLOBAL_CALLBACK": "openlines_project.admin.site_context",
        "SIDEBAR": {"navigation": "openlines_project.admin.navigation"},
        "DASHBOARD_CALLBACK": "queue_app.admin.front_page.front_page_context",
    }


def _static(path: str) -> Callable[[HttpRequest], str]:
    """An address the theme asks for when it draws a page: static files are not ready here."""
    return lambda _request: static(path)
