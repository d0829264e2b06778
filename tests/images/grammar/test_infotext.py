"""media.md 60 to 72: the `parameters` block, read and written."""

import time
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from sd_parsers import ParserManager

from apps.images.grammar.errors import UnknownSampler, UnreadableInfo
from apps.images.grammar.infotext import INFO_CHARS, Infotext, fields_of, read_infotext, sampling_fields, write_infotext
from apps.images.grammar.samplers import choose
from tests.images.grammar.upstream import mapping

PARAMETERS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512, Model hash: 45dee52b"
GIRL = (
    "girl with an artist's beret, determined, blue eyes, desert scene, computer monitors, heavy makeup, "
    "by Alphonse Mucha and Charlie Bowater, ((eyeshadow)), (coquettish), detailed, intricate"
)
UGLY = "ugly, fat, obese, chubby, (((deformed))), [blurry], bad anatomy, disfigured, poorly drawn face, mutation"


def test_it_reads_the_classic_block() -> None:
    """Case 60."""
    read = read_infotext(f"{GIRL}\nNegative prompt: {UGLY}\n{PARAMETERS}")

    assert mapping(read) == {
        "Prompt": GIRL,
        "Negative prompt": UGLY,
        "Steps": "20",
        "Sampler": "Euler a",
        "CFG scale": "7",
        "Seed": "965400086",
        "Size-1": "512",
        "Size-2": "512",
        "Model hash": "45dee52b",
    }
    assert (read.steps, read.guidance, read.seed, read.size) == (20, 7.0, 965400086, (512, 512))
    assert (read.clip_skip, read.strength, read.model) == (1, None, "")


@pytest.mark.parametrize(
    ("text", "prompt", "negative", "fields"),
    [
        pytest.param("a cat\nSteps: 20, Sampler: Euler a", "a cat\nSteps: 20, Sampler: Euler a", "", {}, id="61"),
        pytest.param("Negative prompt: bad", "", "bad", {}, id="62"),
        pytest.param(
            "Steps: 20, Seed: 1, CFG scale: 7", "", "", {"Steps": "20", "Seed": "1", "CFG scale": "7"}, id="62b"
        ),
        pytest.param("", "", "", {}, id="62c"),
        pytest.param(
            "a\nb\n\nc\nNegative prompt: d\ne\nSteps: 20, Seed: 1, ENSD: 2",
            "a\nb\n\nc",
            "d\ne",
            {"Steps": "20", "Seed": "1", "ENSD": "2"},
            id="63",
        ),
        pytest.param("a\nNegative prompt: b\nNegative prompt: c", "a", "b\nc", {}, id="64"),
        pytest.param(
            "a\r\nNegative prompt: b\r\nSteps: 20, Seed: 1, ENSD: 2\r\n",
            "a",
            "b",
            {"Steps": "20", "Seed": "1", "ENSD": "2"},
            id="65",
        ),
        pytest.param(
            "a\nSteps: 20, Tiling, Seed: 5, ENSD: 2", "a", "", {"Steps": "20", "Seed": "5", "ENSD": "2"}, id="66"
        ),
        pytest.param(
            'a\nSteps: 20, Seed: 5, Lora hashes: "foo: abc123, bar: def456"',
            "a",
            "",
            {"Steps": "20", "Seed": "5", "Lora hashes": "foo: abc123, bar: def456"},
            id="67",
        ),
        pytest.param(
            r"a" "\n" r'Steps: 20, Hires prompt: "one, two: three\nfour \"q\"", Seed: 5',
            "a",
            "",
            {"Steps": "20", "Hires prompt": 'one, two: three\nfour "q"', "Seed": "5"},
            id="67b",
        ),
        pytest.param(
            "一个女孩\nNegative prompt: 模糊，低质量\nSteps: 20, Seed: 1, Model: 国风3",
            "一个女孩",
            "模糊，低质量",
            {"Steps": "20", "Seed": "1", "Model": "国风3"},
            id="68",
        ),
        pytest.param(
            "a\nSteps: , Seed: 1, Model: x: y",
            "a",
            "",
            {"Seed": "1", "Model": "x: y"},
            id="69-empty-counts-but-is-none",
        ),
        pytest.param(
            'a\nSteps: 1, Seed: "x, Model: y"z', "a", "", {"Steps": "1", "Seed": '"x', "Model": 'y"z'}, id="70"
        ),
        pytest.param("a\nSteps: 1, x: 2, Seed: 3, ENSD: 4", "a", "", {"Steps": "1", "Seed": "3", "ENSD": "4"}, id="71"),
    ],
)
def test_it_reads_blocks(text: str, prompt: str, negative: str, fields: dict[str, str]) -> None:
    read = read_infotext(text)

    assert (read.prompt, read.negative, dict(read.fields)) == (prompt, negative, fields)


def test_it_reads_glued_samplers() -> None:
    old = read_infotext("a\nSteps: 20, Sampler: DPM++ 2M Karras, Seed: 1").sampling()
    new = read_infotext("a\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, Seed: 1").sampling()

    assert old == new == choose("dpmpp_2m", "karras")
    assert read_infotext("a").sampling() is None
    with pytest.raises(UnknownSampler):
        read_infotext("a\nSteps: 20, Sampler: DPM fast, Seed: 1").sampling()


def test_it_reads_numbers_that_are_none() -> None:
    read = read_infotext("a\nSteps: many, CFG scale: nan, Seed: 1e5, Size: 512, Clip skip: 0")

    assert (read.steps, read.guidance, read.seed, read.size, read.clip_skip) == (None, None, None, None, 1)


def test_it_writes_in_order() -> None:
    """Case 72."""
    fields = fields_of(
        {
            "Version": "Zhiku 1",
            "Lora hashes": "foo: abc, bar: def",
            "Person": "alice",
            "Denoising strength": 0.5,
            "Clip skip": 2,
            "Model": "国风3",
            "Model hash": "45dee52b",
            "Size": "512x768",
            "Seed": 5,
            "CFG scale": 7.0,
            **sampling_fields(*choose("DPM++ 2M", "Karras")),
            "Steps": 20,
            "VAE": None,
            "Tiling": "Tiling",
        }
    )

    assert write_infotext(Infotext("a 猫\nb", "bad", fields)) == (
        "a 猫\nb\nNegative prompt: bad\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x768, "
        "Model hash: 45dee52b, Model: 国风3, Clip skip: 2, Denoising strength: 0.5, Person: alice, Tiling, "
        'Lora hashes: "foo: abc, bar: def", Version: Zhiku 1'
    )


def test_it_leaves_out_what_says_nothing() -> None:
    """Case 72."""
    assert write_infotext(Infotext("a", "", (("Clip skip", "1"), ("Steps", "20"), ("VAE", "")))) == "a\nSteps: 20"


def test_another_reader_understands_it() -> None:
    fields = fields_of(
        {"Steps": 20, "Sampler": "Euler a", "CFG scale": 7.5, "Seed": 5, "Size": "8x8", "Model": "国风3"}
    )
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", write_infotext(Infotext("一个女孩, (cat:1.2)", "模糊", fields)))
    png = BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG", pnginfo=info)

    found = ParserManager().parse(BytesIO(png.getvalue()))

    assert found is not None
    sampler = found.samplers[0]
    assert (sampler.name, sampler.parameters["seed"], sampler.parameters["steps"]) == ("Euler a", "5", "20")
    assert [prompt.value for prompt in sampler.prompts] == ["一个女孩, (cat:1.2)"]
    assert [prompt.value for prompt in sampler.negative_prompts] == ["模糊"]
    assert sampler.model is not None
    assert sampler.model.name == "国风3"


WORDS = st.text(alphabet="abc (:1.2),猫\"'\\", max_size=30)


@given(WORDS, WORDS, st.text(alphabet='ab:,"\\\n猫', min_size=1, max_size=20).filter(str.strip))
def test_it_reads_what_it_writes(prompt: str, negative: str, value: str) -> None:
    fields = (("Steps", "20"), ("Seed", "1"), ("Model", value), ("Version", "1"))

    read = read_infotext(write_infotext(Infotext(prompt, negative, fields)))

    assert (read.prompt, read.negative, read.fields) == (prompt.strip(), negative.strip(), fields)


def test_it_reads_hostile_text_quickly() -> None:
    started = time.process_time()

    for text in ("a" * 99_999, "aa:1," * 19_000, 'aa:"\\",' * 14_000, ":" * 99_999, "- " * 49_000 + ":", "\n" * 99_999):
        read_infotext(text)
    with pytest.raises(UnreadableInfo):
        read_infotext("a" * (INFO_CHARS + 1))

    assert time.process_time() - started < 5
