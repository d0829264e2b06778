"""Archives: members are attached with their folders, hostile ones are refused and nothing is ever extracted."""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from apps.ingestion import parse_errors
from apps.ingestion.parsers import host
from apps.ingestion.parsers.types import ParseLimits, Task
from apps.libraries.types import Attached

LIMITS = ParseLimits(wall_s=60, cpu_s=30, memory_mib=600)


def packed(members: dict[str, bytes], path: Path | None = None) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    if path is not None:
        path.write_bytes(data.getvalue())
    return data.getvalue()


def attached(path: Path, *, password: str | None = None, limits: ParseLimits = LIMITS) -> dict[str, Attached]:
    parsed = host.parse(path, name=path.name, limits=limits, password=password)
    return {f"{part.folder}/{part.name}".strip("/"): part for part in parsed.attached}


def code_of(path: Path, limits: ParseLimits = LIMITS, password: str | None = None) -> str:
    with pytest.raises(parse_errors.ParseError) as refused:
        host.parse(path, name=path.name, limits=limits, password=password)
    assert refused.value.sentence()
    return refused.value.code


def test_it_attaches_members_with_their_folders_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    packed({"one.txt": b"One.", "deep/er/two.md": b"# Two", "空/三.txt": "三。".encode()}, path)

    with host.read(Task(str(path), "a.zip", None, LIMITS)) as reading:
        found = {f"{part.folder}/{part.name}": part for part in reading.parsed.attached}
        contents = {name: b"".join(reading.pieces(part.data)) for name, part in found.items() if part.data}

    assert contents == {"/one.txt": b"One.", "deep/er/two.md": b"# Two", "空/三.txt": "三。".encode()}


def test_it_opens_archives_in_archives_and_shows_them_as_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    packed({"in/b.zip": packed({"c.txt": b"See."}), "d.docx.zip": packed({"e.txt": b"Eh."})}, path)

    assert set(attached(path)) == {"in/b.zip/c.txt", "d.docx.zip/e.txt"}


def test_it_lists_what_it_cannot_read_and_leaves_out_what_systems_leave_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    junk = {"__MACOSX/._a.txt": b"x", ".DS_Store": b"x", "Thumbs.db": b"x", ".git/config": b"x"}
    packed({"a.txt": b"A.", "tool.exe": b"MZ\x90\0" + bytes(99), "empty.txt": b"", **junk}, path)

    assert {name: part.reason for name, part in attached(path).items()} == {
        "a.txt": "",
        "tool.exe": "unsupported-format",
        "empty.txt": "empty",
    }


def test_it_refuses_an_archive_without_anything_to_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    packed({"tool.exe": b"MZ\x90\0" + bytes(99)}, path)

    assert code_of(path) == "no-parts"


@pytest.mark.parametrize("name", ["名字.txt", "文件夹/报告.txt"])
def test_it_decodes_names_that_old_programs_wrote_in_their_code_page(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    placeholder = "x" * len(name.encode("gb18030"))
    data = packed({placeholder: b"Text."}).replace(placeholder.encode(), name.encode("gb18030"))
    path.write_bytes(data)

    assert set(attached(path)) == {name}


@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/etc/cron.d/x", "C:\\x.txt", "..\\..\\x.txt", "..", "a\0.txt"]
)
def test_row_66_it_refuses_entries_that_point_outside(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    placeholder = "q" * len(name.encode())
    path.write_bytes(packed({"ok.txt": b"ok", placeholder: b"evil"}).replace(placeholder.encode(), name.encode()))

    assert code_of(path) == "unsafe-archive"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR], ids=["link", "pipe", "device"])
def test_row_66_it_refuses_entries_that_are_no_files(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "a.zip"
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
        archive.writestr("link/x", "evil")

    assert code_of(path) == "unsafe-archive"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.txt", "A.TXT"])
def test_row_66_it_refuses_two_entries_in_one_place(tmp_path: Path, second: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "one")
        archive.writestr(second, "other")

    assert code_of(path) == "unsafe-archive"


def test_row_67_it_refuses_what_unpacks_out_of_proportion(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    packed({"a.txt": bytes(64 << 20)}, path)

    assert code_of(path) == "archive-bomb"


def test_row_67_it_counts_nested_archives_together(tmp_path: Path) -> None:
    """42.zip: each level alone looks harmless."""
    inner = packed({f"{n}.txt": b"words " * 300_000 for n in range(4)})
    path = tmp_path / "a.zip"
    packed({f"{n}.zip": inner for n in range(8)}, path)

    assert code_of(path) == "archive-bomb"


def test_row_67_it_goes_no_deeper_than_three(tmp_path: Path) -> None:
    data = b"Bottom."
    name = "a.txt"
    for level in range(4):
        data, name = packed({name: data}), f"{level}.zip"
    path = tmp_path / "deep.zip"
    path.write_bytes(data)

    assert code_of(path) == "archive-bomb"
    path.write_bytes(packed({"1.zip": packed({"2.zip": packed({"a.txt": b"Bottom."})})}))
    assert set(attached(path)) == {"1.zip/2.zip/a.txt"}


def test_row_67_it_refuses_a_million_entries_by_count(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.txt", b"")

    assert code_of(path) == "archive-bomb"


def test_row_67_it_does_not_believe_the_sizes_in_headers(tmp_path: Path) -> None:
    data = bytearray(packed({"a.txt": bytes(64 << 20)}))
    for mark, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.rfind(mark)
        data[at + place : at + place + 4] = struct.pack("<I", 10)
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))

    assert code_of(path) in {"archive-bomb", "no-parts"}


def test_it_asks_for_the_password_of_a_locked_archive(tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    path.write_bytes(locked(b"Secret words.", b"sesame"))

    assert code_of(path) == "encrypted"
    assert code_of(path, password="open") in {"wrong-password", "no-parts"}
    assert set(attached(path, password="sesame")) == {"a.txt"}


def test_it_reads_the_other_members_when_one_is_damaged(tmp_path: Path) -> None:
    data = bytearray(packed({"bad.txt": b"Bad bytes. " * 50, "good.txt": b"Good."}))
    at = data.find(b"bad.txt") + len(b"bad.txt")
    data[at + 5 : at + 15] = bytes(10)
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))

    assert {name: part.reason for name, part in attached(path).items()} == {"bad.txt": "broken", "good.txt": ""}


def locked(content: bytes, password: bytes) -> bytes:
    """Return an archive whose member is encrypted by the old method of ZIP (APPNOTE 6.1)."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = _crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc(keys[2], keys[1] >> 24)

    for byte in password:
        update(byte)
    crc = zlib.crc32(content)
    secret = bytearray()
    for byte in bytes(11) + bytes([crc >> 24]) + content:
        mask = (keys[2] | 2) & 0xFFFF
        secret.append(byte ^ ((mask * (mask ^ 1)) >> 8 & 0xFF))
        update(byte)
    sizes = struct.pack("<3I2H", crc, len(secret), len(content), 5, 0)
    local = b"PK\x03\x04" + struct.pack("<5H", 20, 1, 0, 0, 33) + sizes + b"a.txt" + secret
    central = b"PK\x01\x02" + struct.pack("<6H", 20, 20, 1, 0, 0, 33) + sizes + bytes(14) + b"a.txt"
    return local + central + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 1, 1, len(central), len(local), 0)


def _crc(value: int, byte: int) -> int:
    value ^= byte
    value &= 0xFFFFFFFF
    low = value & 0xFF
    for _ in range(8):
        low = (low >> 1) ^ 0xEDB88320 if low & 1 else low >> 1
    return (value >> 8) ^ low
