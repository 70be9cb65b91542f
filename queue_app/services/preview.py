"""What a message would bring about on a line: the same rules as when it comes, nothing written.

The plan of the texts is arrival.py's, the choice distribution.py's, the deadlines those of
rounds.py; the people are read as they stand now, without a lock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_app.models import (
    Connector,
    Conversation,
    Distribution,
    NoAnswerAction,
    OpenChannel,
    ResponseMeans,
)
from channels_app.placeholders import placeholders_fill
from queue_app.arrival import Arrival, PlannedText, arrival_plan, line_is_open
from queue_app.distribution import Decision, distribute
from queue_app.explanations import reason_words
from queue_app.models import Operator, Session
from queue_app.schedule import next_opening
from queue_app.services.form_links import form_sentence
from queue_app.services.line_rules import line_rules
from queue_app.services.offers import line_candidates, line_conditions
from queue_app.services.rounds import MAX_ROUNDS, TELLING, no_answer_deadlines
from queue_app.services.routing import last_operator
from queue_app.services.texts import placeholder_values

WEEK = dt.timedelta(days=6)


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One thing that would happen. `icon` names a symbol of the sprite."""

    icon: str
    text: str


def arrival_preview(
    *,
    open_channel: OpenChannel,
    connector: Connector,
    at: dt.datetime,
    conversation: Conversation | None = None,
) -> list[PreviewLine]:
    """What a first message at `at` would bring about, step by step, in the reader's language.

    From somebody new, or from the customer of `conversation`. Nothing is written or locked.
    """
    if not open_channel.is_open_for_work:
        return [PreviewLine("archive", _("The message is kept and shown, and offered to nobody."))]
    thread = conversation or Conversation(connector=connector, display_name="")
    thread.is_new = conversation is None
    session = Session(
        open_channel=open_channel, conversation=thread, started_at=at, waiting_since=at
    )
    rules = line_rules(open_channel)
    plan = arrival_plan(
        line=open_channel, hours=rules.hours, texts=rules.texts,
        is_new_conversation=thread.is_new, now=at,
    )  # fmt: skip
    values = _values(session, thread, at)
    lines = [_text_line(text, open_channel, values) for text in plan.texts]
    starts_at = at if plan.distribute else plan.opens_at
    if not plan.distribute:
        lines.append(_waits_for_opening(plan.opens_at, at, open_channel))
    if starts_at is None:
        return lines + _no_answer_lines(session, plan, at)
    return lines + _offer_lines(session, thread, plan, starts_at)


def _values(session: Session, thread: Conversation, at: dt.datetime) -> Mapping[str, str]:
    values = dict(placeholder_values(session, thread, now=at))
    return values | {
        "customer": values["customer"] or _("(name of the customer)"),
        "session": _("(number of the chat)"),
    }


def _text_line(text: PlannedText, line: OpenChannel, values: Mapping[str, str]) -> PreviewLine:
    words = placeholders_fill(text.text, values)
    if text.link == "form":
        words = words or form_sentence(line.language)
        sentence = _("The customer gets, with a form for his data: “%s”")
    elif text.kind == "consent":
        sentence = _("The customer is asked for his consent: “%s”")
    elif text.kind == "closed":
        sentence = _("The customer is told that you are closed: “%s”")
    else:
        sentence = _("The customer gets the welcome: “%s”")
    return PreviewLine("send", sentence % words)


def _waits_for_opening(
    opens_at: dt.datetime | None, at: dt.datetime, line: OpenChannel
) -> PreviewLine:
    if opens_at is None:
        return PreviewLine("clock", _("The chat waits. The line has no next opening."))
    moment = preview_moment(opens_at, at, line)
    return PreviewLine("clock", _("The chat waits for the opening: %s.") % moment)


def _offer_lines(
    session: Session, thread: Conversation, plan: Arrival, at: dt.datetime
) -> list[PreviewLine]:
    line = session.open_channel
    candidates, others_first = line_candidates(line.pk, session)
    if others_first:
        lines = [PreviewLine("clock", _("Others wait longer: the chat waits behind them."))]
        return lines + _nobody_lines(session, plan, at)
    preferred = None if thread.is_new else last_operator(session, thread)
    decision = distribute(
        line.distribution,  # type: ignore[arg-type]
        candidates, line_conditions(line), tried=(), now=at, preferred=preferred,
    )  # fmt: skip
    names = {
        operator.pk: operator.name
        for operator in Operator.objects.filter(
            pk__in=[one.operator_id for one in candidates]
        ).select_related("user")
    }
    if not decision.chosen:
        lines = [PreviewLine("clock", _("Nobody can take the chat: it waits."))]
        if not candidates:
            lines = [PreviewLine("warn", _("The queue is empty: the chat waits."))]
        return lines + _reason_lines(decision, names) + _nobody_lines(session, plan, at)
    chosen = [names.get(one.operator_id, "?") for one in decision.chosen]
    lines = [PreviewLine("ring", _("The chat is offered to %s.") % ", ".join(chosen))]
    lines += _reason_lines(decision, names)
    is_first_alone = any(one.operator_id == preferred for one in decision.chosen)
    turns = _turns(line, decision, is_first_alone=is_first_alone)
    return lines + _passing_lines(session, plan, turns, at)


def _reason_lines(decision: Decision, names: Mapping[int, str]) -> list[PreviewLine]:
    told = decision.as_json()
    lines = [
        PreviewLine(
            "check" if item["code"] == "chosen" else "minus",
            f"{names.get(item['operator'], '?')}: {reason_words(item)}",
        )
        for item in told["choice"]
    ]
    if told["more"]:
        lines.append(PreviewLine("minus", _("and %d more") % told["more"]))
    return lines


def _turns(line: OpenChannel, decision: Decision, *, is_first_alone: bool) -> int:
    """How many response times a round takes: one for each who can, or one for all together.

    Also where all are asked, the last operator of a returning customer is asked alone before.
    """
    could = sum(reason.code in {"chosen", "later"} for reason in decision.reasons)
    if line.distribution != Distribution.EVERYBODY:
        return could
    return 2 if is_first_alone and could > 1 else 1


def _passing_lines(
    session: Session, plan: Arrival, turns: int, at: dt.datetime
) -> list[PreviewLine]:
    """When the chat goes on, and what happens when nobody takes it."""
    line = session.open_channel
    hours = line_rules(line).hours
    step = dt.timedelta(minutes=line.response_minutes)
    ends = [at + step * turn for turn in range(1, turns + 1)]
    lines = []
    # Where it is not distributed out of hours, it is passed on until the line closes; when all
    # together let it pass, the round is over.
    handed_on = ends[:-1] if line.distribution == Distribution.EVERYBODY else ends
    if line.distribute_closed:
        handed_on = []
    stops_at = next((end for end in handed_on if not line_is_open(hours, end)), None)
    if turns > 1 and ends[0] != stops_at:
        act = (
            _("Not answered by %s, it goes to the next.")
            if line.response_means == ResponseMeans.REPLYING
            else _("Not accepted by %s, it goes to the next.")
        )
        lines.append(PreviewLine("refresh", act % preview_moment(ends[0], at, line)))
    over_at = stops_at or ends[-1]
    early = _no_answer_lines(session, plan, at, before=over_at)
    is_told = plan.tells_closed or bool(early)
    told = {"moment": preview_moment(over_at, at, line)}
    if line_is_open(hours, over_at):
        return [*lines, *early, PreviewLine("users", _over_words(line, is_told) % told)]
    if stops_at is None and not is_told and line.no_answer_action in TELLING:
        early.append(PreviewLine("users", _over_words(line, is_told) % told))
        opens_at = None if hours is None else next_opening(hours, over_at)
        return [*lines, *early, _waits_for_opening(opens_at, at, line)]
    words = _("Not taken by %(moment)s, about the time of closing, it waits for the opening.")
    if stops_at is None:
        words = _("When everybody has let it pass, about %(moment)s, it waits for the opening.")
    return [*lines, *early, PreviewLine("users", words % told)]


def _over_words(line: OpenChannel, is_told: bool) -> str:
    words = {
        NoAnswerAction.REQUEUE: ngettext(
            "When everybody has let it pass, about %(moment)s, the queue is asked again, "
            "%(rounds)d time at most.",
            "When everybody has let it pass, about %(moment)s, the queue is asked again, "
            "%(rounds)d times at most.",
            MAX_ROUNDS,
        ).replace("%(rounds)d", str(MAX_ROUNDS)),
        NoAnswerAction.TEXT: _(
            "When everybody has let it pass, about %(moment)s, the customer gets the text "
            "“nobody answers”."
        ),
        NoAnswerAction.FORM: _(
            "When everybody has let it pass, about %(moment)s, the customer gets a form for "
            "his data."
        ),
        NoAnswerAction.NOTHING: _(
            "When everybody has let it pass, about %(moment)s, it waits for somebody to take it."
        ),
    }
    if is_told and line.no_answer_action in TELLING:
        return words[NoAnswerAction.NOTHING]  # told once within this wait
    return words[NoAnswerAction(line.no_answer_action)]


def _nobody_lines(session: Session, plan: Arrival, at: dt.datetime) -> list[PreviewLine]:
    """What the customer is told who finds nobody at `at`, when the chat is distributed."""
    line = session.open_channel
    if line.no_answer_minutes is not None or plan.tells_closed:
        return _no_answer_lines(session, plan, at)
    return _told_at(session, at, start=at, minutes=line.response_minutes)


def _no_answer_lines(
    session: Session, plan: Arrival, at: dt.datetime, *, before: dt.datetime | None = None
) -> list[PreviewLine]:
    """The line's time for an answer, which runs from the message."""
    minutes = session.open_channel.no_answer_minutes
    if minutes is None or plan.tells_closed:
        return []
    return _told_at(session, at, start=session.started_at, minutes=minutes, before=before)


def _told_at(
    session: Session,
    at: dt.datetime,
    *,
    start: dt.datetime,
    minutes: int,
    before: dt.datetime | None = None,
) -> list[PreviewLine]:
    line = session.open_channel
    lines = []
    for _kind, due_at in no_answer_deadlines(session, start=start, minutes=minutes):
        if before is None or due_at < before:
            moment = preview_moment(due_at, at, line)
            sentence = _("Nobody has accepted by %s: the customer is told that nobody can answer.")
            lines.append(PreviewLine("clock", sentence % moment))
    return lines


def preview_moment(moment: dt.datetime, seen_at: dt.datetime, line: OpenChannel) -> str:
    """A moment on the line's clock: with the weekday on another day, later with the date."""
    zone = ZoneInfo(line.time_zone)
    there, here = timezone.localtime(moment, zone), timezone.localtime(seen_at, zone)
    if there.date() == here.date():
        return formats.date_format(there, "H:i")
    if moment - seen_at < WEEK:
        return formats.date_format(there, "l H:i")
    return f"{formats.date_format(there, 'DATE_FORMAT')} {there:%H:%M}"
