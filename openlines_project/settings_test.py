"""Settings of the test run: the real ones, with secrets of its own and nothing left behind."""

import os
import tempfile
from pathlib import Path

_var = Path(tempfile.gettempdir()) / f"openlines-tests-{os.getuid()}"
os.environ.setdefault("OPENLINES_VAR", str(_var))
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLTEyMzQ=")
os.environ.setdefault("LOG_LEVEL", "WARNING")

from openlines_project.settings import *

# Stand-ins of the platforms listen on loopback.
PRIVATE_TARGETS = ["127.0.0.1:*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# No broker: a task that would be sent runs when a test says so.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "memory://")
CELERY_BROKER_TRANSPORT_OPTIONS = {}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
AXES_ENABLED = False
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file as in an installation, so that servers and threads of a test see the same data.
    VAR.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / f"test-{os.getpid()}.sqlite3")}
