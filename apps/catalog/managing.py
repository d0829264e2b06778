"""What an administrator does with models; the views check that it is one."""

import shutil
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from apps.catalog import hub, jobs
from apps.catalog.errors import JobRunning, ModelInUse, NameTaken
from apps.catalog.fetching import forget
from apps.catalog.found import short_name
from apps.catalog.importing import enter
from apps.catalog.models import AIModel, ModelAccess, ModelJob, TeamDefault
from apps.catalog.offers import can_be_default, offered
from apps.catalog.specs import entry_of
from apps.catalog.tasks import ring_for
from apps.core.errors import Invalid, NotFound
from apps.users.models import Group, Team, User
from apps.users.signals import tell

_RUNTIMES = {"chat": "llama_cpp", "embedding": "sentence_transformers", "rerank": "sentence_transformers"}


@transaction.atomic
def work(*, user: User, model: AIModel, action: str) -> ModelJob:
    """Queue a test, a benchmark, a load or an unload. Raises Invalid for what its kind does not offer."""
    if action not in offered(model):
        raise Invalid
    job = jobs.start(model, action, user=user)
    ring_for(job)
    return job


@transaction.atomic
def fetch(*, user: User, hub_id: str, kind: str, file: str = "", title: str = "") -> ModelJob:
    """Enter a model of a hub in the catalogue and queue its download. Raises HubUnset, NameTaken."""
    hub.policy()
    name = short_name(hub_id.partition("@")[0].partition("/")[2])
    model = AIModel(
        name=name,
        title=(title or hub_id.partition("/")[2])[:120],
        kind=kind,
        runtime=_RUNTIMES[kind],
        path=name,
        source=AIModel.Source.HUB,
        hub_id=hub_id,
    )
    if (settings.MODELS_DIR / name).exists():
        raise NameTaken(name=name)
    enter(model)
    tell("model.added", actor=user, target=model, detail={"from": "hub", "id": hub_id})
    job = jobs.start(model, ModelJob.Kind.FETCH, user=user, options={"file": file, "has_title": bool(title)})
    ring_for(job)
    return job


@transaction.atomic
def import_again(*, user: User, model: AIModel) -> ModelJob:
    """Look once more at the files of a model that was refused."""
    kind = ModelJob.Kind.FETCH if model.source == AIModel.Source.HUB and not model.sha256 else ModelJob.Kind.IMPORT
    last = ModelJob.objects.filter(model=model, kind=kind).first()
    AIModel.objects.filter(pk=model.pk).update(state=AIModel.State.MISSING, error="")
    job = jobs.start(model, kind, user=user, options=last.options if last else {})
    ring_for(job)
    return job


@transaction.atomic
def describe(*, user: User, model: AIModel, **fields: Any) -> None:
    """Change what people see of a model and how long it stays loaded."""
    if fields.get("is_enabled") is False and model.is_default:
        raise ModelInUse(reason=_("It is the default of its kind: make another one the default first."))
    AIModel.objects.filter(pk=model.pk).update(**fields)
    tell("model.changed", actor=user, target=model, detail={"fields": " ".join(sorted(fields))})


@transaction.atomic
def share(*, user: User, model: AIModel, is_open: bool, teams: Collection[UUID], groups: Collection[UUID]) -> None:
    """Say who may use a model: every team, or some teams and groups. It counts from the next question on."""
    AIModel.objects.select_for_update().get(pk=model.pk)
    if not is_open and model.is_default:
        raise ModelInUse(reason=_("It is the default of its kind, which everybody may use."))
    ModelAccess.objects.filter(model=model).delete()
    wanted = [ModelAccess(model=model, team=team) for team in Team.objects.filter(pk__in=teams)]
    of_groups = Group.objects.filter(pk__in=groups).exclude(team__in=teams).select_related("team")
    wanted += [ModelAccess(model=model, team=group.team, group=group) for group in of_groups]
    ModelAccess.objects.bulk_create([] if is_open else wanted)
    AIModel.objects.filter(pk=model.pk).update(is_open=is_open)
    detail = {"open": str(is_open), "teams": str(len(teams)), "groups": str(len(groups))}
    tell("model.access-changed", actor=user, target=model, detail=detail)


@transaction.atomic
def make_default(*, user: User, model: AIModel) -> None:
    """Make a model the installation's default of its kind; an embedding model takes the way of a switch instead."""
    rows = list(AIModel.objects.select_for_update().filter(kind=model.kind).order_by("pk"))
    fresh = next((each for each in rows if each.pk == model.pk), None)
    if fresh is None:
        raise NotFound
    if not can_be_default(fresh):
        raise Invalid
    if fresh.kind == AIModel.Kind.EMBEDDING:
        raise ModelInUse(reason=_("An embedding model is changed on its own page: every passage gets a new vector."))
    if fresh.state != AIModel.State.READY or not fresh.is_enabled:
        raise ModelInUse(reason=_("It is not ready."))
    if not fresh.is_open:
        raise ModelInUse(reason=_("Only some teams may use it: open it to every team first."))
    old = next((each for each in rows if each.is_default), None)
    AIModel.objects.filter(kind=model.kind, is_default=True).update(is_default=False)
    AIModel.objects.filter(pk=model.pk).update(is_default=True)
    detail = {"kind": str(model.kind), "before": old.name if old else ""}
    tell("model.default-changed", actor=user, target=model, detail=detail)


@transaction.atomic
def set_team_default(*, user: User, team: Team, kind: str, model: AIModel | None) -> None:
    """Choose what a team uses unless somebody chooses otherwise; None: the installation's default."""
    if kind not in (AIModel.Kind.CHAT, AIModel.Kind.RERANK):
        raise Invalid
    TeamDefault.objects.filter(team=team, kind=kind).delete()
    if model is not None:
        TeamDefault.objects.create(team=team, kind=kind, model=model)
    name = model.name if model else ""
    tell("model.team-default-changed", actor=user, team=team, target=model, detail={"kind": kind, "model": name})


def remove(*, user: User | None, model: AIModel, with_files: bool) -> None:
    """Take a model out of the catalogue, with its files where asked; `user` None: of itself. Raises ModelInUse."""
    if model.source == AIModel.Source.PACKAGE:
        raise ModelInUse(reason=_("It comes with the product. Switch it off instead."))
    with transaction.atomic():
        row = AIModel.objects.select_for_update().get(pk=model.pk)
        if row.is_default:
            raise ModelInUse(reason=_("It is the default of its kind: make another one the default first."))
        if ModelJob.objects.filter(model=row, state=ModelJob.State.RUNNING).exists():
            raise JobRunning
        tell("model.removed", actor=user, target=row, detail={"name": row.name, "files": str(with_files)})
        try:
            row.delete()
        except ProtectedError as error:
            raise ModelInUse(reason=_("Passages have vectors of it: change the embedding model first.")) from error
    if with_files and model.source != AIModel.Source.ENDPOINT and model.path:
        forget(model)
        folder = entry_of(model)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.unlink(missing_ok=True)
