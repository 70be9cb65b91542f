"""Sessions: episodes of service inside a conversation, and everything that happened in them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SessionState(models.TextChoices):
    """Where a session is: see queue_app/state_machine.py for what leads from one to another."""

    WAITING = "waiting", _("waiting")
    OFFERED = "offered", _("offered")
    ACTIVE = "active", pgettext_lazy("session", "active")
    CLOSING = "closing", _("ending")
    CLOSED = "closed", _("closed")


class WaitReason(models.TextChoices):
    """Why a waiting session holds no offer."""

    NONE = "", ""
    NO_OPERATOR = "no_operator", _("nobody is available")
    RESPONSIBLE = "responsible", _("waits for the one who answers for the customer")
    HOURS = "hours", _("waits for the opening")
    ROUND_OVER = "round_over", _("everybody let it pass")
    LINE_CLOSED = "line_closed", _("the line is closed")
    ANSWERED_OUTSIDE = "answered_outside", _("answered in the platform's own app")
    UNROUTED = "unrouted", _("not distributed yet")


class CloseReason(models.TextChoices):
    """Who or what closed a session."""

    NONE = "", ""
    OPERATOR = "operator", _("ended by the operator")
    AUTO = "auto", _("ended by itself")
    SPAM = "spam", _("spam")
    FORCED = "forced", _("stopped")


class Turn(models.TextChoices):
    """Who is to write next."""

    OPERATOR = "operator", _("operator")
    CUSTOMER = "customer", _("customer")


class Session(models.Model):
    """One episode of service.

    `operator` is the one who holds the offer (`offered`) or the chat (`active`, `closing`); an
    offer `to_everybody` has none, its holders are the open assignments. At most one session of a
    conversation is not closed: the database sees to it. `round` counts how often the queue was
    gone through from its top.
    """

    conversation = models.ForeignKey(
        "channels_app.Conversation", on_delete=models.PROTECT, related_name="sessions"
    )
    open_channel = models.ForeignKey(
        "channels_app.OpenChannel",
        on_delete=models.PROTECT,
        related_name="sessions",
        db_index=False,
    )
    state = models.CharField(max_length=8, choices=SessionState.choices)
    wait_reason = models.CharField(
        max_length=16, choices=WaitReason.choices, blank=True, db_default=""
    )
    operator = models.ForeignKey(
        "queue_app.Operator",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="sessions",
        db_index=False,
    )
    turn = models.CharField(max_length=8, choices=Turn.choices)
    to_everybody = models.BooleanField(default=False, db_default=False)
    round = models.PositiveIntegerField(default=1, db_default=1)
    round_began_at = models.DateTimeField(null=True)
    # Whether it counts for its operator's limits just now: see services/places.py.
    holds_place = models.BooleanField(default=False, db_default=False)
    unread = models.PositiveIntegerField(default=0, db_default=0)
    is_first = models.BooleanField(default=False, db_default=False)
    # It went to the one who answers for the customer in the CRM: no limit stops that.
    from_crm = models.BooleanField(default=False, db_default=False)
    # Its operator stands outside the line's queue on purpose: the one who answers for the
    # customer, or a person it was transferred to.
    outside_queue = models.BooleanField(default=False, db_default=False)
    born_out_of_hours = models.BooleanField(default=False, db_default=False)
    # The chat whose message this one was begun from.
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="followers"
    )
    event_seq = models.PositiveIntegerField(default=0, db_default=0)
    version = models.PositiveIntegerField(default=0, db_default=0)
    started_at = models.DateTimeField()
    # Since when the customer waits for us; null while we wait for him.
    waiting_since = models.DateTimeField(null=True)
    # Set while it waits because nobody was available: these come first, nobody overtakes them.
    no_operator_since = models.DateTimeField(null=True)
    offered_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    # The first reply since the last hand-over: without one the chat is unanswered.
    answered_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    # Since when the customer has been told that nobody answers, or that we are closed: at most
    # one of the two is sent within one wait. Empty again when somebody replies.
    told_at = models.DateTimeField(null=True)
    first_reply_at = models.DateTimeField(null=True)
    replied_at = models.DateTimeField(null=True)
    # When it was ended: it is really closed after the line's time to come back.
    ended_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(
        max_length=20, choices=CloseReason.choices, blank=True, db_default=""
    )

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        permissions = [
            ("view_all_sessions", "Can see the chats of every line"),
            ("intercept_session", "Can join chats and take them over"),
            ("end_any_session", "Can end chats of others, and stop them"),
            ("assign_session", "Can transfer chats of others, and above limits"),
            ("supervise_desk", "Can see the desk of the supervisor"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="session_one_open",
                fields=["conversation"],
                condition=Q(closed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="session_closed_has_time",
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="session_held_has_operator",
                condition=Q(state__in=["waiting", "closing", "closed"])
                | Q(operator__isnull=False)
                | Q(state="offered", to_everybody=True),
            ),
        ]
        indexes = [
            models.Index(
                name="session_open_by_operator",
                fields=["operator"],
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                name="session_open_by_line",
                fields=["open_channel", "started_at"],
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                name="session_no_operator",
                fields=["open_channel", "no_operator_since"],
                condition=Q(no_operator_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class SessionEvent(models.Model):
    """One step of a session, written once, in the transaction that made it.

    Kinds and the shape of `data` are listed in queue_app/services/events.py. Statistics read
    nothing else.
    """

    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    operator = models.ForeignKey(
        "queue_app.Operator", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    open_channel = models.ForeignKey(
        "channels_app.OpenChannel", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    connector_kind = models.CharField(max_length=32)
    contact = models.ForeignKey(
        "crm_app.Contact", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    data = models.JSONField(default=dict)
    # Stamped by the statistics when they have counted it.
    folded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="session_event_seq_once", fields=["session", "seq"]),
        ]
        indexes = [
            models.Index(
                name="session_event_unfolded", fields=["id"], condition=Q(folded_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id}/{self.seq} {self.kind}"


class AssignmentOutcome(models.TextChoices):
    """How an operator's turn ended."""

    NONE = "", ""
    ACCEPTED = "accepted", _("accepted")
    EXPIRED = "expired", _("not accepted in time")
    SKIPPED = "skipped", _("passed on")
    TRANSFERRED = "transferred", _("transferred")
    RETURNED = "returned", _("returned")
    LOST = "lost", _("taken by another")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Assignment(models.Model):
    """One operator's turn with one session. Open while `ended_at` is null."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="assignments")
    operator = models.ForeignKey(
        "queue_app.Operator", on_delete=models.PROTECT, related_name="assignments"
    )
    # The line's counter at the moment of the offer: the order of offers is read from it. Null
    # when he took the session himself.
    turn = models.BigIntegerField(null=True)
    round = models.PositiveIntegerField(default=1)
    offered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=12, choices=AssignmentOutcome.choices, blank=True, db_default=""
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="assignment_one_open",
                fields=["session", "operator"],
                condition=Q(ended_at__isnull=True),
            ),
        ]

        indexes = [
            models.Index(
                name="assignment_open_by_operator",
                fields=["operator"],
                condition=Q(ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} -> {self.operator_id}"


class SessionHelper(models.Model):
    """A colleague who joined a chat: he may write, its operator stays."""

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="helpers", db_index=False
    )
    operator = models.ForeignKey(
        "queue_app.Operator", on_delete=models.PROTECT, related_name="helps"
    )
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="session_helper_once", fields=["session", "operator"]),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} + {self.operator_id}"


class SessionText(models.Model):
    """An automatic text of a session: sent, or why not. The row is what makes it happen once.

    `kind` is a `TextKind`; `occurrence` tells apart what may come again within one session: the
    number of a reminder, the closed period of an out-of-hours text. `skipped` is the code of the
    refusal (`window`, `line_closed`, `unreachable`, `connector_off`), `spam` or `forced` when it
    was called back with the end of the session, empty when it was sent.
    """

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="texts", db_index=False
    )
    kind = models.CharField(max_length=12)
    occurrence = models.CharField(max_length=40, blank=True, db_default="")
    at = models.DateTimeField()
    message = models.ForeignKey(
        "channels_app.Message", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    skipped = models.CharField(max_length=20, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="session_text_once", fields=["session", "kind", "occurrence"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.kind}"
