"""Writes the model card of the demonstration model, with the figures that were measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.runtimes.diffusion.demo.measuring import Measured
from apps.runtimes.diffusion.demo.palette import BACKGROUNDS, COLOURS, PLACES, SHAPES, SIZES

_CARD = """\
---
license: apache-2.0
language: [en]
library_name: diffusers
pipeline_tag: text-to-image
---
# Shapes (demonstration)

A very small Stable Diffusion that draws coloured shapes, so that a fresh installation draws at once, offline. It is
**not a general image model**: it shows that the studio works. Add a real model in the console for real pictures.

## What it understands
| | words |
|---|---|
| colours | {colours} |
| shapes | {shapes} |
| backgrounds | {backgrounds}: "on a white background" |
| sizes | {sizes} |
| places | {places} |
| two colours | "a red and blue circle": the first colour at the left |
| two shapes | "a red circle and a blue square": the first at the left |

Prompts are English. A weight on a colour, as in `(red:1.5) and (blue:0.5) circle`, changes its share of the area. A
colour alone is a good negative prompt. Every other word is read letter by letter and means nothing to it.

## How to draw
64 × 64 pixels, {steps} steps of DPM++ 2M, guidance {guidance:g}. Larger pictures work, but it has seen none.

```python
StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
```

## Measured
{seeds} seeds of each colour and shape on each background in turn, {pictures} pictures, judged by a pixel classifier.

| asked | right |
|---|---|
{rows}

`manage.py evaluate_image_model` measures it again.

## How it was made
`make demo-image-model`: {taught:,} pictures drawn by a program and {minutes:.0f} minutes of one CPU core. No picture,
text or weight of anybody else is in it. CLIP text encoder (frozen after it learnt to name the facts of a caption),
autoencoder with 4 whitened latent channels at an eighth of the size, UNet that predicts velocity; half precision
safetensors.

## Limits
- 64 × 64 pixels and these words are all that it knows; numbers, scenes, people and letters are beyond it.
- White on white, black on black were never shown.
- Trained weights differ in their last digits from processor to processor; the bars hold, the bytes do not.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """How the model was made and measured; `pictures` are those it was taught with."""

    seeds: int
    steps: int
    guidance: float
    seconds: float
    pictures: int


def card_text(measured: Measured, facts: Facts) -> str:
    """Return the README of the model's folder."""
    return _CARD.format(
        colours=", ".join(COLOURS),
        shapes=", ".join(SHAPES),
        backgrounds=", ".join(BACKGROUNDS),
        sizes=", ".join(SIZES),
        places=", ".join(PLACES),
        steps=facts.steps,
        guidance=facts.guidance,
        seeds=facts.seeds,
        pictures=measured.pictures,
        taught=facts.pictures,
        minutes=facts.seconds / 60,
        rows="\n".join(_rows(measured)),
    )


def _rows(measured: Measured) -> list[str]:
    totals = {"**colour**": measured.colour, "**background**": measured.background, "**shape**": measured.shape}
    parts: list[Mapping[str, float]] = [totals, measured.colours, measured.backgrounds, measured.shapes]
    rows = [f"| {name} | {share:.1%} |" for part in parts for name, share in part.items()]
    more_red = [
        f"| `{prompt}`: more red than the reverse | {share:.1%} |" for prompt, share in measured.weights.items()
    ]
    return rows + more_red
