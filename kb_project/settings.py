"""Django's settings, made from `kb_project.env`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from kb_project.addresses import celery_broker_url, database_settings, redis_url
from kb_project.env import BASE_DIR, env
from kb_project.secrets import secret_key

ENV = env()
VERSION = "0.1.0"  # as in pyproject.toml; a test compares them
VAR_DIR: Path = ENV.var_dir
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no model hub is ever asked
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns in every forked worker otherwise

SECRET_KEY = secret_key(ENV)
DEBUG = ENV.debug
ALLOWED_HOSTS = [host.strip() for host in ENV.allowed_hosts.split(",") if host.strip()]
PUBLIC_URL = ENV.public_url or f"http://127.0.0.1:{ENV.port}"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "channels",
    "rest_framework",
    "django_htmx",
    "template_partials",
    "apps.core",
    "apps.users",
    "apps.metering",
    "apps.audit",
    "apps.catalog",
    "apps.libraries",
    "apps.ingestion",
    "apps.chat",
    "apps.images",
    "apps.evaluation",
    "apps.console",
]

MIDDLEWARE = [
    "apps.users.wall.NobodyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.core.middleware.RequestIdMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.users.api_middleware.ApiKeyMiddleware",  # before all that asks who the person is and which teams they work in
    "apps.users.middleware.PersonLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.users.middleware.CurrentTeamMiddleware",
    "apps.users.wall.TeamsMiddleware",
    "apps.users.sessions_middleware.LastSeenMiddleware",
    "apps.users.mfa_middleware.SecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
    "apps.core.middleware.ProblemMiddleware",
]

ROOT_URLCONF = "kb_project.urls"
ASGI_APPLICATION = "kb_project.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "kb_project.context.shell",
            ],
        },
    }
]

DATABASES = {"default": database_settings(ENV)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = redis_url(ENV)
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "kb_session"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "kb_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENV.behind_tls
SECURE_HSTS_SECONDS = 31_536_000 if ENV.behind_tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.behind_tls
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.behind_tls else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

_SELF = "'self'"
_SIGN_ON = ["{0.scheme}://{0.netloc}".format(urlsplit(ENV.oidc_issuer))] if ENV.oidc_issuer else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [_SELF, "'wasm-unsafe-eval'"],  # pdf.js decodes JPEG 2000 pictures by WebAssembly
        "style-src": [_SELF],
        "style-src-attr": ["'unsafe-inline'"],  # pdf.js places text and progress bars set a width
        "img-src": [_SELF, "data:", "blob:"],
        "font-src": [_SELF, "data:"],
        "connect-src": [_SELF],
        "worker-src": [_SELF, "blob:"],
        "manifest-src": [_SELF],
        "form-action": [_SELF, *_SIGN_ON],  # the form of the sign-in page is led on to the provider
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

AUTH_USER_MODEL = "users.User"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # the e-mail is unique, by a constraint on its lower case
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses who is locked out, before a password is compared
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("email", "name")}},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": ENV.password_min_length}},
    {"NAME": "apps.users.passwords.BreachValidator"},
    {"NAME": "apps.users.passwords.GuessValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "apps.users.adapter.AccountAdapter"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # mail goes to stored addresses alone
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.trusted_proxies
# Each IP address; each account from everywhere. Account and address together are django-axes' (below).
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,100/h/key"}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""  # it would be the Host header of the request
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_ADAPTER = "apps.users.mfa_adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Zhiku"
MFA_TOTP_TOLERANCE = 1  # half a minute of a clock that is wrong
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an installation without a mail server has no proven addresses
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False
SOCIALACCOUNT_ADAPTER = "apps.users.oidc.SignOnAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"  # the provider's word, or no account (SignOnAdapter)
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = False
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = ENV.lockout_failures
AXES_COOLOFF_TIME = timedelta(minutes=ENV.lockout_minutes)
AXES_USERNAME_CALLABLE = "apps.users.signin.typed_address"
AXES_CLIENT_IP_CALLABLE = "apps.users.client_address.client_ip"
AXES_LOCKOUT_CALLABLE = "apps.users.signin.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the audit log is the log
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if ENV.smtp_host else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = ENV.smtp_host, ENV.smtp_port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENV.smtp_user, ENV.smtp_password.get_secret_value()
EMAIL_USE_TLS, EMAIL_USE_SSL = ENV.smtp_security == "starttls", ENV.smtp_security == "tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = ENV.mail_from

LANGUAGE_CODE = ENV.language
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_COOKIE_NAME = "kb_language"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["kb_project.formats"]
TIME_ZONE = ENV.time_zone
USE_I18N = USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "media"
MODELS_DIR = VAR_DIR / "models"
FILE_UPLOAD_HANDLERS = ["apps.core.uploading.PatientUploadHandler"]  # bounded memory
FILE_UPLOAD_TEMP_DIR = VAR_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)  # Django refuses to start without it
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_NUMBER_FILES = ENV.upload_max_files
SERVESTATIC_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}

CELERY_BROKER_URL = celery_broker_url(ENV)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the lease in PostgreSQL brings the work back, and counts the tries
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_TASK_PUBLISH_RETRY = False  # a bell; the poller rings again
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # a second delivery finds the lease held
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False
CELERY_DB_REUSE_MAX = 2**31  # tasks on one connection: kb_project.celery closes those that are old or broken
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The longest task ends before the broker would give it to a second worker (celery#5935); named in three places.
VISIBILITY_TIMEOUT_S = max(3_600, 2 * ENV.parse_wall_s + 1_200)
CELERY_VISIBILITY_TIMEOUT = VISIBILITY_TIMEOUT_S
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",  # queues are served in the order a worker names them
    "visibility_timeout": VISIBILITY_TIMEOUT_S,
    "socket_keepalive": True,
    "socket_connect_timeout": 1,
    "socket_timeout": 1 if ENV.process == "web" else 30,  # nobody's upload waits for a broker that hangs
    "health_check_interval": 20,
    "retry_on_timeout": ENV.process != "web",
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": VISIBILITY_TIMEOUT_S}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.users.api_auth.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "apps.users.api_auth.KeyHasScope",
    ],
    "DEFAULT_PARSER_CLASSES": ["apps.core.json_bodies.BodyParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "apps.core.api.problem_response",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is the views' own
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "apps.core.logging.JsonFormatter" if ENV.log_json else "apps.core.logging.LineFormatter"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": ENV.log_level},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "axes": {"level": "ERROR"},  # the audit log tells of sign-ins
        # Two lines for each task, most of them pollers; our own tasks log what they did.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "sentence_transformers": {"level": "WARNING"},
    },
}
