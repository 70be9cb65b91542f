"""The one door through which stored files leave."""

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from channels_app.models import Attachment, AttachmentState
from channels_app.services.media import INLINE_TYPES, attachment_open, file_signature_check
from openlines_project.lib.text import neutral_name


@require_safe
def file_serve(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Hand out a file to whoever has its signed, expiring address; 404 to everybody else.

    Pictures, sounds and films of known types may be shown in place; everything else is
    downloaded as bytes, so that nothing a customer sent runs in our pages.
    """
    if not file_signature_check(public_id=public_id, signature=request.GET.get("t", "")):
        raise Http404
    attachment = Attachment.objects.filter(
        public_id=public_id, state=AttachmentState.STORED
    ).first()
    if attachment is None:
        raise Http404
    try:
        file = attachment_open(attachment)
    except FileNotFoundError:
        raise Http404 from None
    inline = attachment.content_type in INLINE_TYPES
    response = FileResponse(
        file,
        as_attachment=not inline or "download" in request.GET,
        filename=_saved_as(attachment),
        content_type=attachment.content_type if inline else "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    # A live chat on another site shows the pictures an operator sent.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _saved_as(attachment: Attachment) -> str:
    """The name a browser saves it by: the sender's, never a path."""
    name = neutral_name(attachment.name).replace("\\", "/").rsplit("/", 1)[-1].strip()
    return name if name.strip(". ") else f"file-{attachment.pk}"
