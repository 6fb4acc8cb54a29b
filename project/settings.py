"""Settings, all from the environment (`.env.example` explains each variable)."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from project.environment import Environment
from project.supabase_storage import supabase_storage_options

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

DEBUG = env.flag("DJANGO_DEBUG")
SECRET_KEY = env.text("DJANGO_SECRET_KEY", "only-for-development" if DEBUG else None)
ALLOWED_HOSTS = env.words("DJANGO_ALLOWED_HOSTS", ("127.0.0.1", "localhost"))
CSRF_TRUSTED_ORIGINS = env.words("DJANGO_CSRF_TRUSTED_ORIGINS")
# Everything stands below it, so that a proxy needn't rewrite addresses.
URL_PREFIX = env.prefix("URL_PREFIX")
# Two portals on one host keep their cookies apart; static/js/root.js makes the same names.
COOKIE_SUFFIX = URL_PREFIX.rstrip("/").replace("/", "_")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "channels",
    "realtime",
    "project.accounts",
    "project",
    "crm",
    "ticketing",
]

MIDDLEWARE = [
    "project.middleware.GiveBackMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "project.middleware.ContentSecurityPolicyMiddleware",
    "project.middleware.UnreadableRequestMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "project.middleware.PrivatePagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "realtime.pages.middleware.SightMiddleware",
    "realtime.pages.middleware.PersonMiddleware",
    "realtime.pages.middleware.ActorMiddleware",
    "realtime.pages.middleware.DraftMiddleware",
    "realtime.pages.local_times.TimeZoneMiddleware",
    "project.accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "realtime.pages.offline.ReaderMiddleware",
    # Innermost: what it answers with is what the page itself has said.
    "realtime.pages.writes.KeyedWriteMiddleware",
]

MESSAGE_STORAGE = "realtime.pages.said.MessagesWithActions"
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "project.navigation.navigation",
                "project.accounts.second_factor.confinement",
                "project.accounts.profile.preferences",
            ],
        },
    },
]

DATABASES = {
    "default": env.database("DATABASE_URL") | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True},
}
# How many connections the requests of one web process share; realtime/database/pool.py.
DATABASE_POOL_SIZE = int(env.number("DATABASE_POOL_SIZE", 10, maximum=1_000))
# A pooler in transaction mode (Supabase's port 6543) can't keep server-side cursors or prepared statements alive.
DATABASE_TRANSACTION_POOLER = env.flag("DATABASE_TRANSACTION_POOLER")
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_TRANSACTION_POOLER

REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": env.text("REDIS_PREFIX", "livedesk")},
    },
}
REDIS_PREFIX = env.text("REDIS_PREFIX", "livedesk")
CACHES = {
    "default": {
        "BACKEND": "project.shared_cache.SharedCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}.cache",
    },
}

SUPABASE_URL = env.url("SUPABASE_URL", ("http", "https"))
SUPABASE_KEY = env.text("SUPABASE_KEY")
# Signs short-lived tokens for the least-privileged role below; without it the key's own role is used.
SUPABASE_JWT_SECRET = env.text("SUPABASE_JWT_SECRET", "")
SUPABASE_REALTIME_ROLE = env.text("SUPABASE_REALTIME_ROLE", "livedesk_realtime")
SUPABASE_PUBLICATION = env.text("SUPABASE_PUBLICATION", "supabase_realtime")

REALTIME_REPOSITORIES = [
    "crm.realtime_repository.CrmRealtimeRepository",
    "ticketing.realtime_repository.TicketingRealtimeRepository",
]
# Only tests that must show Realtime alone switch the sweep off (design rule 16).
REALTIME_SWEEP = env.flag("REALTIME_SWEEP", True)
REALTIME_SWEEP_SECONDS = env.number("REALTIME_SWEEP_SECONDS", 2, minimum=0.05, maximum=3_600)
# LISTEN/NOTIFY instead of waiting for the next sweep.
REALTIME_DOORBELL = env.flag("REALTIME_DOORBELL", True)
# For comparison only: every change rereads every view of its table, as if nobody knew which views it concerns.
REALTIME_READ_EVERYTHING = env.flag("REALTIME_READ_EVERYTHING", False)
REALTIME_RETENTION_MAX_DAYS = 36_500
REALTIME_RETENTION_DAYS = env.number("REALTIME_RETENTION_DAYS", 90, maximum=REALTIME_RETENTION_MAX_DAYS)
# For comparison only: whether a list or detail that a browser has as it is is answered by 304.
PAGES_UNCHANGED = env.flag("PAGES_UNCHANGED", True)
# Webhooks may lead inside the network that the portal stands in, and there by plain http.
WEBHOOK_PRIVATE_ADDRESSES = env.flag("WEBHOOK_PRIVATE_ADDRESSES", False)
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
# Where the worker serves its own numbers, as host:port.
REALTIME_METRICS_ADDRESS = env.address("REALTIME_METRICS_ADDRESS")
REALTIME_BUILD = env.text("REALTIME_BUILD", "")

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "account_login"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "project.accounts.sign_in.StaffAdapter"
ACCOUNT_FORMS = {"login": "project.accounts.sign_in.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
# Administrators make the accounts, and vouch for the addresses in them.
ACCOUNT_SIGNUP_ENABLED = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
# docs/SECURITY.md has the reasons. A browser that the account's owner has signed in from counts by itself.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "login_failed_known": "5/5m/key",
}
# A provider of OpenID Connect (Google, Microsoft, Supabase's own).
OIDC = env.openid()
OIDC_MAKES_ACCOUNTS = env.flag("OIDC_MAKES_ACCOUNTS")
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [OIDC] if OIDC else []}}
SOCIALACCOUNT_ADAPTER = "project.accounts.single_sign_on.StaffSocialAdapter"
# A form can't be sent there: the policy of the pages lets forms go to this portal only.
SOCIALACCOUNT_LOGIN_ON_GET = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Livedesk"
# A phone's clock may be half a minute off.
MFA_TOTP_TOLERANCE = 1
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# How many proxies in front of the web processes write the client's address into X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = int(env.number("TRUSTED_PROXIES", 0, maximum=10))

# Mail, for resetting passwords.
globals().update(env.mail("EMAIL_URL"))
MAIL_IS_SET_UP = bool(env.text("EMAIL_URL", ""))
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "livedesk@localhost")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# static/js/root.js takes the portal's root from it.
STATIC_URL = f"{URL_PREFIX}static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / ".local" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.static_files.ModuleManifestStaticFilesStorage"},
}

# What sort of keys the live tables have; read again by ``realtime/keys.py``.
LIVE_KEYS = env.one_of("LIVE_KEYS", ("uuid", "bigint"))
# Where an app that the database was adopted from keeps the names of its people.
APP_PEOPLE = env.people("APP_PEOPLE")

_secure = env.flag("DJANGO_SECURE_COOKIES", False)
SESSION_COOKIE_SECURE = _secure
# Browsers offer passkeys on https and on localhost only.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _secure
CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = f"sessionid{COOKIE_SUFFIX}"
CSRF_COOKIE_NAME = f"csrftoken{COOKIE_SUFFIX}"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = URL_PREFIX
# static/js/form-token.js reads it, so that a form opened before a new sign-in can still be sent.
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "realtime.pages.unsent.out_of_date"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_SSL_REDIRECT = env.flag("DJANGO_HTTPS_REDIRECT")
# Probes come from beside the process, not through the proxy.
SECURE_REDIRECT_EXEMPT = [rf"^{URL_PREFIX[1:]}(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = int(env.number("DJANGO_HSTS_SECONDS", 0))
# What else is served below this host's name is not for us to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.flag("DJANGO_BEHIND_HTTPS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise ImproperlyConfigured(f"LOG_LEVEL is '{LOG_LEVEL}'; it takes one of DEBUG, INFO, WARNING, ERROR.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"refusals": {"()": "project.log_filter.RefusalsAreNoFailures"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]},
        # A logger without any handler prints through Python's last resort.
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # supabase-py logs whole frames, which hold record contents: each one at debug, the unparsable ones at error.
        "realtime": {"level": LOG_LEVEL},
        "realtime._async": {"level": "ERROR", "handlers": ["nowhere"], "propagate": False},
        "httpx": {"level": "WARNING"},
        # At debug it logs the values of rows that it can't import.
        "import_export": {"level": "WARNING"},
        # With Redis away it logs a traceback every second; the hub says so in one line.
        "channels_redis": {"level": "CRITICAL"},
        # With PostgreSQL away it logs each attempt in several lines; a failed request says why in one.
        "psycopg.pool": {"level": "ERROR"},
        "websockets": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
    },
}

# Attachments. Their files have no address of their own: a view checks the right, then streams them.
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(BASE_DIR / ".local" / "media")))
ATTACHMENT_MAX_BYTES = int(env.number("ATTACHMENT_MAX_MB", 25, minimum=0.001) * 1024 * 1024)
ATTACHMENT_TYPES = [
    extension.lower().lstrip(".")
    for extension in env.words(
        "ATTACHMENT_TYPES",
        # The types of documents, pictures, recordings and mails; nothing that a browser or a desktop would run.
        (
            *("pdf", "txt", "log", "md", "csv", "json", "rtf", "eml", "msg", "ics", "vcf", "zip"),
            *("doc", "docx", "odt", "xls", "xlsx", "ods", "ppt", "pptx", "odp"),
            *("png", "jpg", "jpeg", "gif", "webp", "heic", "mp3", "m4a", "wav", "mp4", "mov", "webm"),
        ),
    )
]
# First in line, for every upload: it drops what exceeds the limit as it arrives.
FILE_UPLOAD_HANDLERS = [
    "ticketing.uploads.SizeLimitUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Uses Supabase Storage instead of the disk when its variables are set.
if _supabase_storage := supabase_storage_options(env):
    STORAGES |= {"default": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _supabase_storage}}
