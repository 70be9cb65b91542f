"""Keys of other programs: made here, shown once, revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.admin.forms import dress_form
from channels_app.admin.setup_steps import Copyable
from channels_app.models import ApiKey, OpenChannel
from channels_app.services.api_keys import api_key_create, api_key_revoke
from channels_app.services.errors import ServiceError
from openlines_project.admin import ModelForm, ReadOnlyAdmin


class ApiKeyForm(ModelForm[ApiKey]):
    """What a key may do, and as whom. It never saves: the service makes the key."""

    class Meta:
        model = ApiKey
        fields = ("name", "user", "scope", "open_channel")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        helps = {
            "name": _("What it is for, so that you know it again in a year."),
            "user": _("Requests act as this user, with his rights."),
            "scope": _("Settings need a user of the staff."),
            "open_channel": _("The key sees nothing of other lines."),
        }
        for name, words in helps.items():
            self.fields[name].help_text = words
        lines = OpenChannel.objects.filter(archived_at__isnull=True)
        self.fields["open_channel"] = forms.ModelChoiceField(
            label=_("Only this open channel"),
            help_text=helps["open_channel"],
            queryset=lines,
            required=False,
            empty_label=_("all lines of the user"),
        )
        dress_form(self)

    def limit_to(self, user: AbstractBaseUser | AnonymousUser) -> None:
        """Let the person make keys of his own only."""
        own = User.objects.filter(pk=user.pk or 0)
        self.fields["user"] = forms.ModelChoiceField(
            label=_("User"), help_text=self.fields["user"].help_text, queryset=own
        )
        dress_form(self)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    """The list shows how a key begins, never the key."""

    list_display = ("name", "prefix", "user", "scope", "open_channel", "last_used_at", "state")
    list_filter = ("scope",)
    list_select_related = ("user", "open_channel")
    search_fields = ("name", "prefix")
    ordering = ("-pk",)
    actions = ("revoke",)
    fields = (
        "name", "prefix", "user", "scope", "open_channel", "created_at", "last_used_at",
        "revoked_at",
    )  # fmt: skip

    @admin.display(description=gettext_lazy("State"))
    def state(self, api_key: ApiKey) -> str:
        return _("works") if api_key.revoked_at is None else _("revoked")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody guesses at what is stored of a key by filtering the list."""
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("channels_app.add_apikey"))

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ApiKeyForm(request.POST or None, initial={"user": request.user.pk})
        if not request.user.is_superuser:
            # A key acts as its user: nobody makes himself another person's rights.
            form.limit_to(request.user)
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        if request.method == "POST" and form.is_valid():
            try:
                api_key, token = api_key_create(
                    user=form.cleaned_data["user"],
                    name=form.cleaned_data["name"],
                    scope=form.cleaned_data["scope"],
                    open_channel=form.cleaned_data["open_channel"],
                )
            except ServiceError as error:
                for name, sentences in (error.fields or {"__all__": [error.detail]}).items():
                    for sentence in sentences:
                        form.add_error(name if name in form.fields else None, str(sentence))
            else:
                self.log_addition(request, api_key, [{"added": {}}])
                context |= {
                    "title": api_key.name,
                    "made": [Copyable(_("API key"), token)],
                    "next_url": reverse("admin:channels_app_apikey_changelist"),
                }
                return TemplateResponse(request, "admin/openlines/made_once.html", context)
        context |= {"title": _("Add API key"), "form": form}
        return TemplateResponse(request, "admin/openlines/api_key_add.html", context)

    @admin.action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Make the chosen keys useless from now on."""
        if not self.may_act(request):
            raise PermissionDenied
        revoked = 0
        for api_key in queryset.filter(revoked_at__isnull=True):
            api_key_revoke(api_key=api_key, now=timezone.now())
            self.log_change(request, api_key, _("Revoked."))
            revoked += 1
        words = ngettext("%(n)d key revoked.", "%(n)d keys revoked.", revoked)
        messages.success(request, words % {"n": revoked})
