"""Where the database and the broker are: given by URL, or the embedded ones below var/.

Both embedded services listen on Unix sockets only. A socket's path may have at most 107 bytes, which a deep
checkout exceeds, so the sockets lie in a short directory whose name is derived from var/'s path.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kb_project.env import Env

DATABASE_NAME = "zhiku"
DATABASE_ROLE = "zhiku"  # whom row-level security binds; the embedded server's superuser only provisions (roles.py)


def socket_dir(env: Env) -> Path:
    """Return the directory of the embedded services' sockets; it need not exist yet."""
    digest = hashlib.sha256(str(env.var_dir.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"zhiku-{os.getuid()}-{digest}"


def redis_url(env: Env) -> str:
    """Return the address of Redis or Valkey."""
    return env.redis_url or f"unix://{socket_dir(env)}/valkey.sock"


def celery_broker_url(env: Env) -> str:
    """Return the broker's address as kombu writes it (`redis+socket://` for a Unix socket)."""
    url = urlsplit(redis_url(env))
    if url.scheme != "unix":
        return env.redis_url
    database = dict(parse_qsl(url.query)).get("db", "0")
    return f"redis+socket://{url.path}?virtual_host={database}"


def database_settings(env: Env) -> dict[str, Any]:
    """Return Django's DATABASES entry. Prepared statements stay off: a generic plan ignores SET LOCAL."""
    options: dict[str, Any] = {"prepare_threshold": None}
    if env.database_role:
        options["options"] = f"-c role={env.database_role}"  # Django's assume_role hangs in a pool
    if env.process == "web":  # each request has a thread of its own under ASGI, so kept connections would pile up
        options["pool"] = {"min_size": 1, "max_size": env.database_pool, "timeout": 10}
    base: dict[str, Any] = {
        "ENGINE": "apps.core.postgres",
        "CONN_HEALTH_CHECKS": True,  # a restarted server costs nobody a request
        "CONN_MAX_AGE": 0 if env.process == "web" else 60,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options,
    }
    if not env.database_url:
        return base | {"NAME": DATABASE_NAME, "USER": DATABASE_ROLE, "HOST": str(socket_dir(env)), "PORT": "5432"}
    url = urlsplit(env.database_url)
    if url.scheme not in {"postgres", "postgresql"}:
        raise SystemExit("KB_DATABASE_URL must start with postgresql://.")
    return base | {
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
        "OPTIONS": options | dict(parse_qsl(url.query)),
    }
