"""The settings in ComfyUI's pictures: its graph of nodes (`prompt`, else `workflow`), as `Infotext`.

A sampling node is found, and its links are followed to what it used: the texts of both prompts, the model, the LoRAs,
the size. A graph can say far more than that; what is not understood is left out, and never guessed.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from apps.images.grammar.infotext import Infotext, fields_of
from apps.images.grammar.loras import LoraRef
from apps.images.grammar.samplers import labels_of
from apps.images.grammar.strange_json import Json, list_of, number_of, object_of, read_object, size_of, stem_of, text_of

_NODES_MAX = 2_000
_SAMPLERS_MAX = 20  # so many are looked at for the first one
_TEXT_KEYS = ("text", "text_g", "text_l", "t5xxl", "string", "value", "prompt", "positive_prompt", "wildcard_text")
_SETTINGS = {"sampler_name", "steps", "cfg"}  # what sampling nodes of other names and without a latent have
_LATENT_KEYS = ("latent_image", "latent", "samples")
_MODEL_KEYS = ("model", "guider")
# What the boxes of a node hold, in order: `workflow` says only the values. None: a box that is no input.
_BOXES: Mapping[str, tuple[str | None, ...]] = MappingProxyType(
    {
        "KSampler": ("seed", None, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
        "KSamplerAdvanced": ("add_noise", "noise_seed", None, "steps", "cfg", "sampler_name", "scheduler"),
        "CLIPTextEncode": ("text",),
        "EmptyLatentImage": ("width", "height", "batch_size"),
        "EmptySD3LatentImage": ("width", "height", "batch_size"),
        "CheckpointLoaderSimple": ("ckpt_name",),
        "UNETLoader": ("unet_name", "weight_dtype"),
        "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
        "LoraLoaderModelOnly": ("lora_name", "strength_model"),
        "CLIPSetLastLayer": ("stop_at_clip_layer",),
        "RandomNoise": ("noise_seed",),
        "KSamplerSelect": ("sampler_name",),
        "BasicScheduler": ("scheduler", "steps", "denoise"),
    }
)


@dataclass(frozen=True, slots=True)
class _Node:
    """One node: its kind, and its inputs; one that is a link is a list of a node's id and a number."""

    kind: str
    inputs: Mapping[str, Json]

    def link(self, key: str) -> str | None:
        """Return the id of the node that an input comes from."""
        value = list_of(self.inputs.get(key))
        return str(value[0]) if len(value) == 2 and isinstance(value[0], str | int) else None  # noqa: PLR2004


_Graph = Mapping[str, _Node]


def read_comfyui(prompt: str = "", workflow: str = "") -> Infotext:
    """Return the settings of a graph; empty where no sampling node is in it. Raises `UnreadableInfo`."""
    graph = _executed(read_object(prompt)) if prompt.strip() else _drawn(read_object(workflow))
    start = _sampler(graph)
    if start is None:
        return Infotext()
    positive = _words(graph, start, "positive")
    loras = list(_loras(graph, start))
    tags = "".join(f" {lora.tag}" for lora in reversed(loras))  # the first in the graph is the farthest
    return Infotext((positive + tags).strip(), _words(graph, start, "negative"), _fields(graph, start))


def _fields(graph: _Graph, start: str) -> tuple[tuple[str, str], ...]:
    def near(*keys: str) -> Json:
        return _nearest(graph, start, keys)

    sampler, schedule = labels_of(text_of(near("sampler_name")), text_of(near("scheduler")))
    size = _size(graph, start)
    layer = number_of(near("stop_at_clip_layer"))
    strength = number_of(near("denoise"))
    return fields_of(
        {
            "Steps": number_of(near("steps")),
            "Sampler": sampler or None,
            "Schedule type": schedule or None,
            "CFG scale": number_of(near("cfg")),
            "Seed": number_of(near("seed", "noise_seed")),
            "Size": size,
            "Model": stem_of(near("ckpt_name", "unet_name", "model_name")) or None,
            "Clip skip": -layer if layer is not None and layer < -1 else None,
            "Denoising strength": strength if strength is not None and strength < 1 else None,
        }
    )


def _executed(found: Mapping[str, Json]) -> _Graph:
    """Return the graph of a `prompt` text."""
    graph: dict[str, _Node] = {}
    for name, value in list(found.items())[:_NODES_MAX]:
        node = object_of(value)
        graph[name] = _Node(text_of(node.get("class_type")), object_of(node.get("inputs")))
    return graph


def _drawn(found: Mapping[str, Json]) -> _Graph:
    """Return the graph of a `workflow` text, as far as the boxes of its nodes are known."""
    sources: dict[str, Json] = {}
    for value in list_of(found.get("links")):
        link = list_of(value)
        if len(link) >= 3:  # noqa: PLR2004
            sources[str(link[0])] = [str(link[1]), link[2]]
    graph: dict[str, _Node] = {}
    for value in list_of(found.get("nodes"))[:_NODES_MAX]:
        node = object_of(value)
        kind = text_of(node.get("type"))
        boxes = zip(_BOXES.get(kind, ()), list_of(node.get("widgets_values")), strict=False)
        inputs: dict[str, Json] = {key: box for key, box in boxes if key is not None}
        for entry in map(object_of, list_of(node.get("inputs"))):
            source = sources.get(str(entry.get("link")))
            if source is not None:
                inputs[text_of(entry.get("name"))] = source
        graph[str(node.get("id"))] = _Node(kind, inputs)
    return graph


def _walk(graph: _Graph, start: str, keys: tuple[str, ...] | None = None) -> Iterator[tuple[str, _Node]]:
    """Yield a node and those it comes from, near ones first, each once; along these inputs only, if named."""
    waiting = deque([start])
    seen = {start}
    while waiting:
        name = waiting.popleft()
        node = graph.get(name)
        if node is None:
            continue
        yield name, node
        for key in node.inputs if keys is None else keys:
            source = node.link(key)
            if source is not None and source not in seen:
                seen.add(source)
                waiting.append(source)


def _sampler(graph: _Graph) -> str | None:
    """Return the sampling node that drew first: of several, one whose latent comes from no other."""
    samplers = [name for name, node in graph.items() if _is_sampler(node)][:_SAMPLERS_MAX]
    samplers = samplers or [name for name, node in graph.items() if node.inputs.keys() >= _SETTINGS]
    for name in samplers:
        before = (node for other, node in _walk(graph, name, _LATENT_KEYS) if other != name)
        if not any(map(_is_sampler, before)):
            return name
    return samplers[0] if samplers else None


def _is_sampler(node: _Node) -> bool:
    return "Sampler" in node.kind and any(node.link(key) for key in _LATENT_KEYS)


def _nearest(graph: _Graph, start: str, keys: tuple[str, ...]) -> Json:
    """Return the first value, no link, of these inputs; one may come from a node that holds nothing but a value."""
    for _, node in _walk(graph, start):
        for key in keys:
            value = node.inputs.get(key)
            source = graph.get(node.link(key) or "")
            value = source.inputs.get("value") if source is not None else value
            if isinstance(value, str | int | float):
                return value
    return None


def _words(graph: _Graph, start: str, side: str) -> str:
    """Return the text of one prompt: of the nearest node on that side that holds any."""
    first = graph[start].link(side)
    if first is None:
        guider = graph.get(graph[start].link("guider") or "")
        first = guider.link(side) or (guider.link("conditioning") if side == "positive" else None) if guider else None
    waiting, seen = deque([first] if first else []), set()
    while waiting:
        name = waiting.popleft()
        node = graph.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        texts = [text_of(node.inputs.get(key)).strip() for key in (side, f"text_{side}", *_TEXT_KEYS)]
        found = next(filter(None, texts), "")
        if found:
            return found
        sided = node.link(side)  # ControlNetApplyAdvanced and its like pass both on
        keys = [side] if sided else [key for key in node.inputs if key not in {"clip", "model", "vae", "image"}]
        waiting.extend(filter(None, map(node.link, keys)))
    return ""


def _loras(graph: _Graph, start: str) -> Iterator[LoraRef]:
    """Yield the LoRAs between the sampling node and its checkpoint, the nearest first."""
    for _, node in _walk(graph, start, _MODEL_KEYS):
        name = stem_of(node.inputs.get("lora_name"))
        unet = number_of(node.inputs.get("strength_model"))
        clip = number_of(node.inputs.get("strength_clip"))
        if name and unet is not None:
            yield LoraRef(name, float(unet if clip is None else clip), float(unet))


def _size(graph: _Graph, start: str) -> str | None:
    for _, node in _walk(graph, start, _LATENT_KEYS):
        size = size_of(node.inputs)
        if size is not None:
            return size
    return None
