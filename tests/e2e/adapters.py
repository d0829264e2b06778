"""Small adapters of the demonstration model for every part of the studio's form, added as an administrator adds them.

`fill` runs in `manage.py shell` of the installation, `clear` takes away what it put among the models.
"""

import shutil
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.catalog import importing, tasks
from apps.catalog.models import AIModel
from apps.images.models import Style
from apps.users.models import Team, User

TAKEN_S = 90.0
LORA, WORD, CONTROL, IMAGE_PROMPT, UPSCALER = "e2e-look", "e2e-word", "e2e-edges", "e2e-eyes", "e2e-larger"
LOCKED_STYLE = "Fixed ink"
ENTRIES = {
    "lora": f"{LORA}.safetensors",
    "word": f"{WORD}.safetensors",
    "control": CONTROL,
    "image_prompt": IMAGE_PROMPT,
    "upscaler": f"{UPSCALER}.safetensors",
}


def fill() -> None:
    """Add one adapter of each kind and a style that fixes steps and size."""
    from tests.runtimes.diffusion.demo_adapters import save_all  # noqa: PLC0415 -- brings torch

    clear()
    folder: Path = settings.MODELS_DIR
    save_all(folder / "shapes-demo", {kind: folder / entry for kind, entry in ENTRIES.items()})
    admin = User.objects.get(email="admin@localhost")
    for entry in ENTRIES.values():
        with transaction.atomic():
            tasks.ring_for(importing.take(user=admin, entry=entry))
    _wait()
    Style.objects.get_or_create(
        team=Team.objects.of(admin)[0],
        name=LOCKED_STYLE,
        defaults={"prompt": "{prompt} on white background", "settings": {"steps": 6, "width": 96, "height": 64}},
    )
    sys.stdout.write("filled\n")


def _wait() -> None:
    deadline = time.monotonic() + TAKEN_S
    states: dict[str, str] = {}
    while time.monotonic() < deadline:
        states = dict(AIModel.objects.filter(name__startswith="e2e-").values_list("name", "state"))
        if len(states) == len(ENTRIES) and set(states.values()) == {AIModel.State.READY}:
            return
        time.sleep(0.5)
    raise TimeoutError(str(states))


def clear() -> None:
    """Take the adapters away: the models folder may be another installation's too."""
    AIModel.objects.filter(name__startswith="e2e-").delete()
    Style.objects.filter(name=LOCKED_STYLE).delete()
    for left in Path(settings.MODELS_DIR).glob("e2e-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
