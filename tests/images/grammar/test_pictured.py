"""Settings of other programs' pictures, and what strangers may put in their place."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.images.grammar.errors import PromptError, UnreadableInfo
from apps.images.grammar.pictured import KEYWORDS, read_picture_texts
from tests.images.grammar.upstream import mapping

INVOKE: dict[str, Any] = {
    "generation_mode": "txt2img",
    "positive_prompt": "一个女孩, cat++",
    "negative_prompt": "bad",
    "width": 512,
    "height": 768,
    "seed": 42,
    "cfg_scale": 7.5,
    "steps": 30,
    "scheduler": "dpmpp_2m_k",
    "clip_skip": 1,
    "model": {"key": "k", "hash": "blake3:abc", "name": "Dreamshaper 8", "base": "sd-1"},
    "loras": [{"model": {"name": "detail"}, "weight": 0.7}],
    "strength": 0.6,
}


def read(**texts: object) -> dict[str, str]:
    written = {key: text if isinstance(text, str) else json.dumps(text) for key, text in texts.items()}
    found = read_picture_texts(written)
    return mapping(found.info) if found else {}


def test_it_reads_invokeai() -> None:
    assert read(invokeai_metadata=INVOKE) == {
        "Prompt": "一个女孩, cat++ <lora:detail:0.7>",
        "Negative prompt": "bad",
        "Steps": "30",
        "Sampler": "DPM++ 2M",
        "Schedule type": "Karras",
        "CFG scale": "7.5",
        "Seed": "42",
        "Size-1": "512",
        "Size-2": "768",
        "Model hash": "blake3:abc",
        "Model": "Dreamshaper 8",
        "Clip skip": "2",
        "Denoising strength": "0.6",
    }


def test_it_reads_fooocus() -> None:
    """Its own scheme; steps and seed may stand there as text."""
    fooocus = {
        "adm_guidance": "(1.5, 0.8, 0.3)",
        "base_model": "juggernautXL_v8",
        "base_model_hash": "aeb7e9e689",
        "clip_skip": 2,
        "full_prompt": ["cinematic still 一只猫"],
        "guidance_scale": 4,
        "loras": [["sd_xl_offset", "0.1", "4852686128"], ["ink", 0.5, "x"]],
        "metadata_scheme": "fooocus",
        "negative_prompt": "unrealistic",
        "performance": "Speed",
        "prompt": "一只猫",
        "resolution": "(896, 1152)",
        "sampler": "dpmpp_2m_sde_gpu",
        "scheduler": "karras",
        "seed": "4942839345",
        "steps": 30,
        "styles": "['Fooocus V2']",
        "version": "Fooocus v2.5.5",
    }
    expected = {
        "Prompt": "一只猫 <lora:sd_xl_offset:0.1> <lora:ink:0.5>",
        "Negative prompt": "unrealistic",
        "Steps": "30",
        "Sampler": "DPM++ 2M SDE",
        "Schedule type": "Karras",
        "CFG scale": "4",
        "Seed": "4942839345",
        "Size-1": "896",
        "Size-2": "1152",
        "Model hash": "aeb7e9e689",
        "Model": "juggernautXL_v8",
        "Clip skip": "2",
    }
    older = {key: value for key, value in fooocus.items() if key != "loras"} | {
        "lora_combined_1": "sd_xl_offset.safetensors : 0.1",
        "lora_combined_2": "ink.safetensors : 0.5",
    }

    assert read(parameters=fooocus) == expected
    assert read(parameters=older) == expected


def test_it_reads_swarmui() -> None:
    told = {
        "sui_image_params": {
            "prompt": "a cat",
            "negativeprompt": "bad",
            "model": "OfficialStableDiffusion/sd_xl_base_1.0",
            "seed": 7,
            "steps": 20,
            "cfgscale": 7.5,
            "width": 640,
            "height": 512,
            "sampler": "euler_ancestral",
            "scheduler": "normal",
            "loras": ["ink"],
            "loraweights": ["0.5"],
        }
    }

    assert read(parameters=told) == {
        "Prompt": "a cat <lora:ink:0.5>",
        "Negative prompt": "bad",
        "Steps": "20",
        "Sampler": "Euler a",
        "Schedule type": "Uniform",
        "CFG scale": "7.5",
        "Seed": "7",
        "Size-1": "640",
        "Size-2": "512",
        "Model": "sd_xl_base_1.0",
    }


def test_it_reads_novelai() -> None:
    comment = {
        "prompt": "1girl, {masterpiece}",
        "steps": 28,
        "height": 1216,
        "width": 832,
        "scale": 5.0,
        "seed": 3_263_454_612,
        "noise_schedule": "native",
        "sampler": "k_euler_ancestral",
        "uc": "lowres",
    }
    found = read_picture_texts(
        {
            "Software": "NovelAI",
            "Source": "Stable Diffusion XL C1E1DE52",
            "Description": "1girl, {masterpiece}",
            "Comment": json.dumps(comment),
        }
    )

    assert found is not None
    assert found.program == "NovelAI"
    assert mapping(found.info) == {
        "Prompt": "1girl, {masterpiece}",
        "Negative prompt": "lowres",
        "Steps": "28",
        "Sampler": "Euler a",
        "Schedule type": "Uniform",
        "CFG scale": "5",
        "Seed": "3263454612",
        "Size-1": "832",
        "Size-2": "1216",
        "Model hash": "C1E1DE52",
        "Model": "Stable Diffusion XL",
    }
    assert read_picture_texts({"Comment": json.dumps(comment)}) is None


def test_it_reads_older_invokeai() -> None:
    """Before version 3 the negative prompt stood in the prompt, in square brackets."""
    expected = {
        "Prompt": "a cat, on a mat",
        "Negative prompt": "dog, blurry",
        "Steps": "50",
        "Sampler": "LMS",
        "CFG scale": "7.5",
        "Seed": "1234",
        "Size-1": "512",
        "Size-2": "640",
    }
    image = {
        "prompt": [{"prompt": "a cat, on a mat [dog] [blurry]", "weight": 1}],
        "steps": 50,
        "cfg_scale": 7.5,
        "seed": 1234,
        "width": 512,
        "height": 640,
        "sampler": "k_lms",
    }
    kept = {"model_weights": "stable-diffusion-1.5", "model_hash": "cc6cb2", "image": image}

    assert read(Dream='"a cat, on a mat [dog] [blurry]" -s 50 -S 1234 -W 512 -H 640 -C 7.5 -A k_lms') == expected
    assert read(**{"sd-metadata": kept}) == expected | {"Model": "stable-diffusion-1.5", "Model hash": "cc6cb2"}
    with pytest.raises(UnreadableInfo):
        read(Dream="a cat -s 50")


@pytest.mark.parametrize("text", ["{red|green} ball", '{"a": 1', "{}", '{"a": {"b": 1}}'])
def test_it_takes_a_prompt_that_begins_with_a_brace_for_one(text: str) -> None:
    assert read(parameters=text)["Prompt"] == text


def test_it_keeps_a_sampler_that_is_not_known_to_refuse_it_by_name() -> None:
    assert read(invokeai_metadata=INVOKE | {"scheduler": "dpmpp_2s_k"})["Sampler"] == "dpmpp_2s_k"


@pytest.mark.parametrize(
    ("names", "key"),
    [
        pytest.param("ddim", "ddim", id="ddim"),
        pytest.param("deis deis_k", "deis", id="deis"),
        pytest.param("lms lms_k", "lms", id="lms"),
        pytest.param("heun heun_k", "heun", id="heun"),
        pytest.param("euler euler_k", "euler", id="euler"),
        pytest.param("euler_a", "euler_a", id="euler-a"),
        pytest.param("kdpm_2 kdpm_2_k", "dpm2", id="dpm2"),
        pytest.param("kdpm_2_a kdpm_2_a_k", "dpm2_a", id="dpm2-a"),
        pytest.param("dpmpp_2m dpmpp_2m_k", "dpmpp_2m", id="dpmpp-2m"),
        pytest.param("dpmpp_2m_sde dpmpp_2m_sde_k", "dpmpp_2m_sde", id="dpmpp-2m-sde"),
        pytest.param("dpmpp_sde dpmpp_sde_k", "dpmpp_sde", id="dpmpp-sde"),
        pytest.param("unipc unipc_k", "unipc", id="unipc"),
        pytest.param("lcm", "lcm", id="lcm"),
        pytest.param("tcd", "tcd", id="tcd"),
    ],
)
def test_it_knows_invokeais_schedulers(names: str, key: str) -> None:
    """With `_k` they follow Karras, without it the model's own noise."""
    for name in names.split():
        found = read_picture_texts({"invokeai_metadata": json.dumps(INVOKE | {"scheduler": name})})
        assert found is not None
        sampling = found.info.sampling()
        assert sampling is not None
        assert (sampling[0].key, sampling[1].key) == (key, "karras" if name.endswith("_k") else "uniform")


def test_it_prefers_the_block_that_everybody_reads() -> None:
    assert read(parameters="a\nSteps: 1, Seed: 2, ENSD: 3", prompt={"3": {"class_type": "KSampler"}})["Prompt"] == "a"
    assert read_picture_texts({"Software": "x"}) is None
    assert read_picture_texts({"prompt": "{}"}) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="deep-lists"),
        pytest.param('{"a":' * 100_000, id="deep-objects"),
        pytest.param('{"a":' * 70 + "1" + "}" * 70, id="deeper-than-any-graph"),
        pytest.param("[]", id="no-object"),
        pytest.param("{", id="broken"),
        pytest.param('{"a": ' + "9" * 10_000 + "}", id="endless-number"),
        pytest.param('{"a": "' + "x" * 2_000_000 + '"}', id="too-large"),
        pytest.param('{"a": "' + '\\"' * 500_000 + "\\", id="quotes-that-nothing-closes"),
        pytest.param("null", id="null"),
    ],
)
@pytest.mark.parametrize("key", ["invokeai_metadata", "sd-metadata", "prompt", "workflow", "Comment"])
def test_it_refuses_json_that_would_break_it(key: str, text: str) -> None:
    started = time.process_time()

    with pytest.raises(UnreadableInfo):
        read_picture_texts({"Software": "NovelAI", key: text})

    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param({"Software": "NovelAI", "Comment": "{}", "Source": " " * 1_000_000}, id="spaces"),
        pytest.param({"sd-metadata": json.dumps({"image": {"prompt": "[" * 900_000}})}, id="brackets"),
        pytest.param({"Dream": '"' * 10_000}, id="quotes"),
        pytest.param({"Dream": '"a" ' + "-a " * 3_000}, id="options"),
        pytest.param({"parameters": json.dumps({"prompt": "a", "base_model": "/" * 900_000})}, id="folders"),
    ],
)
def test_it_reads_strange_texts_quickly(texts: dict[str, str]) -> None:
    started = time.process_time()

    read_picture_texts(texts)

    assert time.process_time() - started < 3


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["KSampler", "3", "6"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["3", "6", "class_type", "inputs", "nodes", "links", "id", "type", "model", "positive", "text",
                         "seed", "steps", "scheduler", "loras", "latent_image", "widgets_values", "width", "height",
                         "prompt", "image", "sampler", "base_model", "resolution", "sui_image_params", "clip_skip"]),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.sampled_from([*KEYWORDS]), st.dictionaries(st.text(max_size=3), JSON) | JSON)
def test_it_reads_or_refuses_any_json(key: str, value: object) -> None:
    try:
        read_picture_texts({"Software": "NovelAI", key: json.dumps(value)})
    except PromptError:
        return
