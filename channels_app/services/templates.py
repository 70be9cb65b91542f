"""Message templates: what may be sent when the time to answer is over."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Mapping

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from channels_app.drivers.base import DriverError, Template, TemplateUse
from channels_app.drivers.registry import UnknownKind, drivers
from channels_app.models import Connector, ConnectorStatus, Conversation, Message, MessageTemplate
from channels_app.services.connectors import connector_driver
from channels_app.services.errors import InvalidError, PlatformError
from channels_app.services.messages import message_queue
from openlines_project.lib.kept import kept_language, kept_sentence
from openlines_project.lib.text import clean_text

logger = logging.getLogger(__name__)

MAX_VALUE = 1000
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def templates_refresh(*, connector: Connector, now: dt.datetime) -> int:
    """List the account's templates anew. Returns how many there are; 0 where there are none.

    What the platform no longer lists is forgotten. Calls the platform, so never inside a
    transaction. Raises `PlatformError`.
    """
    driver = connector_driver(connector)
    if not driver.capabilities.templates:
        return 0
    try:
        with kept_language():
            listed = driver.templates()
    except DriverError as error:
        raise PlatformError("platform", kept_sentence(str(error))) from error
    rows = {(row.name, row.language): row for row in (_row(connector, one, now) for one in listed)}
    with transaction.atomic():
        # Two at once: the second waits here and writes what it was told.
        Connector.objects.select_for_update(no_key=True).get(pk=connector.pk)
        MessageTemplate.objects.filter(connector=connector).delete()
        MessageTemplate.objects.bulk_create(rows.values(), batch_size=200)
    return len(rows)


def _row(connector: Connector, template: Template, now: dt.datetime) -> MessageTemplate:
    return MessageTemplate(
        connector=connector,
        name=clean_text(template.name, max_length=200),
        language=clean_text(template.language, max_length=16),
        category=clean_text(template.category, max_length=40),
        status=clean_text(template.status, max_length=40),
        header=clean_text(template.header, max_length=2000),
        body=clean_text(template.body, max_length=8000),
        footer=clean_text(template.footer, max_length=2000),
        buttons=list(template.buttons),
        parameters=list(template.parameters),
        has_names=template.has_names,
        is_usable=template.is_usable,
        listed_at=now,
    )


def templates_sweep(*, now: dt.datetime) -> int:
    """List the templates of every connected account anew. Returns for how many it worked."""
    kinds = [kind for kind, driver in drivers().items() if driver.capabilities.templates]
    connected = Connector.objects.filter(
        kind__in=kinds,
        disabled_at__isnull=True,
        status__in=[ConnectorStatus.CONNECTED, ConnectorStatus.DEGRADED],
    )
    done = 0
    for connector in connected:
        try:
            templates_refresh(connector=connector, now=now)
        except (PlatformError, UnknownKind):
            logger.info("The templates of a connector could not be listed")
        except Exception:
            logger.exception("The templates of a connector could not be listed; the others go on")
        else:
            done += 1
    return done


def templates_usable(*, connector: Connector) -> QuerySet[MessageTemplate]:
    """The templates a person may choose from, by name."""
    return MessageTemplate.objects.filter(connector=connector, is_usable=True)


def template_text(*, template: MessageTemplate, values: Mapping[str, str]) -> str:
    """The template as the customer reads it: values are put in literally, never run."""
    text = "\n\n".join(filter(None, [template.header, template.body, template.footer]))
    # In one pass: a value is not read for placeholders.
    return PLACEHOLDER.sub(
        lambda found: values.get(found[1], "") if found[1] in template.parameters else found[0],
        text,
    )


def template_queue(
    *,
    conversation: Conversation,
    template: MessageTemplate,
    values: Mapping[str, str],
    now: dt.datetime,
    author: AbstractBaseUser | None = None,
    author_kind: str = "",
    client_key: str | None = None,
) -> Message:
    """Put a template message into the outbox of a locked conversation, in the caller's transaction.

    The caller asks `sending_refused(..., with_template=True)` before. The thread shows the text
    the customer gets. Raises `InvalidError` with `values.<name>` for each value that is missing,
    too long or has line breaks in it, which the platform refuses.
    """
    if template.connector_id != conversation.connector_id or not template.is_usable:
        raise InvalidError(
            "no_template",
            _("This template cannot be used here."),
            fields={"template": [_("This template cannot be used here.")]},
        )
    given = {
        name: clean_text(str(values.get(name, "")), max_length=MAX_VALUE + 1).strip()
        for name in template.parameters
    }
    fields = {f"values.{name}": [words] for name in given if (words := _wrong(given[name]))}
    if fields:
        raise InvalidError("invalid", _("Some values are missing or wrong."), fields=fields)
    text = template_text(template=template, values=given)
    use = TemplateUse(
        name=template.name,
        language=template.language,
        values=tuple(given.items()),
        has_names=template.has_names,
    )
    # One row whatever its length: the platform has the text, what we store is for reading.
    (message,) = message_queue(
        conversation=conversation, now=now, text=text, author=author, author_kind=author_kind,
        client_key=client_key, template=use,
    )  # fmt: skip
    return message


def _wrong(value: str) -> str:
    if not value:
        return _("This field is required.")
    if len(value) > MAX_VALUE:
        return _("At most %d characters.") % MAX_VALUE
    # Meta refuses these in a parameter.
    if "\n" in value or "\t" in value or "    " in value:
        return _("A value is one line without tabs and rows of blanks.")
    return ""
