"""What WhatsApp's error codes mean, in the answer to a send and in the receipt of a failure.

https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from channels_app.drivers.base import ErrorClass
from channels_app.drivers.meta_api import GraphError, Judgement, read_error

_CODES: Mapping[int, ErrorClass] = {
    # Our access.
    0: "auth", 3: "auth", 10: "auth", 190: "auth", 131005: "auth", 133010: "auth",
    # Our account: blocked, locked, without a way of paying.
    368: "auth", 131031: "auth", 131042: "auth", 131045: "auth",
    # Wait.
    1: "retry", 2: "retry", 4: "retry", 80007: "retry", 130429: "retry", 131000: "retry",
    131016: "retry", 131048: "retry", 131056: "retry", 131057: "retry", 131064: "retry",
    133004: "retry", 133016: "retry",
    131047: "window",
    # This person.
    130472: "contact", 130497: "contact", 131021: "contact", 131026: "contact",
    131030: "contact", 131049: "contact", 131050: "contact",
    # This message.
    33: "content", 100: "content", 131008: "content", 131009: "content", 131051: "content",
    131052: "content", 131053: "content", 131062: "content", 135000: "content",
}  # fmt: skip
_TEMPLATES = range(132000, 133000)


def whatsapp_judge(error: GraphError) -> Judgement | None:
    """What a code of WhatsApp means."""
    # 0 is also what an answer without an error object has.
    error_class = _CODES.get(error.code) if error.code or error.reason else None
    if error_class is None and error.code in _TEMPLATES:
        error_class = "content"
    return None if error_class is None else Judgement(error_class, _sentence(error.code))


def failure_text(value: object) -> str:
    """What a receipt says of a message that did not arrive: our sentence, then WhatsApp's words."""
    error = read_error(value)
    title = error.reason
    if isinstance(value, dict) and isinstance(value.get("title"), str):
        title = " ".join(value["title"].split())[:250]
    words = f"{error.code} {title}".strip() if error.code else title
    sentence = _sentence(error.code)
    return f"{sentence}\n{words}" if sentence and words else words


def _sentence(code: int) -> str:
    """Our own words for what people meet most; empty where WhatsApp's must do."""
    return {
        190: _("The access token has run out. Make a new one and connect again."),
        131026: _("WhatsApp cannot deliver to this number. It may have no WhatsApp."),
        131030: _("The app is in development: it may write to numbers on its list only."),
        131042: _("WhatsApp wants a way of paying for this account, set in the Business Manager."),
        131047: _("The customer has not written for more than 24 hours. Send a template."),
        131049: _("WhatsApp did not deliver this, to keep the customer from too much advertising."),
        131050: _("The customer wants no advertising from us."),
        131056: _("Too many messages went to this customer in a short time."),
    }.get(code, "")
