"""Settings in real files, where each program puts them, held against sd-parsers; and files made to do harm."""

import gzip
import io
import json
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from sd_parsers import Eagerness, ParserManager

from apps.core.errors import AppError
from apps.images.errors import PictureRefused
from apps.images.found_settings import settings_in
from apps.images.grammar.errors import UnreadableInfo
from apps.images.grammar.pictured import Pictured, read_picture_texts
from apps.images.limits import limits
from apps.images.models import Style
from apps.images.picture_texts import texts_in
from apps.users.models import Team, User

BLOCK = (
    "一只猫, (red:1.2)\nNegative prompt: 模糊\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x96, Model: 国风3"
)
FOOOCUS = {
    "base_model": "dream",
    "base_model_hash": "aeb7e9e689",
    "guidance_scale": 4,
    "metadata_scheme": "fooocus",
    "negative_prompt": "模糊",
    "prompt": "一只猫",
    "resolution": "(64, 96)",
    "sampler": "euler",
    "scheduler": "karras",
    "seed": "5",
    "sharpness": 2,
    "steps": 20,
    "version": "Fooocus v2.5.5",
}
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5, "steps": 20, "cfg": 7, "sampler_name": "euler", "positive": ["6", 0], "latent_image": ["5", 0],
        },
    },
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 96}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "一只猫"}},
}  # fmt: skip


def file(form: str = "PNG", texts: dict[str, str] | None = None, exif: Image.Exif | None = None) -> bytes:
    chunks = PngInfo()
    for key, text in (texts or {}).items():
        chunks.add_text(key, text)
    buffer = io.BytesIO()
    more: dict[str, Any] = {"pnginfo": chunks} if form == "PNG" else {}
    Image.new("RGB", (8, 8)).save(buffer, form, exif=b"" if exif is None else exif.tobytes(), **more)
    return buffer.getvalue()


def commented(comment: bytes | str, *, among_first_tags: bool = False) -> Image.Exif:
    exif = Image.Exif()
    tags = exif if among_first_tags else exif.get_ifd(ExifTags.IFD.Exif)
    tags[ExifTags.Base.UserComment] = comment
    return exif


def read(content: bytes) -> Pictured | None:
    return read_picture_texts(texts_in(SimpleUploadedFile("x", content), limits()))


def unicode_comment(text: str, encoding: str = "utf-16-be") -> bytes:
    return b"UNICODE\x00" + text.encode(encoding)


def comfyui_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "prompt:" + json.dumps(GRAPH)
    exif[ExifTags.Base.Make] = "workflow:" + json.dumps({"nodes": []})
    return exif


@pytest.mark.parametrize(
    ("content", "program"),
    [
        pytest.param(file(texts={"parameters": BLOCK}), "AUTOMATIC1111", id="png"),
        pytest.param(file("JPEG", exif=commented(unicode_comment(BLOCK))), "AUTOMATIC1111", id="jpeg"),
        pytest.param(file("WEBP", exif=commented(unicode_comment(BLOCK))), "AUTOMATIC1111", id="webp"),
        pytest.param(file("PNG", exif=commented(unicode_comment(BLOCK))), "AUTOMATIC1111", id="png-exif"),
        pytest.param(file("JPEG", exif=commented(unicode_comment(BLOCK, "utf-16-le"))), "AUTOMATIC1111", id="turned"),
        pytest.param(file("JPEG", exif=commented(b"ASCII\0\0\0" + BLOCK.encode())), "AUTOMATIC1111", id="bytes"),
        pytest.param(file(texts={"parameters": json.dumps(FOOOCUS)}), "Fooocus", id="fooocus-png"),
        pytest.param(
            file("JPEG", exif=commented(json.dumps(FOOOCUS), among_first_tags=True)), "Fooocus", id="fooocus-jpeg"
        ),
        pytest.param(
            file("WEBP", exif=commented(json.dumps(FOOOCUS), among_first_tags=True)), "Fooocus", id="fooocus-webp"
        ),
        pytest.param(file(texts={"prompt": json.dumps(GRAPH)}), "ComfyUI", id="comfyui-png"),
        pytest.param(file("WEBP", exif=comfyui_exif()), "ComfyUI", id="comfyui-webp"),
    ],
)
def test_it_finds_the_settings_where_programs_put_them(content: bytes, program: str) -> None:
    found = read(content)

    assert found is not None
    assert found.program == program
    assert found.info.prompt.startswith("一只猫")
    assert (found.info.steps, found.info.seed, found.info.size) == (20, 5, (64, 96))


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param({"parameters": BLOCK}, id="automatic1111"),
        pytest.param({"parameters": BLOCK.replace("20,", "20, Tiling: True,")}, id="more-settings"),
        pytest.param({"parameters": json.dumps(FOOOCUS)}, id="fooocus"),
        pytest.param(
            {
                "Software": "NovelAI",
                "Source": "NovelAI Diffusion V4 37442FCA",
                "Description": "一只猫",
                "Comment": json.dumps({"prompt": "一只猫", "sampler": "k_euler", "seed": 5, "scale": 7, "uc": "模糊"}),
            },
            id="novelai",
        ),
        pytest.param({"Dream": '"一只猫 [模糊]" -s 20 -S 5 -W 64 -H 96 -C 7 -A k_euler'}, id="invokeai-1"),
        pytest.param(
            {
                "sd-metadata": json.dumps(
                    {
                        "model_weights": "dream",
                        "image": {
                            "prompt": [{"prompt": "一只猫 [模糊]"}],
                            "sampler": "k_euler",
                            "seed": 5,
                            "cfg_scale": 7,
                            "steps": 20,
                        },
                    }
                )
            },
            id="invokeai-2",
        ),
        pytest.param(
            {
                "invokeai_metadata": json.dumps(
                    {
                        "positive_prompt": "一只猫",
                        "negative_prompt": "模糊",
                        "scheduler": "euler",
                        "seed": 5,
                        "steps": 20,
                        "model": {"model_name": "dream"},
                    }
                )
            },
            id="invokeai-3",
        ),
        pytest.param(
            {"prompt": json.dumps(GRAPH), "workflow": json.dumps({"links": [[1, 6, 0, 3, 1, "C"]]})}, id="comfyui"
        ),
    ],
)  # fmt: skip
def test_it_reads_what_sd_parsers_reads(texts: dict[str, str]) -> None:
    content = file(texts=texts)
    other = ParserManager().parse(io.BytesIO(content))
    assert other is not None
    sampler = other.samplers[0]

    found = read(content)

    assert found is not None
    assert found.info.prompt == sampler.prompts[0].value
    assert found.info.negative == (sampler.negative_prompts[0].value if sampler.negative_prompts else "")
    assert str(found.info.seed) == str(sampler.parameters["seed"])
    if sampler.model is not None and sampler.model.name:
        assert found.info.model == sampler.model.name


def hidden(text: bytes, name: bytes = b"stealth_pngcomp", size: tuple[int, int] = (60, 90)) -> bytes:
    """Return a PNG with a text in its alpha channel: down each column, from left to right."""
    data = name + (len(text) * 8).to_bytes(4) + text
    bits = np.zeros(size[0] * size[1], np.uint8)
    bits[: len(data) * 8] = np.unpackbits(np.frombuffer(data, np.uint8))
    pixels = np.full((size[1], size[0], 4), 254, np.uint8)
    pixels[..., 3] |= bits.reshape(size).T
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


NOVELAI = {
    "Software": "NovelAI",
    "Source": "Stable Diffusion XL C1E1DE52",
    "Description": "一只猫",
    "Comment": json.dumps({"prompt": "一只猫", "sampler": "k_euler", "seed": 5, "steps": 20, "scale": 7, "uc": "模糊"}),
}


@pytest.mark.filterwarnings("ignore:Image.Image.getdata is deprecated:DeprecationWarning")  # sd-parsers' call
def test_it_finds_what_the_alpha_channel_hides() -> None:
    """As sd-parsers reads it when told to look closely."""
    content = hidden(gzip.compress(json.dumps(NOVELAI).encode()))
    other = ParserManager(eagerness=Eagerness.EAGER).parse(io.BytesIO(content))
    assert other is not None

    found = read(content)

    assert found is not None
    assert (found.program, found.info.prompt) == ("NovelAI", other.samplers[0].prompts[0].value)
    block = read(hidden(BLOCK.encode(), b"stealth_pnginfo"))
    assert block is not None
    assert (block.program, block.info.seed) == ("AUTOMATIC1111", 5)
    assert read(hidden(b"", b"stealth_another")) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(hidden(b"no gzip"), id="no-gzip"),
        pytest.param(hidden(gzip.compress(b"a" * 50_000_000)[:500]), id="bomb"),
        pytest.param(hidden(b"")[:200], id="cut"),
    ],
)
def test_it_refuses_what_hides_harm(content: bytes) -> None:
    started = time.process_time()

    with pytest.raises((UnreadableInfo, PictureRefused)):
        read(content)

    assert time.process_time() - started < 3


def test_it_takes_over_a_second_pass(alice: User, t1: Team) -> None:
    upload = SimpleUploadedFile(
        "x.png",
        file(texts={"parameters": BLOCK + ", Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+"}),
    )

    found = settings_in(alice, t1, upload)

    assert found is not None
    assert found.order["hires"] == {"scale": 2.0, "steps": 0, "strength": 0.4, "upscaler": "latent"}
    assert (found.order["sampler"], found.order["seed"], found.order["width"]) == ("euler_a", 5, 64)


def test_it_finds_the_teams_styles_in_the_prompts(alice: User, t1: Team, t2: Team) -> None:
    Style.objects.create(team=t1, name="ink", prompt="ink painting, {prompt}")
    Style.objects.create(team=t1, name="quick", prompt="{prompt}", settings={"steps": 4})
    Style.objects.create(team=t2, name="theirs", prompt="ink {prompt}")

    found = settings_in(alice, t1, SimpleUploadedFile("x.png", file(texts={"parameters": f"ink painting, {BLOCK}"})))

    assert found is not None
    assert found.order["styles"] == ["ink"]
    assert found.order["prompt"] == "一只猫, (red:1.2)"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_with(*chunks: bytes) -> bytes:
    plain = file()
    after_head = 8 + 25
    return plain[:after_head] + b"".join(chunks) + plain[after_head:]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(
            png_with(chunk(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(b"a" * 50_000_000))),
            PictureRefused,
            id="bomb",
        ),
        pytest.param(
            png_with(chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * 50_000_000))), PictureRefused, id="bomb-2"
        ),
        pytest.param(png_with(chunk(b"tEXt", b"parameters\0" + b"a" * 10_000_000)), UnreadableInfo, id="ten-megabytes"),
        pytest.param(png_with(chunk(b"tEXt", b"parameters\0" + b'{"a":' * 100_000)), UnreadableInfo, id="deep"),
        pytest.param(png_with(chunk(b"tEXt", b"prompt\0" + b"[" * 100_000)), UnreadableInfo, id="deep-graph"),
        pytest.param(png_with(chunk(b"tEXt", b"prompt\0a plain text")), UnreadableInfo, id="no-graph"),
        pytest.param(file()[:30], PictureRefused, id="cut"),
        pytest.param(b"parameters", PictureRefused, id="no-picture"),
    ],
)  # fmt: skip
def test_it_refuses_files_made_to_do_harm(content: bytes, error: type[AppError]) -> None:
    started = time.process_time()

    with pytest.raises(error):
        read(content)

    assert time.process_time() - started < 3


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.booleans())
def test_it_reads_or_refuses_any_comment(comment: bytes, is_unicode: bool) -> None:  # noqa: FBT001
    try:
        read(file("JPEG", exif=commented((b"UNICODE\x00" if is_unicode else b"") + comment)))
    except AppError:
        return
