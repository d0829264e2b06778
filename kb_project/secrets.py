"""The installation's signing key."""

import os
import secrets
from pathlib import Path

from kb_project.env import Env

SHORTEST = 50


def secret_key(env: Env) -> str:
    """Return the key from KB_SECRET_KEY, or the one kept under var/, made at the first start."""
    given = env.secret_key.get_secret_value()
    if given:
        if len(given) < SHORTEST:
            raise SystemExit(f"KB_SECRET_KEY has {len(given)} characters; it needs at least {SHORTEST}.")
        return given
    return _kept_key(env.var_dir / "secret_key")


def _kept_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(64))
    return path.read_text().strip()
