"""Django settings. Everything that differs between machines comes from `environment`."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF

from controlplane.config.environment import read_environment
from controlplane.observability.logs import logging_for

django_stubs_ext.monkeypatch()

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = read_environment(os.environ)
DATA_DIR = ENVIRONMENT.data_dir
KEYS_DIR = ENVIRONMENT.keys_dir
KEYS_JSON = DATA_DIR / "keys.json"
ROOT_PUB = DATA_DIR / "root.pub"
METRICS_TOKEN_FILE = ENVIRONMENT.metrics_token_file
REDIS_URL = ENVIRONMENT.redis_url
KILL_LOWER_SECOND_PERSON = ENVIRONMENT.second_person
RECEIPTS_BROKER_URL = ENVIRONMENT.receipts_broker_url
PUBLIC_URL = ENVIRONMENT.public_url
FETCH_ALLOW = ENVIRONMENT.fetch_allow
NOTIFY = ENVIRONMENT.notify

SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
DEBUG = False
ROOT_URLCONF = "controlplane.config.urls"
WSGI_APPLICATION = "controlplane.config.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "controlplane.accounts",
    "controlplane.inventory",
    "controlplane.principals",
    "controlplane.credentials",
    "controlplane.grants",
    "controlplane.policy",
    "controlplane.incidents",
    "controlplane.fleet",
    "controlplane.receipts",
    "controlplane.dashboard",
    "controlplane.api",
    "controlplane.observability",
    "controlplane.notices",
    "controlplane.embedded",
    "controlplane.config.apps.DrawbridgeAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "simple_history",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "controlplane.observability.middleware.traced",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "controlplane.common.unseen.unseen_made_visible",
    "controlplane.common.foreign_redirect.foreign_redirect",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "controlplane.accounts.sessions.limited_sessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "controlplane.accounts.second_factor.second_factor_required",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.dashboard.frame.frame",
            ],
        },
    }
]

# IMMEDIATE: a transaction that reads first and writes later would fail at once beside another writer.
# FULL: an acknowledgement that leaves after the commit must survive a power loss, and so must a kill switch.
_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "db.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        " PRAGMA recursive_triggers=ON;",
    },
    "TEST": {"NAME": f"/tmp/drawbridge-test-{os.getpid()}.sqlite3"},  # noqa: S108 - one file a test process
}
DATABASES = {
    "default": dict(dj_database_url.parse(ENVIRONMENT.database_url, conn_max_age=60, conn_health_checks=True))
    if ENVIRONMENT.database_url
    else _SQLITE
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# In the database: limits of sign-in must be shared by all processes, and hold while Redis is away.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # of 300, a flood of names would push out its own address's counter
    }
}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["controlplane.config.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
# An image has collected them under names that follow what is in them; otherwise they are served from where they lie.
_COLLECTED = (STATIC_ROOT / "staticfiles.json").exists()
_STATIC = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC if _COLLECTED else "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not _COLLECTED
WHITENOISE_MAX_AGE = 300

_TLS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = _TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _TLS else None  # TLS ends in a proxy in front
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # probes ask on the inside, where TLS has ended
# a browser that trusts a local authority would ask everything on localhost by https from then on
_HSTS = _TLS and urlsplit(PUBLIC_URL).hostname != "localhost"
SECURE_HSTS_SECONDS = 31_536_000 if _HSTS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HSTS
SECURE_HSTS_PRELOAD = _HSTS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Strict would lose the way back from an identity provider
SESSION_COOKIE_AGE = 30 * 60
SESSION_COOKIE_NAME = "drawbridge_session"
CSRF_COOKIE_NAME = "drawbridge_csrf"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # passwords are set through links that an admin hands on

ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxies  # whose address the limits of sign-in count
ACCOUNT_ADAPTER = "controlplane.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
SOCIALACCOUNT_ADAPTER = "controlplane.accounts.adapter.SocialAccountAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Drawbridge"
MFA_REQUIRED = _TLS  # on loopback, one's own machine, it is optional

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.api.parsers.StrictJsonParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],  # `controlplane.api.views.ApiView` names ours; without one nobody gets in
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "controlplane.api.problems.handle",
    "NUM_PROXIES": 1 if _TLS else 0,
    "UNICODE_JSON": False,  # what a terminal prints of an answer is plain ASCII, whatever a tool calls itself
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Drawbridge",
    "VERSION": "1",
    "DESCRIPTION": "Which tools exist, who may call what, what is switched off, and what happened.",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # the validator is somebody else's site
}

LOGGING = logging_for(ENVIRONMENT.log_format)
SILENCED_SYSTEM_CHECKS: list[str] = []
