"""A length of time on a form: a number and its unit; in the data, whole minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms.renderers import BaseRenderer
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.durations import UNITS, duration_split, duration_words

MAX_NUMBER = 10**6


def _units() -> list[tuple[str, str]]:
    return [("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days"))]


class DurationWidget(forms.MultiWidget):
    """The number, labelled by the field's label, and the unit beside it."""

    def __init__(self, choices: Sequence[tuple[str, Any]]) -> None:
        super().__init__(
            [
                forms.NumberInput(attrs={"class": "input input-short num", "min": 0}),
                forms.Select(
                    attrs={"class": "select input-auto", "aria-label": gettext_lazy("Unit")},
                    choices=choices,
                ),
            ]
        )

    def decompress(self, value: Any) -> list[Any]:
        if value is None:
            return [None, "minutes"]
        return list(duration_split(int(value)))

    def names(self, name: str) -> list[str]:
        """The names under which the number and the unit are sent."""
        return [f"{name}_0", f"{name}_1"]

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        return format_html(
            '<span class="hstack">{}</span>', super().render(name, value, attrs, renderer)
        )

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else id_


class DurationField(forms.MultiValueField):
    """Minutes from `least` to `most`. Without a value None, where the field is not required."""

    widget: Any

    def __init__(self, *, least: int, most: int, required: bool = True, **kwargs: Any) -> None:
        self.least, self.most = least, most
        # Labels of units are in the language of the request, so they are asked for late.
        choices: Any = lazy(_units, list)()
        super().__init__(
            fields=(
                forms.IntegerField(required=required, max_value=MAX_NUMBER),
                forms.ChoiceField(required=False, choices=choices),
            ),
            widget=DurationWidget(choices),
            required=required,
            require_all_fields=False,
            error_messages={"incomplete": gettext_lazy("Give a number.")},
            **kwargs,
        )

    def compress(self, data_list: Sequence[Any]) -> int | None:
        number, unit = [*data_list, None, None][:2]
        if number is None:
            return None
        minutes = int(number) * UNITS.get(unit or "minutes", 1)
        if not self.least <= minutes <= self.most:
            raise forms.ValidationError(
                _("From %(least)s to %(most)s.")
                % {"least": duration_words(self.least), "most": duration_words(self.most)}
            )
        return minutes
