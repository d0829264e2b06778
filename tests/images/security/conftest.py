"""What alice has in the studio, all of it hers alone, and the programs of everybody who must not touch it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from apps.catalog.models import AIModel, ModelAccess
from apps.images import uploads
from apps.images.models import Board, ImageJob, Picture, PictureReport, Scene, Story
from apps.libraries.models import Document
from apps.users.models import KeyScope, Membership, Role, Team, User
from tests import factories
from tests.images.api.conftest import Asker, Key, key
from tests.images.conftest import Made, png
from tests.images.training.conftest import brought

__all__ = ["askers", "key"]
CANARY = "CANARY-T1"


@dataclass(frozen=True, slots=True)
class Mine:
    """Ids of alice's things in t1 by the name of the parameter in an address, and the names of what is t1's alone."""

    ids: Mapping[str, UUID]
    names: Mapping[str, str]

    def __getitem__(self, name: str) -> UUID:
        return self.ids[name]


@pytest.fixture
def mine(made: Made, image_model: AIModel, alice: User, t1: Team, document: Document) -> Mine:
    """Return one of each thing of alice's that nobody else may see."""
    picture = made(alice, t1, prompt=f"{CANARY} prompt")
    trashed = made(alice, t1, prompt=f"{CANARY} trash", deleted_at="2026-01-01T00:00:00Z")
    mask = uploads.store_upload(user=alice, team=t1, upload=png(64, 64), kind="mask")
    job = ImageJob.objects.create(team=t1, owner=alice, model=image_model, order={"prompt": CANARY}, plan=[{"seed": 1}])
    training = ImageJob.objects.create(team=t1, owner=alice, kind="train", state="failed", order={"title": CANARY})
    story = Story.objects.create(team=t1, owner=alice, document=document)
    ids = {
        "picture_id": picture.pk,
        "trashed_id": trashed.pk,
        "mask_id": mask.pk,
        "source_id": brought(alice, t1).pk,
        "job_id": job.pk,
        "training_id": training.pk,
        "board_id": Board.objects.create(team=t1, owner=alice, name=f"{CANARY} board").pk,
        "story_id": story.pk,
        "scene_id": Scene.objects.create(story=story, number=1, text=CANARY, prompt=CANARY).pk,
        "report_id": PictureReport.objects.create(team=t1, picture=picture, reporter=alice, reason=CANARY).pk,
        "document_id": document.pk,
        "adapter_id": adapter_of(t1, "canary-lora", "lora"),
    }
    names = {"lora": "canary-lora"} | {kind: f"canary-{kind}" for kind in ("controlnet", "ip_adapter", "upscaler")}
    for kind in ("controlnet", "ip_adapter", "upscaler"):
        adapter_of(t1, names[kind], kind)
    return Mine(ids, names)


def adapter_of(team: Team, name: str, kind: str) -> UUID:
    """Keep an adapter that one team alone may use; return its id."""
    adapter: AIModel = factories.AIModelFactory(
        name=name, title=name, kind=AIModel.Kind.ADAPTER, adapter=kind, dimensions=None, is_open=False, is_default=False
    )
    ModelAccess.objects.create(model=adapter, team=team)
    return adapter.pk


@pytest.fixture
def askers(key: Key, request: pytest.FixtureRequest, t1: Team, t2: Team) -> dict[str, Asker]:
    """Return programs that have nothing to do with what is alice's in t1.

    A stranger's, a colleague's, alice's own with a key of her other team, and that of an editor who then left.
    """
    bob, ann, ed, alice = (request.getfixturevalue(name) for name in ("bob", "ann", "ed", "alice"))
    factories.MembershipFactory(team=t2, user=alice, role=Role.EDITOR)
    found = {"stranger": key(bob, t2), "colleague": key(ann, t1), "other team": key(alice, t2), "left": key(ed, t1)}
    Membership.objects.filter(user=ed).delete()
    return found


@pytest.fixture
def unscoped(key: Key, alice: User, t1: Team) -> Asker:
    """Return alice's own program with every scope but those of pictures."""
    return key(alice, t1, frozenset(KeyScope) - {KeyScope.IMAGES, KeyScope.IMAGE_RULES})


def nobodys(ids: Mapping[str, UUID]) -> dict[str, UUID]:
    """Return ids of nothing under the same names."""
    return {name: uuid4() for name in ids}


def state() -> list[object]:
    """Return all that a refused request must leave as it is."""
    kinds = (Picture, Board, ImageJob, Story, Scene, PictureReport)
    return [list(kind.objects.order_by("pk").values_list()) for kind in kinds]
