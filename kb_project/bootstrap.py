"""Makes the virtual environment; runs on a bare Python, before anything is installed.

    python kb_project/bootstrap.py            the product's packages
    python kb_project/bootstrap.py --dev      the tools of `make check` and `make test` as well
    python kb_project/bootstrap.py --browser  Chromium, Chinese fonts and gettext, where apt can bring them

A finished step leaves a stamp with the hash of what it installed, so a repeated call returns at once and an
interrupted one is done again. Every failure is one sentence and exit code 1.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PIP = [str(VENV / "bin" / "python"), "-m", "pip"]
TEST_PACKAGES = ("chromium", "fonts-noto-cjk", "gettext")
NEEDED_GIB = 6  # the environment takes 2.5 GiB, models 0.8, building the wheels up to 2


def fail(sentence: str) -> NoReturn:
    """Print one sentence and end with exit code 1."""
    print(f"zhiku: {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


def say(text: str) -> None:
    """Tell what happens now; lines appear at once also in a pipe."""
    print(f"zhiku: {text}", flush=True)  # noqa: T201


def check_machine() -> None:
    """Refuse a Python, a disk or a tool chain with which the installation would break half-way."""
    if sys.version_info[:2] != (3, 11):
        fail(
            f"Python 3.11 is needed, this is {sys.version.split()[0]}; "
            "name another one by `make PYTHON=/path/to/python3.11`."
        )
    free = shutil.disk_usage(ROOT).free / 2**30
    if free < NEEDED_GIB:
        fail(f"{free:.1f} GiB are free on the disk of {ROOT}; the installation needs {NEEDED_GIB} GiB.")
    for variable, tools in (("CC", ("cc", "gcc", "clang")), ("CXX", ("c++", "g++", "clang++"))):
        if not os.environ.get(variable) and not any(map(shutil.which, tools)):
            fail(
                f"No {'C++' if variable == 'CXX' else 'C'} compiler was found; llama-cpp-python is built from source: "
                "install gcc and g++ (Debian: build-essential)."
            )


def stamp_of(files: list[Path]) -> str:
    """Return a hash of the files' contents and of the interpreter."""
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def install(name: str, files: list[Path], *options: str) -> None:
    """Install the requirement files once, with options of pip; skipped when the stamp `name` matches."""
    stamp = VENV / f"{name}.stamp"
    wanted = stamp_of(files)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    began = time.monotonic()
    if not (VENV / "bin" / "python").exists():
        check_machine()
        say(f"making the virtual environment {VENV}")
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    stamp.unlink(missing_ok=True)
    names = " and ".join(str(file.relative_to(ROOT)) for file in files)
    say(f"installing {names}" + ("" if options else " (first time: about 6 minutes on 2 cores, most of it a compiler)"))
    arguments = [argument for file in files for argument in ("-r", str(file))]
    done = subprocess.run(  # noqa: S603
        [*PIP, "install", "--disable-pip-version-check", "--progress-bar", "off", *options, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        log = ROOT / "var" / "log" / "pip.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout)
        errors = [line for line in done.stdout.splitlines() if "error" in line.lower()] or done.stdout.splitlines()[-1:]
        fail(f"pip could not install the packages ({errors[-1].strip()}); the whole output is in {log}.")
    stamp.write_text(wanted)
    say(f"packages are installed ({time.monotonic() - began:.0f} s)")


def ensure_browser() -> None:
    """Install what the tests need by apt where it is missing and this user may; else fail with its names."""
    has_fonts = any(Path("/usr/share/fonts").rglob("NotoSansCJK*"))
    if has_fonts and shutil.which("chromium") and shutil.which("xgettext"):
        return
    if not (shutil.which("apt-get") and os.getuid() == 0):
        fail(
            f"The tests need Chromium, Noto CJK fonts and gettext: apt-get install {' '.join(TEST_PACKAGES)} (as root)."
        )
    say("installing Chromium, Noto CJK fonts and gettext for the tests")
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", *TEST_PACKAGES]):
        done = subprocess.run(  # noqa: S603
            ["apt-get", *arguments],  # noqa: S607
            stdout=subprocess.DEVNULL,
            check=False,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode and arguments[0] == "install":
            fail(f"apt-get could not install {' '.join(TEST_PACKAGES)}.")


def main(arguments: list[str]) -> None:
    """Do what the arguments name."""
    if arguments not in ([], ["--dev"], ["--browser"]):
        fail(f"unknown arguments: {' '.join(arguments)}")
    if arguments == ["--browser"]:
        ensure_browser()
        return
    install("product", [ROOT / "requirements.txt"])
    install("apart", [ROOT / "kb_project" / "requirements-apart.txt"], "--no-deps")
    if arguments == ["--dev"]:
        install("dev", [ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        fail("stopped; the next call goes on from the last finished step.")
    except subprocess.CalledProcessError:
        fail("the virtual environment could not be made; install Python's venv module (Debian: python3-venv).")
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or ROOT}")
