"""The product's settings with fake models and quick password hashes."""

import os
from zlib import crc32

os.environ.setdefault("KB_CHAT_RUNTIME", "apps.runtimes.fake.load_chat")
os.environ.setdefault("KB_EMBED_RUNTIME", "apps.runtimes.fake.load_embedder")

from kb_project.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {  # no manifest: tests run without collectstatic
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Several people may test in one checkout: each names a database of their own.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405  (a thread's connection would outlive the test)
# Tests look behind the wall; PYTEST_WALL=1 runs them as the product works.
if not ENV.database_url and not os.environ.get("PYTEST_WALL"):  # noqa: F405
    DATABASES["default"]["USER"] = "postgres"  # noqa: F405
DATABASES["default"]["TEST"] = {"NAME": "test_" + os.environ.get("PYTEST_DB", "zhiku")}  # noqa: F405


def _redis_database() -> int:
    """Return a database of the broker for this worker, never 0, where a running product has its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return 1 + (crc32(os.environ.get("PYTEST_DB", "zhiku").encode()) + worker) % 15


REDIS_URL = f"{REDIS_URL}?db={_redis_database()}"  # noqa: F405
CHANNEL_LAYERS["default"]["CONFIG"]["hosts"] = [REDIS_URL]  # noqa: F405
CACHES["default"]["LOCATION"] = REDIS_URL  # noqa: F405
CELERY_BROKER_URL = "memory://"  # a task that a test sends must not reach a running product's worker
CELERY_BROKER_TRANSPORT_OPTIONS = {}
MIDDLEWARE.remove("servestatic.middleware.ServeStaticMiddleware")  # noqa: F405  (it warns without collectstatic)
