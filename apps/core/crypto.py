"""Secrets at rest: keys of providers and the like, sealed for one place so that a copied ciphertext opens nowhere else.

Fernet (AES-128-CBC with HMAC-SHA256) under a ring of keys, newest first: the newest seals, all open. The ring is
KB_ENCRYPTION_KEYS or a file under var/ that is made at first use.
"""

import fcntl
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError

KEY_FILE = "encryption_keys"
_SEPARATOR = "\x00"


class SecretUnreadable(AppError):
    """The ciphertext was made with a lost key, for another place, or was changed."""

    status = 500
    code = "secret-unreadable"
    title = _("A stored secret cannot be read")
    detail = _("Its encryption key is missing, or the entry was moved. Enter the secret again.")


def seal(secret: str, *, place: str) -> str:
    """Return the ciphertext of a secret that belongs to `place`, for instance "catalog.model:<id>"."""
    if _SEPARATOR in place:
        message = "A place has no NUL."
        raise ValueError(message)
    return _ring().encrypt(f"{place}{_SEPARATOR}{secret}".encode()).decode()


def unseal(sealed: str, *, place: str) -> str:
    """Return the secret; raises SecretUnreadable."""
    try:
        stored, _nul, secret = _ring().decrypt(sealed.encode()).decode().partition(_SEPARATOR)
    except InvalidToken:
        raise SecretUnreadable from None
    if stored != place:
        raise SecretUnreadable
    return secret


def reseal(sealed: str) -> str:
    """Return the same secret under the newest key, as after a rotation; raises SecretUnreadable."""
    try:
        return _ring().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def rotate_keys() -> int:
    """Put a new key before the others in the file, which still open what they sealed; return how many there are."""
    with _locked() as path:
        keys = [Fernet.generate_key().decode(), *_read(path)]
        _write(path, keys)
    return len(keys)


def drop_old_keys() -> None:
    """Keep the newest key alone; what was not resealed is lost."""
    with _locked() as path:
        _write(path, _read(path)[:1])


def _ring() -> MultiFernet:
    given = settings.ENV.encryption_keys.get_secret_value()
    keys = [key.strip() for key in given.split(",") if key.strip()] or _read(settings.VAR_DIR / KEY_FILE)
    if not keys:
        with _locked() as path:
            if not _read(path):
                _write(path, [Fernet.generate_key().decode()])
            keys = _read(path)
    return MultiFernet([Fernet(key) for key in keys])


class _locked:  # noqa: N801  (reads like contextlib's)
    """Holds the lock of the key file and gives its path."""

    def __enter__(self) -> Path:
        path = Path(settings.VAR_DIR) / KEY_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return path

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def _read(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def _write(path: Path, keys: list[str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write("\n".join(keys) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
