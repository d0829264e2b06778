"""Pictures as files: settings that other programs read, provenance, other formats, what people bring."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image, ImageOps, PngImagePlugin
from sd_parsers import ParserManager

from apps.images import files, services, tasks, uploads
from apps.images.errors import PictureRefused, PictureTooHeavy, PictureTooWide
from apps.images.grammar.infotext import read_infotext
from apps.images.limits import MIB, limits
from apps.images.models import Picture
from apps.images.orders import HiresWish, LoraWish
from apps.images.picture_texts import texts_in
from apps.metering.errors import QuotaExceeded
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Counter, Reservation, Resource, Scope, UsageEvent, Window
from apps.users.models import Team, User
from tests.images.conftest import Place, png
from tests.images.core.test_drawing import lora

PROMPT = "一只猫，水墨画, (red:1.2)\nsecond line"


@pytest.fixture
def picture(place: Place, alice: User) -> Picture:
    """Return a picture of alice with Chinese in its prompt."""
    place(alice, prompt=PROMPT, negative="模糊: blurry", seed=7, sampler="DPM++ 2M Karras", clip_skip=2)
    tasks.draw_pictures()
    return Picture.objects.get()


def test_it_writes_settings_that_others_read(picture: Picture) -> None:
    with Image.open(io.BytesIO(files.read(picture.file))) as image:
        parameters = image.info["parameters"]
    found = ParserManager().parse(io.BytesIO(files.read(picture.file)))

    assert parameters.splitlines()[:2] == PROMPT.splitlines()
    assert "Steps: 4, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 7, Size: 64x64" in parameters
    assert f"Model hash: {'ab' * 5}, Model: fake-image" in parameters
    assert found is not None
    assert found.prompts[0].value == PROMPT
    assert found.negative_prompts[0].value == "模糊: blurry"
    assert found.samplers[0].parameters["seed"] == "7"


def test_it_reads_its_own_settings_again(place: Place, alice: User) -> None:
    lora("pink")
    place(
        alice, prompt="a cat", loras=(LoraWish("pink", 0.7),), hires=HiresWish(1.5, 2, 0.4), variation_seed=3,
        variation_strength=0.2,
    )  # fmt: skip
    tasks.draw_pictures()
    with Image.open(io.BytesIO(files.read(Picture.objects.get().file))) as image:
        info = read_infotext(image.info["parameters"])

    assert info.prompt == "a cat <lora:pink:0.7>"
    assert (info.size, info.get("Hires upscale"), info.strength) == ((64, 64), "1.5", 0.4)
    assert info.get("Variation seed") == "3"


def test_it_keeps_where_a_picture_comes_from_without_names(picture: Picture, alice: User) -> None:
    data = files.read(picture.file)
    with Image.open(io.BytesIO(data)) as image:
        record = json.loads(image.info["zhiku"])

    assert record["person"] == str(alice.pk)
    assert (record["model"], record["model_sha256"], record["job"]) == ("fake-image", "ab" * 32, str(picture.job_id))
    assert record["product"].startswith("zhiku ")
    assert record["at"].endswith("+00:00")
    assert alice.email.encode() not in data
    assert alice.name.encode() not in data


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_it_hands_out_other_formats_with_the_settings(picture: Picture, form: str) -> None:
    data = files.rendered(picture, form)

    with Image.open(io.BytesIO(data)) as image:
        assert image.format == form.upper()
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment.startswith(b"UNICODE\x00")
    assert comment[8:].decode("utf-16-be").startswith("一只猫")
    found = ParserManager().parse(io.BytesIO(data))
    assert found is not None
    assert found.prompts[0].value == PROMPT


def test_it_stores_a_small_thumbnail_and_what_the_file_is(picture: Picture) -> None:
    with Image.open(io.BytesIO(files.read(picture.thumbnail))) as image:
        assert (image.format, max(image.size) <= files.THUMBNAIL_SIDE) == ("WEBP", True)
    assert picture.file == f"images/{picture.team_id}/{picture.pk}.png"
    assert picture.size_bytes == default_storage.size(picture.file)
    assert files.rendered(picture, "png") == files.read(picture.file)


def with_metadata() -> io.BytesIO:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "CANARY"
    exif[ExifTags.Base.Orientation] = 6  # lies on its side
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "CANARY <script>alert(1)</script>")
    buffer = io.BytesIO()
    Image.new("RGBA", (60, 40), (0, 0, 0, 0)).save(buffer, "PNG", pnginfo=info, exif=exif)
    buffer.write(b"CANARY trailing")
    buffer.seek(0)
    return buffer


def test_it_keeps_only_the_pixels_of_what_people_bring(alice: User, t1: Team) -> None:
    """Security case 45: metadata, scripts and bytes behind the picture are gone; it stands upright on white."""
    source = uploads.store_upload(user=alice, team=t1, upload=with_metadata())

    assert b"CANARY" not in files.read(source.file)
    assert (source.kind, source.width, source.height) == ("source", 40, 60)
    assert files.read_pixels(source).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_it_stands_pictures_upright(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = Image.new("RGB", (64, 32))
    image.paste("white", (0, 0, 16, 16))
    buffer = io.BytesIO()
    image.save(buffer, form, exif=exif, **({"quality": 95} if form == "JPEG" else {}))

    pixels = uploads.decoded(buffer.getvalue(), limits())

    expected = np.asarray(ImageOps.exif_transpose(Image.open(buffer)).convert("RGB"))
    assert pixels.shape == expected.shape
    assert (pixels == expected).all()


@pytest.mark.parametrize(
    "entry", [(282, 2, 4, 0x41414141), (256, 2, 4, 0x414141), (270, 12, 1, 0), (262, 9, 1, 0xFFFFFFFB)]
)
def test_it_takes_a_picture_whose_exif_is_garbled(entry: tuple[int, int, int, int]) -> None:
    """Tags of a wrong type: Pillow's own `exif_transpose` fails, since it cannot write what it read."""
    tags = [(ExifTags.Base.Orientation, 3, 1, 6), entry]
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "JPEG", exif=b"Exif\0\0" + tiff + b"\0" * 20)

    assert uploads.decoded(buffer.getvalue(), limits()).shape == (60, 40, 3)
    assert texts_in(SimpleUploadedFile("x.jpg", buffer.getvalue()), limits()) == {}


def test_it_stores_equal_files_of_two_teams_apart(alice: User, bob: User, t1: Team, t2: Team) -> None:
    """Security case 16: nothing tells that somebody else has the same picture."""
    one = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))
    two = uploads.store_upload(user=bob, team=t2, upload=png(64, 64))

    assert one.sha256 == two.sha256
    assert one.file != two.file
    assert one.pk != two.pk


def bomb() -> io.BytesIO:
    """Return a PNG of a few bytes that says it has 50,000 x 50,000 pixels."""
    head = (50_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\x00" * 1_000)), (b"IEND", b"")]
    body = b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in chunks
    )
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


def gif() -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("P", (64, 64)).save(buffer, "GIF")
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize(
    ("upload", "error"),
    [
        (io.BytesIO(b""), PictureRefused),
        (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"), PictureRefused),
        (io.BytesIO(b"%PDF-1.4"), PictureRefused),
        (gif(), PictureRefused),
        (io.BytesIO(png(64, 64).getvalue()[:60]), PictureRefused),
        (bomb(), (PictureTooWide, PictureRefused)),
    ],
    ids=["empty", "svg", "pdf", "gif", "cut short", "bomb"],
)
def test_it_refuses_what_is_no_picture(upload: io.BytesIO, error: type[Exception], alice: User, t1: Team) -> None:
    with pytest.raises(error):
        uploads.store_upload(user=alice, team=t1, upload=upload)

    assert not Picture.objects.exists()
    assert not Reservation.objects.filter(state="open").exists()


def test_it_reads_no_more_than_the_limit(alice: User, t1: Team) -> None:
    with pytest.raises(PictureTooHeavy) as refused:
        uploads.store_upload(user=alice, team=t1, upload=io.BytesIO(b"x" * (limits().source_bytes + 10)))

    assert refused.value.params["limit"] == limits().source_bytes // MIB


def test_it_counts_storage_by_the_bytes(alice: User, t1: Team) -> None:
    set_limit(Limit(Scope.TEAM, Resource.STORAGE_BYTES, Window.TOTAL, 100_000, team=t1), actor=None)
    source = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))

    counter = Counter.objects.get(resource=Resource.STORAGE_BYTES)
    assert (counter.used, counter.held) == (source.size_bytes, 0)
    with pytest.raises(QuotaExceeded):
        uploads.store_upload(user=alice, team=t1, upload=png(400, 400))
    assert Picture.objects.count() == 1


def test_it_settles_with_what_was_really_stored(place: Place, alice: User) -> None:
    job = place(alice, count=2)
    held = Reservation.objects.get().amounts
    tasks.draw_pictures()

    used = dict(UsageEvent.objects.values_list("resource", "amount"))
    sizes = sum(Picture.objects.filter(job=job).values_list("size_bytes", flat=True))
    assert used == {"pictures": 2, "pixel_steps": held["pixel_steps"], "storage_bytes": sizes}
    assert sizes < held["storage_bytes"]


def test_it_reserves_nothing_where_an_order_is_refused(place: Place, alice: User, t1: Team) -> None:
    set_limit(Limit(Scope.TEAM, Resource.PIXEL_STEPS, Window.DAY, 10, team=t1), actor=None)

    with pytest.raises(QuotaExceeded) as refused:
        place(alice)

    assert refused.value.params["resource"] == "pixel_steps"
    assert not Reservation.objects.exists()
    assert services.quotas.left(alice, t1)[0].limit in {10, 500}
