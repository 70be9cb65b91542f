"""The content security policy by path: strict everywhere, one exception for the administration."""

from __future__ import annotations

from typing import Any, Final

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

ADMIN_PREFIX: Final = "/admin/"
# The admin theme evaluates the expressions in its attributes (Alpine). Nothing else may.
ADMIN_SCRIPTS: Final = ["'unsafe-eval'"]


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Adds the header. What a view asks for itself (`csp_update`) is kept."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """The parts of one answer's policy; only the administration's are widened."""
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN_PREFIX) and not report_only:
            update: dict[str, Any] = dict(parts.update or {})
            asked = update.get("script-src", ())
            # The package takes one source or several.
            sources = [asked] if isinstance(asked, str) else list(asked)
            update["script-src"] = [*sources, *ADMIN_SCRIPTS]
            parts.update = update
        return parts
