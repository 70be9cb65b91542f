"""The page of a form: for people who came by a link of ours, with a phone and without a script."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    UnreadablePostError,
)
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from crm_app import form_texts
from crm_app.models import CrmForm, CrmFormField, FormSubmission
from crm_app.public import limits
from crm_app.public.forms import ContactForm, clean_post
from crm_app.public.stamps import MIN_SECONDS, stamp_make, stamp_seconds
from crm_app.services.form_links import FormLink, FormLinkError, form_link_read
from crm_app.services.forms import form_submit
from openlines_project.lib.clients import client_home
from openlines_project.lib.errors import InvalidError
from openlines_project.lib.limits import wait_seconds

logger = logging.getLogger(__name__)

BODY_MAX_BYTES = 64 * 1024
MAX_FIELDS = 200
RETRY_SECONDS = 5
# Who opened the page in time may send it this long after the link has expired.
LATE_SECONDS = 24 * 3600
# A field people do not see; programs that fill in everything give themselves away.
TRAP = "website"
STAMP = "stamp"


@dataclass(frozen=True, slots=True)
class _Page:
    """What a link leads to."""

    link: FormLink
    form: CrmForm
    fields: list[CrmFormField]


# No cookie says who asks, so nothing can be borrowed by a foreign page: whoever has the link may
# send the form, once. A token would need a cookie, which the browsers inside messengers may refuse.
@csrf_exempt
def form_page(request: HttpRequest, token: str) -> HttpResponse:
    """The form of a link, its thanks, or why there is none.

    GET shows it, POST takes it and leads back to the same address (303), which then says thanks.
    404 a link we did not make, 410 one that has expired or whose form is closed, 413 and 415 a
    body that is not a form's, 422 something to correct, 429 too much of one network, 503 the
    database is away: in the last three what was typed stands in the form.
    """
    try:
        response = _answer(request, token)
    except (DatabaseError, InterfaceError):
        logger.exception("A form could not use the database")
        response = _problem(
            request, 503, _("That did not work just now"), _("Load this page again in a moment.")
        )
        response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    # The address opens the form: no other site learns it.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _answer(request: HttpRequest, token: str) -> HttpResponse:
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    who = client_home(request)
    seconds = wait_seconds(limits.READ, who)
    try:
        link = form_link_read(token)
    except FormLinkError:
        seconds = seconds or wait_seconds(limits.GUESS, who)
        return _too_many(request, seconds) if seconds else _not_ours(request)
    if seconds:
        return _too_many(request, seconds)
    form = CrmForm.objects.filter(pk=link.form_id).first()
    if form is None:
        return _not_ours(request)
    language = form.language or link.language or translation.get_language()
    with translation.override(language):
        page = _Page(link=link, form=form, fields=list(form.fields.all()))
        if FormSubmission.objects.filter(token=link.token_id).exists():
            response = _thanks(request, page)
        elif not form.is_active:
            response = _problem(
                request, 410, _("This form is closed"), _("Write to us where we wrote to you.")
            )
        elif request.method == "POST":
            response = _take(request, page, who)
        elif link.expires_at <= timezone.now():
            response = _expired(request)
        else:
            response = _show(request, page)
    response["Content-Language"] = language
    return response


def _take(request: HttpRequest, page: _Page, who: str) -> HttpResponse:
    """Check what was sent and store it; anything to say stands above what was typed."""
    if request.content_type != "application/x-www-form-urlencoded":
        return _unreadable(request, 415)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > BODY_MAX_BYTES:
        return _unreadable(request, 413)
    try:
        sent = clean_post({name: str(value) for name, value in request.POST.items()})
    except RequestDataTooBig:
        return _unreadable(request, 413)
    except (BadRequest, SuspiciousOperation, UnreadablePostError):
        return _unreadable(request, 400)
    if len(sent) > MAX_FIELDS:
        return _unreadable(request, 400)
    now = timezone.now()
    age = stamp_seconds(sent.get(STAMP, ""), token_id=page.link.token_id, now=now)
    if page.link.expires_at <= now and (age is None or age > LATE_SECONDS):
        return _expired(request)
    contact_form = _contact_form(page, sent)
    if seconds := wait_seconds(limits.SEND, who):
        words = _("Many forms came from your network. Wait a minute and send yours again.")
        response = _show(request, page, contact_form, sent=sent, banner=words, status=429)
        response["Retry-After"] = str(seconds)
        return response
    if not contact_form.is_valid():
        return _show(request, page, contact_form, sent=sent, status=422)
    if sent.get(TRAP) or age is None or age < MIN_SECONDS:
        # A person whose browser filled in the trap presses the button again; a program is gone.
        words = _("Check what you typed and send it once more.")
        return _show(request, page, contact_form, sent=sent, banner=words, status=422)
    try:
        form_submit(
            form=page.form,
            token_id=page.link.token_id,
            context=page.link.context,
            data=contact_form.values,
            has_consented=contact_form.has_consented,
            contact_id=page.link.contact_id,
            lead_rule=page.link.lead_rule,
            lead_source_id=page.link.lead_source_id,
            now=now,
        )
    except InvalidError as error:
        # The form was changed between showing and sending.
        for name, sentences in error.fields.items():
            for sentence in sentences:
                contact_form.add_error(name if name in contact_form.fields else None, sentence)
        return _show(request, page, contact_form, sent=sent, status=422)
    except (DatabaseError, InterfaceError):
        logger.exception("A form submission could not be stored")
        words = _("That did not work just now. What you typed is here: send it again in a moment.")
        response = _show(request, page, contact_form, sent=sent, banner=words, status=503)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return HttpResponseRedirect(request.path, status=303)


# --- pages --------------------------------------------------------------------------------


def _contact_form(page: _Page, sent: dict[str, str] | None = None) -> ContactForm:
    return ContactForm(sent, crm_form=page.form, fields=page.fields, country=page.link.country)


def _show(
    request: HttpRequest,
    page: _Page,
    contact_form: ContactForm | None = None,
    *,
    sent: dict[str, str] | None = None,
    banner: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    token_id = page.link.token_id
    stamp = (sent or {}).get(STAMP, "")
    if stamp_seconds(stamp, token_id=token_id, now=now) is None:
        stamp = stamp_make(token_id=token_id, now=now)
    contact_form = contact_form or _contact_form(page)
    context = {
        **_words(page.form),
        "form": contact_form,
        "banner": banner,
        "has_errors": contact_form.is_bound and not banner and bool(contact_form.errors),
        "consent_text": form_texts.consent_of(page.form),
        "privacy_url": page.form.privacy_url,
        "expires_at": page.link.expires_at,
        "stamp": stamp,
    }
    return render(request, "crm/form.html", context, status=status)


def _thanks(request: HttpRequest, page: _Page) -> HttpResponse:
    context = {**_words(page.form), "thanks": form_texts.thanks_of(page.form)}
    return render(request, "crm/thanks.html", context)


def _words(form: CrmForm) -> dict[str, Any]:
    return {
        "company": settings.COMPANY_NAME,
        "title": form_texts.title_of(form),
        "intro": form_texts.intro_of(form),
    }


def _problem(request: HttpRequest, status: int, heading: str, words: str) -> HttpResponse:
    context = {"company": settings.COMPANY_NAME, "heading": heading, "words": words}
    return render(request, "crm/problem.html", context, status=status)


def _not_ours(request: HttpRequest) -> HttpResponse:
    return _problem(
        request,
        404,
        _("There is no such form"),
        _("The link may have been cut off. Open it again from the message you got."),
    )


def _expired(request: HttpRequest) -> HttpResponse:
    return _problem(
        request,
        410,
        _("This link has expired"),
        _("Write to us where you got it, and we will send you another one."),
    )


def _unreadable(request: HttpRequest, status: int) -> HttpResponse:
    heading = _("This form could not be read")
    return _problem(request, status, heading, _("Open the link again and fill in the form there."))


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    response = _problem(
        request, 429, _("That was a lot at once"), _("Wait a minute and load this page again.")
    )
    response["Retry-After"] = str(seconds)
    return response
