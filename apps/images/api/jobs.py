"""Jobs: placed, estimated, watched, cancelled, tried again."""

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Invalid, NotFound
from apps.images import live, services
from apps.images.access import access_job
from apps.images.api.asked import fields, number, query
from apps.images.api.base import ImagesView
from apps.images.api.placing import ORDER_FIELDS, asked_order, placed, wait_for
from apps.images.api.shown import jobs_json
from apps.images.models import ImageJob
from apps.users.api_auth import asked_team, person_of

SIZE, MOST = 20, 100
WAIT_S = 20
FIELDS = ORDER_FIELDS | {"order", "board"}


def one(request: Request, job: ImageJob) -> dict[str, object]:
    """Return a job as programs see it."""
    return jobs_json(person_of(request), [job])[0]


def accepted(request: Request, job: ImageJob) -> Response:
    """Return 202 and where the job is."""
    place = reverse("api:image-job", args=[job.pk])
    return Response(one(request, job), status=202, headers={"Location": place, "Retry-After": "1"})


class JobsView(ImagesView):
    """The person's jobs in the key's team."""

    def get(self, request: Request) -> Response:
        """Return the newest; `state` is one state, or `live` for those that wait or run."""
        given = query(request, {"state", "size"})
        rows = ImageJob.objects.owned_by(person_of(request)).filter(team=asked_team(request))
        state = given.get("state", "")
        if state and state != "live" and state not in ImageJob.State.values:
            raise Invalid(field="state")
        if state:
            rows = rows.filter(state__in=ImageJob.LIVE if state == "live" else [state])
        rows = rows.exclude(kind=ImageJob.Kind.TRAIN).select_related("model").order_by("-created_at")
        return Response({"results": jobs_json(person_of(request), rows[: number(given, "size", SIZE, MOST)])})

    def post(self, request: Request) -> Response:
        """Place an order: its fields, or the whole of it as `order`; `board` is where the pictures go."""
        data = fields(request, FIELDS)
        return accepted(request, placed(request, asked_order(request, data), board=data.get("board")))

    def delete(self, request: Request) -> Response:
        """Cancel all that wait or are drawn, trainings apart; return how many."""
        return Response({"cancelled": services.cancel_all(user=person_of(request), team=asked_team(request))})


class DismissedView(ImagesView):
    """What the person has seen the end of."""

    def post(self, request: Request) -> Response:
        """Take all orders that ended off the studio's page; return which."""
        fields(request, ())
        gone = services.dismiss_all(user=person_of(request), team=asked_team(request))
        return Response({"jobs": [str(each) for each in gone]})


class EstimateView(ImagesView):
    """What an order would draw."""

    def post(self, request: Request) -> Response:
        """Return its cost and its prompts; nothing is placed."""
        order = asked_order(request, fields(request, FIELDS))
        found = services.estimate(user=person_of(request), team=asked_team(request), order=order)
        return Response(
            {
                "pictures": found.pictures,
                "kilopixel_steps": found.pixel_steps,
                "seconds": found.seconds,
                "prompts": list(found.prompts),
            }
        )


class JobView(ImagesView):
    """One job."""

    def get(self, request: Request, job_id: UUID) -> Response:
        """Return it; with `wait` as soon as it has ended, at the latest after so many seconds."""
        wait = number(query(request, {"wait"}), "wait", 0, WAIT_S, least=0)
        wait_for(access_job(person_of(request), job_id), wait)
        return Response(one(request, access_job(person_of(request), job_id)))  # by the rights of now

    def delete(self, request: Request, job_id: UUID) -> Response:
        """Cancel it; the pictures that are done stay."""
        services.cancel(user=person_of(request), job=access_job(person_of(request), job_id))
        return Response(one(request, access_job(person_of(request), job_id)))


class PreviewView(ImagesView):
    """The picture under way."""

    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        """Return what is seen of it so far, a WebP of at most 20 kB; 404 where nothing is yet."""
        query(request, ())
        job = access_job(person_of(request), job_id)
        shown = live.progress_of([job.pk]).get(job.pk)
        if shown is None or shown.preview is None:
            raise NotFound
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(shown.preview, content_type="image/webp", headers=headers)


class RetryView(ImagesView):
    """A job that failed or was cancelled."""

    def post(self, request: Request, job_id: UUID) -> Response:
        """Draw what is missing, with the same seeds, as a new job."""
        fields(request, ())
        return accepted(request, services.retry(user=person_of(request), job=access_job(person_of(request), job_id)))
