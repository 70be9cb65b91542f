"""Django's pages of errors, for developers: they show settings and the environment."""

from __future__ import annotations

import re

from django.views.debug import SafeExceptionReporterFilter


class SecretsReporterFilter(SafeExceptionReporterFilter):
    """Hides also the addresses of servers, which hold their passwords."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern
        + "|BROKER|DATABASE|REDIS|EMAIL_URL|LOCATION",
        flags=re.IGNORECASE,
    )
