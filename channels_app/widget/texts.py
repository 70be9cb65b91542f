"""What the live chat says to a visitor, in the language of the line."""

from django.utils.translation import gettext as _

from channels_app.models import Connector


def title_of(connector: Connector) -> str:
    """The name above the chat: never the internal name of the line."""
    title: str = connector.config.get("title") or connector.open_channel.customer_name
    return title or _("Chat")


def greeting_of(connector: Connector) -> str:
    """The first words of an empty chat."""
    greeting: str = connector.config.get("greeting") or ""
    return greeting or _("Hello! How can we help?")


def received_notice() -> str:
    """What a visitor reads who writes to a line that is not worked on."""
    return _("We have received your message and will answer as soon as we can.")


def widget_texts() -> dict[str, str]:
    """Every text of the widget by its name. Words in braces are filled in by the script."""
    return {
        "open": _("Open the chat"),
        "open_unread_one": _("Open the chat, 1 unread message"),
        "open_unread": _("Open the chat, {count} unread messages"),
        "close": _("Close the chat"),
        "hide": _("Hide this message"),
        "hint": _("Write to us, we answer here."),
        "hint_closed": _("Leave us a message."),
        "answering": _("{name} is answering you"),
        "offline": _("No connection. What you write is kept."),
        "messages": _("Messages"),
        "write": _("Write a message"),
        "send": _("Send"),
        "attach": _("Attach a file"),
        "earlier": _("Show earlier messages"),
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "sending": _("Sending"),
        "sent": _("Sent"),
        "retrying": _("Not sent yet. We keep trying."),
        "failed": _("Not sent."),
        "again": _("Try again"),
        "remove": _("Remove"),
        "file_pending": _("The file is on its way"),
        "file_gone": _("The file is no longer available"),
        "file_too_big": _("{name} is too big. Files may have up to {limit}."),
        "too_many_files": _("At most {count} files at once."),
        "location": _("Location"),
        "edited": _("edited"),
    }
