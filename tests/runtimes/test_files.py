"""What a model's folder may hold (security cases 77 and 79)."""

import json
from pathlib import Path

import pytest

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.files import MANIFEST, check_folder, source_of, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an intact model."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.gguf").write_bytes(b"GGUF weights")
    (folder / "config.json").write_text("{}")
    write_manifest(folder, {"sha256": "1"})
    return folder


def test_it_accepts_what_was_installed(folder: Path) -> None:
    check_folder(folder)

    assert source_of(folder) == {"sha256": "1"}


def test_it_refuses_a_file_that_was_swapped(folder: Path) -> None:
    (folder / "weights.gguf").write_bytes(b"GGUF weighty")

    with pytest.raises(RuntimeFailure, match="changed or damaged"):
        check_folder(folder)


def test_it_refuses_a_file_that_is_gone(folder: Path) -> None:
    (folder / "config.json").unlink()

    with pytest.raises(RuntimeFailure, match="missing"):
        check_folder(folder)


@pytest.mark.parametrize("name", ["modeling.py", "weights.bin", "data.pkl", "weights.ckpt", "index"])
def test_it_refuses_code_and_pickles(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x80\x04")

    with pytest.raises(RuntimeFailure, match="not a kind of file"):
        check_folder(folder)


def test_it_refuses_a_pickle_that_is_called_gguf(folder: Path) -> None:
    (folder / "other.gguf").write_bytes(b"\x80\x04\x95abcdef")

    with pytest.raises(RuntimeFailure, match="not what its name says"):
        check_folder(folder)


def test_it_refuses_a_pickle_that_is_called_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x04\x95abcdefghijk")

    with pytest.raises(RuntimeFailure, match="not what its name says"):
        check_folder(folder)


def test_it_refuses_a_file_that_was_added(folder: Path) -> None:
    (folder / "more.json").write_text("{}")

    with pytest.raises(RuntimeFailure, match="does not belong"):
        check_folder(folder)


def test_it_refuses_a_link(folder: Path) -> None:
    (folder / "passwd.txt").symlink_to("/etc/passwd")

    with pytest.raises(RuntimeFailure, match="link"):
        check_folder(folder)


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param(json.dumps({"files": []}), id="no files"),
        pytest.param(json.dumps({"files": {"config.json": 1}}), id="no sizes"),
    ],
)
def test_it_refuses_a_manifest_that_cannot_be_read(folder: Path, manifest: str) -> None:
    (folder / MANIFEST).write_text(manifest)

    assert source_of(folder) == {}
    with pytest.raises(RuntimeFailure):
        check_folder(folder)


def test_it_says_that_a_model_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="not installed"):
        check_folder(tmp_path / "absent")
