"""How large, long and many: what one order may ask for, from the settings of the installation."""

from dataclasses import dataclass

from django.conf import settings

from apps.images.grammar.errors import PROMPT_CHARS

GRID = 8  # sides of latents: width and height are multiples
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one order may ask for. Pages show these, `ordering.validated` holds orders to them."""

    max_side: int
    max_pixels: int  # of a picture that is drawn, second passes included
    max_result_pixels: int  # of an enlargement, which no model draws
    max_steps: int
    max_count: int  # with the same settings
    max_pictures: int  # of one order, grids and variants included
    queue_of_person: int
    queue_of_team: int
    source_bytes: int
    source_pixels: int
    prompt_chars: int = PROMPT_CHARS
    max_loras: int = 8
    max_styles: int = 8
    min_side: int = 64


def limits() -> Limits:
    """Return the limits of this installation."""
    env = settings.ENV
    return Limits(
        max_side=env.image_max_side,
        max_pixels=env.image_max_kilopixels * 1_000,
        max_result_pixels=env.image_max_kilopixels * 16_000,
        max_steps=env.image_max_steps,
        max_count=env.image_max_count,
        max_pictures=env.image_max_pictures,
        queue_of_person=env.image_queue_person,
        queue_of_team=env.image_queue_team,
        source_bytes=env.image_source_mib * MIB,
        source_pixels=env.image_max_kilopixels * 40_000,
    )
