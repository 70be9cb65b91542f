"""Connectors: making, changing, connecting and checking them.

Everything that calls a platform does so outside any transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from channels_app import tasks
from channels_app.drivers.base import Account, CheckResult, Driver, DriverError
from channels_app.drivers.registry import UnknownKind, driver_class
from channels_app.models import Connector, ConnectorStatus, Conversation, OpenChannel
from channels_app.services.errors import ConflictError, InvalidError, PlatformError
from channels_app.signals import connector_changed
from openlines_project.lib.http import trusted_door, untrusted_door
from openlines_project.lib.kept import kept_language, kept_sentence
from openlines_project.lib.tasks import enqueue
from openlines_project.lib.text import clean_text

# A change of one of these may send our secrets to somebody else: they must be typed again.
ADDRESS_FIELDS = ("api_base_url", "outgoing_url")


def connector_driver(connector: Connector) -> Driver:
    """The driver of a connector, with its settings and secrets. Raises `UnknownKind`."""
    driver = driver_class(connector.kind)(
        config={**connector.config, **connector.secrets},
        trusted=trusted_door(),
        untrusted=untrusted_door(),
        account_id=connector.account_id or "",
    )
    driver.webhook_url = webhook_url(connector)
    return driver


def webhook_url(connector: Connector) -> str:
    """The address the platform delivers to; empty when this installation has no public one."""
    if not settings.PUBLIC_URL:
        return ""
    return f"{settings.PUBLIC_URL}/webhooks/{connector.public_id}/"


def connector_create(
    *,
    open_channel: OpenChannel,
    kind: str,
    config: Mapping[str, Any],
    now: dt.datetime,  # noqa: ARG001  every service is told the time
    name: str = "",
) -> Connector:
    """Make a connector from its driver's settings, the secret ones included.

    Raises `InvalidError` with fields `kind` or `config.<name>`. A channel whose platform never
    calls us (live chat) is connected at once.
    """
    try:
        driver = driver_class(kind)
    except UnknownKind:
        raise InvalidError(
            "unknown_kind",
            _("There is no such kind of channel."),
            fields={"kind": [_("There is no such kind of channel.")]},
        ) from None
    typed = {name: value for name, value in config.items() if value not in ("", None)}
    given = {**driver.new_secrets(), **typed}
    plain, secrets = _config_clean(driver, given, stored={})
    connector = Connector(
        open_channel=open_channel,
        kind=kind,
        name=clean_text(name, max_length=120),
        config=plain,
        secrets=secrets,
        status=_idle_status(driver, secrets),
    )
    connector.save()
    connector_changed.send(sender=Connector, connector=connector, fields=["created"])
    return connector


def connector_update(
    *,
    connector: Connector,
    now: dt.datetime,  # noqa: ARG001  every service is told the time
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    open_channel: OpenChannel | None = None,
) -> Connector:
    """Change a connector. An empty secret keeps the stored one.

    A new address empties the secrets that are not typed again with it. Raises `InvalidError`.
    """
    driver = driver_class(connector.kind)
    fields: list[str] = []
    with transaction.atomic():
        connector = Connector.objects.select_for_update(no_key=True).get(pk=connector.pk)
        if name is not None:
            connector.name = clean_text(name, max_length=120)
            fields.append("name")
        if open_channel is not None and open_channel.pk != connector.open_channel_id:
            connector.open_channel = open_channel
            fields.append("open_channel")
        if config is not None:
            stored = dict(connector.secrets)
            merged = {**connector.config, **config}
            if _leads_elsewhere(driver, connector.config, merged):
                made = driver.new_secrets()
                stored = {key: value for key, value in stored.items() if key in made}
            plain, secrets = _config_clean(driver, merged, stored=stored)
            if (plain, secrets) != (connector.config, connector.secrets):
                connector.config, connector.secrets = plain, secrets
                if connector.status != ConnectorStatus.DISABLED:
                    connector.status = _idle_status(driver, secrets)
                fields += ["config", "secrets", "status"]
        if fields:
            connector.save(update_fields=fields)
            connector_changed.send(sender=Connector, connector=connector, fields=fields)
    return connector


def _leads_elsewhere(
    driver: type[Driver], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Whether the new settings would give our secrets to somebody else, or to another account."""
    if any(after.get(field, "") != before.get(field, "") for field in ADDRESS_FIELDS):
        return True
    account = before.get(driver.account_field)
    return bool(account) and after.get(driver.account_field) != account


def _idle_status(driver: type[Driver], secrets: Mapping[str, str]) -> str:
    if any(not secrets.get(field) for field in driver.required_secrets):
        return ConnectorStatus.NOT_CONFIGURED
    if driver.capabilities.connects:
        return ConnectorStatus.NOT_CONFIGURED
    return ConnectorStatus.CONNECTED


def _config_clean(
    driver: type[Driver], given: Mapping[str, Any], *, stored: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """`(plain settings, secrets)` as the driver's form accepts them. Raises `InvalidError`."""
    data = dict(given)
    for field in driver.secret_fields:
        if not data.get(field) and stored.get(field):
            data[field] = stored[field]
    form = driver.config_form(data)
    fields: dict[str, list[str]] = {
        f"config.{name}": [_("There is no such setting.")]
        for name in given
        if name not in form.fields and name not in driver.secret_fields
    }
    if not form.is_valid():
        for name, errors in form.errors.items():
            key = "config" if name == NON_FIELD_ERRORS else f"config.{name}"
            fields[key] = [str(error) for error in errors]
    if fields:
        raise InvalidError("invalid", _("Some settings are wrong."), fields=fields)
    secrets = {
        field: str(form.cleaned_data.get(field) or data.get(field) or "")
        for field in driver.secret_fields
    }
    plain = {
        name: value for name, value in form.cleaned_data.items() if name not in driver.secret_fields
    }
    return plain, {name: value for name, value in secrets.items() if value}


def connector_connect(
    *, connector: Connector, now: dt.datetime, polling: bool = False
) -> Connector:
    """Make the platform deliver to us (or be asked by us, `polling`), and read its account.

    Raises `ConflictError` when the account is connected elsewhere, `InvalidError` when settings
    or a public address are missing, `PlatformError` with what the platform said.
    """
    driver = connector_driver(connector)
    missing = [name for name in driver.required_secrets if not connector.secrets.get(name)]
    if missing:
        raise InvalidError(
            "secrets_missing",
            _("The access data is missing. Fill it in first."),
            fields={f"config.{name}": [_("This field is required.")] for name in missing},
        )
    capabilities = driver.capabilities
    address = "" if polling else webhook_url(connector)
    if polling and not capabilities.polling:
        raise InvalidError("no_polling", _("This channel cannot be asked for messages."))
    needs_address = capabilities.connects and not polling
    if needs_address and not is_reachable(driver):
        raise InvalidError(
            "no_public_url",
            _(
                "This installation has no public address, so the platform cannot deliver to it. "
                "Set PUBLIC_URL, or let us ask the platform for messages."
            )
            if capabilities.polling
            else _(
                "This installation has no public address, so the platform cannot deliver to it. "
                "Set PUBLIC_URL."
            ),
        )
    if needs_address and not address:
        address = f"http://localhost/webhooks/{connector.public_id}/"
    try:
        # Looked at before anything is changed there: connecting takes the account's deliveries
        # away from whoever has them now.
        with kept_language():
            found = driver.check(webhook_url=address).account
        if found is not None:
            _account_check(connector, found)
        with kept_language():
            account = driver.connect(webhook_url=address)
    except DriverError as error:
        _failure_store(connector, error, now)
        raise PlatformError("platform", kept_sentence(str(error))) from error
    _account_check(connector, account)
    try:
        with transaction.atomic():
            Connector.objects.filter(pk=connector.pk).update(
                status=ConnectorStatus.CONNECTED,
                account_id=account.account_id or None,
                account_name=account.name,
                is_polling=polling,
                poll_lease_until=None,
                last_error="",
                last_error_at=None,
                disabled_at=None,
            )
            connector.refresh_from_db()
            connector_changed.send(sender=Connector, connector=connector, fields=["status"])
    except IntegrityError:
        raise _taken(connector, account) from None
    _templates_ask(connector, driver)
    return connector


def _templates_ask(connector: Connector, driver: Driver) -> None:
    """Let the worker list the account's templates anew."""
    if driver.capabilities.templates:
        enqueue(tasks.templates_refresh, connector.pk)


def is_reachable(driver: Driver) -> bool:
    """Whether the platform can reach us: it can, or it is a stand-in beside us."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    if host and host not in {"localhost", "127.0.0.1", "::1"}:
        return True
    return driver.api_base_url != driver.default_api_base_url.rstrip("/")


def _account_elsewhere(connector: Connector, account_id: str) -> QuerySet[Connector]:
    """Other connectors that are switched on and have this account."""
    return Connector.objects.filter(
        kind=connector.kind, account_id=account_id, disabled_at__isnull=True
    ).exclude(pk=connector.pk)


def _account_check(connector: Connector, account: Account) -> None:
    if not account.account_id:
        return
    if _account_elsewhere(connector, account.account_id).exists():
        raise _taken(connector, account)
    if (
        connector.account_id
        and connector.account_id != account.account_id
        and Conversation.objects.filter(connector=connector).exists()
    ):
        raise ConflictError(
            "other_account",
            _(
                "These access data belong to another account. This channel has conversations "
                "already: add a new channel for the other account."
            ),
        )


def _taken(connector: Connector, account: Account) -> ConflictError:
    other = _account_elsewhere(connector, account.account_id).select_related("open_channel").first()
    line = other.open_channel.name if other else ""
    return ConflictError(
        "account_taken",
        _("%(account)s is connected to the line “%(line)s” already.")
        % {"account": account.name or account.account_id, "line": line},
    )


def connector_disconnect(*, connector: Connector, now: dt.datetime) -> Connector:
    """Switch a connector off: ours first, then the platform's side, whose refusal is only noted.

    The platform is left alone when another connector has taken the account over.
    """
    Connector.objects.filter(pk=connector.pk).update(
        status=ConnectorStatus.DISABLED, is_polling=False, disabled_at=now
    )
    connector.refresh_from_db()
    connector_changed.send(sender=Connector, connector=connector, fields=["status"])
    if connector.account_id and _account_elsewhere(connector, connector.account_id).exists():
        return connector
    try:
        with kept_language():
            connector_driver(connector).disconnect()
    except (DriverError, UnknownKind) as error:
        Connector.objects.filter(pk=connector.pk).update(last_error=str(error), last_error_at=now)
        connector.refresh_from_db()
    return connector


def connector_check(*, connector: Connector, now: dt.datetime) -> CheckResult:
    """Ask the platform whether all is well, and write its answer down as the connector's state.

    Raises `PlatformError` when it could not be asked.
    """
    driver = connector_driver(connector)
    address = "" if connector.is_polling else webhook_url(connector)
    try:
        with kept_language():
            result = driver.check(webhook_url=address)
    except DriverError as error:
        _failure_store(connector, error, now)
        raise PlatformError("platform", kept_sentence(str(error))) from error
    values: dict[str, Any] = {
        "last_error": "\n".join(result.problems)[:2000],
        "last_error_at": now if result.problems else None,
    }
    troubled = {ConnectorStatus.BROKEN, ConnectorStatus.DEGRADED}
    if connector.status in troubled and not result.problems:
        values["status"] = ConnectorStatus.CONNECTED
    Connector.objects.filter(pk=connector.pk).update(**values)
    connector.refresh_from_db()
    connector_changed.send(sender=Connector, connector=connector, fields=list(values))
    _templates_ask(connector, driver)
    return replace(
        result,
        problems=tuple(map(kept_sentence, result.problems)),
        facts=tuple((kept_sentence(label), kept_sentence(fact)) for label, fact in result.facts),
    )


def _failure_store(connector: Connector, error: DriverError, now: dt.datetime) -> None:
    values: dict[str, Any] = {"last_error": str(error)[:2000], "last_error_at": now}
    if error.error_class == "auth" and connector.status != ConnectorStatus.DISABLED:
        values["status"] = ConnectorStatus.BROKEN
    Connector.objects.filter(pk=connector.pk).update(**values)
    connector.refresh_from_db()
    connector_changed.send(sender=Connector, connector=connector, fields=list(values))
