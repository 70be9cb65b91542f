"""What a person may do with a session: facts for queue_app/abilities.py, refusals in words."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from channels_app.models import Conversation
from channels_app.services.errors import ConflictError, ForbiddenError, ServiceError
from openlines_project.lib.people import person_name
from queue_app.abilities import (
    OF_THE_PERSON,
    SPAM_UNDO_DAYS,
    Action,
    Facts,
    Refusal,
    action_refused,
    first_word_refused,
)
from queue_app.models import (
    Assignment,
    CloseReason,
    LineOperator,
    Session,
    SessionHelper,
    SessionState,
)


def session_facts(*, session: Session, user: User, now: dt.datetime) -> Facts:
    """What is to be known of a session and a person. In at most five queries, whatever the line.

    The session comes with its conversation, connector, both lines and operator.
    """
    conversation = session.conversation
    connector = conversation.connector
    lines = set(
        LineOperator.objects.filter(
            open_channel_id__in={session.open_channel_id, connector.open_channel_id},
            operator__user=user, position__isnull=False,
        ).values_list("open_channel_id", flat=True)
    )  # fmt: skip
    is_open = session.closed_at is None
    owns = session.operator is not None and session.operator.user_id == user.pk
    is_asked = owns and session.state == SessionState.OFFERED
    if session.to_everybody and session.state == SessionState.OFFERED:
        is_asked = Assignment.objects.filter(
            session=session, operator__user=user, ended_at__isnull=True
        ).exists()
    may_intercept = user.has_perm("queue_app.intercept_session")
    return Facts(
        state=session.state,
        owns=owns,
        is_asked=is_asked,
        helps=SessionHelper.objects.filter(session=session, operator__user=user).exists(),
        is_member=session.open_channel_id in lines,
        may_begin=may_intercept or connector.open_channel_id in lines,
        may_intercept=may_intercept,
        may_end_any=user.has_perm("queue_app.end_any_session"),
        may_assign=user.has_perm("queue_app.assign_session"),
        to_everybody=session.to_everybody,
        is_answered=session.answered_at is not None,
        is_snoozed=session.snoozed_until is not None,
        is_spam=session.close_reason == CloseReason.SPAM,
        undo_is_over=(
            session.closed_at is not None
            and now - session.closed_at > dt.timedelta(days=SPAM_UNDO_DAYS)
        ),
        is_blocked=conversation.blocked_at is not None,
        has_others=not (owns or is_asked) or _has_others(session, user),
        has_open=is_open or session_open_of(conversation) is not None,
        line_is_open=session.open_channel.is_open_for_work,
        channel_is_open=connector.open_channel.is_open_for_work,
    )


def _has_others(session: Session, user: User) -> bool:
    """Whether anybody else of the line could ever take it."""
    return (
        LineOperator.objects.filter(
            open_channel_id=session.open_channel_id, position__isnull=False,
            operator__user__is_active=True,
        )
        .exclude(operator__user=user)
        .exists()
    )  # fmt: skip


def session_open_of(conversation: Conversation) -> Session | None:
    """The open session of a conversation."""
    return (
        Session.objects.filter(conversation=conversation, closed_at__isnull=True)
        .select_related("operator__user")
        .first()
    )


def session_check(action: Action, *, session: Session, user: User, now: dt.datetime) -> Facts:
    """Raises `ConflictError` or `ForbiddenError` unless the person may do this just now."""
    facts = session_facts(session=session, user=user, now=now)
    refusal = action_refused(action, facts)
    if refusal is not None:
        raise refusal_error(refusal, session)
    return facts


def first_word_check(
    *, conversation: Conversation, user: User, open_session: Session | None
) -> None:
    """Raises `ConflictError` or `ForbiddenError` unless the person may write first here."""
    line = conversation.connector.open_channel
    may_begin = user.has_perm("queue_app.intercept_session") or (
        LineOperator.objects.filter(
            open_channel=line, operator__user=user, position__isnull=False
        ).exists()
    )
    refusal = first_word_refused(
        has_open=open_session is not None,
        is_blocked=conversation.blocked_at is not None,
        channel_is_open=line.is_open_for_work,
        may_begin=may_begin,
    )
    if refusal is not None:
        raise refusal_error(refusal, open_session)


def refusal_error(refusal: Refusal, session: Session | None = None) -> ServiceError:
    """A refusal as the error a service raises, with a sentence for the person."""
    words = {
        "closed": _("This chat is closed."),
        "ending": _("This chat has been ended."),
        "not_accepted": _("Accept the chat first."),
        "answered": _("You have answered this chat already. Transfer it instead."),
        "alone": _("Nobody else on this line could take the chat. It stays with you."),
        "line_closed": _("This open channel is closed."),
        "yours": _("This chat is yours already."),
        "owner_stays": _("This chat is yours. Transfer it instead."),
        "helping": _("You have joined this chat already."),
        "not_helping": _("You have not joined this chat."),
        "not_snoozed": _("This chat is not snoozed."),
        "not_spam": _("This chat is not marked as spam."),
        "too_late": _("Spam can be taken back for %d days only.") % SPAM_UNDO_DAYS,
        "blocked": _("This sender is blocked."),
        "not_blocked": _("This sender is not blocked."),
        "open_session": _open_words(session),
        "not_yours": _holder_words(session),
        "permission": _("You may not do this with this chat."),
    }
    error = ForbiddenError if refusal in OF_THE_PERSON else ConflictError
    return error(refusal, words[refusal])


def _holder_words(session: Session | None) -> str:
    if session is None or session.operator is None:
        return _("This chat is not yours.")
    name = person_name(session.operator.user)
    if session.state == SessionState.OFFERED:
        return _("This chat is offered to %(name)s.") % {"name": name}
    return _("This chat belongs to %(name)s.") % {"name": name}


def _open_words(session: Session | None) -> str:
    if session is None or session.operator is None or session.closed_at is not None:
        return _("There is an open chat with this customer already.")
    name = person_name(session.operator.user)
    return _("%(name)s has an open chat with this customer.") % {"name": name}
