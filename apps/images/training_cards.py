"""Writes down what an adapter was made of, and enters it in the catalogue."""

import re
from collections.abc import Callable
from pathlib import Path

from apps.catalog import trained
from apps.catalog.models import AIModel
from apps.images.lessons import Lesson
from apps.images.models import ImageJob

_LABELS = {
    "lora": "LoRA",
    "dreambooth_lora": "DreamBooth LoRA",
    "textual_inversion": "Textual inversion (learnt word)",
}
LAST_LOSSES = 5
CAPTIONS_SHOWN = 20


def register(job: ImageJob, lesson: Lesson, base: AIModel, export: Callable[[Path, dict[str, str]], None]) -> AIModel:
    """Enter the adapter of a finished training for its team alone; safe to repeat. Raises ModelBroken."""
    notes = {"modelspec.title": lesson.title, "ss_sd_model_name": base.title, "base_sha256": base.sha256}
    return trained.keep(
        trained.Trained(
            name=lesson.adapter,
            title=lesson.title,
            write=lambda path: export(path, notes),
            card=card_of(job, lesson, base),
            licence=base.licence,
            team=job.team,
            person=job.owner,
            facts={"base": base.name, "base_sha256": base.sha256, "job": str(job.pk), "triggers": triggers_of(lesson)},
        )
    )


def triggers_of(lesson: Lesson) -> list[str]:
    """Return the words that bring out what was learnt, the most frequent description first."""
    if lesson.method == "textual_inversion":
        return [lesson.token]
    captions = [each.caption for each in lesson.pictures]
    return sorted(set(captions), key=lambda caption: (-captions.count(caption), caption))[:5]


def card_of(job: ImageJob, lesson: Lesson, base: AIModel) -> str:
    """Return the card in markdown: data, settings, loss, base, licence, who and when. Foreign words are escaped."""
    rows = [*_about(lesson, base), *_settings(lesson), ("Loss", _loss(job)), ("Made by", str(job.owner_id))]
    rows.append(("Made on", f"{job.created_at:%Y-%m-%d}"))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows if value)
    captions = list(dict.fromkeys(shown.caption for shown in lesson.pictures))[:CAPTIONS_SHOWN]
    told = "\n".join(f"- {_plain(caption)}" for caption in captions)
    return (
        f"Trained here from pictures of a team.\n\n| | |\n|---|---|\n{table}\n\n## What the pictures show\n\n{told}\n"
    )


def _about(lesson: Lesson, base: AIModel) -> list[tuple[str, str]]:
    return [
        ("Method", _LABELS[lesson.method]),
        ("Base model", f"{_plain(base.title)} (`{base.name}`, sha256 `{base.sha256}`)"),
        ("Licence", f"{_plain(base.licence) or 'unknown'}, as the base model"),
        ("Pictures", f"{len(lesson.pictures)}, at {lesson.side} × {lesson.side} pixels"),
    ]


def _settings(lesson: Lesson) -> list[tuple[str, str]]:
    always = [
        ("Steps", f"{lesson.steps}, {lesson.batch} pictures each"),
        ("Learning rate", f"{lesson.learning_rate:g}"),
        ("Seed", str(lesson.seed)),
    ]
    if lesson.method == "textual_inversion":
        vectors = f"`{lesson.token}`, {lesson.vectors} vectors, begun as “{_plain(lesson.initial)}”"
        return [*always, ("New word", vectors)]
    of_class = f"{lesson.class_pictures}: {_plain(lesson.class_prompt)}" if lesson.class_prompt else ""
    text = "trained too" if lesson.trains_text else "as it was"
    return [*always, ("Rank", str(lesson.rank)), ("Text encoder", text), ("Pictures of the class", of_class)]


def _loss(job: ImageJob) -> str:
    """Return the mean loss at the beginning and at the end."""
    losses = [float(point["loss"]) for point in job.plan]
    if not losses:
        return ""
    first, last = losses[:LAST_LOSSES], losses[-LAST_LOSSES:]
    return f"{sum(first) / len(first):.4f} at the beginning, {sum(last) / len(last):.4f} at the end"


def _plain(text: str) -> str:
    """Return words of people so that markdown shows them as they are, on one line."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~])", r"\\\1", " ".join(text.split()))
