"""The product's settings with fake models and quick password hashes."""

import os

os.environ.setdefault("KB_CHAT_RUNTIME", "apps.runtimes.fake.load_chat")
os.environ.setdefault("KB_EMBED_RUNTIME", "apps.runtimes.fake.load_embedder")

from kb_project.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {  # no manifest: tests run without collectstatic
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Several people may test in one checkout: each names a database of their own.
DATABASES["default"]["TEST"] = {"NAME": "test_" + os.environ.get("PYTEST_DB", "zhiku")}  # noqa: F405
