"""A driver's own settings as a form of the administration, its secrets written only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _

from channels_app.admin.forms import dress_form
from channels_app.admin.setup_steps import Copyable
from channels_app.drivers.base import ConfigForm, Driver
from channels_app.models import Connector
from channels_app.services.errors import ServiceError
from openlines_project.lib.crypto import masked

PREFIX: Final = "config"
# Rarely needed: folded away.
ADVANCED: Final = frozenset({"api_base_url"})


def config_form(
    driver: type[Driver],
    config: Mapping[str, Any],
    secrets: Mapping[str, Any],
    *,
    data: Any = None,
) -> ConfigForm:
    """The driver's form with the stored settings; of the secrets only whether they are set.

    With `data` it holds what a page sent.
    """
    initial = {name: value for name, value in config.items() if name not in driver.secret_fields}
    form = driver.config_form(data, initial=initial, prefix=PREFIX)
    for name in driver.secret_fields:
        field = form.fields.get(name)
        if field is None:
            continue
        # Whatever widget a driver chose: this one never gives a value back.
        field.widget = forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}
        )
        if secrets.get(name):
            field.required = False
            field.help_text = _ends_in(masked(secrets[name]))
    dress_form(form)
    return form


def _ends_in(mask: str) -> str:
    last = mask.lstrip("•")
    if not last:
        return _("It is set. Leave the field empty to keep it.")
    return _("It is set and ends in %(last)s. Leave the field empty to keep it.") % {"last": last}


def config_given(form: ConfigForm) -> dict[str, Any]:
    """What was typed, as it was typed: the service lets the driver's form read it.

    Fields a driver hides are not sent, so that they stay as they are.
    """
    return {
        name: field.widget.value_from_datadict(form.data, form.files, form.add_prefix(name))
        for name, field in form.fields.items()
        if not field.widget.is_hidden
    }


def config_errors_take(form: ConfigForm, error: ServiceError) -> None:
    """Put a refusal beside its fields; the form's own sentence goes first where it has one."""
    form.is_valid()
    for key, sentences in error.fields.items():
        name = key.removeprefix("config.")
        place = name if name in form.fields else None
        if place is None or place not in form.errors:
            for sentence in sentences:
                form.add_error(place, sentence)
    if not form.errors:
        form.add_error(None, str(error.detail))


def secrets_to_show(
    driver: type[Driver],
    connector: Connector,
    form: ConfigForm,
    given: Mapping[str, Any],
) -> list[Copyable]:
    """Secrets we made that the other side must know: those a person could have typed himself."""
    return [
        Copyable(str(form.fields[name].label or name), str(connector.secrets[name]))
        for name in driver.new_secrets()
        if name in form.fields and not given.get(name) and connector.secrets.get(name)
    ]
