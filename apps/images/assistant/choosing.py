"""Which chat model writes: the team's own one if it knows the language of the theme, else the first that does."""

import re
from collections.abc import Sequence

from apps.catalog.access import usable_models
from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.users.models import Team, User

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_FOREIGN = re.compile(r"[^\W\d_A-Za-zÀ-ÿ]")  # a letter that is not Latin


def models_of(user: User, team: Team) -> list[AIModel]:
    """Return the chat models that the person may use, the team's own one first; one query."""
    return list(usable_models(AIModel.Kind.CHAT, team_id=team.pk, user=user))


def choose(user: User, team: Team, theme: str, name: str = "") -> AIModel:
    """Return the model that writes about a theme: the one of this name where there is one. Raises NoModel."""
    models = models_of(user, team)
    if not models:
        raise NoModel(model=AIModel.Kind.CHAT, reason="")
    named = next((model for model in models if model.name == name), None)
    return named or best_for(theme, models)


def best_for(theme: str, models: Sequence[AIModel]) -> AIModel:
    """Return the first model that knows the script of the theme, the first of all where none says so."""
    return next((model for model in models if _knows(model, theme)), models[0])


def _knows(model: AIModel, theme: str) -> bool:
    languages = model.languages.split()
    if not languages or not _FOREIGN.search(theme):
        return True
    return "zh" in languages if _HAN.search(theme) else len(languages) > 1
