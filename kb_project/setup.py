"""Everything between installed packages and a product that can start: models, translations, tables, static files.

Each step is idempotent and either finishes or leaves what was there before.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from kb_project.bootstrap import fail, say
from kb_project.embedded import ensure_services
from kb_project.env import BASE_DIR, env

SMALLEST_FREE_MIB = 512


def _manage(*arguments: str) -> None:
    """Run a management command in a process of its own; its last line of stderr becomes our one sentence."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *arguments], cwd=BASE_DIR, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no message"]
        fail(f"{arguments[0]}: {lines[-1].removeprefix('CommandError: ')}")


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


def prepare_database() -> None:
    """Migrate and register the models that lie in var/models."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from apps.catalog.services import register_models

    register_models()


def prepare() -> None:
    """Do every step; raises SystemExit with one sentence when one cannot be done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")
    _make_folders()
    _step("models are in place", lambda: _manage("install_models"))
    _step("translations are compiled", _compile_messages)
    _step("static files are collected", lambda: _manage("collectstatic", "--noinput", "--verbosity", "0"))
    _step("database and broker run", ensure_services)
    _step("tables are up to date", prepare_database)


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
