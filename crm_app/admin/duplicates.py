"""Two cards that may be one person: compared, merged or kept apart."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm_app.models import MergeProposal
from crm_app.services.contacts import merge_refuse
from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown

FOUND = shown("created_at", gettext_lazy("Found"))


class DecidedFilter(admin.SimpleListFilter):
    """What waits for somebody is shown first."""

    title = gettext_lazy("decision")
    parameter_name = "decided"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[MergeProposal]
    ) -> list[tuple[str, str]]:
        return [("no", _("Waiting")), ("yes", _("Decided"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[MergeProposal]
    ) -> QuerySet[MergeProposal]:
        if self.value() is None:
            return queryset
        return queryset.filter(decided_at__isnull=self.value() == "no")


@admin.register(MergeProposal)
class MergeProposalAdmin(ReadOnlyAdmin[MergeProposal]):
    """Deciding is comparing first: the link leads to the preview of the merge."""

    list_display = ("contact", "other", "value", FOUND, "decision", "compare")
    list_filter = (DecidedFilter,)
    list_select_related = ("contact", "other")
    list_per_page = 50
    ordering = ("-pk",)
    sortable_by = ()
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ("keep_apart",)
    fields = ("contact", "other", "value", "created_at", "decision", "decided_at", "decided_by")

    @admin.display(description="")
    def compare(self, proposal: MergeProposal) -> SafeString | str:
        if proposal.decided_at is not None:
            return ""
        args = [proposal.contact_id, proposal.other_id]
        page = reverse("admin:crm_app_contact_merge", args=args)
        return format_html('<a href="{}">{}</a>', page, _("Compare and merge"))

    @admin.action(description=gettext_lazy("Keep apart"))
    def keep_apart(self, request: HttpRequest, queryset: QuerySet[MergeProposal]) -> None:
        """They are two persons; nobody is asked again."""
        user = request.user
        if not self.may_act(request) or not isinstance(user, User):
            raise PermissionDenied
        done = sum(
            merge_refuse(proposal=proposal, actor=user, now=timezone.now()) for proposal in queryset
        )
        words = ngettext("%(n)d pair kept apart.", "%(n)d pairs kept apart.", done)
        messages.success(request, words % {"n": done})
