"""The search settings of a library: what people see of them, reading a form, saying what changes, storing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.audit import services as audit
from apps.catalog.models import AIModel
from apps.evaluation.errors import SearchChoiceUnknown, SearchSettingInvalid
from apps.libraries.models import Library
from apps.rag.options import CHOICES, LIMITS, SearchSettings, as_json, stored_settings
from apps.users.models import User

Kind = Literal["choice", "share", "score", "whole", "switch"]
PERCENT = 100
SHOWN_MAX = 7  # digits of a number that is read at all


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as people see it. A share is shown in percent and sent so; a score is sent as a hundredth."""

    name: str
    label: Promise
    hint: Promise
    kind: Kind
    choices: Mapping[str, Promise] | None = None
    begins: Promise | None = None  # the heading of the group that it begins

    @property
    def limits(self) -> tuple[int, int]:
        """Return the least and the most that a form may send."""
        least, most = LIMITS[self.name]
        factor = PERCENT if self.kind in {"share", "score"} else 1
        return int(least * factor), int(most * factor)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "legs",
        _("Search by"),
        _("Meaning finds other wordings and other languages. Words find names, numbers and exact terms."),
        "choice",
        {"both": _("Both"), "dense": _("Meaning"), "lexical": _("Words")},
        _("Finding"),
    ),
    Setting(
        "method",
        _("Join the two by"),
        _("Scores weigh how well each passage fits. Ranks count places alone."),
        "choice",
        {"convex": _("Scores"), "rrf": _("Ranks")},
    ),
    Setting(
        "dense_weight",
        _("Weight of meaning"),
        _("The rest is the weight of the words. A question leans further to the one whose best passage stands out."),
        "share",
    ),
    Setting(
        "links",
        _("Named documents"),
        _("Lifts a document whose name stands in the best passages, for questions that lead from one to another."),
        "share",
    ),
    Setting(
        "depth", _("Candidates"), _("How many passages meaning and words bring each before they are joined."), "whole"
    ),
    Setting(
        "passages",
        _("Passages"),
        _("How many of the best passages an answer may read."),
        "whole",
        begins=_("Choosing"),
    ),
    Setting("threshold", _("Least score"), _("Passages that score less are left out."), "score"),
    Setting(
        "rerank",
        _("Read the best ones again"),
        _("A rerank model reads question and passage together. Slower, and better at the top."),
        "switch",
    ),
    Setting("rerank_depth", _("Passages read again"), _("How many passages the rerank model reads."), "whole"),
    Setting(
        "diversity",
        _("Variety"),
        _("Mixes documents: each further passage of the same document counts less."),
        "share",
    ),
    Setting("freshness", _("Freshness"), _("The share of the score that the age of a document decides."), "share"),
    Setting(
        "strict",
        _("Strict answers"),
        _("Sentences that the passages do not bear out are removed, and a doubtful question is refused."),
        "switch",
        begins=_("Answers"),
    ),
)
NOT_TESTED = frozenset({"strict"})  # it changes answers and not what is found


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting with its value in a form: percent for a share, a hundredth for a score; `words` is it for people."""

    setting: Setting
    field: str
    value: Any
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that becomes another."""

    label: str
    before: str
    after: str


def settings_of(library: Library) -> SearchSettings:
    """Return the settings that the library stores."""
    return stored_settings(library.search)


def fields_of(settings: SearchSettings, *, prefix: str = "", without: frozenset[str] = frozenset()) -> list[Shown]:
    """Return the fields of a form, each named with `prefix`."""
    wanted = [setting for setting in SETTINGS if setting.name not in without]
    return [Shown(each, prefix + each.name, _sent(settings, each), words_of(settings, each)) for each in wanted]


def parse(form: Mapping[str, Any], base: SearchSettings, *, prefix: str = "") -> SearchSettings:
    """Return `base` with what a form says. Raises SearchSettingInvalid or SearchChoiceUnknown."""
    sent = {each.name: (each, str(form[prefix + each.name])) for each in SETTINGS if prefix + each.name in form}
    read = {name: _read(setting, value) for name, (setting, value) in sent.items()}
    strict = read.pop("strict", base.is_strict)
    passages = read.pop("passages", base.passages)
    passages = None if passages == default_passages() else passages
    return SearchSettings(replace(base.options, **read), passages, bool(strict))


def changes(before: SearchSettings, after: SearchSettings) -> list[Change]:
    """Return what differs, in words."""
    return [
        Change(str(each.label), words_of(before, each), words_of(after, each))
        for each in SETTINGS
        if _value(before, each.name) != _value(after, each.name)
    ]


@transaction.atomic
def save_settings(*, user: User, library: Library, settings: SearchSettings) -> list[Change]:
    """Store a library's settings; returns what changed."""
    locked = Library.objects.select_for_update(no_key=True).get(pk=library.pk)
    changed = changes(settings_of(locked), settings)
    if changed or locked.search != as_json(settings):
        library.search = as_json(settings)
        Library.objects.filter(pk=library.pk).update(search=library.search, updated_at=Now())
        detail = {name: str(value) for name, value in library.search.items()}
        audit.record("library.search-changed", actor=user, team=library.team, target=library, detail=detail)
    return changed


def words_of(settings: SearchSettings, setting: Setting) -> str:
    """Return a value as people read it."""
    value = _value(settings, setting.name)
    if setting.choices is not None:
        return str(setting.choices[value])
    if setting.kind == "switch":
        return gettext("On") if value else gettext("Off")
    if setting.kind == "share":
        return f"{round(value * PERCENT)} %"
    return f"{value:.2f}" if setting.kind == "score" else str(value)


def default_passages() -> int:
    """Return how many passages an answer reads where no library says otherwise."""
    return int(django_settings.ENV.answer_passages)


def hidden_of(settings: SearchSettings) -> Iterator[tuple[str, str]]:
    """Yield (name, value) as the form of settings sends them, for a dialog that saves what was tried."""
    for each in SETTINGS:
        value = _sent(settings, each)
        yield each.name, ("on" if value else "off") if each.kind == "switch" else str(value)


def has_reranker() -> bool:
    """Return whether a rerank model is there to be used."""
    kind, state = AIModel.Kind.RERANK, AIModel.State.READY
    return AIModel.objects.filter(kind=kind, is_default=True, state=state).exists()


def _value(settings: SearchSettings, name: str) -> Any:
    if name == "strict":
        return settings.is_strict
    if name == "passages":
        return settings.passages or default_passages()
    return getattr(settings.options, name)


def _sent(settings: SearchSettings, setting: Setting) -> Any:
    value = _value(settings, setting.name)
    return round(value * PERCENT) if setting.kind in {"share", "score"} else value


def _read(setting: Setting, text: str) -> Any:
    if setting.kind == "choice":
        if text not in CHOICES[setting.name]:
            raise SearchChoiceUnknown(name=str(setting.label))
        return text
    if setting.kind == "switch":
        return text == "on"
    least, most = setting.limits
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= SHOWN_MAX and least <= int(text) <= most):
        raise SearchSettingInvalid(name=str(setting.label), least=least, most=most)
    return int(text) / PERCENT if setting.kind in {"share", "score"} else int(text)
