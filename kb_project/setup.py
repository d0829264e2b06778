"""Everything between installed packages and a product that can start: models, translations, tables, static files.

Each step is idempotent and either finishes or leaves what was there before.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from kb_project.bootstrap import fail, say
from kb_project.embedded import ensure_services
from kb_project.env import BASE_DIR, env
from kb_project.roles import provision

SMALLEST_FREE_MIB = 512


class _Command:
    """A management command in a process of its own, so that it runs beside other steps."""

    def __init__(self, *arguments: str) -> None:
        self.name = arguments[0]
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "manage.py", *arguments], cwd=BASE_DIR, stderr=subprocess.PIPE, text=True
        )

    def finish(self) -> None:
        """Wait; the last line of stderr becomes our one sentence when it failed."""
        _, errors = self.process.communicate()
        if self.process.returncode:
            lines = [line for line in errors.strip().splitlines() if line.strip()] or ["no message"]
            fail(f"{self.name}: {lines[-1].removeprefix('CommandError: ')}")


def _step(title: str, work: Callable[[], None]) -> None:
    began = time.monotonic()
    work()
    seconds = time.monotonic() - began
    if seconds > 1:
        say(f"{title} ({seconds:.1f} s)")


def _make_folders() -> None:
    for name in ("log", "media", "models", "tmp", "run"):
        (env().var_dir / name).mkdir(parents=True, exist_ok=True)
    statistics = os.statvfs(env().var_dir)
    free_mib = statistics.f_bavail * statistics.f_frsize / 2**20
    if free_mib < SMALLEST_FREE_MIB:
        fail(
            f"{free_mib:.0f} MiB are free on the disk of {env().var_dir}; "
            f"the product needs {SMALLEST_FREE_MIB} MiB to start."
        )


def _compile_messages() -> None:
    from kb_project.messages import compile_all

    compile_all()


def _collect_static() -> None:
    """Copy the static files unless none has changed since the last time."""
    from django.core.management import call_command

    stamp = env().var_dir / "static" / ".stamp"
    wanted = _static_stamp()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(wanted)


def _static_stamp() -> str:
    digest = hashlib.sha256((BASE_DIR / "requirements.txt").read_bytes())
    for path in sorted((BASE_DIR / "static").rglob("*")):
        status = path.stat()
        digest.update(f"{path}{status.st_mtime_ns}{status.st_size}".encode())
    return digest.hexdigest()


def _migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def prepare_database() -> None:
    """Bring the tables up to date and enter the models: what a container needs before the processes start."""
    import django

    import kb_project.celery  # noqa: F401  (tasks that are sent from here find their broker through it)

    if env().database_url and env().database_role:
        database = urlsplit(env().database_url).path.lstrip("/")
        provision(env().database_url, unquote(database), env().database_role)
    django.setup()
    _migrate()
    _register_models()


def _register_models() -> None:
    """Enter the models that lie in var/models, and index the vectors of each embedding model."""
    from apps.catalog.models import AIModel
    from apps.catalog.services import register_models
    from apps.libraries.vectors import ensure_vector_index

    register_models()
    for model in AIModel.objects.filter(kind=AIModel.Kind.EMBEDDING, dimensions__isnull=False):
        ensure_vector_index(model)


def prepare() -> None:
    """Do every step; raises SystemExit with one sentence when one cannot be done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")
    _make_folders()
    models = _Command("install_models")
    try:
        import django

        import kb_project.celery  # noqa: F401  (tasks that are sent from here find their broker through it)

        django.setup()
        _step("translations are compiled", _compile_messages)
        _step("static files are collected", _collect_static)
        _step("database and broker run", ensure_services)
        _step("tables are up to date", _migrate)
        _step("models are in place", models.finish)
    finally:
        models.process.terminate()
    _step("models are registered", _register_models)


def main() -> None:
    """Prepare, then let the services go again."""
    try:
        prepare()
    except KeyboardInterrupt:
        fail("stopped; the next call goes on from the last finished step.")
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or env().var_dir}")


if __name__ == "__main__":
    main()
