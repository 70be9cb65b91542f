"""ASGI entry: the event stream in production, everything in an embedded installation."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openlines_project.settings")
application = get_asgi_application()
