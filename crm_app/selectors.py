"""Reading the card index."""

from __future__ import annotations

from crm_app.models import CrmForm


def crm_form_default(*, language: str) -> CrmForm | None:
    """The form to send where no other is named: that of the language, else the general one."""
    found = CrmForm.objects.filter(
        is_default=True, is_active=True, language__in=[language, ""]
    ).order_by("-language")
    return found.first()
