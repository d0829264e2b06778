"""A library with a few passages, and a question set about them."""

import pytest

from apps.catalog.models import AIModel
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.set_services import add_question, create_set
from apps.libraries.models import Chunk, Library
from apps.users.models import User
from tests.rag.corpus import fill

TEXTS = (
    "The warranty lasts 24 months for private customers.",
    "The canteen opens at eleven and closes at two.",
    "Travel expenses are handed in within 30 days.",
    "保修期为24个月，自购买之日起计算。",
)


@pytest.fixture
def passages(library: Library, embedding_model: AIModel) -> list[Chunk]:
    """Return the chunks of a document of the library."""
    return fill(library, TEXTS, name="rules.txt", model=embedding_model)


@pytest.fixture
def the_set(library: Library, passages: list[Chunk], ed: User) -> QuestionSet:
    """Return a set with three questions: two that the library answers, one that it does not."""
    made = create_set(user=ed, library=library, name="Everyday")
    add_question(
        user=ed, questions=made, text="How long does the warranty last for private customers?",
        gold=[passages[0]], answers=["24 months"],
    )  # fmt: skip
    add_question(user=ed, questions=made, text="When does the canteen open?", gold=[passages[1]])
    add_question(user=ed, questions=made, text="Who painted the night watch?")
    return made


def first(questions: QuestionSet) -> SetQuestion:
    """Return the first question of a set."""
    return SetQuestion.objects.filter(questions=questions).order_by("created_at")[0]
