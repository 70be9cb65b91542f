"""The CRM's form for contact data, handed to the customer of a session."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from channels_app.models import Conversation
from crm_app.selectors import crm_form_default
from crm_app.services.form_links import form_link
from queue_app.models import Session
from queue_app.services.events import event_write

# How long a customer may take to open it.
FORM_LINK_LIFE = dt.timedelta(days=7)


def form_address(*, session: Session, conversation: Conversation, now: dt.datetime) -> str:
    """A new link to the form for the customer of a locked session, empty when there is no form.

    The form hands the session's number back when it is filled in. The caller saves `event_seq`.
    """
    line = session.open_channel
    form = crm_form_default(language=line.language)
    if form is None:
        return ""
    path = form_link(
        form=form, context={"session": session.pk}, ttl=FORM_LINK_LIFE, now=now,
        language=line.language, country=line.default_country,
    )  # fmt: skip
    event_write(
        session=session, conversation=conversation, kind="form_sent", now=now,
        data={"form": form.pk},
    )  # fmt: skip
    return f"{settings.PUBLIC_URL}{path}"


def form_sentence(language: str) -> str:
    """What stands above the link where the line has no words of its own."""
    with translation.override(language):
        return _("Leave us your details, and we get back to you.")
