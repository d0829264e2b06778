"""What an order names, looked up for a person: the model, adapters, the pictures it draws from. All by the gates."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from apps.catalog.access import usable_models
from apps.catalog.adapters import fits
from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.core.errors import NotFound
from apps.images.access import access_pictures
from apps.images.errors import (
    AdapterMismatch,
    ModelGone,
    RightLost,
    SourceGone,
    UnknownAdapter,
    UnknownImageModel,
)
from apps.images.grammar.grids import listed
from apps.images.models import ImageJob, Picture, Style, WordList
from apps.images.orders import PLAIN_UPSCALERS, Order
from apps.images.planning import Words, with_loras_read
from apps.users.models import Membership, Team, User

Adapter = AIModel.Adapter
LANCZOS = "lanczos"


def model_of(user: User, team: Team, name: str) -> AIModel:
    """Return the image model of this name, or for "" the team's default. Raises UnknownImageModel or NoModel."""
    if "\0" in name:  # PostgreSQL would fail on it
        raise UnknownImageModel(name=name.replace("\0", "")[:80])
    usable = usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=user)
    model = usable.filter(name=name).first() if name else usable.first()
    if model is not None:
        return model
    if name:
        raise UnknownImageModel(name=name[:80])
    raise NoModel(model=AIModel.Kind.IMAGE, reason="")


def adapters_of(user: User, team: Team, order: Order, model: AIModel) -> Mapping[tuple[str, str], AIModel]:
    """Return the adapters that the order names, by kind of adapter and name; one query where it names any.

    Raises UnknownAdapter, also for those that the person may not use, and AdapterMismatch.
    """
    wanted = _adapters_in(with_loras_read(order))
    if not wanted:
        return {}
    usable = usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=user)
    found = {(each.adapter, each.name): each for each in usable.filter(name__in=[name for _kind, name in wanted])}
    for key in wanted:
        if key not in found:
            raise UnknownAdapter(name=key[1][:80])
        if not fits(found[key], model):
            raise AdapterMismatch(name=key[1], model=model.title)
    return {key: found[key] for key in wanted}


def _adapters_in(order: Order) -> set[tuple[str, str]]:
    """Return kind and name of the adapters that an order names; an enlargement draws nothing and has an upscaler."""
    if order.kind == ImageJob.Kind.UPSCALE:
        return set() if order.upscaler == LANCZOS else {(Adapter.UPSCALER.value, order.upscaler)}
    named = {(Adapter.LORA.value, lora.name) for lora in order.loras}
    if order.control is not None:
        named.add((Adapter.CONTROLNET.value, order.control.name))
    if order.image_prompt is not None:
        named.add((Adapter.IP_ADAPTER.value, order.image_prompt.name))
    if order.hires is not None and order.hires.upscaler not in PLAIN_UPSCALERS:
        named.add((Adapter.UPSCALER.value, order.hires.upscaler))
    return named


def learnt_words(user: User, team: Team, model: AIModel) -> list[AIModel]:
    """Return the learnt words that the person may use with a model; one query."""
    usable = usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=user)
    words = usable.filter(adapter=Adapter.TEXTUAL_INVERSION).exclude(token="")
    return [word for word in words if fits(word, model)]


def words_of(team: Team, order: Order) -> Words:
    """Return the team's styles that the order names, and its word lists where a prompt may name one; two queries."""
    names = {
        *order.styles,
        *(name for axis in order.axes if axis.kind == "style" for name in listed(axis.values)),
    }
    styles = {style.name: style for style in Style.objects.filter(team=team, name__in=names)} if names else {}
    texts = [order.prompt, order.negative, *(style.prompt + style.negative for style in styles.values())]
    if not any("__" in text for text in (*texts, *(axis.values for axis in order.axes))):
        return Words(styles)
    lists = WordList.objects.filter(team=team).values_list("name", "words")
    return Words(styles, {name: [line for line in map(str.strip, words.splitlines()) if line] for name, words in lists})


def pictures_of(user: User, team: Team, order: Order) -> dict[UUID, Picture]:
    """Return the pictures that the order draws from, by id: all that it names, or NotFound.

    Those of another team are not found, whoever asks: nothing wanders from team to team (security cases 2 and 3).
    """
    shown = {wish.picture for wish in (order.control, order.image_prompt) if wish is not None}
    ids = [each for each in {order.source, order.mask, *shown} if each is not None]
    found = {picture.pk: picture for picture in access_pictures(user, ids)} if ids else {}
    if any(picture.team_id != team.pk for picture in found.values()):
        raise NotFound
    if any(found[each].kind == Picture.Kind.MASK for each in {order.source, *shown} if each in found):
        raise NotFound
    return found


def pictures_still(user: User, team: Team, order: Order) -> dict[UUID, Picture]:
    """Return the same when it is drawn. Raises SourceGone."""
    try:
        return pictures_of(user, team, order)
    except NotFound as error:
        raise SourceGone from error


def with_source_size(order: Order, pictures: Mapping[UUID, Picture]) -> Order:
    """Return the order of an enlargement with the size of what is enlarged; others as they are."""
    if order.kind != ImageJob.Kind.UPSCALE or order.source is None:
        return order
    source = pictures[order.source]
    return replace(order, width=source.width, height=source.height)


def model_still(job: ImageJob, name: str = "") -> AIModel:
    """Return the job's model, or in a grid of models the one named, if its owner may still use it.

    Raises RightLost where the owner is not in the team any more, and ModelGone.
    """
    if not Membership.objects.live().filter(user=job.owner, team=job.team_id).exists():
        raise RightLost
    usable = usable_models(AIModel.Kind.IMAGE, team_id=job.team_id, user=job.owner)
    if name and not (job.model and job.model.name == name):
        model = usable.filter(name=name).first()
    else:
        model = usable.filter(pk=job.model_id).first() if job.model_id else None
    if model is None:
        raise ModelGone
    return model
