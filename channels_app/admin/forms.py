"""What the forms of the administration share."""

from __future__ import annotations

from typing import Any

from django import forms

from channels_app.models import OpenChannel
from openlines_project.admin import ModelForm


class OpenChannelAddForm(ModelForm[OpenChannel]):
    """A new line is a name; everything else has a default and is set on its page."""

    class Meta:
        model = OpenChannel
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress_form(self)


def dress_form(form: forms.BaseForm) -> None:
    """Give every widget of a form the class of the design's component."""
    for field in form.fields.values():
        _dress(field)


def _dress(field: forms.Field) -> None:
    widget = field.widget
    if isinstance(widget, forms.CheckboxInput):
        widget.attrs |= {"class": "switch", "role": "switch"}
    elif isinstance(widget, forms.RadioSelect | forms.HiddenInput | forms.MultiWidget):
        pass
    elif isinstance(widget, forms.Select):
        widget.attrs["class"] = "select"
    elif isinstance(widget, forms.Textarea):
        widget.attrs["class"] = "textarea"
        widget.attrs.setdefault("rows", 3)
    elif isinstance(widget, forms.NumberInput):
        widget.attrs["class"] = "input input-short num"
    else:
        widget.attrs["class"] = "input"
