"""What pages show of jobs: the bell's counts and lists, a library's jobs by state, one job with its estimate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Case, Count, IntegerField, OuterRef, QuerySet, Subquery, Value, When

from apps.ingestion import estimates
from apps.ingestion.estimates import Estimate
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Document, Library
from apps.libraries.rights import rights_in
from apps.users.models import Team, User

State = IngestionJob.State
BELL_ROWS = 8
FILTERS = ("all", "running", "queued", "failed", "done", "cancelled")
_RUNNING_FIRST = Case(
    When(state=State.RUNNING, then=Value(0)),
    When(state=State.QUEUED, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


@dataclass(frozen=True, slots=True)
class Bell:
    """How many jobs of a team are under way, and how many failed since somebody took note."""

    running: int = 0
    queued: int = 0
    failed: int = 0

    @property
    def live(self) -> int:
        """Return how many are under way."""
        return self.running + self.queued


@dataclass(frozen=True, slots=True)
class Row:
    """A job as a list shows it."""

    job: IngestionJob
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class BellList:
    """What the bell's popover lists."""

    live: Sequence[Row] = ()
    failed: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents of a library are in each state of their latest job."""

    by_filter: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Return whether anything is under way."""
        return bool(self.by_filter.get("running", 0) + self.by_filter.get("queued", 0))

    @property
    def failed(self) -> int:
        """Return how many failed."""
        return self.by_filter.get("failed", 0)


def bell(user: User, team: Team | None) -> Bell:
    """Return the counts of the bell; one query, and two more where there is anything to count.

    It stands on every page, so it is counted by place, and the person's rights at those places are asked for: to find
    all documents that they may read took 80 ms in a team with 5,000.
    """
    if team is None:
        return Bell()
    held = _belled(team).filter(document__deleted_at=None).order_by()
    rows = list(held.values_list("state", "document__library", "document__place").annotate(n=Count("pk")))
    rights = rights_in(user, {library for _state, library, _place, _n in rows}) if rows else None
    counts: dict[str, int] = {}
    for state, library, place, n in rows:
        if rights is not None and rights.level(library, place):
            counts[state] = counts.get(state, 0) + n
    return Bell(**{name: counts.get(name, 0) for name in (State.RUNNING, State.QUEUED, State.FAILED)})


def bell_list(user: User, team: Team | None) -> BellList:
    """Return the jobs of the bell's popover: the first under way, the last failures."""
    if team is None:
        return BellList()
    jobs = _of_team(user, team).select_related("document__library")
    live = list(jobs.filter(state__in=IngestionJob.LIVE).order_by(_RUNNING_FIRST, "created_at", "pk")[:BELL_ROWS])
    failed = jobs.filter(state=State.FAILED).order_by("-finished_at", "pk")[:BELL_ROWS]
    return BellList(_rows(team.pk, live), [Row(job) for job in failed])


def _of_team(user: User, team: Team) -> QuerySet[IngestionJob]:
    """Return what the bell is about: jobs under way, and failures that nobody took note of."""
    return _belled(team).filter(document__in=Document.objects.readable_by(user).filter(library__team=team))


def _belled(team: Team) -> QuerySet[IngestionJob]:
    return IngestionJob.objects.filter(team=team, state__in=(*IngestionJob.LIVE, State.FAILED), is_cleared=False)


def latest_jobs(user: User, library: Library) -> QuerySet[IngestionJob]:
    """Return the latest job of each document of a library that the person may read."""
    same = IngestionJob.objects.filter(document=OuterRef("document")).order_by("-created_at", "-pk")
    jobs = IngestionJob.objects.filter(document__in=Document.objects.readable_by(user).filter(library=library))
    return jobs.filter(pk=Subquery(same.values("pk")[:1]))


def counts(user: User, library: Library) -> Counts:
    """Return how many documents are in each state, by the latest job of each; one query."""
    found = dict(latest_jobs(user, library).order_by().values_list("state").annotate(n=Count("pk")))
    return Counts({"all": sum(found.values()), **found})


def library_jobs(user: User, library: Library, chosen: str) -> QuerySet[IngestionJob]:
    """Return a library's jobs for its page: under way first, then the latest; `chosen` is one of FILTERS."""
    jobs = latest_jobs(user, library).select_related("document", "document__uploaded_by", "version")
    if chosen != "all":
        jobs = jobs.filter(state=chosen)
    return jobs.order_by(_RUNNING_FIRST, "-finished_at", "created_at", "pk")


def rows(library: Library, jobs: Sequence[IngestionJob]) -> list[Row]:
    """Return jobs of a library with the estimates of those under way."""
    return _rows(library.team_id, jobs)


def _rows(team_id: UUID, jobs: Sequence[IngestionJob]) -> list[Row]:
    known = estimates.of_team(team_id) if any(job.state in IngestionJob.LIVE for job in jobs) else {}
    return [Row(job, known.get(job.pk)) for job in jobs]
