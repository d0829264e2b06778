"""A library about ferries in which questions, comparisons, gaps and measurements have something to find.

`fill` runs in `manage.py shell` of an installation.
"""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from django.core.files.base import ContentFile
from django.urls import reverse

from apps.evaluation import set_services
from apps.ingestion.services import receive_upload
from apps.libraries import services
from apps.libraries.models import Chunk, Document
from apps.users.models import Team, User
from tests.e2e import shelf

LIBRARY = "港湾"
TEXTS = {
    "Aurora.md": "# Aurora\n\nThe ferry Aurora was built in 1931 by Oda Marsh in Lindeth. The Aurora carries 40 people "
    "and six bicycles across the bay. A crossing takes 25 minutes. Tickets for the Aurora cost 4 euros.\n",
    "Meridian.md": "# Meridian\n\nThe ferry Meridian was built in 1978 at the Orla yard. The Meridian carries 220 "
    "people and 30 cars. A crossing takes 15 minutes. Tickets for the Meridian cost 7 euros.\n",
    "Purchasing.md": "# Purchasing\n\nA laptop is approved by the head of the quay office. Orders above 800 euros also "
    "need the signature of the treasurer.\n",
    "Winter.md": "# Winter\n\nFrom November on no ferry sails after six in the evening. In a storm the harbour master "
    "closes the quay and rings the bell three times.\n",
}
QUESTIONS = [
    ("Who built the ferry Aurora?", "Oda Marsh", "Aurora.md", "built in 1931 by Oda Marsh"),
    ("How many cars does the Meridian carry?", "30", "Meridian.md", "30 cars"),
    ("What does the harbour master do in a storm?", "closes the quay", "Winter.md", "closes the quay"),
    ("Who signs orders above 800 euros?", "the treasurer", "Purchasing.md", ""),
    ("What is the capital of Mongolia?", "", "", ""),
]


@dataclass(frozen=True)
class Harbour:
    """The addresses of the library and of its question set."""

    library: str
    questions: str


def read(printed: str) -> Harbour:
    """Read what `fill` prints."""
    return Harbour(**json.loads(printed.strip().splitlines()[-1]))


def fill() -> None:
    """Make the library with a set of one question, and print their addresses."""
    admin = User.objects.get(email="admin@localhost")
    library = services.create_library(user=admin, team=Team.objects.of(admin)[0], name=LIBRARY)
    for name, text in TEXTS.items():
        folder = "Ferries" if name in {"Aurora.md", "Meridian.md"} else "Office"
        receive_upload(user=admin, library=library, file=ContentFile(text.encode()), name=name, folder=folder)
    shelf.wait(library)
    Document.objects.filter(library=library, name="Meridian.md").update(tags=["cars"])
    questions = set_services.create_set(user=admin, library=library, name="Office matters")
    laptop = Chunk.objects.get(document__library=library, document__name="Purchasing.md")
    set_services.add_question(user=admin, questions=questions, text="Who approves a laptop?", gold=[laptop])
    shown = {
        "library": reverse("libraries:library", args=[library.pk]),
        "questions": reverse("evaluation:set", args=[library.pk, questions.pk]),
    }
    sys.stdout.write(json.dumps(shown) + "\n")


def questions_csv(folder: Path) -> Path:
    """Return a file of questions, one of whose lines names a document that is not there."""
    path = folder / "questions.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "answers", "document", "quote"])
        writer.writerows([*QUESTIONS, ("Who winds the clock?", "", "Clocks.md", "")])
    return path
