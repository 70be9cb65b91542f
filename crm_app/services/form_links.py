"""The address of a form: signed by us, short enough for a text message, good until it expires.

    /forms/<form>.<id>.<expires>.<language>.<country>.<contact>.<lead>.<context>.<signature>/

Numbers are in base 62 and the context is JSON in base 64. The id is random, so two links are never
the same one; a submission carries it, which makes a link good for one.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.core import signing
from django.urls import reverse

from crm_app.models import Contact, CrmForm, LeadSource
from openlines_project.lib.text import load_json

SALT = "openlines.crm.form"
# A link holds a few numbers; nothing longer is worth a signature check.
MAX_TOKEN_LENGTH = 1000
MAX_CONTEXT_LENGTH = 300
_BASE_62 = re.compile("[0-9A-Za-z]{1,11}")
_ID_BYTES = 9

LeadRule = Literal["new", "always", "never"]
_RULE_LETTERS: dict[LeadRule, str] = {"new": "n", "always": "a", "never": "x"}
_RULES: dict[str, LeadRule] = {letter: rule for rule, letter in _RULE_LETTERS.items()}


class FormLinkError(Exception):
    """The link was not made by us, or not as it stands."""


@dataclass(frozen=True, slots=True)
class FormLink:
    """What a link says. `language` and `country` are empty where its maker did not know them."""

    token_id: str
    form_id: int
    expires_at: dt.datetime
    language: str
    country: str
    context: dict[str, Any]
    # Whose card it is, where the maker of the link knew; else the data find it.
    contact_id: int | None = None
    # Whether it opens a lead: of a client who was not known, always, never.
    lead_rule: LeadRule = "new"
    lead_source_id: int | None = None


def form_link(
    *,
    form: CrmForm,
    context: Mapping[str, Any],
    ttl: dt.timedelta,
    now: dt.datetime,
    language: str = "",
    country: str = "",
    contact: Contact | None = None,
    lead_rule: LeadRule = "new",
    lead_source: LeadSource | None = None,
) -> str:
    """The path of a page with this form, good for `ttl` from `now` and for one submission.

    `context` is small JSON, handed back by `form_submitted`; the customer can read it, and cannot
    change it. `language` (of `LANGUAGES`) and `country` (two letters) are those of the open
    channel: the form's own go first. `contact` is whose card is extended; without it the phone and
    e-mail find him, or make one. `lead_rule` says for whom a lead is opened ("new": for who was
    not known), `lead_source` what it is counted by. Put `PUBLIC_URL` before the path. Raises
    `ValueError` for a context that is too long and for an unknown language.
    """
    packed = json.dumps(context, separators=(",", ":"), ensure_ascii=False).encode()
    if len(packed) > MAX_CONTEXT_LENGTH:
        raise ValueError(f"A form's context has at most {MAX_CONTEXT_LENGTH} bytes.")
    if language and language not in dict(settings.LANGUAGES):
        raise ValueError(f"There is no language {language!r}.")
    parts = (
        signing.b62_encode(form.pk),
        secrets.token_urlsafe(_ID_BYTES),
        signing.b62_encode(int((now + ttl).timestamp())),
        language,
        country,
        signing.b62_encode(contact.pk) if contact else "",
        _RULE_LETTERS[lead_rule] + (signing.b62_encode(lead_source.pk) if lead_source else ""),
        base64.urlsafe_b64encode(packed).rstrip(b"=").decode(),
    )
    return reverse("forms:form", args=[_signer().sign(".".join(parts))])


def form_link_read(token: str) -> FormLink:
    """What a link's token says, also when it has expired. Raises `FormLinkError`."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise FormLinkError
    try:
        parts = _signer().unsign(token).split(".")
        form, token_id, expires, language, country, contact, lead, packed = parts
        context = load_json(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        return FormLink(
            token_id=token_id,
            form_id=_number(form),
            expires_at=dt.datetime.fromtimestamp(_number(expires), tz=dt.UTC),
            language=language,
            country=country,
            context=context if isinstance(context, dict) else {},
            contact_id=_number(contact) if contact else None,
            lead_rule=_RULES[lead[:1]],
            lead_source_id=_number(lead[1:]) if lead[1:] else None,
        )
    except (signing.BadSignature, binascii.Error, ValueError, KeyError, OverflowError):
        raise FormLinkError from None


def _number(text: str) -> int:
    if not _BASE_62.fullmatch(text):
        raise ValueError(text)
    return int(signing.b62_decode(text))


def _signer() -> signing.Signer:
    return signing.Signer(salt=SALT, sep=".")
