"""Signing in and out."""

from __future__ import annotations

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse

from queue_app.inbox.forms import SignInForm
from queue_app.inbox.words import languages

# Beyond the usual twelve hours, for a device of one's own.
KEEP_SECONDS = 30 * 24 * 3600
# Fewer tries than this are told: before, the number would only worry.
FEW_TRIES = 4


class SignIn(LoginView):
    """`/login/`. Signing in puts nobody on duty."""

    template_name = "login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        if form.cleaned_data["keep"]:
            self.request.session.set_expiry(KEEP_SECONDS)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **kwargs,
            tries_left=self._tries_left(),
            pause_minutes=round(float(settings.AXES_COOLOFF_TIME) * 60),
            languages=languages(),
        )

    def _tries_left(self) -> int | None:
        """How often somebody may still try with this name, when it is only a few times more."""
        if self.request.method != "POST" or not settings.AXES_ENABLED:
            return None
        # A database refuses NUL, as the form has done.
        name = {"username": self.request.POST.get("username", "").replace("\x00", "")}
        left = settings.AXES_FAILURE_LIMIT - AxesProxyHandler.get_failures(self.request, name)
        return max(0, left) if left <= FEW_TRIES else None


class SignOut(LogoutView):
    """`/logout/`, by POST."""
