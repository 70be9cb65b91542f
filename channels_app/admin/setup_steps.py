"""How to connect a channel, in numbered plain steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Copyable:
    """Something to copy: what it is, and the text itself."""

    label: str
    text: str


def setup_steps(kind: str) -> Sequence[str]:
    """The steps for a kind; empty for a kind of another package."""
    if kind == "telegram":
        return (
            _("In Telegram, open a chat with @BotFather and send /newbot."),
            _("Give the bot a name and a user name. The user name ends in “bot”."),
            _("BotFather answers with a token, such as 123456:ABC. Copy it into the field Token."),
            _("Add and connect the channel. Telegram tells us the bot's name and delivers to us."),
            _("Write to the bot from your own Telegram: the message is in the inbox."),
        )
    if kind == "livechat":
        return (
            _("Name your sites, one a line. Without any the chat is only on its own page."),
            _("Add and connect the channel."),
            _("Copy the line for your site and paste it before </body> of every page."),
            _("No site yet? Give your customers the address of the chat page."),
        )
    if kind == "custom":
        return (
            _("Leave Secret empty: we make one and show it once. Copy it into your system."),
            _("Address for answers is where we POST what operators write, signed."),
            _("Add and connect the channel."),
            _("Your system posts customers' messages to the webhook address, signed the same way."),
        )
    return ()


def copyables(kind: str, public_id: str, base: str) -> list[Copyable]:
    """What the person takes to the other side, once the channel is there.

    `base` is the address of this installation as people outside see it.
    """
    if kind == "livechat":
        tag = f'<script async src="{base}/widget/{public_id}.js"></script>'
        return [
            Copyable(_("Line for your site"), tag),
            Copyable(_("Chat page"), f"{base}/chat/{public_id}/"),
        ]
    return [Copyable(_("Webhook address"), f"{base}/webhooks/{public_id}/")]
