"""What a form says where its maker wrote nothing, in the language at hand."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from crm_app.models import CrmForm


def title_of(form: CrmForm) -> str:
    """The heading of the page."""
    return form.title or _("How can we reach you?")


def intro_of(form: CrmForm) -> str:
    """What stands before the fields."""
    return form.intro or _("Leave us your details and we will get back to you.")


def consent_of(form: CrmForm) -> str:
    """What the customer agrees to; empty when the form asks for no consent."""
    if not form.asks_consent:
        return ""
    if form.consent_text:
        return form.consent_text
    if settings.COMPANY_NAME:
        return _("I agree that %(company)s stores these details and uses them to answer me.") % {
            "company": settings.COMPANY_NAME
        }
    return _("I agree that these details are stored and used to answer me.")


def thanks_of(form: CrmForm) -> str:
    """What stands on the page after sending."""
    return form.thanks_text or _("Your details have arrived. We will get back to you.")
