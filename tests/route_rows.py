"""What a row of the table in `routes.py` is made of: the objects that addresses name, and who gets which answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.chat.models import Conversation
from apps.evaluation.models import Gap, Run, SetQuestion
from apps.images.models import Board, Picture, Scene
from apps.ingestion.models import IngestionJob, WebSource
from apps.libraries.models import Chunk, CuratedAnswer, Document, Figure, Library
from apps.users.models import Group, Invitation, Membership, Team, TeamDomain

LOGIN = "login"  # a redirect to the sign-in page
NF = "not found"  # 404, byte for byte the answer to a random id
Expected = int | str
# What addresses name besides the objects of t1: ids that nobody has, and words.
NOBODYS = (
    *("opening_id", "model_id", "preview_id", "test_id", "mapping_id", "quota_id", "price_id", "wish_id"),
    "theme_id",
    *("style_id", "list_id", "report_id"),
)
WORDS: dict[str, object] = {
    "app_label": "users",
    "content_type_id": 1,
    "number": 1,
    "uidb36": "1",
    "key": "wrong-key",
    "pk": 1,
    "provider_id": "sso",
    "area": "ask",
    "form": "png",
    "variant": "full",
    "rest": "chat/completions",
    "verdict": "take-down",
    "act": "draw",
}


@dataclass(frozen=True)
class Things:
    """The objects of t1 that addresses and forms name."""

    team: Team
    membership: Membership
    invitation: Invitation
    group: Group
    domain: TeamDomain
    token: str
    library: Library
    document: Document
    curated: CuratedAnswer
    chunk: Chunk
    conversation: Conversation
    message_id: object
    view_id: object
    job: IngestionJob
    web_source: WebSource
    gap: Gap
    question: SetQuestion
    run: Run
    figure: Figure
    key_id: object
    picture: Picture
    training_id: object
    adapter_id: object
    board: Board
    scene: Scene


Form = Callable[[Things], dict[str, str]]


@dataclass(frozen=True)
class Access:
    """What one method of a route answers to each persona; `form` is posted, `query` is put behind the address."""

    method: str
    anonymous: Expected
    bob: Expected
    ann: Expected
    xen: Expected
    form: Form = field(default=lambda _: {})
    query: Form = field(default=lambda _: {})


def public(method: str = "GET", status: int = 200, form: Form = lambda _: {}) -> Access:
    """Return a row for what everybody may see."""
    return Access(method, status, status, status, status, form)


def personal(method: str, status: int, form: Form = lambda _: {}) -> Access:
    """Return a row for a page about the signed-in person themselves."""
    return Access(method, LOGIN, status, status, status, form)


def protected(method: str, ann: Expected, form: Form = lambda _: {}, query: Form = lambda _: {}) -> Access:
    """Return a row for an object of t1: strangers and ex-members see what is not there."""
    return Access(method, LOGIN, NF, ann, NF, form, query)


def api(method: str, others: Expected, ann: Expected) -> Access:
    """Return a row of the REST API: 401 for whoever brings neither a session nor a key."""
    return Access(method, 401, others, ann, others)
