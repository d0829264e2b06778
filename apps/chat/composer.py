"""What the composer offers: libraries, models, modes, and what is chosen of them."""

from dataclasses import dataclass
from uuid import UUID

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.chat.models import Conversation
from apps.chat.services import QUESTION_MAX_CHARS
from apps.libraries.models import Library
from apps.users.models import Team, User


@dataclass(frozen=True, slots=True)
class Composer:
    """The choices of a conversation. `chosen` are library ids; none: all of them."""

    libraries: list[Library]
    models: list[AIModel]
    chosen: frozenset[UUID]
    model: AIModel | None
    mode: str
    is_strict: bool = False
    max_chars: int = QUESTION_MAX_CHARS

    @property
    def chosen_libraries(self) -> list[Library]:
        """Return the libraries that are searched."""
        return [each for each in self.libraries if each.pk in self.chosen]

    @property
    def modes(self) -> list[tuple[str, str]]:
        """Return value and label of each mode."""
        return [(value, str(label)) for value, label in Conversation.Mode.choices]

    @property
    def mode_label(self) -> str:
        """Return the label of the chosen mode."""
        return str(Conversation.Mode(self.mode).label)


def composer_for(user: User, team: Team, conversation: Conversation | None = None) -> Composer:
    """Return the choices that the person has in the team, with those of the conversation marked."""
    libraries = list(Library.objects.readable_by(user).filter(team=team))
    chosen = set(conversation.libraries.values_list("pk", flat=True)) if conversation else set()
    return Composer(
        libraries=libraries,
        models=list(usable_models(AIModel.Kind.CHAT, team_id=team.pk, user=user)),
        chosen=frozenset(chosen & {each.pk for each in libraries}),
        model=conversation.model if conversation else None,
        mode=conversation.mode if conversation else Conversation.Mode.AUTO,
        is_strict=conversation.is_strict if conversation else False,
    )
