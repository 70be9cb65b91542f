"""Contacts: the card of a person, the ways to reach him, and what matching needs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm_app.people import EMAIL, PHONE

__all__ = [
    "EMAIL", "PHONE", "Contact", "ContactPoint", "MatchKey", "MergeProposal", "Tombstone",
]  # fmt: skip


class Contact(models.Model):
    """The card of one person. Conversations and the desk's facts refer to it.

    A card that was merged is an empty one that leads to where everything went; an erased one
    has nothing left but its number.
    """

    name = models.CharField(gettext_lazy("name"), max_length=200, blank=True)
    company = models.CharField(gettext_lazy("company"), max_length=200, blank=True, db_default="")
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=gettext_lazy("responsible"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    # Values of the fields an administrator defined, by their keys.
    custom = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(gettext_lazy("created"), auto_now_add=True)
    last_activity_at = models.DateTimeField(gettext_lazy("last activity"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="merged"
    )
    erased_at = models.DateTimeField(gettext_lazy("erased"), null=True, editable=False)

    class Meta:
        verbose_name = gettext_lazy("contact")
        verbose_name_plural = gettext_lazy("contacts")
        permissions = [
            ("merge_contact", gettext_lazy("Can merge contacts")),
            ("export_contact", gettext_lazy("Can export contacts")),
            ("erase_contact", gettext_lazy("Can erase contacts for good")),
        ]

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"


class ContactPoint(models.Model):
    """One way to reach a person: a phone (E.164), an e-mail (lower case), a messenger identity.

    `kind` is "phone", "email" or the kind of a connector; `scope` says where an identity means
    this person: empty everywhere, else an account or a connector. An identity stands on one
    contact only; phones and e-mails are shared by families and offices.
    """

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="points", db_index=False
    )
    kind = models.CharField(pgettext_lazy("of a contact point", "kind"), max_length=32)
    scope = models.CharField(max_length=200, blank=True, db_default="")
    value = models.CharField(gettext_lazy("value"), max_length=254)
    is_identity = models.BooleanField(default=False, editable=False)
    # Where we have it from: message, form, operator, import, profile.
    origin = models.CharField(gettext_lazy("from"), max_length=20, blank=True, db_default="")
    created_at = models.DateTimeField(gettext_lazy("created"))

    class Meta:
        verbose_name = gettext_lazy("contact point")
        verbose_name_plural = gettext_lazy("contact points")
        ordering = ["contact", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="contact_point_once", fields=["contact", "kind", "scope", "value"]
            ),
            models.UniqueConstraint(
                name="contact_identity_once",
                fields=["kind", "scope", "value"],
                condition=Q(is_identity=True),
            ),
        ]
        # What matching reads, for identities too: their scope is checked on the row.
        indexes = [models.Index(name="contact_point_match", fields=["value", "kind"])]

    def __str__(self) -> str:
        return self.value


class MatchKey(models.Model):
    """A row to lock: who looks for this value or adds it waits for who did so before.

    Two messages with one phone, on two channels at once, would each find nobody; the second one
    waits here until the first has written its contact. `value` is a keyed hash: rows are made of
    whoever was looked for, and outlive the people.
    """

    kind = models.CharField(max_length=32)
    value = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(name="match_key_once", fields=["kind", "value"])]

    def __str__(self) -> str:
        return self.kind


class MergeProposal(models.Model):
    """Two cards that may be one person, because something of the one turned up with the other.

    The lower number stands first, so that a pair is one row however it was found. A pair that
    was kept apart stays in the table: nobody is asked twice.
    """

    class Decision(models.TextChoices):
        MERGED = "merged", gettext_lazy("merged")
        APART = "apart", gettext_lazy("kept apart")

    contact = models.ForeignKey(
        Contact,
        verbose_name=gettext_lazy("contact"),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    other = models.ForeignKey(
        Contact, verbose_name=gettext_lazy("and"), on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(max_length=32)
    value = models.CharField(gettext_lazy("both have"), max_length=254)
    created_at = models.DateTimeField(gettext_lazy("found"))
    decision = models.CharField(
        gettext_lazy("decision"), max_length=6, choices=Decision.choices, blank=True
    )
    decided_at = models.DateTimeField(gettext_lazy("decided"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=gettext_lazy("by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )

    class Meta:
        verbose_name = gettext_lazy("possible duplicate")
        verbose_name_plural = gettext_lazy("possible duplicates")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(name="merge_proposal_once", fields=["contact", "other"]),
            models.CheckConstraint(
                name="merge_proposal_lower_first", condition=Q(contact__lt=F("other"))
            ),
        ]

    def __str__(self) -> str:
        return _("%(one)s and %(other)s") % {"one": self.contact, "other": self.other}


class Tombstone(models.Model):
    """That somebody was erased, as a keyed hash of what named him: it can be checked, not read."""

    digest = models.CharField(max_length=64, unique=True)
    erased_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:8]
