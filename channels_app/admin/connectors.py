"""The page of a connector: its driver's own form, the steps to connect it, its state.

Secrets are written and never read: a password field is always empty, and empty keeps the stored
one. The one exception is a secret we made ourselves for the other side, shown in the answer that
made it and never again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from channels_app.admin.driver_forms import (
    ADVANCED,
    config_errors_take,
    config_form,
    config_given,
    secrets_to_show,
)
from channels_app.admin.forms import dress_form
from channels_app.admin.line_page import page_url
from channels_app.admin.setup_steps import Copyable, copyables, setup_steps
from channels_app.admin.tiles import connector_name, connector_tile, must_poll, public_base
from channels_app.drivers.base import ConfigForm, Driver
from channels_app.drivers.registry import UnknownKind, driver_class, kind_label
from channels_app.models import Connector, OpenChannel
from channels_app.services.connectors import (
    connector_check,
    connector_connect,
    connector_create,
    connector_disconnect,
    connector_update,
)
from channels_app.services.errors import ServiceError
from openlines_project.admin import ModelAdmin


class ConnectorForm(forms.Form):
    """What every connector has, whatever its kind."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("To tell it from another of its kind. Only your team sees it."),
        max_length=120,
        required=False,
    )
    open_channel = forms.ModelChoiceField(
        label=gettext_lazy("Open channel"),
        help_text=gettext_lazy("New chats go to this line; open ones stay where they are."),
        queryset=OpenChannel.objects.filter(archived_at__isnull=True),
        empty_label=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress_form(self)


@admin.register(Connector)
class ConnectorAdmin(ModelAdmin[Connector]):
    """Connectors of all lines. They are added from the page of their line."""

    list_display = (
        "__str__", "kind_name", "open_channel", "status", "last_event_at", "last_sent_at",
        "last_error",
    )  # fmt: skip
    list_filter = ("status", "kind", "open_channel")
    list_select_related = ("open_channel",)
    search_fields = ("name", "account_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connector]:
        # A list decrypts nothing; a page that needs the secrets fetches them.
        return super().get_queryset(request).defer("secrets")

    @admin.display(description=gettext_lazy("Kind"), ordering="kind")
    def kind_name(self, connector: Connector) -> str:
        return kind_label(connector.kind)

    def has_delete_permission(self, request: HttpRequest, obj: Connector | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        def post(view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"channels_app_connector_{name}",
            )

        return [
            post(self.check_action, "check"),
            post(self.connect_action, "connect"),
            post(self.disconnect_action, "disconnect"),
            *super().get_urls(),
        ]

    # --- adding ---------------------------------------------------------------------------

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        open_channel = _line_asked(request)
        try:
            driver = driver_class(request.GET.get("kind", ""))
        except UnknownKind:
            driver = None
        if open_channel is None or driver is None:
            messages.info(request, _("Choose a line; its tab Channels adds a channel to it."))
            return HttpResponseRedirect(reverse("admin:channels_app_openchannel_changelist"))
        if request.method != "POST":
            common = ConnectorForm(initial={"open_channel": open_channel})
            return self._page(
                request, None, common, config_form(driver, {}, {}), driver, open_channel
            )
        common = ConnectorForm(request.POST)
        config = config_form(driver, {}, {}, data=request.POST)
        if not common.is_valid():
            return self._page(request, None, common, config, driver, open_channel)
        given = config_given(config)
        try:
            connector = connector_create(
                open_channel=common.cleaned_data["open_channel"],
                kind=driver.kind,
                name=common.cleaned_data["name"],
                config=given,
                now=timezone.now(),
            )
        except ServiceError as error:
            config_errors_take(config, error)
            return self._page(request, None, common, config, driver, open_channel)
        self.log_addition(request, connector, [{"added": {}}])
        self._connect_new(request, connector)
        made = secrets_to_show(driver, connector, config, given)
        if made:
            # Answered at once: a secret has no place in a session, an address or a message.
            return self._made_page(request, connector, made)
        return HttpResponseRedirect(_page_of(connector))

    def _connect_new(self, request: HttpRequest, connector: Connector) -> None:
        if must_poll(connector):
            messages.warning(
                request,
                _(
                    "This installation has no public address, so the platform cannot deliver to "
                    "it. Set PUBLIC_URL and connect, or connect by asking the platform."
                ),
            )
            return
        self._connect(request, connector, polling=False)

    def _made_page(
        self, request: HttpRequest, connector: Connector, made: list[Copyable]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": connector,
            "title": connector_name(connector),
            "made": made,
            "copyables": _copyables(request, connector),
            "next_url": _page_of(connector),
        }
        return TemplateResponse(request, "admin/openlines/made_once.html", context)

    # --- changing -------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        connector = self.get_object(request, object_id)
        if connector is None:
            raise Http404
        if not self.has_view_or_change_permission(request, connector):
            raise PermissionDenied
        try:
            driver = driver_class(connector.kind)
        except UnknownKind:
            messages.error(
                request,
                _("The driver “%(kind)s” is not installed any more.") % {"kind": connector.kind},
            )
            return HttpResponseRedirect(page_url(connector.open_channel, "channels"))
        line = connector.open_channel
        initial = {"name": connector.name, "open_channel": line}
        if request.method != "POST":
            common = ConnectorForm(initial=initial)
            config = config_form(driver, connector.config, connector.secrets)
            return self._page(request, connector, common, config, driver, line)
        if not self.has_change_permission(request, connector):
            raise PermissionDenied
        common = ConnectorForm(request.POST, initial=initial)
        config = config_form(driver, connector.config, connector.secrets, data=request.POST)
        if not common.is_valid():
            return self._page(request, connector, common, config, driver, line)
        try:
            connector = connector_update(
                connector=connector,
                name=common.cleaned_data["name"],
                open_channel=common.cleaned_data["open_channel"],
                config=config_given(config),
                now=timezone.now(),
            )
        except ServiceError as error:
            config_errors_take(config, error)
            return self._page(request, connector, common, config, driver, line)
        # Names of settings only: the log is read by people who may not know the secrets.
        labels = [str(config.fields[name].label or name) for name in config.changed_data]
        labels = [str(common.fields[name].label) for name in common.changed_data] + labels
        self.log_change(request, connector, [{"changed": {"fields": labels}}])
        if "_connect" in request.POST:
            self._connect(request, connector, polling=connector.is_polling)
        else:
            messages.success(request, _("Saved."))
        return HttpResponseRedirect(_page_of(connector))

    def _page(
        self,
        request: HttpRequest,
        connector: Connector | None,
        common: ConnectorForm,
        config: ConfigForm,
        driver: type[Driver],
        open_channel: OpenChannel,
    ) -> HttpResponse:
        shown = config.visible_fields()
        may = self.has_change_permission(request, connector) if connector else True
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": connector,
            "title": connector_name(connector)
            if connector
            else _("Add %(kind)s") % {"kind": driver.label},
            "kind": driver.kind,
            "kind_title": driver.label,
            "connector": connector,
            "tile": connector_tile(connector) if connector else None,
            "common": common,
            "config": config,
            "plain_fields": [field for field in shown if field.name not in ADVANCED],
            "advanced_fields": [field for field in shown if field.name in ADVANCED],
            "advanced_open": any(field.errors for field in shown if field.name in ADVANCED),
            "open_channel": open_channel,
            "line_url": page_url(open_channel, "channels"),
            "steps": setup_steps(driver.kind),
            "copyables": _copyables(request, connector) if connector else [],
            "zone": open_channel.time_zone,
            "may_change": may,
        }
        return TemplateResponse(request, "admin/openlines/connector.html", context)

    # --- what the buttons do: POST only, nothing of it inside a transaction ------------------

    def check_action(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the platform whether all is well, and say what it answered."""
        connector = self._asked(request, pk)
        try:
            result = connector_check(connector=connector, now=timezone.now())
        except (ServiceError, UnknownKind) as error:
            messages.error(request, f"{connector_name(connector)}: {_sentence(error)}")
        else:
            facts = " ".join(f"{label}: {value}." for label, value in result.facts)
            if result.problems:
                messages.warning(
                    request, f"{connector_name(connector)}: {' '.join(result.problems)} {facts}"
                )
            else:
                words = _("%(channel)s: all is well.") % {"channel": connector_name(connector)}
                messages.success(request, f"{words} {facts}".strip())
        return _back(request, connector)

    def connect_action(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make the platform deliver to us; with `polling=1`, ask it for messages instead."""
        connector = self._asked(request, pk)
        polling = request.POST.get("polling") == "1"
        if self._connect(request, connector, polling=polling):
            self.log_change(request, connector, _("Connected."))
        return _back(request, connector)

    def disconnect_action(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch the connector off. What customers write then is kept, not shown."""
        connector = self._asked(request, pk)
        try:
            connector_disconnect(connector=connector, now=timezone.now())
        except (ServiceError, UnknownKind) as error:
            messages.error(request, f"{connector_name(connector)}: {_sentence(error)}")
        else:
            self.log_change(request, connector, _("Disconnected."))
            messages.success(
                request, _("%(channel)s is disconnected.") % {"channel": connector_name(connector)}
            )
        return _back(request, connector)

    def _asked(self, request: HttpRequest, pk: int) -> Connector:
        connector = self.get_object(request, str(pk))
        if connector is None:
            raise Http404
        if not self.has_change_permission(request, connector):
            raise PermissionDenied
        return connector

    def _connect(self, request: HttpRequest, connector: Connector, *, polling: bool) -> bool:
        try:
            connector = connector_connect(connector=connector, now=timezone.now(), polling=polling)
        except (ServiceError, UnknownKind) as error:
            messages.error(request, f"{connector_name(connector)}: {_sentence(error)}")
            return False
        messages.success(
            request, _("%(channel)s is connected.") % {"channel": connector_name(connector)}
        )
        return True


# --- addresses and words --------------------------------------------------------------------


def _line_asked(request: HttpRequest) -> OpenChannel | None:
    pk = request.GET.get("open_channel", "")
    if not pk.isascii() or not pk.isdigit() or len(pk) > 18:
        return None
    return OpenChannel.objects.filter(pk=int(pk), archived_at__isnull=True).first()


def _copyables(request: HttpRequest, connector: Connector) -> list[Copyable]:
    base = public_base(request.build_absolute_uri("/"))
    return copyables(connector.kind, connector.public_id, base)


def _page_of(connector: Connector) -> str:
    return reverse("admin:channels_app_connector_change", args=[connector.pk])


def _back(request: HttpRequest, connector: Connector) -> HttpResponseRedirect:
    """Where the button was: the connector's own page, or the tiles of its line."""
    if request.POST.get("back") == "page":
        return HttpResponseRedirect(_page_of(connector))
    return HttpResponseRedirect(page_url(connector.open_channel, "channels"))


def _sentence(error: Exception) -> str:
    if isinstance(error, ServiceError):
        return str(error.detail)
    return _("The driver of this channel is not installed any more.")
