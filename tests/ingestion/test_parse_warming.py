"""What the zygote reads before it serves, so that each child begins warm."""

from pathlib import Path

import pytest

from apps.ingestion.parsers import parser_of, warming
from apps.ingestion.parsers.types import Kind, ParseLimits, Task


@pytest.mark.parametrize(("kind", "data"), warming.samples(), ids=lambda value: value if isinstance(value, str) else "")
def test_it_can_read_each_sample(kind: Kind, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sample"
    path.write_bytes(data)
    parsed = parser_of(kind)(Task(str(path), f"sample.{kind}", None, ParseLimits(ocr_threads=0)))
    assert any("second one" in block.text or "Line 0" in block.text for block in parsed.blocks)


def test_it_takes_a_full_disk_calmly(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warming.tempfile, "NamedTemporaryFile", full)
    warming.warm_up()
