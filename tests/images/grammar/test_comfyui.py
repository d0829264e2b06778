"""Settings in ComfyUI's pictures: its graph, from the sampling node to what it used."""

import json
import time
from typing import Any

from apps.images.grammar.pictured import read_picture_texts
from tests.images.grammar.upstream import mapping

COMFY: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 7,
            "steps": 25,
            "cfg": 8.0,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "denoise": 1.0,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15/dream_v8.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "美丽的风景", "clip": ["11", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["11", 0]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "ink.safetensors",
            "strength_model": 0.8,
            "strength_clip": 0.5,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
    "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
}


def read(**texts: object) -> dict[str, str]:
    found = read_picture_texts({key: json.dumps(value) for key, value in texts.items()})
    assert found is not None
    assert found.program == "ComfyUI"
    return mapping(found.info)


def changed(node: str, **inputs: object) -> dict[str, Any]:
    graph: dict[str, Any] = json.loads(json.dumps(COMFY))
    graph[node]["inputs"].update(inputs)
    return graph


def test_it_keeps_names_that_are_not_known_to_refuse_them_by_name() -> None:
    assert read(prompt=changed("3", sampler_name="dpm_fast"))["Sampler"] == "dpm_fast"
    assert read(prompt=changed("3", scheduler="ddim_uniform"))["Schedule type"] == "ddim_uniform"


def test_it_follows_comfyuis_links() -> None:
    assert read(prompt=COMFY) == {
        "Prompt": "美丽的风景 <lora:ink:0.5:0.8>",
        "Negative prompt": "watermark",
        "Steps": "25",
        "Sampler": "DPM++ 2M",
        "Schedule type": "Karras",
        "CFG scale": "8",
        "Seed": "7",
        "Size-1": "512",
        "Size-2": "640",
        "Model": "dream_v8",
        "Clip skip": "2",
    }


def test_it_takes_the_first_of_two_samplers() -> None:
    """A second pass comes from the first: its latent is the first one's."""
    second = {"class_type": "KSampler", "inputs": {**COMFY["3"]["inputs"], "seed": 8, "latent_image": ["20", 0]}}
    upscale = {"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0], "width": 1024, "height": 1280}}

    assert read(prompt={"1": second, "20": upscale, **COMFY})["Seed"] == "7"


def test_it_reads_values_and_texts_from_nodes_of_their_own() -> None:
    graph = changed("3", seed=["30", 0]) | {"30": {"class_type": "PrimitiveInt", "inputs": {"value": 99}}}
    graph["6"]["inputs"]["text"] = ["31", 0]
    graph["31"] = {"class_type": "PrimitiveString", "inputs": {"value": "a boat"}}

    found = read(prompt=graph)

    assert found["Seed"] == "99"
    assert found["Prompt"].startswith("a boat")


def test_it_keeps_the_sides_of_a_controlnet_apart() -> None:
    graph = changed("3", positive=["40", 0], negative=["40", 1])
    graph["40"] = {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}}

    found = read(prompt=graph)

    assert found["Prompt"].startswith("美丽的风景")
    assert found["Negative prompt"] == "watermark"


def test_it_reads_a_guider() -> None:
    graph: dict[str, Any] = {key: COMFY[key] for key in ("4", "5", "6")}
    graph["1"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["50", 0],
            "guider": ["51", 0],
            "sampler": ["52", 0],
            "sigmas": ["53", 0],
            "latent_image": ["5", 0],
        },
    }
    graph["50"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 3}}
    graph["51"] = {"class_type": "BasicGuider", "inputs": {"model": ["4", 0], "conditioning": ["6", 0]}}
    graph["52"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    graph["53"] = {"class_type": "BasicScheduler", "inputs": {"scheduler": "normal", "steps": 4, "denoise": 1}}

    found = read(prompt=graph)

    assert (found["Prompt"], found["Seed"], found["Steps"]) == ("美丽的风景", "3", "4")
    assert (found["Sampler"], found["Schedule type"], found["Model"]) == ("Euler", "Uniform", "dream_v8")


def test_it_reads_the_drawn_graph_when_there_is_no_other() -> None:
    workflow = {
        "nodes": [
            {
                "id": 3,
                "type": "KSampler",
                "widgets_values": [7, "randomize", 25, 8, "euler", "normal", 0.5],
                "inputs": [
                    {"name": "model", "link": 1},
                    {"name": "positive", "link": 2},
                    {"name": "negative", "link": 3},
                    {"name": "latent_image", "link": 4},
                ],
            },
            {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["x.ckpt"]},
            {"id": 5, "type": "EmptyLatentImage", "widgets_values": [64, 96, 1]},
            {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["yes"], "inputs": [{"name": "clip", "link": None}]},
            {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["no"]},
        ],
        "links": [[1, 4, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "C"], [3, 7, 0, 3, 2, "C"], [4, 5, 0, 3, 3, "LATENT"]],
    }

    found = read(workflow=workflow)

    assert (found["Prompt"], found["Negative prompt"], found["Seed"], found["Steps"]) == ("yes", "no", "7", "25")
    assert (found["Size-1"], found["Model"], found["Denoising strength"]) == ("64", "x", "0.5")


def test_it_reads_loaders_that_hold_both_prompts() -> None:
    loader = {"ckpt_name": "dream.safetensors", "positive": "a boat", "negative": "fog", "clip_skip": -2}
    sampler = {"seed": 4, "steps": 9, "cfg": 5, "sampler_name": "heun", "scheduler": "karras"}
    graph: dict[str, Any] = {
        "1": {"class_type": "Efficient Loader", "inputs": loader},
        "2": {
            "class_type": "easy fullkS",
            "inputs": {**sampler, "model": ["1", 0], "positive": ["1", 1], "negative": ["1", 2]},
        },
    }

    found = read(prompt=graph)

    assert (found["Prompt"], found["Negative prompt"], found["Model"]) == ("a boat", "fog", "dream")
    assert (found["Sampler"], found["Schedule type"], found["Seed"]) == ("Heun", "Karras", "4")


def test_it_ends_on_graphs_in_a_circle() -> None:
    graph = changed("3", latent_image=["3", 0], positive=["6", 0], model=["10", 0])
    graph["10"]["inputs"]["model"] = ["10", 0]
    graph["6"]["inputs"] = {"text": ["6", 0], "conditioning": ["3", 0]}

    assert read(prompt=graph)["Steps"] == "25"


def test_it_reads_a_large_graph_quickly() -> None:
    sampler = COMFY["3"]["inputs"]
    graph = {str(n): {"class_type": "KSampler", "inputs": {**sampler, "latent_image": ["x0", 0]}} for n in range(1_000)}
    graph |= {f"x{n}": {"class_type": "LatentUpscale", "inputs": {"samples": [f"x{n + 1}", 0]}} for n in range(999)}
    graph["x999"] = {"class_type": "KSampler", "inputs": {**sampler, "latent_image": ["x0", 0]}}
    started = time.process_time()

    assert read(prompt=graph)["Steps"] == "25"
    assert time.process_time() - started < 3
