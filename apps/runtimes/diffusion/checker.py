"""The safety checker of Stable Diffusion: a CLIP vision model that compares a picture to a list of concepts."""

import threading

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker, cosine_distance
from PIL import Image
from transformers import CLIPImageProcessor

from apps.runtimes.checking import Verdict
from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.files import files_of
from apps.runtimes.spec import RuntimeSpec

CARE = 0.01  # how much stricter the concepts are taken where one of special care was found, as upstream has it


class SafetyChecker:
    """Flags pictures by the concepts that come with the model; upstream's rule, without its black pictures."""

    def __init__(self, model: StableDiffusionSafetyChecker, processor: CLIPImageProcessor) -> None:
        self._model = model
        self._processor = processor
        self._lock = threading.Lock()
        self.is_busy = False

    @torch.inference_mode()
    def check(self, picture: Picture) -> Verdict:
        """Return whether one of the concepts is nearer to the picture than its threshold."""
        with self._lock:
            self.is_busy = True
            try:
                seen = self._processor(images=Image.fromarray(picture), return_tensors="pt").pixel_values
                found = self._concepts(seen)
            finally:
                self.is_busy = False
        return Verdict(bool(found), tuple(f"concept {number}" for number in found))

    def _concepts(self, seen: torch.Tensor) -> list[int]:
        model = self._model
        embedded = model.visual_projection(model.vision_model(seen)[1])
        care = cosine_distance(embedded, model.special_care_embeds)[0] - model.special_care_embeds_weights
        adjusted = CARE if bool((care > 0).any()) else 0.0
        scores = cosine_distance(embedded, model.concept_embeds)[0] - model.concept_embeds_weights + adjusted
        return [int(number) for number in torch.nonzero(scores > 0).flatten()]

    def close(self) -> None:
        """Let the model go."""
        del self._model


def load_checker(spec: RuntimeSpec) -> SafetyChecker:
    """Return the checker in the folder of `spec`: config.json, model.safetensors, preprocessor_config.json.

    Nothing but safetensors, JSON and text may lie there (security cases 77 and 79). Raises RuntimeFailure.
    """
    if not spec.path.is_dir():
        raise RuntimeFailure(f"There is no safety checker in {spec.path.name}.")
    list(files_of(spec.path))
    try:
        model = StableDiffusionSafetyChecker.from_pretrained(spec.path, use_safetensors=True, local_files_only=True)
        processor = CLIPImageProcessor.from_pretrained(spec.path, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise RuntimeFailure(f"The safety checker {spec.name} cannot be loaded: {error}") from error
    return SafetyChecker(model.eval(), processor)
