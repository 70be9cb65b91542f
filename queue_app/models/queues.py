"""Who stands in a line's queue, and whose turn it is."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class QueueMember(models.Model):
    """A place in the queue of a line: a user, or a group that stands for its active users."""

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel",
        on_delete=models.CASCADE,
        related_name="queue_members",
        verbose_name=_("open channel"),
    )
    position = models.PositiveIntegerField(_("position"), default=0)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("operator"),
    )
    group = models.ForeignKey(
        "auth.Group",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("group"),
    )

    class Meta:
        verbose_name = _("queue member")
        verbose_name_plural = _("queue members")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                name="queue_member_user_or_group",
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
            ),
            models.UniqueConstraint(
                name="queue_member_user_once",
                fields=["open_channel", "user"],
                condition=Q(user__isnull=False),
            ),
            models.UniqueConstraint(
                name="queue_member_group_once",
                fields=["open_channel", "group"],
                condition=Q(group__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.user or self.group)


class LineQueue(models.Model):
    """The line's lock, and the counter of its offers.

    Nothing has a foreign key to it, so locking it never blocks an insert elsewhere. It is taken
    last in a transaction, only to choose, stamp and offer.
    """

    open_channel = models.OneToOneField(
        "channels_app.OpenChannel", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    turn = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.open_channel_id}: {self.turn}"


class LineOperator(models.Model):
    """One person of a line, however he came into its queue.

    `position` is his place when the queue's groups are spread out; null when he is in the queue
    no longer (his row stays for the chats he still holds). `turn` is the number of his last
    offer in this line: the lowest is next.
    """

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel",
        on_delete=models.CASCADE,
        related_name="line_operators",
        db_index=False,
    )
    operator = models.ForeignKey(
        "queue_app.Operator", on_delete=models.CASCADE, related_name="lines"
    )
    position = models.PositiveIntegerField(null=True)
    turn = models.BigIntegerField(default=0)
    last_offer_at = models.DateTimeField(null=True)
    open_chats = models.IntegerField(default=0)
    # What this line's customers see of him, where the line shows an alias.
    alias_name = models.CharField(_("alias"), max_length=80, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="line_operator_once", fields=["open_channel", "operator"]),
        ]

    def __str__(self) -> str:
        return f"{self.open_channel_id}/{self.operator_id}"


class NoticeKind(models.TextChoices):
    """What administrators and supervisors are told about a line."""

    QUEUE_EMPTY = "queue_empty", _("The queue is empty")
    NOBODY_ON_DUTY = "nobody_on_duty", _("Nobody is on duty")
    ROUNDS_OVER = "rounds_over", _("A chat went through the queue too often")


class LineNotice(models.Model):
    """Something is wrong with a line: told once, not per message.

    It stands until it is over (`ended_at`); the next time it is told again.
    """

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel", on_delete=models.CASCADE, related_name="notices",
        db_index=False,
    )  # fmt: skip
    kind = models.CharField(max_length=16, choices=NoticeKind.choices)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # When the mail to the administrators went out; null until then.
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(
                name="line_notice_once",
                fields=["open_channel", "kind"],
                condition=Q(ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.open_channel_id} {self.kind}"
