"""Jobs of the image studio, the pictures they make, boards, styles, word lists, reports and stories."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import AIModel
from apps.core.models import Job, Record
from apps.libraries.models import Document
from apps.users.access import memberships_of
from apps.users.models import Team, User


class ImagePolicy(Record):
    """What a team may draw; the row without a team is the installation's. A team can only be stricter."""

    team = models.OneToOneField(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="image_policy")
    is_enabled = models.BooleanField(default=True)
    is_watermarked = models.BooleanField(default=False)
    watermark = models.CharField(max_length=60, blank=True)  # the words; empty: the team's name
    blocked_words = models.TextField(blank=True)  # one a line; a prompt that holds one is refused
    is_checked = models.BooleanField(default=False)  # by the safety checker, where one is installed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team"], nulls_distinct=False, name="image_policy_unique")]

    def __str__(self) -> str:
        return f"policy of {self.team_id}"


class BoardQuerySet(models.QuerySet["Board"]):
    """Sets of boards."""

    def visible_to(self, user: User) -> BoardQuerySet:
        """Return the person's own boards and the shared ones, in teams that they are a member of."""
        mine = self.filter(team__in=memberships_of(user).values("team"))
        return mine.filter(models.Q(owner=user) | models.Q(is_shared=True))


class Board(Record):
    """A named collection of pictures; shared with the team, or its owner's own."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="boards")
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=100)
    is_shared = models.BooleanField(default=False)

    objects = BoardQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["team", "name"], name="board_of_team")]

    def __str__(self) -> str:
        return self.name


class Style(Record):
    """Words put around a prompt: `{prompt}` marks its place, else they are appended. Team admins keep them."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    prompt = models.TextField(blank=True)
    negative = models.TextField(blank=True)
    settings = models.JSONField(default=dict, blank=True)  # of an Order; these are locked while the style is chosen

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="style_unique")]

    def __str__(self) -> str:
        return self.name


class WordList(Record):
    """Words that `__name__` in a prompt stands for."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    words = models.TextField()  # one a line

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="word_list_unique")]

    def __str__(self) -> str:
        return self.name


class AssistantWords(Record):
    """What a person never wants in a picture: the prompt assistant puts it first in each negative prompt."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    negative = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "owner"], name="assistant_words_unique")]

    def __str__(self) -> str:
        return self.negative


class JobQuerySet(models.QuerySet["ImageJob"]):
    """Sets of jobs."""

    def owned_by(self, user: User) -> JobQuerySet:
        """Return the person's own jobs in teams they are still a member of."""
        return self.filter(owner=user, team__in=memberships_of(user).values("team"))


class ImageJob(Job):
    """Work of the image queue. The database is the queue; a worker holds a job by a lease."""

    class Kind(models.TextChoices):
        DRAW = "draw", _("Text to image")
        REDRAW = "redraw", _("Image to image")
        INPAINT = "inpaint", _("Inpaint")
        OUTPAINT = "outpaint", _("Outpaint")
        UPSCALE = "upscale", _("Upscale")
        TRAIN = "train", _("Training")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="image_jobs")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="image_jobs")
    kind = models.CharField(max_length=10, choices=Kind)
    order = models.JSONField(default=dict)  # images.orders.Order (TRAIN: images.training.Lesson), as it was wished
    plan = models.JSONField(default=list)  # what each picture differs in: [{"seed": …, "prompt": …}, …]; [] for TRAIN
    model = models.ForeignKey(AIModel, null=True, on_delete=models.SET_NULL, related_name="+")
    board = models.ForeignKey(Board, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    total = models.PositiveIntegerField(default=1)  # pictures; of TRAIN: training steps
    done = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)  # of the picture under way
    steps = models.PositiveIntegerField(default=0)  # of one picture
    pixel_steps = models.PositiveBigIntegerField(
        default=0
    )  # width x height x steps of the whole job, in units of 1,000
    seconds = models.FloatField(default=0.0)  # that a worker was at it, but for loading the model
    reservation = models.UUIDField(null=True)  # metering.Reservation
    api_key = models.UUIDField(null=True)  # that asked for it
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # that a worker died at
    lease_owner = models.CharField(max_length=100, blank=True, db_default="")  # token of the claim; fences off others
    lease_until = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    is_dismissed = models.BooleanField(default=False)  # its owner has seen how it ended

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [
            models.Index(fields=["owner", "team", "-created_at"], name="image_job_of_owner"),
            models.Index(
                fields=["team", "created_at"],
                condition=models.Q(state__in=["queued", "running"]),
                name="image_job_live",
            ),
            models.Index(
                fields=["model", "-finished_at"], condition=models.Q(seconds__gt=0), name="image_job_measured"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class ImageTurn(Record):
    """How far a team, or one person within it, has been served by the image queue; `queueing` says how it counts.

    The row without a person is the team's. Both figures are seconds of virtual time.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    began = models.FloatField(default=0.0)  # when what it got last began
    ended = models.FloatField(default=0.0)  # and ended, or will, as far as is known

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "owner"], nulls_distinct=False, name="image_turn_unique")
        ]

    def __str__(self) -> str:
        return f"turn of {self.owner_id or self.team_id}"


class PictureQuerySet(models.QuerySet["Picture"]):
    """Sets of pictures."""

    def visible_to(self, user: User) -> PictureQuerySet:
        """Return what the person may see: their own pictures and those on shared boards, in their teams.

        Pictures in the trash and those that were taken down are seen by nobody here.
        """
        mine = self.filter(team__in=memberships_of(user).values("team"), deleted_at=None, taken_down_at=None)
        return mine.filter(models.Q(owner=user) | models.Q(board__is_shared=True))

    def owned_by(self, user: User) -> PictureQuerySet:
        """Return the person's own, those in the trash too, but not what was taken down."""
        return self.filter(owner=user, team__in=memberships_of(user).values("team"), taken_down_at=None)


class Picture(Record):
    """A picture that was drawn, or one that a person brought as a source. Its file lies in the media storage."""

    class Kind(models.TextChoices):
        DRAWN = "drawn", _("Drawn")
        SOURCE = "source", _("Uploaded")  # for image to image, training and boards
        MASK = "mask", _("Mask")  # never in the gallery
        GRID = "grid", _("Grid")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="pictures")
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="pictures")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.DRAWN)
    job = models.ForeignKey(ImageJob, null=True, on_delete=models.SET_NULL, related_name="pictures")
    number = models.PositiveIntegerField(default=0)  # within its job, from 0
    origin = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")  # what it was made from
    board = models.ForeignKey(Board, null=True, blank=True, on_delete=models.SET_NULL, related_name="pictures")
    file = models.CharField(max_length=200)  # name in the media storage: images/<team>/<id>.png
    thumbnail = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64)  # of the file
    size_bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seed = models.PositiveBigIntegerField(null=True)
    prompt = models.TextField(blank=True)  # as it was drawn: wildcards and styles filled in
    negative = models.TextField(blank=True)
    settings = models.JSONField(default=dict, blank=True)  # an Order that draws this very picture again
    model_name = models.CharField(max_length=80, blank=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    is_starred = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    taken_down_at = models.DateTimeField(null=True, blank=True)

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-number"]
        indexes = [
            models.Index(fields=["team", "owner", "-created_at"], name="picture_of_owner"),
            models.Index(fields=["board", "-created_at"], name="picture_of_board"),
            models.Index(fields=["deleted_at"], condition=models.Q(deleted_at__isnull=False), name="picture_in_trash"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "number"], condition=models.Q(kind="drawn"), name="picture_of_job_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.prompt[:80] or str(self.pk)


class PictureReport(Record):
    """Somebody says that a picture should not be here; a team admin decides."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        KEPT = "kept", _("Kept")
        TAKEN_DOWN = "taken_down", _("Taken down")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.TextField(max_length=1_000)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.TextField(max_length=1_000, blank=True, db_default="")  # what the admin gave as the reason
    told_at = models.DateTimeField(null=True)  # when the picture's owner saw that it was taken down

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"report {self.state}"


class StoryQuerySet(models.QuerySet["Story"]):
    """Sets of stories."""

    def owned_by(self, user: User) -> StoryQuerySet:
        """Return the person's own stories, also deleted ones, in teams they are still a member of."""
        return self.filter(owner=user, team__in=memberships_of(user).values("team"))


class Story(Record):
    """A document told in pictures: chapters, scenes, a picture for each."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    order = models.JSONField(default=dict)  # settings for every scene; its prompts are put around each scene's own
    state = models.CharField(max_length=10, choices=ImageJob.State, default=ImageJob.State.QUEUED)  # of finding scenes
    error_code = models.CharField(max_length=60, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # also the token of its worker: a later one fences it off
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = StoryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"story of {self.document_id}"


class Scene(Record):
    """A passage of a story with the prompt of its picture."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="scenes")
    number = models.PositiveIntegerField()
    chapter = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    page = models.PositiveIntegerField(null=True)
    prompt = models.TextField(blank=True)
    negative = models.TextField(blank=True)
    is_plain = models.BooleanField(
        default=False, db_default=False
    )  # the prompt is words of the passage: no model wrote it
    job = models.ForeignKey(ImageJob, null=True, on_delete=models.SET_NULL, related_name="+")
    picture = models.ForeignKey(Picture, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)  # it keeps its number, so that it comes back in its place

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["story", "number"],
                name="scene_unique",
                deferrable=models.Deferrable.DEFERRED,  # two scenes change places in one statement
            )
        ]

    def __str__(self) -> str:
        return f"scene {self.number}"


def picture_file(team_id: UUID, picture_id: UUID, suffix: str) -> str:
    """Return the name in the storage of a picture's file; `suffix` such as "png" or "thumb.webp"."""
    return f"images/{team_id}/{picture_id}.{suffix}"
