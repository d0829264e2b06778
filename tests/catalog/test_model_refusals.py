"""What is refused before anything opens it: security cases 77 to 80."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import errors
from apps.catalog.inspecting import inspect
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.gguf import read_gguf
from apps.runtimes.llama.template_trial import try_template
from tests.runtimes.tiny_bert import write

MARK = b"cos\nsystem\n(S'touch /tmp/zhiku-pwned'\ntR."


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(path: Path, *, template: str = "", architecture: str = "llama", cut: int = 0, **more: int) -> Path:
    """Write a GGUF file of one tensor of 32 numbers."""
    entries = [text("general.architecture") + struct.pack("<I", 8) + text(architecture)]
    if template:
        entries.append(text("tokenizer.chat_template") + struct.pack("<I", 8) + text(template))
    entries.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"))
    entries.append(text(f"{architecture}.context_length") + struct.pack("<II", 4, 2048))
    entries += [text(name) + struct.pack("<II", 4, value) for name, value in more.items()]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries)) + b"".join(entries)
    head += text("t") + struct.pack("<IQIQ", 1, 32, 0, 0)
    data = head + b"\0" * (-len(head) % 32) + b"\0" * 128
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[: len(data) - cut])
    return path


@pytest.fixture(autouse=True)
def models_dir(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.MODELS_DIR = tmp_path
    yield tmp_path
    assert not Path("/tmp/zhiku-pwned").exists()  # noqa: S108


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "tiny")
    return tmp_path / "tiny"


def put(name: str, content: bytes) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return do


def link(folder: Path) -> None:
    (folder / "secret.json").symlink_to("/etc/passwd")


def link_folder(folder: Path) -> None:
    (folder / "other").symlink_to("/etc")


def edit(name: str, **fields: Any) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        path = folder / name
        content = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(content | fields))

    return do


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (put("pytorch_model.bin", b"\x80\x02" + MARK), "model-code"),
        (put("model.ckpt", MARK), "model-code"),
        (put("index.json", b"\x80\x04\x95" + MARK), "model-code"),  # a pickle by another name
        (put("weights.safetensors", b"PK\x03\x04" + b"\0" * 40), "model-content"),
        (put("vocab2.txt", b"PK\x03\x04torch"), "model-code"),
        (put("a/b/modeling.py", b"import os"), "model-code"),
        (put("run.txt", b"#!/bin/sh\n"), "model-code"),
        (put("x.weird", b"?"), "model-file"),
        (put("bad.json", b"{nope"), "model-content"),
        (put("deep.json", b"[" * 5_000 + b"]" * 5_000), "model-content"),
        (link, "model-link"),
        (link_folder, "model-link"),
        (edit("config.json", auto_map={"AutoModel": "modeling.Evil"}), "model-config"),
        (edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["t.Evil", None]}), "model-config"),
        (edit("config.json", text_config={"vision": [{"trust_remote_code": True}]}), "model-config"),
        (put("modules.json", b'[{"type": "evil.Module", "path": ""}]'), "model-config"),
        (put("modules.json", b'[{"type": "sentence_transformers.models.Transformer", "path": "../x"}]'), "model-link"),
        (put("model_index.json", b'{"_class_name": "P", "unet": ["my_code", "UNet"]}'), "model-config"),
        (edit("model_index.json", custom_pipeline="evil"), "model-config"),
    ],
)
def test_security_cases_77_and_79_code_in_a_model_is_refused(
    folder: Path, change: Callable[[Path], None], code: str
) -> None:
    change(folder)

    with pytest.raises(errors.ModelRefused) as refused:
        inspect(folder)

    assert refused.value.code == code
    assert refused.value.sentence()


def test_it_refuses_weights_that_were_cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(errors.Garbled):
        inspect(folder)


def test_it_takes_what_is_in_order(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: [en, zh]\n---\nHello")
    (folder / ".gitattributes").write_text("*.bin filter=lfs")

    found = inspect(folder)

    assert (found.kind, found.runtime, found.dimensions, found.max_tokens) == (
        "embedding", "sentence_transformers", 16, 48,
    )  # fmt: skip
    assert (found.licence, found.languages, found.card) == ("apache-2.0", "en zh", "Hello")


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.popen('touch /tmp/zhiku-pwned').read() }}{{ messages[-1]['content'] }}",
        "{{ messages.__class__.__mro__[1].__subclasses__() }}{{ messages[-1]['content'] }}",
        "{{ ''.__class__ }}{{ messages[-1]['content'] }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{{ messages[-1]['content'] }}",
        "{{ 'a' * 10**11 }}{{ messages[-1]['content'] }}",
        "{% if %}",
        "no question at all",
    ],
)
def test_security_case_78_a_chat_template_that_breaks_out_is_refused(tmp_path: Path, template: str) -> None:
    gguf(tmp_path / "m" / "m.gguf", template=template)

    with pytest.raises(errors.TemplateRefused):
        inspect(tmp_path / "m")


def test_it_tries_a_good_template(tmp_path: Path) -> None:
    good = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
    gguf(tmp_path / "m" / "m.gguf", template=good)

    found = inspect(tmp_path / "m")

    assert try_template(good) == ""
    assert (found.kind, found.is_instruct, found.max_tokens) == ("chat", True, 2048)
    assert found.path == "m/m.gguf"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: gguf(path, cut=100), "model-content"),
        (lambda path: gguf(path, architecture="bert"), "model-architecture"),
        (lambda path: path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60)), "model-content"),
        (lambda path: path.write_bytes(b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62)), "model-content"),
        (lambda path: path.write_bytes(b"GGUF\x03"), "model-content"),
        (lambda path: path.write_bytes(b"\x80\x04hello"), "model-code"),
        (lambda path: gguf(path, **{"split.count": 3}), "model-unknown"),
    ],
)  # fmt: skip
def test_it_refuses_gguf_files_that_cannot_be(tmp_path: Path, make: Callable[[Path], object], code: str) -> None:
    path = tmp_path / "m" / "m.gguf"
    path.parent.mkdir()
    make(path)

    with pytest.raises(errors.ModelRefused) as refused:
        inspect(tmp_path / "m")

    assert refused.value.code == code


def test_it_reads_no_garbled_gguf_file_for_long(tmp_path: Path) -> None:
    """Every cut and many single changed bytes end in a RuntimeFailure or a reading, never in another error."""
    data = gguf(tmp_path / "g.gguf", template="x").read_bytes()
    path = tmp_path / "h.gguf"
    for at in range(0, len(data) - 128, 3):
        for changed in (data[:at], data[:at] + b"\xff" + data[at + 1 :]):
            path.write_bytes(changed)
            try:
                read_gguf(path)
            except RuntimeFailure:
                continue
