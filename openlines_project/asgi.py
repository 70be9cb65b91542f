"""ASGI entry: the event stream in production, everything in an embedded installation."""

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openlines_project.settings")
# Static files and attachments are small: reading them whole is all right here, and one worker
# serves the event stream only in production.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
application = get_asgi_application()
