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
    if kind == "viber":
        return (
            _("Open partners.viber.com and sign in with the phone of the bot's owner."),
            _("Choose the bot and copy its token into the field Token."),
            _("Name of the sender is what customers see above each message."),
            _("Add and connect the channel. Viber calls us at once to see that we answer."),
            _("Write to the bot from your own Viber: the message is in the inbox."),
        )
    if kind == "vk":
        return (
            _("In VK, open your community, Manage, Messages, and switch messages on."),
            _(
                "In Manage, API usage, make an access key with the rights to messages and to "
                "manage the community. Copy it into the field Access key."
            ),
            _(
                "On the tab Callback API copy the string to be returned into Confirmation code. "
                "Think of a secret key of letters and digits, and enter it there and here."
            ),
            _("Community's number is the one in the community's settings, such as 123456."),
            _(
                "Add and connect the channel. VK confirms the address and delivers to us. If your "
                "key may not manage the community, enter the webhook address on the tab Callback "
                "API by hand, press Confirm, and tick all events of messages."
            ),
        )
    if kind == "line":
        return (
            _("Open developers.line.biz, choose the provider and the Messaging API channel."),
            _("On the tab Basic settings copy the channel secret."),
            _("On the tab Messaging API issue a long-lived channel access token and copy it."),
            _("Add and connect the channel. LINE gets our address."),
            _(
                "On the tab Messaging API switch on Use webhook and Webhook redelivery. In the "
                "Official Account Manager switch off automatic replies."
            ),
        )
    if kind == "twilio":
        return (
            _("Open console.twilio.com and copy Account SID and Auth token."),
            _("Enter the number with + and the country's code, or the SID of a messaging service."),
            _("For WhatsApp write whatsapp: before the number."),
            _("Add and connect the channel. Twilio gets our address for this number."),
            _(
                "For WhatsApp and for short codes enter the webhook address by hand: in Twilio's "
                "console, at the sender, as the address for incoming messages, with POST."
            ),
        )
    if kind == "livechat":
        return (
            _("Name your sites, one a line. Without any the chat is only on its own page."),
            _("Add and connect the channel."),
            _("Copy the line for your site and paste it before </body> of every page."),
            _("No site yet? Give your customers the address of the chat page."),
        )
    if kind == "whatsapp":
        return (
            _(
                "At developers.facebook.com make an app for your business and add WhatsApp to it. "
                "Under WhatsApp, API setup, add your number."
            ),
            _("From the same page copy the phone number id and the business account id."),
            _(
                "In the Business settings make a system user, give it the app and the WhatsApp "
                "account, and make a token without an end for whatsapp_business_messaging and "
                "whatsapp_business_management. Copy it into Access token."
            ),
            _("Under App settings, Basic, copy the app secret. Then add the channel."),
            _(
                "Under WhatsApp, Configuration, enter the webhook address and the verify token, "
                "and switch on messages. With the app on your phone too: smb_message_echoes."
            ),
            _("Connect the channel, and write to the number: the message is in the inbox."),
        )
    if kind == "messenger":
        return (
            _("At developers.facebook.com make an app for your business and add Messenger to it."),
            _(
                "Under Messenger, Settings, Access tokens, add your page and make a token. Copy it "
                "into Page access token, and the number beside the page into Page id."
            ),
            _("Under App settings, Basic, copy the app secret. Then add the channel."),
            _(
                "Under Messenger, Settings, Webhooks, enter the webhook address and the verify "
                "token. What is to be delivered we switch on ourselves."
            ),
            _("Connect the channel, and write to the page: the message is in the inbox."),
            _(
                "Until Meta has approved the app for pages_messaging, only its own testers can "
                "write. To answer after 24 hours it needs Human Agent as well."
            ),
        )
    if kind == "instagram":
        return (
            _(
                "Make the account a professional one. In the Instagram app, under Messages, "
                "Connected tools, switch on Allow access to messages."
            ),
            _(
                "At developers.facebook.com make an app for your business, add Instagram to it, "
                "and under API setup with Instagram login add the account and make a token."
            ),
            _("Copy the token, the account's number, and the Instagram app secret of that page."),
            _("Add the channel. On the same page at Meta enter the webhook address and the "
              "verify token, and switch on messages."),
            _("Connect the channel, and write to the account: the message is in the inbox."),
            _(
                "Until Meta has approved the app, only its own testers can write. To answer after "
                "24 hours it needs Human Agent as well."
            ),
        )  # fmt: skip
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
