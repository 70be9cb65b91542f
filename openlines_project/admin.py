"""The base of every admin page: the one module that imports the theme.

Everything else takes `ModelAdmin`, `TabularInline`, the forms and the paginator from here, so
that another theme is a change of this file and of `templates/admin/`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin as ThemeModelAdmin
from unfold.admin import TabularInline as ThemeTabularInline
from unfold.decorators import display as theme_display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.views import ChangeList as ThemeChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

__all__ = [
    "AdminPasswordChangeForm",
    "CappedPaginator",
    "ModelAdmin",
    "ModelForm",
    "ReadOnlyAdmin",
    "TabularInline",
    "UserChangeForm",
    "UserCreationForm",
    "badges",
    "navigation",
    "select_widget",
    "shown",
    "site_context",
    "text_widget",
]

# A connector's page belongs to its line.
_LINE_PAGES = ("/admin/channels_app/openchannel/", "/admin/channels_app/connector/")

ModelT = TypeVar("ModelT", bound=models.Model)
ColumnT = TypeVar("ColumnT", bound=Callable[..., Any])
ParentT = TypeVar("ParentT", bound=models.Model)

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
    from django.forms import ModelForm

    # The theme has no types; its classes behave as Django's.
    class ModelAdmin(admin.ModelAdmin[ModelT]):
        list_filter_submit: bool
        list_fullwidth: bool
        compressed_fields: bool
        warn_unsaved_form: bool

    class TabularInline(admin.TabularInline[ModelT, ParentT]):
        tab: bool
else:
    from django import forms

    _Paginator = Paginator

    class ModelForm(forms.ModelForm):
        """Django's, with the brackets its types have."""

        def __class_getitem__(cls, item):
            return cls

    class ModelAdmin(ThemeModelAdmin):
        """The page of a model, in the theme's dress."""

        warn_unsaved_form = True

        def __class_getitem__(cls, item):
            return cls

        def get_changelist(self, request, **kwargs):
            return _ChangeList

    class _ChangeList(ThemeChangeList):
        """Where the whole table is not counted, the count of the list stands for it."""

        def get_results(self, request):
            super().get_results(request)
            if self.full_result_count is None:
                self.full_result_count = self.result_count

    class TabularInline(ThemeTabularInline):
        """Rows of another model on a page."""

        def __class_getitem__(cls, item):
            return cls


class ReadOnlyAdmin(ModelAdmin[ModelT]):
    """A page to look at. What may be done is an action, and goes through a service."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ModelT | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ModelT | None = None) -> bool:
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Whether the person may run this page's actions: the model's change permission."""
        opts = self.opts
        return bool(request.user.has_perm(f"{opts.app_label}.change_{opts.model_name}"))


class CappedPaginator(_Paginator):
    """Counts at most `CAP` rows, so that a list of a big table opens as fast as a small one."""

    CAP = 2_000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, models.QuerySet):
            return rows.order_by().values("pk")[: self.CAP].count()
        return len(rows)


def shown(name: str, label: Any, *, words: Callable[[Any], str] | None = None) -> Any:
    """A field to look at, with a label in the reader's language.

    For fields whose model gives them no name of their own; `label` is translatable, `words` makes
    of the value what is shown.
    Gives a function of a row, for `list_display`, `fields` and `readonly_fields`; the stubs do not
    know that the last two take functions as well, so it has no type of its own.
    """

    @admin.display(description=label, ordering=name)
    def value(row: models.Model) -> Any:
        in_words = getattr(row, f"get_{name}_display", None)
        found = in_words() if in_words else getattr(row, name)
        if isinstance(found, dt.datetime):
            local = timezone.localtime(found)
            # To the second: these pages are read when something went wrong.
            return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M:%S}"
        return words(found) if words else found

    value.__name__ = name
    return value


def badges(
    *, description: Any, colours: dict[str, str], ordering: str | None = None
) -> Callable[[ColumnT], ColumnT]:
    """A column of a list whose values are pairs: a key of `colours`, and the badge's words.

    Colours are the theme's: success, warning, danger, info. None shows nothing.
    """
    column: Callable[[ColumnT], ColumnT] = theme_display(
        description=description, label=colours, ordering=ordering
    )
    return column


def select_widget(choices: Any = ()) -> Any:
    """A choice in the theme's dress, for forms that are not made from a model."""
    return UnfoldAdminSelectWidget(choices=choices)


def text_widget() -> Any:
    """A line of text in the theme's dress."""
    return UnfoldAdminTextInputWidget()


def site_context(request: HttpRequest) -> dict[str, Any]:
    """What the theme gets for every page.

    Without `colors` it writes no inline style, which our policy would refuse: the colours are in
    `admin-openlines/admin.css`, taken from the tokens.
    """
    return {"colors": None, "border_radius": None}


def _item(request: HttpRequest, title: str, icon: str, model: str, **more: Any) -> dict[str, Any]:
    """One line of the sidebar: the list of a model, shown to who may see it."""
    app_label, model_name = model.split(".")
    allowed = any(
        request.user.has_perm(f"{app_label}.{verb}_{model_name}") for verb in ("view", "change")
    )
    return {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{app_label}_{model_name}_changelist"),
        "permission": lambda _request: allowed,
        **more,
    }


def _badge(request: HttpRequest, path: str) -> dict[str, str]:
    """A figure beside a line of the sidebar; `path` names the function, which may say nothing.

    Named and not imported: the apps stand above this module.
    """
    figure = import_string(path)(request)
    return {"badge": figure, "badge_variant": "danger"} if figure else {}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar, in the order of the work."""

    def item(title: str, icon: str, model: str, **more: Any) -> dict[str, Any]:
        return _item(request, title, icon, model, **more)

    return [
        {
            "items": [{"title": _("Inbox"), "icon": "inbox", "link": "/inbox/", "active": False}],
        },
        {
            "title": _("Lines"),
            "items": [
                item(
                    _("Open channels"),
                    "alt_route",
                    "channels_app.openchannel",
                    active=request.path.startswith(_LINE_PAGES),
                ),
                item(
                    _("Delivered events"),
                    "move_to_inbox",
                    "channels_app.inboundevent",
                    **_badge(request, "channels_app.admin.badges.dead_events"),
                ),
                item(_("Outbox"), "outbox", "channels_app.message"),
                item(_("Sessions"), "forum", "queue_app.session"),
                item(
                    _("Timers"),
                    "timer",
                    "queue_app.timer",
                    **_badge(request, "queue_app.admin.badges.late_timers"),
                ),
            ],
        },
        {
            "title": _("CRM"),
            "items": [
                item(_("Forms"), "assignment", "crm_app.crmform"),
                item(_("Sent forms"), "assignment_turned_in", "crm_app.formsubmission"),
            ],
        },
        {
            "title": _("Access"),
            "items": [
                item(_("Operators"), "support_agent", "queue_app.operator"),
                item(_("Users"), "person", "auth.user"),
                item(_("Groups"), "group", "auth.group"),
                item(_("API keys"), "key", "channels_app.apikey"),
                item(_("Sign-in attempts"), "lock_person", "axes.accessattempt"),
            ],
        },
        {
            "title": _("Jobs"),
            "items": [
                item(_("Repeated jobs"), "schedule", "django_celery_beat.periodictask"),
            ],
        },
    ]
