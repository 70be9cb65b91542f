"""Addresses of the inbox, of signing in, and of the event stream."""

from django.urls import path
from django.urls.converters import IntConverter, register_converter

from queue_app.inbox import live
from queue_app.inbox.views import (
    actions,
    pages,
    questions,
    session_actions,
    sign_in,
    supervisor,
    thread,
)


class IdConverter(IntConverter):
    """A number that fits into a database's column; a longer one is no address of ours."""

    regex = "[0-9]{1,18}"


register_converter(IdConverter, "id")

SESSION_ACTIONS = {
    "skip": session_actions.session_skip,
    "transfer": session_actions.session_transfer,
    "join": session_actions.session_join,
    "leave": session_actions.session_leave,
    "intercept": session_actions.session_intercept,
    "spam": session_actions.session_spam,
    "spam-undo": session_actions.session_spam_undo,
    "block": session_actions.session_block,
    "unblock": session_actions.session_unblock,
    "force-stop": session_actions.session_force_stop,
    "snooze": session_actions.session_snooze,
    "wake": session_actions.session_wake,
    "note": session_actions.session_note,
    "new": session_actions.session_new,
}

app_name = "inbox"
urlpatterns = [
    path("login/", sign_in.SignIn.as_view(), name="login"),
    path("logout/", sign_in.SignOut.as_view(), name="logout"),
    path("live/", live.live, name="live"),
    path("inbox/", pages.home, name="home"),
    path("inbox/me/", pages.me, name="me"),
    path("inbox/duty/", actions.duty_set, name="duty"),
    path("inbox/presence/", actions.presence, name="presence"),
    path("inbox/supervisor/", supervisor.supervisor, name="supervisor"),
    path("inbox/supervisor/board/", supervisor.board_part, name="supervisor-board"),
    path(
        "inbox/supervisor/operators/<id:operator_id>/duty/",
        supervisor.duty_set,
        name="supervisor-duty",
    ),
    path("inbox/next/", actions.next_take, name="next"),
    path("inbox/chats/<id:session_id>/", pages.session_detail, name="session-detail"),
    path("inbox/chats/<id:session_id>/thread/", thread.thread_part, name="session-thread"),
    path("inbox/chats/<id:session_id>/writing/", thread.writing_part, name="session-writing"),
    path("inbox/chats/<id:session_id>/ask/<slug:act>/", questions.session_ask, name="session-ask"),
    path("inbox/chats/<id:session_id>/accept/", actions.session_accept, name="session-accept"),
    path("inbox/chats/<id:session_id>/reply/", actions.session_reply, name="session-reply"),
    path("inbox/chats/<id:session_id>/read/", actions.session_read, name="session-read"),
    path("inbox/chats/<id:session_id>/typing/", actions.session_typing, name="session-typing"),
    path("inbox/chats/<id:session_id>/close/", actions.session_close, name="session-close"),
    *[
        path(f"inbox/chats/<id:session_id>/{name}/", view, name=f"session-{name}")
        for name, view in SESSION_ACTIONS.items()
    ],
    path(
        "inbox/conversations/<id:conversation_id>/write/",
        session_actions.conversation_write,
        name="conversation-write",
    ),
    path("inbox/messages/<id:message_id>/resend/", actions.message_resend, name="message-resend"),
    path(
        "inbox/messages/<id:message_id>/discard/", actions.message_discard, name="message-discard"
    ),
    path("inbox/list/<slug:view>/", pages.list_part, name="list-part"),
    path("inbox/<slug:view>/", pages.list_view, name="list"),
]
