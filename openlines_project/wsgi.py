"""WSGI entry: every page, webhook and API call in production."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openlines_project.settings")
application = get_wsgi_application()
