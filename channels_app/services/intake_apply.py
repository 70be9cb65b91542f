"""What each kind of event does to conversations and messages, inside the intake's transaction."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from django.utils.translation import gettext_noop as _

from channels_app import tasks
from channels_app.drivers.base import (
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    InboundAttachment,
    MessageEvent,
    PostbackEvent,
    ReachabilityEvent,
)
from channels_app.drivers.registry import driver_class
from channels_app.models import (
    Attachment,
    AttachmentState,
    Connector,
    Conversation,
    Direction,
    Message,
    MessageRevision,
    MessageState,
)
from channels_app.services.conversations import (
    conversation_lock_of,
    conversation_person_update,
    conversation_reachability,
    conversation_touch,
    person_columns,
)
from channels_app.services.gaps import hold_back
from channels_app.services.intake_sql import conversation_advance
from channels_app.services.receipts import message_by_reference
from channels_app.services.received import NotYetError, SenderBlockedError
from channels_app.signals import (
    delivery_changed,
    message_changed,
    message_echoed,
    message_received,
    postback_received,
)
from openlines_project.lib.live import ring_after_commit
from openlines_project.lib.tasks import enqueue_after_commit
from openlines_project.lib.text import clean_json, clean_text

TEXT_LENGTH = 65_536
# Shown as what they are; everything else with a reference is a file to fetch.
CARD_TYPES = {"location", "contact", "unsupported"}
ECHO_WINDOW = dt.timedelta(minutes=10)
ARRIVED = {MessageState.SENT, MessageState.DELIVERED, MessageState.READ}


Ids = tuple[int | None, int | None]


def ids_of(*, connector: Connector, event: Event) -> Ids:
    """`(conversation id, message id)` of an event that was delivered before."""
    message_id = getattr(event, "message_id", "")
    conversation = (
        Conversation.objects.filter(
            connector=connector, external_chat_id=event.chat_id, external_thread=event.thread
        )
        .only("pk")
        .first()
    )
    if conversation is None or not message_id:
        return (conversation.pk if conversation else None, None)
    direction = Direction.OUT if isinstance(event, EchoEvent) else Direction.IN
    message = (
        Message.objects.filter(
            conversation=conversation, direction=direction, external_id=message_id
        )
        .only("pk")
        .first()
    )
    return conversation.pk, message.pk if message else None


def message_known(*, connector: Connector, event: Event) -> Ids | None:
    """The ids of the message an event brings when it is stored already, None when it is not."""
    # A button press is known by its own key; its `message_id` is the message with the button.
    if not isinstance(event, MessageEvent) or isinstance(event, PostbackEvent):
        return None
    known = ids_of(connector=connector, event=event)
    return None if known[1] is None else known


def message_apply(
    *,
    connector: Connector,
    event: MessageEvent,
    now: dt.datetime,
    mode: Literal["route", "park"],
    held: bool,
) -> Ids:
    """The customer wrote: store it and tell the desk.

    Raises `HeldBackError`, and `SenderBlockedError` for somebody we hear nothing of.
    """
    if not held:
        # A late try: an edit that waited for it may have brought the message meanwhile.
        known = message_known(connector=connector, event=event)
        if known is not None:
            return known
    conversation, message = _message_store(
        connector=connector, event=event, now=now, direction=Direction.IN
    )
    if conversation.has_pending and held:
        hold_back(conversation=conversation, now=now)
    if isinstance(event, PostbackEvent) and event.callback_id:
        enqueue_after_commit(tasks.deliver_acknowledgement, connector.pk, event.callback_id)
    message_received.send(
        sender=Message, conversation=conversation, message=message, mode=mode, now=now
    )
    return conversation.pk, message.pk


def echo_apply(*, connector: Connector, event: EchoEvent, now: dt.datetime) -> Ids:
    """Somebody of ours answered elsewhere, or the platform repeats what we sent ourselves."""
    conversation = conversation_lock_of(connector=connector, event=event)
    if conversation is not None:
        ours = _echo_reconcile(conversation, event, now)
        if ours is not None:
            return conversation.pk, ours.pk
    conversation, message = _message_store(
        connector=connector, event=event, now=now, direction=Direction.OUT
    )
    message_echoed.send(sender=Message, conversation=conversation, message=message, now=now)
    return conversation.pk, message.pk


def _echo_reconcile(
    conversation: Conversation, event: EchoEvent, now: dt.datetime
) -> Message | None:
    """The row of ours this echo belongs to: by its id, by our reference in it, or by its text
    while it is unconfirmed."""
    out = Message.objects.filter(conversation=conversation, direction=Direction.OUT)
    known = out.filter(external_id=event.message_id).first() if event.message_id else None
    if known is not None:
        return known
    unconfirmed = message_by_reference(out, event.reference) or (
        out.filter(
            state__in=[MessageState.SENDING, MessageState.UNKNOWN],
            text=clean_text(event.text, max_length=TEXT_LENGTH),
            created_at__gte=now - ECHO_WINDOW,
        )
        .order_by("seq")
        .first()
    )
    if unconfirmed is None:
        return None
    if unconfirmed.external_id is None:
        unconfirmed.external_id = event.message_id or None
    if unconfirmed.state in ARRIVED:
        unconfirmed.save(update_fields=["external_id"])
        return unconfirmed
    unconfirmed.state = MessageState.SENT
    unconfirmed.queued_at = unconfirmed.lease_until = unconfirmed.lease_token = None
    unconfirmed.failed_at = None
    unconfirmed.error_code = unconfirmed.error_text = ""
    unconfirmed.sent_at = event.at or now
    unconfirmed.version = conversation_touch(conversation=conversation, now=now)
    unconfirmed.save(
        update_fields=[
            "external_id", "state", "queued_at", "lease_until", "lease_token", "failed_at",
            "error_code", "error_text", "sent_at", "version",
        ]
    )  # fmt: skip
    delivery_changed.send(
        sender=Message, conversation=conversation, message=unconfirmed, arrived=True, now=now
    )
    return unconfirmed


def _message_store(
    *, connector: Connector, event: MessageEvent, now: dt.datetime, direction: Direction
) -> tuple[Conversation, Message]:
    text = clean_text(event.text, max_length=TEXT_LENGTH)
    kind = event.attachments[0].type if event.attachments else "text"
    user_id, name, profile = person_columns(event.user)
    reply_context = clean_json(dict(event.reply_context))
    conversation = conversation_advance(
        connector=connector,
        chat_id=event.chat_id,
        thread=event.thread,
        user_id=user_id,
        display_name=name,
        profile=profile,
        reply_context=reply_context,
        direction=direction,
        kind=kind,
        text=text,
        now=now,
    )
    conversation_person_update(
        conversation=conversation, user=event.user, reply_context=reply_context
    )
    message = Message(
        conversation=conversation,
        seq=conversation.last_seq,
        version=conversation.version,
        direction=direction,
        kind=kind,
        text=text,
        state=MessageState.RECEIVED if direction == Direction.IN else MessageState.SENT,
        author_kind="" if direction == Direction.IN else "outside",
        # A button press refers to the message with the button: its id is not ours to take.
        external_id=None if isinstance(event, PostbackEvent) else event.message_id or None,
        reply_to_external_id=event.reply_to[:200],
        data=clean_json(dict(event.data)),
        sent_at=event.at,
        created_at=now,
    )
    message.save(force_insert=True)
    if event.attachments:
        attachments_store(message=message, attachments=event.attachments, now=now)
    if not conversation.display_name and driver_class(connector.kind).capabilities.profiles:
        enqueue_after_commit(tasks.profile_fetch, conversation.pk)
    ring_after_commit(conversation.pk, conversation.version)
    return conversation, message


def attachments_store(
    *, message: Message, attachments: tuple[InboundAttachment, ...], now: dt.datetime
) -> None:
    """Rows of a message's files and cards; the worker fetches what is to be fetched."""
    rows = []
    for position, item in enumerate(attachments[:100]):
        # A link with an address of its own is a page somewhere, not a file that came with it.
        is_page = item.type == "link" and bool(item.url)
        is_file = item.type not in CARD_TYPES and bool(item.ref) and not is_page
        rows.append(
            Attachment(
                message=message,
                position=position,
                type=item.type,
                name=clean_text(item.name, max_length=200),
                content_type=clean_text(item.content_type, max_length=100),
                size=item.size,
                duration=item.duration,
                storage_key=item.storage_key,
                state=AttachmentState.PENDING if is_file else AttachmentState.STORED,
                platform_ref=clean_text(
                    item.thumb_ref if item.type == "sticker" and item.thumb_ref else item.ref,
                    max_length=4000,
                ),
                latitude=item.latitude,
                longitude=item.longitude,
                phone=clean_text(item.phone, max_length=40),
                pending_at=now if is_file else None,
            )
        )
    for attachment in Attachment.objects.bulk_create(rows):
        if attachment.pending_at is not None:
            enqueue_after_commit(tasks.media_fetch, attachment.pk)


def attachments_erase(*, message: Message, now: dt.datetime) -> None:
    """Take a message's files away: what is known of them now, their bytes after the commit.

    `pending_at` keeps a file with bytes on the worker's list until they are gone.
    """
    message.attachments.update(
        state=AttachmentState.ERASED, name="", platform_ref="", latitude=None, longitude=None,
        phone="", pending_at=None, next_attempt_at=None,
    )  # fmt: skip
    stored = message.attachments.exclude(storage_key="")
    stored.update(pending_at=now)
    for attachment_id in stored.values_list("pk", flat=True):
        enqueue_after_commit(tasks.media_erase, attachment_id)


def own_postback_apply(*, connector: Connector, event: PostbackEvent, now: dt.datetime) -> Ids:
    """A button of ours was pressed: its payload goes to the service that made the button."""
    conversation = conversation_lock_of(connector=connector, event=event)
    if conversation is None:
        return None, None
    if conversation.blocked_at is not None:
        raise SenderBlockedError
    if event.callback_id:
        enqueue_after_commit(tasks.deliver_acknowledgement, connector.pk, event.callback_id)
    postback_received.send(
        sender=Message, conversation=conversation, payload=event.payload, now=now
    )
    return conversation.pk, None


def _message_for_change(
    connector: Connector, event: EditEvent | DeleteEvent
) -> tuple[Conversation, Message] | None:
    conversation = conversation_lock_of(connector=connector, event=event)
    if conversation is None:
        return None
    message = Message.objects.filter(
        conversation=conversation, direction=Direction.IN, external_id=event.message_id
    ).first()
    return None if message is None else (conversation, message)


def edit_apply(*, connector: Connector, event: EditEvent, now: dt.datetime, last_try: bool) -> Ids:
    """The customer changed a message: the earlier text is kept. No routing, no change of turn.

    An edit of a message that never came is stored as an ordinary message on the last try.
    """
    found = _message_for_change(connector, event)
    if found is None:
        if not last_try:
            raise NotYetError(_("the edited message has not come yet"))
        message_event = MessageEvent(
            chat_id=event.chat_id, thread=event.thread, user=event.user, at=event.at,
            message_id=event.message_id, text=event.text, attachments=event.attachments,
        )  # fmt: skip
        return message_apply(
            connector=connector, event=message_event, now=now, mode="route", held=False
        )
    conversation, message = found
    if conversation.blocked_at is not None:
        raise SenderBlockedError
    text = clean_text(event.text, max_length=TEXT_LENGTH)
    if message.deleted_at is None and message.text != text:
        edited_at = event.edited_at or now
        if message.edited_at is not None and edited_at < message.edited_at:
            # An older edit that came late: it belongs to the history, not to the thread.
            MessageRevision.objects.create(message=message, text=text, replaced_at=now)
            return conversation.pk, message.pk
        MessageRevision.objects.create(message=message, text=message.text, replaced_at=now)
        message.text = text
        message.edited_at = edited_at
        message.version = conversation_touch(conversation=conversation, now=now)
        message.save(update_fields=["text", "edited_at", "version"])
        message_changed.send(
            sender=Message, conversation=conversation, message=message, change="edit", now=now
        )
    return conversation.pk, message.pk


def delete_apply(
    *, connector: Connector, event: DeleteEvent, now: dt.datetime, last_try: bool
) -> Ids:
    """The customer removed a message: content and files go, a trace stays."""
    found = _message_for_change(connector, event)
    if found is None:
        if last_try:
            return None, None
        raise NotYetError(_("the removed message has not come yet"))
    conversation, message = found
    if message.deleted_at is None:
        message.text = ""
        message.data = {}
        message.deleted_at = now
        message.version = conversation_touch(conversation=conversation, now=now)
        message.save(update_fields=["text", "data", "deleted_at", "version"])
        message.revisions.all().delete()
        attachments_erase(message=message, now=now)
        message_changed.send(
            sender=Message, conversation=conversation, message=message, change="delete", now=now
        )
    return conversation.pk, message.pk


def reachability_apply(*, connector: Connector, event: ReachabilityEvent, now: dt.datetime) -> Ids:
    """The customer blocked us or let us in again. Somebody who never wrote leaves no trace."""
    conversation = conversation_lock_of(connector=connector, event=event)
    if conversation is None:
        return None, None
    conversation_reachability(conversation=conversation, reachable=event.reachable, now=now)
    return conversation.pk, None
