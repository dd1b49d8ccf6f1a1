"""Django settings. Everything that differs between machines comes from `environment`."""

import os

import dj_database_url

from controlplane.config.environment import read_environment

ENVIRONMENT = read_environment(os.environ)
DATA_DIR = ENVIRONMENT.data_dir
KEYS_DIR = ENVIRONMENT.keys_dir
KEYS_JSON = DATA_DIR / "keys.json"
ROOT_PUB = DATA_DIR / "root.pub"
REDIS_URL = ENVIRONMENT.redis_url
RECEIPTS_BROKER_URL = ENVIRONMENT.receipts_broker_url
PUBLIC_URL = ENVIRONMENT.public_url
FETCH_ALLOW = ENVIRONMENT.fetch_allow

SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
DEBUG = False
ROOT_URLCONF = "controlplane.config.urls"
WSGI_APPLICATION = "controlplane.config.wsgi.application"

INSTALLED_APPS = [
    "controlplane.inventory",
    "controlplane.principals",
    "controlplane.grants",
    "controlplane.policy",
    "controlplane.incidents",
    "controlplane.fleet",
    "controlplane.receipts",
    "controlplane.embedded",
    "rest_framework",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

_TLS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = _TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _TLS else None  # TLS ends in a proxy in front
SECURE_HSTS_SECONDS = 31_536_000 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _TLS
SECURE_HSTS_PRELOAD = _TLS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
CSRF_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],  # each view names its own; without one nobody gets in
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
