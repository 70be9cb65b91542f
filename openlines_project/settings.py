"""Settings of Open Lines. Every difference between deployments is read from the environment.

`.env.example` lists the variables. Without any of them this is an embedded installation:
SQLite, a broker made of files, one machine.
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from openlines_project.lib.logs import logging_settings
from openlines_project.lib.secrets import local_secrets
from openlines_project.lib.theme import admin_theme

# --- where things are ---------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(str(BASE_DIR / ".env"))

VAR = Path(env.str("OPENLINES_VAR", default=str(BASE_DIR / "var"))).resolve()
# Which process this is: web (default), worker, beat. Only time-outs depend on it.
ROLE = env.str("OPENLINES_ROLE", default="web")
DEBUG = env.bool("DEBUG", default=False)
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
COMPANY_NAME = env.str("COMPANY_NAME", default="")

# --- secrets ------------------------------------------------------------------------------

EMBEDDED = not env.str("DATABASE_URL", default="")
_local = local_secrets(VAR) if EMBEDDED and not env.str("SECRET_KEY", default="") else {}
SECRET_KEY = env.str("SECRET_KEY", default=_local.get("SECRET_KEY", ""))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# The first key encrypts, all of them decrypt: put a new key in front to rotate.
FIELD_ENCRYPTION_KEYS = env.list(
    "FIELD_ENCRYPTION_KEYS",
    default=_local["FIELD_ENCRYPTION_KEYS"].split(",") if _local else [],
)
if not SECRET_KEY or not FIELD_ENCRYPTION_KEYS:
    raise ImproperlyConfigured(
        "Set SECRET_KEY and FIELD_ENCRYPTION_KEYS: see .env.example for how to make them."
    )

# --- hosts and transport security ---------------------------------------------------------

_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
if _public.hostname and _public.hostname not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(_public.hostname)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
HTTPS = _public.scheme == "https"
if HTTPS:
    CSRF_TRUSTED_ORIGINS = [f"https://{_public.netloc}"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", default=True)
    SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=True)
    SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    if TRUSTED_PROXIES:
        # Only a proxy of ours, which overwrites the header, may say that a request was HTTPS.
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    # Browsers take it from this host alone: no neighbouring subdomain can plant one.
    SESSION_COOKIE_NAME = "__Host-sessionid"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
DEFAULT_EXCEPTION_REPORTER_FILTER = "openlines_project.lib.debug.SecretsReporterFilter"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
FILE_UPLOAD_PERMISSIONS = 0o640
# A platform's delivery: WhatsApp's are the largest known, up to 3 MB.
WEBHOOK_MAX_BYTES = 4 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = WEBHOOK_MAX_BYTES
MEDIA_MAX_BYTES = env.int("MEDIA_MAX_BYTES", default=25 * 1024 * 1024)
# host:port pairs that administrators may name in connector settings although they are private.
PRIVATE_TARGETS = env.list("PRIVATE_TARGETS", default=[])
# Opens /metrics to who bears it; without it /metrics is for this machine only.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}

# --- applications -------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "openlines_project",
    "crm_app",
    "channels_app",
    "queue_app",
    "stats_app",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "openlines_project.lib.csp.ContentSecurityPolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "openlines_project.urls"
WSGI_APPLICATION = "openlines_project.wsgi.application"
ASGI_APPLICATION = "openlines_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- signing in ---------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/inbox/"
LOGOUT_REDIRECT_URL = "/login/"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
# Not REMOTE_ADDR: behind our proxy that is the same for everybody.
AXES_CLIENT_IP_CALLABLE = "openlines_project.lib.clients.sign_in_address"

# --- database -----------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR / 'openlines.sqlite3'}")}
_database = DATABASES["default"]
_options = _database.setdefault("OPTIONS", {})
if _database["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: a transaction takes the one writer's place at its start, and waits for it.
    _options |= {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON"
        ),
    }
else:
    # A web process answers 503 rather than keep a platform waiting behind a lock.
    _lock_ms = 1500 if ROLE == "web" else 5000
    _options |= {
        "connect_timeout": 3,
        "options": (
            f"-c lock_timeout={_lock_ms} -c statement_timeout=15000"
            " -c idle_in_transaction_session_timeout=30000 -c synchronous_commit=on"
        ),
    }
    if env.bool("DB_POOL", default=False):
        _most = env.int("DB_POOL_SIZE", default=8)
        _options["pool"] = {"min_size": 1, "max_size": _most, "timeout": 3}
    else:
        _age = env.int("DB_CONN_MAX_AGE", default=600)
        _database |= {"CONN_MAX_AGE": _age, "CONN_HEALTH_CHECKS": True}
    if env.bool("DB_PREPARED", default=True):
        # Both or neither: a threshold without server-side binding gains nothing. Switch it
        # off behind a pooler in transaction mode.
        _options |= {"server_side_binding": True, "prepare_threshold": 2}
    else:
        _options["prepare_threshold"] = None
        _database["DISABLE_SERVER_SIDE_CURSORS"] = True

REDIS_URL = env.str("REDIS_URL", default="")
_caches = "django.core.cache.backends."
CACHES: dict[str, dict[str, object]] = {"default": {"BACKEND": f"{_caches}locmem.LocMemCache"}}
if REDIS_URL:
    _waits = {"socket_timeout": 1, "socket_connect_timeout": 1}
    _backend = f"{_caches}redis.RedisCache"
    CACHES["default"] = {"BACKEND": _backend, "LOCATION": REDIS_URL, "OPTIONS": _waits}

# --- jobs ---------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost/")
# Short time-outs: a broker that hangs must not slow the answer to a platform.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR / "broker" / "queue"),
        "data_folder_out": str(VAR / "broker" / "queue"),
        "processed_folder": str(VAR / "broker" / "processed"),
        "control_folder": str(VAR / "broker" / "control"),
        "store_processed": False,
        "polling_interval": 0.2,
    }
elif CELERY_BROKER_URL.startswith("amqp"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "confirm_publish": True,
        "socket_timeout": 1,
        "connect_timeout": 1,
        "read_timeout": 5,
        "write_timeout": 1,
    }
    CELERY_TASK_DEFAULT_QUEUE_TYPE = CELERY_TASK_CREATE_MISSING_QUEUE_TYPE = "quorum"
    # Direct exchanges make the worker warn of delays, which no task here has.
    CELERY_TASK_CREATE_MISSING_QUEUE_EXCHANGE_TYPE = CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
    CELERY_WORKER_DETECT_QUORUM_QUEUES = True
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 120,
        "socket_timeout": 1 if ROLE == "web" else 5,
        "socket_connect_timeout": 1,
    }
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "channels_app.tasks.inbound_*": {"queue": "inbound"},
    "channels_app.tasks.deliver_*": {"queue": "outbound"},
    "channels_app.tasks.media_*": {"queue": "media"},
    # They send mail: a server that hangs must not stand in the way of deadlines.
    "queue_app.tasks.line_notices_sweep": {"queue": "default"},
    "queue_app.tasks.*": {"queue": "timers"},
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
DJANGO_CELERY_BEAT_TZ_AWARE = True
SWEEP_SECONDS = 5
# Ticks expire after their interval: a worker that was away does not find a heap of them.
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for name, task, seconds in (
        ("timers", "queue_app.tasks.timers_sweep", SWEEP_SECONDS),
        ("outbox", "channels_app.tasks.deliver_sweep", SWEEP_SECONDS),
        ("pending-events", "channels_app.tasks.inbound_sweep", SWEEP_SECONDS),
        ("desk", "queue_app.tasks.desk_sweep", 30),
        ("schedules", "queue_app.tasks.schedules_sweep", 30),
        ("notices", "queue_app.tasks.line_notices_sweep", 30),
        ("media", "channels_app.tasks.media_sweep", 30),
        ("clean", "channels_app.tasks.inbound_clean", 3600),
        ("templates", "channels_app.tasks.templates_sweep", 6 * 3600),
        ("secrets", "channels_app.tasks.secrets_sweep", 7 * 86_400),
    )
}

# --- the outside world --------------------------------------------------------------------

vars().update(env.email("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="openlines@localhost")

# --- files --------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
MEDIA_ROOT = VAR / "media"
# Customers' files are never under a public address: views hand them out, as attachments.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- languages ----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pt-br", _("Portuguese (Brazil)"))]
LOCALE_PATHS = [BASE_DIR / "openlines_project" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # a line's own zone is data

# --- API ----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["channels_app.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["channels_app.api.permissions.KeyScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["channels_app.api.parsers.SafeJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "openlines_project.lib.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "channels_app.api.schema.ApiSchema",
    # OPTIONS would describe the forms once more, and `?format=` is no filter.
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "channels_app.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Open Lines API",
    "VERSION": "1",
    "DESCRIPTION": "Open channels, conversations, sessions and operators for other programs.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "DutyEnum": "queue_app.models.DutyState",
        "SessionStateEnum": "queue_app.models.SessionState",
        "EventStateEnum": "channels_app.models.EventState",
    },
}

# --- logs ---------------------------------------------------------------------------------

LOGGING = logging_settings(
    level=env.str("LOG_LEVEL", default="INFO"), json=env.bool("LOG_JSON", default=not EMBEDDED)
)

# --- administration -----------------------------------------------------------------------

UNFOLD = admin_theme()
