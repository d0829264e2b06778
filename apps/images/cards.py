"""One picture with its settings as a readable card, and as an order that draws it again."""

import io
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from PIL import Image

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.core.errors import AppError
from apps.core.templatetags.shell import filesize
from apps.images import files, gallery, provenance
from apps.images.addresses import address_of
from apps.images.models import Picture
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.runs import SMALL
from apps.images.wording import facts_of
from apps.users.models import Team, User

HASH_CHARS = 10
_NO_BRACKETS = str.maketrans("", "", "[]\\`!")


@dataclass(frozen=True, slots=True)
class PictureCard:
    """What the page of one picture shows; `origin` is the address of its source, "" where that is not seen."""

    picture: Picture
    order: Order | None
    full: str
    thumb: str
    origin: str
    infotext: str
    model: str
    is_mine: bool

    @property
    def order_json(self) -> str:
        """Return the order of this very picture; empty for one that was uploaded."""
        return json.dumps(self.picture.settings) if self.order else ""

    @property
    def prompt(self) -> str:
        """Return what it was drawn by, wildcards and styles filled in."""
        return self.picture.prompt.strip()

    @property
    def negative(self) -> str:
        """Return what it must not show."""
        return self.picture.negative.strip()

    @property
    def name(self) -> str:
        """Return what screen readers call it."""
        return self.prompt[:200] or _("Uploaded picture")

    @property
    def alt(self) -> str:
        """Return its name as Markdown takes it between brackets."""
        return " ".join(self.name.translate(_NO_BRACKETS).split())

    @property
    def owner(self) -> str:
        """Return who made it."""
        return str(self.picture.owner or _("somebody who left"))

    @property
    def is_small(self) -> bool:
        """Return whether it is smaller than what shows it."""
        return max(self.picture.width, self.picture.height) <= SMALL

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Return its settings in the reader's words."""
        picture = self.picture
        size = f"{picture.width} × {picture.height} · {filesize(picture.size_bytes)}"
        rows = [(_("Model"), self.model), (_("Size"), size), *(facts_of(self.order) if self.order else [])]
        rows.append((_("Model's checksum"), picture.model_sha256[:HASH_CHARS]))
        return [(label, text) for label, text in rows if text]


def card_of(user: User, picture: Picture) -> PictureCard:
    """Return the card of a picture that the person may see."""
    origin = gallery.origin_of(user, picture)
    return PictureCard(
        picture=picture,
        order=_order(picture.settings),
        full=address_of(picture, user, "full"),
        thumb=address_of(picture, user, "thumb"),
        origin=address_of(origin, user, "full") if origin else "",
        infotext=_infotext(picture),
        model=_model(picture),
        is_mine=picture.owner_id == user.pk,
    )


def upscalers_of(user: User, team: Team) -> QuerySet[AIModel]:
    """Return the models that enlarge pictures and that the person may use in the team."""
    return usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=user).filter(adapter=AIModel.Adapter.UPSCALER)


def _order(settings: dict[str, Any]) -> Order | None:
    """Return the order of a picture; None for an upload, and for one that another release wrote otherwise."""
    try:
        return order_from_json(settings) if settings else None
    except AppError:
        return None


def _infotext(picture: Picture) -> str:
    """Return the settings as they stand in the file."""
    try:
        with Image.open(io.BytesIO(files.read(picture.file))) as image:
            return str(image.info.get(provenance.PARAMETERS, ""))
    except OSError:
        return ""


def _model(picture: Picture) -> str:
    """Return what the model is called; its name where its row is gone."""
    row = AIModel.objects.filter(name=picture.model_name).only("title").first() if picture.model_name else None
    return row.title if row else picture.model_name
