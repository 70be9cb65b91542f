"""The three ready groups, and who holds a right."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

ADMINISTRATORS = "Administrators"
SUPERVISORS = "Supervisors"
OPERATORS = "Operators"

# Every right over these, but to delete what has a history.
_SETTINGS = {
    "channels_app": ("openchannel", "connector", "inboundevent", "message", "apikey"),
    "queue_app": ("operator", "operatorshift", "queuemember", "timer"),
}
_ALSO_DELETED = {"connector", "queuemember", "operatorshift"}
_READ = {"auth": ("user", "group"), "queue_app": ("session", "linenotice")}
# A supervisor who answers no chats stands in no queue: without the first he would see nothing.
_SUPERVISOR = (
    "view_all_sessions", "intercept_session", "end_any_session", "assign_session",
    "supervise_desk",
)  # fmt: skip


def users_with_right(right: str) -> QuerySet[User]:
    """Active users who have a right (`app_label.codename`), by themselves or by a group."""
    return User.objects.with_perm(right, backend="django.contrib.auth.backends.ModelBackend")


def ready_groups_make() -> list[str]:
    """Make those of the three groups that are missing. Returns their names.

    A group that is there is left as it is: its rights are the administrator's business. The
    group of operators has none: to stand in a queue is enough, and the group can stand there.
    """
    there = set(Group.objects.values_list("name", flat=True))
    made = []
    for name, rights in (
        (ADMINISTRATORS, _administrator_rights() | _supervisor_rights()),
        (SUPERVISORS, _supervisor_rights()),
        (OPERATORS, Q(pk__in=[])),
    ):
        if name in there:
            continue
        group = Group.objects.create(name=name)
        group.permissions.set(Permission.objects.filter(rights))
        made.append(name)
    return made


def _administrator_rights() -> Q:
    rights = Q(pk__in=[])
    for app_label, models in _SETTINGS.items():
        for model in models:
            verbs = ("add", "change", "view", *(("delete",) if model in _ALSO_DELETED else ()))
            codenames = [f"{verb}_{model}" for verb in verbs]
            rights |= Q(content_type__app_label=app_label, codename__in=codenames)
    for app_label, models in _READ.items():
        codenames = [f"view_{model}" for model in models]
        rights |= Q(content_type__app_label=app_label, codename__in=codenames)
    return rights


def _supervisor_rights() -> Q:
    return Q(content_type__app_label="queue_app", codename__in=_SUPERVISOR)
